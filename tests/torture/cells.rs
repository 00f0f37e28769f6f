//! A notebook in a real JupyterLab: each cell counts on from the one before, in the kernel that was started at the beginning.

use anyhow::Result;
use portcullis_testing::steps::{Broke, Step};
use portcullis_testing::{Client, kernel, websocket::Socket};

/// Cells of one kernel.
pub(crate) struct Cells {
    client: Client,
    session: String,
    kernel: String,
    socket: Option<Socket>,
    /// What the kernel has counted to, as far as it said so.
    number: u64,
    /// Cells since then whose answer was cut off: they may have run all the same, others may not.
    unsure: u64,
}

impl Cells {
    /// Starts a kernel.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn new(client: &Client, session: &str) -> Result<Self> {
        let kernel = kernel::start(client, session)?;
        let mut socket = kernel::connect(client, session, &kernel, true)?;
        kernel::run(&mut socket, true, "counted = 0")?;
        Ok(Self {
            client: client.clone(),
            session: session.to_owned(),
            kernel,
            socket: Some(socket),
            number: 0,
            unsure: 0,
        })
    }
}

impl Step for Cells {
    fn step(&mut self) -> Result<u64, Broke> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => kernel::connect(&self.client, &self.session, &self.kernel, true)?,
        };
        self.unsure += 1;
        let said = kernel::run(&mut socket, true, "counted += 1; counted")?;
        let Ok(number) = said.text.trim().parse::<u64>() else {
            return Err(Broke::Wrong(format!("the kernel said `{}` after {}", said.text, self.number)));
        };
        if !(self.number + 1..=self.number + self.unsure).contains(&number) {
            return Err(Broke::Wrong(format!("the kernel counted to {number} after {}", self.number)));
        }
        (self.number, self.unsure, self.socket) = (number, 0, Some(socket));
        Ok(1)
    }

    fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    fn close(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            let _ = socket.close(None).and_then(|()| socket.flush()); // whether it says goodbye is no part of this
        }
    }
}

//! Collects what all processes of a world write to standard error, and judges it at the end.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

/// The shared log of a world's processes.
#[derive(Debug)]
pub struct Log {
    lines: Arc<(Mutex<Vec<String>>, Condvar)>,
    input: OwnedFd,
    expected: Mutex<Vec<String>>,
}

impl Log {
    /// A pipe and a thread that reads it.
    ///
    /// # Errors
    /// When there is no pipe to be had.
    pub fn new() -> Result<Self> {
        let (output, input) = pipe2(OFlag::O_CLOEXEC).context("cannot make a pipe for the log")?;
        let lines = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let shared = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(File::from(output)).split(b'\n') {
                let Ok(line) = line else { break };
                shared
                    .0
                    .lock()
                    .expect("nobody panics holding it")
                    .push(String::from_utf8_lossy(&line).into_owned());
                shared.1.notify_all();
            }
        });
        Ok(Self { lines, input, expected: Mutex::default() })
    }

    /// A descriptor to hand to a process as its standard error.
    ///
    /// # Errors
    /// When it can't be duplicated.
    pub fn input(&self) -> Result<OwnedFd> {
        Ok(self.input.try_clone()?)
    }

    /// Declares that warnings or errors containing this text belong to the test.
    pub fn expect(&self, part: &str) {
        self.expected.lock().expect("nobody panics holding it").push(part.to_owned());
    }

    /// Waits until everything written so far was read: a mark of our own comes out behind it.
    pub fn settle(&self) {
        let mark = format!("INFO settled {}", crate::place::next_number());
        if nix::unistd::write(&self.input, format!("{mark}\n").as_bytes()).is_ok() {
            // When the mark doesn't come, the lines are judged as they are.
            let _ = self.await_line(&mark, 5);
        }
    }

    /// Everything so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.0.lock().expect("nobody panics holding it").clone()
    }

    /// Waits for a line that contains `part`, at least as long as [`crate::until::some`] does.
    ///
    /// # Errors
    /// When none comes within the time.
    pub fn await_line(&self, part: &str, seconds: u64) -> Result<String> {
        let seconds = seconds.max(crate::until::LEAST);
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut lines = self.lines.0.lock().expect("nobody panics holding it");
        loop {
            if let Some(line) = lines.iter().find(|line| line.contains(part)) {
                return Ok(line.clone());
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                bail!("no line with `{part}` within {seconds} s");
            };
            lines = self.lines.1.wait_timeout(lines, left).expect("nobody panics holding it").0;
        }
    }

    /// Lines that an administrator would have to look at and that the test did not declare, and lines of no known form.
    pub fn unexpected(&self) -> Vec<String> {
        let expected = self.expected.lock().expect("nobody panics holding it").clone();
        let fine = |line: &String| {
            line.is_empty()
                || line.starts_with("INFO ")
                || line.starts_with("DEBUG ")
                || expected.iter().any(|part| line.contains(part))
        };
        self.lines().into_iter().filter(|line| !fine(line)).collect()
    }
}

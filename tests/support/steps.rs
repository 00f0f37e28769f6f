//! What people do, a piece at a time: a message of a WebSocket, a request, some bytes of a download or an upload. Each piece is
//! looked at; whoever takes the steps decides when, and what it means that one broke off.
//!
//! They speak to the double of an IDE: it echoes, tells what it was asked, and knows which bytes it sends and gets.

mod transfers;

use std::sync::Arc;

use anyhow::Error;

use crate::client::{Client, Wire};
use crate::http2::Kept;
use crate::websocket::{self, Socket};
use crate::{http1, tls};

pub use transfers::{Download, PIECE, Upload, first_wrong};

/// Why a step was none.
#[derive(Debug)]
pub enum Broke {
    /// A connection could not be had, or ended in the middle.
    Off(Error),
    /// Another status than the one that says it worked.
    Answer(u16, String),
    /// What came is not what should have come.
    Wrong(String),
}

impl std::fmt::Display for Broke {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off(error) => write!(f, "broke off: {error:#}"),
            Self::Answer(status, text) => write!(f, "answered {status}: {text}"),
            Self::Wrong(what) => write!(f, "wrong: {what}"),
        }
    }
}

impl std::error::Error for Broke {}

impl From<Error> for Broke {
    fn from(error: Error) -> Self {
        match error.downcast::<websocket::Refused>() {
            Ok(refused) => answered(&refused.0),
            Err(error) => Self::Off(error),
        }
    }
}

impl From<std::io::Error> for Broke {
    fn from(error: std::io::Error) -> Self {
        Self::Off(error.into())
    }
}

fn answered(answer: &http1::Response) -> Broke {
    Broke::Answer(answer.status, answer.text().chars().take(200).collect())
}

fn expect(answer: http1::Response, status: u16) -> Result<http1::Response, Broke> {
    if answer.status == status { Ok(answer) } else { Err(answered(&answer)) }
}

/// Something that goes on in steps. After one that broke off, the next begins anew.
pub trait Step: Send {
    /// The next message, request or piece; tells how much it got on: 1, or the bytes of a piece.
    ///
    /// # Errors
    /// Why there is none.
    fn step(&mut self) -> Result<u64, Broke>;

    /// Whether it holds a connection on which it goes on.
    fn is_open(&self) -> bool;

    /// Gives up its connection in order, as a browser does whose page is closed.
    fn close(&mut self);
}

fn pairs(client: &Client, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let cookies = client.cookie_header();
    [("Host", client.host()), ("Cookie", &cookies)]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A WebSocket that sends a number and waits for it to come back.
pub struct Echoes {
    client: Client,
    two: Option<Arc<tls::Config>>,
    path: String,
    socket: Option<Socket>,
    number: u64,
}

impl std::fmt::Debug for Echoes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Echoes").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Echoes {
    /// Over HTTP/1, or with such a configuration over HTTP/2.
    pub fn new(client: &Client, two: Option<&Arc<tls::Config>>, path: &str) -> Self {
        Self { client: client.clone(), two: two.cloned(), path: path.to_owned(), socket: None, number: 0 }
    }

    /// Opens it, if it isn't open.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(&mut self) -> Result<&mut Socket, Broke> {
        let socket = match (self.socket.take(), &self.two) {
            (Some(socket), _) => socket,
            (None, None) => websocket::open(&self.client, &self.path, &[])?,
            (None, Some(two)) => crate::http2::socket(&self.client, two, &self.path, &[])?,
        };
        Ok(self.socket.insert(socket))
    }
}

impl Step for Echoes {
    fn step(&mut self) -> Result<u64, Broke> {
        self.number += 1;
        let said = self.number.to_string();
        let back = websocket::echo(self.open()?, &said);
        match back {
            Ok(back) if back == said => Ok(1),
            Ok(back) => {
                self.socket = None;
                Err(Broke::Wrong(format!("sent {said}, and {back} came back")))
            }
            Err(error) => {
                self.socket = None;
                Err(error.into())
            }
        }
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

/// `GET` after `GET` on one connection, until its answer says that it is the last one; then on the next.
pub struct Requests {
    client: Client,
    path: String,
    kept: Option<Box<dyn Wire>>,
    count: Count,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Numbers requests that the double answers with what it was asked: each answer belongs to its own request.
#[derive(Debug, Default)]
struct Count {
    number: Option<u64>,
}

impl Count {
    /// Only the double answers so; our own pages have no number.
    fn of(path: &str) -> Self {
        Self { number: path.starts_with("/s/").then_some(0) }
    }

    fn next(&mut self, path: &str) -> String {
        let Some(number) = &mut self.number else { return path.to_owned() };
        *number += 1;
        format!("{path}?n={number}.")
    }

    fn check(&self, answer: &http1::Response) -> Result<(), Broke> {
        match self.number {
            Some(number) if !answer.text().contains(&format!("?n={number}.")) => {
                Err(Broke::Wrong(format!("request {number} got `{}`", answer.text())))
            }
            _ => Ok(()),
        }
    }
}

impl Requests {
    /// To this path, with the client's cookies of each moment.
    pub fn new(client: &Client, path: &str) -> Self {
        Self { client: client.clone(), path: path.to_owned(), kept: None, count: Count::of(path) }
    }
}

impl Step for Requests {
    fn step(&mut self) -> Result<u64, Broke> {
        let mut wire = match self.kept.take() {
            Some(wire) => wire,
            None => self.client.connect()?,
        };
        let headers = pairs(&self.client, &[("Connection", "keep-alive")]);
        let path = self.count.next(&self.path);
        http1::send(&mut wire, "GET", &path, &headers, None)?;
        let answer = expect(http1::read(&mut wire, "GET")?, 200)?;
        self.count.check(&answer)?;
        if answer.header("connection").is_none_or(|value| !value.contains("close")) {
            self.kept = Some(wire);
        }
        Ok(1)
    }

    fn is_open(&self) -> bool {
        self.kept.is_some()
    }

    fn close(&mut self) {
        self.kept = None;
    }
}

/// The same on one connection of HTTP/2, until the server says that it is the last one.
#[derive(Debug)]
pub struct RequestsTwo {
    client: Client,
    config: Arc<tls::Config>,
    path: String,
    kept: Option<Kept>,
    count: Count,
}

impl RequestsTwo {
    /// To this path, with the client's cookies of each moment.
    pub fn new(client: &Client, config: &Arc<tls::Config>, path: &str) -> Self {
        let count = Count::of(path);
        Self { client: client.clone(), config: Arc::clone(config), path: path.to_owned(), kept: None, count }
    }
}

impl Step for RequestsTwo {
    fn step(&mut self) -> Result<u64, Broke> {
        let path = self.count.next(&self.path);
        loop {
            let mut connection = match self.kept.take() {
                Some(connection) if connection.is_open() => connection,
                _ => Kept::open(&self.client, &self.config)?,
            };
            // None: not sent, because the server had said goodbye. A browser takes the next connection.
            if let Some(answer) = connection.get(&path, &self.client.cookie_header())? {
                self.count.check(&expect(answer, 200)?)?;
                self.kept = Some(connection);
                return Ok(1);
            }
        }
    }

    fn is_open(&self) -> bool {
        self.kept.is_some()
    }

    fn close(&mut self) {
        self.kept = None;
    }
}

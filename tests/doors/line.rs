//! Connections that are kept: thousands of requests, one connection for each protocol.

use std::io::{BufReader, Read, Write};
use std::sync::Arc;

use anyhow::{Context, Result};
use portcullis_testing::client::Wire;
use portcullis_testing::http2::{Kept, Kind};
use portcullis_testing::{Client, Response, http1};

/// A person's two connections.
pub(crate) struct Lines {
    client: Client,
    one: Option<BufReader<Box<dyn Wire>>>,
    two: Option<Kept>,
    tls: Arc<portcullis_testing::tls::Config>,
}

/// What is asked over a line.
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    /// As it is written into the request line; for HTTP/2, path and query.
    pub(crate) target: &'a str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<&'a str>,
    /// How long the body is, its head doesn't tell.
    pub(crate) untold: bool,
}

impl Lines {
    pub(crate) fn new(client: Client, tls: Arc<portcullis_testing::tls::Config>) -> Self {
        Self { client, one: None, two: None, tls }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// How HTTP/2 is agreed on.
    pub(crate) fn tls(&self) -> &Arc<portcullis_testing::tls::Config> {
        &self.tls
    }

    /// What a browser adds by itself.
    fn usual(&self, question: &Question<'_>) -> Vec<(String, String)> {
        let mut headers = vec![("cookie".to_owned(), self.client.cookie_header())];
        let said = |name: &str| question.headers.iter().any(|(known, _)| *known == name);
        if !matches!(question.method, "GET" | "HEAD" | "OPTIONS") && !said("origin") {
            headers.push(("origin".to_owned(), self.client.origin()));
            headers.push(("sec-fetch-site".to_owned(), "same-origin".to_owned()));
        }
        headers.extend(question.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        headers
    }

    /// Asks by HTTP/1.1; a connection that was closed meanwhile is made anew.
    pub(crate) fn one(&mut self, question: &Question<'_>) -> Result<Response> {
        if let Some(reader) = self.one.take() {
            if let Ok(answer) = self.over(reader, question) {
                return Ok(answer);
            }
        }
        let reader = BufReader::new(self.client.connect()?);
        let what = || format!("{} {}", question.method, question.target);
        self.over(reader, question).with_context(what)
    }

    fn over(&mut self, mut reader: BufReader<Box<dyn Wire>>, question: &Question<'_>) -> Result<Response> {
        let mut headers = vec![("Host".to_owned(), self.client.host().to_owned())];
        let upgrades = question.headers.iter().any(|(name, _)| *name == "upgrade");
        let kept = if upgrades { "Upgrade" } else { "keep-alive" };
        headers.push(("Connection".to_owned(), kept.to_owned()));
        headers.extend(self.usual(question));
        let mut body = question.body.map(|body| body.as_bytes().to_vec());
        if question.untold {
            headers.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
            body = body.map(|body| chunked(&body));
        }
        http1::send(reader.get_mut(), question.method, question.target, &headers, body.as_deref())?;
        let mut answer = http1::read_head(&mut reader)?;
        let empty = question.method == "HEAD" || matches!(answer.status, 101 | 204 | 304);
        let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
        if let (false, Some(length)) = (empty, length) {
            answer.body = vec![0; length];
            reader.read_exact(&mut answer.body)?;
        }
        let closes = answer.header("connection").is_some_and(|said| said.eq_ignore_ascii_case("close"));
        if !closes && answer.status != 101 && (empty || length.is_some()) {
            reader.get_mut().flush()?;
            self.one = Some(reader);
        }
        Ok(answer)
    }

    /// Asks by HTTP/2.
    pub(crate) fn two(&mut self, question: &Question<'_>, websocket: bool) -> Result<Response> {
        let headers = self.usual(question);
        let body = question.body.unwrap_or_default();
        let kind = match (websocket, question.untold) {
            (true, _) => Kind::WebSocket,
            (false, true) => Kind::Untold,
            (false, false) => Kind::Plain,
        };
        for fresh in [false, true] {
            if fresh || self.two.is_none() {
                self.two = Some(Kept::open(&self.client, &self.tls)?);
            }
            let kept = self.two.as_mut().context("it was just made")?;
            match kept.request(question.method, question.target, &headers, body.as_bytes(), kind) {
                Err(error) if fresh => return Err(error).context(question.target.to_owned()),
                Err(_) => self.two = None,
                answer => return answer,
            }
        }
        anyhow::bail!("no connection")
    }
}

/// A body in chunks of a piece of a stream, as browsers send what they don't know the length of.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut chunks = Vec::with_capacity(body.len() + body.len() / 100 + 16);
    for piece in body.chunks(16 * 1024) {
        chunks.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunks.extend_from_slice(piece);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    chunks
}

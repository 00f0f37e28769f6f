//! The smallest HTTP/1.1 client that still tells everything: what was sent is exactly what the test wrote.

use std::io::{BufRead, BufReader, Read, Write};

use anyhow::{Context, Result, bail};

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body, transfer coding removed.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// All headers of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it isn't.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    /// Itself, if the status is this one.
    ///
    /// # Errors
    /// Tells the answer otherwise.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        let text: String = self.text().chars().take(600).collect();
        bail!("expected status {status}, got {}: {:?}: {text}", self.status, self.headers)
    }
}

/// Writes a request head with `Connection: close` unless the caller says otherwise, and the body with its length.
///
/// # Errors
/// When the other end takes no more.
pub fn send(
    stream: &mut impl Write,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) -> Result<()> {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let says = |name: &str| headers.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
    if !says("connection") {
        head.push_str("Connection: close\r\n");
    }
    if let Some(body) = body {
        if !says("content-length") && !says("transfer-encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
    }
    head.push_str("\r\n");
    let mut message = head.into_bytes();
    message.extend_from_slice(body.unwrap_or_default());
    // A server that refuses early may close before everything is written; its answer is what counts.
    match stream.write_all(&message).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
        other => other.context("cannot send the request"),
    }
}

/// Reads the head of an answer and leaves the body in the reader.
///
/// # Errors
/// When it is no answer.
pub fn read_head(reader: &mut impl BufRead) -> Result<Response> {
    loop {
        let line = read_line(reader)?;
        let mut parts = line.splitn(3, ' ');
        let (Some("HTTP/1.1" | "HTTP/1.0"), Some(status)) = (parts.next(), parts.next()) else {
            bail!("not an HTTP answer: `{line}`");
        };
        let status = status.parse().with_context(|| format!("no status in `{line}`"))?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').with_context(|| format!("not a header: `{line}`"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        // 100 Continue and its like come before the answer.
        if status >= 200 || status == 101 {
            return Ok(Response { status, headers, body: Vec::new() });
        }
    }
}

/// Reads a whole answer to a request of this method.
///
/// # Errors
/// When it is no answer, or ends too early.
pub fn read(stream: impl Read, method: &str) -> Result<Response> {
    let mut reader = BufReader::new(stream);
    let mut response = read_head(&mut reader)?;
    if method == "HEAD" || matches!(response.status, 101 | 204 | 304) {
        return Ok(response);
    }
    if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let line = read_line(&mut reader)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).with_context(|| format!("no chunk size: `{line}`"))?;
            let start = response.body.len();
            response.body.resize(start + size, 0);
            reader.read_exact(&mut response.body[start..]).context("a chunk ends too early")?;
            read_line(&mut reader)?;
            if size == 0 {
                return Ok(response);
            }
        }
    }
    if let Some(length) = response.header("content-length") {
        response.body = vec![0; length.parse().context("no length")?];
        reader.read_exact(&mut response.body).context("the body ends too early")?;
    } else {
        // TLS peers that close without a goodbye are told apart by the tests that care.
        let _ = reader.read_to_end(&mut response.body);
    }
    Ok(response)
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).context("cannot read an answer")?;
    if line.is_empty() {
        bail!("the connection was closed without an answer");
    }
    while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

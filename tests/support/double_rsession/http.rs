//! One request of a connection, one answer, and its end: as the real session speaks HTTP.

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::state::Session;
use crate::{calls, files};

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) uri: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn cookie(&self, name: &str) -> &str {
        let pairs = self.header("cookie").split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.into_iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn path(&self) -> &str {
        self.uri.split('?').next().unwrap_or_default()
    }

    /// A field of the query: decoded once, the first of two.
    pub(crate) fn query(&self, name: &str) -> String {
        let query = self.uri.split_once('?').map_or("", |(_, query)| query);
        let fields = query.split('&').map(|field| field.split_once('=').unwrap_or((field, "")));
        fields
            .into_iter()
            .find(|(known, _)| *known == name)
            .map_or_else(String::new, |(_, value)| decoded(value))
    }
}

/// Percent-decoded, `+` a blank.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        let hex = more.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Sent in chunks, without a length.
    pub(crate) chunked: bool,
}

impl Answer {
    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self { status, kind: "text/html", headers: Vec::new(), body: text.into(), chunked: false }
    }

    /// Errors too have status 200.
    pub(crate) fn json(value: &Value) -> Self {
        let headers = vec![("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate".to_owned())];
        Self {
            status: 200,
            kind: "application/json",
            headers,
            body: value.to_string().into(),
            chunked: false,
        }
    }

    pub(crate) fn error(code: u32, message: &str) -> Self {
        Self::json(&json!({"error": {"code": code, "message": message, "error": null}}))
    }
}

pub(crate) fn serve(session: &Session, stream: UnixStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let Some(request) = read(&mut reader)? else { return Ok(()) };
    session.seen(&format!("{} {}", request.method, request.uri));
    let answer = answer(session, &request);
    write(stream, &request, &answer)?;
    calls::after(session, &request);
    Ok(())
}

fn read(reader: &mut BufReader<UnixStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, uri) =
        (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Request { method, uri, headers, body: Vec::new() };
    if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let start = request.body.len();
            request.body.resize(start + length, 0);
            reader.read_exact(&mut request.body[start..])?;
            line.clear();
            reader.read_line(&mut line)?;
            if length == 0 {
                break;
            }
        }
    } else if let Ok(length) = request.header("content-length").parse() {
        request.body.resize(length, 0);
        // A body that breaks off is no request.
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn write(mut stream: UnixStream, request: &Request, answer: &Answer) -> io::Result<()> {
    let mut head =
        format!("HTTP/1.1 {} X\r\nX-Double: 1\r\nContent-Type: {}\r\n", answer.status, answer.kind);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.chunked {
        stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
        if request.method != "HEAD" {
            for piece in answer.body.chunks(64 * 1024) {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
                stream.write_all(piece)?;
                stream.write_all(b"\r\n")?;
            }
            stream.write_all(b"0\r\n\r\n")?;
        }
        return Ok(());
    }
    stream.write_all(
        format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n", answer.body.len()).as_bytes(),
    )?;
    if request.method != "HEAD" {
        stream.write_all(&answer.body)?;
    }
    Ok(())
}

/// Handlers are found by the start of an address, calls by `/rpc/`, polls by its end.
fn answer(session: &Session, request: &Request) -> Answer {
    let at = |prefix: &str| request.uri.starts_with(prefix);
    if request.uri.ends_with("events/get_events") {
        return calls::poll(session, request);
    }
    if let Some(answer) = calls::at_once(session, request) {
        return answer;
    }
    if at("/upload") {
        return files::upload(session, request);
    }
    if at("/export") {
        return files::export(session, request);
    }
    if at("/files/") {
        return files::below_home(session, request);
    }
    if at("/file_show") {
        return files::show(session, &request.query("path"));
    }
    if at("/graphics/") {
        return Answer { kind: "image/png", ..Answer::text(200, "PNG") };
    }
    if at("/html_preview/") || at("/help/") || at("/session/") || at("/rmd_output/") {
        return Answer::text(200, &format!("<p>{}</p>", request.path()));
    }
    if at("/rpc/") {
        return calls::call(session, request);
    }
    Answer::text(404, &format!("{} not found", request.path()))
}

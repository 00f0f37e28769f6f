//! Requests that somebody lists: one `METHOD PATH` a line, `WS PATH` for a WebSocket.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::{Place, Request, Told};

/// Largest list: thousands of routes.
const LIST_MAX: u64 = 4 * 1024 * 1024;

/// Reads a file, or with `-` the standard input.
pub(super) fn read(path: &Path) -> anyhow::Result<Told> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(LIST_MAX).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(LIST_MAX).read_to_string(&mut text)?;
    }
    Ok(Told { requests: parse(&text)?, blind: Vec::new() })
}

/// Reads the lines; empty ones and those that begin with `#` are left out.
pub(super) fn parse(text: &str) -> anyhow::Result<Vec<Request>> {
    let lines = text.lines().zip(1_u32..).map(|(line, number)| (line.trim(), number));
    lines
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, number)| request(line).with_context(|| format!("line {number}")))
        .collect()
}

fn request(line: &str) -> anyhow::Result<Request> {
    let mut words = line.split_whitespace();
    let (Some(method), Some(target), None) = (words.next(), words.next(), words.next()) else {
        bail!("`{line}` is no METHOD PATH");
    };
    // The query says nothing about the route.
    let path = target.split('?').next().unwrap_or_default();
    if !path.starts_with('/') || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        bail!("`{line}` is no METHOD PATH: methods are upper-case, paths begin with `/`");
    }
    let socket = method == "WS";
    let method = if socket { "GET" } else { method }.to_owned();
    let about = String::new();
    Ok(Request { method, path: path.to_owned(), shape: None, socket, place: Place::List, count: 0, about })
}

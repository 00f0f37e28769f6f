//! Terminals: a WebSocket on a port of every interface, whose only secret is the handle in its path.

use std::io;
use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::Message;

use crate::state::Session;

/// The handle of every terminal here.
const HANDLE: &str = "0123ABCD";

/// Starts the listener, if there is none, and tells where it is in RStudio's own way.
pub(crate) fn start(session: &Session, wish: &Value, token: &str) -> io::Result<Value> {
    let mut state = session.lock();
    let port = match state.terminal {
        Some(port) => port,
        None => {
            // As the real one: somewhere between 3000 and 7999, on every interface.
            let start = 3000 + std::process::id() % 4000;
            let listener = (0..900)
                .find_map(|step| {
                    TcpListener::bind(("0.0.0.0", u16::try_from(start + step).unwrap_or(3000))).ok()
                })
                .ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))?;
            let port = listener.local_addr()?.port();
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    std::thread::spawn(move || talk(stream));
                }
            });
            state.terminal = Some(port);
            port
        }
    };
    let mut terminal = wish.clone();
    terminal["handle"] = json!(HANDLE);
    terminal["channel_mode"] = json!(1);
    terminal["channel_id"] = json!(named(token, port));
    terminal["port_for_tests"] = json!(port);
    Ok(terminal)
}

/// A port as the page names it.
fn named(token: &str, port: u16) -> String {
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
    format!("{:08x}", (u64::from(port) * 8854 % 65535 * hex(&token[..4])) ^ hex(&token[4..]))
}

/// Each line that is typed is run by a shell.
fn talk(stream: std::net::TcpStream) {
    let known = |request: &Request, response: Response| {
        if request.uri().path() == format!("/terminal/{HANDLE}/") {
            return Ok(response);
        }
        let mut refused = tungstenite::handshake::server::ErrorResponse::new(None);
        *refused.status_mut() = tungstenite::http::StatusCode::NOT_FOUND;
        Err(refused)
    };
    let Ok(mut socket) = tungstenite::accept_hdr(stream, known) else { return };
    while let Ok(message) = socket.read() {
        let answer = match message.to_text().unwrap_or_default().split_at_checked(1) {
            Some(("a", line)) => {
                let output = Command::new("sh").args(["-c", line]).output();
                format!(
                    "a{}",
                    output.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default()
                )
            }
            Some(("b", _)) => "b".to_owned(),
            _ => continue,
        };
        if socket.send(Message::text(answer)).is_err() {
            return;
        }
    }
}

//! Requests as a browser, or an attacker, writes them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::whole::launcher::PATIENCE;

/// Sends its cookies and its own origin.
pub(crate) struct Browser {
    address: SocketAddr,
    pub(crate) cookies: Vec<String>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named =
            |line: &&str| line.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(name));
        let value = |line: &'_ str| line.find(':').map(|at| at + 1);
        self.head.lines().filter(named).filter_map(|line| value(line).map(|at| line[at..].trim())).collect()
    }

    /// A header that is there once.
    pub(crate) fn header(&self, name: &str) -> &str {
        match self.all(name).as_slice() {
            [value] => value,
            other => panic!("{name} is there {} times in {}", other.len(), self.head),
        }
    }
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, cookies: Vec::new() }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    fn cookie_line(&self) -> String {
        if self.cookies.is_empty() {
            String::new()
        } else {
            format!("Cookie: {}\r\n", self.cookies.join("; "))
        }
    }

    /// A page a person opens.
    pub(crate) fn open(&self, path: &str) -> Answer {
        self.ask("GET", path, "Accept: text/html\r\n", "")
    }

    /// A request of a script.
    pub(crate) fn fetch(&self, path: &str) -> Answer {
        self.ask("GET", path, "Accept: application/json\r\n", "")
    }

    /// A form on a page of ours.
    pub(crate) fn submit(&self, path: &str, form: &str) -> Answer {
        let headers = format!(
            "Origin: {}\r\nAccept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            self.origin()
        );
        self.ask("POST", path, &headers, form)
    }

    /// Anything; `headers` are whole lines.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let cookies = self.cookie_line();
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{cookies}{headers}{length}\r\n{body}",
            self.address
        ))
    }

    /// Bytes as they are.
    pub(crate) fn raw(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("sent");
        let mut bytes = Vec::new();
        // A refusal may reset the connection after its answer; what came is looked at.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.unwrap_or(0), head: head.to_owned(), body: body.to_owned() }
    }

    /// A WebSocket of this browser.
    pub(crate) fn socket(
        &self,
        path: &str,
        origin: &str,
    ) -> Result<tungstenite::WebSocket<TcpStream>, Box<tungstenite::Error>> {
        use tungstenite::client::IntoClientRequest as _;
        let mut request = format!("ws://{}{path}", self.address).into_client_request().expect("a request");
        let headers = request.headers_mut();
        headers.insert("origin", origin.parse().expect("a value"));
        headers.insert("cookie", self.cookies.join("; ").parse().expect("a value"));
        match tungstenite::client(request, self.connect()) {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::HandshakeError::Failure(error)) => Err(Box::new(error)),
            Err(tungstenite::HandshakeError::Interrupted(_)) => panic!("the socket blocks"),
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }
}

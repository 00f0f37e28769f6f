//! A person's browser without a screen: cookies, the forms of our pages, the headers a browser sends.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use rustls::ClientConfig;

use crate::http1::{self, Response};
use crate::{tls, until};

/// Longer than any answer takes on a loaded machine; a hang becomes a failure, not a stuck run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Something to read from and write to.
pub trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// Cookies and the way to the server.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    /// Where it is, when that matters.
    from: Option<Ipv4Addr>,
    host: String,
    tls: Option<Arc<ClientConfig>>,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Client {
    /// A browser that was never here before.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, from: None, host: address.to_string(), tls: None, cookies: Arc::default() }
    }

    /// The same over TLS.
    pub fn new_tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        let host = format!("localhost:{}", address.port());
        Self { address, from: None, host, tls: Some(config), cookies: Arc::default() }
    }

    /// The same browser elsewhere: on another of the loopback's addresses.
    #[must_use]
    pub const fn at(mut self, from: Ipv4Addr) -> Self {
        self.from = Some(from);
        self
    }

    /// `http://host:port`, as a browser writes it in `Origin`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.tls.is_some() { "https" } else { "http" }, self.host)
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where the server listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn connect(&self) -> Result<Box<dyn Wire>> {
        let stream = self.connect_tcp()?;
        Ok(match &self.tls {
            Some(config) => Box::new(tls::over(config, stream)?),
            None => Box::new(stream),
        })
    }

    /// A connection below TLS.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn connect_tcp(&self) -> Result<TcpStream> {
        let stream = match self.from {
            None => TcpStream::connect(self.address).context("cannot connect to the server")?,
            Some(from) => connect_from(from, self.address)
                .with_context(|| format!("cannot connect to the server from {from}"))?,
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Begins a request.
    pub fn request<'a>(&'a self, method: &'a str, path: &str) -> Request<'a> {
        Request { client: self, method, path: path.to_owned(), headers: Vec::new(), body: None, bare: false }
    }

    /// `GET`.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get(&self, path: &str) -> Result<Response> {
        self.request("GET", path).send()
    }

    /// Submits a form of our pages, as a browser does.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        self.request("POST", path).form(fields).send()
    }

    /// The lines of a head that a request in raw bytes can't do without: host, cookies, origin.
    pub fn head_lines(&self) -> String {
        format!("Host: {}\r\nCookie: {}\r\nOrigin: {}\r\n", self.host, self.cookie_header(), self.origin())
    }

    /// Sends bytes as they are and reads until the server closes.
    ///
    /// # Errors
    /// When there is no connection. A server that keeps the connection open past the patience is an error too.
    pub fn raw(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut stream = self.connect()?;
        // A refusal may come, and the connection go, before all is written.
        let _ = stream.write_all(bytes).and_then(|()| stream.flush());
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => Ok(answer),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(answer),
            Err(error) => Err(error).with_context(|| {
                format!("the connection stayed open after: {}", String::from_utf8_lossy(&answer))
            }),
        }
    }

    /// Sends bytes as they are and returns what comes back until the server closes or the time is over.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn raw_briefly(&self, bytes: &[u8], wait: Duration) -> Result<String> {
        let mut stream = self.connect_tcp()?;
        stream.set_read_timeout(Some(wait))?;
        // A refusal may come, and the connection go, before all is written.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..length]);
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().expect("nobody panics holding it").get(name).cloned()
    }

    /// Sets or replaces a cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().expect("nobody panics holding it").insert(name.to_owned(), value.to_owned());
    }

    /// The `Cookie` header's value.
    pub fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().expect("nobody panics holding it");
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Types name and password into the sign-in page.
    ///
    /// # Errors
    /// When there is no answer; a refusal is an answer.
    pub fn try_sign_in(&self, user: &str, password: &str) -> Result<Response> {
        self.post("/auth-do-sign-in", &[("username", user), ("password", password), ("appUri", "/")])
    }

    /// Signs in, and fails when that fails.
    ///
    /// # Errors
    /// The answer, when it is not the way in.
    pub fn sign_in(&self, user: &str, password: &str) -> Result<()> {
        let answer = self.try_sign_in(user, password)?.expect(303)?;
        match answer.header("location") {
            Some("/") => Ok(()),
            other => bail!("signed in, but sent to {other:?}"),
        }
    }

    /// Whether the home page shows itself.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn is_signed_in(&self) -> Result<bool> {
        Ok(self.request("GET", "/").header("Accept", "text/html").send()?.status == 200)
    }

    /// Presses the button that starts a session; returns its id at once.
    ///
    /// # Errors
    /// When nothing was started.
    pub fn open_session(&self) -> Result<String> {
        self.open_session_of("jupyter")
    }

    /// The same of another IDE.
    ///
    /// # Errors
    /// When nothing was started.
    pub fn open_session_of(&self, ide: &str) -> Result<String> {
        let answer = self.post("/sessions", &[("ide", ide)])?.expect(303)?;
        let location = answer.header("location").context("no way to the new session")?;
        let id = location.rsplit('/').next().unwrap_or_default().to_owned();
        if id.len() != 16 {
            bail!("no session id in `{location}`");
        }
        Ok(id)
    }

    /// Opens a session and waits until it answers.
    ///
    /// # Errors
    /// When it ends instead, with what its page says.
    pub fn start_session(&self, seconds: u64) -> Result<String> {
        let id = self.open_session()?;
        self.await_running(&id, seconds)?;
        Ok(id)
    }

    /// Waits until a session's IDE answers through the proxy.
    ///
    /// # Errors
    /// When it ends instead.
    pub fn await_running(&self, id: &str, seconds: u64) -> Result<()> {
        until::some("the session runs", seconds, || {
            let page =
                self.request("GET", &format!("/sessions/{id}")).header("Accept", "text/html").send()?;
            // The status page of a running session sends the browser on to it.
            if page.status == 303
                && page.header("location").is_some_and(|to| to.starts_with(&format!("/s/{id}/")))
            {
                return Ok(Some(()));
            }
            let text = page.text();
            if page.status != 200 || text.contains("id=\"ended\"") || text.contains("did not start") {
                bail!("the session did not start: {} {}", page.status, text);
            }
            Ok(None)
        })
    }
}

fn connect_from(from: Ipv4Addr, to: SocketAddr) -> Result<TcpStream> {
    let SocketAddr::V4(to) = to else { bail!("{to} is not reached from {from}") };
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(from, 0)))?;
    connect(fd.as_raw_fd(), &SockaddrIn::from(to))?;
    Ok(fd.into())
}

/// A request being written.
#[derive(Debug)]
pub struct Request<'a> {
    client: &'a Client,
    method: &'a str,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    bare: bool,
}

impl Request<'_> {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the body to a form's fields.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.header("Content-Type", "application/x-www-form-urlencoded").body(body.join("&"))
    }

    /// Sets the body to JSON.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.header("Content-Type", "application/json").body(value.to_string())
    }

    /// Leaves out what a browser adds by itself: `Origin` on a change.
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Sends it and reads the answer; keeps the cookies it sets.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(self) -> Result<Response> {
        let mut stream = self.client.connect()?;
        let mut headers = vec![];
        let says = |name: &str| self.headers.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
        if !says("host") {
            headers.push(("Host".to_owned(), self.client.host.clone()));
        }
        let cookies = self.client.cookie_header();
        if !cookies.is_empty() && !says("cookie") {
            headers.push(("Cookie".to_owned(), cookies));
        }
        let changes = !matches!(self.method, "GET" | "HEAD" | "OPTIONS");
        if changes && !self.bare && !says("origin") {
            headers.push(("Origin".to_owned(), self.client.origin()));
            headers.push(("Sec-Fetch-Site".to_owned(), "same-origin".to_owned()));
        }
        headers.extend(self.headers);
        http1::send(&mut stream, self.method, &self.path, &headers, self.body.as_deref())?;
        let answer = http1::read(stream, self.method)
            .with_context(|| format!("{} {} got no whole answer", self.method, self.path))?;
        let mut cookies = self.client.cookies.lock().expect("nobody panics holding it");
        for cookie in answer.all("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').context("a cookie without a value")?;
            if attributes.contains("Max-Age=0") || value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

//! The proxies Portcullis is compared with, each set up as its own manual advises for keep-alive upstreams, on one worker per core.
//!
//! nginx only forwards. haproxy also checks an HMAC-SHA256 cookie on each request. configurable-http-proxy is what JupyterHub
//! puts in front of its notebooks.

use std::ffi::OsStr;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::target::Target;
use crate::usage;

/// A cookie as long as ours, `v1.<key id>.<payload>.<mac>`; only haproxy looks at it.
const COOKIE_BODY: &str = "v1.00000000.AAECAwQFBgcICQoLDA0ODwAAAABmAAAAAAAAAGcAAAA";
/// Key of the haproxy comparison, base64; nothing else uses it.
const HAPROXY_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
/// A peer that does not listen by then is broken.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running peer; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    /// What to load.
    pub(crate) target: Target,
}

impl Drop for Peer {
    fn drop(&mut self) {
        for pid in usage::tree(self.target.pids.first().copied().unwrap_or_default()).unwrap_or_default() {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// What a peer forwards to.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    /// The double's Unix socket.
    pub(crate) socket: PathBuf,
    /// The double's TCP address, for a peer that knows no Unix sockets.
    pub(crate) address: SocketAddr,
    /// Path prefix the double answers under.
    pub(crate) prefix: String,
    /// The double's token.
    pub(crate) token: String,
}

/// nginx as a plain reverse proxy with keep-alive to the upstream.
///
/// # Errors
/// When it does not start.
pub(crate) fn nginx(upstream: &Upstream, scratch: &Path, workers: usize) -> Result<Peer> {
    let address = free_address()?;
    let dir = scratch.join("nginx");
    fs::create_dir_all(dir.join("tmp"))?;
    let conf = format!(
        "daemon off; master_process on; worker_processes {workers}; user root; pid {dir}/pid; error_log {dir}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; client_body_temp_path {dir}/tmp/b; proxy_temp_path {dir}/tmp/p; fastcgi_temp_path {dir}/tmp/f; \
         uwsgi_temp_path {dir}/tmp/u; scgi_temp_path {dir}/tmp/s; keepalive_requests 100000000; client_max_body_size 0;\n\
         map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}\n\
         upstream ide {{ server unix:{socket}; keepalive 64; keepalive_requests 100000000; }}\n\
         server {{ listen {address} backlog=1024; location / {{ proxy_pass http://ide; proxy_http_version 1.1; \
         proxy_set_header Host $http_host; proxy_set_header Connection $connection_upgrade; proxy_set_header Upgrade $http_upgrade; \
         proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; \
         proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s; }} }} }}\n",
        dir = dir.display(),
        socket = upstream.socket.display(),
    );
    let file = dir.join("nginx.conf");
    fs::write(&file, conf)?;
    start(
        "nginx",
        service("nginx").arg("-c").arg(&file).arg("-e").arg(dir.join("error.log")),
        address,
        upstream,
    )
}

/// haproxy that refuses a request without a valid HMAC-SHA256 cookie.
///
/// # Errors
/// When it does not start.
pub(crate) fn haproxy(upstream: &Upstream, scratch: &Path, workers: usize) -> Result<Peer> {
    let address = free_address()?;
    let file = scratch.join("haproxy.cfg");
    let conf = format!(
        "global\n  nbthread {workers}\n  maxconn 8000\n\
         defaults\n  mode http\n  option http-keep-alive\n  http-reuse always\n  timeout connect 5s\n  timeout client 600s\n  timeout server 600s\n  timeout tunnel 600s\n\
         frontend in\n  bind {address}\n\
         \x20 http-request set-var(txn.value) req.cook(portcullis)\n\
         \x20 http-request set-var(txn.body) var(txn.value),regsub(\\.[^.]*$,)\n\
         \x20 http-request set-var(txn.said) var(txn.value),field(4,.)\n\
         \x20 http-request set-var(txn.mac) var(txn.body),hmac(sha256,{HAPROXY_KEY}),hex,lower\n\
         \x20 acl signed var(txn.mac),secure_memcmp(txn.said)\n\
         \x20 http-request deny deny_status 401 unless signed\n\
         \x20 http-request set-header X-Forwarded-Proto http\n\
         \x20 option forwardfor\n  default_backend ide\n\
         backend ide\n  server double unix@{socket}\n",
        socket = upstream.socket.display(),
    );
    fs::write(&file, conf)?;
    let mut peer = start("haproxy", service("haproxy").arg("-db").arg("-f").arg(&file), address, upstream)?;
    peer.target.cookie = format!("portcullis={COOKIE_BODY}.{}", haproxy_mac()?);
    Ok(peer)
}

/// configurable-http-proxy with one route for everything.
///
/// # Errors
/// When it does not start.
pub(crate) fn configurable_http_proxy(upstream: &Upstream, program: &Path) -> Result<Peer> {
    let address = free_address()?;
    let api = free_address()?;
    let mut command = service("node");
    command
        .arg(program)
        .args(["--ip", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--api-ip", "127.0.0.1", "--api-port", &api.port().to_string()])
        .args(["--default-target", &format!("http://{}", upstream.address), "--log-level", "error"])
        .env("CONFIGPROXY_AUTH_TOKEN", COOKIE_BODY);
    start("configurable-http-proxy", &mut command, address, upstream)
}

/// The double itself, without anything in front.
pub(crate) fn direct(upstream: &Upstream) -> Target {
    Target {
        name: "direct",
        address: upstream.address,
        prefix: upstream.prefix.clone(),
        cookie: plain_cookie(),
        token: upstream.token.clone(),
        pids: Vec::new(),
    }
}

fn plain_cookie() -> String {
    format!("portcullis={COOKIE_BODY}.{}", "0".repeat(43))
}

/// What haproxy computes over the cookie's body: by `openssl`, so that the two don't share code.
fn haproxy_mac() -> Result<String> {
    let key: String = "0123456789012345678901234567890123456789"
        .chars()
        .take(32)
        .map(|c| format!("{:02x}", c as u32))
        .collect();
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run `openssl`")?;
    std::io::Write::write_all(child.stdin.as_mut().context("stdin was piped")?, COOKIE_BODY.as_bytes())?;
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .rsplit(' ')
        .next()
        .map(str::to_owned)
        .filter(|mac| mac.len() == 64)
        .context("openssl printed no MAC")
}

/// A program as the leader of a session of its own, as every service is: the kernel shares processors out between sessions
/// (sched(7), autogroup), so that what runs in one session with its client and its upstream is measured under other rules.
pub(crate) fn service(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setsid");
    command.arg(program);
    command
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn start(
    name: &'static str,
    command: &mut Command,
    address: SocketAddr,
    upstream: &Upstream,
) -> Result<Peer> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let since = Instant::now();
    // A connection that is taken is the only sign of readiness that all peers give.
    while TcpStream::connect(address).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("{name} ended at once: {status}");
        }
        if since.elapsed() > PATIENCE {
            let _ = child.kill();
            bail!("{name} does not listen on {address}");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let pids = usage::tree(i32::try_from(child.id())?)?;
    let target = Target {
        name,
        address,
        prefix: upstream.prefix.clone(),
        cookie: plain_cookie(),
        token: upstream.token.clone(),
        pids,
    };
    Ok(Peer { child, target })
}

//! Stands in for JupyterLab: takes its arguments, listens on its Unix socket, answers what a test wants to see.
//!
//! Below the prefix: `api` (no token needed), `api/me` (the request's headers as JSON), `api/status` (what was asked so
//! far), `files/bytes-N` (N bytes), `files/counted-N` (N bytes that say where they stand), `api/contents/…` (a sink for PUT),
//! `sse` (an event every 100 ms), any WebSocket (an echo), `api/shutdown` (ends the process), anything else (the request as
//! JSON). Everything but `api` wants the token.
//!
//! Switches for faults: `--double-exit`, `--double-silent`, `--double-flood`, `--double-forks`, `--double-bomb`, `--double-stubborn`,
//! `--double-slow-ms=N`; `--double-work` for benchmarks. One thread, no logging: it is also the upstream of benchmarks.
#![expect(clippy::print_stdout, reason = "an IDE's output is part of what is tested")]

mod answer;
mod echo;
mod faults;
mod socket;
mod work;

use std::process::ExitCode;
use std::rc::Rc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UnixListener};

use answer::Ide;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value =
        |name: &str| args.iter().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    if let Some(code) = faults::before(&args) {
        return code;
    }
    work::listen(&args);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let ide = Rc::new(Ide::new(
        value("--ServerApp.base_url").unwrap_or_else(|| "/".into()),
        std::env::var("JUPYTER_TOKEN").unwrap_or_default(),
        args.iter().any(|arg| arg == "--double-busy"),
    ));
    let local = tokio::task::LocalSet::new();
    let outcome: Result<std::convert::Infallible, std::io::Error> = local.block_on(&runtime, async {
        faults::during(&args).await;
        match (value("--ServerApp.sock").or_else(|| value("--socket")), value("--double-port")) {
            (Some(path), _) => {
                let listener = UnixListener::bind(&path)?;
                loop {
                    serve(&ide, socket::Socket::new(listener.accept().await?.0)?);
                }
            }
            (None, Some(port)) => {
                let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
                loop {
                    let (stream, _) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    serve(&ide, stream);
                }
            }
            (None, None) => Err(std::io::Error::other("neither --ServerApp.sock nor --double-port")),
        }
    });
    match outcome {
        Ok(never) => match never {},
        Err(error) => println!("double: {error}"),
    }
    ExitCode::FAILURE
}

fn serve(ide: &Rc<Ide>, stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static + Send) {
    let ide = Rc::clone(ide);
    tokio::task::spawn_local(async move {
        let service = service_fn(|request| {
            let ide = Rc::clone(&ide);
            async move {
                let mut answer = ide.answer(request).await;
                // Tells its answers from those of whoever stands in front.
                answer.headers_mut().insert("x-double", hyper::header::HeaderValue::from_static("1"));
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        // A peer that goes away in the middle is the peer's business.
        let _ = http1::Builder::new()
            .pipeline_flush(true)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await;
    });
}

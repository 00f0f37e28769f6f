//! The answers.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::echo;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// How many requests are remembered for `api/status`.
const REMEMBERED: usize = 1000;

/// What the double knows.
#[derive(Debug)]
pub(crate) struct Ide {
    base: String,
    token: String,
    seen: RefCell<Vec<String>>,
    /// A kernel of it computes all the time.
    busy: bool,
}

impl Ide {
    pub(crate) fn new(base: String, token: String, busy: bool) -> Self {
        Self { base, token, seen: RefCell::default(), busy }
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let Some(rest) = path.strip_prefix(self.base.as_str()) else {
            return text(StatusCode::NOT_FOUND, format!("the double's prefix is {}", self.base));
        };
        if rest == "api" {
            return plain(json!({"version": "double"}));
        }
        if rest != "api/status" && self.seen.borrow().len() < REMEMBERED {
            let target = request.uri().path_and_query().map_or("", |target| target.as_str());
            self.seen.borrow_mut().push(format!("{} {target}", request.method()));
        }
        let authorization =
            request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        // Whoever starts it without a token is no Jupyter: the stand-in for other IDEs asks for none.
        if !self.token.is_empty()
            && authorization.and_then(|value| value.strip_prefix("token ")) != Some(self.token.as_str())
        {
            return text(StatusCode::FORBIDDEN, "the double wants the token".into());
        }
        if request.headers().contains_key(header::UPGRADE) {
            return echo::accept(request);
        }
        match (request.method().clone(), rest) {
            (_, "api/status") => plain(json!({"seen": *self.seen.borrow()})),
            (Method::GET, "api/kernels") if self.busy => plain(json!([{"execution_state": "busy"}])),
            (_, "api/shutdown") => {
                tokio::task::spawn_local(async {
                    println!("double: asked to shut down");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    // Ends at once, like a crash: nothing is waited for.
                    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
                });
                plain(json!({}))
            }
            (_, "sse") => {
                let mut answer = Response::new(Ticks::default().boxed_unsync());
                answer
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
                answer
            }
            (Method::GET | Method::HEAD, rest) if rest.starts_with("files/bytes-") => bytes(
                rest.trim_start_matches("files/bytes-").parse().unwrap_or(0),
                request.method() == Method::HEAD,
            ),
            (Method::GET, rest) if rest.starts_with("files/counted-") => {
                let length = rest.trim_start_matches("files/counted-").parse().unwrap_or(0);
                let mut answer = Response::new(Counted { at: 0, length }.boxed_unsync());
                answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
                answer
            }
            (Method::PUT | Method::POST, _) => {
                let description = describe(&request);
                let (length, counted) = drain(request.into_body(), rest.contains("counted")).await;
                let mut answer = plain(json!({"bytes": length, "counted": counted, "request": description}));
                *answer.status_mut() = StatusCode::CREATED;
                answer
            }
            (_, "cookies") => {
                let mut answer = plain(json!({}));
                for cookie in
                    ["portcullis=stolen; Path=/", "__Host-portcullis=stolen; Path=/; Secure", "own=1; Path=/"]
                {
                    answer.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(cookie));
                }
                answer
            }
            _ => plain(describe(&request)),
        }
    }
}

fn describe(request: &Request<Incoming>) -> serde_json::Value {
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    json!({
        "method": request.method().as_str(),
        "target": request.uri().to_string(),
        "headers": headers,
    })
}

/// How many bytes came; and, where they should, whether each eight of them say where they stand.
async fn drain(mut body: Incoming, look: bool) -> (u64, bool) {
    let (mut length, mut counted) = (0, look);
    while let Some(Ok(frame)) = body.frame().await {
        let data = frame.data_ref().map_or(&[][..], |data| &data[..]);
        counted &= look && data.iter().zip(length..).all(|(byte, at)| *byte == word_at(at));
        length += data.len() as u64;
    }
    (length, counted)
}

/// The byte at this place, where each eight bytes are the number of their place.
fn word_at(at: u64) -> u8 {
    (at / 8).to_be_bytes()[usize::try_from(at % 8).unwrap_or(0)]
}

fn plain(value: serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(value.to_string())).boxed_unsync());
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn text(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

fn bytes(length: u64, head: bool) -> Answer {
    let mut answer = Response::new(Zeros { left: if head { 0 } else { length } }.boxed_unsync());
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    answer
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// So many bytes, without memory for them.
struct Zeros {
    left: u64,
}

impl Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = usize::try_from(self.left).unwrap_or(ZEROS.len()).min(ZEROS.len());
        self.left -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&ZEROS[..length])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// So many bytes, of which each eight say where they stand.
struct Counted {
    at: u64,
    length: u64,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.at >= self.length {
            return Poll::Ready(None);
        }
        let end = self.length.min(self.at + ZEROS.len() as u64);
        let piece: Vec<u8> = (self.at / 8..end.div_ceil(8)).flat_map(u64::to_be_bytes).collect();
        let piece = Bytes::from(piece).slice(..usize::try_from(end - self.at).unwrap_or(0));
        self.at = end;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.length
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.at)
    }
}

/// An event every 100 ms, for ever.
struct Ticks {
    count: u64,
    timer: tokio::time::Interval,
}

impl Default for Ticks {
    fn default() -> Self {
        Self { count: 0, timer: tokio::time::interval(Duration::from_millis(100)) }
    }
}

impl Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.timer.poll_tick(task) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(_) => {
                self.count += 1;
                let event = format!("data: {}\n\n", self.count);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(event)))))
            }
        }
    }
}

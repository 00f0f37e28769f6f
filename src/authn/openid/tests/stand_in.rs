//! A provider that says what a test tells it, by real TLS on the loopback.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::super::signer::Signer;

const METADATA: &str = "/.well-known/openid-configuration";

/// An answer.
#[derive(Clone)]
pub(super) enum Reply {
    Whole {
        status: u16,
        kind: &'static str,
        body: String,
        location: Option<&'static str>,
    },
    /// The connection is closed instead.
    Cut,
    /// Nothing comes, and the connection stays.
    Never,
}

impl Reply {
    pub(super) fn json(body: &Value) -> Self {
        Self::Whole {
            status: 200,
            kind: "application/json; charset=utf-8",
            body: body.to_string(),
            location: None,
        }
    }

    pub(super) fn text(body: &str) -> Self {
        Self::Whole { status: 200, kind: "text/plain", body: body.into(), location: None }
    }

    pub(super) fn status(status: u16) -> Self {
        Self::Whole { status, kind: "text/plain", body: String::new(), location: None }
    }

    pub(super) fn redirect(to: &'static str) -> Self {
        Self::Whole { status: 307, kind: "text/plain", body: String::new(), location: Some(to) }
    }
}

/// A request as it came.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

#[derive(Default)]
struct Said {
    replies: HashMap<String, Reply>,
    asked: Vec<Asked>,
}

pub(super) struct StandIn {
    issuer: String,
    roots: Vec<u8>,
    said: Arc<Mutex<Said>>,
    task: JoinHandle<()>,
}

impl StandIn {
    pub(super) async fn start(signers: &[&Signer]) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let said = Arc::new(Mutex::new(Said::default()));
        let task = tokio::spawn(listen(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(&said)));
        let stand_in = Self {
            issuer: format!("https://localhost:{port}"),
            roots: made.cert.pem().into_bytes(),
            said,
            task,
        };
        stand_in.metadata(|_| {});
        stand_in.keys(signers);
        stand_in
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn roots(&self) -> &[u8] {
        &self.roots
    }

    pub(super) fn answer(&self, path: &str, reply: Reply) {
        self.said.lock().expect("a lock").replies.insert(path.into(), reply);
    }

    pub(super) fn keys(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        self.answer("/jwks", Reply::json(&json!({"keys": keys})));
    }

    pub(super) fn metadata(&self, change: impl FnOnce(&mut Value)) {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let mut document = json!({
            "issuer": self.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"), "userinfo_endpoint": at("/me"),
        });
        change(&mut document);
        self.answer(METADATA, Reply::json(&document));
    }

    pub(super) fn asked(&self, path: &str) -> Vec<Asked> {
        self.said.lock().expect("a lock").asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// Nobody listens any more.
    pub(super) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn listen(listener: TcpListener, tls: TlsAcceptor, said: Arc<Mutex<Said>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, said) = (tls.clone(), Arc::clone(&said));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(move |request| reply(request, Arc::clone(&said)));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn reply(
    request: Request<Incoming>,
    said: Arc<Mutex<Said>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let path = request.uri().path().to_owned();
    let authorization =
        request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let reply = {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.asked.push(Asked { path: path.clone(), authorization, body });
        said.replies.get(&path).cloned().unwrap_or_else(|| Reply::status(404))
    };
    match reply {
        Reply::Whole { status, kind, body, location } => {
            let mut response = Response::builder().status(status).header(CONTENT_TYPE, kind);
            if let Some(location) = location {
                response = response.header(LOCATION, location);
            }
            Ok(response.body(Full::new(Bytes::from(body))).expect("a response"))
        }
        Reply::Cut => Err(std::io::Error::other("cut")),
        Reply::Never => std::future::pending::<Result<_, Infallible>>().await.map_err(|never| match never {}),
    }
}

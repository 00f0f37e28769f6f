//! A small HTTPS client: one request by one connection, with limits on everything.
//!
//! It follows no redirect (what a provider names in its metadata it answers itself), keeps no connection and no cookie, speaks
//! HTTP/1.1 by TLS only, and trusts the roots that it is given as bytes: nothing here reads a file. Called by `openid`, and by
//! whoever fetches SAML metadata.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use portcullis_model::Secret;
use portcullis_model::proof::Failure;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroize as _;

mod address;

pub use address::{ADDRESS_MAX, Address, BadAddress};

/// Longest head of an answer, in bytes.
const HEAD_MAX: usize = 64 * 1024;
/// Most fields of an answer's head.
const FIELDS_MAX: usize = 100;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// No connection: name, address, port, or the machine behind it.
    #[error("cannot reach `{0}`")]
    Unreachable(String, #[source] io::Error),
    /// The time was over.
    #[error("no answer within {0:?}")]
    Slow(Duration),
    /// The certificate is not trusted, or is another machine's.
    #[error("the certificate is not trusted")]
    Certificate(#[source] rustls::Error),
    /// TLS fails for another reason.
    #[error("no TLS with it")]
    Tls(#[source] io::Error),
    /// What came is not HTTP, or breaks off.
    #[error("the answer is not valid HTTP")]
    Protocol(#[source] hyper::Error),
    /// The body is longer than was asked for.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The request itself can't be written.
    #[error("the request can't be written")]
    Request(#[source] http::Error),
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Unreachable(..) => Self::Unreachable,
            HttpError::Slow(_) => Self::Slow,
            HttpError::Certificate(_) => Self::Certificate,
            HttpError::Tls(_) | HttpError::Protocol(_) | HttpError::TooLarge(_) | HttpError::Request(_) => {
                Self::protocol(&error.to_string())
            }
        }
    }
}

/// No certificate of an authority is in what was given as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there is no certificate in the bundle")]
pub struct NoRoots;

/// An answer, whole.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What the body is, without parameters, in lower case; empty when it isn't said.
    pub kind: String,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Bodies hold tokens.
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.body.zeroize();
    }
}

/// Asks by HTTPS.
#[derive(Clone)]
pub struct Client {
    tls: TlsConnector,
    within: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("within", &self.within).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that trusts the authorities in `roots` (PEM, other things in it are left out) and takes at most `within` for a
    /// request with everything: name, connection, TLS, answer.
    ///
    /// # Errors
    /// When there is no certificate in `roots`: nothing could ever be trusted.
    pub fn new(roots: &[u8], within: Duration) -> Result<Self, NoRoots> {
        let mut store = RootCertStore::empty();
        // Old bundles hold certificates that no parser of today takes; the others count.
        let (added, _) =
            store.add_parsable_certificates(CertificateDer::pem_slice_iter(roots).filter_map(Result::ok));
        if added == 0 {
            return Err(NoRoots);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| NoRoots)?
            .with_root_certificates(store)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), within })
    }

    /// Fetches; the body has at most `most` bytes.
    ///
    /// # Errors
    /// [`HttpError`]; a status that isn't 200 is none.
    pub async fn get(
        &self,
        address: &Address,
        bearer: Option<&Secret>,
        most: usize,
    ) -> Result<Answer, HttpError> {
        let authorization = bearer.map(|token| header(b"Bearer ", token)).transpose()?;
        self.ask(address, Method::GET, authorization, Bytes::new(), most).await
    }

    /// Sends a form; the answer's body has at most `most` bytes.
    ///
    /// # Errors
    /// [`HttpError`]; a status that isn't 200 is none.
    pub async fn post(
        &self,
        address: &Address,
        basic: Option<&Secret>,
        form: Vec<u8>,
        most: usize,
    ) -> Result<Answer, HttpError> {
        let authorization = basic.map(|pair| header(b"Basic ", pair)).transpose()?;
        self.ask(address, Method::POST, authorization, Bytes::from(form), most).await
    }

    async fn ask(
        &self,
        address: &Address,
        method: Method,
        authorization: Option<HeaderValue>,
        body: Bytes,
        most: usize,
    ) -> Result<Answer, HttpError> {
        let asked = async {
            let mut request = Request::builder()
                .uri(address.target())
                .header(HOST, address.authority())
                .header(ACCEPT, "application/json, */*;q=0.5")
                .header(USER_AGENT, "portcullis");
            if method == Method::POST {
                request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            }
            if let Some(value) = authorization {
                request = request.header(AUTHORIZATION, value);
            }
            let request = request.method(method).body(Full::new(body)).map_err(HttpError::Request)?;
            let response = self.exchange(address, request).await?;
            read(response, most).await
        };
        tokio::time::timeout(self.within, asked).await.unwrap_or(Err(HttpError::Slow(self.within)))
    }

    async fn exchange(
        &self,
        address: &Address,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, HttpError> {
        let unreachable = |error| HttpError::Unreachable(address.authority(), error);
        let stream = TcpStream::connect((address.host(), address.port())).await.map_err(unreachable)?;
        // The answer decides when it is over, not the kernel's wish for full packets.
        let _ = stream.set_nodelay(true);
        let name = ServerName::try_from(address.host().to_owned())
            .map_err(|error| unreachable(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let stream = self.tls.connect(name, stream).await.map_err(tls_failed)?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(HEAD_MAX)
            .max_headers(FIELDS_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(HttpError::Protocol)?;
        // Ends when the answer is read or dropped: nothing is kept.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(HttpError::Protocol)
    }
}

/// A field with a secret in it: never indexed, never shown.
fn header(kind: &[u8], secret: &Secret) -> Result<HeaderValue, HttpError> {
    let mut bytes = kind.to_vec();
    bytes.extend_from_slice(secret.expose());
    let value = HeaderValue::from_bytes(&bytes).map_err(|error| HttpError::Request(error.into()));
    bytes.zeroize();
    let mut value = value?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whose fault it is when TLS fails.
fn tls_failed(error: io::Error) -> HttpError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            let cause = error.into_inner().and_then(|inner| inner.downcast::<rustls::Error>().ok());
            HttpError::Certificate(cause.map_or(rustls::Error::NoCertificatesPresented, |cause| *cause))
        }
        _ => HttpError::Tls(error),
    }
}

async fn read(response: Response<Incoming>, most: usize) -> Result<Answer, HttpError> {
    let status = response.status().as_u16();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut answer = Answer { status, kind, body: Vec::new() };
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(HttpError::Protocol)?;
        if let Some(data) = frame.data_ref() {
            if answer.body.len() + data.len() > most {
                return Err(HttpError::TooLarge(most));
            }
            answer.body.extend_from_slice(data);
        }
    }
    Ok(answer)
}

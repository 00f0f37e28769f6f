//! One connection to a directory: TCP, TLS, and ldap3 behind a guard that lets whole, plain messages through only.
//!
//! ldap3 gets one end of a pair of sockets. A task beside it carries bytes between that and the directory, and looks at each
//! message first ([`message`]): so size, nesting and shape are bounded whatever the directory sends, TLS is ours, and nothing
//! that came before StartTLS is taken for something that came after.

use std::io;
use std::os::unix::net::UnixStream as Pair;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use portcullis_model::proof::{Failure, Shown, Step};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::message::{self, CONNECTION_MAX};
use super::plan::{Plan, Tls};
use super::talk::Talk;

/// `ExtendedRequest` 1 for StartTLS (RFC 4511 4.14): always the same bytes.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// Bytes taken at a time.
const PIECE: usize = 16 * 1024;

/// What was asked last, and is answered now: one operation at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Asked {
    /// A bind.
    Bind = message::BIND,
    /// A search.
    Search = message::DONE,
}

/// Whether an operation answers what was asked; `asked` is a number of [`Asked`].
const fn answers(asked: u8, op: u8) -> bool {
    match op {
        message::BIND => asked == Asked::Bind as u8,
        message::DONE | message::ENTRY | message::REFERENCE => asked == Asked::Search as u8,
        _ => false,
    }
}

/// What the guard and the link share.
#[derive(Debug, Default)]
struct Shared {
    /// A number of [`Asked`]; 0 before the first.
    asked: AtomicU8,
    /// Why the guard closed the connection.
    why: Mutex<Option<Failure>>,
}

/// A connection; dropped, it is closed.
#[derive(Debug)]
pub(super) struct Link {
    /// The operations.
    pub ldap: Ldap,
    /// Until an answer is complete.
    pub operation: Duration,
    shared: Arc<Shared>,
    tasks: [AbortHandle; 2],
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Link {
    /// Connects, with TLS as the plan says.
    pub(super) async fn open(plan: &Plan, talk: &mut Talk<'_>) -> Result<Self, Failure> {
        let begun = Instant::now();
        let tcp = timeout(plan.connect, TcpStream::connect((plan.host.as_str(), plan.port)))
            .await
            .map_err(|_| Failure::Unreachable)?
            .map_err(|_| Failure::Unreachable)?;
        talk.step(Step::Connected { ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX) });
        // Small messages, each waited for.
        tcp.set_nodelay(true).map_err(|_| Failure::Unreachable)?;
        match &plan.tls {
            Tls::None => Self::over(tcp, plan).await,
            Tls::First(_) => Self::over(tls(tcp, plan, "ldaps", talk).await?, plan).await,
            Tls::Start(_) => {
                let tcp = timeout(plan.operation, start_tls(tcp)).await.map_err(|_| Failure::Slow)??;
                Self::over(tls(tcp, plan, "StartTLS", talk).await?, plan).await
            }
        }
    }

    async fn over<S>(outer: S, plan: &Plan) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let broken = |_: io::Error| Failure::protocol("no sockets are left on this machine");
        let (ours, theirs) = Pair::pair().map_err(broken)?;
        ours.set_nonblocking(true).map_err(broken)?;
        let ours = UnixStream::from_std(ours).map_err(broken)?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
            .await
            .map_err(|_| Failure::protocol("the connection could not be handed over"))?;
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        let guard = tokio::spawn(async move { carry(outer, ours, &told).await });
        let driver = tokio::spawn(async move {
            let _ = connection.drive().await;
        });
        let tasks = [guard.abort_handle(), driver.abort_handle()];
        Ok(Self { ldap, operation: plan.operation, shared, tasks })
    }

    /// Does one operation within its time. It has a task of its own: should ldap3 give up on an answer, that is an error of the
    /// directory's and not our end.
    pub(super) async fn within<T, F>(&self, asked: Asked, operation: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = ldap3::result::Result<T>> + Send + 'static,
    {
        // ORDER: before the question is sent; the guard reads it when an answer comes.
        self.shared.asked.store(asked as u8, Ordering::SeqCst);
        let task = tokio::spawn(operation);
        let abort = task.abort_handle();
        match timeout(self.operation, task).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(_))) => Err(self.end()),
            Ok(Err(_)) => Err(unasked()),
            Err(_) => {
                abort.abort();
                Err(Failure::Slow)
            }
        }
    }

    /// Why the connection ended.
    fn end(&self) -> Failure {
        let why = self.shared.why.lock().ok().and_then(|why| why.clone());
        why.unwrap_or(Failure::Unreachable)
    }
}

fn unasked() -> Failure {
    Failure::protocol("an answer to something that was not asked")
}

/// TLS over a connection.
async fn tls(
    tcp: TcpStream,
    plan: &Plan,
    how: &str,
    talk: &mut Talk<'_>,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    let (Tls::First(config) | Tls::Start(config)) = &plan.tls else { return Err(Failure::Certificate) };
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = timeout(plan.connect, connector.connect(plan.name.clone(), tcp))
        .await
        .map_err(|_| Failure::Slow)?
        .map_err(|error| refused(&error))?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let names = certificates.first().and_then(|leaf| super::certificate::names(leaf)).unwrap_or_default();
    talk.step(Step::Tls {
        how: Shown::from(how),
        subject: Shown::from(names.0.as_str()),
        issuer: Shown::from(names.1.as_str()),
        checked: !plan.said.insecure,
    });
    Ok(stream)
}

/// Why TLS did not come about.
fn refused(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => Failure::Certificate,
        Some(other) => Failure::protocol(&format!("TLS: {other}")),
        None => Failure::Unreachable,
    }
}

/// Asks for TLS. Whatever is not a plain yes is a no, and nothing is sent without TLS then.
async fn start_tls(mut tcp: TcpStream) -> Result<TcpStream, Failure> {
    let gone = |_: io::Error| Failure::Unreachable;
    tcp.write_all(START_TLS).await.map_err(gone)?;
    let mut buffer = Vec::new();
    let answer = loop {
        if let Some(answer) = message::first(&buffer).map_err(|bad| Failure::protocol(&bad.to_string()))? {
            break answer;
        }
        // A byte at a time: what follows the answer is TLS, and must be left to it.
        buffer.push(tcp.read_u8().await.map_err(gone)?);
    };
    match (answer.op, answer.id, answer.code) {
        (message::EXTENDED, 1, Some(0)) => Ok(tcp),
        (_, _, code) => {
            let code = code.map_or("no result".to_owned(), |code| format!("result {code}"));
            Err(Failure::protocol(&format!("StartTLS is refused ({code})")))
        }
    }
}

/// Carries bytes both ways until the directory closes or the guard has to; why is kept before our end is closed.
async fn carry<S>(outer: S, inner: UnixStream, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_directory, mut to_directory) = tokio::io::split(outer);
    let (mut from_us, mut to_us) = inner.into_split();
    let ask = async {
        let _ = tokio::io::copy(&mut from_us, &mut to_directory).await;
        let _ = to_directory.shutdown().await;
        // The last answers are still to come; the link's end ends this task.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        failure = hand_on(&mut from_directory, &mut to_us, &shared.asked) => {
            if let Ok(mut why) = shared.why.lock() {
                *why = Some(failure);
            }
        }
        () = ask => {}
    }
}

/// Hands whole messages on until one can't be.
async fn hand_on<R, W>(from_directory: &mut R, to_us: &mut W, asked: &AtomicU8) -> Failure
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (mut buffer, mut all, mut piece) = (Vec::new(), 0_usize, vec![0; PIECE]);
    loop {
        let read = match from_directory.read(&mut piece).await {
            Ok(read) if read > 0 => read,
            _ => return Failure::Unreachable,
        };
        all = all.saturating_add(read);
        if all > CONNECTION_MAX {
            return Failure::protocol(&format!("more than {CONNECTION_MAX} bytes in one connection"));
        }
        buffer.extend_from_slice(&piece[..read]);
        let (whole, end) = looked_at(&buffer, asked.load(Ordering::SeqCst));
        if to_us.write_all(&buffer[..whole]).await.is_err() {
            return Failure::Unreachable;
        }
        buffer.drain(..whole);
        if let Some(failure) = end {
            return failure;
        }
    }
}

/// How many bytes are whole messages that may be handed on, and why nothing behind them may.
fn looked_at(buffer: &[u8], asked: u8) -> (usize, Option<Failure>) {
    let mut end = 0;
    loop {
        match message::first(&buffer[end..]) {
            // The directory takes its leave (RFC 4511 4.4.1).
            Ok(Some(whole)) if whole.op == message::EXTENDED => return (end, Some(Failure::Unreachable)),
            Ok(Some(whole)) if !answers(asked, whole.op) => return (end, Some(unasked())),
            Ok(Some(whole)) => end += whole.len,
            Ok(None) => return (end, None),
            Err(bad) => return (end, Some(Failure::protocol(&bad.to_string()))),
        }
    }
}

//! Puts the parts together: greeting, first configuration, threads, and the order in which they end.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_proxy::{Gauges, Limits, Listen, serve as accept, threads};
use portcullis_wire::{Channel, ToLauncher, WireError};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::door::Doors;
use crate::generation::{Generation, GenerationError};
use crate::held::Held;
use crate::launcher_link::{self, GreetError, drain};
use crate::link::Link;
use crate::redirect::redirect;
use crate::serve::handle;
use crate::state::{Snapshot, now};
use crate::who::Memo;
use crate::world::{Thread, World};

/// How often counted refusals are looked through.
const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// Time for what is under way on other threads when one has ended unasked.
const UNASKED: Duration = Duration::from_secs(5);

/// Why the server can't serve.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// The launcher.
    #[error("cannot begin")]
    Greet(#[source] GreetError),
    /// The first configuration.
    #[error("cannot use the configuration")]
    Generation(#[source] GenerationError),
    /// It sent no listening socket.
    #[error("the launcher sent no listening sockets, or fewer than it said")]
    Listeners,
    /// A thread, or the runtime on it.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The wire.
    #[error("cannot tell the launcher that we serve")]
    Ready(#[source] WireError),
    /// All serving threads ended although nobody asked for it.
    #[error("serving ended by itself")]
    Ended,
}

/// Serves until drained.
///
/// # Errors
/// See [`RunError`].
pub(crate) fn run(wire: Channel) -> Result<(), RunError> {
    let (hello, mut fds) = launcher_link::greet(&wire).map_err(RunError::Greet)?;
    let (generation, tls) = Generation::build(&hello.configuration).map_err(|error| {
        launcher_link::refuse_first(&wire, hello.configuration.generation, &error);
        RunError::Generation(error)
    })?;
    let mains = usize::from(hello.listeners);
    if mains == 0 || fds.len() < mains {
        return Err(RunError::Listeners);
    }
    let redirects = fds.split_off(mains);
    let limits = limits(&generation, mains);
    let (link, queue) = Link::new();
    let copies = fds.iter().chain(&redirects).map(OwnedFd::try_clone).collect::<io::Result<Vec<_>>>();
    let listeners = (copies.map_err(RunError::Thread)?, mains);
    let world = Arc::new(World::new(generation, tls, link, PathBuf::from(hello.run_dir), listeners));
    launcher_link::catch_up(&wire, &world).map_err(RunError::Greet)?;

    let serving = watch::Sender::new(mains);
    let workers = start_serving(&world, fds, &limits, &serving).map_err(RunError::Thread)?;
    // ORDER: the listeners have been open since the launcher bound them; from here on somebody accepts.
    wire.send(&ToLauncher::Ready, &[]).map_err(RunError::Ready)?;
    tracing::info!(threads = mains, generation = world.table.load().generation.number, "serving");
    start_control(&world, wire, queue, redirects, &serving, &limits).map_err(RunError::Thread)?;
    let asked = world.drain.started();
    // Without the control thread nobody would ever ask them to end; normally they have ended by now.
    world.drain.start(Duration::ZERO);
    for worker in workers {
        // A thread that panicked has ended too; its connections are gone with it.
        let _ = worker.join();
    }
    if asked { Ok(()) } else { Err(RunError::Ended) }
}

fn limits(generation: &Generation, threads: usize) -> Limits {
    let ours = &generation.settings.portcullis;
    let seconds = |number: u32| Duration::from_secs(u64::from(number));
    let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Limits {
        header_bytes: whole(ours.request_header_max_kb).saturating_mul(1024),
        connections: whole(ours.connections_max).div_ceil(threads),
        head: seconds(ours.request_header_timeout_seconds),
        idle: seconds(ours.connection_idle_seconds),
        ..Limits::default()
    }
}

/// One listener per thread; taken by whoever runs it.
type Slots = Arc<Vec<Mutex<Option<OwnedFd>>>>;

fn start_serving(
    world: &Arc<World>,
    listeners: Vec<OwnedFd>,
    limits: &Limits,
    serving: &watch::Sender<usize>,
) -> io::Result<Vec<std::thread::JoinHandle<()>>> {
    let count = listeners.len();
    let slots: Slots = Arc::new(listeners.into_iter().map(|fd| Mutex::new(Some(fd))).collect());
    let (world, limits, serving) = (world.clone(), limits.clone(), serving.clone());
    threads::start(count, "serve", move |index| {
        let (world, limits, serving, slots) = (world.clone(), limits.clone(), serving.clone(), slots.clone());
        async move {
            let _done = Done { world: world.clone(), serving };
            let taken =
                slots.get(index).and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
            let Some(fd) = taken else { return };
            let gauges = world.gauges.get(index).cloned().unwrap_or_default();
            let listener = TcpListener::from(fd);
            let listen =
                Listen { listener, tls: world.tls.clone(), limits, drain: world.drain.clone(), gauges };
            let thread = std::rc::Rc::new(thread(world));
            tokio::task::spawn_local(sweep_doors(thread.clone()));
            let handler = async move |request, conn: &portcullis_proxy::ConnInfo<Memo>| {
                handle(&thread, request, conn).await
            };
            if let Err(error) = accept(listen, handler).await {
                tracing::error!(%error, "cannot accept connections");
            }
        }
    })
}

fn thread(world: Arc<World>) -> Thread {
    let doors = Doors::new(world.run_dir.clone()).into();
    let held = Held::new(&world.table);
    Thread { world, doors, held }
}

/// Counts a serving thread out, also when it panics. One that ends unasked takes the others along: the launcher starts anew.
struct Done {
    world: Arc<World>,
    serving: watch::Sender<usize>,
}

impl Drop for Done {
    fn drop(&mut self) {
        if !self.world.drain.started() {
            tracing::error!("a serving thread ended by itself");
            drain(&self.world, UNASKED);
        }
        self.serving.send_modify(|left| *left = left.saturating_sub(1));
    }
}

/// Closes doors of sessions that are no more.
async fn sweep_doors(thread: std::rc::Rc<Thread>) {
    let mut changes = thread.world.table.changes();
    while changes.changed().await.is_ok() {
        let snapshot = thread.world.table.load();
        let lives = |id| snapshot.sessions.get(&id).is_some_and(|live| live.session.state.is_live());
        thread.doors.retain(lives);
    }
}

/// Runs the control thread to its end: the wire, signals, clocks, the redirect.
fn start_control(
    world: &Arc<World>,
    wire: Channel,
    queue: mpsc::Receiver<ToLauncher>,
    redirects: Vec<OwnedFd>,
    serving: &watch::Sender<usize>,
    limits: &Limits,
) -> io::Result<()> {
    let (world, limits) = (world.clone(), limits.clone());
    let serving = serving.subscribe();
    let given = Arc::new(Mutex::new(Some((wire, queue, redirects))));
    let control = threads::start(1, "control", move |_| {
        let (world, limits, serving, given) = (world.clone(), limits.clone(), serving.clone(), given.clone());
        async move {
            let taken = given.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some((wire, queue, redirects)) = taken else { return };
            let metrics_port = metrics_port(&world);
            for listener in redirects.into_iter().map(TcpListener::from) {
                let at = listener.local_addr().ok().filter(|at| at.ip().is_loopback()).map(|at| at.port());
                if at.is_some() && at == metrics_port {
                    tokio::task::spawn_local(accept_metrics(world.clone(), listener, limits.clone()));
                } else {
                    tokio::task::spawn_local(accept_redirects(world.clone(), listener, limits.clone()));
                }
            }
            tokio::task::spawn_local(signals(world.clone()));
            tokio::task::spawn_local(flush_refusals(world.clone()));
            let asking = thread(world.clone());
            tokio::task::spawn_local(async move { crate::busy::watch(&asking).await });
            tokio::task::spawn_local(crate::sight::tell(world.clone()));
            if let Err(error) = launcher_link::run(wire, &world, queue, serving).await {
                tracing::error!(%error, "cannot watch the wire to the launcher");
                drain(&world, Duration::ZERO);
            }
        }
    })?;
    for thread in control {
        let _ = thread.join();
    }
    Ok(())
}

/// Where metrics are asked for, when they are on.
fn metrics_port(world: &World) -> Option<u16> {
    let operation = &world.table.load().generation.settings.operation;
    u16::try_from(operation.metrics_port).ok().filter(|_| operation.metrics_enabled)
}

async fn accept_metrics(world: Arc<World>, listener: TcpListener, limits: Limits) {
    let drain = world.drain.clone();
    let listen = Listen { listener, tls: None, limits, drain, gauges: Gauges::new() };
    let handler = async move |request, _: &portcullis_proxy::ConnInfo<()>| {
        crate::metrics::metrics(&world, request).await
    };
    if let Err(error) = accept(listen, handler).await {
        tracing::error!(%error, "cannot accept connections for metrics");
    }
}

async fn accept_redirects(world: Arc<World>, listener: TcpListener, limits: Limits) {
    let drain = world.drain.clone();
    let listen = Listen { listener, tls: None, limits, drain, gauges: Gauges::new() };
    let handler = async |request, conn: &portcullis_proxy::ConnInfo<()>| redirect(request, conn).await;
    if let Err(error) = accept(listen, handler).await {
        tracing::error!(%error, "cannot accept connections to redirect");
    }
}

/// The launcher steers; a terminal's Ctrl-C and a reload's `SIGHUP` reach the whole process group and are its business. `SIGTERM`
/// alone is taken: a service manager may end the whole group.
async fn signals(world: Arc<World>) {
    let listen = |kind| signal(kind).map_err(|error| tracing::error!(%error, "cannot listen to signals"));
    let (Ok(mut term), Ok(_int), Ok(_hup)) =
        (listen(SignalKind::terminate()), listen(SignalKind::interrupt()), listen(SignalKind::hangup()))
    else {
        return;
    };
    while term.recv().await.is_some() {
        let snapshot: Arc<Snapshot> = world.table.load();
        drain(&world, Duration::from_secs(u64::from(snapshot.generation.settings.portcullis.drain_seconds)));
    }
}

async fn flush_refusals(world: Arc<World>) {
    let mut every = tokio::time::interval(FLUSH_EVERY);
    loop {
        every.tick().await;
        for event in world.refusals.flush(now(), false).into_iter().chain(world.pieces.flush(now(), false)) {
            world.link.audit(event);
        }
    }
}

//! The wire to the launcher: greeting, then messages both ways on the control thread until either ends.
//!
//! What the launcher says is taken as it is: it is root. Its end of the wire closing means that nobody answers for sessions and
//! sign-ins any more: this server then finishes what is under way and exits.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_wire::launcher::{Configuration, Hello};
use portcullis_wire::{Channel, ToLauncher, ToServer, WireError};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use crate::conversations::{Turn, Unheard};
use crate::generation::{Generation, GenerationError};
use crate::wire::Wire;
use crate::world::World;

/// Seconds for what is under way when the launcher is gone: as long as a restarted one may wait for the port.
const ORPHANED: Duration = Duration::from_secs(10);

/// Why the server can't begin.
#[derive(Debug, Error)]
pub(crate) enum GreetError {
    /// The wire failed.
    #[error("cannot talk to the launcher")]
    Wire(#[source] WireError),
    /// The launcher began with something else.
    #[error("the launcher did not say hello first")]
    Order,
}

/// Waits for the first message.
///
/// # Errors
/// See [`GreetError`].
pub(crate) fn greet(channel: &Channel) -> Result<(Hello, Vec<OwnedFd>), GreetError> {
    channel.set_nonblocking(false).map_err(GreetError::Wire)?;
    match channel.receive::<ToServer>().map_err(GreetError::Wire)? {
        (ToServer::Hello(hello), fds) => Ok((*hello, fds)),
        _ => Err(GreetError::Order),
    }
}

/// Takes in the sign-ins and sessions of before.
///
/// # Errors
/// See [`GreetError`].
pub(crate) fn catch_up(channel: &Channel, world: &World) -> Result<(), GreetError> {
    loop {
        match channel.receive::<ToServer>().map_err(GreetError::Wire)?.0 {
            ToServer::Caught => return Ok(()),
            message => apply(world, message),
        }
    }
}

/// Says why the first configuration can't be used; the server ends then.
pub(crate) fn refuse_first(channel: &Channel, generation: u64, error: &GenerationError) {
    // When the launcher is gone too there is nobody left to tell.
    let _ = channel.send(&ToLauncher::ConfigurationRefused { generation, why: chain(error) }, &[]);
}

/// Passes messages both ways until all serving threads are done (`serving` falls to 0).
///
/// # Errors
/// When the wire can't be watched.
pub(crate) async fn run(
    channel: Channel,
    world: &World,
    mut queue: mpsc::Receiver<ToLauncher>,
    mut serving: watch::Receiver<usize>,
) -> std::io::Result<()> {
    let wire = Wire::new(channel)?;
    let mut linked = true;
    loop {
        tokio::select! {
            received = wire.receive::<ToServer>(), if linked => match received {
                Ok((message, _)) => apply(world, message),
                Err(error) => {
                    linked = false;
                    lost(world, &error);
                }
            },
            Some(message) = queue.recv() => linked = linked && send(&wire, world, &message).await,
            _ = serving.wait_for(|left| *left == 0) => break,
        }
    }
    for event in world.refusals.flush(0, true).into_iter().chain(world.pieces.flush(0, true)) {
        world.link.audit(event);
    }
    while let (true, Ok(message)) = (linked, queue.try_recv()) {
        linked = send(&wire, world, &message).await;
    }
    Ok(())
}

async fn send(wire: &Wire, world: &World, message: &ToLauncher) -> bool {
    match wire.send(message).await {
        Ok(()) => true,
        Err(error @ (WireError::TooLarge | WireError::Malformed)) => {
            tracing::error!(%error, "cannot tell the launcher something");
            true
        }
        Err(error) => {
            lost(world, &error);
            false
        }
    }
}

fn lost(world: &World, error: &WireError) {
    if world.linked.swap(false, Ordering::Relaxed) {
        if world.drain.started() {
            tracing::info!("the launcher has ended");
        } else {
            tracing::warn!(%error, "the launcher is gone: finishing what is under way");
            drain(world, ORPHANED);
        }
    }
}

fn apply(world: &World, message: ToServer) {
    match message {
        ToServer::Configuration(told) => configure(world, &told),
        ToServer::SignIn(sign_in) => world.table.sign_in(*sign_in),
        ToServer::Session(session) => world.table.session(*session),
        ToServer::Exemption(exemption) => {
            tracing::info!(user = %exemption.user, flag = %exemption.flag, "exempted");
            world.table.exempt(*exemption);
        }
        ToServer::ExemptionEnded(id) => world.table.exemption_ended(id),
        ToServer::SessionForgotten(id) => world.table.session_forgotten(id),
        ToServer::Prompts { conversation, prompts } => heard(world, conversation, Turn::Asks(prompts)),
        ToServer::SignedIn { conversation, sign_in } => heard(world, conversation, Turn::SignedIn(sign_in)),
        ToServer::Denied { conversation, reason, id } => heard(world, conversation, Turn::Denied(reason, id)),
        ToServer::SignInEnded { sign_in, .. } => world.table.sign_in_ended(sign_in),
        ToServer::Opened { request, result } => world.opens.answer(request, result),
        ToServer::Drain { within } => drain(world, Duration::from_secs(u64::from(within))),
        ToServer::Hello(_) | ToServer::Caught => tracing::error!("the launcher greeted twice"),
    }
}

/// Stops accepting; what is under way may go on for so long.
pub(crate) fn drain(world: &World, within: Duration) {
    tracing::info!(seconds = within.as_secs(), "draining");
    world.drain.start(within);
    // Pages that wait for events are let go at once.
    world.table.poke();
}

fn heard(world: &World, conversation: u64, turn: Turn) {
    match world.conversations.heard(conversation, turn) {
        Some(Unheard::Cancel) => world.link.tell(ToLauncher::SignInCancel { conversation }),
        Some(Unheard::SignOut(sign_in)) => world.link.tell(ToLauncher::SignOut { sign_in }),
        None => {}
    }
}

/// Builds the new configuration whole; only then it takes the old one's place.
fn configure(world: &World, told: &Configuration) {
    let built = Generation::build(told).and_then(|(generation, tls)| match (&world.tls, tls) {
        (Some(held), Some(fresh)) => {
            held.swap(fresh.current());
            Ok(generation)
        }
        (None, None) => Ok(generation),
        _ => Err(GenerationError::TlsSwitched),
    });
    match built {
        Ok(generation) => {
            tracing::info!(generation = generation.number, "configuration in force");
            world.table.configure(generation.into());
            world.link.tell(ToLauncher::ConfigurationInForce { generation: told.generation });
        }
        Err(error) => {
            let why = chain(&error);
            tracing::error!(generation = told.generation, %why, "configuration refused, the old one stays");
            world.link.tell(ToLauncher::ConfigurationRefused { generation: told.generation, why });
        }
    }
}

/// An error with its causes, joined by colons.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

//! The wire to the launcher: greeting, then messages both ways on the control thread until either ends.
//!
//! What the launcher says is taken as it is: it is root. Its end of the wire closing means that it was restarted, upgraded or
//! killed: this server goes on and knocks at the next one's door ([`alone`]), which tells it anew of everything
//! that lives. What was said and not answered is said again or given up ([`post`](crate::post)).

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_runtime::Wire;
pub(crate) use portcullis_runtime::chain;
use portcullis_wire::launcher::{Carried, Configuration, Hello};
use portcullis_wire::{Channel, ToLauncher, ToServer, WireError};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::alone;
use crate::conversations::{Turn, Unheard};
use crate::generation::{Generation, GenerationError};
use crate::post::Post;
use crate::told::Told;
use crate::world::World;

/// Time for the launcher to write the last records of a server that ends.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How often is looked whether what hangs on this server changed.
const CARRIES_EVERY: Duration = Duration::from_secs(1);

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
    let mut told = Told::default();
    loop {
        match told.hear(channel.receive::<ToServer>().map_err(GreetError::Wire)?.0) {
            Some(ToServer::Caught) => break,
            Some(message) => apply(world, message),
            None => {}
        }
    }
    world.table.caught(told);
    Ok(())
}

/// Says why the first configuration can't be used; the server ends then.
pub(crate) fn refuse_first(channel: &Channel, generation: u64, error: &GenerationError) {
    // When the launcher is gone too there is nobody left to tell.
    let _ = channel.send(&ToLauncher::ConfigurationRefused { generation, why: chain(error) }, &[]);
}

/// Passes messages both ways until all serving threads are done (`serving` falls to 0), through any number of launchers.
///
/// # Errors
/// When a wire can't be watched.
pub(crate) async fn run(
    channel: Channel,
    world: &World,
    queue: mpsc::Receiver<ToLauncher>,
    mut serving: watch::Receiver<usize>,
) -> std::io::Result<()> {
    let mut wire = Wire::new(channel)?;
    let mut post = Post::new(queue);
    loop {
        let Err(error) = talk(&wire, world, &mut post, &mut serving).await else { break };
        let told = post.is_paused();
        if world.drain.started() {
            tracing::info!("the launcher is gone");
        } else if told {
            tracing::info!("the launcher has left to the next one");
        } else {
            tracing::warn!(%error, "the launcher is gone: waiting for the next one");
        }
        post.lost(world);
        wire = match alone::until_the_next(world, &mut post, &mut serving, told).await {
            Some(channel) => Wire::new(channel)?,
            None => {
                let untold = post.give_up();
                if untold > 0 {
                    tracing::error!(untold, "records that no launcher took are lost");
                }
                return Ok(());
            }
        };
        world.linked.store(true, Ordering::Relaxed);
    }
    world.tell_counted();
    // Beyond that there is nobody who could still be told.
    let within = LAST_WORDS + post.catching_up();
    let _ = tokio::time::timeout(within, last_words(&wire, world, &mut post)).await;
    Ok(())
}

/// With one launcher, until serving is over or it is gone.
async fn talk(
    wire: &Wire,
    world: &World,
    post: &mut Post,
    serving: &mut watch::Receiver<usize>,
) -> Result<(), WireError> {
    let mut looks = tokio::time::interval(CARRIES_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut carried = Carried::default();
    loop {
        let paused = post.is_paused();
        tokio::select! {
            received = wire.receive::<ToServer>() => {
                let Some(message) = post.hear(received?.0, world) else { continue };
                if matches!(message, ToServer::Leaving) {
                    send(wire, post, ToLauncher::Paused).await?;
                }
                apply(world, message);
            }
            answer = world.revocations.answer(), if !paused => send(wire, post, answer).await?,
            message = post.next(), if !paused => send(wire, post, message).await?,
            _ = looks.tick(), if !paused => {
                if let Some(used) = world.key_uses.take() {
                    send(wire, post, used).await?;
                }
                let now = world.carried();
                if std::mem::replace(&mut carried, now) != now {
                    send(wire, post, ToLauncher::Carries(now)).await?;
                }
            }
            _ = serving.wait_for(|left| *left == 0) => return Ok(()),
        }
    }
}

async fn send(wire: &Wire, post: &mut Post, message: ToLauncher) -> Result<(), WireError> {
    match wire.send(&message).await {
        Ok(()) => post.sent(message),
        Err(error @ (WireError::TooLarge | WireError::Malformed)) => {
            tracing::error!(%error, "cannot tell the launcher something");
        }
        Err(error) => {
            post.unsent(message);
            return Err(error);
        }
    }
    Ok(())
}

/// Says what is left, and stays until the launcher has it: it may hear of this channel's end before it has read all of it.
async fn last_words(wire: &Wire, world: &World, post: &mut Post) {
    while post.owes() {
        tokio::select! {
            received = wire.receive::<ToServer>() => match received {
                Ok((message, _)) => drop(post.hear(message, world)),
                Err(_) => return,
            },
            message = post.next() => if send(wire, post, message).await.is_err() {
                return;
            },
        }
    }
}

fn apply(world: &World, message: ToServer) {
    match message {
        ToServer::Configuration(told) => configure(world, &told),
        ToServer::SignIn(sign_in) => world.table.sign_in(*sign_in),
        // Told to one that has all already.
        ToServer::SignIns(sign_ins) => world.table.sign_ins(sign_ins),
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
        ToServer::Keys(rows) => world.table.keys(rows),
        ToServer::Revoke { request, sign_ins, keys } => {
            tracing::info!(sign_ins = sign_ins.len(), keys = keys.len(), "sign-ins and keys revoked");
            world.revocations.begin(request, world.table.revoke(&sign_ins, &keys));
        }
        ToServer::Offline(offline) => {
            if offline.is_some() != world.table.load().offline.is_some() {
                tracing::info!(offline = offline.is_some(), "the administrator opens or closes");
            }
            world.table.offline(offline.map(|offline| *offline));
        }
        ToServer::Recognised { request, lives } => world.elsewhere.asked.answer(request, lives),
        ToServer::Apart(apart) => {
            if apart != world.table.load().apart {
                tracing::warn!(apart, "contact with other machines");
            }
            world.table.apart(apart);
        }
        ToServer::Opened { request, result } => world.opens.answer(request, result),
        ToServer::Begun { request, result } => world.begins.answer(request, result),
        ToServer::Described { request, result } => world.descriptions.answer(request, result),
        ToServer::Answered { request, result } => world.accounts.answer(request, result),
        ToServer::Figures { request, figures } => world.figures.pending.answer(request, figures),
        ToServer::Administrator { request, result } => world.administrators.answer(request, result),
        ToServer::Drain { within } => drain(world, Duration::from_secs(u64::from(within))),
        ToServer::Replaced { within } => hand_over(world, Duration::from_secs(u64::from(within))),
        // Heard by `post`.
        ToServer::Caught | ToServer::Leaving | ToServer::Written { .. } => {}
        ToServer::Hello(_) => tracing::error!("the launcher greeted twice"),
    }
}

/// Stops accepting; what is under way may go on for so long.
pub(crate) fn drain(world: &World, within: Duration) {
    tracing::info!(seconds = within.as_secs(), "draining");
    world.listen_no_more();
    world.drain.start(within);
    // Pages that wait for events are let go at once.
    world.table.poke();
}

/// Stops accepting, since another server does; whoever hangs on this one may go on for so long.
fn hand_over(world: &World, within: Duration) {
    tracing::info!(seconds = within.as_secs(), "another server takes what is new");
    world.listen_no_more();
    world.drain.hand_over(within);
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

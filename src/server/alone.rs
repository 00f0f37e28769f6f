//! Without a launcher: this server goes on serving those who are signed in, and knocks until the next launcher lets it in.
//!
//! Nothing can be revoked meanwhile, because only a launcher takes a revocation; and nobody new is let in. What needs one waits.
//! It ends when no launcher comes, or when the one that came doesn't know it. Called by `launcher_link`.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_runtime::Wire;
use portcullis_wire::knock::socket_path;
use portcullis_wire::{Channel, Knock, Let, versions};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::launcher_link::drain;
use crate::post::Post;
use crate::world::World;

/// How long a launcher may be away that said it is leaving to the next one.
const LEFT: Duration = Duration::from_secs(60);
/// How long one may be away that said nothing: killed, and started again after pauses that grow.
const LOST: Duration = Duration::from_secs(600);
/// Between two knocks.
const KNOCK_EVERY: Duration = Duration::from_millis(100);
/// Longest wait for an answer at the door: a launcher answers when it has read its state and its configuration.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// After so many refusals at the door this server is not known.
const REFUSALS_MAX: u32 = 3;
/// Time for what is under way on a server that is not let in.
const UNKNOWN: Duration = Duration::from_secs(5);
/// Load balancers need not know of an absence that is shorter.
const UNNOTICED: Duration = Duration::from_secs(5);

/// What became of a knock.
enum Knocked {
    In(Channel),
    /// Nobody there, or gone again.
    Nobody,
    Refused,
    OtherVersion,
}

/// Waits for the next launcher. `told`: the last one said that there will be one. `None` when serving is over before and there is
/// nothing to tell it, or when none came for what there is.
pub(crate) async fn until_the_next(
    world: &World,
    post: &mut Post,
    serving: &mut watch::Receiver<usize>,
    told: bool,
) -> Option<Channel> {
    let began = Instant::now();
    let mut patience = Some(began + if told { LEFT } else { LOST });
    let mut unnoticed = Some(began + UNNOTICED);
    let knocking = knock_on(world);
    tokio::pin!(knocking);
    let (mut over, mut refused) = (false, false);
    loop {
        tokio::select! {
            channel = &mut knocking, if !refused => match channel {
                Some(channel) => {
                    post.catches_up();
                    return Some(channel);
                }
                None if over => return None,
                None => refused = true,
            },
            () = post.collect() => {}
            // Asked for by the launcher that is gone.
            _ = world.revocations.answer() => {}
            () = until(unnoticed) => {
                unnoticed = None;
                world.linked.store(false, Ordering::Relaxed);
            }
            () = until(patience) => {
                patience = None;
                if over {
                    return None;
                }
                // One that finishes for another server, too: nobody could end its streams.
                if !world.drain.started() || world.drain.handed_over() {
                    tracing::warn!("no launcher came: finishing what is under way");
                    let snapshot = world.table.load();
                    let seconds = snapshot.generation.settings.portcullis.drain_seconds;
                    drain(world, Duration::from_secs(seconds.into()));
                }
            }
            _ = serving.wait_for(|left| *left == 0), if !over => {
                over = true;
                world.tell_counted();
                // One that was told to end has nobody to wait for.
                let waits = world.drain.handed_over() && patience.is_some() && !refused;
                if !waits || !post.has_untold() {
                    return None;
                }
                tracing::info!("nothing is left to serve: waiting for a launcher that takes the last records");
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Knocks until a launcher opens; `None` when this server is to end.
async fn knock_on(world: &World) -> Option<Channel> {
    let mut refusals = 0;
    loop {
        match tokio::time::timeout(ANSWER_WITHIN, knock(world)).await {
            Ok(Knocked::In(channel)) => return Some(channel),
            Ok(Knocked::Nobody) | Err(_) => {}
            Ok(Knocked::OtherVersion) => {
                tracing::warn!(
                    "the next launcher is of another version: what is revoked can't reach this server"
                );
                drain(world, UNKNOWN);
                return None;
            }
            Ok(Knocked::Refused) => {
                refusals += 1;
                if refusals >= REFUSALS_MAX {
                    tracing::warn!("the next launcher doesn't know this server");
                    drain(world, UNKNOWN);
                    return None;
                }
                sleep(KNOCK_EVERY * 5).await;
            }
        }
        sleep(KNOCK_EVERY).await;
    }
}

async fn knock(world: &World) -> Knocked {
    let Ok(channel) = Channel::connect(&socket_path(&world.run_dir)) else { return Knocked::Nobody };
    if channel.set_nonblocking(true).is_err() {
        return Knocked::Nobody;
    }
    let sent = {
        let listeners = world.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let fds: Vec<BorrowedFd<'_>> = listeners.iter().map(|fd| fd.as_fd()).collect();
        let mains = if fds.is_empty() { 0 } else { u8::try_from(world.gauges.len()).unwrap_or(0) };
        let knock = Knock {
            version: versions::SERVER,
            mains,
            draining: world.drain.started(),
            carried: world.carried(),
        };
        knock.send(&channel, &fds)
    };
    if sent.is_err() {
        return Knocked::Refused;
    }
    let Ok(copy) = channel.as_fd().try_clone_to_owned() else { return Knocked::Nobody };
    let Ok(wire) = Wire::new(Channel::from_fd(copy)) else { return Knocked::Nobody };
    match wire.let_in().await {
        Ok(Let::In) => Knocked::In(channel),
        Ok(Let::OtherVersion) => Knocked::OtherVersion,
        Err(_) => Knocked::Refused,
    }
}

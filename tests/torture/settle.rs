//! After an event everybody goes on, and what the event broke off is noticed before the next one begins.

use anyhow::{Context as _, Result, bail};
use portcullis_testing::until;

use crate::board::Board;
use crate::load::Worker;

/// Steps that everybody takes after an event: the first may have been answered before it, and one that is written may be lost.
const STEPS: u64 = 4;
/// Generations of servers after which connections are given up: at most four servers of before may finish, and older ones are
/// ended (`docs/operating.md`).
pub(crate) const OLDEST: u64 = 3;
/// A person would have given up.
const PATIENCE: u64 = 90;

/// Waits until all have settled. Where a server was killed, a transfer may have bytes in the kernel's buffers still: those that
/// were under way are brought to their end.
///
/// # Errors
/// Whoever does not go on.
pub(crate) fn all(board: &Board, load: &[Worker], server_killed: bool) -> Result<()> {
    let noted: Vec<(u64, u64)> = load.iter().map(|worker| (worker.steps(), worker.opened())).collect();
    let mut late = Vec::new();
    for (worker, (steps, opened)) in load.iter().zip(noted) {
        let old = worker.age(board) >= OLDEST;
        let renewed = (server_killed && worker.transfer) || old;
        if renewed && worker.transfer {
            worker.hurry(true);
        } else if renewed {
            worker.renew();
        }
        late.push((worker, steps + STEPS, if renewed { opened + 1 } else { opened }));
    }
    let gone_on = until::some("all go on", PATIENCE, || {
        // What was opened anew during the event may have got the number of the generation before.
        late.retain(|(worker, steps, opened)| worker.steps() < *steps || worker.opened() < *opened);
        Ok(late.is_empty().then_some(()))
    });
    for worker in load {
        worker.hurry(false);
    }
    let names: Vec<&str> = late.iter().map(|(worker, _, _)| worker.who.as_str()).collect();
    gone_on.with_context(|| format!("{} do not go on", names.join(", ")))?;
    if let Some(worker) = load.iter().find(|worker| worker.age(board) > OLDEST) {
        bail!("{} hangs on a server of {} generations before", worker.who, worker.age(board));
    }
    Ok(())
}

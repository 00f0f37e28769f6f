//! Where the paths of a request lead, and whether the person's flags let it go there.
//!
//! The session's own process follows them, as its user; what is compared is its answer. A path that can't be followed is not allowed.
//! Called by `ide`.

use std::sync::Arc;

use http::{Response, StatusCode};
use portcullis_policy::{Flags, Forward, PathClaim, PathRule, Refusal, outside};
use portcullis_proxy::Body;

use crate::answers::Public;
use crate::call::Call;
use crate::door::DoorError;
use crate::ide::{noted, refuse};
use crate::launcher_link::chain;
use crate::state::{Live, Person};

/// Paths in one question to a session, beside the home: it takes 16 (`portcullis_wire::Ask::Resolve`).
const RESOLVED_AT_ONCE: usize = 15;

/// Whether the paths that the request names lie in allowed directories; one that would have to, but for the effect `audit`, is
/// recorded when it doesn't, and when nobody can say where it leads.
pub(crate) async fn check_path(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    forward: &Forward,
) -> Result<(), Response<Body>> {
    let flags = person.flags_in(live.session.id);
    match outsider(call, person, live, flags, &forward.paths).await {
        Ok(None) => {}
        Ok(Some(claim)) => {
            return Err(refuse(call, live, &outside(flags, forward.capability, &claim.tail)));
        }
        // Fail closed: a path that can't be followed can't be allowed.
        Err(error) => return Err(call.reader().refuse(Public::of(StatusCode::BAD_GATEWAY), &chain(&error))),
    }
    let Some(strict) = flags.audited() else { return Ok(()) };
    match outsider(call, person, live, strict, &forward.recorded).await {
        Ok(None) => {}
        Ok(Some(claim)) => noted(call, live, &outside(strict, forward.capability, &claim.tail)),
        Err(error) => {
            let path = forward.recorded.claims().first().map_or("", |claim| claim.tail.as_str());
            let refusal = outside(strict, forward.capability, path);
            let rule = format!("{}, which could not be followed ({})", refusal.rule, chain(&error));
            noted(call, live, &Refusal { rule, ..refusal });
        }
    }
    Ok(())
}

/// The first path that doesn't lie in a directory that these flags allow, followed as its user would.
async fn outsider<'r>(
    call: &Call<'_>,
    person: &Person,
    live: &Live,
    flags: &Flags,
    rule: &'r PathRule,
) -> Result<Option<&'r PathClaim>, DoorError> {
    let claims = rule.claims();
    let home = &person.sign_in.principal.home;
    for some in claims.chunks(RESOLVED_AT_ONCE) {
        // The home itself may be reached by a link (`/home` on another disk): it is resolved beside the paths.
        let asked = std::iter::once(home.clone()).chain(some.iter().map(|claim| claim.under(home))).collect();
        let resolved = call.thread.doors.resolve(live.session.id, asked).await?;
        let home = resolved.first().and_then(Option::as_deref);
        let allowed = |at: usize| match (resolved.get(at + 1).and_then(Option::as_deref), home) {
            (Some(path), Some(home)) => flags.directory_allows(path, home),
            _ => false,
        };
        if let Some(at) = (0..some.len()).find(|at| !allowed(*at)) {
            return Ok(Some(&some[at]));
        }
        if matches!(rule, PathRule::Files(_)) {
            // Only a folder has a `.` in it.
            let home = &person.sign_in.principal.home;
            let asked = some.iter().map(|claim| format!("{}/.", claim.under(home))).collect();
            let folders = call.thread.doors.resolve(live.session.id, asked).await?;
            if let Some(at) = folders.iter().position(Option::is_some) {
                return Ok(Some(&some[at]));
            }
        }
    }
    Ok(None)
}

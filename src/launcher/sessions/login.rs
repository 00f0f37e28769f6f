//! The login session of a session: the number by which the kernel's audit knows all its processes.
//!
//! PAM's `pam_loginuid` begins one; where it isn't configured the keeper does. It is inherited, and nobody without privilege can
//! change it.

use portcullis_model::Uid;
use portcullis_model::sandbox::Network;
use portcullis_model::sign_in::Principal;
use portcullis_policy::sandbox::Files as _;
use portcullis_wire::SessionSpec;

use super::Entry;
use super::looked::Looked;
use crate::launcher::Launcher;
use crate::recorder::talk::Watched;

/// What the kernel says where there is none.
const NONE: u32 = u32::MAX;

/// The login session of this process.
pub(super) fn own() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/self/sessionid").ok()?;
    text.trim().parse().ok().filter(|&number| number != NONE)
}

/// In the keeper, behind PAM: the login session that what it starts will have; it begins one where PAM began none (`before`
/// is that of before PAM: perhaps an administrator's, who started the daemon by hand).
pub(super) fn begun(uid: Uid, before: Option<u32>) -> Option<u32> {
    if own() == before {
        // Refused in a container, say, or where login ids are locked: then there is none.
        std::fs::write("/proc/self/loginuid", uid.0.to_string()).ok()?;
    }
    own().filter(|&number| Some(number) != before)
}

impl Launcher {
    /// Has what runs in a session recorded from here on.
    pub(super) fn recorded(
        &mut self,
        login: Option<u32>,
        spec: &SessionSpec,
        allowed: Option<Vec<String>>,
    ) -> Result<(), String> {
        let Some(entry) = self.sessions.get(&spec.id) else { return Ok(()) };
        let programs = spec.sandbox.programs.as_ref();
        let watched = login.map(|login| Watched {
            login,
            keeper: entry.kept.keeper,
            hidden: programs.map(|programs| programs.folders.clone()).unwrap_or_default(),
            ruled: matches!(spec.sandbox.network, Network::Ruled(_)),
            allowed,
        });
        self.record_session(spec.id, watched)
    }

    /// Where `allow-shell=0` is only recorded (`audit-only`): the programs that it would leave.
    /// By all their names, the real ones too: the kernel's records have those.
    pub(super) fn would_be_allowed(
        &self,
        entry: &Entry,
        spec: &SessionSpec,
        who: &Principal,
        looked: &Looked,
    ) -> Option<Vec<String>> {
        let strict = self.flags(who).audited?;
        if strict.shell.value || spec.sandbox.programs.is_some() {
            return None;
        }
        let session = &entry.kept.session;
        let facts = self.launch_facts(session.id, who, &session.token, Vec::new());
        let plan = self.plan_under(*strict, session.ide, &facts, &spec.command, looked).ok()?;
        let programs = plan.sandbox.programs?;
        let stub = looked.steps(&programs.stub);
        Some(programs.allowed.into_iter().chain([programs.stub]).chain(stub).collect())
    }
}

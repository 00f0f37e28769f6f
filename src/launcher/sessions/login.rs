//! The login session of a session: the number by which the kernel's audit knows all its processes.
//!
//! PAM's `pam_loginuid` begins one; where it isn't configured the keeper does. It is inherited, and nobody without privilege can
//! change it.

use portcullis_model::sandbox::Sandbox;
use portcullis_model::{SessionId, Uid};

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
        id: SessionId,
        login: Option<u32>,
        sandbox: &Sandbox,
    ) -> Result<(), String> {
        let Some(entry) = self.sessions.get(&id) else { return Ok(()) };
        let watched = login.map(|login| Watched {
            login,
            keeper: entry.kept.keeper,
            hidden: sandbox.programs.as_ref().map(|programs| programs.folders.clone()).unwrap_or_default(),
            allowed: None,
        });
        self.record_session(id, watched)
    }
}

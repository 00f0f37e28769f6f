//! `audit-programs=required`: no session whose programs are not recorded.

use portcullis_conf::{FileKind, Wanted};
use portcullis_model::SessionId;
use portcullis_model::session::Ide;
use portcullis_model::sign_in::SignIn;
use portcullis_wire::launcher::OpenError;

use super::link::Recording;
use super::talk::Watched;
use crate::launcher::Launcher;
use crate::log::say;

impl Launcher {
    /// Before anything runs in a session: whose login session it is. Refused where recording is demanded and can't be had.
    pub(crate) fn record_session(&mut self, id: SessionId, watched: Option<Watched>) -> Result<(), String> {
        let required = self.active.settings.confinement.audit_programs == Wanted::Required;
        if let Recording::Unusable(why) = &self.recorder.state {
            return if required { Err(not_recorded(why)) } else { Ok(()) };
        }
        let Some(watched) = watched else {
            let why = "its processes have no login session of their own";
            return if required { Err(not_recorded(why)) } else { Ok(()) };
        };
        self.recorder.watch(&watched);
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.kept.watched = Some(watched);
            self.dirty.at_once();
        }
        Ok(())
    }

    /// Whether a session may be opened as far as recording is concerned; a refusal is recorded.
    pub(crate) fn may_record(&mut self, sign_in: &SignIn, ide: Ide) -> Result<(), OpenError> {
        let wanted = self.active.settings.confinement.audit_programs;
        let Some(why) = prevents(wanted, &self.recorder.state) else { return Ok(()) };
        let origin = self.active.settings.origin(FileKind::Portcullis, "audit-programs");
        let user = &sign_in.principal.user;
        let rule = format!("audit-programs=required ({origin}): {why}");
        say!(Info, "a session was refused user={user} ide={ide}: {rule}");
        self.record_refused(sign_in, None, ide.word(), rule);
        Err(OpenError::NotConfined { rule: "audit-programs=required".into(), why })
    }
}

/// What keeps a session from being started, where recording is demanded.
fn prevents(wanted: Wanted, state: &Recording) -> Option<String> {
    match (wanted, state) {
        (Wanted::Auto | Wanted::Off, _) | (Wanted::Required, Recording::Usable) => None,
        (Wanted::Required, Recording::Off | Recording::Waiting) => {
            Some("the recorder is not ready".to_owned())
        }
        (Wanted::Required, Recording::Unusable(why)) => Some(why.clone()),
    }
}

fn not_recorded(why: &str) -> String {
    format!("programs that are started must be recorded here, and can't be: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_demanded_and_missing_prevents() {
        let states =
            [Recording::Off, Recording::Waiting, Recording::Usable, Recording::Unusable("locked".into())];
        for state in &states {
            assert_eq!(prevents(Wanted::Auto, state), None);
            assert_eq!(prevents(Wanted::Off, state), None);
            assert_eq!(prevents(Wanted::Required, state).is_none(), *state == Recording::Usable);
        }
        assert_eq!(prevents(Wanted::Required, &states[3]).as_deref(), Some("locked"));
    }
}

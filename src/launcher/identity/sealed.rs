//! Rows of sign-ins as other machines believe them: with a seal that only launchers make.

use portcullis_model::AccountId;
use portcullis_model::seal::{Carried, SealedSignIn, Sealer};
use portcullis_model::sign_in::SignIn;
use portcullis_wire::identity::HistoryRow;

use crate::launcher::Launcher;

/// The row of a sign-in.
pub(super) fn row(sign_in: &SignIn, account: AccountId, sealer: Option<&Sealer>) -> HistoryRow {
    let carried = Carried { uid: sign_in.principal.uid, limited: sign_in.is_limited(), ends: sign_in.ends };
    let method = sign_in.method.word();
    let sealed = SealedSignIn {
        id: sign_in.id,
        account,
        user: sign_in.principal.user.as_str(),
        method,
        remote: sign_in.remote,
        since: sign_in.since,
        until: sign_in.until,
    };
    HistoryRow {
        id: sign_in.id,
        account,
        method: method.into(),
        remote: sign_in.remote,
        agent: sign_in.agent.clone(),
        since: sign_in.since,
        seen: sign_in.seen,
        until: sign_in.until,
        seal: sealer.map_or_else(Vec::new, |sealer| sealer.sign_in(&sealed, carried)),
    }
}

impl Launcher {
    /// Whether other machines share the database.
    pub(crate) fn shares_accounts(&self) -> bool {
        self.active.settings.database.provider == portcullis_conf::DatabaseProvider::Postgresql
    }

    /// What makes and checks seals, by the keys in force.
    pub(crate) fn sealer(&self) -> Option<Sealer> {
        Sealer::new(&self.active.keys)
    }

    /// The row of a sign-in that has an account.
    pub(crate) fn row_of(&self, sign_in: &SignIn) -> Option<HistoryRow> {
        Some(row(sign_in, sign_in.account?, self.sealer().as_ref()))
    }
}

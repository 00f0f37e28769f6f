//! One PAM transaction, from `pam_start` to `pam_end`, with the steps in the order modules expect.

use pam_client2::{Context, ErrorCode, Flag, SessionToken};

use crate::bridge::{Answer, Bridge, Cancelled, Conversation, Message};
use crate::failure::{Failure, FailureKind, Stage};

/// What a transaction is about.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Name of the file in `/etc/pam.d`.
    pub service: &'a str,
    /// The account, as typed or as known.
    pub user: &'a str,
    /// `PAM_RHOST`: the client's address as digits, so that no module asks a name server the client controls.
    pub remote: Option<&'a str>,
    /// `PAM_TTY`: a word, since there is no terminal; `pam_access` and `pam_time` match on it.
    pub tty: &'a str,
    /// `PAM_RUSER`: who asks, where that is another account.
    pub asking_user: Option<&'a str>,
}

/// A conversation for steps that nobody watches: every question is answered with "cancelled".
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Conversation for Silent {
    fn ask(&mut self, _: &[Message]) -> Result<Answer, Cancelled> {
        Err(Cancelled)
    }
}

/// A running transaction; dropping it closes what is open and ends it.
pub struct Transaction<C: Conversation> {
    context: Context<Bridge<C>>,
    session: Option<SessionToken>,
}

impl<C: Conversation> std::fmt::Debug for Transaction<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("session", &self.session.is_some()).finish_non_exhaustive()
    }
}

impl<C: Conversation> Transaction<C> {
    /// Starts a transaction and sets its items.
    ///
    /// # Errors
    /// [`FailureKind::System`] when libpam can't read the service's configuration or an item has a zero byte.
    pub fn begin(request: &Request<'_>, conversation: C) -> Result<Self, Failure> {
        let failed = |error: pam_client2::Error| Failure::new(Stage::Start, false, &error);
        let mut context =
            Context::new(request.service, Some(request.user), Bridge::new(conversation)).map_err(failed)?;
        context.set_tty(Some(request.tty)).map_err(failed)?;
        if let Some(remote) = request.remote {
            context.set_rhost(Some(remote)).map_err(failed)?;
        }
        if let Some(user) = request.asking_user {
            context.set_ruser(Some(user)).map_err(failed)?;
        }
        Ok(Self { context, session: None })
    }

    /// Proves who it is. An account without a password is refused.
    ///
    /// # Errors
    /// See [`FailureKind`].
    pub fn authenticate(&mut self) -> Result<(), Failure> {
        let result = self.context.authenticate(Flag::DISALLOW_NULL_AUTHTOK);
        self.outcome(Stage::Authenticate, result)
    }

    /// Asks whether the account may be used, here and now.
    ///
    /// # Errors
    /// [`FailureKind::NewPasswordRequired`] when its password has expired; see [`FailureKind`].
    pub fn account(&mut self) -> Result<(), Failure> {
        let result = self.context.acct_mgmt(Flag::DISALLOW_NULL_AUTHTOK);
        self.outcome(Stage::Account, result)
    }

    /// Has an expired password changed, by the person, through the conversation.
    ///
    /// # Errors
    /// See [`FailureKind`].
    pub fn change_expired_password(&mut self) -> Result<(), Failure> {
        let result = self.context.chauthtok(Flag::CHANGE_EXPIRED_AUTHTOK);
        self.outcome(Stage::Password, result)
    }

    /// The account's name as PAM has it now; a module may have changed it.
    ///
    /// # Errors
    /// [`FailureKind::System`] when PAM has none.
    pub fn user(&mut self) -> Result<String, Failure> {
        let result = self.context.user();
        self.outcome(Stage::Start, result)
    }

    /// Establishes credentials, opens the session and sets the credentials again: modules differ in when they want it, this
    /// order serves all (OpenSSH does alike). The caller has set the supplementary groups before, and reads them after.
    ///
    /// # Errors
    /// See [`FailureKind`]; what had been done was undone.
    pub fn open_session(&mut self) -> Result<(), Failure> {
        let result = self.context.open_session(Flag::NONE).map(pam_client2::Session::leak);
        self.session = Some(self.outcome(Stage::Session, result)?);
        Ok(())
    }

    /// The environment that modules want for the session. Untrusted: `pam_env` may read it from a file of the user's.
    /// Variables that are not UTF-8 are left out.
    pub fn environment(&self) -> Vec<(String, String)> {
        let list = self.context.envlist();
        let split = |item: &pam_client2::env_list::EnvItem| {
            let (name, value) = item.as_cstr().to_str().ok()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        list.iter().filter_map(split).collect()
    }

    /// Closes the session and deletes the credentials. Does nothing without a session.
    ///
    /// # Errors
    /// See [`FailureKind`]; the rest is tried nevertheless when the transaction is dropped.
    pub fn close_session(&mut self) -> Result<(), Failure> {
        let Some(token) = self.session.take() else { return Ok(()) };
        let closed = self.context.unleak_session(token).close(Flag::NONE);
        closed.map_err(|error| Failure::new(Stage::Session, false, &error))
    }

    /// What modules said after their last question: for the audit log.
    pub fn unsaid(&mut self) -> Vec<Message> {
        self.context.conversation_mut().take_unsaid()
    }

    fn outcome<T>(&mut self, stage: Stage, result: Result<T, pam_client2::Error>) -> Result<T, Failure> {
        let cancelled = self.context.conversation().cancelled;
        match result {
            // A module that ignores a failed conversation and says yes is not believed.
            Ok(_) if cancelled => Err(Failure {
                kind: FailureKind::Cancelled,
                stage,
                text: format!("{:?}", ErrorCode::CONV_ERR),
            }),
            Ok(value) => Ok(value),
            Err(error) => Err(Failure::new(stage, cancelled, &error)),
        }
    }
}

impl<C: Conversation> Drop for Transaction<C> {
    fn drop(&mut self) {
        // Nobody is left to tell; the keeper closes by hand and reports.
        let _ = self.close_session();
    }
}

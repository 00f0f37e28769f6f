//! The handlers of the request table, one arm per row.

use std::time::Instant;

use portcullis_model::audit::Event;
use portcullis_model::sign_in::Denied;
use portcullis_wire::launcher::OpenError;
use portcullis_wire::{ToLauncher, ToServer, WireError};

use crate::launcher::Launcher;
use crate::server::{ServerError, ServerNo};
use crate::table::Permit;

impl Launcher {
    /// Handles one request that the table permits.
    ///
    /// # Errors
    /// When its content breaks the rules; the server is replaced then.
    pub(crate) fn handle(
        &mut self,
        from: ServerNo,
        request: ToLauncher,
        permit: Permit,
        now: Instant,
    ) -> Result<(), ServerError> {
        let malformed = || ServerError::Channel(WireError::Malformed);
        if permit == Permit::TooMany {
            self.refuse_too_many(from, request, now);
            return Ok(());
        }
        match request {
            ToLauncher::Ready => self.server_ready(now),
            ToLauncher::SignInStart { conversation, user, remote, password } => {
                if self.conversations.contains_key(&(from, conversation)) {
                    return Err(malformed());
                }
                self.start_sign_in((from, conversation), user, remote, password, now);
            }
            ToLauncher::SignInAnswer { conversation, answers } => {
                self.answer((from, conversation), answers, now);
            }
            ToLauncher::SignInCancel { conversation } => self.cancel((from, conversation), now),
            ToLauncher::SignOut { sign_in } => self.sign_out(sign_in),
            ToLauncher::Touch { sign_in, until } => self.touch(sign_in, until),
            ToLauncher::OpenSession { request, sign_in, ide } => {
                self.open_session(request, sign_in, ide, now)
            }
            ToLauncher::StopSession { sign_in, session } => self.stop_session(sign_in, session, now),
            ToLauncher::Activity { session, at, by } => self.activity(session, at, by, now),
            ToLauncher::Seen(all) => self.seen(&all),
            ToLauncher::Audit(event) => match event {
                Event::Refused { .. }
                | Event::Transfer { .. }
                | Event::Console { .. }
                | Event::ConsoleLimit { .. }
                | Event::Overflow { .. } => self.log.write(event),
                // Whatever else it says happened is for the launcher alone to know.
                Event::Started { .. }
                | Event::Stopped { .. }
                | Event::ProcessLost { .. }
                | Event::ServerReplaced { .. }
                | Event::ServerRefused { .. }
                | Event::Configured { .. }
                | Event::SignIn { .. }
                | Event::SignInDenied { .. }
                | Event::SignInEnded { .. }
                | Event::SessionStarted { .. }
                | Event::SessionEnded { .. }
                | Event::PeerRefused { .. }
                | Event::LimitReached { .. }
                | Event::Executed { .. }
                | Event::Refusal { .. }
                | Event::ExecutionsLost { .. }
                | Event::Exempted { .. }
                | Event::ExemptionEnded { .. }
                | Event::Revoked { .. }
                | Event::RevocationDone { .. }
                | Event::Administered { .. } => return Err(malformed()),
            },
            ToLauncher::ConfigurationInForce { generation } => self.configuration_in_force(from, generation),
            ToLauncher::ConfigurationRefused { generation, why } => {
                self.configuration_refused(from, generation, &why, now)?;
            }
            ToLauncher::Revoked { request, websockets, transfers, left } => {
                self.server_revoked(from, request, (websockets, transfers, left));
            }
            ToLauncher::Figures { request } => self.tell_figures(request, now),
            ToLauncher::AdminLook { request, sign_in, history } => {
                self.admin_look(request, sign_in, history, now);
            }
            ToLauncher::AdminAct { request, sign_in, act } => self.admin_act(request, sign_in, act, now),
            ToLauncher::AdminSearch { request, sign_in, search } => {
                self.admin_search(request, sign_in, search, now);
            }
            ToLauncher::Carries(carried) => {
                if let Some(up) = self.server.get(from) {
                    up.carried = carried;
                }
            }
            ToLauncher::Paused => {
                if let Some(up) = self.server.get(from) {
                    up.paused = true;
                }
            }
        }
        Ok(())
    }

    /// Answers a request that came too often for its row.
    fn refuse_too_many(&mut self, from: ServerNo, request: ToLauncher, now: Instant) {
        match request {
            ToLauncher::SignInStart { conversation, user, remote, .. }
                if !self.conversations.contains_key(&(from, conversation)) =>
            {
                self.deny_at_once(
                    (from, conversation),
                    &user,
                    remote,
                    Denied::Throttled,
                    "too many sign-ins a second",
                );
            }
            ToLauncher::SignInAnswer { conversation, .. } | ToLauncher::SignInCancel { conversation } => {
                self.cancel((from, conversation), now);
            }
            ToLauncher::OpenSession { request, .. } => {
                let result = Err(OpenError::TooMany {
                    limit: crate::table::row(crate::table::Kind::OpenSession).per_second,
                });
                self.server.tell_answer(ToServer::Opened { request, result });
            }
            ToLauncher::AdminLook { request, .. }
            | ToLauncher::AdminAct { request, .. }
            | ToLauncher::AdminSearch { request, .. } => self.admin_too_many(request),
            // A sign-out is never lost; there are as many as there were sign-ins.
            ToLauncher::SignOut { sign_in } => self.sign_out(sign_in),
            // Counted, and written as one record with the next sweep: a flood of records must not become another.
            ToLauncher::Audit(event) => self.lost_records.note(&event),
            ToLauncher::Ready
            | ToLauncher::SignInStart { .. }
            | ToLauncher::Touch { .. }
            | ToLauncher::StopSession { .. }
            | ToLauncher::Activity { .. }
            | ToLauncher::Seen { .. }
            | ToLauncher::ConfigurationInForce { .. }
            | ToLauncher::ConfigurationRefused { .. }
            | ToLauncher::Revoked { .. }
            | ToLauncher::Figures { .. }
            | ToLauncher::Carries(_)
            | ToLauncher::Paused => {}
        }
    }
}

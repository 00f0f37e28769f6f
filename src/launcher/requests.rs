//! The handlers of the request table, one arm per row.

use std::time::Instant;

use portcullis_model::audit::Event;
use portcullis_model::proof::Evidence;
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
            ToLauncher::SignInStart { conversation, remote, evidence, agent } => {
                if self.conversations.contains_key(&(from, conversation)) {
                    return Err(malformed());
                }
                self.start_sign_in((from, conversation), (remote, &agent), evidence, now);
            }
            ToLauncher::SignInAnswer { conversation, answers } => {
                self.answer((from, conversation), answers, now);
            }
            ToLauncher::SignInCancel { conversation } => self.cancel((from, conversation), now),
            ToLauncher::Begin { request, remote, method, flow } => {
                self.begin_flow((from, request), remote, method, *flow, now);
            }
            ToLauncher::Describe { request, remote, method } => {
                self.describe_us((from, request), remote, method, now);
            }
            ToLauncher::AccountAsk { request, asker, wish } => {
                self.account_ask((from, request), asker, *wish, now);
            }
            ToLauncher::KeysUsed(used) => self.keys_used(used),
            ToLauncher::Known { request, sign_in } => self.known_ask((from, request), sign_in, now),
            ToLauncher::KnownKey { request, key } => self.known_key_ask((from, request), key, now),
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
                Event::KeyRefused { .. } => self.key_refused(event),
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
                | Event::Administered { .. }
                | Event::AccountCreated { .. }
                | Event::AccountChanged { .. }
                | Event::AccountLocked { .. }
                | Event::AccountUnlocked { .. }
                | Event::AccountRemoved { .. }
                | Event::AccountTransferred { .. }
                | Event::FactorEnrolled { .. }
                | Event::FactorRemoved { .. }
                | Event::FactorFailed { .. }
                | Event::SignInElsewhere { .. }
                | Event::KeyElsewhere { .. }
                | Event::RowRefused { .. }
                | Event::KeyCreated { .. }
                | Event::KeyEnded { .. }
                | Event::GroupChanged { .. }
                | Event::MemberChanged { .. }
                | Event::MembershipChanged { .. }
                | Event::IdentityLost { .. }
                | Event::IdentityBack { .. } => return Err(malformed()),
            },
            ToLauncher::ConfigurationInForce { generation } => self.configuration_in_force(from, generation),
            ToLauncher::ConfigurationRefused { generation, why } => {
                self.configuration_refused(from, generation, &why, now)?;
            }
            ToLauncher::Revoked { request, websockets, transfers, left } => {
                self.server_revoked(from, request, (websockets, transfers, left));
            }
            ToLauncher::Figures { request } => self.tell_figures(request, now),
            ToLauncher::AdminLook { request, sign_in, history, at } => {
                self.admin_look((request, sign_in), history, at, now);
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
            ToLauncher::SignInStart { conversation, remote, evidence, agent }
                if !self.conversations.contains_key(&(from, conversation)) =>
            {
                // A flood keeps nobody out where they work; their own counts still hold.
                let steady = now.duration_since(self.began);
                if matches!(&evidence, Evidence::Form { user, .. } if self.throttle.expects(user, remote, steady))
                {
                    return self.start_sign_in((from, conversation), (remote, &agent), evidence, now);
                }
                let (method, user) = self.route(&evidence, remote);
                let why = "too many sign-ins a second";
                self.deny_at_once((from, conversation), (&user, remote, method), Denied::Throttled, why);
            }
            ToLauncher::SignInAnswer { conversation, .. } | ToLauncher::SignInCancel { conversation } => {
                self.cancel((from, conversation), now);
            }
            ToLauncher::Begin { request, remote, method, .. } => {
                let why = "too many sign-ins a second";
                self.nowhere((from, request), remote, method, Denied::Throttled, why);
            }
            ToLauncher::Describe { request, remote, method } => {
                let why = "too many questions a second";
                self.undescribed((from, request), remote, method, Denied::Throttled, why);
            }
            ToLauncher::AccountAsk { request, .. } => self.account_too_many((from, request)),
            ToLauncher::OpenSession { request, .. } => {
                let result = Err(OpenError::TooMany {
                    limit: crate::table::row(crate::table::Kind::OpenSession).per_second,
                });
                self.server.tell_answer(ToServer::Opened { request, result });
            }
            ToLauncher::AdminLook { request, .. }
            | ToLauncher::AdminAct { request, .. }
            | ToLauncher::AdminSearch { request, .. } => self.admin_too_many(request),
            ToLauncher::Known { request, .. } | ToLauncher::KnownKey { request, .. } => {
                self.known_too_many((from, request));
            }
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
            | ToLauncher::KeysUsed(_)
            | ToLauncher::Paused => {}
        }
    }
}

//! The table of events. A row each: name, word, fields; splitting it would hide what is missing.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::EventDoc;
use super::declare::events;
use crate::exemption::ExemptionEnd;
use crate::key::{KeyEnd, KeyId, KeyRefusal};
use crate::session::EndReason;
use crate::sign_in::{Denied, SignInEnd};
use crate::{AccountId, ExemptionId, GroupId, SessionId, SignInId, Uid};

events! {
    /// The daemon started, and in what state it found the log.
    Started = "started" {
        /// Version of the launcher.
        version: String,
        /// Sessions found alive and taken over again.
        adopted: u32,
        /// Bytes of a half-written last line that a crash left; they are kept beside the log.
        torn_bytes: u64,
    }
    /// The daemon ended in order.
    Stopped = "stopped" {
        /// Why.
        why: String,
    }
    /// A process of ours died and what was done.
    ProcessLost = "process-lost" {
        /// `server`, `helper`, `keeper` or `session`.
        process: String,
        /// Its exit status or signal.
        status: String,
    }
    /// A server's place was taken by another one, or its time was over; what hung on it by then.
    ServerReplaced = "server-replaced" {
        /// Its process.
        pid: i32,
        /// `replaced`; `other-version`, when it could not speak with the launcher that came; `configuration-refused`, when it could
        /// not use that launcher's configuration; `too-many`; or `late`, when it did not finish in time.
        why: String,
        /// Seconds that it has to finish.
        within: u64,
        /// Connections of browsers, those of WebSockets over HTTP/1 not counted.
        connections: u32,
        /// WebSockets.
        websockets: u32,
        /// Connections on which a request was under way.
        busy: u32,
    }
    /// Somebody knocked where servers of before come back, and was none.
    ServerRefused = "server-refused" {
        /// The process, the last one of several.
        pid: i32,
        /// Its user.
        uid: Uid,
        /// Why it was refused.
        why: String,
        /// How many alike there were.
        count: u32,
    }
    /// The configuration was read again.
    Configured = "configured" {
        /// Counts up with each accepted configuration.
        generation: u64,
        /// `accepted`, or `kept-old` when the new one was wrong.
        outcome: String,
        /// Number of problems found.
        problems: u32,
    }
    /// Somebody signed in.
    SignIn = "sign-in" {
        /// Canonical name.
        user: String,
        /// Its number.
        uid: Uid,
        /// From where.
        remote: IpAddr,
        /// By what method: `pam`, `ldap`, `openid`, `saml`, `kerberos`, `proxy`, `none`.
        method: String,
        /// The sign-in's id, which the cookie carries.
        sign_in: SignInId,
        /// The second factor: `totp`, `passkey` or `recovery`; `to-enrol` where one is needed and none is enrolled, so that nothing
        /// but that can be done; empty where none was asked for.
        factor: String,
    }
    /// Somebody was not let in.
    SignInDenied = "sign-in-denied" {
        /// The name as typed, cut to 64 characters, control characters replaced.
        user: String,
        /// From where.
        remote: IpAddr,
        /// By what method: `pam`, `ldap`, `openid`, `saml`, `kerberos`, `proxy`, `none`.
        method: String,
        /// Why.
        reason: Denied,
        /// What PAM or the method said of it, for the administrator.
        detail: String,
    }
    /// A sign-in ended.
    SignInEnded = "sign-in-ended" {
        /// Canonical name.
        user: String,
        /// Which.
        sign_in: SignInId,
        /// Why.
        why: SignInEnd,
    }
    /// An account was made: at a first sign-in, or beforehand.
    AccountCreated = "account-created" {
        /// The Unix account.
        user: String,
        /// Names the account for ever.
        account: AccountId,
        /// Who keeps the identity: `system`, `ldap:…`, `openid:…`, `saml:…`.
        provider: String,
        /// The role that it has.
        role: String,
        /// Why it has that role: rule, value, place.
        reason: String,
        /// Who made it: `sign-in`, or as in `revoked`.
        by: String,
    }
    /// Something of an account is otherwise: a record for each thing.
    AccountChanged = "account-changed" {
        /// The Unix account.
        user: String,
        /// Which.
        account: AccountId,
        /// What: `role`, `username`, `unix-name`, `identity`, `first`, `last`, `email`, `groups`.
        what: String,
        /// What it was; of groups those that are gone.
        from: String,
        /// What it is; of groups those that are new.
        to: String,
        /// Who changed it: `sign-in`, `sync`, or as in `revoked`.
        by: String,
        /// As in `revoked`.
        login: i64,
    }
    /// An account was locked: its sign-ins, keys and sessions end, what it owns stays.
    AccountLocked = "account-locked" {
        /// The Unix account.
        user: String,
        /// Which.
        account: AccountId,
        /// As in `revoked`.
        login: i64,
        /// As in `revoked`.
        by: String,
    }
    /// An account may be used again.
    AccountUnlocked = "account-unlocked" {
        /// The Unix account.
        user: String,
        /// Which.
        account: AccountId,
        /// As in `revoked`.
        login: i64,
        /// As in `revoked`.
        by: String,
    }
    /// An account was removed; its records stay.
    AccountRemoved = "account-removed" {
        /// The Unix account.
        user: String,
        /// Which.
        account: AccountId,
        /// As in `revoked`.
        login: i64,
        /// As in `revoked`.
        by: String,
    }
    /// What one account owned is another's.
    AccountTransferred = "account-transferred" {
        /// From whom.
        user: String,
        /// From which.
        account: AccountId,
        /// To whom.
        to: String,
        /// To which.
        to_account: AccountId,
        /// What, and how many: `keys 2, groups 1`.
        moved: String,
        /// As in `revoked`.
        login: i64,
        /// As in `revoked`.
        by: String,
    }
    /// Somebody who is signed in at another machine with the same database comes with their cookie, and is signed in here too.
    SignInElsewhere = "sign-in-elsewhere" {
        /// The Unix account.
        user: String,
        /// Its number.
        uid: Uid,
        /// From where they signed in.
        remote: IpAddr,
        /// What the cookie carries.
        sign_in: SignInId,
    }
    /// An API key that was made at another machine with the same database is used, and is good here too.
    KeyElsewhere = "key-elsewhere" {
        /// Its owner.
        user: String,
        /// Their number.
        uid: Uid,
        /// Which.
        key: KeyId,
    }
    /// A row of the database that no launcher made, or that is another than the one that was made: it is not honoured.
    RowRefused = "row-refused" {
        /// What kind: `sign-in` or `key`.
        kind: String,
        /// Its id.
        id: String,
        /// Why.
        why: String,
    }
    /// Somebody made an API key.
    KeyCreated = "key-created" {
        /// Its owner.
        user: String,
        /// Their account.
        account: AccountId,
        /// Its public half: no secret.
        key: KeyId,
        /// What its owner calls it.
        name: String,
        /// What it may be used for.
        scopes: String,
        /// The role that it has at the most.
        role: String,
        /// From where it may be used; empty for everywhere.
        sources: String,
        /// Until when, in seconds since 1970; 0 for ever.
        until: u64,
    }
    /// An API key is over, and what was open by it ends.
    KeyEnded = "key-ended" {
        /// Its owner.
        user: String,
        /// Their account.
        account: AccountId,
        /// Which.
        key: KeyId,
        /// Why.
        why: KeyEnd,
        /// As in `revoked`.
        login: i64,
        /// Who ended it: as in `revoked`, or empty where its time was over.
        by: String,
    }
    /// A request with an API key was refused. Of a flood from one address the first sixty are recorded, then one in two seconds.
    KeyRefused = "key-refused" {
        /// The key's public half as it came; empty where it was none.
        key: String,
        /// From where.
        remote: IpAddr,
        /// Why.
        why: KeyRefusal,
        /// Method and path, no query.
        what: String,
        /// The id that the answer carried.
        id: String,
    }
    /// A group of ours was made, renamed or removed.
    GroupChanged = "group-changed" {
        /// Which.
        group: GroupId,
        /// Its name now, or when it was removed.
        name: String,
        /// `made`, `renamed` or `removed`.
        what: String,
        /// As in `revoked`.
        by: String,
    }
    /// Somebody is in a group of ours, or isn't any more.
    MemberChanged = "member-changed" {
        /// The Unix account.
        user: String,
        /// Whose account.
        account: AccountId,
        /// Which group.
        group: GroupId,
        /// Its name.
        name: String,
        /// Whether they are in it now.
        member: bool,
        /// As in `revoked`.
        by: String,
    }
    /// A session's processes run as its user; the line proves what they may still do.
    SessionStarted = "session-started" {
        /// Which.
        session: SessionId,
        /// Its owner.
        user: String,
        /// What it runs.
        ide: String,
        /// Process id of the session process.
        pid: i32,
        /// TCP port, or 0 when the connection is handed over.
        port: u16,
        /// Ids, groups, capabilities, no_new_privs and limits as the kernel reports them after the drop.
        proof: String,
    }
    /// A session ended and all its processes are gone.
    SessionEnded = "session-ended" {
        /// Which.
        session: SessionId,
        /// Its owner.
        user: String,
        /// Why.
        why: EndReason,
        /// Processes that had to be ended after the IDE itself.
        left_over: u32,
        /// Whether RStudio saved its state before it went.
        suspended: bool,
    }
    /// Somebody who is not the proxy connected to a session's port.
    PeerRefused = "peer-refused" {
        /// Whose port.
        session: SessionId,
        /// The port.
        port: u16,
        /// The uid of the other end, or -1 when the kernel couldn't say.
        peer: i64,
    }
    /// A request or message was refused by a flag, an unknown route or a missing permission.
    Refused = "refused" {
        /// Who asked; empty when nobody was signed in.
        user: String,
        /// In which session; empty outside one.
        session: String,
        /// From where.
        remote: IpAddr,
        /// The capability asked for, or `unknown`.
        capability: String,
        /// Method and path (no query), or the message's type.
        what: String,
        /// The rule: flag, file and line.
        rule: String,
        /// The id the browser was shown.
        id: String,
        /// How many alike within a minute this one stands for.
        count: u32,
        /// What the session runs; empty outside one.
        ide: String,
        /// The request's method; empty where it was no request.
        method: String,
        /// The path as the IDE would have seen it, without query; of a message, that of its WebSocket. Empty outside a session.
        path: String,
        /// `block`, or `audit` when it passed all the same and is only recorded.
        effect: String,
    }
    /// An administrator lifted a flag for a person, for a while.
    Exempted = "exempted" {
        /// Names the exemption.
        exemption: ExemptionId,
        /// For whom.
        user: String,
        /// The flag.
        flag: String,
        /// In this session only; empty for all of that person's.
        session: String,
        /// For how long.
        seconds: u64,
        /// Why, in the administrator's words.
        reason: String,
        /// The uid that signed in to the machine and became root to ask for it, or -1 when the kernel doesn't know.
        login: i64,
    }
    /// An exemption ended.
    ExemptionEnded = "exemption-ended" {
        /// Which.
        exemption: ExemptionId,
        /// Whose it was.
        user: String,
        /// The flag, which holds again.
        flag: String,
        /// Why.
        why: ExemptionEnd,
        /// As in `exempted` when an administrator ended it, else -1.
        login: i64,
    }
    /// An administrator ended everything of a person: each sign-in and session has a record of its end as well.
    Revoked = "revoked" {
        /// Whose.
        user: String,
        /// Sign-ins that ended.
        sign_ins: u32,
        /// API keys that ended, or open nothing while their owner is locked.
        keys: u32,
        /// Sessions that end.
        sessions: u32,
        /// Processes in them at that moment.
        processes: u32,
        /// The uid that signed in to the machine and became root to ask for it, or -1 when the kernel doesn't know, or it was
        /// asked for in a browser.
        login: i64,
        /// The administrator: who is signed in, or as the command says it.
        by: String,
    }
    /// What a revocation cut is closed, and its sessions are over; or they have had time for it.
    RevocationDone = "revocation-done" {
        /// Whose it was.
        user: String,
        /// WebSockets that were open.
        websockets: u32,
        /// Other transfers that were under way.
        transfers: u32,
        /// WebSockets and transfers that are not closed yet, servers that did not say, and sessions that are not over yet.
        left: u32,
        /// How long it took.
        milliseconds: u64,
    }
    /// An administrator did something that has no event of its own.
    Administered = "administered" {
        /// What: `session-stop`, `session-suspend`, `session-force-suspend`, `session-kill`, `offline`, `online`, `reload`, or
        /// `search` (of this log) and `sign-in-end` of the pages for administrators.
        act: String,
        /// To which session or person; empty where it was to none.
        target: String,
        /// Whose session it is; the message; the words that were searched for.
        detail: String,
        /// As in `revoked`.
        login: i64,
        /// As in `revoked`.
        by: String,
    }
    /// Bytes of a file went in or out.
    Transfer = "transfer" {
        /// Who.
        user: String,
        /// In which session.
        session: SessionId,
        /// `upload` or `download`.
        direction: String,
        /// The path as the IDE names it.
        path: String,
        /// Bytes that passed: of the file, or of the body where `hashed` says so.
        bytes: u64,
        /// SHA-256 of those bytes, as `sha256sum` prints it.
        sha256: String,
        /// Whose bytes were counted and hashed: `file`, or `body` where the file can't be told from what carries it.
        hashed: String,
        /// Which part it was, when only a part was asked for: `bytes 0-99/1000`, `piece 3`; empty for all.
        range: String,
        /// Whether the whole file went through to its end.
        complete: bool,
    }
    /// Something went into or came out of a console or terminal, or a message that does the same. Written with `audit-r-console`.
    Console = "console" {
        /// Who.
        user: String,
        /// In which session.
        session: SessionId,
        /// What it runs.
        ide: String,
        /// The IDE's own path of the WebSocket or request, which names the kernel or terminal.
        path: String,
        /// Where in it: `shell execute_request`, `stdin input_reply`, `terminal`, `terminal start` (what it was started with).
        channel: String,
        /// `input` or `output`.
        direction: String,
        /// What, with control characters as escapes; `«hidden»` for what the IDE said not to show.
        text: String,
        /// Whether more of it is not recorded: a record has at most 64 KiB of text.
        cut: bool,
    }
    /// A person's records of consoles have used up `audit-r-console-user-limit-mb`; no more are written on this day (UTC).
    ConsoleLimit = "console-limit" {
        /// Who.
        user: String,
        /// In which session it was reached.
        session: SessionId,
        /// The limit in megabytes.
        megabytes: u64,
    }
    /// A program was started in a session: the kernel's own record of it. With `audit-refusals=1` also one that was tried and could
    /// not be started; not where nothing of that name was there, which whoever looks along a search path meets all the time.
    Executed = "executed" {
        /// In which session.
        session: SessionId,
        /// Whose it is.
        user: String,
        /// What it runs.
        ide: String,
        /// The process.
        pid: i32,
        /// Its parent.
        ppid: i32,
        /// The number of the user with whose rights it runs.
        uid: Uid,
        /// The program that runs; where it was not started, the path that was tried. Of a script its interpreter.
        program: String,
        /// Its arguments, the first one its own name; empty where it was not started.
        argv: Vec<String>,
        /// Whether arguments were longer or more than are recorded (4 KiB each, 256, 16 KiB together), or a part of them was lost.
        cut: bool,
        /// The working directory.
        cwd: String,
        /// Whether it was started.
        success: bool,
        /// Why not, e.g. `EACCES`; empty where it was.
        error: String,
        /// `would be refused` where `audit-only` has what `allow-shell=0` refuses recorded only; `refused: …` where it was no
        /// shell but what stands in its place; else empty.
        verdict: String,
    }
    /// The kernel refused something to a process of a session.
    Refusal = "denied" {
        /// In which session.
        session: SessionId,
        /// Whose it is.
        user: String,
        /// What it runs.
        ide: String,
        /// The process; of several the first one. 0 where it isn't known: rules on connections don't tell, and Landlock tells with
        /// `audit-refusals=1` only.
        pid: i32,
        /// Its program.
        program: String,
        /// What it tried: a system call, or what Landlock calls it. Of rules on connections `connect or sendto`, or `packet` where
        /// those were let through and the packet was dropped.
        what: String,
        /// The path, address or process that it was meant for; empty where that isn't known.
        target: String,
        /// What refused: `landlock`, `seccomp`, `network` (rules on connections); and with `audit-refusals=1` `hidden` (the program
        /// or process is not there for this session), `permissions` (owner, mode, privilege, read-only) or `limit`.
        by: String,
        /// How many alike within a minute this one stands for.
        count: u64,
    }
    /// Programs were started, or things refused, of which there is no record.
    ExecutionsLost = "executions-lost" {
        /// In which session; empty where it can't be told, or in any.
        session: String,
        /// How many; 0 where nobody knows.
        count: u64,
        /// Why: `rate` (one session's came too fast), `memory` (they waited too long to be written), `kernel` (it dropped
        /// some, perhaps none of a session), `recorder` (the process that reads them was replaced), `rules` (somebody
        /// switched the kernel's audit off or removed its rules for a moment).
        why: String,
    }
    /// The kernel ended a process of a session, or refused it one, because a limit was reached.
    LimitReached = "limit-reached" {
        /// Which.
        session: SessionId,
        /// Its owner.
        user: String,
        /// What it runs.
        ide: String,
        /// What was used up: `memory` or `processes`.
        what: String,
        /// Whose limit it is: `session`, `user` (all sessions of the person together) or `machine` (none of ours).
        whose: String,
        /// The limit in megabytes or processes; 0 of the machine's.
        limit: u64,
        /// Processes ended, or refused, since the last such record of the session.
        count: u64,
        /// The name that the process ended last had given itself; empty where it is not known.
        program: String,
        /// Its number on the machine; 0 where it is not known.
        pid: i32,
    }
    /// Records were dropped because they came faster than they could be written.
    Overflow = "overflow" {
        /// Of which event.
        kind: String,
        /// How many.
        lost: u64,
    }
    /// Somebody who is signed in is a member of other groups now; what these give or take holds from here on.
    MembershipChanged = "membership-changed" {
        /// The Unix account.
        user: String,
        /// Groups that it has left, with commas between them.
        gone: String,
        /// Groups that it is in now and was not.
        new: String,
        /// Who found it: `files` (the machine's files of accounts changed), `interval`, `start`, `sign-in`, or who asked for it.
        by: String,
    }
    /// Somebody who is signed in must not be any more, as the machine or the provider says: everything of theirs ends.
    IdentityLost = "identity-lost" {
        /// The Unix account.
        user: String,
        /// `gone`, `other-number`, `expired`, `locked` or `not-permitted`, and what was said.
        why: String,
        /// As in `membership-changed`.
        by: String,
    }
    /// Somebody whose identity was lost signed in again.
    IdentityBack = "identity-back" {
        /// The Unix account.
        user: String,
    }
    /// Somebody has one more second factor, or a new sheet of recovery codes.
    FactorEnrolled = "factor-enrolled" {
        /// The Unix account.
        user: String,
        /// Whose account.
        account: AccountId,
        /// `totp`, `passkey` or `recovery`.
        kind: String,
        /// What its person calls it.
        name: String,
        /// From where.
        remote: IpAddr,
    }
    /// A second factor counts no more.
    FactorRemoved = "factor-removed" {
        /// The Unix account.
        user: String,
        /// Whose account.
        account: AccountId,
        /// `totp`, `passkey` or `recovery`.
        kind: String,
        /// What its person called it.
        name: String,
        /// As in `revoked`.
        login: i64,
        /// Its person, or as in `revoked`.
        by: String,
    }
    /// A second factor was not right, at a sign-in or when it was to be enrolled.
    FactorFailed = "factor-failed" {
        /// The Unix account.
        user: String,
        /// From where.
        remote: IpAddr,
        /// Where: `sign-in` or `enrol`.
        at: String,
        /// Why.
        why: String,
    }
}

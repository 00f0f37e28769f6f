//! Opening a session: everything that can fail early fails here, before anything of it is visible.

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use portcullis_model::lifetime::Seen;
use portcullis_model::load::Load;
use portcullis_model::sandbox::Limits;
use portcullis_model::session::{Ide, IdeCommand, Session, State, Step, Transport, door_path};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{Secret, SessionId, SignInId, Uid};
use portcullis_policy::{CommandError, Flags, LaunchFacts, command_under};
use portcullis_sys::cgroup::Group;
use portcullis_sys::process::start_time;
use portcullis_sys::socket::{listen_seqpacket, remove_socket};
use portcullis_wire::launcher::OpenError;
use portcullis_wire::{Channel, SessionSpec, ToServer};

use super::looked::Looked;
use super::talk::{Job, ToKeeper};
use super::{Entry, PamOpened, Starting};
use crate::children::Child;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::recorder::link::Recording;
use crate::state::{KeptSession, Known, Told};
use crate::{clock, listen, role};

impl Launcher {
    /// `OpenSession`.
    pub(crate) fn open_session(&mut self, request: u64, sign_in: SignInId, ide: Ide, now: Instant) {
        let result = match self.sign_ins.get(&sign_in).cloned() {
            Some(sign_in) if sign_in.until > clock::seconds() => self.try_open(&sign_in, ide, now),
            _ => Err(OpenError::NotSignedIn),
        };
        let answer = |result| ToServer::Opened { request, result };
        match result {
            Ok(id) => self.server.hold_answer(answer(Ok(id))),
            Err(error) => self.server.tell_answer(answer(Err(error))),
        }
    }

    /// Opens one, if everything is for it.
    pub(crate) fn try_open(
        &mut self,
        sign_in: &SignIn,
        ide: Ide,
        now: Instant,
    ) -> Result<SessionId, OpenError> {
        let who = &sign_in.principal;
        if !self.is_healthy() || !self.takes_requests() {
            return Err(broken("records can't be written, or the daemon is ending"));
        }
        if self.offline.is_some() {
            return Err(OpenError::NotOffered {
                why: "The administrator lets nobody in at the moment".into(),
            });
        }
        if sign_in.is_limited() {
            return Err(OpenError::NotOffered { why: "Enrol a second factor first".into() });
        }
        let least = self.active.settings.roles.session_minimum_role;
        if sign_in.role < least {
            let role = sign_in.role;
            return Err(OpenError::NotOffered {
                why: format!("Your account is a {role}'s, and sessions are for a {least} at least"),
            });
        }
        self.within_limits(who)?;
        self.one_rstudio(who, ide)?;
        self.strong_enough(sign_in, ide)?;
        self.may_record(sign_in, ide)?;
        let id = SessionId::random().map_err(|error| broken(&error.to_string()))?;
        let token = token().map_err(|error| broken(&error.to_string()))?;
        // Tried with what is known already, so that a missing program is told before anything is started.
        match self.command(ide, &self.launch_facts(id, who, &token, Vec::new()), who) {
            Ok(command) => self.confinable(sign_in, ide, id, &token, &command)?,
            Err(CommandError::NotFound { tried, .. }) => {
                return Err(OpenError::NotInstalled { program: tried });
            }
            Err(CommandError::Off { rule, .. }) => return Err(OpenError::NotInstalled { program: rule }),
            Err(CommandError::NotYet { ide }) => return Err(OpenError::NotInstalled { program: ide }),
            Err(
                error @ (CommandError::Undeclared { .. }
                | CommandError::NotForYou { .. }
                | CommandError::Unsafe { .. }),
            ) => {
                say!(Info, "a session was not opened user={} ide={ide}: {error}", who.user);
                return Err(OpenError::NotOffered { why: error.to_string() });
            }
            Err(
                error @ (CommandError::Path { .. }
                | CommandError::SocketName { .. }
                | CommandError::Argument { .. }),
            ) => {
                return Err(broken(&error.to_string()));
            }
        }
        let (transport, tcp) = self.bind(sign_in, id, now)?;
        let seconds = clock::seconds();
        let session = Session {
            id,
            user: who.user.clone(),
            ide,
            state: State::Launching(Step::PamSession),
            transport,
            token,
            started: seconds,
            last_activity: seconds,
            load: Load::default(),
            warning: None,
            unheld: Vec::new(),
        };
        let port = match &tcp {
            Some(tcp) => Some(tcp.try_clone().map_err(|error| broken(&error.to_string()))?),
            None => None,
        };
        let kept = KeptSession {
            session,
            uid: who.uid,
            groups: who.groups.clone(),
            started_groups: None,
            ends_at: None,
            keeper: None,
            begun: false,
            process: None,
            cgroups: Vec::new(),
            limits: Limits::default(),
            told: Told::default(),
            seen: Seen::default(),
            ending: None,
            proven: false,
            watched: None,
        };
        let mut entry = Entry::new(kept);
        entry.port = port;
        if let Err(why) = self.start_keeper(&mut entry, sign_in, tcp, now) {
            self.undo(&entry);
            return Err(broken(&why));
        }
        say!(Info, "session opened session={id} user={} ide={ide} transport={transport:?}", who.user);
        if ide == Ide::Rstudio {
            self.resumed(who.uid);
        }
        self.server.hold(ToServer::Session(Box::new(entry.kept.session.clone())));
        self.sessions.insert(id, entry);
        self.log.counts.begins(id, now);
        self.dirty.at_once();
        Ok(id)
    }

    fn within_limits(&self, who: &Principal) -> Result<(), OpenError> {
        let live = |uid: Option<Uid>| {
            let counts = |entry: &&Entry| {
                entry.kept.session.state.is_live() && uid.is_none_or(|uid| entry.kept.uid == uid)
            };
            u32::try_from(self.sessions.values().filter(counts).count()).unwrap_or(u32::MAX)
        };
        let options = self.active.settings.session_for(&who.user, &who.groups);
        let total = self.active.settings.portcullis.session_limit_total;
        if let Some(limit) = options.rsession.session_limit {
            if live(Some(who.uid)) >= limit {
                return Err(OpenError::TooMany { limit });
            }
        }
        if live(None) >= total {
            say!(Warn, "session-limit-total={total} is reached");
            return Err(OpenError::TooMany { limit: total });
        }
        Ok(())
    }

    /// RStudio keeps one state for each person: two at a time would write over each other's.
    fn one_rstudio(&self, who: &Principal, ide: Ide) -> Result<(), OpenError> {
        let another = |entry: &Entry| {
            let session = &entry.kept.session;
            session.ide == Ide::Rstudio && session.state.is_live() && entry.kept.uid == who.uid
        };
        if ide == Ide::Rstudio && self.sessions.values().any(another) {
            let why = "RStudio keeps one state for each person, and a session of yours has it: open or stop that one";
            return Err(OpenError::NotOffered { why: why.to_owned() });
        }
        Ok(())
    }

    /// The transport, and the port that goes with it, bound by root so that nobody squats it.
    fn bind(
        &mut self,
        sign_in: &SignIn,
        id: SessionId,
        now: Instant,
    ) -> Result<(Transport, Option<OwnedFd>), OpenError> {
        if !self.active.settings.sessions_by_tcp() {
            return Ok((Transport::Unix, None));
        }
        let range = self.active.settings.rsession.session_port_range;
        let mut found = listen::session_port(range).map_err(|error| broken(&error.to_string()))?;
        if found.is_none() && self.free_ports(Duration::ZERO, now) {
            found = listen::session_port(range).map_err(|error| broken(&error.to_string()))?;
        }
        if let Some((listener, port)) = found {
            return Ok((Transport::Tcp(port), Some(listener.into())));
        }
        let range = range.map_or_else(|| "any".to_owned(), |range| format!("{}-{}", range.low, range.high));
        let origin = self.active.settings.origin(portcullis_conf::FileKind::Rsession, "session-port-range");
        say!(Warn, "every port of session-port-range={range} is taken");
        let rule = format!("session-port-range={range} ({origin}): every port is taken");
        self.record_refused(sign_in, Some(id), "", rule);
        Err(OpenError::PortsExhausted { range })
    }

    fn start_keeper(
        &mut self,
        entry: &mut Entry,
        sign_in: &SignIn,
        tcp: Option<OwnedFd>,
        now: Instant,
    ) -> Result<(), String> {
        let who = &sign_in.principal;
        let id = entry.kept.session.id;
        let gid = self.active.server_user.gid;
        self.make_dir(id, who)?;
        let door = door_path(&self.dirs.run, id);
        // Root's, and the server's group may connect; the session process looks at each peer itself.
        let control = listen_seqpacket(&door, 0o660, Some((0, gid)))
            .map_err(|errno| format!("control socket: {errno}"))?;
        let (words, theirs) = Channel::pair().map_err(|error| chain(&error))?;
        let (reports, report) = Channel::pair().map_err(|error| chain(&error))?;
        for channel in [&words, &reports] {
            channel.set_nonblocking(true).map_err(|error| chain(&error))?;
        }
        let tcp = tcp.as_ref().map(|tcp| tcp.as_fd());
        let keeper = role::start_keeper(&theirs, control.as_fd(), tcp, report.as_fd())
            .map_err(|error| chain(&error))?;
        self.children.insert(keeper.pid(), Child::Keeper(id));
        let started = start_time(keeper.pid()).map_err(|error| error.to_string());
        let job = Job {
            user: who.user.clone(),
            uid: who.uid,
            gid: who.gid,
            service: self.active.settings.portcullis.pam_service.clone(),
            remote: sign_in.remote.to_string(),
            recorded: self.recorder.state != Recording::Off,
            program: self.dirs.libexec.join("portcullis-session").display().to_string(),
            control: door.display().to_string(),
        };
        let told = started.and_then(|started| {
            entry.kept.keeper = Some(Known { pid: keeper.pid(), started });
            words.send(&ToKeeper::Job(job), &[]).map_err(|error| chain(&error))
        });
        if let Err(why) = told {
            let _ = keeper.signal(nix::sys::signal::Signal::SIGKILL);
            return Err(why);
        }
        entry.keeper = Some(keeper);
        entry.own_child = true;
        entry.words = Some(words);
        entry.reports = Some(reports);
        entry.start =
            Some(Box::new(Starting { principal: who.clone(), opened: None, looked: Looked::default() }));
        entry.deadline = Some(now + self.active.seconds(|conf| conf.pam_timeout_seconds));
        Ok(())
    }

    /// The session's private directory, the user's own, in a parent that only root writes to.
    fn make_dir(&self, id: SessionId, who: &Principal) -> Result<(), String> {
        let dir = self.session_dir(id);
        let failed = |error: std::io::Error| format!("`{}`: {error}", dir.display());
        std::fs::DirBuilder::new().mode(0o700).create(&dir).map_err(failed)?;
        // The umask may have taken from the mode; nobody but root can have touched the name.
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
        std::os::unix::fs::lchown(&dir, Some(who.uid.0), Some(who.gid.0)).map_err(failed)
    }

    /// Where a session's private directory is.
    pub(super) fn session_dir(&self, id: SessionId) -> PathBuf {
        self.dirs.sessions().join(id.to_string())
    }

    fn undo(&self, entry: &Entry) {
        let id = entry.kept.session.id;
        let _ = remove_socket(&door_path(&self.dirs.run, id));
        self.clear(id, &Group::at(&entry.kept.cgroups));
    }

    /// Removes what is left of a session: at once what is empty, by a process of its own what somebody put something into.
    pub(super) fn clear(&self, id: SessionId, group: &Group) {
        let dir = self.session_dir(id);
        let gone = |removed: std::io::Result<()>| match removed {
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
            Ok(()) => true,
        };
        let group_gone = group.remove().is_ok();
        if gone(std::fs::remove_dir(&dir)) && group_gone {
            return;
        }
        if let Err(error) = role::start_remover(&dir, group) {
            say!(Warn, "cannot remove `{}`: {}", dir.display(), chain(&error));
        }
    }

    /// How the IDE is started.
    pub(super) fn command(
        &self,
        ide: Ide,
        facts: &LaunchFacts,
        who: &Principal,
    ) -> Result<IdeCommand, CommandError> {
        command_under(ide, &self.active.settings, &self.flags(who), facts, &is_program)
    }

    /// What is known of a session before its IDE is started.
    pub(super) fn launch_facts(
        &self,
        id: SessionId,
        who: &Principal,
        token: &Secret,
        pam_env: Vec<(String, String)>,
    ) -> LaunchFacts {
        LaunchFacts {
            id,
            user: who.user.clone(),
            uid: who.uid,
            home: who.home.clone(),
            shell: who.shell.clone(),
            root_path: self.active.settings.rserver.www_root_path.clone(),
            groups: who.groups.clone(),
            session_dir: self.session_dir(id).display().to_string(),
            pam_env,
            token: token.clone(),
        }
    }

    /// What a person may do in a session that is started now.
    pub(super) fn flags(&self, who: &Principal) -> Flags {
        let mut flags = Flags::resolve(&self.active.settings, &who.user, &who.groups);
        for flag in self.lifted(&who.user) {
            flags.lift(flag);
        }
        flags
    }

    /// What the session process is told, once PAM's session is open.
    pub(super) fn spec(
        &self,
        entry: &Entry,
        who: &Principal,
        opened: &PamOpened,
        looked: &Looked,
    ) -> Result<SessionSpec, String> {
        let session = &entry.kept.session;
        let facts = self.launch_facts(session.id, who, &session.token, opened.env.clone());
        let command = self.command(session.ide, &facts, who).map_err(|error| error.to_string())?;
        let plan = self.plan(session.ide, &facts, &command, who, looked);
        let plan = plan.map_err(|refused| refused.to_string())?;
        let conf = &self.active.settings.portcullis;
        Ok(SessionSpec {
            id: session.id,
            user: who.user.clone(),
            uid: who.uid,
            gid: who.gid,
            groups: opened.groups.clone(),
            proxy_uid: Uid(self.active.server_user.uid),
            transport: session.transport,
            dir: self.session_dir(session.id).display().to_string(),
            cgroups: entry.kept.cgroups.clone(),
            command,
            sandbox: plan.sandbox,
            answer_within: conf.session_start_timeout_seconds,
            end_within: conf.session_end_seconds,
        })
    }
}

/// An error whose reason is for the log, under an id that its owner is shown.
fn broken(why: &str) -> OpenError {
    let id = role::log_id();
    say!(Error, "a session was not opened id={id}: {why}");
    OpenError::System { id }
}

/// 256 random bits as hexadecimal digits: it goes into headers and environments.
fn token() -> Result<Secret, getrandom::Error> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut())?;
    let mut text = Vec::with_capacity(64);
    for byte in bytes.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.push(b"0123456789abcdef"[usize::from(digit)]);
        }
    }
    Ok(Secret::new(text))
}

fn is_program(path: &str) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

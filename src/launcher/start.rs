//! The start: everything is read, checked and bound before the first effect that others can see.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::Signal;
use portcullis_conf::{Problem, Settings, Severity};
use portcullis_model::NodeId;
use portcullis_model::audit::Event;
use portcullis_sys::activation::{self, Given};
use portcullis_sys::attributes;
use portcullis_sys::cgroup::Hierarchies;
use portcullis_sys::signals::Signals;
use portcullis_wire::launcher::Hello;

use crate::accounts::coming::Coming;
use crate::accounts::factors::Ceremonies;
use crate::accounts::journal::{Journal, Opened, Truth};
use crate::accounts::keys::Keys;
use crate::admin::Admin;
use crate::administrators::Uses;
use crate::audit::Log;
use crate::children::Child;
use crate::clock;
use crate::configuration::Active;
use crate::confinement::Confinement;
use crate::control::Before;
use crate::dirs::Dirs;
use crate::door::{Door, Guest};
use crate::figures::LoadHistory;
use crate::flags::{self, Command};
use crate::identity::Programs;
use crate::launcher::{Dirty, Launcher, Mode};
use crate::listen::{ListenError, Listeners, MAINS_MAX, Wanted, store_name};
use crate::log::{chain, say};
use crate::recorder::Recorder;
use crate::server::Start;
use crate::servers::Servers;
use crate::service_manager::{ServiceManager, store};
use crate::sessions::adoptable;
use crate::sign_in::living::SignIns;
use crate::state::{Found, Kept, Store};
use crate::throttle::{Muted, Throttle};
use crate::watchdog::Watchdog;

/// Exit status for a configuration that can't be used (`EX_CONFIG` of sysexits.h).
pub(crate) const EX_CONFIG: u8 = 78;
/// Before this process and the keepers of sessions are ended for want of memory, nearly everything else is.
const OOM_SCORE: i32 = -900;
/// Until clocks are judged for the first time while servers of before come back, which have eight seconds for that (`door`): what
/// people did before this start, and the last launcher did not write, is said by these.
const FIRST_SWEEP: Duration = Duration::from_secs(10);
/// Exit status for wrong arguments (`EX_USAGE`).
const EX_USAGE: u8 = 64;

/// Runs the launcher with these arguments.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(std::path::Path::to_owned));
    let config = portcullis_conf::default_dir(|name| std::env::var(name).ok());
    let dirs = match flags::parse(args, config, beside) {
        Ok(Command::Run(dirs)) => dirs,
        Ok(Command::Help) => return print(flags::HELP),
        Ok(Command::Version) => {
            return print(concat!("portcullis-launcher ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        Err(error) => return fail(EX_USAGE, &error.to_string()),
    };
    if !nix::unistd::geteuid().is_root() {
        return fail(1, "it must be started by root: it starts sessions as their users");
    }
    match begin(dirs) {
        Ok(launcher) => launcher.run(),
        Err(status) => ExitCode::from(status),
    }
}

fn print(text: &str) -> ExitCode {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(status: u8, why: &str) -> ExitCode {
    say!(Error, "{why}");
    ExitCode::from(status)
}

/// Every problem of a configuration, one line each: the journal has no room for carets, `portcullis check-config` has.
pub(crate) fn tell_problems(problems: &[Problem], dirs: &Dirs) {
    for problem in problems {
        let headline = problem.headline(&dirs.config);
        let hint = problem.hint.as_ref().map_or_else(String::new, |hint| format!(" (hint: {hint})"));
        match problem.severity {
            Severity::Error => say!(Error, "{headline}{hint}"),
            Severity::Warning => say!(Warn, "{headline}{hint}"),
            Severity::Info => say!(Info, "{headline}{hint}"),
        }
    }
}

fn begin(dirs: Dirs) -> Result<Launcher, u8> {
    let failed = |error: &dyn std::error::Error| {
        say!(Error, "{}", chain(error));
        1
    };
    // ORDER: before anything else is opened, and before there are children: they must not take these for theirs.
    let given = activation::take();
    // ORDER: nothing of ours is born open to others, and no child of a child gets away from here on.
    attributes::umask(0o022);
    attributes::dumpable(false).map_err(|errno| failed(&errno))?;
    attributes::subreaper().map_err(|errno| failed(&errno))?;
    // Whoever uses up the memory is ended before those who look after everybody. Where that isn't permitted, it isn't.
    let _ = attributes::oom_score(OOM_SCORE);
    let signals =
        Signals::take(&[Signal::SIGCHLD, Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT])
            .map_err(|errno| failed(&errno))?;
    let lock = dirs.prepare().map_err(|error| failed(&error))?;
    let active = Active::read(&dirs, 1, None).map_err(|problems| {
        tell_problems(&problems, &dirs);
        let number = problems.iter().filter(|problem| problem.is_error()).count();
        say!(Error, "the configuration can't be used: {number} errors; `portcullis check-config` shows each with its line");
        EX_CONFIG
    })?;
    tell_problems(&active.remarks, &dirs);
    let admin = Admin::listen(&dirs.run).map_err(|errno| {
        say!(Error, "cannot listen for administrators in `{}`: {errno}", dirs.run.display());
        1
    })?;
    let (mut log, torn_bytes) = Log::open(&dirs.audit()).map_err(|error| failed(&error))?;
    if torn_bytes > 0 {
        say!(Warn, "the audit log ended in half a line of {torn_bytes} bytes; it is kept beside it");
    }
    let store = Store::new(&dirs.state);
    let (kept, truth) = match store.load().map_err(|error| failed(&error))? {
        Found::Kept(mut kept) => {
            let truth = kept.truth();
            (*kept, truth)
        }
        Found::Nothing => (Kept::default(), Truth::Nothing),
        Found::Refused(why, aside) => {
            say!(Error, "the state was moved to `{}`, nobody is signed in: {}", aside.display(), chain(&why));
            (Kept::default(), Truth::Nothing)
        }
    };
    let (journal, opened) = Journal::open(&dirs.state, truth).map_err(|error| failed(&error))?;
    let (sign_ins, keys) = living(opened);
    let now = Instant::now();
    let boot =
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
    // After another boot a number is another process.
    let before = if kept.boot == boot { &kept.servers[..] } else { &[] };
    let mut door = Door::open(&dirs.run, active.server_user, before, now).map_err(|errno| {
        say!(Error, "cannot listen for servers of before in `{}`: {errno}", dirs.run.display());
        1
    })?;
    let (listeners, guests) = listeners(&active, given, &mut door).map_err(|error| failed(&error))?;
    let returning = !guests.is_empty() || door.missing().next().is_some();
    let throttle = throttle(&active.settings);
    let adopted = adoptable(&kept, &boot);
    log.write(Event::Started { version: env!("CARGO_PKG_VERSION").into(), adopted, torn_bytes });
    log.write(Event::Configured {
        generation: 1,
        outcome: "accepted".into(),
        problems: count(&active.remarks),
    });
    let groups = hierarchies();
    let sync = crate::accounts::sync::Sync::begin(&kept.identities, now);
    let node = kept.node.map_or_else(NodeId::random, Ok).map_err(|error| {
        say!(Error, "the kernel gives no random number: {error}");
        1
    })?;
    let mut launcher = Launcher {
        active,
        before: Before::default(),
        generation: 1,
        log,
        store,
        boot,
        server: Servers::new(now),
        door,
        watchdog: Watchdog::of_environment(now),
        service_manager: ServiceManager::of_environment(),
        admin,
        searches: Vec::new(),
        uses: Uses::default(),
        load: LoadHistory::open(&dirs.state, now, clock::seconds()),
        recorder: Recorder::new(now),
        listeners,
        identity: Programs::new(node, now),
        looks: crate::accounts::looks::Looks::default(),
        sign_ins,
        keys,
        ceremonies: Ceremonies::default(),
        journal,
        sync,
        sessions: BTreeMap::new(),
        exemptions: BTreeMap::new(),
        offline: None,
        conversations: BTreeMap::new(),
        attempts: 0,
        coming: Coming::default(),
        throttle,
        muted: Muted::default(),
        lost_records: portcullis_model::audit::Lost::new(),
        children: HashMap::new(),
        dirty: Dirty::default(),
        began: now,
        signals,
        mode: Mode::Serving,
        announced: false,
        host: portcullis_wire::host::facts(&groups),
        fallen_said: crate::sessions::plan::Said::new(),
        groups_before: groups.all(),
        groups,
        no_cgroups_said: false,
        state_failing: false,
        unwell_said: false,
        next_sweep: if returning { now + FIRST_SWEEP } else { now },
        looked_at: crate::clock::Moment::now(),
        dirs,
        _lock: lock,
    };
    launcher.adopt(kept, now);
    launcher.begin_recording(now);
    launcher.provider_anew(now);
    if adopted > 0 {
        say!(Info, "{adopted} sessions were taken over");
    }
    for guest in guests {
        launcher.let_in(guest, now);
    }
    launcher.start_server(now);
    Ok(launcher)
}

/// The counts of failures, by this configuration.
fn throttle(settings: &Settings) -> Throttle {
    let interval = Duration::from_secs(settings.rserver.auth_sign_in_throttle_seconds.into());
    Throttle::new(interval, &settings.portcullis.auth_throttle_ipv6_prefixes)
}

/// Who is signed in; what of the journal can't be used is said.
fn living(opened: Opened) -> (SignIns, Keys) {
    let Opened { sign_ins, keys, torn, refused, missing } = opened;
    if torn > 0 {
        say!(Warn, "the journal of sign-ins ended in half an entry of {torn} bytes; it is kept beside it");
    }
    if let Some((why, aside)) = refused {
        let aside = aside.display();
        say!(Error, "the journal of sign-ins was moved to `{aside}`, nobody is signed in: {}", chain(&why));
    }
    if missing {
        say!(Error, "the journal of sign-ins is not there, nobody is signed in");
    }
    (sign_ins, keys)
}

/// Where sessions' control groups can be made; what stands in the way of their limits is said.
fn hierarchies() -> Hierarchies {
    let mut found = Hierarchies::find();
    if let Err(error) = found.delegate() {
        say!(Warn, "not every limit of sessions can be set: {}", chain(&error));
    }
    found
}

/// Number of problems, for the audit log.
pub(crate) fn count(problems: &[Problem]) -> u32 {
    u32::try_from(problems.len()).unwrap_or(u32::MAX)
}

/// Where figures are asked for: on this machine only.
fn metrics_address(settings: &Settings) -> SocketAddr {
    let port = u16::try_from(settings.operation.metrics_port).unwrap_or(u16::MAX);
    (Ipv4Addr::LOCALHOST, port).into()
}

/// One main listener per thread of the server, and one that redirects to https, if need be: those that the service manager kept,
/// those of a server of before, and the rest bound here.
fn listeners(
    active: &Active,
    given: Vec<Given>,
    door: &mut Door,
) -> Result<(Listeners, Vec<Guest>), ListenError> {
    let settings = &active.settings;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = usize::try_from(settings.rserver.www_thread_pool_size).unwrap_or(1);
    let ip = settings.rserver.www_address;
    let wanted = Wanted {
        main: (ip, settings.port()).into(),
        threads: threads.min(cores).clamp(1, MAINS_MAX),
        redirect: settings.redirects_http().then(|| (ip, 80).into()),
        metrics: settings.operation.metrics_enabled.then(|| metrics_address(settings)),
    };
    // Nobody has to be waited for when the sockets are here already.
    let mut guests = if given.is_empty() { door.gather() } else { door.hear(Instant::now()) };
    let identities = |fds: &[TcpListener]| -> Vec<u64> {
        fds.iter().filter_map(|one| activation::identity(one.as_fd()).ok()).collect()
    };
    let names: Vec<String> = given.iter().map(|given| given.name.clone()).collect();
    let given: Vec<TcpListener> = given.into_iter().map(|given| given.fd.into()).collect();
    let stored = identities(&given);
    let handed = guests.iter_mut().flat_map(|guest| std::mem::take(&mut guest.listeners));
    let listeners = Listeners::of(&wanted, given.into_iter().chain(handed.map(OwnedFd::into)).collect())?;
    for listener in &listeners.all {
        let known = activation::identity(listener.as_fd()).is_ok_and(|identity| stored.contains(&identity));
        if let (false, Ok(address)) = (known, listener.local_addr()) {
            store(&store_name(address), Some(listener.as_fd()));
        }
    }
    // Under another name than those of now: of an address that is listened on no more.
    let in_use: Vec<String> =
        listeners.all.iter().filter_map(|one| Some(store_name(one.local_addr().ok()?))).collect();
    let old = names.iter().filter(|name| name.starts_with("portcullis-") && !in_use.contains(name));
    old.for_each(|name| store(name, None));
    Ok((listeners, guests))
}

impl Launcher {
    /// How many descriptors the server may have: a connection of a browser and one to its session each, with room for a
    /// hand-over and what is not a connection; but never more than this process may have, which the service manager sets.
    fn descriptors(&mut self) -> u64 {
        let wanted = u64::from(self.active.settings.portcullis.connections_max) * 3 + 1024;
        let most = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(_, hard)| hard);
        if most < wanted && !self.announced {
            say!(
                Info,
                "the limit of descriptors is {most}; connections-max would need {wanted} (LimitNOFILE)"
            );
        }
        wanted.min(most)
    }

    /// Starts a server and tells it everything.
    pub(crate) fn start_server(&mut self, now: Instant) {
        let program = self.dirs.libexec.join("portcullis-server");
        let descriptors = self.descriptors();
        let confinement = match Confinement::of_server(&program, &self.active.settings, &self.host) {
            Ok(confinement) => confinement,
            Err(error) => {
                say!(Error, "{}", chain(&error));
                self.server.not_started(now);
                return;
            }
        };
        if !confinement.lacking().is_empty() && !self.announced {
            say!(Warn, "the server is held by less than it should be: {}", confinement.lacking().join(", "));
        }
        let start = Start {
            program: &program,
            user: self.active.server_user,
            descriptors,
            confinement: &confinement,
            hello: Hello {
                configuration: self.active.message(&self.host),
                run_dir: self.dirs.run.display().to_string(),
                listeners: self.listeners.mains,
            },
            listeners: &self.listeners.all,
        };
        match self.server.start(&start, now) {
            Ok(pid) => drop(self.children.insert(pid, Child::Server)),
            Err(error) => {
                say!(Error, "{}", chain(&error));
                self.server.not_started(now);
                return;
            }
        }
        // ORDER: in the state before it serves anybody: the next launcher must know it when it comes back.
        self.dirty.at_once();
        if let Some(no) = self.server.current.as_ref().map(|up| up.no) {
            self.tell_all_that_lives(no);
        }
    }
}

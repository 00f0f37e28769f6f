//! One world in which attempts are made: accounts, a real launcher, targets and bystanders, sessions one after the other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use portcullis_testing::{Account, Client, Stage, World, until};
use serde_json::{Value, json};

use crate::attempt::{Attempt, Flags};
use crate::bystanders::Bystanders;
use crate::sources::Sources;
use crate::targets::Targets;

/// Where configuration and state are shown, beside those of the machine's own.
const CONFIGURATION: &str = "/etc/redteam-portcullis";
const STATE: &str = "/var/lib/redteam-portcullis";
/// The foothold: every account may read it, wherever the project lies.
const PLACE: &str = "/run/redteam-agent";
/// Counts the accounts of a run.
static NEXT: AtomicU32 = AtomicU32::new(0);
/// A cold start on a loaded machine.
pub(crate) const START: u64 = 90;
/// Longer than a session may take to end.
const END: u64 = 60;
/// The recorder reads the kernel's records in its own time.
const RECORDED: u64 = 4;

/// The field. What it holds is dropped in this order: whoever stands beside goes before the world looks for what is left.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) targets: Targets,
    _bystanders: Bystanders,
    pub(crate) alice: Account,
    pub(crate) client: Client,
    _usual: Usual,
    pub(crate) world: World,
    /// Another user's session.
    pub(crate) neighbour: String,
    /// Whether sessions are confined here.
    pub(crate) confined: bool,
}

impl Field {
    /// Builds it: with a sandbox and these flags, or without any (the control).
    pub(crate) fn build(stage: &Stage, sources: &Sources, flags: Option<Flags>) -> Result<Self> {
        let world = world(stage, flags)?;
        let usual = Usual::show(&world)?;
        let (alice, client) = signed_in(&world, "alice")?;
        let (bob, bobs) = signed_in(&world, "bob")?;
        sources.upload(&alice)?;
        let mut targets = Targets::make(sources, &alice, &bob)?;
        let bystanders = Bystanders::start(&mut targets, &alice, &bob)?;
        let neighbour = bobs.open_session_of("agent")?;
        bobs.await_running(&neighbour, START)?;
        let confined = flags.is_some();
        let mut field = Self {
            targets,
            _bystanders: bystanders,
            alice,
            client,
            _usual: usual,
            world,
            neighbour,
            confined,
        };
        field.neighbours(&bobs)?;
        Ok(field)
    }

    /// Sessions beside the one that is tried: another user's, with a port, and another one of the same user's.
    fn neighbours(&mut self, bobs: &Client) -> Result<()> {
        let started = self.world.await_audit("session-started", &[("session", &self.neighbour)], 20)?;
        self.targets.tell("BOB_SESSION_PORT", &started["port"]);
        let knock = json!({
            "language": "python", "program": format!("{PLACE}/knock.py"), "way": "knock", "env": self.targets.env
        });
        bobs.request("POST", &format!("/s/{}/run", self.neighbour)).json(&knock).send()?.expect(200)?;
        let id = self.client.open_session_of("agent")?;
        self.client.await_running(&id, START)?;
        let folder = self.world.run_dir().join("sessions").join(&id);
        let socket = until::some("the other session's socket", 20, || Ok(socket_in(&folder)))?;
        self.targets.tell("OTHER_SESSION_SOCKET", socket.display());
        self.targets.tell("AUDIT", format!("{STATE}/audit/audit.jsonl"));
        self.targets.tell("CONFIGURATION", format!("{CONFIGURATION}/rsession.conf"));
        self.targets.tell("KEY", key()?.display());
        self.targets.tell("LAUNCHER", self.world.launcher_pid()?);
        self.targets.tell("ADMIN_SOCKET", admin_socket(&self.world)?.display());
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
        let unified = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
            .into_iter()
            .find(|path| PathBuf::from(path).join("cgroup.procs").exists())
            .context("no control groups of version 2")?;
        self.targets.tell("CGROUP", format!("{unified}{}/cgroup.procs", own.trim_end_matches('/')));
        Ok(())
    }

    /// A session with the foothold in it.
    pub(crate) fn session(&self) -> Result<String> {
        let id = self.client.open_session_of("agent")?;
        self.client.await_running(&id, START)?;
        Ok(id)
    }

    /// What an attempt is told about the session it is made in.
    pub(crate) fn env(&self, id: &str, attempt: &Attempt) -> Result<BTreeMap<String, String>> {
        let mut env = self.targets.env.clone();
        env.insert("RT_SESSION_PID".into(), self.world.session_process(id)?.pid.to_string());
        env.insert("RT_MARK".into(), mark(id));
        if attempt.flags == Flags::Privileged {
            env.insert("RT_ROOT".into(), "1".into());
        }
        Ok(env)
    }

    /// Ends a session, if it still runs, and waits until that is recorded.
    pub(crate) fn end(&self, id: &str) -> Result<Value> {
        // One that an attempt has ended is as good.
        let _ = self.client.post(&format!("/sessions/{id}/stop"), &[]);
        self.world.await_audit("session-ended", &[("session", id)], END)
    }

    /// The records of these sessions, once one of them is what was looked for, or the recorder has had its time.
    pub(crate) fn records(&self, ids: &[&str], found: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
        let of_session = || -> Result<Vec<Value>> {
            let own =
                |record: &Value| record["session"].as_str().is_some_and(|session| ids.contains(&session));
            Ok(self.world.audit()?.into_iter().filter(own).collect())
        };
        // Not found is an outcome too.
        let _ = until::is("the record", RECORDED, || of_session().is_ok_and(|records| found(&records)));
        of_session()
    }
}

/// What a process that is left behind has among its arguments.
pub(crate) fn mark(id: &str) -> String {
    format!("rt-survivor-{id}")
}

/// The processes that are left behind. Newest first and nothing but arguments: one that is always another process would be
/// gone before its turn came.
pub(crate) fn survives(id: &str) -> Vec<i32> {
    let mark = mark(id);
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut pids: Vec<i32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable_by(|one, other| other.cmp(one));
    let named = |pid: &i32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(&mark)
    };
    pids.into_iter().filter(named).collect()
}

/// An account whose number no other account of the machine has: processes are the machine's own here, and what is left of
/// an account's is ended by that number.
fn signed_in(world: &World, stem: &str) -> Result<(Account, Client)> {
    let uid = 30_000 + (std::process::id() % 2_000) * 12 + NEXT.fetch_add(1, Ordering::Relaxed) % 12;
    let account = world.account_with(stem, &["--uid", &uid.to_string()])?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password).with_context(|| {
        world.log.settle();
        format!("uid {uid}: {}", world.log.lines().join("\n"))
    })?;
    Ok((account, client))
}

fn world(stage: &Stage, flags: Option<Flags>) -> Result<World> {
    let place = PathBuf::from(PLACE);
    fs::create_dir_all(&place)?;
    for name in ["agent.py", "knock.py"] {
        fs::copy(crate::sources::folder().join("python").join(name), place.join(name))?;
    }
    fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let app = format!(
        "[app agent]\ntitle = Agent\ncommand = /usr/bin/python3 {} {{socket}}\nroute = POST /run ui act\nroute = GET / ui\n",
        place.join("agent.py").display()
    );
    let mut builder =
        stage.world().jupyter().file("adapters.conf", &app).conf("portcullis.conf", "session-transport=tcp");
    // Whatever the machine's own limit is: numbers of the test's accounts are its own choice.
    builder = builder.conf("rserver.conf", "auth-minimum-user-id=1000");
    match flags {
        Some(flags) => {
            builder = builder.conf(
                "portcullis.conf",
                &format!(
                    "session-sandbox=required\naudit-programs=required\naudit-refusals=1\nsession-programs=/usr/bin/node\nsession-folders={}:/var/lib/redteam",
                    place.display()
                ),
            );
            for (file, text) in flags.options() {
                builder = match *file {
                    "profiles" => builder.file(file, &format!("[*]\n{text}\n")),
                    _ => builder.conf(file, text),
                };
            }
        }
        None => {
            builder = builder.conf("rsession.conf", "allow-shell=1\nrestrict-directory-view=0").conf(
                "portcullis.conf",
                "session-sandbox=off\naudit-programs=off\nallow-sudo=1\nsession-metadata=1",
            );
        }
    }
    let mut world = builder.build()?;
    // Refusals are what this is about.
    world.log.expect("");
    world.launch().with_context(|| {
        world.log.settle();
        world.log.lines().join("\n")
    })?;
    Ok(world)
}

fn socket_in(folder: &std::path::Path) -> Option<PathBuf> {
    use std::os::unix::fs::FileTypeExt;
    let entries = fs::read_dir(folder).ok()?.flatten();
    let mut sockets = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket()));
    sockets.next().map(|entry| entry.path())
}

fn admin_socket(world: &World) -> Result<PathBuf> {
    let found = socket_in(&world.run_dir()).or_else(|| {
        let entries = fs::read_dir(world.run_dir()).ok()?.flatten();
        entries.filter(|entry| entry.file_name() != "sessions").find_map(|entry| socket_in(&entry.path()))
    });
    found.with_context(|| format!("no socket of the launcher's in `{}`", world.run_dir().display()))
}

/// Shows configuration and state where an installed Portcullis has them: a world's own are below /run, of which a session sees
/// nothing. Taken away again when dropped.
#[derive(Debug)]
struct Usual(Vec<&'static str>);

impl Usual {
    fn show(world: &World) -> Result<Self> {
        let mut shown = Self(Vec::new());
        for (from, to) in [(world.state_dir(), STATE), (world.config_dir(), CONFIGURATION)] {
            fs::create_dir_all(to)?;
            let status = Command::new("mount").arg("--bind").arg(&from).arg(to).status()?;
            ensure!(status.success(), "mount ended with {status}");
            shown.0.push(to);
        }
        Ok(shown)
    }
}

impl Drop for Usual {
    fn drop(&mut self) {
        for place in &self.0 {
            // Gone with the run's own mounts anyway.
            let _ = Command::new("umount").arg("--lazy").arg(place).status();
        }
    }
}

fn key() -> Result<PathBuf> {
    let path = Path::new(STATE).join("secure-cookie-key");
    ensure!(path.is_file(), "no key in `{STATE}`");
    Ok(path)
}

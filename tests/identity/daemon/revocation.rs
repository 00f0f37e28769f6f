//! The table of revocation: what ends somebody's access × the doors by which they have it. Each door is shut within a second, and stays
//! shut when the launcher is killed at that moment and started again.
//!
//! A cause is a row: add one to [`CAUSES`]. A door is a variant of [`Door`]: what hangs on it is opened by [`Opened::open`] and looked
//! at by [`Opened::shut`].

use std::io::Read as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::account::{self, Account};
use portcullis_testing::{Client, Stage, World, case, http2, process, tls, until, websocket};

use super::ask::{exits, json};

/// How long a door may stay open after its cause is carried out; the figures of this table are of a run of it alone. Beside other tests
/// each of their accounts has everybody looked up.
const PROMISED: Duration = Duration::from_secs(1);
/// A group whose members may sign in.
const PERMITTED: &str = "revocable";

/// By what somebody has access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// A cookie over HTTP/1.1.
    Cookie,
    /// The same over HTTP/2, on a connection that is kept.
    Cookie2,
    /// A WebSocket over HTTP/1.1 to their session.
    WebSocket,
    /// An answer of their session that never ends (a long poll, events).
    Poll,
    /// A download under way.
    Download,
    /// The processes of their session.
    Processes,
}

/// Everything.
const ALL: &[Door] =
    &[Door::Cookie, Door::Cookie2, Door::WebSocket, Door::Poll, Door::Download, Door::Processes];
/// What hangs on a sign-in: the session is its owner's, and goes on.
const OF_SIGN_IN: &[Door] = &[Door::Cookie, Door::Cookie2, Door::WebSocket, Door::Poll, Door::Download];
/// What was begun under rules of before: the sign-in stays, and so does the session.
const BEGUN: &[Door] = &[Door::WebSocket, Door::Poll, Door::Download];

/// Something that ends access.
struct Cause {
    name: &'static str,
    /// Does it, to this person.
    act: fn(&World, &Account, &Client) -> Result<()>,
    /// What is shut by it.
    shuts: &'static [Door],
    /// The records it leaves, with fields.
    records: &'static [(&'static str, &'static [(&'static str, &'static str)])],
}

const ENDED: &[(&str, &[(&str, &str)])] =
    &[("revoked", &[("sign_ins", "1"), ("sessions", "1")]), ("revocation-done", &[("left", "0")])];
const LOST: &[(&str, &[(&str, &str)])] = &[
    ("identity-lost", &[]),
    ("revoked", &[("sign_ins", "1"), ("sessions", "1")]),
    ("revocation-done", &[("left", "0")]),
    ("sign-in-ended", &[("why", "account")]),
];

/// The rows.
const CAUSES: &[Cause] = &[
    Cause {
        name: "sign_out",
        act: |_, _, client| client.post("/auth-sign-out", &[]).map(drop),
        shuts: OF_SIGN_IN,
        records: &[("sign-in-ended", &[("why", "signed-out")])],
    },
    Cause {
        name: "revoke",
        act: |world, who, _| exits(world, &["revoke", &who.name], 0).map(drop),
        shuts: ALL,
        records: ENDED,
    },
    Cause {
        name: "users_lock",
        act: |world, who, _| exits(world, &["users", "lock", &who.name], 0).map(drop),
        shuts: ALL,
        records: ENDED,
    },
    Cause {
        name: "users_remove",
        act: |world, who, _| exits(world, &["users", "remove", &who.name, "--yes"], 0).map(drop),
        shuts: ALL,
        records: ENDED,
    },
    Cause {
        name: "another_role",
        act: |world, who, _| exits(world, &["users", "alter", &who.name, "--role", "publisher"], 0).map(drop),
        shuts: BEGUN,
        records: &[("account-changed", &[("what", "role")])],
    },
    Cause {
        name: "account_expired",
        act: |_, who, _| account::shadow("chage", &["-E", "0", &who.name]),
        shuts: ALL,
        records: LOST,
    },
    Cause {
        name: "password_expired",
        act: |_, who, _| account::shadow("chage", &["-d", "0", &who.name]),
        shuts: ALL,
        records: LOST,
    },
    Cause {
        name: "password_locked",
        act: |_, who, _| account::shadow("usermod", &["-L", &who.name]),
        shuts: ALL,
        records: LOST,
    },
    Cause {
        name: "account_deleted",
        // By force: there are processes of it.
        act: |_, who, _| account::shadow("userdel", &["-f", &who.name]),
        shuts: ALL,
        records: LOST,
    },
    Cause {
        name: "permitted_group_left",
        act: |_, who, _| account::shadow("gpasswd", &["-d", &who.name, PERMITTED]),
        shuts: ALL,
        records: LOST,
    },
    Cause {
        name: "group_with_a_flag_left",
        act: |_, who, _| account::shadow("gpasswd", &["-d", &who.name, "revocable-shell"]),
        shuts: BEGUN,
        records: &[("membership-changed", &[("gone", "revocable-shell")])],
    },
];

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    let one = |cause: &'static Cause| {
        case(&format!("identity::daemon::revocation::{}", cause.name), move |stage| carried_out(stage, cause))
    };
    let between = case(
        "identity::daemon::revocation::a_launcher_killed_between_mark_and_kill_leaves_the_kill_to_the_next",
        killed_between,
    );
    CAUSES.iter().map(one).chain([between]).collect()
}

/// What somebody has open.
struct Opened {
    client: Client,
    second: http2::Kept,
    cookies: String,
    socket: websocket::Socket,
    poll: Box<dyn portcullis_testing::client::Wire>,
    download: Box<dyn portcullis_testing::client::Wire>,
    uid: u32,
    session: String,
}

impl Opened {
    fn open(world: &World, who: &Account, client: Client) -> Result<Self> {
        let session = client.start_session(30)?;
        let h2 = tls::client(world.certificate().context("a certificate")?, &["h2"], false)?;
        let cookies = client.cookie_header();
        let mut second = http2::Kept::open(&client, &h2)?;
        ensure!(second.get("/", &cookies)?.is_some_and(|answer| answer.status == 200), "not in over HTTP/2");
        let mut socket = websocket::open(&client, &format!("/s/{session}/api/events/subscribe"), &[])?;
        websocket::echo(&mut socket, "x")?;
        let poll = begun(&client, &format!("/s/{session}/sse"), "data:")?;
        // More than all buffers on the way take.
        let download = begun(&client, &format!("/s/{session}/files/bytes-2000000000"), "\r\n\r\n")?;
        Ok(Self { client, second, cookies, socket, poll, download, uid: who.uid, session })
    }

    /// Waits until a door is shut.
    fn shut(&mut self, door: Door) -> Result<()> {
        match door {
            Door::Cookie => until::some("the cookie opens nothing", 10, || {
                Ok((!self.client.is_signed_in()?).then_some(()))
            }),
            Door::Cookie2 => until::some("the cookie opens nothing over HTTP/2", 10, || {
                let answer = self.second.get("/", &self.cookies)?;
                Ok(answer.is_none_or(|answer| answer.status != 200).then_some(()))
            }),
            Door::WebSocket => websocket::await_close(&mut self.socket).map(drop),
            Door::Poll => ends(&mut self.poll).map(drop),
            Door::Download => {
                let more = ends(&mut self.download)?;
                ensure!(more < 200_000_000, "{more} bytes came");
                Ok(())
            }
            Door::Processes => until::is("no process is left", 10, || process::of_user(self.uid).is_empty()),
        }
    }

    /// Whether a door that must stay open is.
    fn stays(&mut self, door: Door) -> Result<()> {
        match door {
            Door::Cookie => ensure!(self.client.is_signed_in()?, "the cookie opens nothing any more"),
            Door::Cookie2 => {
                let answer = self.second.get("/", &self.cookies)?.context("the connection is gone")?;
                ensure!(answer.status == 200, "{}", answer.status);
            }
            Door::Processes => ensure!(!process::of_user(self.uid).is_empty(), "the session is gone"),
            Door::WebSocket | Door::Poll | Door::Download => bail!("nothing keeps {door:?} open"),
        }
        Ok(())
    }
}

/// A request whose answer has begun.
fn begun(client: &Client, path: &str, wanted: &str) -> Result<Box<dyn portcullis_testing::client::Wire>> {
    let mut stream = client.connect()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{}\r\n", client.head_lines()).as_bytes())?;
    stream.flush()?;
    let (mut said, mut some) = (String::new(), [0; 512]);
    while !said.contains(wanted) {
        let length = stream.read(&mut some)?;
        ensure!(length > 0, "{path} ended: {said}");
        said.push_str(&String::from_utf8_lossy(&some[..length]));
    }
    ensure!(said.starts_with("HTTP/1.1 200"), "{path}: {said}");
    Ok(stream)
}

/// Reads what was on its way; how much that was.
fn ends(stream: &mut Box<dyn portcullis_testing::client::Wire>) -> Result<u64> {
    let (mut some, mut more) = (vec![0; 1 << 16], 0_u64);
    loop {
        match stream.read(&mut some) {
            Ok(0) => return Ok(more),
            Ok(length) => more += length as u64,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => bail!("it is open still"),
            // Cut in the middle, in whatever way.
            Err(_) => return Ok(more),
        }
    }
}

fn world(stage: &Stage) -> Result<World> {
    for group in [PERMITTED, "revocable-shell"] {
        // Another test may have made it.
        let _ = account::shadow("groupadd", &["-f", group]);
    }
    stage
        .world()
        .tls()?
        .conf("rserver.conf", &format!("auth-required-user-group={PERMITTED}"))
        .conf("rsession.conf", "allow-shell=0")
        .file("profiles", "[@revocable-shell]\nallow-shell=1\n")
        .start()
}

fn member(world: &World, stem: &str) -> Result<(Account, Client)> {
    let account = world.account_with(stem, &["-G", &format!("{PERMITTED},revocable-shell")])?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    Ok((account, client))
}

fn carried_out(stage: &Stage, cause: &'static Cause) -> Result<()> {
    let mut world = world(stage)?;
    for part in
        ["an identity is lost", "ended", "lost", "died", "killed", "launcher is gone", "can't be told"]
    {
        world.log.expect(part);
    }
    // The first account is the administrator, whom nobody removes: that one stands by.
    let (_, other) = member(&world, "by")?;
    let theirs = other.start_session(30)?;
    let mut bystander = websocket::open(&other, &format!("/s/{theirs}/api/events/subscribe"), &[])?;
    websocket::echo(&mut bystander, "x")?;
    let (who, client) = member(&world, "re")?;
    let mut opened = Opened::open(&world, &who, client)?;

    let begun = Instant::now();
    (cause.act)(&world, &who, &opened.client)?;
    let done = Instant::now();
    let mut took = Vec::new();
    for &door in cause.shuts {
        opened.shut(door).with_context(|| format!("{door:?} after {}", cause.name))?;
        took.push((door, done.elapsed()));
    }
    let shown: Vec<String> =
        took.iter().map(|(door, took)| format!("{door:?} {} ms", took.as_millis())).collect();
    println!("{}: carried out in {} ms; {}", cause.name, (done - begun).as_millis(), shown.join(", "));
    for (door, took) in took {
        ensure!(took < until::promised(PROMISED), "{door:?} was open for {took:?} after {}", cause.name);
    }
    for &door in ALL.iter().filter(|door| !cause.shuts.contains(door) && !BEGUN.contains(door)) {
        opened.stays(door).with_context(|| format!("{door:?} after {}", cause.name))?;
    }
    websocket::echo(&mut bystander, "y").context("a bystander's connection ended")?;
    for (event, fields) in cause.records {
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("user", who.name.as_str())]).collect();
        world.await_audit(event, &fields, 5)?;
    }

    // Nothing comes back with a launcher that is killed now.
    let launcher = world.launcher_pid()?;
    process::kill_hard(launcher)?;
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    let again = reborn(&world, &opened.client)?;
    let is_in = again.is_signed_in()?;
    ensure!(is_in != cause.shuts.contains(&Door::Cookie), "after a restart: signed in is {is_in}");
    ensure!(reborn(&world, &other)?.is_signed_in()?, "a bystander was put out");
    let session = &opened.session;
    if cause.shuts.contains(&Door::Cookie) {
        let way = websocket::open(&again, &format!("/s/{session}/api/events/subscribe"), &[]);
        ensure!(way.is_err(), "a way to the session");
    }
    if cause.shuts.contains(&Door::Processes) {
        ensure!(process::of_user(who.uid).is_empty(), "{:?}", process::of_user(who.uid));
        let rows = json(&world, &["sessions"], 0)?;
        let there = rows.as_array().is_some_and(|rows| rows.iter().any(|row| row["id"] == session.as_str()));
        ensure!(!there, "{rows}");
    }
    Ok(())
}

/// The same browser at the launcher of now, which may listen elsewhere.
fn reborn(world: &World, client: &Client) -> Result<Client> {
    let again = world.client()?;
    for name in ["portcullis", "__Host-portcullis"] {
        if let Some(value) = client.cookie(name) {
            again.set_cookie(name, &value);
        }
    }
    Ok(again)
}

/// A launcher that is killed after it has marked a session as revoked, and before it has killed it: the next one kills it, and asks
/// nobody to end.
fn killed_between(stage: &Stage) -> Result<()> {
    let mut world = stage
        .world()
        .double(&["--double-stubborn"])
        .conf("portcullis.conf", "session-end-seconds=60")
        .start()?;
    for part in ["ended", "lost", "died", "killed", "launcher is gone", "can't be told"] {
        world.log.expect(part);
    }
    let (ann, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    let (launcher, server) = (world.launcher_pid()?, world.server()?.pid);
    // It answers nothing, so that the launcher waits for its count as long as it ever does before it kills.
    process::signal(server, Signal::SIGSTOP)?;
    let mut revoke = std::process::Command::new(portcullis_testing::place::program("portcullis"))
        .args(["revoke", &ann.name, "--run-dir"])
        .arg(world.run_dir())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    // Written behind the record and the sign-ins; a launcher that is killed before has told nobody that anything is revoked.
    let state = world.state_dir().join("state.json");
    let marked = Instant::now() + Duration::from_secs(30);
    // Looked at without a pause: there are four tenths of a second for it.
    while !std::fs::read_to_string(&state)?.contains("\"ending\":\"revoked\"") {
        ensure!(Instant::now() < marked, "nothing was revoked");
    }
    process::kill_hard(launcher)?;
    let there = !process::of_user(ann.uid).is_empty();
    process::signal(server, Signal::SIGCONT)?;
    world.stop(Signal::SIGKILL)?;
    revoke.wait()?;
    ensure!(there, "it was killed before the launcher was: nothing is shown");
    ensure!(!process::of_user(ann.uid).is_empty(), "it ended with the launcher");
    world.launch()?;
    let since = Instant::now();
    until::is("the next launcher kills it", 30, || process::of_user(ann.uid).is_empty())?;
    let took = since.elapsed();
    println!("killed {} ms after the next launcher was there", took.as_millis());
    ensure!(took < until::promised(PROMISED), "it took {took:?}");
    ensure!(!reborn(&world, &client)?.is_signed_in()?, "signed in again by a crash");
    world.await_audit("session-ended", &[("session", &id), ("why", "revoked")], 5)?;
    Ok(())
}

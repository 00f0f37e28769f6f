//! `portcullis revoke`: everything of a person ends within a second, is counted, and stays ended.

use std::io::Read as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, World, case, kernel, process, until, websocket};
use serde_json::Value;

use crate::operations::{exits, json};

/// What is promised.
const WITHIN: Duration = Duration::from_secs(1);

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("revocations::everything_of_one_person_ends_and_is_counted", counted),
        case("revocations::nothing_comes_back_when_the_launcher_is_killed_after_the_answer", killed_after),
        case("revocations::whoever_has_nothing_and_whoever_is_not_there", nothing),
        case("revocations::jupyter_with_kernels_downloads_and_runaways_ends_within_a_second", jupyter),
    ]
}

fn number(value: &Value, name: &str) -> Result<u64> {
    value[name].as_u64().with_context(|| format!("no `{name}`: {value}"))
}

/// How long it took, as the daemon says.
fn took(told: &Value) -> Result<Duration> {
    Ok(Duration::from_millis(number(told, "milliseconds")?))
}

fn counted(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("ann")?;
    let second = world.client()?;
    second.sign_in(&ann.name, &ann.password)?;
    let (ben, other) = world.signed_in("ben")?;
    let (one, two) = (client.start_session(30)?, second.start_session(30)?);
    let theirs = other.start_session(30)?;
    let open = |client: &Client, id: &str| -> Result<_> {
        let mut socket = websocket::open(client, &format!("/s/{id}/api/events/subscribe"), &[])?;
        websocket::echo(&mut socket, "x")?;
        Ok(socket)
    };
    let mut sockets = vec![open(&client, &one)?, open(&client, &two)?, open(&second, &two)?];
    let mut bystander = open(&other, &theirs)?;
    let mut stream = client.connect()?;
    let head = format!("GET /s/{one}/sse HTTP/1.1\r\n{}\r\n", client.head_lines());
    stream.write_all(head.as_bytes())?;
    // Up to its first event: an answer's head alone is no transfer yet.
    let (mut said, mut some) = (String::new(), [0; 64]);
    while !said.contains("data:") {
        let length = stream.read(&mut some)?;
        ensure!(length > 0, "no stream: {said}");
        said.push_str(&String::from_utf8_lossy(&some[..length]));
    }

    let told = json(&world, &["revoke", &ann.name])?;
    ensure!(number(&told, "sign-ins")? == 2 && number(&told, "sessions")? == 2, "{told}");
    ensure!(number(&told, "websockets")? == 3 && number(&told, "transfers")? == 1, "{told}: {said}");
    ensure!(number(&told, "processes")? >= 4 && told["whole"] == true, "{told}");
    ensure!(took(&told)? < until::promised(WITHIN), "{told}");
    // By the time of the answer, not some time after it.
    ensure!(process::of_user(ann.uid).is_empty(), "{:?}", process::of_user(ann.uid));
    for socket in &mut sockets {
        let (code, _) = websocket::await_close(socket)?;
        ensure!(code.is_none_or(|code| code == 1008), "{code:?}");
    }
    // Cut in the middle: its end comes, in whatever way.
    let _ = stream.read_to_end(&mut Vec::new());
    ensure!(!client.is_signed_in()? && !second.is_signed_in()?, "signed in still");
    ensure!(websocket::open(&client, &format!("/s/{one}/api/events/subscribe"), &[]).is_err(), "a way back");

    websocket::echo(&mut bystander, "y").context("a bystander's connection ended")?;
    ensure!(other.is_signed_in()? && process::of_user(ben.uid).len() > 1, "a bystander was revoked");
    let fields = [("user", ann.name.as_str()), ("sign_ins", "2"), ("sessions", "2")];
    world.await_audit("revoked", &fields, 5)?;
    world.await_audit("revocation-done", &[("user", &ann.name), ("websockets", "3"), ("left", "0")], 5)?;
    for id in [&one, &two] {
        world.await_audit("session-ended", &[("session", id), ("why", "revoked")], 5)?;
    }
    ensure!(
        world.count_audit("sign-in-ended", &[("user", &ann.name), ("why", "revoked")])? == 2,
        "not recorded"
    );
    // It is no lock.
    client.sign_in(&ann.name, &ann.password)?;
    Ok(())
}

fn killed_after(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    for part in ["ended", "lost", "died", "killed", "launcher is gone", "the launcher can't be told"] {
        world.log.expect(part);
    }
    let (ann, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    let launcher = world.launcher_pid()?;
    exits(&world, &["revoke", &ann.name], 0)?;
    process::kill_hard(launcher)?;
    world.stop(nix::sys::signal::Signal::SIGKILL)?;
    websocket::await_close(&mut socket)?;
    world.launch()?;
    let again = reborn(&world, &client)?;
    ensure!(!again.is_signed_in()?, "signed in again by a crash");
    ensure!(process::of_user(ann.uid).is_empty(), "processes came back");
    ensure!(again.get(&format!("/s/{id}/api/me"))?.status != 200, "a way to it");
    let rows = json(&world, &["sessions"])?;
    ensure!(rows.as_array().is_some_and(Vec::is_empty), "{rows}");
    let people = json(&world, &["users"])?;
    ensure!(people.as_array().is_some_and(Vec::is_empty), "{people}");
    world.await_audit("revoked", &[("user", &ann.name)], 5)?;
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

fn nothing(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let ann = world.account("ann")?;
    let text = exits(&world, &["revoke", &ann.name], 0)?;
    ensure!(text.starts_with("nothing to revoke"), "{text}");
    let text = exits(&world, &["revoke", "nobody-of-this-name"], 67)?;
    ensure!(text.contains("there is no account"), "{text}");
    exits(&world, &["revoke"], 2)?;
    exits(&world, &["revoke", "a/b"], 2)?;
    Ok(())
}

fn jupyter(stage: &Stage) -> Result<()> {
    let world = stage.world().jupyter().start()?;
    let (ann, client) = world.signed_in("ann")?;
    let (one, two) = (client.open_session()?, client.open_session()?);
    client.await_running(&one, 120)?;
    client.await_running(&two, 120)?;
    let kernel = kernel::start(&client, &one)?;
    let mut socket = kernel::connect(&client, &one, &kernel, true)?;
    // What leaves its session and group of processes, and its parent, to be overlooked.
    let code = "import subprocess, os\n\
                open('long.bin','wb').truncate(2_000_000_000)\n\
                for _ in range(3):\n\
                \x20   subprocess.Popen(['sh','-c','setsid -f sleep 1000'], start_new_session=True).wait()\n\
                print('runs')";
    kernel::run(&mut socket, true, code)?;
    let other = kernel::start(&client, &two)?;
    let mut busy = kernel::connect(&client, &two, &other, true)?;
    kernel::send(
        &mut busy,
        true,
        "shell",
        "execute_request",
        &serde_json::json!({
            "code": "while True: pass", "silent": false, "store_history": false, "user_expressions": {},
            "allow_stdin": false, "stop_on_error": true
        }),
    )?;
    let mut stream = client.connect()?;
    let head = format!("GET /s/{one}/files/long.bin HTTP/1.1\r\n{}\r\n", client.head_lines());
    stream.write_all(head.as_bytes())?;
    let mut some = vec![0; 1 << 16];
    ensure!(stream.read(&mut some)? > 0, "no download");
    until::is("the runaways run", 10, || sleepers(ann.uid) == 3)?;
    let before = process::of_user(ann.uid).len();

    let since = Instant::now();
    let told = json(&world, &["revoke", &ann.name])?;
    let took = since.elapsed();
    let left = process::of_user(ann.uid);
    eprintln!("revoked {before} processes of two JupyterLabs in {took:?}: {told}");
    ensure!(took < until::promised(WITHIN), "it took {took:?}: {told}");
    ensure!(left.is_empty(), "{left:?}");
    ensure!(told["whole"] == true, "{told}");
    ensure!(number(&told, "websockets")? >= 2 && number(&told, "transfers")? >= 1, "{told}");
    ensure!(number(&told, "processes")? >= 8 && number(&told, "sessions")? == 2, "{told}");
    websocket::await_close(&mut socket)?;
    websocket::await_close(&mut busy)?;
    // What was on its way arrives; then it ends, far from whole.
    let mut rest = 0_u64;
    while let Ok(some @ 1..) = stream.read(&mut some) {
        rest += some as u64;
    }
    ensure!(rest < 200_000_000, "{rest} bytes came");
    ensure!(!client.is_signed_in()?, "signed in still");
    Ok(())
}

fn sleepers(uid: u32) -> usize {
    process::of_user(uid).iter().filter(|one| one.name() == "sleep").count()
}

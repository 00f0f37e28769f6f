//! What another account of the machine, or a session's own user, may try against the daemon's root and other sessions.

use std::process::{Child, Command, Stdio};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Account, Stage, case, until};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("neighbours::ending_a_session_follows_no_link_its_user_made", links),
        case("neighbours::the_port_proxy_leads_to_ones_own_programs_only", port_proxy),
        case("neighbours::a_user_cannot_signal_or_trace_the_daemon", signals),
        case("neighbours::a_fork_bomb_ends_with_its_session", many_processes),
    ]
}

/// A command that runs as somebody.
fn as_user(account: &Account, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        &account.uid.to_string(),
        "--regid",
        &account.gid.to_string(),
        "--clear-groups",
        "--",
    ]);
    command.arg(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Ends a helper program of the test when the test is over.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn links(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let victim = world.account("vic")?;
    let precious = victim.home.join("precious");
    std::fs::write(&precious, "keep me")?;
    let (account, client) = world.signed_in("eve")?;
    let id = client.start_session(30)?;
    let folder = world.run_dir().join("sessions").join(&id);
    let home = victim.home.display().to_string();
    for (target, name) in
        [(home.as_str(), "home"), ("/etc", "etc"), ("/run", "deep/run"), ("/etc/shadow", "shadow")]
    {
        let link = folder.join(name);
        let parent = link.parent().map(|parent| parent.display().to_string()).unwrap_or_default();
        as_user(&account, "mkdir", &["-p", &parent]).status()?;
        as_user(&account, "ln", &["-s", target, &link.display().to_string()]).status()?;
    }
    // A socket replaced by a link, and a folder nobody may enter.
    let socket = folder.join("ide.sock").display().to_string();
    as_user(&account, "ln", &["-sf", "/etc/passwd", &socket]).status()?;
    let shut = folder.join("shut").display().to_string();
    as_user(&account, "mkdir", &["-m", "000", &shut]).status()?;
    client.post(&format!("/sessions/{id}/stop"), &[])?;
    world.await_audit("session-ended", &[("session", &id)], 30)?;
    until::is("the session's folder is gone", 10, || !folder.exists())?;
    ensure!(std::fs::read_to_string(&precious)? == "keep me", "another's file was removed");
    for path in ["/etc/passwd", "/etc/shadow"] {
        ensure!(std::fs::metadata(path)?.len() > 0, "{path} was emptied");
    }
    Ok(())
}

fn port_proxy(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (account, client) = world.signed_in("fay")?;
    let stranger = world.account("mal")?;
    let id = client.start_session(30)?;
    for (owner, allowed) in [(&account, true), (&stranger, false)] {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = world.folder().display().to_string();
        let args = ["-m", "http.server", "--bind", "127.0.0.1", "--directory", &folder, &port.to_string()];
        let _server = Ended(as_user(owner, "/usr/bin/python3", &args).spawn()?);
        until::is("the program listens", 20, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        for route in [format!("/proxy/{port}/"), format!("/proxy/absolute/{port}/")] {
            let answer = client.get(&format!("/s/{id}{route}"))?;
            ensure!((answer.status == 200) == allowed, "{route} of uid {}: {}", owner.uid, answer.status);
        }
    }
    // Another machine, or a socket by name, is never meant.
    for route in ["/proxy/example.org:80/", "/proxy/127.0.0.1:22/", "/proxy/absolute/localhost:22/"] {
        let answer = client.get(&format!("/s/{id}{route}"))?;
        ensure!(answer.status >= 400, "{route}: {}", answer.status);
    }
    Ok(())
}

fn signals(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (account, client) = world.signed_in("gus")?;
    let id = client.start_session(30)?;
    let session = world.session_process(&id)?;
    for pid in [world.launcher_pid()?, world.server()?.pid, session.parent] {
        let status = as_user(&account, "kill", &["-9", &pid.to_string()]).status()?;
        ensure!(!status.success(), "a user may signal process {pid}");
        let status = as_user(&account, "cat", &[&format!("/proc/{pid}/environ")]).status()?;
        ensure!(!status.success(), "a user may read the environment of process {pid}");
    }
    // The session process is the user's own, but its memory is not for looking at.
    let status = as_user(&account, "cat", &[&format!("/proc/{}/environ", session.pid)]).status()?;
    ensure!(!status.success(), "the session process can be looked into");
    client.get(&format!("/s/{id}/api"))?.expect(200)?;
    Ok(())
}

fn many_processes(stage: &Stage) -> Result<()> {
    let world = stage.world().double(&["--double-bomb"]).start()?;
    let (account, client) = world.signed_in("hal")?;
    let id = client.start_session(60)?;
    until::is("many processes run", 20, || portcullis_testing::process::of_user(account.uid).len() > 50)?;
    client.post(&format!("/sessions/{id}/stop"), &[])?;
    world.await_audit("session-ended", &[("session", &id), ("why", "stopped")], 60)?;
    let left = portcullis_testing::process::of_user(account.uid);
    ensure!(left.is_empty(), "{} processes are left", left.len());
    Ok(())
}

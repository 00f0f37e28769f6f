//! A session runs as its owner, is reached by the proxy alone, and ends with everything in it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Account, Client, Stage, World, case, module, process, servers, until};

use crate::starts::await_end_page;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("sessions::its_processes_are_the_users_without_a_way_back", own_uid),
        case("sessions::its_environment_and_descriptors_are_clean", clean_start),
        case("sessions::limits_and_variables_of_pam_arrive", pam_limits),
        case("sessions::its_port_serves_the_proxy_alone", port_is_the_proxys),
        case("sessions::its_door_without_a_port_serves_the_proxy_alone", door_is_the_proxys),
        case("sessions::handing_connections_over_works_without_a_port", unix_transport),
        case("sessions::a_taken_port_is_passed_over", taken_port),
        case("sessions::no_port_left_is_said_on_a_page", ports_exhausted),
        case("sessions::an_ide_that_dies_later_is_told", dies_later),
        case("sessions::stopping_ends_every_process", stop_ends_all),
        case("sessions::an_ide_that_ignores_the_request_to_end_is_ended", stubborn),
        case("sessions::others_learn_nothing_of_it", others_learn_nothing),
        case("sessions::progress_is_shown_while_it_starts", progress),
        case("sessions::the_home_page_learns_of_changes", events),
    ]
}

fn stop(world: &World, client: &Client, id: &str) -> Result<()> {
    client.post(&format!("/sessions/{id}/stop"), &[])?.expect(303)?;
    world.await_audit("session-ended", &[("session", id), ("why", "stopped")], 30)?;
    Ok(())
}

fn own_uid(stage: &Stage) -> Result<()> {
    portcullis_testing::account::shadow("groupadd", &["--force", "lab"])?;
    let world = stage.world().start()?;
    let account = world.account_with("ann", &["--groups", "lab"])?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    let id = client.start_session(30)?;
    for process in [world.session_process(&id)?, world.ide_process(&id)?] {
        let who = format!("{} {:?}", process.name(), process.args);
        ensure!(process.uids == [account.uid; 4], "{who}: uids {:?}", process.uids);
        ensure!(process.gids == [account.gid; 4], "{who}: gids {:?}", process.gids);
        ensure!(
            process.groups.len() == 2 && process.groups.contains(&account.gid),
            "{who}: {:?}",
            process.groups
        );
        for (name, value) in [
            ("NoNewPrivs", "1"),
            ("CapEff", "0000000000000000"),
            ("CapPrm", "0000000000000000"),
            ("CapInh", "0000000000000000"),
            ("CapAmb", "0000000000000000"),
        ] {
            ensure!(
                process.status.get(name).is_some_and(|found| found == value),
                "{who}: {name} {:?}",
                process.status
            );
        }
    }
    let record = world.await_audit("session-started", &[("session", &id), ("user", &account.name)], 5)?;
    let proof = record["proof"].as_str().unwrap_or_default();
    ensure!(proof.contains(&account.uid.to_string()), "the proof does not name the uid: {proof}");
    // The server is not root either.
    let server = world.server()?;
    ensure!(server.uids.iter().all(|uid| *uid != 0), "the server runs as root");
    ensure!(
        server.status.get("CapEff").is_some_and(|caps| caps == "0000000000000000"),
        "the server has capabilities"
    );
    stop(&world, &client, &id)
}

fn clean_start(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .environment("SECRET_OF_THE_DAEMON", "x")
        .environment("LD_LIBRARY_PATH", "/x")
        .start()?;
    let (account, client) = world.signed_in("bob")?;
    let id = client.start_session(30)?;
    let ide = world.ide_process(&id)?;
    let environment = ide.environment()?;
    for name in ["SECRET_OF_THE_DAEMON", "LD_LIBRARY_PATH", "LD_PRELOAD", "NOTIFY_SOCKET", "PORTCULLIS_LOG"] {
        ensure!(!environment.contains_key(name), "{name} reached the IDE");
    }
    for (name, value) in [
        ("USER", account.name.as_str()),
        ("LOGNAME", &account.name),
        ("HOME", &account.home.display().to_string()),
    ] {
        ensure!(
            environment.get(name).is_some_and(|found| found == value),
            "{name} is {:?}",
            environment.get(name)
        );
    }
    // Sockets of the double's own are told apart by what a session must never hold: files and sockets of the daemon.
    for (number, target) in ide.descriptors() {
        let foreign = target.contains("/state/") || target.contains("audit") || target.contains("/conf/");
        ensure!(!foreign, "descriptor {number} of the IDE is {target}");
    }
    let session = world.session_process(&id)?;
    for (number, target) in session.descriptors() {
        ensure!(
            !target.contains("/state/") && !target.contains("audit"),
            "descriptor {number} of the session is {target}"
        );
    }
    // What others can read of it: nothing.
    let folder = world.run_dir().join("sessions").join(&id);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&folder)?.permissions()) & 0o7777;
    ensure!(mode == 0o700, "{} has mode {mode:o}", folder.display());
    ensure!(ide.args.iter().all(|arg| !arg.contains("token")), "a token in the arguments: {:?}", ide.args);
    stop(&world, &client, &id)?;
    until::is("the session's folder is gone", 10, || !folder.exists())
}

fn pam_limits(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    let limits = "/etc/security/portcullis-test.conf";
    std::fs::write(limits, "* soft nofile 333\n* hard nofile 444\n")?;
    let world = stage
        .world()
        .pam(&format!(
            "auth required pam_unix.so nodelay\naccount required pam_unix.so\n\
             session required pam_limits.so conf={limits}\n\
             session required {module} env=FROM_PAM=yes\n"
        ))
        .start()?;
    let (_, client) = world.signed_in("cat")?;
    let id = client.start_session(30)?;
    let ide = world.ide_process(&id)?;
    let text = std::fs::read_to_string(format!("/proc/{}/limits", ide.pid))?;
    let line = text.lines().find(|line| line.starts_with("Max open files")).context("no such limit")?;
    let numbers: Vec<&str> = line.split_whitespace().collect();
    ensure!(numbers[3..5] == ["333", "444"], "{line}");
    let environment = ide.environment()?;
    ensure!(environment.get("FROM_PAM").is_some_and(|value| value == "yes"), "{environment:?}");
    Ok(())
}

/// Connects as somebody else, sends a request, returns what came back.
fn ask_as(uid: u32, port: &str) -> Result<String> {
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port} || exit 0; printf 'GET /s/x/api HTTP/1.0\\r\\n\\r\\n' >&3; exec timeout 10 cat <&3"
    );
    let output = Command::new("setpriv")
        .args(["--reuid", &uid.to_string(), "--clear-groups", "--", "bash", "-c", &script])
        .stdin(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn port_of(world: &World, id: &str) -> Result<String> {
    Ok(world.await_audit("session-started", &[("session", id)], 10)?["port"].to_string())
}

fn port_is_the_proxys(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    world.log.expect("a stranger connected");
    let (owner, client) = world.signed_in("dan")?;
    let stranger = world.account("dot")?;
    let id = client.start_session(30)?;
    let port = port_of(&world, &id)?;
    ensure!(port != "0", "the session has no port");
    for uid in [stranger.uid, owner.uid, 0] {
        let answer = ask_as(uid, &port)?;
        ensure!(answer.is_empty(), "uid {uid} got an answer from the port: {answer}");
        world.await_audit(
            "peer-refused",
            &[("session", &id), ("port", &port), ("peer", &uid.to_string())],
            10,
        )?;
    }
    // The proxy still gets through.
    client.get(&format!("/s/{id}/api"))?.expect(200)?;
    stop(&world, &client, &id)
}

fn door_is_the_proxys(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (owner, client) = world.signed_in("eli")?;
    let stranger = world.account("eve")?;
    let id = client.start_session(30)?;
    let door = world.run_dir().join(format!("control/{id}.sock"));
    ensure!(door.exists(), "no door at {}", door.display());
    for Account { uid, .. } in [&owner, &stranger] {
        // SOCK_SEQPACKET is 5.
        let script = format!(
            "import socket; s=socket.socket(socket.AF_UNIX,5); s.connect('{}'); s.send(b'\\x01\\x00'); print(s.recv(9))",
            door.display()
        );
        let output = Command::new("setpriv")
            .args(["--reuid", &uid.to_string(), "--clear-groups", "--", "/usr/bin/python3", "-c", &script])
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            !output.status.success() || said.trim() == "b''",
            "uid {uid} got an answer at the door: {said}"
        );
    }
    stop(&world, &client, &id)
}

fn unix_transport(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .without("rsession.conf", "session-port-range")
        .conf("portcullis.conf", "session-transport=unix")
        .start()?;
    let (_, client) = world.signed_in("fay")?;
    let id = client.start_session(30)?;
    ensure!(port_of(&world, &id)? == "0", "a port was used");
    client.get(&format!("/s/{id}/files/bytes-100000"))?.expect(200)?;
    stop(&world, &client, &id)
}

fn taken_port(stage: &Stage) -> Result<()> {
    // Two beside each other, neither of which the kernel gives to a connection.
    let (_taken, port) = until::some("two free ports", 30, || {
        let (one, two) = (servers::free_address()?, servers::free_address()?);
        let beside = one.port() + 1 == two.port();
        Ok(beside.then_some((std::net::TcpListener::bind(one)?, one.port())))
    })?;
    let next = port + 1;
    let world = stage.world().conf("rsession.conf", &format!("session-port-range={port}-{next}")).start()?;
    world.log.expect("there are 2 ports");
    let (_, client) = world.signed_in("gus")?;
    let id = client.start_session(30)?;
    ensure!(port_of(&world, &id)? == next.to_string(), "not the free port of the range");
    stop(&world, &client, &id)
}

fn ports_exhausted(stage: &Stage) -> Result<()> {
    let free = servers::free_address()?.port();
    let range = format!("{free}-{free}");
    let world = stage.world().conf("rsession.conf", &format!("session-port-range={range}")).start()?;
    world.log.expect("there are 1 ports");
    world.log.expect("is taken");
    let (_, first) = world.signed_in("hal")?;
    let (_, second) = world.signed_in("hue")?;
    let id = first.start_session(30)?;
    let answer = second.post("/sessions", &[("ide", "jupyter")])?;
    let page = match answer.header("location").map(str::to_owned) {
        Some(to) => second.request("GET", &to).header("Accept", "text/html").send()?,
        None => answer,
    };
    ensure!(
        page.text().contains(&range),
        "the page does not name the range: {} {}",
        page.status,
        page.text()
    );
    // Nothing else suffers, and a port that is given back can be used.
    first.get(&format!("/s/{id}/api"))?.expect(200)?;
    stop(&world, &first, &id)?;
    second.start_session(30)?;
    Ok(())
}

fn dies_later(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("max")?;
    let id = client.start_session(30)?;
    process::kill_hard(world.ide_process(&id)?.pid)?;
    let page = await_end_page(&client, &id, 30)?;
    ensure!(page.to_lowercase().contains("exit") || page.contains("ended"), "{page}");
    world.await_audit("session-ended", &[("session", &id)], 10)?;
    let answer = client.get(&format!("/s/{id}/api/me"))?;
    ensure!(answer.status >= 400 || answer.status == 303, "an ended session answers {}", answer.status);
    Ok(())
}

fn stop_ends_all(stage: &Stage) -> Result<()> {
    let world = stage.world().double(&["--double-forks"]).start()?;
    let (account, client) = world.signed_in("ned")?;
    let id = client.start_session(30)?;
    until::is("the double's children run", 10, || {
        process::of_user(account.uid).iter().filter(|one| one.name() == "sleep").count() == 2
    })?;
    stop(&world, &client, &id)?;
    let left = process::of_user(account.uid);
    ensure!(left.is_empty(), "left over: {left:#?}");
    Ok(())
}

fn stubborn(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .double(&["--double-stubborn"])
        .conf("portcullis.conf", "session-end-seconds=1")
        .start()?;
    let (account, client) = world.signed_in("oda")?;
    let id = client.start_session(30)?;
    stop(&world, &client, &id)?;
    ensure!(process::of_user(account.uid).is_empty(), "it still runs");
    Ok(())
}

fn others_learn_nothing(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, owner) = world.signed_in("pam")?;
    let (_, other) = world.signed_in("pit")?;
    let id = owner.start_session(30)?;
    let unknown = "0011223344556677";
    for (method, before, after) in [
        ("GET", "/s/", "/api/me"),
        ("GET", "/s/", "/"),
        ("GET", "/sessions/", ""),
        ("POST", "/sessions/", "/stop"),
    ] {
        let look = |id: &str| -> Result<(u16, String)> {
            let path = format!("{before}{id}{after}");
            let answer = other.request(method, &path).header("Accept", "text/html").body("").send()?;
            let text = answer.text().replace(id, "ID");
            // Each page has an id of its own for the log.
            let text = text
                .split("<code>")
                .map(|part| part.split_once("</code>").map_or(part, |(_, rest)| rest))
                .collect();
            Ok((answer.status, text))
        };
        let (real, made_up) = (look(&id)?, look(unknown)?);
        ensure!(real == made_up, "{method} {before}ID{after} tells: {real:?} {made_up:?}");
        ensure!(real.0 == 404, "{method} {before}ID{after}: {}", real.0);
    }
    owner.get(&format!("/s/{id}/api/me"))?.expect(200)?;
    let home = other.request("GET", "/").header("Accept", "text/html").send()?;
    ensure!(!home.text().contains(&id), "another's session is on the home page");
    stop(&world, &owner, &id)
}

fn progress(stage: &Stage) -> Result<()> {
    let world = stage.world().double(&["--double-slow-ms=4000"]).start()?;
    let (_, client) = world.signed_in("quy")?;
    let id = client.open_session()?;
    until::is("the page shows the steps", 10, || {
        client
            .request("GET", &format!("/sessions/{id}"))
            .header("Accept", "text/html")
            .send()
            .is_ok_and(|page| page.status == 200 && page.text().contains("Wait for its first answer"))
    })?;
    // Whoever goes to the IDE too early is sent back to that page.
    let early = client.request("GET", &format!("/s/{id}/lab")).header("Accept", "text/html").send()?;
    ensure!(early.status == 303 || early.text().contains("Starting"), "{} {}", early.status, early.text());
    client.await_running(&id, 30)?;
    stop(&world, &client, &id)
}

fn events(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("ray")?;
    let mut stream = client.connect()?;
    let head = [
        ("Host".to_owned(), client.host().to_owned()),
        ("Cookie".to_owned(), client.cookie_header()),
        ("Accept".to_owned(), "text/event-stream".to_owned()),
    ];
    portcullis_testing::http1::send(&mut stream, "GET", "/events", &head, None)?;
    let mut reader = std::io::BufReader::new(stream);
    let answer = portcullis_testing::http1::read_head(&mut reader)?;
    ensure!(answer.status == 200, "{}", answer.status);
    let id = client.open_session()?;
    let mut seen = String::new();
    while !(seen.contains(&id) && seen.contains("\"running\"")) {
        let mut line = String::new();
        ensure!(std::io::BufRead::read_line(&mut reader, &mut line)? > 0, "the stream ended after {seen}");
        seen.push_str(&line);
    }
    ensure!(seen.contains("\"launching\""), "{seen}");
    stop(&world, &client, &id)
}

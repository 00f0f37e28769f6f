//! Options that an administrator sees from outside, the files the daemon makes, and the command line beside it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, case, place, until, websocket};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("options::below_a_root_path_everything_works", root_path),
        case("options::an_administrators_text_is_on_the_sign_in_page", login_html),
        case("options::addresses_that_the_rules_deny_are_refused", ip_rules),
        case("options::http_is_sent_on_to_https", redirect),
        case("options::an_ide_that_is_off_is_not_offered", labs_off),
        case("options::a_listed_origin_may_change_things", allowed_origin),
        case("options::files_of_the_daemon_are_roots_alone", file_modes),
        case("options::a_key_that_was_given_is_used_and_kept", given_key),
        case("options::a_second_daemon_on_the_same_state_is_refused", second_daemon),
        case("options::the_command_line_checks_shows_and_verifies", command_line),
    ]
}

fn root_path(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rserver.conf", "www-root-path=/deep/ide").start()?;
    let account = world.account("ann")?;
    let client = world.client()?;
    ensure!(client.get("/auth-sign-in")?.status == 404, "the pages are outside of the root path too");
    let page = client.get("/deep/ide/auth-sign-in")?.expect(200)?.text();
    ensure!(page.contains("action=\"/deep/ide/auth-do-sign-in\""), "{page}");
    let fields =
        [("username", account.name.as_str()), ("password", &account.password), ("appUri", "/deep/ide/")];
    let answer = client.post("/deep/ide/auth-do-sign-in", &fields)?.expect(303)?;
    ensure!(answer.header("location") == Some("/deep/ide/"), "{:?}", answer.headers);
    ensure!(
        answer.header("set-cookie").is_some_and(|cookie| cookie.contains("Path=/deep/ide")),
        "{:?}",
        answer.headers
    );
    let answer = client.post("/deep/ide/sessions", &[("ide", "jupyter")])?.expect(303)?;
    let id = answer.header("location").and_then(|to| to.rsplit('/').next()).context("no session")?.to_owned();
    let inside = format!("/deep/ide/s/{id}");
    until::is("the IDE answers below the root path", 30, || {
        client.get(&format!("{inside}/api/me")).is_ok_and(|answer| answer.status == 200)
    })?;
    let mut socket = websocket::open(&client, &format!("{inside}/api/events/subscribe"), &[])?;
    ensure!(websocket::echo(&mut socket, "x")? == "x", "no echo");
    client.get("/healthz")?.expect(200)?;
    Ok(())
}

fn login_html(stage: &Stage) -> Result<()> {
    let world =
        stage.world().file("login.html", "<p>Call 1234 for help.</p><script>alert(1)</script>").start()?;
    let page = world.client()?.get("/auth-sign-in")?.expect(200)?;
    ensure!(page.text().contains("Call 1234 for help."), "{}", page.text());
    let policy = page.header("content-security-policy").context("no policy")?;
    ensure!(!policy.contains("unsafe"), "its scripts would run: {policy}");
    Ok(())
}

fn ip_rules(stage: &Stage) -> Result<()> {
    let world = stage.world().file("ip-rules", "deny 127.0.0.1\nallow all\n").start()?;
    let answer = world.client()?.get("/auth-sign-in");
    ensure!(answer.as_ref().map_or(true, |answer| answer.status == 403), "{answer:?}");
    Ok(())
}

fn redirect(stage: &Stage) -> Result<()> {
    // The real ports, which the namespaces' own network leaves free; no other test uses them.
    let world = stage.world().tls()?.conf("rserver.conf", "www-port=443").start()?;
    let plain = Client::new(([127, 0, 0, 1], 80).into());
    let answer = plain.request("GET", "/s/x/lab?a=b").header("Host", "ide.example:80").send()?;
    ensure!(matches!(answer.status, 301 | 307 | 308), "{}", answer.status);
    let to = answer.header("location").unwrap_or_default();
    ensure!(to.starts_with("https://ide.example/") && to.ends_with("/s/x/lab?a=b"), "{to}");
    for host in ["evil\\.example", "a b", "user@evil", "x/../y"] {
        let raw = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let text = plain.raw_briefly(raw.as_bytes(), std::time::Duration::from_secs(5))?;
        ensure!(!text.contains("://user@") && !text.contains("\\."), "{host}: {text}");
    }
    // A password sent in clear text is not taken.
    let posted = plain.post("/auth-do-sign-in", &[("username", "a"), ("password", "b")])?;
    ensure!(posted.status >= 300 && posted.header("set-cookie").is_none(), "{}", posted.status);
    drop(world);
    Ok(())
}

fn labs_off(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("jupyter.conf", "labs-enabled=0").start()?;
    let (_, client) = world.signed_in("bob")?;
    let home = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?;
    ensure!(!home.text().contains("<button class=\"button\" type=\"submit\" name=\"ide\""), "it is offered");
    client.post("/sessions", &[("ide", "jupyter")])?;
    ensure!(world.count_audit("session-started", &[])? == 0, "it was started");
    Ok(())
}

fn allowed_origin(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rserver.conf", "www-allow-origin=portal.example").start()?;
    let (_, client) = world.signed_in("cat")?;
    let refused = client
        .request("POST", "/auth-sign-out")
        .bare()
        .header("Origin", "https://other.example")
        .body("")
        .send()?;
    ensure!(refused.status == 403, "{}", refused.status);
    client
        .request("POST", "/auth-sign-out")
        .bare()
        .header("Origin", "https://portal.example")
        .body("")
        .send()?;
    ensure!(!client.is_signed_in()?, "the listed origin was refused");
    Ok(())
}

fn file_modes(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("dan")?;
    client.start_session(30)?;
    let state = world.state_dir();
    for (path, most) in [
        (state.clone(), 0o711),
        (state.join("audit/audit.jsonl"), 0o600),
        (state.join("state.json"), 0o600),
        (state.join("sign-ins.journal"), 0o600),
        (state.join("secure-cookie-key"), 0o600),
    ] {
        let metadata = std::fs::metadata(&path).with_context(|| format!("no {}", path.display()))?;
        let mode = metadata.permissions().mode() & 0o777;
        ensure!(
            mode & !most == 0 && metadata.uid() == 0,
            "{} is {mode:o} of {}",
            path.display(),
            metadata.uid()
        );
    }
    let door = std::fs::metadata(world.run_dir().join("control"))?.permissions().mode() & 0o777;
    ensure!(door & 0o022 == 0, "others may write to the doors' folder: {door:o}");
    Ok(())
}

fn given_key(stage: &Stage) -> Result<()> {
    let world = stage.world().build()?;
    let key = world.folder().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdef-and-more\n")?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    world.set("rserver.conf", &format!("secure-cookie-key-file={}", key.display()))?;
    let mut world = world;
    world.launch()?;
    let (_, client) = world.signed_in("eva")?;
    let cookie = client.cookie("portcullis").context("no cookie")?;
    ensure!(!world.state_dir().join("secure-cookie-key").exists(), "a key of its own was made as well");
    world.stop(nix::sys::signal::Signal::SIGTERM)?;
    world.launch()?;
    let again = world.client()?;
    again.set_cookie("portcullis", &cookie);
    ensure!(again.is_signed_in()?, "signed out by a restart");
    Ok(())
}

fn second_daemon(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let output = Command::new(place::program("portcullis-launcher"))
        .args(["--config-dir".as_ref(), world.config_dir().as_os_str()])
        .args(["--run-dir".as_ref(), world.run_dir().as_os_str()])
        .args(["--state-dir".as_ref(), world.state_dir().as_os_str()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "two daemons write one audit log");
    ensure!(said.contains(&world.state_dir().display().to_string()), "{said}");
    world.client()?.get("/healthz")?.expect(200)?;
    Ok(())
}

fn command_line(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0").start()?;
    let config = world.config_dir().display().to_string();
    let run = |args: &[&str]| -> Result<(Option<i32>, String)> {
        let output = Command::new(place::program("portcullis")).args(args).output()?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.code(), text))
    };
    let (code, text) = run(&["check-config", "--config-dir", &config])?;
    ensure!(code == Some(0) && text.contains("[PASS]"), "{code:?} {text}");
    let (code, text) = run(&["conf", "show", "--config-dir", &config])?;
    ensure!(
        code == Some(0) && text.contains("allow-shell=0") && text.contains("rsession.conf:2"),
        "{code:?} {text}"
    );
    let log = world.state_dir().join("audit/audit.jsonl");
    let (code, text) = run(&["audit", "verify", &log.display().to_string()])?;
    ensure!(code == Some(0), "{code:?} {text}");
    let copy = world.folder().join("changed.jsonl");
    std::fs::write(&copy, std::fs::read_to_string(&log)?.replace("\"accepted\"", "\"accepteD\""))?;
    let (code, text) = run(&["audit", "verify", &copy.display().to_string()])?;
    ensure!(code == Some(1), "a changed log is found whole: {code:?} {text}");
    world.set("rsession.conf", "allow-shell=perhaps")?;
    let (code, text) = run(&["check-config", "--config-dir", &config])?;
    ensure!(code == Some(78) && text.contains("rsession.conf:2"), "{code:?} {text}");
    world.set("rsession.conf", "allow-shell=1")
}

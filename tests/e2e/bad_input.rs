//! Wrong configuration, oversized and malformed input, modules that hang or die: a clear error in the right place, and
//! everybody else is served.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, case, module, process};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("bad_input::an_unknown_option_stops_the_start_with_its_place", unknown_option),
        case("bad_input::all_wrong_values_are_told_at_once", wrong_values),
        case("bad_input::an_empty_configuration_is_valid", empty_configuration),
        case("bad_input::a_missing_service_account_is_said", missing_account),
        case("bad_input::a_readable_key_is_refused", readable_key),
        case("bad_input::a_port_in_use_is_said", port_in_use),
        case("bad_input::a_password_of_64_kib_is_refused", long_password),
        case("bad_input::headers_of_100_kib_are_refused", long_headers),
        case("bad_input::very_many_headers_are_refused", many_headers),
        case("bad_input::a_body_over_the_limit_is_refused", long_body),
        case("bad_input::a_form_that_is_none_is_refused", bad_forms),
        case("bad_input::bytes_that_are_no_http_are_refused", no_http),
        case("bad_input::a_slow_client_is_not_waited_for_forever", slow_client),
        case("bad_input::a_pam_module_that_hangs_holds_up_nobody", pam_hangs),
        case("bad_input::a_pam_module_that_dies_lets_nobody_in", pam_dies),
        case("bad_input::odd_answers_of_pam_let_nobody_in", pam_odd_codes),
        case("bad_input::a_pam_module_that_talks_without_end_is_bounded", pam_floods),
    ]
}

fn unknown_option(stage: &Stage) -> Result<()> {
    let (status, text) = stage.world().conf("rsession.conf", "allow-shel=0").start_in_vain()?;
    ensure!(status.code() == Some(78), "{status}: {text}");
    for part in ["rsession.conf:2", "allow-shel", "allow-shell"] {
        ensure!(text.contains(part), "`{part}` is not said: {text}");
    }
    Ok(())
}

fn wrong_values(stage: &Stage) -> Result<()> {
    let (status, text) = stage
        .world()
        .conf("rserver.conf", "www-port=eighty\nauth-minimum-user-id=-5")
        .conf("rsession.conf", "allow-shell=maybe\nsession-port-range=9-1")
        .start_in_vain()?;
    ensure!(status.code() == Some(78), "{status}: {text}");
    for part in ["www-port", "auth-minimum-user-id", "allow-shell", "session-port-range"] {
        ensure!(text.contains(part), "`{part}` is not said: {text}");
    }
    Ok(())
}

fn empty_configuration(stage: &Stage) -> Result<()> {
    let world = stage.world().build()?;
    for entry in std::fs::read_dir(world.config_dir())?.flatten() {
        std::fs::remove_file(entry.path())?;
    }
    // Its port is the default one, which only one test may use: this one.
    let mut world = world;
    world.launch()?;
    ensure!(world.address().port() == 8787, "{}", world.address());
    Client::new(([127, 0, 0, 1], 8787).into()).get("/healthz")?.expect(200)?;
    Ok(())
}

fn missing_account(stage: &Stage) -> Result<()> {
    let (status, text) = stage.world().conf("rserver.conf", "server-user=no-such-account").start_in_vain()?;
    ensure!(!status.success(), "{status}");
    ensure!(text.contains("no-such-account") && text.contains("server-user"), "{text}");
    Ok(())
}

fn readable_key(stage: &Stage) -> Result<()> {
    let world = stage.world().build()?;
    let key = world.folder().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdef")?;
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    world.set("rserver.conf", &format!("secure-cookie-key-file={}", key.display()))?;
    let mut world = world;
    world.log.expect("");
    ensure!(world.launch().is_err(), "it serves with a key that everybody can read");
    let text = world.log.lines().join("\n");
    ensure!(text.contains("key"), "{text}");
    world.abandon();
    Ok(())
}

fn port_in_use(stage: &Stage) -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let (status, text) = stage.world().conf("rserver.conf", &format!("www-port={port}")).start_in_vain()?;
    ensure!(!status.success() && text.contains(&port.to_string()), "{status}: {text}");
    Ok(())
}

fn long_password(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let account = world.account("ann")?;
    let client = world.client()?;
    let long = "p".repeat(64 * 1024);
    let since = Instant::now();
    let answer = client.try_sign_in(&account.name, &long)?;
    ensure!(matches!(answer.status, 200 | 400..=413 | 422), "{}", answer.status);
    ensure!(!client.is_signed_in()?, "let in");
    ensure!(since.elapsed() < Duration::from_secs(10), "it took {:?}", since.elapsed());
    world.client()?.sign_in(&account.name, &account.password)
}

fn long_headers(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let client = world.client()?;
    let answer = client.request("GET", "/auth-sign-in").header("X-Long", &"x".repeat(100 * 1024)).send()?;
    ensure!(answer.status == 431, "{}", answer.status);
    let cookie = format!("portcullis={}", "x".repeat(100 * 1024));
    let answer = client.request("GET", "/").header("Cookie", &cookie).send()?;
    ensure!(answer.status == 431, "{}", answer.status);
    let answer = client.get(&format!("/{}", "x".repeat(100 * 1024)))?;
    ensure!(matches!(answer.status, 414 | 431), "{}", answer.status);
    client.get("/healthz")?.expect(200)?;
    Ok(())
}

fn many_headers(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let client = world.client()?;
    let mut request = client.request("GET", "/auth-sign-in");
    for at in 0..1000 {
        request = request.header(&format!("X-{at}"), "1");
    }
    let answer = request.send()?;
    ensure!(answer.status == 431, "{}", answer.status);
    Ok(())
}

fn long_body(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("portcullis.conf", "request-body-max-mb=1").start()?;
    let (_, client) = world.signed_in("bob")?;
    let id = client.start_session(30)?;
    let path = format!("/s/{id}/api/contents/x");
    let answer = client.request("PUT", &path).body(vec![b'x'; 2 << 20]).send()?;
    ensure!(answer.status == 413, "by its length: {} {}", answer.status, answer.text());
    // The same without a length: found out on the way.
    let mut chunked = Vec::new();
    for _ in 0..32 {
        chunked.extend(b"10000\r\n");
        chunked.extend(vec![b'x'; 0x10000]);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let answer = client.request("PUT", &path).header("Transfer-Encoding", "chunked").body(chunked).send()?;
    ensure!(answer.status == 413, "by count: {} {}", answer.status, answer.text());
    // Our own forms are small whatever that option says.
    let answer =
        client.request("POST", "/auth-do-sign-in").form(&[("username", &"x".repeat(900_000))]).send()?;
    ensure!(matches!(answer.status, 400 | 413), "{}", answer.status);
    client.get(&format!("/s/{id}/api/me"))?.expect(200)?;
    Ok(())
}

fn bad_forms(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let client = world.client()?;
    for (kind, body) in [
        ("application/json", "{\"username\":\"a\"}"),
        ("multipart/form-data; boundary=x", "--x--"),
        ("text/plain", "username=a"),
        ("application/x-www-form-urlencoded", "username=%zz&password=%"),
        ("application/x-www-form-urlencoded", "username=a"),
        ("application/x-www-form-urlencoded", "username=a&username=b&password=x"),
        ("application/x-www-form-urlencoded", "username=%ff%fe&password=x"),
    ] {
        let answer =
            client.request("POST", "/auth-do-sign-in").header("Content-Type", kind).body(body).send()?;
        ensure!(answer.status < 500, "{kind} {body}: {}", answer.status);
        ensure!(!client.is_signed_in()?, "{kind} {body} signed in");
    }
    for path in ["/auth-continue", "/sessions"] {
        let answer = client.request("POST", path).form(&[("conversation", "x"), ("ide", "emacs")]).send()?;
        ensure!(answer.status < 500, "{path}: {}", answer.status);
    }
    Ok(())
}

fn no_http(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let client = world.client()?;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"SSH-2.0-x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET  /  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\nConnection: close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    ] {
        // The answer may be nothing at all; it must not be a page, and nobody may be worse off.
        let text = client.raw_briefly(bytes, Duration::from_secs(2))?;
        ensure!(!text.contains("200 OK"), "{:?} was answered {text}", String::from_utf8_lossy(bytes));
    }
    client.get("/healthz")?.expect(200)?;
    Ok(())
}

fn slow_client(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let client = world.client()?;
    let stalled: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = client.connect_tcp()?;
            std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")?;
            Ok(stream)
        })
        .collect::<Result<_>>()?;
    client.get("/healthz")?.expect(200)?;
    // Somebody who sends a head for ever is let go of (the server's own limit is below the client's patience).
    for mut stream in stalled.into_iter().take(1) {
        let mut answer = Vec::new();
        let ended = std::io::Read::read_to_end(&mut stream, &mut answer);
        ensure!(
            ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset),
            "kept open"
        );
    }
    Ok(())
}

fn pam_hangs(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    // Hangs for one name only, so that others can be seen to be served meanwhile.
    let world = stage
        .world()
        .conf("portcullis.conf", "pam-timeout-seconds=10")
        .pam(&format!(
            "auth [success=ignore default=1] pam_succeed_if.so quiet user =~ hang*\nauth required {module} hang\n\
             auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_unix.so\n"
        ))
        .start()?;
    world.log.expect("portcullis-launcher");
    let stuck = world.account("hang")?;
    let fine = world.account("fine")?;
    let client = world.client()?;
    let hanging = {
        let (client, stuck) = (client.clone(), stuck.clone());
        std::thread::spawn(move || client.try_sign_in(&stuck.name, &stuck.password))
    };
    // Another person signs in while the first waits.
    let other = world.client()?;
    let since = Instant::now();
    other.sign_in(&fine.name, &fine.password)?;
    ensure!(
        since.elapsed() < Duration::from_secs(10),
        "waited {:?} for somebody else's module",
        since.elapsed()
    );
    let answer = hanging.join().ok().context("the thread died")??;
    ensure!(answer.status != 303 && !client.is_signed_in()?, "let in by a module that hangs");
    world.await_audit("sign-in-denied", &[("user", &stuck.name), ("reason", "deadline")], 10)?;
    let launcher = world.launcher_pid()?;
    portcullis_testing::until::is("the helper is gone", 10, || {
        let is_helper = |one: &process::Process| one.args.iter().any(|arg| arg == "pam-helper");
        !process::all().iter().any(|one| one.parent == launcher && is_helper(one))
    })
}

fn pam_dies(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    for how in ["crash", "exit"] {
        let world = stage
            .world()
            .pam(&format!("auth required {module} {how}\naccount required pam_permit.so\n"))
            .start()?;
        world.log.expect("helper");
        let account = world.account("cra")?;
        let client = world.client()?;
        let answer = client.try_sign_in(&account.name, &account.password)?;
        ensure!(answer.status != 303 && !client.is_signed_in()?, "let in by a module that does {how}");
        world.await_audit("sign-in-denied", &[("user", &account.name), ("reason", "system")], 10)?;
    }
    Ok(())
}

fn pam_odd_codes(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    // Every code but success of pam_authenticate and pam_acct_mgmt, and some that do not exist.
    let world = stage.world().build()?;
    let file = world.pam_file();
    let mut world = world;
    world.launch()?;
    world.log.expect("pam");
    world.log.expect("helper");
    world.set("portcullis.conf", "sign-in-failure-seconds=0")?;
    world.reload()?;
    for code in (1..=31).chain([99]) {
        for line in ["auth", "account"] {
            let (auth, account_line) = if line == "auth" { (code, 0) } else { (0, code) };
            // 12 of the account stack asks for a new password; there is no password stack here to give one.
            std::fs::write(
                &file,
                format!(
                    "auth [default=done] {module} code={auth}\naccount [default=done] {module} code={account_line}\n\
                     password required pam_deny.so\n"
                ),
            )?;
            let account = world.account("odd")?;
            let client = world.client()?;
            let answer = client.try_sign_in(&account.name, "x")?;
            ensure!(answer.status != 303 && !client.is_signed_in()?, "{line} code {code} let somebody in");
        }
    }
    Ok(())
}

fn pam_floods(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    let world = stage
        .world()
        .pam(&format!("auth required {module} many=100000 code=7\naccount required pam_permit.so\n"))
        .conf("portcullis.conf", "pam-timeout-seconds=10")
        .start()?;
    world.log.expect("helper");
    let account = world.account("flo")?;
    let client = world.client()?;
    let answer = client.try_sign_in(&account.name, "x")?;
    ensure!(answer.status != 303 && !client.is_signed_in()?, "let in");
    ensure!(answer.body.len() < 1_000_000, "a page of {} bytes", answer.body.len());
    client.get("/healthz")?.expect(200)?;
    Ok(())
}

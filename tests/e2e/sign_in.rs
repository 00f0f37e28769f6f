//! Signing in: who is let in, who is not, and that nobody can tell why.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Response, Stage, account, case, module, until};

use crate::prompts::hidden;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("sign_in::the_right_password_opens_the_home_page", right_password),
        case("sign_in::wrong_unknown_locked_and_expired_look_alike", refusals_look_alike),
        case("sign_in::a_refusal_takes_the_same_time_whoever_is_named", refusals_take_the_same_time),
        case("sign_in::only_members_of_the_required_group_come_in", required_group),
        case("sign_in::only_uids_from_the_minimum_come_in_and_never_root", minimum_uid),
        case("sign_in::names_that_are_no_names_are_refused", bad_names),
        case("sign_in::guessing_is_slowed_down", throttle),
        case("sign_in::pam_decides_which_account_it_is", canonical_name),
        case("sign_in::pam_learns_the_address", remote_address),
        case("sign_in::signing_out_ends_it_for_copies_of_the_cookie_too", sign_out),
        case("sign_in::the_way_back_leads_to_this_server_only", open_redirect),
        case("sign_in::another_sites_form_is_refused", cross_site_form),
        case("sign_in::a_password_is_in_no_file_and_no_log", password_stays_secret),
    ]
}

/// What of an answer could tell accounts apart: status, header names, text without ids and the name typed.
fn look(answer: &Response, name: &str) -> (u16, Vec<String>, String) {
    let names = answer.headers.iter().map(|(name, _)| name.clone()).collect();
    let mut text = answer.text().replace(name, "NAME");
    if let Some(at) = text.find("<code>") {
        let end = text[at..].find("</code>").map_or(text.len(), |length| at + length);
        text.replace_range(at..end, "<code>ID");
    }
    (answer.status, names, text)
}

fn right_password(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let account = world.account("ann")?;
    let client = world.client()?;
    ensure!(!client.is_signed_in()?, "the home page opens without a sign-in");
    let answer = client.try_sign_in(&account.name, &account.password)?.expect(303)?;
    let cookie = answer.header("set-cookie").context("no cookie")?;
    for part in ["portcullis=v1.", "HttpOnly", "Path=/", "SameSite="] {
        ensure!(cookie.contains(part), "the cookie lacks {part}: {cookie}");
    }
    let home = client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?;
    ensure!(home.text().contains(&account.name), "the home page does not say who is signed in");
    let uid = account.uid.to_string();
    let fields = [("user", account.name.as_str()), ("uid", &uid), ("remote", "127.0.0.1"), ("method", "pam")];
    world.await_audit("sign-in", &fields, 5)?;
    Ok(())
}

fn refusals_look_alike(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let fine = world.account("bea")?;
    let locked = world.account("bob")?;
    account::shadow("usermod", &["--lock", &locked.name])?;
    let expired = world.account("ben")?;
    account::shadow("chage", &["--expiredate", "2020-01-01", &expired.name])?;
    let system = account::SERVICE;
    let tries = [
        (fine.name.as_str(), "wrong", "credentials"),
        ("nobody-of-this-name", "wrong", "credentials"),
        (&locked.name, &locked.password, "credentials"),
        (&expired.name, &expired.password, "account"),
        (system, "wrong", ""),
    ];
    let mut looks = Vec::new();
    for (name, password, reason) in tries {
        let client = world.client()?;
        let answer = client.try_sign_in(name, password)?;
        ensure!(!client.is_signed_in()?, "{name} was let in");
        ensure!(answer.header("set-cookie").is_none(), "{name} got a cookie");
        looks.push(look(&answer, name));
        if !reason.is_empty() {
            world.await_audit("sign-in-denied", &[("user", name), ("reason", reason)], 5)?;
        }
    }
    for other in &looks[1..] {
        ensure!(*other == looks[0], "answers differ:\n{:?}\n{:?}", looks[0], other);
    }
    Ok(())
}

fn refusals_take_the_same_time(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("portcullis.conf", "sign-in-failure-seconds=3").start()?;
    let account = world.account("cat")?;
    for (name, password) in [(account.name.as_str(), "wrong"), ("nobody-at-all", "wrong"), ("../etc", "x")] {
        let since = Instant::now();
        world.client()?.try_sign_in(name, password)?;
        let took = since.elapsed();
        // What is promised is a floor that hides what PAM did; above it there is only the machine's own noise.
        let good =
            Duration::from_secs(3)..Duration::from_secs(3) + until::promised(Duration::from_millis(1500));
        ensure!(good.contains(&took), "{name} took {took:?}");
    }
    Ok(())
}

fn required_group(stage: &Stage) -> Result<()> {
    account::shadow("groupadd", &["--force", "analysts"])?;
    let world = stage.world().conf("rserver.conf", "auth-required-user-group=analysts").start()?;
    let inside = world.account_with("gus", &["--groups", "analysts"])?;
    let outside = world.account("gil")?;
    world.client()?.sign_in(&inside.name, &inside.password)?;
    let client = world.client()?;
    let refused = client.try_sign_in(&outside.name, &outside.password)?;
    ensure!(!client.is_signed_in()?, "let in without the group");
    world.await_audit("sign-in-denied", &[("user", &outside.name), ("reason", "not-permitted")], 5)?;
    let wrong = world.client()?.try_sign_in(&outside.name, "wrong")?;
    ensure!(
        look(&refused, &outside.name) == look(&wrong, &outside.name),
        "a member is told apart from a guesser"
    );
    Ok(())
}

fn minimum_uid(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rserver.conf", "auth-minimum-user-id=50000").start()?;
    let low = world.account("hal")?;
    let high = world.account_with("hue", &["--uid", "51234"])?;
    world.client()?.sign_in(&high.name, &high.password)?;
    let client = world.client()?;
    client.try_sign_in(&low.name, &low.password)?;
    ensure!(!client.is_signed_in()?, "let in below the minimum");
    world.await_audit("sign-in-denied", &[("user", &low.name), ("reason", "not-permitted")], 5)?;
    drop(world);
    let world = stage.world().conf("rserver.conf", "auth-minimum-user-id=0").start()?;
    world.log.expect("root may sign in");
    account::set_password("root", "toor toor")?;
    let client = world.client()?;
    client.try_sign_in("root", "toor toor")?;
    ensure!(!client.is_signed_in()?, "root was let in");
    world.await_audit("sign-in-denied", &[("user", "root"), ("reason", "not-permitted")], 5)?;
    Ok(())
}

fn bad_names(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let long = "x".repeat(300);
    for name in
        ["", ".", "..", "../../etc/passwd", "a/b", "-rf", "a b", "a\nb", "a\0b", "root:x", &long, "%n%n"]
    {
        let client = world.client()?;
        let answer = client.try_sign_in(name, "x")?;
        ensure!(answer.status < 500 && answer.status != 303, "{name:?}: {}", answer.status);
        ensure!(!client.is_signed_in()?, "{name:?} was let in");
    }
    ensure!(
        world.count_audit("sign-in-denied", &[("reason", "bad-name")])? >= 5,
        "bad names are not in the audit log"
    );
    for record in world.audit()? {
        ensure!(!record["user"].as_str().unwrap_or_default().contains('\n'), "a line feed in the audit log");
    }
    Ok(())
}

fn throttle(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("portcullis.conf", "sign-in-failure-seconds=0").start()?;
    let account = world.account("ida")?;
    let client = world.client()?;
    until::is("too many wrong passwords are refused as too many", 60, || {
        let _ = client.try_sign_in(&account.name, "wrong");
        world.count_audit("sign-in-denied", &[("user", &account.name), ("reason", "throttled")]).unwrap_or(0)
            > 0
    })?;
    // Another person is not kept out by it.
    let other = world.account("ike")?;
    world.client()?.sign_in(&other.name, &other.password)?;
    Ok(())
}

fn canonical_name(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    let target = account::create("jan", &[])?;
    let world = stage
        .world()
        .pam(&format!(
            "auth required pam_unix.so nodelay\nauth required {module} user={}\naccount required pam_unix.so\n",
            target.name
        ))
        .start()?;
    let alias = world.account("jay")?;
    let client = world.client()?;
    client.sign_in(&alias.name, &alias.password)?;
    let uid = target.uid.to_string();
    world.await_audit("sign-in", &[("user", &target.name), ("uid", &uid)], 5)?;
    Ok(())
}

fn remote_address(stage: &Stage) -> Result<()> {
    let world = stage.world().build()?;
    let (script, said) = (world.folder().join("hook"), world.folder().join("said"));
    std::fs::write(
        &script,
        format!("#!/bin/sh\necho \"$PAM_TYPE $PAM_USER $PAM_RHOST\" >> {}\n", said.display()),
    )?;
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    std::fs::write(
        world.pam_file(),
        format!(
            "auth required pam_unix.so nodelay\nauth required pam_exec.so {0}\naccount required pam_unix.so\n\
             session required pam_exec.so {0}\n",
            script.display()
        ),
    )?;
    let mut world = world;
    world.launch()?;
    let (account, client) = world.signed_in("kay")?;
    let text = std::fs::read_to_string(&said)?;
    ensure!(text.contains(&format!("auth {} 127.0.0.1", account.name)), "{text}");
    let id = client.start_session(30)?;
    let text = std::fs::read_to_string(&said)?;
    ensure!(text.contains(&format!("open_session {} 127.0.0.1", account.name)), "{text}");
    ensure!(!text.contains("close_session"), "the PAM session was closed too early: {text}");
    client.post(&format!("/sessions/{id}/stop"), &[])?;
    world.await_audit("session-ended", &[("session", &id)], 30)?;
    let text = std::fs::read_to_string(&said)?;
    ensure!(text.contains(&format!("close_session {}", account.name)), "{text}");
    Ok(())
}

fn sign_out(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (account, client) = world.signed_in("lea")?;
    let copy = world.client()?;
    copy.set_cookie("portcullis", &client.cookie("portcullis").context("no cookie")?);
    ensure!(copy.is_signed_in()?, "a copy of the cookie works before");
    ensure!(client.get("/auth-sign-out")?.status != 200 || client.is_signed_in()?, "a link signs people out");
    client.post("/auth-sign-out", &[])?;
    ensure!(!client.is_signed_in()? && !copy.is_signed_in()?, "still signed in");
    world.await_audit("sign-in-ended", &[("user", &account.name), ("why", "signed-out")], 5)?;
    Ok(())
}

fn open_redirect(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let account = world.account("max")?;
    for target in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "/%09/evil.example",
        "\t//evil.example",
        "/x\r\nSet-Cookie: a=b",
        "///evil.example",
    ] {
        let client = world.client()?;
        let fields =
            [("username", account.name.as_str()), ("password", &account.password), ("appUri", target)];
        let answer = client.post("/auth-do-sign-in", &fields)?.expect(303)?;
        let to = answer.header("location").unwrap_or_default();
        ensure!(
            to.starts_with('/') && !to.starts_with("//") && !to.contains("evil"),
            "{target:?} leads to {to}"
        );
    }
    let client = world.client()?;
    let asked = client.request("GET", "/sessions/0011223344556677").header("Accept", "text/html").send()?;
    let to = asked.header("location").context("no way to the sign-in page")?.to_owned();
    let form = client.get(&to)?.expect(200)?;
    ensure!(hidden(&form, "appUri")?.contains("sessions"), "the way back is forgotten");
    Ok(())
}

fn cross_site_form(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let account = world.account("ned")?;
    let fields = [("username", account.name.as_str()), ("password", &account.password), ("appUri", "/")];
    for (name, value) in
        [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")]
    {
        let client = world.client()?;
        let answer =
            client.request("POST", "/auth-do-sign-in").bare().header(name, value).form(&fields).send()?;
        ensure!(answer.status == 403, "{name}: {value} got {}", answer.status);
        ensure!(!client.is_signed_in()?, "{name}: {value} signed in");
    }
    Ok(())
}

fn password_stays_secret(stage: &Stage) -> Result<()> {
    let world = stage.world().environment("PORTCULLIS_LOG", "debug").start()?;
    let account = world.account("oda")?;
    let wrong = "a-wrong-Secret-that-is-unlike-anything";
    world.client()?.try_sign_in(&account.name, wrong)?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    client.start_session(30)?;
    let cookie = client.cookie("portcullis").context("no cookie")?;
    let mac = cookie.rsplit('.').next().unwrap_or_default().to_owned();
    let mut texts = world.log.lines();
    for folder in [world.state_dir(), world.run_dir()] {
        read_all(&folder, &mut texts)?;
    }
    for process in portcullis_testing::process::all() {
        texts.push(process.args.join(" "));
    }
    for secret in [wrong, &account.password, &mac] {
        if let Some(text) = texts.iter().find(|text| text.contains(secret)) {
            bail!("a secret is in {}", text.chars().take(300).collect::<String>());
        }
    }
    Ok(())
}

fn read_all(folder: &std::path::Path, texts: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read_all(&entry.path(), texts)?;
        } else if kind.is_file() {
            texts.push(String::from_utf8_lossy(&std::fs::read(entry.path())?).into_owned());
        }
    }
    Ok(())
}

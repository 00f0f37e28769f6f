//! One's own account: where one is signed in and ending it, who looked, accounts for administrators, another key for cookies.

mod rotation;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fantoccini::Locator;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::account::shadow;
use portcullis_testing::browser::{Browser, picture};
use portcullis_testing::http1::Response;
use portcullis_testing::{Client, Stage, World, case, stage, until, websocket};

use crate::operations::exits;

/// What is promised of an end.
const WITHIN: Duration = Duration::from_secs(1);
/// What the tests' browsers call themselves.
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

pub(crate) fn all() -> Vec<Trial> {
    let mut all = vec![
        case("own_account::one_browser_ends_the_other_within_a_second", ends_another),
        case("own_account::all_others_and_all_of_them", ends_all),
        case("own_account::nobody_ends_what_is_anothers_nor_by_a_foreign_page", strangers),
        case("own_account::it_works_without_the_store_and_after_a_crash", store_gone),
        case("own_account::who_looked_is_told_to_whom_it_concerns", looks),
        case("own_account::administrators_find_lock_and_raise_people", users),
        case("own_account::it_can_be_looked_at_in_any_browser", browsers),
    ];
    all.extend(rotation::all());
    all
}

fn page(client: &Client, path: &str) -> Result<Response> {
    client.request("GET", path).header("Accept", "text/html").send()
}

/// The token of a page's forms.
fn token(page: &str) -> Result<String> {
    let at = page.split("name=\"token\" value=\"").nth(1).with_context(|| format!("no token: {page}"))?;
    Ok(at.split('"').next().unwrap_or_default().to_owned())
}

/// The ids of sign-ins that this page offers to end.
fn others(page: &str) -> Vec<String> {
    let ids = page.split("name=\"sign-in\" value=\"").skip(1);
    ids.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
}

fn second(world: &World, name: &str, password: &str) -> Result<Client> {
    let client = world.client()?;
    let form = [("username", name), ("password", password)];
    let answer =
        client.request("POST", "/auth-do-sign-in").header("User-Agent", FIREFOX).form(&form).send()?;
    ensure!(answer.status == 303, "{}", answer.text());
    Ok(client)
}

fn ends_another(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("ann")?;
    let other = second(&world, &ann.name, &ann.password)?;
    let id = other.start_session(30)?;
    let mut socket = websocket::open(&other, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "x")?;
    ensure!(page(&client, "/")?.text().contains("/account"), "no way to it");
    let shown = page(&client, "/account")?.expect(200)?.text();
    ensure!(shown.contains("Firefox 132 on Linux") && shown.contains("this one"), "{shown}");
    ensure!(shown.contains("127.0.0.1") && shown.contains("with a password"), "{shown}");
    let ids = others(&shown);
    ensure!(ids.len() == 1, "{ids:?}");
    let token = token(&shown)?;
    let began = Instant::now();
    let answer = client.post("/account/sign-ins/end", &[("token", &token), ("sign-in", &ids[0])])?;
    ensure!(answer.status == 303, "{}", answer.text());
    websocket::await_close(&mut socket)?;
    ensure!(!other.is_signed_in()?, "signed in still");
    ensure!(began.elapsed() < until::promised(WITHIN), "{:?}", began.elapsed());
    ensure!(page(&client, "/account?said=one")?.text().contains("That sign-in is over"), "not said");
    ensure!(client.is_signed_in()?, "the one that ended it is over too");
    // Sessions go on, as after a sign-out.
    client.await_running(&id, 5)?;
    world.await_audit("revoked", &[("user", &ann.name), ("sign_ins", "1"), ("by", &ann.name)], 5)?;
    world.await_audit("revocation-done", &[("user", &ann.name), ("websockets", "1"), ("left", "0")], 5)?;
    world.await_audit("sign-in-ended", &[("user", &ann.name), ("why", "signed-out")], 5)?;
    until::some("the past", 10, || {
        let shown = page(&client, "/account")?.text();
        Ok((shown.contains("you signed out") && others(&shown).is_empty()).then_some(()))
    })?;
    // A second press of the same form.
    let again = client.post("/account/sign-ins/end", &[("token", &token), ("sign-in", &ids[0])])?;
    ensure!(again.status == 404, "{}", again.status);
    Ok(())
}

fn ends_all(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("ann")?;
    let more = [second(&world, &ann.name, &ann.password)?, second(&world, &ann.name, &ann.password)?];
    let (_, ben) = world.signed_in("ben")?;
    let own = token(&page(&client, "/account")?.text())?;
    let answer = client.post("/account/sign-ins/end", &[("token", &own), ("which", "others")])?;
    ensure!(answer.status == 303, "{}", answer.text());
    for other in &more {
        ensure!(!other.is_signed_in()?, "signed in still");
    }
    ensure!(client.is_signed_in()? && ben.is_signed_in()?, "more than the others ended");
    world.await_audit("revoked", &[("user", &ann.name), ("sign_ins", "2")], 5)?;
    let nobody = client.post("/account/sign-ins/end", &[("token", &own), ("which", "others")])?;
    ensure!(nobody.header("location").is_some_and(|place| place.ends_with("said=none")), "{}", nobody.text());
    let last = second(&world, &ann.name, &ann.password)?;
    let answer = client.post("/account/sign-ins/end", &[("token", &own), ("which", "all")])?;
    ensure!(answer.status == 200 && answer.text().contains("You are signed out"), "{}", answer.text());
    ensure!(!client.is_signed_in()? && !last.is_signed_in()?, "signed in still");
    ensure!(ben.is_signed_in()?, "a bystander was signed out");
    Ok(())
}

fn strangers(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("ann")?;
    let own_other = second(&world, &ann.name, &ann.password)?;
    let (ben, other) = world.signed_in("ben")?;
    let again = second(&world, &ben.name, &ben.password)?;
    let theirs = others(&page(&other, "/account")?.text());
    let own = token(&page(&client, "/account")?.text())?;
    let form = [("token", own.as_str()), ("sign-in", theirs[0].as_str())];
    let answer = client.post("/account/sign-ins/end", &form)?;
    ensure!(answer.status == 403, "{}", answer.text());
    world.await_audit("refused", &[("user", &ann.name), ("capability", "accounts")], 5)?;
    ensure!(other.is_signed_in()? && again.is_signed_in()?, "somebody else's was ended");
    // Their token is no good here, nor none, nor the form of another page, nor what a script may send.
    let token_of_ben = token(&page(&other, "/account")?.text())?;
    for wrong in [token_of_ben.as_str(), "", "x"] {
        let answer = client.post("/account/sign-ins/end", &[("token", wrong), ("which", "all")])?;
        ensure!(answer.status == 403, "{wrong}: {}", answer.status);
    }
    let form = [("token", own.as_str()), ("which", "all")];
    let post = || client.request("POST", "/account/sign-ins/end");
    let foreign = post().header("Origin", "https://evil.example").form(&form).send()?;
    ensure!(foreign.status == 403, "another site's page: {}", foreign.status);
    for (dest, mode) in [("empty", "cors"), ("iframe", "navigate")] {
        let script =
            post().header("Sec-Fetch-Dest", dest).header("Sec-Fetch-Mode", mode).form(&form).send()?;
        ensure!(script.status == 403, "{dest}: {}", script.status);
        let read = client.request("GET", "/account").header("Sec-Fetch-Dest", dest);
        ensure!(read.header("Sec-Fetch-Mode", mode).send()?.status == 403, "{dest} reads");
    }
    for bad in [[("which", "everything")], [("sign-in", "xyz")]] {
        let form = [("token", own.as_str()), bad[0]];
        ensure!(client.post("/account/sign-ins/end", &form)?.status == 400, "{bad:?}");
    }
    ensure!(client.is_signed_in()? && own_other.is_signed_in()?, "signed out");
    // Whoever is not signed in is asked to be.
    let nobody = page(&world.client()?, "/account")?;
    ensure!(
        nobody.header("location").is_some_and(|place| place.contains("/auth-sign-in")),
        "{}",
        nobody.text()
    );
    // A name that a browser gives itself is shown as text.
    let evil = world.client()?;
    let form = [("username", ann.name.as_str()), ("password", ann.password.as_str())];
    let name = "<script>alert(1)</script>\u{e9}";
    evil.request("POST", "/auth-do-sign-in").header("User-Agent", name).form(&form).send()?.expect(303)?;
    let shown = page(&client, "/account")?.text();
    ensure!(!shown.contains("<script>alert") && shown.contains("&#60;script&#62;alert"), "{shown}");
    Ok(())
}

fn store_gone(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    for part in ["ended", "lost", "died", "killed", "launcher is gone", "can't be", "goes without the past"] {
        world.log.expect(part);
    }
    let (ann, client) = world.signed_in("ann")?;
    let other = second(&world, &ann.name, &ann.password)?;
    // The store can't be started again while its folder is not what it must be.
    let accounts = world.state_dir().join("accounts");
    let aside = world.state_dir().join("accounts-aside");
    std::fs::rename(&accounts, &aside)?;
    std::fs::write(&accounts, "")?;
    let launcher = world.launcher_pid()?;
    let store = until::some("the store", 5, || Ok(crate::accounts::store_of(launcher)))?;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(store), Signal::SIGKILL)?;
    let shown = until::some("a page without the past", 20, || {
        let shown = page(&client, "/account")?.text();
        Ok(shown.contains("does not answer at the moment").then_some(shown))
    })?;
    let ids = others(&shown);
    ensure!(ids.len() == 1 && shown.contains("Firefox 132"), "{shown}");
    let form = [("token", token(&shown)?), ("sign-in", ids[0].clone())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = client.post("/account/sign-ins/end", &form)?;
    ensure!(answer.status == 303, "{}", answer.text());
    ensure!(!other.is_signed_in()?, "signed in still");
    std::fs::remove_file(&accounts)?;
    std::fs::rename(&aside, &accounts)?;
    until::some("the past", 30, || {
        let shown = page(&client, "/account")?.text();
        Ok(shown.contains("you signed out").then_some(()))
    })?;
    // A crash of everything brings nothing back, and forgets nobody.
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    ensure!(client.is_signed_in()? && !other.is_signed_in()?, "a crash changed who is signed in");
    let shown = page(&client, "/account")?.text();
    ensure!(others(&shown).is_empty() && shown.contains("this one"), "{shown}");
    Ok(())
}

/// A world with administrators who act.
fn administered(stage: &Stage) -> Result<World> {
    shadow("groupadd", &["--force", "pcdoers"])?;
    stage.world().conf("rserver.conf", "admin-enabled=1\nadmin-superuser-group=pcdoers").start()
}

fn looks(stage: &Stage) -> Result<()> {
    let world = administered(stage)?;
    let (ann, client) = world.signed_in("ann")?;
    let (_, ben) = world.signed_in("ben")?;
    let dora = world.account_with("dora", &["--groups", "pcdoers"])?;
    let admin = world.client()?;
    admin.sign_in(&dora.name, &dora.password)?;
    ensure!(page(&client, "/account")?.text().contains("Nobody, as far as"), "somebody looked");
    let id = client.start_session(30)?;
    // Lists of everybody are nobody's look.
    page(&admin, "/admin/sessions")?.expect(200)?;
    exits(&world, &["sessions"], 0)?;
    page(&admin, &format!("/admin/sessions/{id}/end"))?.expect(200)?;
    page(&admin, &format!("/admin/audit?user={}", ann.name))?.expect(200)?;
    exits(&world, &["session", "why-alive", &id], 0)?;
    let ending = page(&admin, &format!("/admin/sessions/{id}/end"))?.text();
    let form = [("token", token(&ending)?), ("manner", "stop".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    admin.post(&format!("/admin/sessions/{id}/end"), &form)?.expect(303)?;
    let said = [
        format!("{} looked at session <code>{id}</code>", dora.name),
        format!("{} searched the records of your sessions", dora.name),
        format!("root asked why it runs: session <code>{id}</code>"),
        format!("{} ended session <code>{id}</code>", dora.name),
    ];
    let shown = until::some("all looks", 10, || {
        let shown = page(&client, "/account")?.text();
        Ok(said.iter().all(|one| shown.contains(one)).then_some(shown))
    });
    let shown = match shown {
        Ok(shown) => shown,
        Err(error) => return Err(error.context(page(&client, "/account")?.text())),
    };
    ensure!(shown.matches("looked at session").count() == 1, "the same look is told twice: {shown}");
    ensure!(page(&ben, "/account")?.text().contains("Nobody, as far as"), "told to somebody else");
    Ok(())
}

fn users(stage: &Stage) -> Result<()> {
    let world = administered(stage)?;
    let dora = world.account_with("dora", &["--groups", "pcdoers"])?;
    let admin = world.client()?;
    admin.sign_in(&dora.name, &dora.password)?;
    let (ann, client) = world.signed_in("ann")?;
    ensure!(page(&client, "/admin/users")?.status == 404, "shown to everybody");
    let shown = page(&admin, "/admin/users")?.expect(200)?.text();
    ensure!(shown.contains(&ann.name) && shown.contains("(you)") && shown.contains("system"), "{shown}");
    let only = page(&admin, &format!("/admin/users?matching={}", ann.name))?.text();
    ensure!(only.contains(&ann.name) && !only.contains("(you)"), "{only}");
    let id = only.split("name=\"account\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let id = id.context("no account")?.to_owned();
    let token = token(&only)?;
    let act = |client: &Client, token: &str, act: &str, role: &str| {
        let form = [("token", token), ("account", id.as_str()), ("act", act), ("role", role)];
        client.post("/admin/users/act", &form)
    };
    // Whoever may not: not even with a form of an administrator.
    ensure!(act(&client, &token, "role", "administrator")?.status == 404, "raised by oneself");
    ensure!(act(&admin, "", "lock", "")?.status == 403, "without the page's token");
    let answer = act(&admin, &token, "role", "publisher")?;
    ensure!(answer.status == 303, "{}", answer.text());
    world.await_audit(
        "account-changed",
        &[("user", &ann.name), ("what", "role"), ("to", "publisher"), ("by", &dora.name)],
        5,
    )?;
    ensure!(page(&client, "/account")?.text().contains("<strong>publisher</strong>"), "not yet");
    let session = client.start_session(30)?;
    let mut socket = websocket::open(&client, &format!("/s/{session}/api/events/subscribe"), &[])?;
    let began = Instant::now();
    act(&admin, &token, "lock", "")?.expect(303)?;
    websocket::await_close(&mut socket)?;
    ensure!(!client.is_signed_in()?, "signed in still");
    ensure!(began.elapsed() < until::promised(WITHIN), "{:?}", began.elapsed());
    ensure!(client.try_sign_in(&ann.name, &ann.password)?.status == 401, "let in");
    let locked = page(&admin, "/admin/users")?.text();
    ensure!(
        locked.contains("<strong>locked</strong>") && locked.contains(&format!("by {}", dora.name)),
        "{locked}"
    );
    ensure!(!page(&admin, "/admin/users?live-only=1")?.text().contains(&ann.name), "locked ones are shown");
    act(&admin, &token, "unlock", "")?.expect(303)?;
    client.sign_in(&ann.name, &ann.password)?;
    Ok(())
}

fn browsers(stage: &Stage) -> Result<()> {
    let Some(browser) = Browser::start()? else {
        return stage::skip("Chromium is not installed on this machine");
    };
    let world = administered(stage)?;
    let dora = world.account_with("dora", &["--groups", "pcdoers"])?;
    let admin = world.client()?;
    admin.sign_in(&dora.name, &dora.password)?;
    let (ann, client) = world.signed_in("ann")?;
    second(&world, &ann.name, &ann.password)?;
    let id = client.start_session(60)?;
    page(&admin, &format!("/admin/sessions/{id}/end"))?.expect(200)?;
    for stem in ["ben", "cleo"] {
        let (account, other) = world.signed_in(stem)?;
        other.post("/auth-sign-out", &[])?.expect(200)?;
        if stem == "ben" {
            exits(&world, &["users", "lock", &account.name], 0)?;
        }
    }
    let gone = second(&world, &ann.name, &ann.password)?;
    gone.post("/auth-sign-out", &[])?.expect(200)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sizes = [
        ("wide", 1280, 900, false),
        ("narrow", 360, 780, false),
        ("dark", 1280, 900, true),
        ("narrow-dark", 360, 780, true),
    ];
    let work = async {
        for (name, width, height, dark) in sizes {
            for (who, pages) in [
                (&ann, vec![("account", "/account"), ("home", "/")]),
                (&dora, vec![("users", "/admin/users")]),
            ] {
                let window = browser.window(width, height, dark).await?;
                // Chromium's own windows are no narrower than 500.
                let size = serde_json::json!({
                    "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false
                });
                browser.devtools(&window, "Emulation.setDeviceMetricsOverride", &size).await?;
                window.goto(&format!("http://{}/", world.address())).await?;
                window.wait().for_element(Locator::Css("#username")).await?.send_keys(&who.name).await?;
                window.find(Locator::Css("#password")).await?.send_keys(&who.password).await?;
                window.find(Locator::Css("button[type=submit]")).await?.click().await?;
                window.wait().for_element(Locator::Css("button[name=ide]")).await?;
                for (shown, path) in pages {
                    window.goto(&format!("http://{}{path}", world.address())).await?;
                    window.wait().for_element(Locator::Css("h1")).await?;
                    picture(&window, &format!("{shown}-{name}")).await?;
                    let wider = "return document.documentElement.scrollWidth > window.innerWidth";
                    ensure!(window.execute(wider, vec![]).await? == false, "{shown} is wider than {name}");
                    let inline =
                        "return document.querySelectorAll('[style], style, script:not([src])').length";
                    ensure!(window.execute(inline, vec![]).await? == 0, "{shown} has inline style or script");
                }
                if name == "wide" && who.name == ann.name {
                    keyboard(&window).await?;
                }
                window.close().await?;
            }
        }
        Ok(())
    };
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(300), work).await.context("the browser took too long")?
    })
}

/// Ends the other browsers by keys alone.
async fn keyboard(window: &fantoccini::Client) -> Result<()> {
    let address = window.current_url().await?;
    window.goto(address.join("/account")?.as_str()).await?;
    let button = "button[name=which][value=others]";
    window.wait().for_element(Locator::Css(button)).await?;
    let mut steps = 0;
    let focused = format!("return document.activeElement === document.querySelector('{button}')");
    while window.execute(&focused, vec![]).await? != true {
        steps += 1;
        ensure!(steps < 60, "the button can't be reached by Tab");
        window.active_element().await?.send_keys("\u{e004}").await?;
    }
    picture(window, "account-focus").await?;
    window.active_element().await?.send_keys("\u{e007}").await?;
    window.wait().for_element(Locator::Css(".note[role=status]")).await?;
    picture(window, "account-said").await?;
    let left = "return document.querySelectorAll('#sign-ins li').length";
    ensure!(window.execute(left, vec![]).await? == 1, "others are left");
    Ok(())
}

//! Pages for administrators: who sees them, who acts on them, that everything is recorded, and that nobody else gets anything.

mod sessions;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fantoccini::Locator;
use libtest_mimic::Trial;
use portcullis_testing::account::{Account, shadow};
use portcullis_testing::browser::{Browser, picture};
use portcullis_testing::builder::Builder;
use portcullis_testing::http1::Response;
use portcullis_testing::{Client, Stage, World, case, stage, until};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("dashboard::who_is_no_administrator_gets_what_an_unknown_path_gets", strangers),
        case("dashboard::it_is_off_unless_it_is_asked_for", off),
        case("dashboard::who_sees_does_not_act", sees),
        case("dashboard::a_superuser_ends_a_session_and_is_recorded", sessions::ends),
        case("dashboard::a_superuser_suspends_a_session_that_can_be", sessions::suspends),
        case("dashboard::a_superuser_ends_a_sign_in_or_everything", ends_person),
        case("dashboard::the_audit_log_is_searched_and_that_is_recorded", searches),
        case("dashboard::a_page_of_another_kind_can_neither_read_nor_press", scripts),
        case("dashboard::the_load_of_before_is_there_after_a_restart", history),
        case("dashboard::it_can_be_looked_at_in_any_browser", browsers),
    ]
}

/// A world with two groups of administrators.
fn world(stage: &Stage) -> Result<World> {
    world_of(stage.world().conf("rsession.conf", "allow-shell=0"))
}

fn world_of(builder: Builder) -> Result<World> {
    let conf = "admin-enabled=1\nadmin-group=pcseers\nadmin-superuser-group=pcdoers";
    let world = builder.conf("rserver.conf", conf).start()?;
    for group in ["pcseers", "pcdoers"] {
        shadow("groupadd", &["--force", group])?;
    }
    Ok(world)
}

fn member(world: &World, stem: &str, group: &str) -> Result<(Account, Client)> {
    let account = world.account_with(stem, &["--groups", group])?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    Ok((account, client))
}

fn page(client: &Client, path: &str) -> Result<Response> {
    client.request("GET", path).header("Accept", "text/html").send()
}

fn field(page: &str, name: &str) -> Result<String> {
    let at = page
        .split(&format!("name=\"{name}\" value=\""))
        .nth(1)
        .with_context(|| format!("no {name}: {page}"))?;
    Ok(at.split('"').next().unwrap_or_default().to_owned())
}

const PATHS: [&str; 5] =
    ["/admin", "/admin/sessions", "/admin/people", "/admin/audit", "/admin/audit?text=x"];

fn strangers(stage: &Stage) -> Result<()> {
    let world = world(stage)?;
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(60)?;
    for path in PATHS {
        let answer = page(&client, path)?.expect(404)?;
        ensure!(!answer.text().contains("admin-"), "{path} says what is missing");
    }
    client.post(&format!("/admin/sessions/{id}/end"), &[("manner", "kill")])?.expect(404)?;
    client.post("/admin/people/end", &[("user", &account.name)])?.expect(404)?;
    ensure!(
        client.is_signed_in()? && world.count_audit("session-ended", &[("session", &id)])? == 0,
        "it acted"
    );
    world.await_audit("refused", &[("capability", "administration"), ("user", &account.name)], 10)?;
    ensure!(world.count_audit("administered", &[])? == 0, "something was done");
    let nobody = world.client()?;
    let answer = page(&nobody, "/admin")?;
    ensure!(answer.text().contains("password") && !answer.text().contains("Overview"), "{}", answer.text());
    Ok(())
}

fn off(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rserver.conf", "admin-superuser-group=pcdoers").start()?;
    shadow("groupadd", &["--force", "pcdoers"])?;
    let (_, client) = member(&world, "dora", "pcdoers")?;
    for path in PATHS {
        page(&client, path)?.expect(404)?;
    }
    page(&world.client()?, "/admin")?.expect(404)?;
    world.set("rserver.conf", "admin-enabled=1")?;
    let mut world = world;
    world.reload()?;
    until::is("the pages are there", 10, || {
        page(&client, "/admin").is_ok_and(|answer| answer.status == 200)
    })?;
    Ok(())
}

fn sees(stage: &Stage) -> Result<()> {
    let world = world(stage)?;
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(60)?;
    let (_, seer) = member(&world, "sue", "pcseers")?;
    let overview = page(&seer, "/admin")?.expect(200)?.text();
    let way = |client: &Client| Ok::<_, anyhow::Error>(page(client, "/")?.text().contains("href=\"/admin\""));
    ensure!(way(&seer)? && !way(&client)?, "the way there is shown to the wrong people");
    ensure!(overview.contains("<svg") && overview.contains("Load average"), "{overview}");
    let sessions = page(&seer, "/admin/sessions")?.expect(200)?.text();
    ensure!(sessions.contains(&id) && sessions.contains(&account.name), "{sessions}");
    ensure!(!sessions.contains("End…"), "what is not theirs is offered");
    let people = page(&seer, "/admin/people")?.expect(200)?.text();
    ensure!(people.contains(&account.name) && !people.contains("Revoke"), "{people}");
    page(&seer, &format!("/admin/sessions/{id}/end"))?.expect(403)?;
    let answer = seer.post(&format!("/admin/sessions/{id}/end"), &[("manner", "kill"), ("token", "x")])?;
    ensure!(answer.status == 403, "{}", answer.status);
    seer.post("/admin/people/end", &[("user", &account.name), ("token", "x")])?.expect(403)?;
    ensure!(
        client.is_signed_in()? && world.count_audit("session-ended", &[("session", &id)])? == 0,
        "it acted"
    );
    world.await_audit(
        "refused",
        &[("capability", "administration"), ("rule", "admin-superuser-group")],
        10,
    )?;
    Ok(())
}

fn ends_person(stage: &Stage) -> Result<()> {
    let world = world(stage)?;
    let (account, client) = world.signed_in("ann")?;
    let second = world.client()?;
    second.sign_in(&account.name, &account.password)?;
    let id = client.start_session(60)?;
    let (admin, doer) = member(&world, "dora", "pcdoers")?;
    let people = page(&doer, "/admin/people")?.expect(200)?.text();
    let card =
        people.split("<li class=\"card\">").find(|card| card.contains(&account.name)).context("not there")?;
    let ids: Vec<&str> =
        card.split("people/end?sign-in=").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    ensure!(ids.len() == 2, "{card}");
    let asked = page(&doer, &format!("/admin/people/end?sign-in={}", ids[0]))?.expect(200)?.text();
    let token = field(&asked, "token")?;
    doer.post("/admin/people/end", &[("sign-in", ids[0])])?.expect(403)?;
    doer.post("/admin/people/end", &[("sign-in", ids[0]), ("token", &token)])?.expect(303)?;
    world.await_audit(
        "administered",
        &[("act", "sign-in-end"), ("target", &account.name), ("by", &admin.name)],
        5,
    )?;
    let left = [client.is_signed_in()?, second.is_signed_in()?];
    ensure!(left.iter().filter(|left| **left).count() == 1, "{left:?}");
    ensure!(world.count_audit("session-ended", &[("session", &id)])? == 0, "the session ended too");
    let asked = page(&doer, &format!("/admin/people/end?user={}", account.name))?.expect(200)?.text();
    ensure!(asked.contains("1 sign-in and 1 session"), "{asked}");
    let token = field(&asked, "token")?;
    doer.post("/admin/people/end", &[("user", &account.name), ("token", &token)])?.expect(303)?;
    world.await_audit("revoked", &[("user", &account.name), ("by", &admin.name)], 5)?;
    world.await_audit("session-ended", &[("session", &id), ("why", "revoked")], 30)?;
    until::is("nobody is signed in", 10, || {
        [&client, &second].iter().all(|one| one.is_signed_in().is_ok_and(|signed_in| !signed_in))
    })?;
    ensure!(doer.is_signed_in()?, "the administrator too");
    page(&doer, &format!("/admin/people/end?user={}", account.name))?.expect(404)?;
    Ok(())
}

fn searches(stage: &Stage) -> Result<()> {
    let world = world(stage)?;
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(60)?;
    client.post(&format!("/s/{id}/api/terminals"), &[])?.expect(403)?;
    world.await_audit("refused", &[("session", &id)], 10)?;
    let (admin, seer) = member(&world, "sue", "pcseers")?;
    // Some a second are answered, and no more.
    let found = |query: &str| -> Result<String> {
        until::some("a search", 30, || {
            let answer = page(&seer, &format!("/admin/audit?{query}"))?;
            Ok(if answer.status == 429 { None } else { Some(answer.expect(200)?.text()) })
        })
    };
    let text = found(&format!("user={}&event=refused", account.name))?;
    ensure!(text.contains("allow-shell=0") && text.contains(&id), "{text}");
    ensure!(!text.contains("<td data-label=\"Event\"><a href=\"/admin/audit?event=sign-in\""), "{text}");
    world.await_audit("administered", &[("act", "search"), ("by", &admin.name)], 5)?;
    let told = world.await_audit("administered", &[("act", "search")], 5)?;
    ensure!(told["detail"] == format!("user={} event=refused", account.name), "{told}");
    ensure!(found("text=API%2FTERMINALS")?.contains(&id), "capitals matter");
    ensure!(found("session=ffffffffffffffff")?.contains("Nothing was found"), "found what isn't there");
    ensure!(found("until=2001")?.contains("Nothing was found"), "times don't matter");
    ensure!(found("text=%3Cscript%3Ealert(1)")?.contains("&#60;script&#62;"), "not escaped");
    // Pages: each search is a record itself, so there are soon more than one page of them.
    for _ in 0..55 {
        found("event=sign-in")?;
    }
    let first = found("event=administered")?;
    let older =
        first.split("Older").next().and_then(|text| text.rsplit("href=\"").next()).context("one page")?;
    let older = older.split('"').next().unwrap_or_default().replace("&#38;", "&").replace("&amp;", "&");
    ensure!(older.contains("before="), "{older}");
    let second = found(older.trim_start_matches("/admin/audit?"))?;
    let numbers = |text: &str| -> Vec<u64> {
        text.split("data-label=\"Number\">")
            .skip(1)
            .filter_map(|rest| rest.split('<').next()?.parse().ok())
            .collect()
    };
    let (first, second) = (numbers(&first), numbers(&second));
    ensure!(first.len() == 50 && !second.is_empty(), "{first:?} {second:?}");
    ensure!(second[0] < first[49] && first.is_sorted_by(|a, b| a > b), "{first:?} {second:?}");
    Ok(())
}

/// What a script in a page of an IDE can cause, it can't read: it has the same origin, and it is not a tab of its own.
fn scripts(stage: &Stage) -> Result<()> {
    let world = world(stage)?;
    let (_, doer) = member(&world, "dora", "pcdoers")?;
    let ask = |headers: &[(&str, &str)], path: &str| -> Result<Response> {
        let request = doer.request("GET", path).header("Sec-Fetch-Site", "same-origin");
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    let tab = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    let answer = ask(&tab, "/admin/people")?.expect(200)?;
    ensure!(answer.header("cross-origin-opener-policy") == Some("same-origin"), "windows are shared");
    ensure!(answer.header("cache-control") == Some("no-store"), "kept");
    for (mode, dest) in
        [("cors", "empty"), ("same-origin", "empty"), ("navigate", "iframe"), ("navigate", "object")]
    {
        let headers = [("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest)];
        for path in PATHS {
            let answer = ask(&headers, path)?.expect(403)?;
            ensure!(!answer.text().contains("tabs"), "{mode} {dest} {path}");
        }
    }
    world.await_audit("refused", &[("capability", "administration")], 10)?;
    Ok(())
}

fn history(stage: &Stage) -> Result<()> {
    let mut world = world(stage)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    world.log.expect("the launcher is gone: waiting for the next one");
    world.stop(nix::sys::signal::Signal::SIGTERM)?;
    let lines: String =
        (0..600).rev().map(|minute| format!("{} 333 444 55 7\n", now - 60 * minute)).collect();
    std::fs::write(world.state_dir().join("load"), lines)?;
    world.launch()?;
    let (_, seer) = member(&world, "sue", "pcseers")?;
    let text = page(&seer, "/admin")?.expect(200)?.text();
    ensure!(text.contains("Last 33.3 %, on average 33.3 %") && text.contains("Last 44.4 %"), "{text}");
    ensure!(text.contains("<polyline points=\"") && text.contains("at most 7 ("), "{text}");
    Ok(())
}

fn browsers(stage: &Stage) -> Result<()> {
    let Some(browser) = Browser::start()? else {
        return stage::skip("Chromium is not installed on this machine");
    };
    let mut world = world(stage)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    world.log.expect("the launcher is gone: waiting for the next one");
    world.stop(nix::sys::signal::Signal::SIGTERM)?;
    let wave = |minute: u64, height: u64| {
        height / 2 + (minute * 7 % 97) * height / 300 + (minute / 60 % 5) * height / 20
    };
    let lines: String = (5..1400)
        .rev()
        .filter(|minute| !(300..360).contains(minute))
        .map(|minute| {
            let at = now - 60 * minute;
            format!(
                "{at} {} {} {} {}\n",
                wave(minute, 700),
                wave(minute, 900),
                wave(minute, 300),
                minute / 120
            )
        })
        .collect();
    std::fs::write(world.state_dir().join("load"), lines)?;
    world.launch()?;
    let mut ids = Vec::new();
    for stem in ["ann", "bob", "cat"] {
        let (_, client) = world.signed_in(stem)?;
        let id = client.start_session(60)?;
        client.post(&format!("/s/{id}/api/terminals"), &[])?.expect(403)?;
        ids.push(id);
    }
    let admin = world.account_with("dora", &["--groups", "pcdoers"])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = async {
        for (name, width, height, dark) in [
            ("wide", 1280, 900, false),
            ("narrow", 390, 844, false),
            ("dark", 1280, 900, true),
            ("narrow-dark", 390, 844, true),
        ] {
            let window = browser.window(width, height, dark).await?;
            window.goto(&format!("http://{}/", world.address())).await?;
            window.wait().for_element(Locator::Css("#username")).await?.send_keys(&admin.name).await?;
            window.find(Locator::Css("#password")).await?.send_keys(&admin.password).await?;
            window.find(Locator::Css("button[type=submit]")).await?.click().await?;
            window.wait().for_element(Locator::Css("button[name=ide]")).await?;
            let pages = [
                ("overview", "/admin".to_owned()),
                ("sessions", "/admin/sessions".to_owned()),
                ("people", "/admin/people".to_owned()),
                ("end", format!("/admin/sessions/{}/end", ids[1])),
                ("audit", "/admin/audit?event=refused".to_owned()),
            ];
            for (page, path) in pages {
                window.goto(&format!("http://{}{path}", world.address())).await?;
                window.wait().for_element(Locator::Css(".tabs a[aria-current]")).await?;
                picture(&window, &format!("admin-{page}-{name}")).await?;
                let wider = "return document.documentElement.scrollWidth > window.innerWidth";
                ensure!(window.execute(wider, vec![]).await? == false, "{page} is wider than {name}");
                let inline = "return document.querySelectorAll('[style], style, script:not([src])').length";
                ensure!(window.execute(inline, vec![]).await? == 0, "{page} has inline style or script");
            }
            if name == "wide" {
                keyboard(&window, &world, &ids[0]).await?;
            }
            window.close().await?;
        }
        Ok(())
    };
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(300), work).await.context("the browser took too long")?
    })
}

/// Ends a session without a mouse: from the link to the button by Tab and Enter alone.
async fn keyboard(window: &fantoccini::Client, world: &World, id: &str) -> Result<()> {
    window.goto(&format!("http://{}/admin/sessions", world.address())).await?;
    let focused = "const e = document.activeElement; return (e.getAttribute('href') || e.type || e.tagName)";
    let walk = async |wanted: &str| -> Result<()> {
        for _ in 0..40 {
            let body = window.active_element().await?;
            body.send_keys("\u{E004}").await?;
            let now = window.execute(focused, vec![]).await?;
            if now.as_str().is_some_and(|now| now.contains(wanted)) {
                return Ok(());
            }
        }
        anyhow::bail!("`{wanted}` is not reached by Tab")
    };
    walk(&format!("/admin/sessions/{id}/end")).await?;
    picture(window, "admin-sessions-focus").await?;
    window.active_element().await?.send_keys("\u{E007}").await?;
    window.wait().for_element(Locator::Css("form .ways")).await?;
    walk("submit").await?;
    // The first button is that of signing out.
    let form = "return document.activeElement.form.action";
    let mut action = window.execute(form, vec![]).await?;
    while !action.as_str().is_some_and(|action| action.ends_with("/end")) {
        walk("submit").await?;
        action = window.execute(form, vec![]).await?;
    }
    window.active_element().await?.send_keys("\u{E007}").await?;
    window.wait().for_element(Locator::Css(".note.info")).await?;
    picture(window, "admin-sessions-said").await?;
    world.await_audit("administered", &[("act", "session-stop"), ("target", id)], 10)?;
    Ok(())
}

//! The warning before the end, and the button that keeps a session: by requests, and as a person sees it in Chromium.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fantoccini::{Client as Window, Locator};
use portcullis_testing::browser::{Browser, picture};
use portcullis_testing::{Client, Stage, stage, until};
use serde_json::Value;

use super::{LONGER, ONE_MINUTE, over};

/// From a quarter of the minute before its end on it is warned; then the sweep.
const WARNED_WITHIN: u64 = 80;
/// What a step in a browser may take while another run has the processors.
const STEP: Duration = Duration::from_secs(90);

fn load(client: &Client, id: &str) -> Result<Value> {
    client.get(&format!("/sessions/{id}/load"))?.expect(200)?.json()
}

fn warned(client: &Client, id: &str) -> Result<Value> {
    until::some("it is warned", WARNED_WITHIN, || {
        let told = load(client, id)?;
        Ok((!told["ends"].is_null()).then_some(told))
    })
}

pub(super) fn stays(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", ONE_MINUTE).start()?;
    let (_, owner) = world.signed_in("lea")?;
    let (_, other) = world.signed_in("mia")?;
    let id = owner.start_session(60)?;
    let begun = Instant::now();
    let stay = format!("/sessions/{id}/stay");
    ensure!(load(&owner, &id)?["ends"].is_null(), "warned at once");
    let told = warned(&owner, &id)?;
    ensure!(begun.elapsed() > Duration::from_secs(40), "warned after {:?}", begun.elapsed());
    let ends = &told["ends"];
    ensure!(ends["stay"] == true && ends["left"].as_u64().is_some_and(|left| left <= 15), "{told}");
    ensure!(told["every"].as_u64().is_some_and(|every| every <= 8), "a page would miss it: {told}");
    let home = owner.request("GET", "/?live=1").header("Accept", "text/html").send()?.text();
    ensure!(home.contains("Will end in") && home.contains(&format!("id=\"stay-{id}\"")), "{home}");
    // Nobody else's, no foreign page's, no link's.
    ensure!(other.post(&stay, &[])?.status == 404, "somebody else");
    let foreign = owner.request("POST", &stay).header("Origin", "https://elsewhere.example").send()?;
    ensure!(foreign.status == 403, "another site: {}", foreign.status);
    ensure!(owner.get(&stay)?.status != 204, "a link");
    ensure!(!load(&owner, &id)?["ends"].is_null(), "it stays all the same");
    let asked = owner.request("POST", &stay).header("Accept", "application/json").send()?;
    ensure!(asked.status == 204, "{}", asked.status);
    until::some("the warning is gone", 10, || Ok(load(&owner, &id)?["ends"].is_null().then_some(())))?;
    until::is("its first minute is over", 60, || begun.elapsed() > LONGER)?;
    ensure!(!over(&world, &id)?, "it ended all the same");
    Ok(())
}

fn drive(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(400), work).await.context("the browser took too long")?
    })
}

fn chromium() -> Result<Browser> {
    match Browser::start()? {
        Some(browser) => Ok(browser),
        None => stage::skip("Chromium is not installed on this machine"),
    }
}

async fn sign_in(window: &Window, address: &str, user: &str, password: &str) -> Result<()> {
    window.goto(address).await?;
    window.wait().at_most(STEP).for_element(Locator::Css("#username")).await?.send_keys(user).await?;
    window.find(Locator::Css("#password")).await?.send_keys(password).await?;
    window.find(Locator::Css("button[type=submit]")).await?.click().await?;
    Ok(())
}

/// Waits until the page shows, or doesn't show any more, an element with this text.
async fn shows(window: &Window, css: &str, text: &str, wanted: bool) -> Result<()> {
    let script = "return [...document.querySelectorAll(arguments[0])].some(one => one.textContent.includes(arguments[1]));";
    let begun = Instant::now();
    loop {
        let found = window.execute(script, vec![css.into(), text.into()]).await?;
        if found == wanted {
            return Ok(());
        }
        ensure!(begun.elapsed() < STEP, "{css} with {text:?}: still {found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn timer(window: &Window) -> Result<String> {
    Ok(window.find(Locator::Css("[role=timer]")).await?.text().await?)
}

pub(super) fn seen(stage: &Stage) -> Result<()> {
    let browser = chromium()?;
    // Two minutes, of which a quarter is warned of: time to look at it.
    let world = stage.world().conf("rsession.conf", "session-timeout-minutes=2").start()?;
    let (account, client) = world.signed_in("nia")?;
    let id = client.start_session(60)?;
    drive(async {
        let wide = browser.window(1280, 900, false).await?;
        let phone = browser.window(390, 844, true).await?;
        let address = format!("http://{}/", world.address());
        for window in [&wide, &phone] {
            sign_in(window, &address, &account.name, &account.password).await?;
        }
        let notice = Locator::Css(".note.ends");
        wide.wait().at_most(Duration::from_secs(150)).for_element(notice).await?;
        phone.wait().at_most(STEP).for_element(notice).await?;
        picture(&wide, "home-ends").await?;
        picture(&phone, "home-ends-phone-dark").await?;
        let before = timer(&wide).await?;
        shows(&wide, "[role=timer]", &before, false).await?;
        let after = timer(&wide).await?;
        ensure!(before > after && after.starts_with("0:"), "it counts from {before} to {after}");
        shows(&wide, "#say-sessions", "One will end soon", true).await?;
        wide.find(Locator::Css(&format!("#stay-{id}"))).await?.click().await?;
        // Both pages show that it stays.
        shows(&wide, ".note.ends", "Will end", false).await?;
        shows(&phone, ".note.ends", "Will end", false).await?;
        wide.close().await?;
        phone.close().await?;
        Ok(())
    })?;
    ensure!(!over(&world, &id)?, "it ended all the same");
    Ok(())
}

/// In JupyterLab's own page, where people look.
pub(super) fn in_jupyterlab(stage: &Stage) -> Result<()> {
    const TOAST: &str = ".Toastify__toast";
    let browser = chromium()?;
    let world = stage.world().jupyter().conf("rsession.conf", "session-timeout-minutes=2").start()?;
    let account = world.account("oli")?;
    drive(async {
        let window = browser.window(1280, 900, false).await?;
        sign_in(&window, &format!("http://{}/", world.address()), &account.name, &account.password).await?;
        window.wait().at_most(STEP).for_element(Locator::Css("button[name=ide]")).await?.click().await?;
        let started = Duration::from_secs(150);
        window.wait().at_most(started).for_element(Locator::Css(".jp-LauncherCard")).await?;
        let url = window.current_url().await?;
        let id = url.path().split('/').nth(2).context("no session in the address")?.to_owned();
        // Its own first requests are a person's acts; then nobody does anything.
        window.wait().at_most(Duration::from_secs(240)).for_element(Locator::Css(TOAST)).await?;
        shows(&window, TOAST, "This session will end in", true).await?;
        // It slides in.
        let there = "const box = document.querySelector('.Toastify__toast').getBoundingClientRect(); \
                     return box.right <= window.innerWidth && box.bottom <= window.innerHeight;";
        let begun = Instant::now();
        while window.execute(there, vec![]).await? != true {
            ensure!(begun.elapsed() < STEP, "it is not in sight");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        picture(&window, "lab-ends").await?;
        let text = window.find(Locator::Css(TOAST)).await?.text().await?;
        ensure!(text.contains("Nobody uses it") && text.contains("memory"), "{text}");
        let script = "[...document.querySelectorAll('.Toastify__toast button')].find(one => one.textContent.includes('Stay')).click()";
        window.execute(script, vec![]).await?;
        shows(&window, TOAST, "will end in", false).await?;
        let told = window
            .execute_async(
                "const [path, done] = arguments; fetch(path).then(async answer => done(await answer.json()), done);",
                vec![format!("/sessions/{id}/load").into()],
            )
            .await?;
        ensure!(told["ends"].is_null(), "it is warned of still: {told}");
        ensure!(!over(&world, &id)?, "it ended");
        window.close().await?;
        Ok(())
    })
}

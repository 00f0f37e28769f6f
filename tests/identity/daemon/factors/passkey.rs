//! A passkey: a real Chromium with an authenticator of its own, which signs for the origin that it is on.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fantoccini::{Client, Locator};
use portcullis_testing::browser::Browser;
use portcullis_testing::{Stage, World, account, stage, until};
use serde_json::json;

/// Longest for the whole of it.
const WITHIN: Duration = Duration::from_secs(400);

async fn press(window: &Client, place: &str) -> Result<()> {
    window.wait().for_element(Locator::Css(place)).await?.click().await?;
    Ok(())
}

async fn text(window: &Client) -> Result<String> {
    Ok(window.find(Locator::Css("body")).await?.text().await?)
}

async fn password(window: &Client, origin: &str, who: &account::Account) -> Result<()> {
    window.goto(&format!("{origin}/auth-sign-in")).await?;
    window.wait().for_element(Locator::Css("#username")).await?.send_keys(&who.name).await?;
    window.find(Locator::Css("#password")).await?.send_keys(&who.password).await?;
    press(window, "button.wide[type=submit]").await
}

/// Waits until the page says this.
async fn says(window: &Client, words: &str) -> Result<()> {
    let found = async {
        loop {
            if text(window).await.is_ok_and(|text| text.contains(words)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(90), found).await {
        Ok(()) => Ok(()),
        Err(_) => anyhow::bail!("the page does not say `{words}`: {}", text(window).await?),
    }
}

async fn story(browser: &Browser, world: &World, who: &account::Account) -> Result<()> {
    let origin = format!("http://localhost:{}", world.address().port());
    let window = browser.window(900, 900, false).await?;
    browser.devtools(&window, "WebAuthn.enable", &json!({})).await?;
    let options = json!({
        "protocol": "ctap2", "transport": "internal", "hasUserVerification": true, "isUserVerified": true,
        "automaticPresenceSimulation": true,
    });
    browser.devtools(&window, "WebAuthn.addVirtualAuthenticator", &json!({ "options": options })).await?;
    password(&window, &origin, who).await?;
    says(&window, "Sign out").await?;
    window.goto(&format!("{origin}/account/factors")).await?;
    press(&window, "#passkey button[type=submit]").await?;
    window.wait().for_element(Locator::Css("#name")).await?.send_keys("my key").await?;
    press(&window, "[data-passkey-go]").await?;
    says(&window, "recovery codes").await?;
    window.goto(&format!("{origin}/account/factors")).await?;
    says(&window, "my key").await?;
    press(&window, "header form button").await?;
    says(&window, "signed out").await?;
    // The password alone opens nothing; the passkey's answer does.
    password(&window, &origin, who).await?;
    says(&window, "One more step").await?;
    press(&window, "[data-passkey-go]").await?;
    says(&window, "Sign out").await?;
    window.close().await?;
    Ok(())
}

pub(super) fn passkey(stage: &Stage) -> Result<()> {
    let Some(browser) = Browser::start()? else {
        return stage::skip("Chromium is not installed on this machine");
    };
    let mut world = stage.world().start()?;
    let who = world.account("fkey")?;
    // Before the origin is said nobody is offered one.
    let client = world.client()?;
    client.sign_in(&who.name, &who.password)?;
    let page = client.get("/account/factors")?.expect(200)?.text();
    ensure!(!page.contains("/account/factors/passkey"), "{page}");
    let origin = format!("factor-origin=http://localhost:{}", world.address().port());
    let port = format!("www-port={}", world.address().port());
    world.set("portcullis.conf", &origin)?;
    world.set("rserver.conf", &port)?;
    world.stop(nix::sys::signal::Signal::SIGTERM)?;
    world.launch()?;
    until::is("passkeys are offered", 10, || {
        client.get("/account/factors").is_ok_and(|page| page.text().contains("/account/factors/passkey"))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let story = story(&browser, &world, &who);
        tokio::time::timeout(WITHIN, story).await.context("the browser took too long")?
    })?;
    world.await_audit(
        "factor-enrolled",
        &[("user", &who.name), ("kind", "passkey"), ("name", "my key")],
        5,
    )?;
    world.await_audit("sign-in", &[("user", &who.name), ("factor", "passkey")], 5)?;
    Ok(())
}

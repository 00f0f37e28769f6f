//! PAM's whole conversation in a browser: further prompts, messages, a password that must be changed.

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Response, Stage, account, case, module};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("prompts::an_expired_password_is_changed_on_the_way_in", expired_password),
        case("prompts::every_prompt_of_pam_is_shown_and_answered", further_prompts),
        case("prompts::going_back_from_a_prompt_ends_the_conversation", cancelled_prompt),
    ]
}

/// The value of a hidden field.
pub(crate) fn hidden(answer: &Response, name: &str) -> Result<String> {
    let text = answer.text();
    let at = text
        .find(&format!("name=\"{name}\" value=\""))
        .with_context(|| format!("no field {name} in {text}"))?;
    let rest = &text[at..];
    let value = rest.split("value=\"").nth(1).context("no value")?;
    Ok(value.split('"').next().unwrap_or_default().to_owned())
}

/// Follows a sign-in through its prompts; `answer` is asked with the page's text.
fn converse(
    client: &Client,
    mut page: Response,
    mut answer: impl FnMut(&str) -> Vec<String>,
) -> Result<Response> {
    for _ in 0..10 {
        if page.status == 303 && page.header("location") == Some("/") {
            return Ok(page);
        }
        if let Some(to) = page.header("location").map(str::to_owned) {
            page = client.get(&to)?;
            continue;
        }
        if page.status != 200 || !page.text().contains("auth-continue") {
            return Ok(page);
        }
        let conversation = hidden(&page, "conversation")?;
        let answers = answer(&page.text());
        let mut fields = vec![("conversation", conversation.as_str())];
        fields.extend(answers.iter().map(|text| ("answer", text.as_str())));
        page = client.post("/auth-continue", &fields)?;
    }
    bail!("the conversation does not end: {}", page.text())
}

fn expired_password(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let account = world.account("dan")?;
    account::shadow("chage", &["--lastday", "0", &account.name])?;
    let client = world.client()?;
    let fresh = "A quite fresh-Passw0rd";
    let mut asked = 0;
    let page = client.try_sign_in(&account.name, &account.password)?;
    ensure!(!client.is_signed_in()?, "let in with an expired password");
    let page = converse(&client, page, |text| {
        asked += 1;
        vec![if text.to_lowercase().contains("current") {
            account.password.clone()
        } else {
            fresh.to_owned()
        }]
    })?;
    page.expect(303)?;
    ensure!(asked >= 2, "asked {asked} times only");
    ensure!(client.is_signed_in()?, "not let in after the change");
    world.client()?.sign_in(&account.name, fresh)?;
    ensure!(
        world.client()?.try_sign_in(&account.name, &account.password)?.status != 303,
        "the old password still works"
    );
    Ok(())
}

fn further_prompts(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    let world = stage
        .world()
        .pam(&format!(
            "auth requisite pam_unix.so nodelay\n\
             auth required {module} info=Your_token_is_ready ask=Verification_code: answer=123456 show=Favourite_colour:\n\
             account required pam_unix.so\nsession required pam_unix.so\n"
        ))
        .start()?;
    let account = world.account("eva")?;
    let client = world.client()?;
    let mut seen = String::new();
    let page = client.try_sign_in(&account.name, &account.password)?;
    let page = converse(&client, page, |text| {
        seen.push_str(text);
        vec![if text.contains("Verification code") { "123456" } else { "blue" }.to_owned()]
    })?;
    page.expect(303)?;
    for text in ["Your token is ready", "Verification code", "Favourite colour"] {
        ensure!(seen.contains(text), "`{text}` was not shown: {seen}");
    }
    ensure!(client.is_signed_in()?, "not let in");
    // The second factor counts.
    let client = world.client()?;
    let page = client.try_sign_in(&account.name, &account.password)?;
    let page = converse(&client, page, |_| vec!["654321".to_owned()])?;
    ensure!(page.status != 303 && !client.is_signed_in()?, "let in with a wrong code");
    world.await_audit("sign-in-denied", &[("user", &account.name), ("reason", "credentials")], 5)?;
    Ok(())
}

fn cancelled_prompt(stage: &Stage) -> Result<()> {
    let module = module::path()?;
    let world = stage
        .world()
        .pam(&format!(
            "auth required {module} ask=Password: ask=Verification_code: answer=1\naccount required pam_unix.so\n"
        ))
        .start()?;
    let account = world.account("fay")?;
    let client = world.client()?;
    let mut page = client.try_sign_in(&account.name, "x")?;
    if let Some(to) = page.header("location").map(str::to_owned) {
        page = client.get(&to)?;
    }
    ensure!(page.text().contains("Verification code"), "{}", page.text());
    let conversation = hidden(&page, "conversation")?;
    client.post("/auth-continue", &[("conversation", &conversation), ("cancel", "1")])?;
    world.await_audit("sign-in-denied", &[("user", &account.name), ("reason", "cancelled")], 5)?;
    let late = client.post("/auth-continue", &[("conversation", &conversation), ("answer", "1")])?;
    ensure!(!client.is_signed_in()?, "a conversation went on after it was cancelled: {}", late.status);
    Ok(())
}

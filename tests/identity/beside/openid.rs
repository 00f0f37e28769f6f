//! An OpenID provider.

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::client::Client;
use portcullis_testing::servers::openid::{CLIENT, Openid, Person, SECRET, Setup};
use portcullis_testing::{Response, Stage, World, account};

use super::{denied, lets_nobody_in, secret_file};

const PASSWORD: &str = "Provider-Pass-1";

/// A daemon that knows this provider.
pub(crate) fn world(stage: &Stage, provider: &Openid, client: &str) -> Result<World> {
    let rserver =
        format!("auth-openid=1\nauth-openid-issuer={}\nauth-openid-scopes=groups", provider.issuer());
    let own =
        format!("auth-openid-ca-file={}\nauth-openid-groups-claim=groups", provider.ca_file().display());
    let mut world = stage.world().conf("rserver.conf", &rserver).conf("portcullis.conf", &own).build()?;
    let text = format!("client-id={client}\nclient-secret={SECRET}\n");
    secret_file(&world.config_dir().join("openid-client-secret"), &text)?;
    world.launch()?;
    Ok(world)
}

pub(crate) fn provider_of(people: &[&str]) -> Result<Openid> {
    let people = people.iter().map(|login| Person::new(login, PASSWORD, &["analysts"])).collect();
    Openid::start(&Setup { people, ..Setup::default() })
}

/// To the provider, through its form, and the address that it sends the browser back to.
pub(crate) fn goes(client: &Client, provider: &Openid, login: &str) -> Result<String> {
    let sent = client.get("/openid/begin?appUri=/")?.expect(303)?;
    let url = sent.header("location").context("sent nowhere")?;
    let back = provider.visitor()?.sign_in(url, login, PASSWORD)?;
    back.strip_prefix(&client.origin()).map(str::to_owned).with_context(|| format!("sent elsewhere: {back}"))
}

/// Back, as a link of the provider's page.
pub(crate) fn comes_back(client: &Client, back: &str) -> Result<Response> {
    client
        .request("GET", back)
        .header("Accept", "text/html")
        .header("Sec-Fetch-Site", "cross-site")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .send()
}

pub(super) fn comes_in(stage: &Stage) -> Result<()> {
    let anna = account::create("oanna", &[])?;
    let provider = provider_of(&[&anna.name])?;
    let world = world(stage, &provider, CLIENT)?;
    let client = world.client()?;
    let page = client.request("GET", "/auth-sign-in").header("Accept", "text/html").send()?.text();
    ensure!(page.contains("Sign in at 127.0.0.1") && !page.contains("name=\"password\""), "{page}");
    let back = goes(&client, &provider, &anna.name)?;
    let answer = comes_back(&client, &back)?.expect(303)?;
    ensure!(answer.header("location") == Some("/") && client.is_signed_in()?, "{}", answer.text());
    world.await_audit("sign-in", &[("user", &anna.name), ("method", "openid")], 5)?;
    // The same way back again, in the same browser and in another: it counts once, and for this one alone.
    lets_nobody_in(&comes_back(&client, &back)?, 200)?;
    let stranger = world.client()?;
    lets_nobody_in(&comes_back(&stranger, &goes(&client, &provider, &anna.name)?)?, 200)?;
    ensure!(!stranger.is_signed_in()?);
    // A session runs as the account of this machine.
    let session = client.start_session(60)?;
    ensure!(client.get(&format!("/s/{session}/"))?.status < 400);
    // With a provider alone nobody comes in by the form, whatever PAM would say.
    let answer = stranger.try_sign_in(&anna.name, &anna.password)?;
    lets_nobody_in(&answer, 401)
}

pub(super) fn stay_out(stage: &Stage) -> Result<()> {
    let locked = account::create("olocked", &["--expiredate", "2020-01-01"])?;
    let known = account::create("oknown", &[])?;
    let capital = format!("O{}", &known.name[1..]);
    let provider = provider_of(&[&locked.name, &known.name, &capital, "root", "nobodyhere", "../../etc"])?;
    let world = world(stage, &provider, CLIENT)?;
    for (login, reason) in [
        (locked.name.as_str(), "account"),
        ("root", "not-permitted"),
        (capital.as_str(), "bad-name"),
        ("../../etc", "bad-name"),
    ] {
        let client = world.client()?;
        denied(&world, "openid", reason, || {
            let back = goes(&client, &provider, login)?;
            lets_nobody_in(&comes_back(&client, &back)?, 401)
        })
        .with_context(|| format!("{login} is not denied for {reason}"))?;
        ensure!(!client.is_signed_in()?, "{login}");
    }
    let client = world.client()?;
    let back = goes(&client, &provider, "nobodyhere")?;
    let answer = comes_back(&client, &back)?;
    ensure!(answer.status != 303 && !client.is_signed_in()?, "{}", answer.text());
    Ok(())
}

pub(super) fn broken(stage: &Stage) -> Result<()> {
    let anna = account::create("obroken", &[])?;
    let provider = provider_of(&[&anna.name])?;
    let liar = world(stage, &provider, "wrong-nonce")?;
    let client = liar.client()?;
    denied(&liar, "openid", "credentials", || {
        let back = goes(&client, &provider, &anna.name)?;
        lets_nobody_in(&comes_back(&client, &back)?, 401)
    })?;
    provider.stop()?;
    let other = world(stage, &provider, CLIENT)?;
    lets_nobody_in(&other.client()?.get("/openid/begin")?, 503)?;
    provider.resume()?;
    let client = other.client()?;
    // What couldn't be reached is asked again after some seconds.
    portcullis_testing::until::is("the provider is asked again", 30, || {
        client.get("/openid/begin").is_ok_and(|answer| answer.status == 303)
    })?;
    let back = goes(&client, &provider, &anna.name)?;
    comes_back(&client, &back)?.expect(303).map(drop)
}

pub(super) fn secret(stage: &Stage) -> Result<()> {
    let text = format!("client-id={CLIENT}\nclient-secret={SECRET}\n");
    let conf = "auth-openid=1\nauth-openid-issuer=https://127.0.0.1:1";
    // Readable by others, as the file comes to be.
    let (status, said) =
        stage.world().conf("rserver.conf", conf).file("openid-client-secret", &text).start_in_vain()?;
    ensure!(!status.success() && said.contains("openid-client-secret") && said.contains("0600"), "{said}");
    ensure!(!said.contains(SECRET), "the secret is in the log");
    let (status, said) = stage.world().conf("rserver.conf", conf).start_in_vain()?;
    ensure!(!status.success() && said.contains("openid-client-secret"), "{said}");
    Ok(())
}

//! A second factor behind each of the ways to sign in that are no form: it is asked for whatever proved the first one, and nobody has a
//! cookie before it.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::kerberos::Kdc;
use portcullis_testing::servers::openid::CLIENT;
use portcullis_testing::{Account, Client, Response, Stage, World, account, case};

use super::phone::Phone;
use super::{enrol, hidden};
use crate::beside::{header, openid};
use crate::daemon::{kerberos, saml};

/// Goes a way in a browser, to its last answer.
type Goes = Box<dyn Fn(&Client) -> Result<Response>>;
/// Makes what a way needs.
type Made = fn(&Stage) -> Result<Way>;

/// Somebody who has a phone, and how they come.
struct Way {
    world: World,
    account: Account,
    phone: Phone,
    goes: Goes,
    /// What a proxy in front adds to each request.
    adds: Option<(&'static str, String)>,
}

/// The ways, by their words in records.
const WAYS: &[(&str, Made)] =
    &[("openid", by_openid), ("saml", by_saml), ("kerberos", by_kerberos), ("proxy", by_proxy)];

/// One test for each way.
pub(super) fn all() -> Vec<Trial> {
    let one = |&(word, way): &(&'static str, Made)| {
        let name = format!("identity::daemon::factors::one_is_asked_for_behind_{word}");
        case(&name, move |stage| asked_behind(word, way(stage)?))
    };
    WAYS.iter().map(one).collect()
}

impl Way {
    /// Of somebody who comes by themselves and enrols then.
    fn of(
        world: World,
        account: Account,
        goes: impl Fn(&Client) -> Result<Response> + 'static,
    ) -> Result<Self> {
        let client = world.client()?;
        goes(&client)?.expect(303)?;
        ensure!(client.is_signed_in()?, "without a second factor the way leads nowhere");
        let (phone, _) = enrol(&client)?;
        Ok(Self { world, account, phone, goes: Box::new(goes), adds: None })
    }

    fn is_in(&self, client: &Client) -> Result<bool> {
        let request = client.request("GET", "/").header("Accept", "text/html");
        let request = match &self.adds {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        Ok(request.send()?.status == 200)
    }

    fn answers(&self, client: &Client, conversation: &str, code: &str) -> Result<Response> {
        let request = client.request("POST", "/auth-continue");
        let request = match &self.adds {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        request.form(&[("conversation", conversation), ("answer", code)]).send()
    }
}

fn by_openid(stage: &Stage) -> Result<Way> {
    let account = account::create("fopenid", &[])?;
    let provider = openid::provider_of(&[&account.name])?;
    let world = openid::world(stage, &provider, CLIENT)?;
    let name = account.name.clone();
    Way::of(world, account, move |client| {
        openid::comes_back(client, &openid::goes(client, &provider, &name)?)
    })
}

fn by_saml(stage: &Stage) -> Result<Way> {
    let key = saml::key()?;
    let world = saml::world(stage, &key, "", "")?;
    let account = world.account("fsaml")?;
    let name = account.name.clone();
    Way::of(world, account, move |client| {
        let (request, state) = saml::goes(client)?;
        saml::posts(client, &saml::answer(&name, Some(&request)).signed(&key)?, &state)
    })
}

fn by_kerberos(stage: &Stage) -> Result<Way> {
    let kdc = Kdc::shared()?;
    let world = kerberos::world(stage)?;
    let account = kerberos::person(&world, kdc, &[])?;
    let name = account.name.clone();
    Way::of(world, account, move |client| {
        kerberos::shows(client, &kerberos::token(kdc, &name, kerberos::PASSWORD)?)
    })
}

/// Enrolled while there was no proxy yet: it is one account.
fn by_proxy(stage: &Stage) -> Result<Way> {
    let mut world = stage.world().start()?;
    let (account, client) = world.signed_in("fproxy")?;
    let (phone, _) = enrol(&client)?;
    world.log.expect(header::WARNING);
    world.set("portcullis.conf", "auth-proxy-from=127.0.0.1")?;
    world.set("rserver.conf", "auth-proxy=1")?;
    world.reload()?;
    let name = account.name.clone();
    let goes = move |client: &Client| {
        let request = client.request("GET", "/auth-sign-in").header("Accept", "text/html");
        request.header(header::HEADER, &name).send()
    };
    let adds = Some((header::HEADER, account.name.clone()));
    Ok(Way { world, account, phone, goes: Box::new(goes), adds })
}

fn asked_behind(word: &str, mut way: Way) -> Result<()> {
    let has_cookie = |answer: &Response| answer.all("set-cookie").any(|one| one.contains("portcullis=v1"));
    let client = way.world.client()?;
    let page = (way.goes)(&client)?.expect(200)?;
    ensure!(!has_cookie(&page), "a cookie before the second factor");
    let text = page.text();
    ensure!(text.contains("one-time-code") && !way.is_in(&client)?, "no second factor is asked for: {text}");
    let conversation = hidden(&text, "conversation")?;
    // A wrong one, the one that confirmed the phone, and none at all.
    for bad in [way.phone.wrong()?, way.phone.again()?, String::new()] {
        let answer = way.answers(&client, &conversation, &bad)?.expect(200)?;
        ensure!(answer.text().contains("not right") && !has_cookie(&answer), "{bad}: {}", answer.text());
        ensure!(!way.is_in(&client)?, "let in by `{bad}`");
    }
    let came_in = [("user", way.account.name.as_str()), ("method", word), ("factor", "totp")];
    ensure!(way.world.count_audit("sign-in", &came_in)? == 0, "recorded before the second factor");
    let code = way.phone.next()?;
    let answer = way.answers(&client, &conversation, &code)?.expect(303)?;
    ensure!(has_cookie(&answer) && way.is_in(&client)?, "the right code lets nobody in");
    way.world.await_audit("sign-in", &came_in, 5)?;
    let failed = way.world.count_audit("factor-failed", &[("at", "sign-in")])?;
    ensure!(failed == 3, "{failed} wrong codes were counted");
    // The proof and the code of before are both used up, in whatever browser.
    let other = way.world.client()?;
    let page = (way.goes)(&other)?.expect(200)?.text();
    let answer = way.answers(&other, &hidden(&page, "conversation")?, &code)?.expect(200)?;
    ensure!(answer.text().contains("not right") && !way.is_in(&other)?, "twice");
    Ok(())
}

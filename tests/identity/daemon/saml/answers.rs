//! Answers that are brought: which are believed, how often, and who must have asked for them.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use portcullis_testing::client::Client;
use portcullis_testing::saml::{Answer, Key, Recipe, insert, posted};
use portcullis_testing::{Stage, World, process, until};

use super::{BASE, answer, denied, goes, key, lets_nobody_in, now, posts, world};

/// A change of a right answer, and how it is signed.
type Fault = (&'static str, fn(&mut Answer), fn(&Answer, &Key) -> Result<String>);

fn usual(answer: &Answer, key: &Key) -> Result<String> {
    answer.signed(key)
}

/// A genuine assertion beside one of the attacker's.
fn wrapped(answer: &Answer, key: &Key) -> Result<String> {
    let genuine = key.signed(&Recipe::default(), &answer.assertion()?, &answer.assertion_id)?;
    let mut evil = answer.clone();
    evil.assertion_id = "_evil".into();
    evil.attributes = vec![("Username".into(), vec!["root".into()])];
    answer.around(&format!("{}{genuine}", evil.assertion()?))
}

/// The attacker's assertion with the genuine one's signature, which holds the genuine one.
fn wrapped_within(answer: &Answer, key: &Key) -> Result<String> {
    let genuine = answer.assertion()?;
    let signature = key.signature(&Recipe::default(), &genuine, &answer.assertion_id)?;
    let holding = format!("<ds:Object>{genuine}</ds:Object></ds:Signature>");
    let signature = signature.replace("</ds:Signature>", &holding);
    let mut evil = answer.clone();
    evil.assertion_id = "_evil".into();
    answer.around(&insert(&evil.assertion()?, &signature)?)
}

fn sha1(answer: &Answer, key: &Key) -> Result<String> {
    let digest = "http://www.w3.org/2000/09/xmldsig#sha1".to_owned();
    let recipe = Recipe { digest, ..Recipe::default() };
    answer.around(&key.signed(&recipe, &answer.assertion()?, &answer.assertion_id)?)
}

const FAULTS: &[Fault] = &[
    ("over", |answer| answer.made -= 2000, usual),
    ("not yet good", |answer| answer.made += 2000, usual),
    ("another audience", |answer| answer.audience = "https://other.example/saml/metadata".into(), usual),
    ("another address", |answer| answer.recipient = "https://other.example/saml/acs".into(), usual),
    ("another request", |answer| answer.in_response_to = Some("_another".into()), usual),
    ("no request", |answer| answer.in_response_to = None, usual),
    ("another provider", |answer| answer.issuer = "https://evil.example/metadata".into(), usual),
    ("another key", |_| {}, |answer, _| answer.signed(&key()?)),
    ("no signature", |_| {}, |answer, _| answer.around(&answer.assertion()?)),
    (
        "changed behind the signature",
        |_| {},
        |answer, key| Ok(answer.signed(key)?.replace("<saml:AttributeValue>", "<saml:AttributeValue>x")),
    ),
    (
        "a comment in the name",
        |_| {},
        |answer, key| {
            Ok(answer.signed(key)?.replace("<saml:AttributeValue>", "<saml:AttributeValue><!-- -->"))
        },
    ),
    ("wrapped beside", |_| {}, wrapped),
    ("wrapped within", |_| {}, wrapped_within),
    ("a broken digest", |_| {}, sha1),
    (
        "entities",
        |_| {},
        |answer, key| {
            Ok(format!("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>{}", answer.signed(key)?))
        },
    ),
    ("nesting", |_| {}, |_, _| Ok("<a>".repeat(20_000))),
    ("no XML", |_| {}, |_, _| Ok("not at all".into())),
    (
        "the provider says no",
        |_| {},
        |answer, key| Ok(answer.signed(key)?.replace("status:Success", "status:Responder")),
    ),
];

pub(super) fn refused(stage: &Stage) -> Result<()> {
    let key = key()?;
    let world = world(stage, &key, "", "")?;
    let ada = world.account("sgood")?;
    for (number, (what, change, sign)) in FAULTS.iter().enumerate() {
        // From elsewhere each time: whoever fails too often waits.
        let at = Ipv4Addr::new(127, 7, u8::try_from(number)?, 1);
        let client = world.client()?.at(at);
        let (request, state) = goes(&client)?;
        let mut answer = answer(&ada.name, Some(&request));
        change(&mut answer);
        let text = sign(&answer, &key)?;
        denied(&world, "credentials", || lets_nobody_in(&posts(&client, &text, &state)?, 401))
            .with_context(|| (*what).to_owned())?;
        ensure!(!client.is_signed_in()?, "{what}");
    }
    // And the right one is right.
    let client = world.client()?;
    let (request, state) = goes(&client)?;
    posts(&client, &answer(&ada.name, Some(&request)).signed(&key)?, &state)?.expect(303)?;
    ensure!(client.is_signed_in()?);
    // Nobody's document is left behind, nor a process that had one.
    let left = process::all().into_iter().filter(|one| one.parent == world.launcher_pid().unwrap_or(0));
    let left = left.filter(|one| one.args.iter().any(|word| word == "xml"));
    ensure!(left.count() == 0, "a reader of a document outlives it");
    Ok(())
}

/// A daemon whose provider may begin by itself.
fn both(stage: &Stage, key: &Key) -> Result<World> {
    world(stage, key, "auth-saml-sso-initiation=both", "")
}

pub(super) fn once(stage: &Stage) -> Result<()> {
    let key = key()?;
    let mut world = both(stage, &key)?;
    let ada = world.account("sonce")?;
    let text = answer(&ada.name, None).signed(&key)?;
    let client = world.client()?;
    posts(&client, &text, "")?.expect(303)?;
    ensure!(client.is_signed_in()?);
    let again = |world: &World| {
        denied(world, "credentials", || {
            let thief = world.client()?;
            lets_nobody_in(&posts(&thief, &text, "")?, 401)?;
            ensure!(!thief.is_signed_in()?);
            Ok(())
        })
    };
    again(&world)?;
    // The same assertion in another answer is the same one.
    let other = text.replacen("ID=\"_response\"", "ID=\"_other\"", 1);
    ensure!(other != text);
    denied(&world, "credentials", || lets_nobody_in(&posts(&world.client()?, &other, "")?, 401))?;
    world.stop(Signal::SIGTERM)?;
    world.launch()?;
    until::is("the provider is known", 30, || goes_at(&world))?;
    again(&world)?;
    world.log.expect("the launcher is gone");
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    until::is("the provider is known", 30, || goes_at(&world))?;
    again(&world)
}

fn goes_at(world: &World) -> bool {
    world.client().and_then(|client| goes(&client)).is_ok()
}

pub(super) fn unasked(stage: &Stage) -> Result<()> {
    let key = key()?;
    let strict = world(stage, &key, "", "")?;
    let (mallory, victim) = (strict.account("smal")?, strict.client()?);
    // An answer that the provider began, and the attacker's own one: neither signs in a browser that didn't ask.
    let unsolicited = answer(&mallory.name, None).signed(&key)?;
    lets_nobody_in(&posts(&victim, &unsolicited, "")?, 200)?;
    let attacker = strict.client()?;
    let (request, state) = goes(&attacker)?;
    let own = answer(&mallory.name, Some(&request)).signed(&key)?;
    lets_nobody_in(&posts(&victim, &own, &state)?, 200)?;
    // Also not while the victim is on the way itself.
    goes(&victim)?;
    lets_nobody_in(&posts(&victim, &own, &state)?, 200)?;
    ensure!(!victim.is_signed_in()?);
    ensure!(strict.count_audit("sign-in", &[])? == 0);
    // The attacker still can, for themselves, once.
    posts(&attacker, &own, &state)?.expect(303)?;

    // It is that one address alone that takes a post of another site, and that method.
    let foreign = |path: &str| {
        let request = victim.request("POST", path).header("Origin", "https://idp.example");
        request.header("Sec-Fetch-Site", "cross-site").form(&[("SAMLResponse", &posted(&own))]).send()
    };
    for path in
        ["/auth-do-sign-in", "/auth-sign-out", "/saml/begin", "/saml/metadata", "/saml/acs/", "/sessions"]
    {
        ensure!(foreign(path)?.status == 403, "{path}");
    }
    ensure!(victim.get("/saml/acs")?.status == 303, "whoever reloads is sent on");
    let large = "A".repeat(300 * 1024);
    let flood = victim.request("POST", "/saml/acs").form(&[("SAMLResponse", &large)]).send();
    ensure!(flood.is_ok_and(|answer| answer.status == 413));

    // Where the provider may begin, it says where to go: a path of ours and nothing else.
    let open = both(stage, &key)?;
    let ada = open.account("sopen")?;
    for (state, place) in [
        ("/s/0011223344556677/lab", "/s/0011223344556677/lab"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/saml/begin", "/"),
        ("", "/"),
    ] {
        let client = open.client()?;
        let came = posts(&client, &answer(&ada.name, None).signed(&key)?, state)?.expect(303)?;
        ensure!(came.header("location") == Some(place), "{state}: {:?}", came.header("location"));
    }
    // An answer to somebody's request is not one that the provider began.
    let text = answer(&ada.name, Some("_somebodys")).signed(&key)?;
    denied(&open, "credentials", || lets_nobody_in(&posts(&open.client()?, &text, "")?, 401))?;
    let idp_alone = world_idp(stage, &key)?;
    ensure!(idp_alone.client()?.get("/saml/begin")?.status == 404);
    let eve = idp_alone.account("sidp")?;
    let client = idp_alone.client()?;
    until::is("the provider is known", 30, || {
        let text = answer(&eve.name, None).signed(&key);
        text.and_then(|text| posts(&client, &text, "")).is_ok_and(|answer| answer.status == 303)
    })
}

fn world_idp(stage: &Stage, key: &Key) -> Result<World> {
    let certificate = super::file("idp", &key.certificate_pem)?;
    let rserver = format!(
        "auth-saml=1\nauth-cookies-force-secure=1\nauth-saml-sp-base-uri={BASE}\nauth-saml-sso-initiation=idp\n\
         auth-saml-idp-entity-id={}\nauth-saml-idp-sso-url=https://idp.example/sso\n\
         auth-saml-idp-sign-cert-path={}",
        super::IDP,
        certificate.display()
    );
    stage.world().conf("rserver.conf", &rserver).start()
}

pub(super) fn away(stage: &Stage) -> Result<()> {
    let key = key()?;
    let world = both(stage, &key)?;
    let ada = world.account("saway")?;
    let launcher = world.launcher_pid()?;
    let store = until::some("the store is there", 20, || {
        let mut all = process::all().into_iter().filter(|one| one.parent == launcher);
        Ok(all.find(|one| one.args.iter().any(|word| word == "store")))
    })?;
    process::signal(store.pid, Signal::SIGSTOP)?;
    let text = answer(&ada.name, None).signed(&key)?;
    let client = world.client()?;
    let tried = denied(&world, "system", || lets_nobody_in(&posts(&client, &text, "")?, 503));
    process::signal(store.pid, Signal::SIGCONT)?;
    tried?;
    ensure!(!client.is_signed_in()?);
    // Whether it was written down meanwhile or not: another answer is believed, as soon as it can be spent.
    ensure!(now() > 0);
    posts(&client, &answer(&ada.name, None).signed(&key)?, "")?.expect(303)?;
    ensure!(client.is_signed_in()?);
    Ok(())
}

pub(super) fn crowd(stage: &Stage) -> Result<()> {
    let key = key()?;
    let world = world(stage, &key, "", "")?;
    let begin = |client: &Client| client.get("/saml/begin").map(|answer| answer.status);
    let refused = std::thread::scope(|scope| {
        let crowd: Vec<_> = (1..=4u8)
            .map(|host| {
                let client = world.client().map(|client| client.at(Ipv4Addr::new(127, 9, 9, host)));
                scope.spawn(move || {
                    let client = client?;
                    let mut refused = 0;
                    for _ in 0..100 {
                        refused += usize::from(begin(&client)? == 429);
                    }
                    Ok::<_, anyhow::Error>(refused)
                })
            })
            .collect();
        crowd.into_iter().map(|one| one.join().unwrap_or(Ok(0))).sum::<Result<usize>>()
    })?;
    ensure!(refused > 0, "one network asked 400 times and nobody minded");
    let elsewhere = world.client()?.at(Ipv4Addr::new(127, 9, 10, 1));
    ensure!(begin(&elsewhere)? == 200, "somebody elsewhere pays for it");
    Ok(())
}

//! The provider: the real one, its metadata, and what becomes of a sign-in without them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::client::Client;
use portcullis_testing::saml::{Key, Kind as KeyKind};
use portcullis_testing::servers::authority::Authority;
use portcullis_testing::servers::openid::Person;
use portcullis_testing::servers::saml::{Kind, Posted, Saml, Setup};
use portcullis_testing::servers::stand_in::{Behaviour, StandIn};
use portcullis_testing::{Response, Stage, World, account, until};

use super::{BASE, answer, file, goes, key, lets_nobody_in, posts};

const PASSWORD: &str = "Provider-Pass-1";
const COMMON: &str = "auth-saml=1\nauth-cookies-force-secure=1\nauth-saml-sp-base-uri=https://ide.example\n\
                      auth-saml-sp-attribute-username=uid\nauth-saml-sp-attribute-groups=groups\n\
                      auth-saml-sp-attribute-email=email\n";

fn idp(people: &[&str], encrypt_for: Option<&Key>) -> Result<Saml> {
    let people = people.iter().map(|login| Person::new(login, PASSWORD, &["analysts"])).collect();
    let encrypt_for = encrypt_for.map(|key| key.certificate_pem.clone());
    Saml::start(&Setup { people, encrypt_for, ..Setup::default() })
}

/// A daemon that takes the metadata of this address, trusting this authority.
fn by_url(stage: &Stage, url: &str, authority: &str) -> Result<World> {
    let rserver = format!("{COMMON}auth-saml-metadata-url={url}");
    let own = format!("auth-saml-ca-file={authority}");
    stage.world().conf("rserver.conf", &rserver).conf("portcullis.conf", &own).start()
}

fn known(client: &Client) -> Result<()> {
    until::is("the provider is known", 40, || {
        client.get("/saml/begin").is_ok_and(|answer| matches!(answer.status, 200 | 303))
    })
}

/// To the provider, through its form.
fn through(client: &Client, idp: &Saml, login: &str) -> Result<Posted> {
    let sent = client.get("/saml/begin?appUri=/")?.expect(303)?;
    let url = sent.header("location").context("sent nowhere")?;
    idp.sign_in(url, login, PASSWORD)
}

/// Its page posts the answer here.
fn comes_back(client: &Client, posted: &Posted) -> Result<Response> {
    ensure!(posted.to == format!("{BASE}/saml/acs"), "{posted:?}");
    client
        .request("POST", "/saml/acs")
        .header("Origin", "https://127.0.0.1")
        .header("Accept", "text/html")
        .header("Sec-Fetch-Site", "cross-site")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .form(&[("SAMLResponse", &posted.response), ("RelayState", &posted.relay_state)])
        .send()
}

pub(super) fn comes_in(stage: &Stage) -> Result<()> {
    let ada = account::create("sada", &[])?;
    let idp = idp(&[&ada.name], None)?;
    let world = by_url(stage, &idp.metadata_url(), &idp.ca_file().display().to_string())?;
    let client = world.client()?;
    known(&client)?;
    let page = client.request("GET", "/auth-sign-in").header("Accept", "text/html").send()?.text();
    ensure!(page.contains("Sign in at 127.0.0.1") && !page.contains("name=\"password\""), "{page}");
    let told = client.get("/saml/metadata")?.expect(200)?;
    ensure!(told.header("content-type") == Some("application/samlmetadata+xml"), "{}", told.text());
    ensure!(told.text().contains(&format!("{BASE}/saml/acs")), "{}", told.text());

    let posted = through(&client, &idp, &ada.name)?;
    let flow = client.cookie("__Host-portcullis-flow").context("no flow")?;
    let entered = comes_back(&client, &posted)?.expect(303)?;
    ensure!(entered.header("location") == Some("/") && client.is_signed_in()?, "{}", entered.text());
    world.await_audit("sign-in", &[("user", &ada.name), ("method", "saml")], 5)?;
    let provider = format!("saml:{}", idp.issuer());
    world.await_audit("account-created", &[("user", &ada.name), ("provider", &provider)], 5)?;
    // The same answer again, with the flow's cookie and without: it counted.
    let thief = world.client()?;
    lets_nobody_in(&comes_back(&thief, &posted)?, 200)?;
    thief.set_cookie("__Host-portcullis-flow", &flow);
    super::denied(&world, "credentials", || lets_nobody_in(&comes_back(&thief, &posted)?, 401))?;
    // Who proves it once more has one sign-in and not two, although the post brings no cookie of the first.
    let before = client.cookie("__Host-portcullis").context("no cookie")?;
    let posted = through(&client, &idp, &ada.name)?;
    let browser = world.client()?;
    browser
        .set_cookie("__Host-portcullis-flow", &client.cookie("__Host-portcullis-flow").context("no flow")?);
    comes_back(&browser, &posted)?.expect(303)?;
    let old = world.client()?;
    old.set_cookie("__Host-portcullis", &before);
    until::is("the first sign-in is over", 10, || old.is_signed_in().is_ok_and(|signed_in| !signed_in))?;
    let client = browser;
    // A session runs as the account of this machine; signing out is this machine's alone.
    let session = client.start_session(60)?;
    ensure!(client.get(&format!("/s/{session}/"))?.status < 400);
    client.post("/auth-sign-out", &[])?.expect(200)?;
    ensure!(!client.is_signed_in()?);
    // With a provider alone nobody comes in by the form, whatever PAM would say.
    lets_nobody_in(&client.try_sign_in(&ada.name, &ada.password)?, 401)
}

pub(super) fn forms(stage: &Stage) -> Result<()> {
    let ada = account::create("sform", &[])?;
    let reader = Key::new(KeyKind::Rsa)?;
    let idp = idp(&[&ada.name], Some(&reader))?;
    let (private, public) = (file("sp.key", &reader.key_pem)?, file("sp.pem", &reader.certificate_pem)?);
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600))?;
    let signer = file("signer", idp.signer_certificate())?;
    let rserver = format!(
        "{COMMON}auth-saml-idp-entity-id={}\nauth-saml-idp-sign-cert-path={}\n\
         auth-saml-sp-encryption-key-path={}\nauth-saml-sp-encryption-cert-path={}\n\
         auth-saml-sp-signing-key-path={}\nauth-saml-sp-signing-cert-path={}\n",
        idp.issuer(),
        signer.display(),
        private.display(),
        public.display(),
        private.display(),
        public.display(),
    );
    let with = |kind: Kind| format!("{rserver}auth-saml-idp-sso-url={}", idp.sso_url(kind));
    let mut world = stage.world().conf("rserver.conf", &with(Kind::Usual)).start()?;
    known(&world.client()?)?;
    ensure!(world.client()?.get("/saml/metadata")?.text().contains("use=\"encryption\""));
    for (kind, good) in [
        (Kind::Encrypted, true),
        (Kind::ResponseSigned, true),
        (Kind::EncryptedCbc, false),
        (Kind::Unsigned, false),
        (Kind::Sha1, false),
    ] {
        world.set("rserver.conf", &with(kind))?;
        world.reload()?;
        let client = world.client()?;
        known(&client)?;
        let posted = until::some("the provider's new address is known", 20, || {
            let sent = client.get("/saml/begin")?;
            let to = sent.header("location").unwrap_or_default();
            Ok(to.starts_with(&idp.sso_url(kind)).then_some(to.to_owned()))
        })
        .and_then(|url| idp.sign_in(&url, &ada.name, PASSWORD))?;
        let came = comes_back(&client, &posted)?;
        ensure!(client.is_signed_in()? == good, "{kind:?}: {}", came.text());
        if !good {
            lets_nobody_in(&came, 401)?;
        }
    }
    Ok(())
}

pub(super) fn down(stage: &Stage) -> Result<()> {
    let ada = account::create("sdown", &[])?;
    let idp = idp(&[&ada.name], None)?;
    idp.stop()?;
    let mut world = by_url(stage, &idp.metadata_url(), &idp.ca_file().display().to_string())?;
    world.log.expect("metadata can't be had");
    let client = world.client()?;
    lets_nobody_in(&client.get("/saml/begin")?, 503)?;
    idp.resume()?;
    known(&client)?;
    // What is known stays while it can't be had again.
    idp.stop()?;
    world.reload()?;
    // Whoever waited for the provider has asked as often as one address may for the moment.
    let sent = until::some("there is room for one more", 10, || {
        let answer = client.get("/saml/begin")?;
        Ok(if answer.status == 429 { None } else { Some(answer.expect(303)?) })
    })?;
    let url = sent.header("location").context("sent nowhere")?.to_owned();
    idp.resume()?;
    comes_back(&client, &idp.sign_in(&url, &ada.name, PASSWORD)?)?.expect(303)?;
    ensure!(client.is_signed_in()?);
    // Another provider's address: of the one before nothing stays.
    world.set("rserver.conf", "auth-saml-metadata-url=https://127.0.0.1:1/metadata")?;
    world.reload()?;
    let answer = until::some("there is room for one more", 10, || {
        Ok(Some(world.client()?.get("/saml/begin")?).filter(|answer| answer.status != 429))
    })?;
    lets_nobody_in(&answer, 503)
}

pub(super) fn authority(stage: &Stage) -> Result<()> {
    let idp = idp(&[], None)?;
    let other = file("other-authority", Authority::new("Another authority")?.certificate())?;
    let world = by_url(stage, &idp.metadata_url(), &other.display().to_string())?;
    world.log.expect("metadata can't be had");
    world.log.await_line("the provider's certificate is not trusted", 20)?;
    lets_nobody_in(&world.client()?.get("/saml/begin")?, 503)
}

pub(super) fn hung(stage: &Stage) -> Result<()> {
    let silent = StandIn::start(Behaviour::Silent)?;
    let url = format!("https://{}/metadata", silent.address());
    let authority = file("authority", Authority::new("An authority")?.certificate())?;
    let world = by_url(stage, &url, &authority.display().to_string())?;
    let began = Instant::now();
    lets_nobody_in(&world.client()?.get("/saml/begin")?, 503)?;
    ensure!(began.elapsed().as_secs() < 15, "somebody waited for it: {:?}", began.elapsed());
    world.log.expect("metadata can't be had");
    world.log.await_line("metadata can't be had", 30)?;
    ensure!(world.client()?.get("/readyz")?.status == 200);
    Ok(())
}

pub(super) fn rotated(stage: &Stage) -> Result<()> {
    let (old, new) = (key()?, key()?);
    let mut world = super::world(stage, &old, "", "")?;
    let ada = world.account("skeys")?;
    let certificate = file("new-idp", &new.certificate_pem)?;
    world.set("rserver.conf", &format!("auth-saml-idp-sign-cert-path={}", certificate.display()))?;
    world.reload()?;
    let client = world.client()?;
    until::is("the provider is known anew", 20, || goes(&client).is_ok())?;
    let (request, state) = goes(&client)?;
    let text = answer(&ada.name, Some(&request)).signed(&old)?;
    super::denied(&world, "credentials", || lets_nobody_in(&posts(&client, &text, &state)?, 401))?;
    let (request, state) = goes(&client)?;
    posts(&client, &answer(&ada.name, Some(&request)).signed(&new)?, &state)?.expect(303)?;
    ensure!(client.is_signed_in()?);
    Ok(())
}

pub(super) fn files(stage: &Stage) -> Result<()> {
    let key = key()?;
    let (certificate, private) = (file("cert", &key.certificate_pem)?, file("open.key", &key.key_pem)?);
    let base =
        format!("{COMMON}auth-saml-idp-entity-id=urn:idp\nauth-saml-idp-sso-url=https://idp.example/sso\n");
    let named = format!("{base}auth-saml-idp-sign-cert-path={}\n", certificate.display());
    let in_vain = |rserver: &str, wanted: &[&str]| {
        let (status, said) = stage.world().conf("rserver.conf", rserver).start_in_vain()?;
        ensure!(!status.success() && wanted.iter().all(|word| said.contains(word)), "{wanted:?}: {said}");
        Ok(said)
    };
    // A key that others can read.
    let with_key = format!("{named}auth-saml-sp-encryption-key-path={}", private.display());
    let said = in_vain(&with_key, &["auth-saml-sp-encryption-key-path", "0600"])?;
    ensure!(!said.contains("PRIVATE"), "the key is in the log");
    // Who may write the provider's certificate would be anybody.
    fs::set_permissions(&certificate, fs::Permissions::from_mode(0o666))?;
    in_vain(&named, &["auth-saml-idp-sign-cert-path", "0644"])?;
    in_vain(&base, &["nothing says who the provider is"])?;
    // Without TLS, and without an address of ours.
    fs::set_permissions(&certificate, fs::Permissions::from_mode(0o644))?;
    in_vain(&named.replace("force-secure=1", "force-secure=0"), &["auth-cookies-force-secure"])?;
    in_vain(&named.replace("auth-saml-sp-base-uri=https://ide.example\n", ""), &["auth-saml-sp-base-uri"])?;
    Ok(())
}

//! Who is let in, and who isn't.

use anyhow::{Result, ensure};
use portcullis_model::proof::{BindAs, Failure, Step};
use portcullis_testing::Stage;
use portcullis_testing::servers::people::Person;
use portcullis_testing::servers::slapd::{Setup, Slapd, Way};

use super::method::{Conf, reader, way};

pub(super) fn success(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    for by in [Way::StartTls, Way::Ldaps, Way::Plain] {
        let lines = format!("{}{}", way(slapd, by), reader(slapd));
        let outcome = Conf::default().section("main", slapd, &lines).prove("lena", "Lena-Pass-1")?;
        let tls = outcome.count(|step| matches!(step, Step::Tls { checked: true, .. }));
        // Two connections: the service account's and the person's.
        ensure!(tls == if by == Way::Plain { 0 } else { 2 }, "{by:?}: {:?}", outcome.steps);
        let proven = outcome.proven()?;
        ensure!(proven.user == "lena" && proven.provider.to_string() == "ldap:main", "{proven:?}");
        // entryUUID is a text of 36 characters; its bytes are the id.
        ensure!(proven.unique.as_bytes().len() == 36, "{proven:?}");
        ensure!(proven.groups.is_empty() && proven.register, "{proven:?}");
    }
    Ok(())
}

pub(super) fn wrong(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let conf = Conf::usual(slapd, "");
    for (user, password) in [
        ("lena", "lena-pass-1"),
        ("lena", "Lena-Pass-1 "),
        ("nobody", "Lena-Pass-1"),
        ("reader", "Reader-Pass-1"),
    ] {
        let failure = conf.prove(user, password)?.refused()?;
        ensure!(failure == Failure::Credentials, "{user} {password}: {failure}");
    }
    Ok(())
}

pub(super) fn empty(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, anonymous: true, ..Setup::default() })?;
    let single = Conf::default().section("main", &slapd, &way(&slapd, Way::StartTls));
    for conf in [Conf::usual(&slapd, ""), single] {
        let outcome = conf.prove("lena", "")?;
        ensure!(outcome.count(|step| matches!(step, Step::Connected { .. })) == 0, "{:?}", outcome.steps);
        ensure!(outcome.refused()? == Failure::Credentials);
    }
    // A service account without a password is no service account.
    let without = Conf::usual(&slapd, "").file("main/bind-password-file", b"\n");
    ensure!(without.method().is_err(), "an empty bind-password-file is taken");
    Ok(())
}

pub(super) fn locked(_: &Stage) -> Result<()> {
    let conf = Conf::usual(Slapd::shared()?, "");
    ensure!(conf.prove("locked", "Locked-Pass-1")?.refused()? == Failure::Locked);
    Ok(())
}

pub(super) fn expired(_: &Stage) -> Result<()> {
    let conf = Conf::usual(Slapd::shared()?, "");
    for (user, password) in [("expired", "Expired-Pass-1"), ("renewed", "Renewed-Pass-1")] {
        let failure = conf.prove(user, password)?.refused()?;
        ensure!(failure == Failure::Expired, "{user}: {failure}");
        let failure = conf.prove(user, "wrong")?.refused()?;
        ensure!(failure == Failure::Credentials, "{user} with a wrong password: {failure}");
    }
    Ok(())
}

pub(super) fn single(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let conf = Conf::default().section("main", slapd, &way(slapd, Way::StartTls));
    let outcome = conf.prove("lena", "Lena-Pass-1")?;
    ensure!(outcome.count(|step| matches!(step, Step::Bind { who: BindAs::User, .. })) == 1);
    ensure!(outcome.count(|step| matches!(step, Step::Bind { who: BindAs::Service, .. })) == 0);
    ensure!(outcome.proven()?.user == "lena");
    for (user, password) in [("lena", "wrong"), ("nobody", "Lena-Pass-1"), ("lena,ou=people", "Lena-Pass-1")]
    {
        ensure!(conf.prove(user, password)?.refused()? == Failure::Credentials, "{user}");
    }
    ensure!(conf.prove("comma,plus+", "Comma-Pass-1")?.proven()?.user == "comma,plus+");
    // What the template is, is what is bound as.
    let other = conf.clone().with("user-dn-template", &format!("cn={{user}},ou=services,{}", slapd.suffix()));
    let failure = other.prove("reader", "Reader-Pass-1")?.refused()?;
    ensure!(failure == Failure::Credentials, "the service account is no person: {failure}");
    Ok(())
}

pub(super) fn anonymous(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, anonymous: true, ..Setup::default() })?;
    let lines = format!("{}anonymous-bind=1\n", way(&slapd, Way::StartTls));
    let conf = Conf::default().section("main", &slapd, &lines);
    ensure!(conf.prove("lena", "Lena-Pass-1")?.proven()?.user == "lena");
    ensure!(conf.prove("lena", "wrong")?.refused()? == Failure::Credentials);
    // A directory that lets nobody search says so, and it is nobody's wrong password.
    let shared = Slapd::shared()?;
    let lines = format!("{}anonymous-bind=1\n", way(shared, Way::StartTls));
    let failure = Conf::default().section("main", shared, &lines).prove("lena", "Lena-Pass-1")?.refused()?;
    ensure!(failure.word() == "configuration", "{failure}");
    Ok(())
}

pub(super) fn service(_: &Stage) -> Result<()> {
    let conf = Conf::usual(Slapd::shared()?, "").file("main/bind-password-file", b"wrong\n");
    let failure = conf.prove("lena", "Lena-Pass-1")?.refused()?;
    ensure!(failure.word() == "configuration", "{failure}");
    // Only the first line of the file counts, whatever its end.
    let conf = Conf::usual(Slapd::shared()?, "").file("main/bind-password-file", b"Reader-Pass-1\r\nmore\n");
    conf.prove("lena", "Lena-Pass-1")?.proven()?;
    Ok(())
}

pub(super) fn filtered(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let conf = Conf::usual(slapd, "user-filter=(&(objectClass=posixAccount)(!(uid=lena)))\n");
    ensure!(conf.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Credentials);
    ensure!(conf.prove("lonely", "Lonely-Pass-1")?.proven()?.user == "lonely");
    let single = Conf::default().section(
        "main",
        slapd,
        &format!("{}user-filter=(!(uid=lena))\n", way(slapd, Way::StartTls)),
    );
    ensure!(single.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Credentials);
    ensure!(single.prove("lonely", "Lonely-Pass-1")?.proven()?.user == "lonely");
    Ok(())
}

pub(super) fn profile(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let more = "email-attribute=mail\nfirst-name-attribute=givenName\nrole-attribute=employeeType\n\
                register-on-first-login=0\n";
    let person = Person::new("tess", "Tess", "Titled", "Tess-Pass-1", 30_100);
    let name = slapd.person(&person)?;
    slapd.modify(&format!(
        "dn: {name}\nchangetype: modify\nadd: employeeType\nemployeeType: publisher\nemployeeType: viewer\n"
    ))?;
    let proven = Conf::usual(slapd, more).prove("tess", "Tess-Pass-1")?.proven()?;
    let attributes = &proven.attributes;
    ensure!(attributes.first.as_deref() == Some("Tess"), "{attributes:?}");
    ensure!(attributes.email.as_deref() == Some("30100@example.test"), "{attributes:?}");
    ensure!(attributes.last.is_none(), "nobody asked for it: {attributes:?}");
    ensure!(attributes.role_values == ["publisher", "viewer"], "{attributes:?}");
    ensure!(!proven.register, "register-on-first-login=0");
    Ok(())
}

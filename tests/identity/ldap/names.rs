//! Names: odd ones, hostile ones, the same ones twice.

use anyhow::{Result, ensure};
use portcullis_model::proof::{BindAs, Failure, Step};
use portcullis_testing::Stage;
use portcullis_testing::servers::ldif;
use portcullis_testing::servers::people::{self, Person, Standing};
use portcullis_testing::servers::slapd::{Setup, Slapd, Way};

use super::method::{Conf, reader, way};

/// Everybody is let in by their own password and named as the directory names them.
pub(super) fn odd(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let double = Conf::usual(slapd, "");
    let single = Conf::default().section("main", slapd, &way(slapd, Way::StartTls));
    for person in people::people().iter().filter(|person| person.standing == Standing::Good) {
        for conf in [&double, &single] {
            let proven = conf.prove(&person.uid, &person.password)?.proven()?;
            ensure!(proven.user == person.uid, "{}: {proven:?}", person.uid);
            ensure!(conf.prove(&person.uid, "wrong")?.refused()? == Failure::Credentials, "{}", person.uid);
        }
    }
    Ok(())
}

/// Names that would be everybody or somebody else if they were not escaped, with a password that is somebody's.
pub(super) fn injection(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let double = Conf::usual(slapd, "");
    let single = Conf::default().section("main", slapd, &way(slapd, Way::StartTls));
    for name in [
        "*",
        "l*",
        "lena*",
        "lena)(uid=*",
        "*)(uid=*",
        "lena)(|(uid=*",
        "*)(objectClass=*",
        "x)(|(uid=lena)",
        "lena)(&",
        "\\6cena",
        "lena\\",
        "lena\\2a",
        ")(uid=lena",
        "lena,ou=people",
        "lena+cn=Lena Ldap",
        "x,ou=people,dc=example,dc=test\\2cuid=lena",
        "uid=lena",
        "\"lena\"",
        "lena;x",
        "<lena>",
        "(uid=lena)",
        "!(uid=x)",
        "#04046c656e61",
    ] {
        for conf in [&double, &single] {
            let outcome = conf.prove(name, "Lena-Pass-1")?;
            let found = outcome.count(|step| matches!(step, Step::Entry { .. }));
            ensure!(found == 0, "{name}: {:?}", outcome.steps);
            let failure = outcome.refused()?;
            ensure!(failure == Failure::Credentials, "{name}: {failure}");
        }
        let outcome = double.prove(name, "Lena-Pass-1")?;
        ensure!(
            outcome.count(|step| matches!(step, Step::Bind { who: BindAs::User, .. })) == 0,
            "{name} was bound as somebody"
        );
    }
    for name in ["", " ", "a/b", "lena\0", "lena\n"] {
        let outcome = double.prove(name, "Lena-Pass-1")?;
        ensure!(outcome.count(|step| matches!(step, Step::Connected { .. })) == 0, "{name:?}");
        ensure!(outcome.refused()? == Failure::BadName, "{name:?}");
    }
    Ok(())
}

/// A directory compares names without case and in one form of Unicode; the account has the directory's spelling.
pub(super) fn unicode(_: &Stage) -> Result<()> {
    let conf = Conf::usual(Slapd::shared()?, "");
    for (typed, password, wanted) in [
        ("LENA", "Lena-Pass-1", "lena"),
        ("Lena", "Lena-Pass-1", "lena"),
        ("upper.case", "Upper-Pass-1", "Upper.Case"),
        ("JÜRGEN", "Jürgen-Paß-1", "jürgen"),
        // u with a diaeresis of its own (NFD).
        ("ju\u{308}rgen", "Jürgen-Paß-1", "jürgen"),
        ("李娜", "李娜-Pass-1", "李娜"),
    ] {
        let proven = conf.prove(typed, password)?.proven()?;
        ensure!(proven.user == wanted, "{typed}: {}", proven.user);
    }
    // Passwords are bytes, and have case.
    ensure!(conf.prove("jürgen", "jürgen-paß-1")?.refused()? == Failure::Credentials);
    ensure!(conf.prove("jürgen", "Ju\u{308}rgen-Paß-1")?.refused()? == Failure::Credentials);
    Ok(())
}

/// Two directories with a `lena` each: the password says which, in whatever order they are asked.
pub(super) fn duplicates(_: &Stage) -> Result<()> {
    let (main, other) = (Slapd::shared()?, Slapd::other()?);
    let section = |conf: Conf, name: &str, slapd: &Slapd| {
        conf.section(name, slapd, &format!("{}{}", way(slapd, Way::StartTls), reader(slapd)))
    };
    let one = section(section(Conf::default(), "main", main), "other", other);
    let two = section(section(Conf::default(), "other", other), "main", main);
    let mut ids = Vec::new();
    for conf in [&one, &two] {
        for (password, provider) in [("Lena-Pass-1", "ldap:main"), ("Other-Pass-1", "ldap:other")] {
            let proven = conf.prove("lena", password)?.proven()?;
            ensure!(proven.provider.to_string() == provider, "{password}: {proven:?}");
            ids.push((proven.provider, proven.unique));
        }
        ensure!(conf.prove("lena", "neither")?.refused()? == Failure::Credentials);
        ensure!(conf.prove("omar", "Omar-Pass-1")?.proven()?.provider.to_string() == "ldap:other");
    }
    ensure!(ids[0] == ids[2] && ids[1] == ids[3] && ids[0] != ids[1], "{ids:?}");
    Ok(())
}

/// Two entries of one directory are nobody, even with the right password of one: the next directory is asked.
pub(super) fn ambiguous(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    slapd.add(&ldif::entry(
        &format!("ou=more,ou=people,{}", slapd.suffix()),
        &[("objectClass", "organizationalUnit"), ("ou", "more")],
    ))?;
    let twin = Person::new("lena", "Lena", "Twin", "Lena-Pass-1", 30_200);
    let entry = people::entry_of(&twin, &format!("ou=more,ou=people,{}", slapd.suffix()));
    // Her name is made for people directly below the root.
    let entry = entry.replace("ou=people,ou=more", "ou=more");
    slapd.add(&entry)?;
    let conf = Conf::usual(&slapd, "");
    let outcome = conf.prove("lena", "Lena-Pass-1")?;
    ensure!(outcome.count(|step| matches!(step, Step::Bind { who: BindAs::User, .. })) == 0);
    ensure!(outcome.refused()? == Failure::Ambiguous);
    ensure!(conf.prove("lonely", "Lonely-Pass-1")?.proven()?.user == "lonely");
    let other = Slapd::other()?;
    let two = conf.section("other", other, &format!("{}{}", way(other, Way::StartTls), reader(other)));
    ensure!(two.prove("lena", "Other-Pass-1")?.proven()?.provider.to_string() == "ldap:other");
    ensure!(two.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Ambiguous);
    Ok(())
}

/// A directory that is down doesn't keep the people of another one out; whether the down one would have known somebody,
/// nobody learns.
pub(super) fn second(_: &Stage) -> Result<()> {
    let first = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let other = Slapd::other()?;
    let conf = Conf::usual(&first, "").section(
        "other",
        other,
        &format!("{}{}", way(other, Way::StartTls), reader(other)),
    );
    first.stop()?;
    ensure!(conf.prove("omar", "Omar-Pass-1")?.proven()?.provider.to_string() == "ldap:other");
    ensure!(conf.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Credentials);
    first.resume()?;
    ensure!(conf.prove("lena", "Lena-Pass-1")?.proven()?.provider.to_string() == "ldap:main");
    Ok(())
}

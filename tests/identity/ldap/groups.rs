//! Groups: of each kind, many, too many, and those whose members may come in.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use portcullis_model::proof::{Failure, Proven, Step};
use portcullis_testing::Stage;
use portcullis_testing::servers::slapd::{Setup, Slapd, Way};

use super::method::{Conf, groups, reader, way};

fn names(proven: &Proven) -> BTreeSet<&str> {
    proven.groups.iter().map(|group| group.name.as_str()).collect()
}

pub(super) fn kinds(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    // member, uniqueMember and memberUid in one search.
    let proven = Conf::usual(slapd, &groups(slapd)).prove("lena", "Lena-Pass-1")?.proven()?;
    ensure!(
        names(&proven) == BTreeSet::from(["analysts", "devs", "portcullis-users", "Größe (alle) *"]),
        "{:?}",
        proven.groups
    );
    ensure!(proven.groups.iter().all(|group| group.dn.is_some() && group.unique.is_some()));
    let none = Conf::usual(slapd, &groups(slapd)).prove("lonely", "Lonely-Pass-1")?.proven()?;
    ensure!(none.groups.is_empty(), "{none:?}");
    // By the person's own attribute: slapd keeps it for groupOfNames alone.
    for more in
        ["group-membership=member-of\n", "group-membership=member-of\ngroup-unique-id-attribute=entryUUID\n"]
    {
        let conf = Conf::usual(slapd, &format!("{}{more}", groups(slapd)));
        let proven = conf.prove("lena", "Lena-Pass-1")?.proven()?;
        ensure!(
            names(&proven) == BTreeSet::from(["analysts", "Größe (alle) *"]),
            "{more}{:?}",
            proven.groups
        );
    }
    // Single bind: with the person's own rights.
    let single =
        Conf::default().section("main", slapd, &format!("{}{}", way(slapd, Way::StartTls), groups(slapd)));
    ensure!(names(&single.prove("lena", "Lena-Pass-1")?.proven()?).len() == 4);
    Ok(())
}

pub(super) fn many(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    // 500 of memberUid, 500 of member, one of uniqueMember: two pages and one.
    let outcome = Conf::usual(slapd, &groups(slapd)).prove("many", "Many-Pass-1")?;
    let told = outcome.count(|step| matches!(step, Step::Group { .. }));
    let proven = outcome.proven()?;
    ensure!(proven.groups.len() == 1001 && told == 1001, "{} groups, {told} told", proven.groups.len());
    ensure!(names(&proven).contains("team500") && names(&proven).contains("role001"));
    let by_attribute = Conf::usual(slapd, &format!("{}group-membership=member-of\n", groups(slapd)));
    let proven = by_attribute.prove("many", "Many-Pass-1")?.proven()?;
    ensure!(proven.groups.len() == 500, "{} groups by memberOf", proven.groups.len());
    Ok(())
}

pub(super) fn too_many(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 520, ..Setup::default() })?;
    // 1,041 groups: one more than a shortened list could be trusted with.
    let failure = Conf::usual(&slapd, &groups(&slapd)).prove("many", "Many-Pass-1")?.refused()?;
    ensure!(matches!(&failure, Failure::Protocol(text) if text.contains("groups")), "{failure}");
    Conf::usual(&slapd, &groups(&slapd)).prove("lena", "Lena-Pass-1")?.proven()?;
    Ok(())
}

pub(super) fn limited(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 30, size_limit: Some(20), ..Setup::default() })?;
    let conf = Conf::usual(&slapd, &groups(&slapd));
    let failure = conf.prove("many", "Many-Pass-1")?.refused()?;
    ensure!(matches!(failure, Failure::Protocol(_)), "{failure}");
    conf.prove("lena", "Lena-Pass-1")?.proven()?;
    Ok(())
}

pub(super) fn permitted(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let conf = |rules: &[&str]| {
        let rules: String = rules.iter().map(|rule| format!("permitted-login-group={rule}\n")).collect();
        Conf::usual(slapd, &format!("{}{rules}", groups(slapd)))
    };
    let dn = format!("CN=Analysts, ou=roles,{}", slapd.suffix());
    for rules in [&["analysts"][..], &["DEVS"], &["portcullis-users"], &["nobodies", "devs"], &[&dn]] {
        ensure!(conf(rules).prove("lena", "Lena-Pass-1")?.proven()?.user == "lena", "{rules:?}");
        let failure = conf(rules).prove("lonely", "Lonely-Pass-1")?.refused()?;
        ensure!(failure == Failure::NotPermitted, "{rules:?}: {failure}");
        ensure!(conf(rules).prove("lonely", "wrong")?.refused()? == Failure::Credentials, "{rules:?}");
    }
    for rules in [&["nobodies"][..], &["*"], &["cn=analysts,ou=elsewhere,dc=example,dc=test"], &["analyst"]] {
        let failure = conf(rules).prove("lena", "Lena-Pass-1")?.refused()?;
        ensure!(failure == Failure::NotPermitted, "{rules:?}: {failure}");
    }
    // The right password of somebody who is not permitted is not tried elsewhere.
    let other = Slapd::other()?;
    let two = conf(&["nobodies"]).section(
        "other",
        other,
        &format!("{}{}{}", way(other, Way::StartTls), reader(other), groups(other)),
    );
    let outcome = two.prove("lena", "Lena-Pass-1")?;
    ensure!(outcome.count(|step| matches!(step, Step::Provider { .. })) == 1);
    ensure!(outcome.refused()? == Failure::NotPermitted);
    Ok(())
}

/// The person's DN stands in the filter for groups.
pub(super) fn odd(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    for (at, uid) in ["star*", "paren(s)", "comma,plus+", "back\\slash", "o'neil", "李娜"].iter().enumerate()
    {
        let member = portcullis_testing::servers::ldif::line("member", &slapd.person_name(uid));
        slapd.add(&format!(
            "dn: cn=odd{at},ou=roles,{}\nobjectClass: groupOfNames\ncn: odd{at}\n{member}",
            slapd.suffix()
        ))?;
        let people = portcullis_testing::servers::people::people();
        let password = people.iter().find(|person| person.uid == *uid).map(|person| person.password.clone());
        let conf = Conf::usual(&slapd, &groups(&slapd));
        let proven = conf.prove(uid, &password.unwrap_or_default())?.proven()?;
        ensure!(
            names(&proven) == BTreeSet::from([format!("odd{at}").as_str()]),
            "{uid}: {:?}",
            proven.groups
        );
    }
    Ok(())
}

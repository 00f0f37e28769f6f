//! Groups of a directory on several machines: a flag that is such a group's holds wherever its people go.

use std::fs;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::ldif;
use portcullis_testing::servers::people::Standing;
use portcullis_testing::servers::postgres::Postgres;
use portcullis_testing::servers::slapd::{Setup, Slapd};
use portcullis_testing::{Stage, case, place, process, until};

use super::super::ldap;
use super::super::sync::may;
use super::{Pair, at, ended_by, honoured, on};

pub(super) fn all() -> Vec<Trial> {
    vec![case("identity::daemon::two::a_directory_s_group_gives_and_denies_on_the_other_machine", groups)]
}

fn groups(stage: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let database = Postgres::shared()?.database()?;
    let name = format!("role{}", place::next_number());
    let world = || -> Result<_> {
        let mut world = on(stage, &database, "auth-ldap=1\nprovider-groups=1")?;
        world.set("rsession.conf", "allow-shell=0")?;
        fs::write(world.config_dir().join("profiles"), format!("[@{name}]\nallow-shell=1\n"))?;
        fs::write(world.config_dir().join("ldap.conf"), ldap::section("main", &slapd, "")?)?;
        world.launch()?;
        Ok(world)
    };
    let pair = Pair { a: world()?, b: world()? };
    let inside = ldap::person(&pair.a, &slapd, Standing::Good)?;
    let outside = ldap::person(&pair.a, &slapd, Standing::Good)?;
    let dn = format!("cn={name},ou=groups,{}", slapd.suffix());
    let (member, reader) = (slapd.person_name(&inside.name), slapd.reader());
    slapd.add(&ldif::entry(
        &dn,
        &[("objectClass", "groupOfNames"), ("cn", &name), ("member", &member), ("member", &reader)],
    ))?;
    for (account, wanted) in [(&inside, true), (&outside, false)] {
        let here = pair.a.client()?;
        here.sign_in(&account.name, ldap::PASSWORD)?;
        let there = at(&pair.b, &here)?;
        honoured(&[&there])?;
        // Known there by the database alone.
        let id = there.start_session(30)?;
        ensure!(may(&there, &id)? == wanted, "{wanted} where they came in, otherwise on the other machine");
        ended_by(&pair.b, &["revoke", &account.name], |told| told)?;
        until::is("the session is over", 30, || process::of_user(account.uid).is_empty())?;
    }
    Ok(())
}

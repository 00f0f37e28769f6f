//! People of a directory who are signed in while it says something else of them, or nothing.

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::account::{self, Account};
use portcullis_testing::servers::ldif;
use portcullis_testing::servers::people::Standing;
use portcullis_testing::servers::slapd::{Setup, Slapd};
use portcullis_testing::{Client, Stage, World, place, process, until};

use super::super::ask::{exits, json, portcullis, said};
use super::super::ldap;
use super::{may, until_may};

/// Has people looked up until everybody was: a directory may be slow, and an answer comes after some seconds whoever is left.
fn synced(world: &World, users: &[&str]) -> Result<serde_json::Value> {
    until::some("everybody is looked up", 60, || {
        let output = portcullis(world, &[&["users", "sync", "--json"][..], users].concat())?;
        let synced = serde_json::from_slice::<serde_json::Value>(&output.stdout).ok();
        let whole = |synced: &serde_json::Value| synced["left"] == 0 && synced["unreachable"] == 0;
        let synced = synced.filter(whole);
        ensure!(synced.is_none() || output.status.success(), "{:?}: {}", output.status, said(&output));
        Ok(synced)
    })
}

/// A directory, somebody of it in this group, and a world that has both.
fn with_directory(stage: &Stage, slapd: &Slapd, more: &str) -> Result<(World, Account, Client, String)> {
    let name = format!("role{}", place::next_number());
    let portcullis = format!("auth-ldap=1\nprovider-groups=1\n{more}").replace("GROUP", &name);
    let world = stage
        .world()
        .conf("portcullis.conf", &portcullis)
        .conf("rsession.conf", "allow-shell=0")
        .file("profiles", &format!("[@{name}]\nallow-shell=1\n"))
        .file("ldap.conf", &ldap::section("main", slapd, "")?)
        .start()?;
    // The first account is an administrator, whatever groups say.
    let first = ldap::person(&world, slapd, Standing::Good)?;
    world.client()?.sign_in(&first.name, ldap::PASSWORD)?;
    let account = ldap::person(&world, slapd, Standing::Good)?;
    let member = slapd.person_name(&account.name);
    let dn = format!("cn={name},ou=groups,{}", slapd.suffix());
    let reader = slapd.reader();
    slapd.add(&ldif::entry(
        &dn,
        &[("objectClass", "groupOfNames"), ("cn", &name), ("member", &member), ("member", &reader)],
    ))?;
    let client = world.client()?;
    client.sign_in(&account.name, ldap::PASSWORD)?;
    Ok((world, account, client, name))
}

pub(super) fn groups(stage: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let roles = "user-role-mapping=groups\npublisher-role-groups=GROUP";
    let (world, dora, client, name) = with_directory(stage, &slapd, roles)?;
    world.log.expect("an identity is lost");
    let id = client.start_session(30)?;
    ensure!(may(&client, &id)?, "the directory's group gives nothing");
    let role = || -> Result<String> {
        let all = json(&world, &["users", "list"], 0)?;
        let rows = all.as_array().context("no list")?;
        let row = rows.iter().find(|row| row["username"] == dora.name.as_str()).context("no account")?;
        Ok(row["role"].as_str().unwrap_or_default().to_owned())
    };
    ensure!(role()? == "publisher", "{}", role()?);
    // Nothing changed: nothing is said, and the directory's groups are there still.
    let same = synced(&world, &[&dora.name])?;
    ensure!(same["same"] == 1 && same["changed"] == 0 && same["ended"] == 0, "{same}");
    ensure!(may(&client, &id)? && world.count_audit("membership-changed", &[])? == 0, "something changed");
    slapd.modify(&format!(
        "dn: cn={name},ou=groups,{}\nchangetype: modify\ndelete: member\nmember: {}\n",
        slapd.suffix(),
        slapd.person_name(&dora.name)
    ))?;
    // By this look, or by one just before: other tests change the machine's files.
    let looked = synced(&world, &[&dora.name])?;
    ensure!(looked["ended"] == 0, "{looked}");
    let took = until_may(&client, &id, false)?;
    println!("gone {} ms after the answer", took.as_millis());
    until::some("the role is the other", 5, || Ok((role()? == "viewer").then_some(())))?;
    world.await_audit("membership-changed", &[("user", &dora.name), ("gone", &name)], 5)?;
    world.await_audit("account-changed", &[("user", &dora.name), ("what", "role"), ("by", "sync")], 5)?;
    ensure!(client.is_signed_in()?, "put out");
    // The directory has them no more.
    slapd.modify(&format!("dn: {}\nchangetype: delete\n", slapd.person_name(&dora.name)))?;
    let looked = synced(&world, &[])?;
    ensure!(looked["same"] == 1, "{looked}");
    until::some("it is over", 5, || Ok((!client.is_signed_in()?).then_some(())))?;
    until::is("no process is left", 5, || process::of_user(dora.uid).is_empty())?;
    let lost = world.await_audit("identity-lost", &[("user", &dora.name)], 5)?;
    ensure!(lost["why"].as_str().is_some_and(|why| why.starts_with("gone:")), "{lost}");
    ensure!(exits(&world, &["users", "sync", "nobody-of-this-name"], 0)?.starts_with("nobody"), "somebody");
    Ok(())
}

pub(super) fn down(stage: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let (world, dora, client, _) = with_directory(stage, &slapd, "")?;
    let id = client.start_session(30)?;
    ensure!(may(&client, &id)?, "the directory's group gives nothing");
    slapd.stop()?;
    let in_vain = || {
        until::some("it is asked in vain", 30, || {
            let told = json(&world, &["users", "sync", &dora.name], 1)?;
            ensure!(told["same"] == 0 && told["changed"] == 0 && told["ended"] == 0, "{told}");
            Ok((told["unreachable"] == 1).then_some(()))
        })
    };
    in_vain()?;
    // What the machine's files say does not count without it either: nobody is cut by halves.
    account::shadow("usermod", &["-c", "Other Name", &dora.name])?;
    in_vain()?;
    ensure!(client.is_signed_in()? && may(&client, &id)?, "something changed");
    ensure!(world.count_audit("membership-changed", &[])? == 0, "something changed");
    slapd.resume()?;
    until::some("the directory is asked again", 10, || {
        let output = portcullis(&world, &["users", "sync", &dora.name])?;
        Ok((output.status.code() == Some(0)).then_some(()))
    })?;
    ensure!(client.is_signed_in()? && may(&client, &id)?, "something changed");
    Ok(())
}

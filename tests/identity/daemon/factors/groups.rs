//! A group that only a directory knows: whoever is in it keeps the last second factor, and it is theirs again when they leave.

use anyhow::{Result, ensure};
use portcullis_testing::servers::ldif;
use portcullis_testing::servers::people::Standing;
use portcullis_testing::servers::slapd::Slapd;
use portcullis_testing::{Client, Response, Stage, place};

use super::{enrol, hidden, html};
use crate::daemon::ask::json;
use crate::daemon::ldap;

/// Presses the first button that removes one.
fn removes(client: &Client) -> Result<Response> {
    let page = html(client, "/account/factors")?;
    if page.status == 429 {
        return Ok(page);
    }
    let page = page.expect(200)?.text();
    let (token, factor) = (hidden(&page, "token")?, hidden(&page, "factor")?);
    client.post("/account/factors/remove", &[("token", &token), ("factor", &factor)])
}

pub(super) fn last(stage: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let name = format!("factor{}", place::next_number());
    let world = stage
        .world()
        .conf("portcullis.conf", &format!("auth-ldap=1\nfactor-required-groups={name}"))
        .file("ldap.conf", &ldap::section("main", slapd, "")?)
        .start()?;
    let (ann, ben) =
        (ldap::person(&world, slapd, Standing::Good)?, ldap::person(&world, slapd, Standing::Good)?);
    let (dn, member) = (format!("cn={name},ou=groups,{}", slapd.suffix()), slapd.person_name(&ann.name));
    let reader = slapd.reader();
    slapd.add(&ldif::entry(
        &dn,
        &[("objectClass", "groupOfNames"), ("cn", &name), ("member", &member), ("member", &reader)],
    ))?;
    // Who is in no such group does with theirs what they like.
    let other = world.client()?;
    other.sign_in(&ben.name, ldap::PASSWORD)?;
    enrol(&other)?;
    removes(&other)?.expect(303)?;
    world.await_audit("factor-removed", &[("user", &ben.name)], 5)?;

    let client = world.client()?;
    client.sign_in(&ann.name, ldap::PASSWORD)?;
    world.await_audit("sign-in", &[("user", &ann.name), ("factor", "to-enrol")], 5)?;
    enrol(&client)?;
    let refused = removes(&client)?.expect(409)?.text();
    ensure!(refused.contains("a group of yours needs a second factor"), "{refused}");
    ensure!(world.count_audit("factor-removed", &[("user", &ann.name)])? == 0, "it is gone");
    let asked = world.client()?.try_sign_in(&ann.name, ldap::PASSWORD)?.expect(200)?.text();
    ensure!(asked.contains("one-time-code"), "it is asked for no more: {asked}");

    slapd.modify(&format!("dn: {dn}\nchangetype: modify\ndelete: member\nmember: {member}\n"))?;
    let synced = json(&world, &["users", "sync", &ann.name], 0)?;
    ensure!(synced["left"] == 0 && synced["unreachable"] == 0 && synced["ended"] == 0, "{synced}");
    // What the look found is written behind it.
    portcullis_testing::until::some("the group is left", 30, || {
        let answer = removes(&client)?;
        Ok(if matches!(answer.status, 409 | 429) { None } else { Some(answer.expect(303)?) })
    })?;
    world.await_audit("factor-removed", &[("user", &ann.name), ("by", &ann.name)], 5)?;
    world.client()?.sign_in(&ann.name, ldap::PASSWORD)
}

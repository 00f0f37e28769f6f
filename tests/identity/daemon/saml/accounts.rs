//! Whom an answer names, and whose account that is.

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::{Stage, account};

use super::{answer, denied, goes, key, lets_nobody_in, posts, world};

pub(super) fn stay_out(stage: &Stage) -> Result<()> {
    let key = key()?;
    let world = world(stage, &key, "", "")?;
    let locked = account::create("slocked", &["--expiredate", "2020-01-01"])?;
    let known = world.account("sknown")?;
    let capital = format!("S{}", &known.name[1..]);
    let umlaut = known.name.replacen('s', "\u{17f}", 1);
    for (name, reason) in [
        (locked.name.as_str(), "account"),
        ("root", "not-permitted"),
        (capital.as_str(), "bad-name"),
        // A small letter, and nobody's here.
        (umlaut.as_str(), "account"),
        ("../../etc", "bad-name"),
        ("*)(uid=*", "bad-name"),
        ("x' OR '1'='1", "bad-name"),
        ("-oProxyCommand=x", "bad-name"),
    ] {
        let client = world.client()?;
        let (request, state) = goes(&client)?;
        let text = answer(name, Some(&request)).signed(&key)?;
        denied(&world, reason, || lets_nobody_in(&posts(&client, &text, &state)?, 401))
            .with_context(|| format!("{name} is not denied for {reason}"))?;
        ensure!(!client.is_signed_in()?, "{name}");
    }
    let client = world.client()?;
    let (request, state) = goes(&client)?;
    let text = answer("nobodyhere", Some(&request)).signed(&key)?;
    let came = posts(&client, &text, &state)?;
    ensure!(came.status != 303 && !client.is_signed_in()?, "{}", came.text());
    // Two names are two people: nobody.
    let (request, state) = goes(&client)?;
    let mut two = answer(&known.name, Some(&request));
    two.attributes = vec![("Username".into(), vec![known.name.clone(), "root".into()])];
    denied(&world, "credentials", || lets_nobody_in(&posts(&client, &two.signed(&key)?, &state)?, 401))?;
    // Somebody else at the provider who comes to the same account is not that person.
    let (request, state) = goes(&client)?;
    posts(&client, &answer(&known.name, Some(&request)).signed(&key)?, &state)?.expect(303)?;
    let other = world.client()?;
    let (request, state) = goes(&other)?;
    let mut double = answer(&known.name, Some(&request));
    double.name_id = "somebody-else@example.test".into();
    denied(&world, "not-permitted", || lets_nobody_in(&posts(&other, &double.signed(&key)?, &state)?, 401))
}

pub(super) fn rewritten(stage: &Stage) -> Result<()> {
    let key = key()?;
    let rule =
        "auth-saml-sp-attribute-username=NameID\nauth-user-rewrite-rule=^(.*)@example\\.test$ \\L$1\\E";
    let world = world(stage, &key, rule, "")?;
    let ada = world.account("srule")?;
    let client = world.client()?;
    let (request, state) = goes(&client)?;
    let text = answer(&ada.name.to_uppercase(), Some(&request)).signed(&key)?;
    posts(&client, &text, &state)?.expect(303)?;
    world.await_audit("sign-in", &[("user", &ada.name), ("method", "saml")], 5)?;
    ensure!(client.is_signed_in()?);
    Ok(())
}

pub(super) fn many(stage: &Stage) -> Result<()> {
    let key = key()?;
    let own = "user-role-mapping=groups\npublisher-role-groups=group-499";
    let world = world(stage, &key, "auth-saml-sp-attribute-groups=Groups", own)?;
    let in_groups = |user: &str, groups: Vec<String>| {
        let client = world.client()?;
        let (request, state) = goes(&client)?;
        let mut answer = answer(user, Some(&request));
        answer.attributes.push(("Groups".into(), groups));
        posts(&client, &answer.signed(&key)?, &state)
    };
    let groups = |count: usize| (0..count).map(|number| format!("group-{number:03}")).collect::<Vec<_>>();
    // The first account is an administrator whatever its groups.
    let (first, ada) = (world.account("sfirst")?, world.account("smany")?);
    in_groups(&first.name, groups(1))?.expect(303)?;
    in_groups(&ada.name, groups(500))?.expect(303)?;
    world.await_audit("account-created", &[("user", &ada.name), ("role", "publisher")], 5)?;
    // More than anybody has is nobody, and never a shorter list.
    let bob = world.account("smore")?;
    denied(&world, "system", || lets_nobody_in(&in_groups(&bob.name, groups(1025))?, 503))
}

//! Whose lines in the machine's files of accounts change is looked up, and nobody else.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::account::{self, Account};
use portcullis_testing::{Client, Stage, World, case, place, until};
use serde_json::Value;

use super::two::done;

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::sync_few::strangers_are_no_reason_to_look_anybody_up", strangers),
        case("identity::daemon::sync_few::each_line_that_is_about_somebody_has_them_looked_up", own),
        case(
            "identity::daemon::sync_few::what_changes_to_and_fro_is_as_the_files_say_in_the_end",
            to_and_fro,
        ),
    ]
}

/// A group of this test's own.
fn group() -> Result<String> {
    let name = format!("few{}", place::next_number());
    account::shadow("groupadd", &[&name])?;
    Ok(name)
}

/// A world that counts looks, and how many there were.
fn counting(stage: &Stage) -> Result<(World, impl Fn() -> Result<u64> + use<>)> {
    let at = portcullis_testing::servers::free_address()?;
    let metrics = format!("metrics-enabled=1\nmetrics-port={}", at.port());
    let world = stage.world().conf("rserver.conf", &metrics).start()?;
    let looks = move || -> Result<u64> {
        let text = Client::new(at).get("/metrics")?.expect(200)?.text();
        let lines = text.lines().filter(|line| line.starts_with("portcullis_membership_checks_total{"));
        lines.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<u64>()?)).sum()
    };
    Ok((world, looks))
}

/// Somebody; the look that follows a sign-in while these files change is over.
fn signed_in(world: &World, stem: &str, more: &[&str]) -> Result<(Account, Client)> {
    let account = world.account_with(stem, more)?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    done(world, &["users", "sync", &account.name])?;
    Ok((account, client))
}

/// Changes of this group that are recorded of somebody: what was taken from them, or given to them.
fn changes(world: &World, user: &str, what: &str, group: &str) -> Result<Vec<Value>> {
    let all = world.audit()?;
    let named =
        |one: &Value| one[what].as_str().is_some_and(|names| names.split(',').any(|name| name == group));
    let its = |one: &Value| one["event"] == "membership-changed" && one["user"] == user && named(one);
    Ok(all.into_iter().filter(its).collect())
}

/// Waits until there are so many; the last of them is by the files, and by no look that came along.
fn await_changes(world: &World, user: &str, what: &str, group: &str, count: usize) -> Result<()> {
    let all = until::some("the change is recorded", 30, || {
        Ok(Some(changes(world, user, what, group)?).filter(|all| all.len() >= count))
    })?;
    ensure!(all.len() == count, "{all:?}");
    ensure!(all.last().is_some_and(|one| one["by"] == "files"), "{all:?}");
    Ok(())
}

fn strangers(stage: &Stage) -> Result<()> {
    const TURNS: usize = 40;
    let (world, looks) = counting(stage)?;
    let group = group()?;
    let (ann, client) = signed_in(&world, "ann", &[])?;
    let (ben, other) = signed_in(&world, "ben", &[])?;
    // A look during which other tests change these files is made again, so that a turn may find more than its own; and what is
    // counted is told with some delay. So two turns after each other have to be of two looks each, and of no other.
    let (mut others, mut clean, mut found) = (0, 0, Vec::new());
    for turn in 1..=TURNS {
        for _ in 0..4 {
            account::create("stranger", &["-G", &group])?;
        }
        // Whatever those were a reason for comes before this, and it is about one person only.
        let (act, what) = if turn % 2 == 1 { ("-a", "new") } else { ("-d", "gone") };
        account::shadow("gpasswd", &[act, &ben.name, &group])?;
        await_changes(&world, &ben.name, what, &group, turn.div_ceil(2))?;
        // Waits for a look at her that is under way.
        done(&world, &["users", "sync", &ann.name])?;
        let least = 2 * u64::try_from(turn)? + others;
        let made =
            until::some("the looks are counted", 30, || Ok(Some(looks()?).filter(|made| *made >= least)))?;
        found.push(made - least);
        clean = if made == least { clean + 1 } else { 0 };
        others += made - least;
        if clean == 2 {
            break;
        }
    }
    println!("looks beside one's own: {found:?}");
    ensure!(clean == 2, "strangers are a reason to look: {found:?}");
    ensure!(client.is_signed_in()? && other.is_signed_in()?, "somebody was put out");
    ensure!(world.count_audit("membership-changed", &[("user", &ann.name)])? == 0, "something changed");
    Ok(())
}

fn own(stage: &Stage) -> Result<()> {
    let (world, looks) = counting(stage)?;
    world.log.expect("an identity is lost");
    let (group, other) = (group()?, format!("few{}", place::next_number()));
    let (ann, client) = signed_in(&world, "ann", &["-G", &group])?;
    // A group is called otherwise, whose line she is in, and the one that is her own by its number.
    account::shadow("groupmod", &["-n", &other, &group])?;
    await_changes(&world, &ann.name, "new", &other, 1)?;
    await_changes(&world, &ann.name, "gone", &group, 1)?;
    let renamed = format!("own{}", place::next_number());
    account::shadow("groupmod", &["-n", &renamed, &ann.name])?;
    await_changes(&world, &ann.name, "new", &renamed, 1)?;
    // Another own group.
    account::shadow("usermod", &["-g", &other, &ann.name])?;
    await_changes(&world, &ann.name, "gone", &renamed, 1)?;
    // What changes nothing of what is known is looked at, too.
    let before = looks()?;
    account::shadow("usermod", &["-c", "Other Name", &ann.name])?;
    until::some("somebody looks", 30, || Ok((looks()? > before).then_some(())))?;
    ensure!(client.is_signed_in()?, "put out");
    account::shadow("chage", &["-E", "0", &ann.name])?;
    until::some("it is over", 30, || Ok((!client.is_signed_in()?).then_some(())))?;
    let lost = world.await_audit("identity-lost", &[("user", &ann.name)], 30)?;
    ensure!(lost["by"] == "files", "{lost}");
    Ok(())
}

fn to_and_fro(stage: &Stage) -> Result<()> {
    let (world, _) = counting(stage)?;
    let (ours, last) = (group()?, group()?);
    let (ann, _client) = signed_in(&world, "ann", &["-G", &ours])?;
    let member = || -> Result<bool> {
        let (gone, new) =
            (changes(&world, &ann.name, "gone", &ours)?, changes(&world, &ann.name, "new", &ours)?);
        ensure!(gone.len() == new.len() || gone.len() == new.len() + 1, "{gone:?} {new:?}");
        Ok(gone.len() == new.len())
    };
    // Faster than the files are read: what is in them for a moment may be seen by a look, and not be left standing.
    for (number, ends_with) in ["-a", "-d", "-a"].into_iter().enumerate() {
        for _ in 0..6 {
            account::shadow("gpasswd", &["-d", &ann.name, &ours])?;
            account::shadow("gpasswd", &["-a", &ann.name, &ours])?;
        }
        if ends_with == "-d" {
            account::shadow("gpasswd", &["-d", &ann.name, &ours])?;
        }
        let wanted = ends_with == "-a";
        until::some("the groups are those of the files", 30, || Ok((member()? == wanted).then_some(())))?;
        // Behind it is nothing that was left over: the next change is the next that is recorded, and that one stays.
        account::shadow("gpasswd", &[if number % 2 == 0 { "-a" } else { "-d" }, &ann.name, &last])?;
        let what = if number % 2 == 0 { "new" } else { "gone" };
        await_changes(&world, &ann.name, what, &last, number / 2 + 1)
            .with_context(|| format!("after {number}"))?;
        ensure!(member()? == wanted, "what was in the files for a moment is left standing");
        if !wanted {
            account::shadow("gpasswd", &["-a", &ann.name, &ours])?;
            until::some("they are in it again", 30, || Ok(member()?.then_some(())))?;
        }
    }
    Ok(())
}

//! Guessing from elsewhere: it is slowed down, locks nobody out where they work, and the log says who it is, to people and to
//! fail2ban.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::account::Account;
use portcullis_testing::{Stage, World, case, stage, until};

/// Sign-ins that the launcher looks at in a second.
const LOOKED_AT: u32 = 100;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("guessing::a_thousand_failures_elsewhere_lock_nobody_out_at_home", at_home),
        case("guessing::fail2ban_finds_the_address_whatever_the_name_says", fail2ban),
    ]
}

/// Fails in this name from addresses that it never signed in from; returns how many were refused as too many.
fn attack(world: &World, account: &Account, times: u32) -> Result<usize> {
    for n in 0..times {
        let [.., low] = n.to_be_bytes();
        let client = world.client()?.at(Ipv4Addr::new(127, 1 + low % 50, low, 9));
        let answer = client.try_sign_in(&account.name, &format!("guess {n}"))?;
        ensure!(answer.status != 303 && answer.status < 504, "guess {n} got {}", answer.status);
    }
    let throttled = |said: &String| said.contains("reason=throttled") && said.contains(&account.name);
    world.log.settle();
    Ok(world.log.lines().iter().filter(|said| throttled(said)).count())
}

fn is_let_in(world: &World, account: &Account, from: Ipv4Addr) -> Result<bool> {
    let client = world.client()?.at(from);
    client.try_sign_in(&account.name, &account.password)?;
    client.is_signed_in()
}

/// Whether she is let in each time while more attempts come than the launcher looks at in a second.
fn through_a_flood(world: &World, alice: &Account, home: Ipv4Addr) -> Result<Vec<bool>> {
    let (over, sent) = (&AtomicBool::new(false), &AtomicU32::new(0));
    let flood = move || -> Result<()> {
        while !over.load(Ordering::Relaxed) {
            world.client()?.at(Ipv4Addr::new(127, 77, 0, 1)).try_sign_in(&alice.name, "guess")?;
            sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(flood)).collect();
        let mut last = (Instant::now(), 0);
        let flooded = until::is("more come in a second than are looked at", 120, || {
            let (passed, before) = (last.0.elapsed(), last.1);
            if passed < Duration::from_secs(1) {
                return false;
            }
            last = (Instant::now(), sent.load(Ordering::Relaxed));
            f64::from(last.1 - before) > 1.5 * f64::from(LOOKED_AT) * passed.as_secs_f64()
        });
        let let_in = flooded.and_then(|()| (0..5).map(|_| is_let_in(world, alice, home)).collect());
        over.store(true, Ordering::Relaxed);
        for one in running {
            one.join().expect("an attacker's thread ended")?;
        }
        let_in
    })
}

fn at_home(stage: &Stage) -> Result<()> {
    // One more guess fits in every five minutes. Were it five seconds, it would be hers from elsewhere now and then.
    let slow = "auth-sign-in-throttle-seconds=300";
    let world = stage.world().conf("portcullis.conf", "sign-in-failure-seconds=0");
    let mut world = world.conf("rserver.conf", slow).start()?;
    let (home, elsewhere) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 200, 0, 1));
    let (alice, open) = world.signed_in("alice")?;
    let session = open.start_session(30)?;
    ensure!(attack(&world, &alice, 1000)? > 50, "the attack was not slowed down");
    ensure!(!is_let_in(&world, &alice, elsewhere)?, "a name under attack is let in from anywhere");
    ensure!(through_a_flood(&world, &alice, home)? == [true; 5], "a flood keeps her out where she works");
    // Her page and her session, an act in them, and a new sign-in from where she works.
    ensure!(open.is_signed_in()?, "her open page is closed");
    ensure!(open.get(&format!("/s/{session}/api/me"))?.status == 200, "her session is gone");
    let other = open.start_session(30)?;
    ensure!(is_let_in(&world, &alice, home)?, "she is locked out where she works");
    for id in [session, other] {
        open.post(&format!("/sessions/{id}/stop"), &[])?;
        world.await_audit("session-ended", &[("session", &id)], 30)?;
    }
    // Without a sign-in that lives, the places alone are left to be known by.
    for record in world.audit()?.iter().filter(|record| record["event"] == "sign-in") {
        ensure!(record["user"] == alice.name.as_str(), "somebody else signed in: {record}");
    }
    crate::operations::exits(&world, &["revoke", &alice.name], 0)?;
    ensure!(!open.is_signed_in()?, "still signed in");
    world.stop(Signal::SIGQUIT)?;
    world.launch()?;
    attack(&world, &alice, 100)?;
    ensure!(!is_let_in(&world, &alice, elsewhere)?, "the attack was not slowed down after the restart");
    ensure!(is_let_in(&world, &alice, home)?, "the restart forgot where she works");
    // Who was never here has no place to be known by.
    let bob = world.account("bob")?;
    attack(&world, &bob, 20)?;
    ensure!(!is_let_in(&world, &bob, home)?, "a name under attack is let in where it never was");
    Ok(())
}

/// Names that want to look like the end of the name, like another line, like a place of fail2ban's expression.
const HOSTILE: [&str; 10] = [
    "alice",
    "x\" id=1 detail=\"y\" remote=198.51.100.1",
    "\\\" remote=198.51.100.2",
    "a\nINFO portcullis-launcher: refused sign-in remote=198.51.100.3 method=pam reason=credentials user=\"",
    "a\r\nNov 22 18:00:00 host portcullis-launcher[1]: INFO portcullis-launcher: refused sign-in remote=198.51.100.4",
    "refused sign-in remote=198.51.100.5 method=pam reason=credentials user=\"",
    "<HOST> 198.51.100.6 <ADDR>",
    "\u{2028}remote=198.51.100.7",
    "198.51.100.8",
    "%(x)s \u{202e}\u{1b}[2K",
];

fn fail2ban(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("portcullis.conf", "sign-in-failure-seconds=0").start()?;
    let somebody = world.account("amy")?;
    world.client()?.at(Ipv4Addr::new(127, 0, 1, 99)).sign_in(&somebody.name, &somebody.password)?;
    for (n, name) in (1..).zip(HOSTILE) {
        world.client()?.at(Ipv4Addr::new(127, 0, 1, n)).try_sign_in(name, "x")?;
    }
    let refused = |line: &String| line.starts_with("INFO portcullis-launcher: refused sign-in remote=");
    until::is("each refusal has its line", 10, || {
        world.log.lines().iter().filter(|line| refused(line)).count() == HOSTILE.len()
    })?;
    let lines = world.log.lines();
    for (n, line) in lines.iter().filter(|line| refused(line)).enumerate() {
        let rest = line.split_once("remote=").context("no address")?.1;
        ensure!(rest.starts_with(&format!("127.0.1.{} method=pam reason=", n + 1)), "{line}");
        ensure!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
    }
    // As a journal shows them, between lines of others that say the same.
    let at = "Nov 22 18:00:00 host";
    let theirs = lines.iter().map(|line| format!("{at} other[7]: {}", line.replace("127.0.1.", "127.0.2.")));
    let ours = lines.iter().map(|line| format!("{at} portcullis-launcher[7]: {line}"));
    let text: Vec<String> = theirs.chain(ours).collect();
    let found = found_by_fail2ban(world.folder(), &(text.join("\n") + "\n"))?;
    let expected: Vec<String> = (1..=HOSTILE.len()).map(|n| format!("127.0.1.{n}")).collect();
    ensure!(found == expected, "fail2ban would ban {found:?}");
    Ok(())
}

/// The addresses that the real program finds by our filter.
fn found_by_fail2ban(folder: &Path, log: &str) -> Result<Vec<String>> {
    let common = Path::new("/etc/fail2ban/filter.d/common.conf");
    if !common.exists() {
        return stage::skip("fail2ban is not installed on this machine");
    }
    let (config, file) = (folder.join("fail2ban"), folder.join("journal"));
    fs::create_dir_all(config.join("filter.d"))?;
    fs::copy(common, config.join("filter.d/common.conf"))?;
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/fail2ban/filter.d/portcullis.conf");
    fs::copy(filter, config.join("filter.d/portcullis.conf"))?;
    fs::write(&file, log)?;
    let mut command = Command::new("fail2ban-regex");
    command.arg("--config").arg(&config).args(["--out", "ip"]).arg(&file);
    let output = command.arg("portcullis[mode=normal, logtype=short]").output().context("fail2ban-regex")?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(said.lines().map(str::to_owned).collect())
}

//! Nobody learns from a refusal which accounts there are and what is the matter with them: not from its bytes, not from its time.
//!
//! Times are compared as distributions, each reason with each other, and a control shows that the comparison finds a difference
//! where there is one: the same world without the grid that refusals are told in.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::samples::chance_of_one_distribution;
use portcullis_testing::{Response, Stage, World, account, case, module, until};

use crate::operations::exits;

/// How often two of one distribution may be taken for two: once in a thousand runs of all comparisons together.
const ALPHA: f64 = 0.001;
/// Refusals of each reason: six browsers four times.
const BROWSERS: u8 = 6;
const ROUNDS: u8 = 4;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("refusals::no_reason_is_told_by_an_answers_bytes_or_its_time", alike),
        case("refusals::without_the_grid_the_comparison_finds_the_slower_one", control),
    ]
}

/// Somebody who is refused.
struct Refused {
    class: &'static str,
    name: String,
    password: String,
    /// What the audit log says.
    reason: &'static str,
}

/// A world with one account for each reason; PAM takes longer over one of them than over the others.
fn world(stage: &Stage, failure_seconds: u8) -> Result<(World, Vec<Refused>)> {
    account::shadow("groupadd", &["--force", "welcome"])?;
    let slow = account::create("wrong", &["--groups", "welcome"])?;
    let pam = format!(
        "auth required pam_unix.so nodelay\nauth optional {} slow={}\naccount required pam_unix.so\n",
        module::path()?,
        slow.name
    );
    let world = stage
        .world()
        .pam(&pam)
        .conf("portcullis.conf", &format!("sign-in-failure-seconds={failure_seconds}"))
        .conf("rserver.conf", "auth-required-user-group=welcome\nauth-sign-in-throttle-seconds=0")
        .start()?;
    // The first one is an administrator, whom nobody locks.
    let first = world.account_with("first", &["--groups", "welcome"])?;
    world.client()?.sign_in(&first.name, &first.password)?;
    let unix = world.account_with("unixl", &["--groups", "welcome"])?;
    account::shadow("usermod", &["--lock", &unix.name])?;
    let ours = world.account_with("oursl", &["--groups", "welcome"])?;
    world.client()?.sign_in(&ours.name, &ours.password)?;
    exits(&world, &["users", "lock", &ours.name], 0)?;
    let expired = world.account_with("expir", &["--groups", "welcome"])?;
    account::shadow("chage", &["--expiredate", "2020-01-01", &expired.name])?;
    let outside = world.account("outsi")?;
    let of = |class, name: &str, password: &str, reason| Refused {
        class,
        name: name.to_owned(),
        password: password.to_owned(),
        reason,
    };
    let all = vec![
        of("unknown", "nobody-of-this-name", "wrong", "credentials"),
        of("wrong password", &slow.name, "wrong", "credentials"),
        of("locked in Unix", &unix.name, &unix.password, "credentials"),
        of("locked here", &ours.name, &ours.password, "account"),
        of("expired", &expired.name, &expired.password, "account"),
        of("not permitted", &outside.name, &outside.password, "not-permitted"),
    ];
    Ok((world, all))
}

/// One refusal: what it said, without what differs by design, and the seconds it took.
fn refuse(world: &World, who: &Refused, from: Ipv4Addr) -> Result<(String, f64)> {
    let client = world.client()?.at(from);
    let since = Instant::now();
    let answer = client.try_sign_in(&who.name, &who.password)?;
    let took = since.elapsed().as_secs_f64();
    ensure!(answer.header("set-cookie").is_none(), "{} got a cookie", who.class);
    Ok((bytes(&answer, &who.name)?, took))
}

/// Status, headers and body, but for the id, the moment, and the name that the form has again, with the length of both.
fn bytes(answer: &Response, name: &str) -> Result<String> {
    let text = answer.text();
    let start = text.find("<code>").context("no id")? + "<code>".len();
    let length = text[start..].find("</code>").context("no id")?;
    let body = format!("{}ID{}", &text[..start], &text[start + length..]).replace(name, "NAME");
    let differs = |header: &str| ["date", "content-length"].contains(&header);
    let headers = answer.headers.iter().filter(|(header, _)| !differs(header));
    let headers: Vec<String> = headers.map(|(header, value)| format!("{header}: {value}")).collect();
    let length = text.len() - name.len() * text.matches(name).count();
    Ok(format!("{} {headers:?} {length} of id {length}\n{body}", answer.status))
}

/// What is said, and how long that takes. A quick machine has more sign-ins in a second than there may be: those aren't examined.
fn examined(world: &World, who: &Refused, from: Ipv4Addr) -> Result<(String, f64)> {
    until::some("it is examined", 30, || {
        let one = refuse(world, who, from)?;
        Ok((!one.0.starts_with("429 ")).then_some(one))
    })
}

/// The times of each class in these rounds, interleaved: each browser begins a round with another one, from an address that is its
/// own for it.
fn measure(world: &World, all: &[Refused], rounds: Range<u8>) -> Result<Vec<Vec<f64>>> {
    let expected = examined(world, &all[0], Ipv4Addr::new(127, 9, rounds.start, 1))?.0;
    let browser = |number: u8| -> Result<Vec<(usize, f64)>> {
        let mut times = Vec::new();
        for round in rounds.clone() {
            for turn in 0..all.len() {
                let class = (turn + usize::from(number) + usize::from(round)) % all.len();
                let from = Ipv4Addr::new(127, 10 + number, round, 1);
                let (said, took) = examined(world, &all[class], from)?;
                ensure!(said == expected, "{} is told:\n{said}\n{expected}", all[class].class);
                times.push((class, took));
            }
        }
        Ok(times)
    };
    let all_times: Result<Vec<_>> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..BROWSERS).map(|number| scope.spawn(move || browser(number))).collect();
        running.into_iter().map(|one| one.join().expect("a browser's thread ended")).collect()
    });
    let mut times = vec![Vec::new(); all.len()];
    for (class, took) in all_times?.into_iter().flatten() {
        times[class].push(took);
    }
    Ok(times)
}

/// The pair that differs most, and the chance that it doesn't.
fn most_different(all: &[Refused], times: &[Vec<f64>]) -> (String, f64) {
    let pairs = (0..all.len()).flat_map(|one| (one + 1..all.len()).map(move |other| (one, other)));
    let judged = pairs.map(|(one, other)| {
        let names = format!("{} and {}", all[one].class, all[other].class);
        (names, chance_of_one_distribution(&times[one], &times[other]))
    });
    judged.min_by(|one, other| one.1.total_cmp(&other.1)).unwrap_or_default()
}

/// Bonferroni: each of the comparisons may be wrong.
fn limit(all: &[Refused]) -> f64 {
    let pairs = u32::try_from(all.len() * (all.len() - 1) / 2).unwrap_or(u32::MAX);
    ALPHA / f64::from(pairs)
}

fn alike(stage: &Stage) -> Result<()> {
    let (world, all) = world(stage, 1)?;
    let times = measure(&world, &all, 0..ROUNDS)?;
    for who in &all {
        world.await_audit("sign-in-denied", &[("user", &who.name), ("reason", who.reason)], 5)?;
    }
    let (pair, chance) = most_different(&all, &times);
    eprintln!("refusals: {pair} differ most: chance {chance:.3}, rejected below {:.6}", limit(&all));
    ensure!(chance >= limit(&all), "{pair} are told apart by their time: {chance}\n{times:?}");
    Ok(())
}

fn control(stage: &Stage) -> Result<()> {
    let (world, all) = world(stage, 0)?;
    let mut times = measure(&world, &all, 0..ROUNDS)?;
    // The noisier the machine, the more of them it takes.
    for more in 1..10 {
        if most_different(&all, &times).1 < limit(&all) {
            break;
        }
        let more = measure(&world, &all, more * ROUNDS..(more + 1) * ROUNDS)?;
        times.iter_mut().zip(more).for_each(|(times, more)| times.extend(more));
    }
    let (pair, chance) = most_different(&all, &times);
    eprintln!("refusals without the grid: {pair} differ most: chance {chance:e}");
    ensure!(chance < limit(&all), "the comparison finds nothing: {pair} {chance}\n{times:?}");
    Ok(())
}

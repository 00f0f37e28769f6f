//! Sign-ins a second: through the whole daemon, and what PAM alone does with the same stack and the same accounts.
//!
//! PAM alone is measured in two ways: in a loop of a process that lives, which is the most that the stack can do; and in a process of
//! its own for each sign-in, as every service does that doesn't want to live with what a module leaves behind.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use portcullis_pam::{Answer, Cancelled, Conversation, Message, Request, Transaction};
use portcullis_testing::Account;
use portcullis_testing::stage::Stage;
use portcullis_testing::world::World;

use crate::report::{Bar, Row, Table};
use crate::{peers, stats};

/// Who signs in at the same time: twice the processors of the machine that is measured on, so that none of them waits.
const AT_ONCE: usize = 4;
/// Accounts of each of them, so that nobody has hundreds of sign-ins.
const ACCOUNTS: usize = 8;
/// The form of passwords that Debian makes.
const CRYPT: &str = "YESCRYPT";

/// How often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Turns of each way.
    pub(crate) turns: usize,
    /// Length of one.
    pub(crate) stretch: Duration,
}

/// Measures it.
///
/// # Errors
/// When somebody can't sign in.
pub(crate) fn measure(stage: &Stage, plan: Plan, bars: &mut Vec<Bar>) -> Result<Table> {
    let world = stage.world().start()?;
    let people = (0..AT_ONCE).map(|_| people(&world)).collect::<Result<Vec<_>>>()?;
    let service = world.pam_file().file_name().context("no service")?.to_string_lossy().into_owned();
    let ways = ["PAM alone, in a loop", "PAM alone, in a process each", "portcullis"];
    let mut samples = [const { Vec::new() }; 3];
    for turn in 0..=plan.turns {
        // Whoever is first in one turn is second in the next; the first turn is a warm-up.
        for step in 0..ways.len() {
            let at = (turn + step) % ways.len();
            let count = match at {
                2 => through(&world, &people, plan.stretch)?,
                _ => alone(&service, &people, at == 1, plan.stretch)?,
            };
            if turn > 0 {
                samples[at].push(count);
            }
        }
    }
    let ratio = |at: usize| stats::median_ratio(&samples[2], &samples[at]);
    bars.push(Bar::at_least("sign-ins a second, at least × PAM alone in a process each", 0.90, ratio(1)));
    let rows = ways.iter().enumerate().map(|(at, name)| Row {
        target: (*name).into(),
        figures: vec![
            Some(stats::median(samples[at].iter().copied())),
            (at == 2).then(|| ratio(0)),
            (at == 2).then(|| ratio(1)),
        ],
    });
    Ok(Table {
        title: "Sign-ins".into(),
        how: format!(
            "{AT_ONCE} at once sign in with name and password, the passwords in the form that Debian makes ({CRYPT}), by pam_unix: proof \
             and account. PAM alone: the same two steps of the same stack, in a loop of {AT_ONCE} processes that live, and in a process \
             that is started for each. Portcullis: the form is posted to the daemon, which starts a process for each, has the account \
             looked up in its database, writes the sign-in to its journal and to the audit log, and answers with a cookie."
        ),
        columns: ["sign-ins/s", "× PAM in a loop", "× PAM in a process each"].map(Into::into).into(),
        rows: rows.collect(),
    })
}

/// Accounts with passwords in the distribution's own form.
fn people(world: &World) -> Result<Vec<Account>> {
    let accounts = (0..ACCOUNTS).map(|_| world.account("sign")).collect::<Result<Vec<_>>>()?;
    let mut child = Command::new("chpasswd")
        .args(["--crypt-method", CRYPT])
        .stdin(Stdio::piped())
        .spawn()
        .context("chpasswd")?;
    child.stdin.take().context("no way in")?.write_all(lines(&accounts, ':').as_bytes())?;
    ensure!(child.wait()?.success(), "passwords can't be set");
    Ok(accounts)
}

fn lines(accounts: &[Account], between: char) -> String {
    accounts.iter().map(|account| format!("{}{between}{}\n", account.name, account.password)).collect()
}

/// Sign-ins a second through the daemon.
fn through(world: &World, people: &[Vec<Account>], stretch: Duration) -> Result<f64> {
    let one = |accounts: &[Account]| -> Result<f64> {
        let (began, mut count) = (Instant::now(), 0_u32);
        for account in accounts.iter().cycle() {
            if began.elapsed() >= stretch {
                break;
            }
            world.client()?.sign_in(&account.name, &account.password)?;
            count += 1;
        }
        Ok(f64::from(count) / began.elapsed().as_secs_f64())
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = people.iter().map(|accounts| scope.spawn(|| one(accounts))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    })
}

/// Sign-ins a second of PAM alone.
fn alone(service: &str, people: &[Vec<Account>], each: bool, stretch: Duration) -> Result<f64> {
    let seconds = stretch.as_secs_f64().to_string();
    let start = |accounts: &Vec<Account>| -> Result<Child> {
        let mut command = peers::service(std::env::current_exe()?);
        command.args(["--pam-peer", service, "--pam-seconds", &seconds]);
        command.args(each.then_some("--pam-each"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start myself")?;
        child.stdin.take().context("no way in")?.write_all(lines(accounts, '\t').as_bytes())?;
        Ok(child)
    };
    let running = people.iter().map(start).collect::<Result<Vec<_>>>()?;
    let per_second = |child: Child| -> Result<f64> {
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "PAM alone: {}", output.status);
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    };
    running.into_iter().map(per_second).sum()
}

/// The other side of [`alone`]: signs people in, whose names and passwords come by standard input, and prints how many a second.
/// For no time at all: one of them, once.
///
/// # Errors
/// When somebody is refused.
pub(crate) fn peer(service: &str, seconds: f64, each: bool) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let people: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('\t')).collect();
    if seconds == 0.0 {
        let &(user, password) = people.first().context("nobody")?;
        return sign_in(service, user, password);
    }
    let (began, mut count) = (Instant::now(), 0_u32);
    for &(user, password) in people.iter().cycle() {
        if began.elapsed().as_secs_f64() >= seconds {
            break;
        }
        if each {
            in_a_process(service, user, password)?;
        } else {
            sign_in(service, user, password)?;
        }
        count += 1;
    }
    println!("{}", f64::from(count) / began.elapsed().as_secs_f64());
    Ok(())
}

fn in_a_process(service: &str, user: &str, password: &str) -> Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command.args(["--pam-peer", service, "--pam-seconds", "0"]);
    let mut child = command.stdin(Stdio::piped()).spawn().context("cannot start myself")?;
    child.stdin.take().context("no way in")?.write_all(format!("{user}\t{password}\n").as_bytes())?;
    ensure!(child.wait()?.success(), "refused");
    Ok(())
}

/// Answers the one question.
struct Password<'a>(&'a str);

impl Conversation for Password<'_> {
    fn ask(&mut self, _: &[Message]) -> Result<Answer, Cancelled> {
        Ok(Answer::new(self.0.as_bytes().to_vec()))
    }
}

fn sign_in(service: &str, user: &str, password: &str) -> Result<()> {
    let request = Request { service, user, remote: Some("127.0.0.1"), tty: "portcullis", asking_user: None };
    let proven = || {
        let mut transaction = Transaction::begin(&request, Password(password))?;
        transaction.authenticate()?;
        transaction.account()
    };
    let answer: Result<(), portcullis_pam::Failure> = proven();
    if let Err(failure) = answer {
        bail!("PAM refuses: {failure}");
    }
    Ok(())
}

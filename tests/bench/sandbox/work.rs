//! The same work outside of any session and inside: programs started, a computation, files, connections, an import of many modules.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use portcullis_testing::{Account, Stage, World, account, place, until};
use tempfile::TempDir;

use super::Plan;
use super::ground::{self, Held};
use super::scripts::{COMPUTE, FILTER, MODULES, PACKAGE, RULE, TREE};
use super::tables::{Took, own_price, pieces, programs};
use super::unaudited::Unaudited;
use crate::report::{Bar, Table};

/// Programs and imports of one round: many of the batches in which programs are recorded (50 ms), and a tenth of a second and more.
pub(super) const PROGRAMS: u32 = 600;
const IMPORTS: u32 = 1;
/// Files of one round in memory: a tenth of a second too.
pub(super) const FILES: u32 = 2000;
/// Connections of one round: a tenth of a second again.
pub(super) const CONNECTIONS: u32 = 2000;

/// On the machine's own disk, where homes are; the namespaces' homes are in memory.
const DISK: &str = "/var/cache/portcullis";
/// After programs: what is written of them by then is not paid for by the next way.
const WRITTEN: Duration = Duration::from_millis(150);

/// A piece of work.
struct Order {
    text: String,
    /// How often it is done for one figure.
    times: u32,
    /// How many figures of it a round has: more where a bar is near.
    turns: u32,
    /// What is waited for afterwards.
    pause: Duration,
}

/// One of the ways.
struct Way {
    name: &'static str,
    work: BufReader<UnixStream>,
}

/// A session that a way is.
struct Session {
    name: &'static str,
    world: World,
    account: Account,
}

/// The double by itself.
struct Outside(Child);

impl Drop for Outside {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn measure(stage: &Stage, plan: &Plan<'_>, bars: &mut Vec<Bar>) -> Result<Vec<Table>> {
    let disk = homes()?;
    let new = |name, held, recorded| -> Result<Session> {
        let world = ground::start(stage, plan, held, recorded)?;
        let home = disk.path().join(format!("home-{}", place::next_number())).display().to_string();
        Ok(Session { name, account: world.account_with("work", &["--home-dir", &home])?, world })
    };
    let mut sessions = vec![
        new("session without the sandbox", Held::Nothing, false)?,
        new("sandbox, all flags", Held::Strict, false)?,
        new("sandbox, all flags, programs recorded", Held::Strict, true)?,
    ];
    let stranger = || {
        let home = disk.path().join(format!("home-{}", place::next_number())).display().to_string();
        account::create("out", &["--home-dir", &home])
    };
    let outside = stranger()?;
    // All but the last are as on a machine where nothing is audited.
    let mut unaudited: Vec<u32> = sessions[..2].iter().map(|session| session.account.uid).collect();
    unaudited.push(outside.uid);
    // ORDER: before any process of theirs is made; what runs already stays as it is.
    let _unaudited = Unaudited::new(&unaudited)?;

    let (way, _outside) = alone(&outside)?;
    let mut ways = vec![way];
    for session in &sessions {
        ways.push(session.start()?);
    }
    let orders = orders(plan);
    let mut samples = rounds(plan.rounds, &orders, &mut ways)?;
    let own = kernels_own(plan.rounds * 4, &mut ways[0])?;
    // ORDER: by itself, at the end: its rules would cost all that runs beside it.
    let refusals = Held::StrictWithRefusals;
    sessions.push(new("sandbox, all flags, programs and refusals recorded", refusals, true)?);
    let outside = stranger()?;
    let _unaudited = Unaudited::new(&[outside.uid])?;
    let (way, _outside_again) = alone(&outside)?;
    let mut ways = [way, sessions[sessions.len() - 1].start()?];
    let mut by_itself = rounds(plan.rounds.div_ceil(3), &orders, &mut ways)?;
    for (all, of_it) in samples.iter_mut().zip(&mut by_itself) {
        let its_outside = std::mem::take(&mut of_it[0]);
        all.push(std::mem::take(&mut of_it[1]));
        all.push(its_outside);
    }
    let names: Vec<&str> =
        std::iter::once("outside").chain(sessions.iter().map(|session| session.name)).collect();
    let work = &samples[1..];
    Ok(vec![programs(&names, &samples[0], bars), pieces(&names, work, bars), own_price(&own, work, bars)])
}

/// The orders, in the order of the tables' columns. What has a bar of two parts in a hundred takes a hundred turns: one by itself
/// is ten off on a machine that others use too.
fn orders(plan: &Plan<'_>) -> Vec<Order> {
    let order = |text, times, turns| Order { text, times, turns, pause: Duration::ZERO };
    let programs = order(format!("spawn {PROGRAMS} {}", plan.program.display()), 1, 1);
    let mut orders = vec![
        Order { pause: WRITTEN, turns: 2, ..programs },
        order(python(PACKAGE), 1, 8),
        order(python(TREE), 1, 8),
        order(format!("files {FILES} /dev/shm"), 1, 1),
        order(python(MODULES), IMPORTS, 1),
        order(format!("connections {CONNECTIONS}"), 1, 1),
    ];
    if let Some(numpy) = plan.numpy {
        let path = format!("import sys; sys.path.insert(0, {:?})", numpy.display().to_string());
        orders.push(order(python(&format!("{path}; {COMPUTE}")), 1, 8));
    }
    orders
}

fn python(script: &str) -> String {
    format!("run /usr/bin/python3\t-IBc\t{script}")
}

/// The tree of files outside, bare, with two rules of Landlock's, with a filter that lets everything pass, with both: what the
/// kernel asks for them, whoever sets them.
fn kernels_own(count: usize, outside: &mut Way) -> Result<[Vec<Took>; 4]> {
    let orders =
        ["", RULE, FILTER, &format!("{RULE}{FILTER}")].map(|before| python(&format!("{before}{TREE}")));
    let mut samples = [const { Vec::new() }; 4];
    for turn in 0..count {
        for at in turned(samples.len(), turn) {
            samples[at].push(outside.work(&orders[at])?);
        }
    }
    Ok(samples)
}

/// What each way took for each order in each round: a warm-up comes before them.
fn rounds(count: usize, orders: &[Order], ways: &mut [Way]) -> Result<Vec<Vec<Vec<Took>>>> {
    let mut samples = vec![vec![Vec::new(); ways.len()]; orders.len()];
    for round in 0..=count {
        for (order, samples) in orders.iter().zip(&mut samples) {
            for turn in 0..order.turns as usize {
                for at in turned(ways.len(), round * order.turns as usize + turn) {
                    let mut sum = Took::default();
                    for _ in 0..order.times {
                        let took = ways[at].work(&order.text)?;
                        sum = Took { wall: sum.wall + took.wall, cpu: sum.cpu + took.cpu };
                    }
                    std::thread::sleep(order.pause);
                    if round > 0 {
                        samples[at].push(sum);
                    }
                }
            }
        }
    }
    Ok(samples)
}

/// The ways in the order of one turn: each is first as often as any other, and comes as often before another as after it, or it
/// would always have what that one leaves to be done.
fn turned(ways: usize, turn: usize) -> impl Iterator<Item = usize> {
    let forward = turn % 2 == 0;
    (0..ways).map(move |step| {
        let step = if forward { step } else { ways - 1 - step };
        (turn / 2 + step) % ways
    })
}

impl Way {
    fn work(&mut self, order: &str) -> Result<Took> {
        self.work.get_mut().write_all(format!("{order}\n").as_bytes())?;
        let mut line = String::new();
        self.work.read_line(&mut line)?;
        let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [wall, cpu] = numbers[..] else { bail!("{}: {}", self.name, line.trim()) };
        Ok(Took { wall, cpu })
    }
}

impl Session {
    fn start(&self) -> Result<Way> {
        let client = self.world.client()?;
        client.sign_in(&self.account.name, &self.account.password)?;
        client.start_session(30)?;
        Ok(Way { name: self.name, work: connect(&self.account.home.join("work.sock"))? })
    }
}

/// A place for homes that goes away at the end.
fn homes() -> Result<TempDir> {
    let folder =
        tempfile::Builder::new().prefix("bench-").tempdir_in(DISK).context("cannot make a folder")?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

fn connect(socket: &Path) -> Result<BufReader<UnixStream>> {
    until::is("the double takes orders", 30, || socket.exists())?;
    Ok(BufReader::new(UnixStream::connect(socket).context("cannot reach the double")?))
}

/// The double as a program of the person's own, signed in as a session is.
fn alone(account: &Account) -> Result<(Way, Outside)> {
    let program: PathBuf = place::program("portcullis-double-ide");
    // Two processes: the kernel decides at its making whether a process is audited, so after the sign-in was said.
    let script = "echo \"$1\" > /proc/self/loginuid; shift; exec setsid --fork --wait \"$@\"";
    let child = Command::new("sh")
        .args(["-c", script, "sh", &account.uid.to_string()])
        .args(["setpriv", "--reuid", &account.name, "--regid", &account.name])
        .args(["--init-groups", "--no-new-privs", "--"])
        .arg(program)
        .arg(format!("--ServerApp.sock={}", account.home.join("ide.sock").display()))
        .arg("--double-work")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &account.home)
        .current_dir(&account.home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start the double")?;
    let child = Outside(child);
    Ok((Way { name: "outside", work: connect(&account.home.join("work.sock"))? }, child))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_everywhere_and_before_each_other_as_often_as_after_it() {
        let (mut places, mut before) = ([[0; 4]; 4], [[0; 4]; 4]);
        for turn in 0..8 {
            let order: Vec<usize> = turned(4, turn).collect();
            for (place, way) in order.iter().enumerate() {
                places[*way][place] += 1;
                order[..place].iter().for_each(|other| before[*other][*way] += 1);
            }
        }
        assert_eq!(places, [[2; 4]; 4]);
        for (one, other) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            assert_eq!(before[one][other], 4);
            assert_eq!(before[other][one], 4);
        }
    }
}

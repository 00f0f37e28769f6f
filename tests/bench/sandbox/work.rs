//! The same work outside of any session and inside: programs started, a computation, files, an import of many modules.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use portcullis_testing::{Account, Stage, account, place, until};

use super::Plan;
use super::ground::{self, Held};
use super::unaudited::Unaudited;
use crate::report::{Bar, Row, Table};
use crate::stats;

/// Microseconds that the record of programs may add to one.
const MORE_US: f64 = 60.0;
/// What "no measurable change" means.
const RATIO: f64 = 1.02;
/// Programs, files and imports of one round: a quarter of a second each.
const PROGRAMS: u32 = 300;
const FILES: u32 = 3000;
const IMPORTS: u32 = 2;

const MODULES: &str = "import asyncio, concurrent.futures, csv, ctypes, dataclasses, decimal, email.mime.text, fractions, \
    http.client, http.server, importlib.metadata, inspect, json, logging.handlers, multiprocessing.pool, pathlib, pdb, \
    pickle, platform, pprint, sqlite3, ssl, statistics, tarfile, tempfile, unittest.mock, urllib.request, uuid, \
    xml.dom.minidom, xml.etree.ElementTree, xmlrpc.client, zipfile";
const COMPUTE: &str = "import numpy; a = numpy.random.default_rng(1).random((400, 400)); [numpy.linalg.svd(a[:160, :160]) for _ in range(8)]; \
    [a @ a for _ in range(30)]; b = numpy.arange(4e6); [numpy.sqrt(b).sum() for _ in range(8)]";

/// One of the ways.
struct Way {
    name: &'static str,
    work: BufReader<UnixStream>,
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

const SESSIONS: [(&str, Held, bool); 3] = [
    ("session without the sandbox", Held::Nothing, false),
    ("sandbox, all flags", Held::Strict, false),
    ("sandbox, all flags, programs recorded", Held::Strict, true),
];
/// Places of the ways that bars are about.
const OUTSIDE: usize = 0;
const SANDBOX: usize = 2;
const RECORDED: usize = 3;

/// Wall-clock and processor time of a piece of work in microseconds.
type Took = (f64, f64);

pub(super) fn measure(stage: &Stage, plan: &Plan<'_>, bars: &mut Vec<Bar>) -> Result<Vec<Table>> {
    let mut worlds = Vec::new();
    for (name, held, recorded) in SESSIONS {
        let world = ground::start(stage, plan, held, recorded)?;
        let account = world.account("work")?;
        worlds.push((name, world, account, recorded));
    }
    let outside = account::create("out", &[])?;
    let mut unaudited = vec![outside.uid];
    unaudited.extend(worlds.iter().filter(|(.., recorded)| !recorded).map(|(_, _, account, _)| account.uid));
    // ORDER: before any process of theirs is made; what runs already stays as it is.
    let _unaudited = Unaudited::new(&unaudited)?;

    let (way, _outside) = alone(&outside)?;
    let mut ways = vec![way];
    for (name, world, account, _) in &worlds {
        let client = world.client()?;
        client.sign_in(&account.name, &account.password)?;
        client.start_session(30)?;
        let work = connect(&account.home.join("work.sock"))?;
        ways.push(Way { name, work });
    }
    let mut orders = vec![format!("spawn {PROGRAMS} {}", plan.program.display()), format!("files {FILES}")];
    orders.push(format!("run /usr/bin/python3\t-IBc\t{MODULES}"));
    if let Some(numpy) = plan.numpy {
        let path = format!("import sys; sys.path.insert(0, {:?})", numpy.display().to_string());
        orders.push(format!("run /usr/bin/python3\t-IBc\t{path}; {COMPUTE}"));
    }
    let mut samples = vec![vec![Vec::new(); ways.len()]; orders.len()];
    for round in 0..=plan.rounds {
        for (kind, order) in orders.iter().enumerate() {
            for step in 0..ways.len() {
                let at = (round + step) % ways.len();
                let took = (0..if kind == 2 { IMPORTS } else { 1 })
                    .map(|_| ways[at].work(order))
                    .collect::<Result<Vec<Took>>>()?;
                let took = took.iter().fold((0.0, 0.0), |sum: Took, one| (sum.0 + one.0, sum.1 + one.1));
                // The first of each is a warm-up.
                if round > 0 {
                    samples[kind][at].push(took);
                }
            }
        }
    }
    let names: Vec<&str> = ways.iter().map(|way| way.name).collect();
    Ok(vec![programs(&names, &samples[0], bars), pieces(&names, &samples[1..], bars)])
}

fn programs(names: &[&str], samples: &[Vec<Took>], bars: &mut Vec<Bar>) -> Table {
    let each: Vec<Vec<f64>> =
        samples.iter().map(|way| way.iter().map(|took| took.0 / f64::from(PROGRAMS)).collect()).collect();
    let more = |at: usize, than: usize| stats::median(each[at].iter().zip(&each[than]).map(|(a, b)| a - b));
    bars.push(Bar::at_most("a program started, µs more with its record", MORE_US, more(RECORDED, SANDBOX)));
    let rows = names.iter().enumerate().map(|(at, name)| Row {
        target: (*name).into(),
        figures: vec![Some(stats::median(each[at].iter().copied())), (at > 0).then(|| more(at, OUTSIDE))],
    });
    Table {
        title: "A program".into(),
        how: format!(
            "A static program is started and waited for {PROGRAMS} times in a row. All but the last are out of the kernel's audit \
             system, as on a machine where nothing is audited."
        ),
        columns: vec!["µs".into(), "more µs than outside".into()],
        rows: rows.collect(),
    }
}

const PIECES: [&str; 3] = ["files", "imports", "numpy"];

fn pieces(names: &[&str], samples: &[Vec<Vec<Took>>], bars: &mut Vec<Bar>) -> Table {
    let cpu = |kind: usize, at: usize| samples[kind][at].iter().map(|took| took.1).collect::<Vec<_>>();
    let ratio = |kind: usize, at: usize| stats::median_ratio(&cpu(kind, at), &cpu(kind, OUTSIDE));
    for (kind, piece) in PIECES.iter().enumerate().take(samples.len()) {
        for (at, with) in [(SANDBOX, "sandbox"), (RECORDED, "sandbox, programs recorded")] {
            bars.push(Bar::at_most(format!("{piece}, × outside ({with})"), RATIO, ratio(kind, at)));
        }
    }
    let rows = names.iter().enumerate().map(|(at, name)| Row {
        target: (*name).into(),
        figures: (0..samples.len())
            .flat_map(|kind| [Some(stats::median(cpu(kind, at)) / 1e3), Some(ratio(kind, at))])
            .collect(),
    });
    Table {
        title: "Work".into(),
        how: format!(
            "Processor time: {FILES} files of 2 KiB made, looked at, read and removed; {IMPORTS} Pythons that import a good part of \
             the standard library; numpy with singular values, products and roots on one thread. Ratios are medians of each round's own."
        ),
        columns: PIECES[..samples.len()]
            .iter()
            .flat_map(|name| [format!("{name} ms"), "× outside".to_owned()])
            .collect(),
        rows: rows.collect(),
    }
}

impl Way {
    fn work(&mut self, order: &str) -> Result<Took> {
        self.work.get_mut().write_all(format!("{order}\n").as_bytes())?;
        let mut line = String::new();
        self.work.read_line(&mut line)?;
        let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [wall, cpu] = numbers[..] else { bail!("{}: {}", self.name, line.trim()) };
        Ok((wall, cpu))
    }
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
        .args([
            "setpriv",
            "--reuid",
            &account.name,
            "--regid",
            &account.name,
            "--init-groups",
            "--no-new-privs",
            "--",
        ])
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

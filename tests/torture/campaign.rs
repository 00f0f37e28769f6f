//! The whole of it: a world under load, event after event, and what was lost by then.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use portcullis_testing::builder::own_copy;
use portcullis_testing::{Stage, World, place, tls};

use crate::Cli;
use crate::board::Board;
use crate::events::{self, Event, Kind};
use crate::ledger::Ledger;
use crate::load::Worker;
use crate::people::Person;
use crate::random::Random;
use crate::report::{Load, Report};
use crate::{doors, settle};

/// Events of a campaign of which nothing else is said.
const EVENTS: usize = 500;
/// People who work all the time.
const STAFF: [&str; 3] = ["ann", "bob", "cat"];
/// People to whom things are done.
const VICTIMS: [&str; 3] = ["vic", "wes", "zoe"];
/// Who works in a real JupyterLab.
const JUPYTER: &str = "jup";
/// Revoked cookies that are tried after each event: the last ones and some of before.
const TRIED: usize = 4;
/// Between two reports on the way.
const TOLD: usize = 25;

/// A campaign under way.
#[derive(Debug)]
pub(crate) struct Campaign {
    pub(crate) world: World,
    pub(crate) board: Arc<Board>,
    pub(crate) ledger: Ledger,
    pub(crate) victims: Vec<Person>,
    pub(crate) programs: Vec<PathBuf>,
    pub(crate) lost_revocations: Vec<String>,
    pub(crate) left_over: Vec<String>,
    two: Arc<tls::Config>,
    staff: Vec<Person>,
    load: Vec<Worker>,
    random: Random,
    lost_sessions: Vec<String>,
    tried: u64,
}

/// Runs one.
///
/// # Errors
/// When it can't begin. What comes later is in the report.
pub(crate) fn run(cli: &Cli) -> Result<Report> {
    let begun = Instant::now();
    let stage = Stage::default();
    let mut campaign = Campaign::begin(&stage, cli).context("the campaign can't begin")?;
    let until = cli.minutes.map(|minutes| begun + Duration::from_secs(minutes * 60));
    let mut happened: Vec<(Event, Duration)> = Vec::new();
    let mut broken = None;
    // Whoever asks for minutes gets them, whoever asks for neither the usual campaign.
    let count = cli.events.unwrap_or(if cli.minutes.is_some() { usize::MAX } else { EVENTS });
    for (number, event) in events::series(cli.seed).take(count).enumerate() {
        if until.is_some_and(|until| Instant::now() > until) {
            break;
        }
        let since = Instant::now();
        if let Err(error) = campaign.event(number + 1, event) {
            let text = format!("event {} ({event}): {error:#}", number + 1);
            eprintln!("error: {text}");
            broken = Some(text);
            break;
        }
        happened.push((event, since.elapsed()));
        if (number + 1) % TOLD == 0 {
            campaign.tell(number + 1, begun);
        }
    }
    let (mut report, logs) = campaign.end(&happened, broken);
    report.left_over.extend(stage.problems());
    report.panics = logs.iter().filter(|line| line.contains("panicked")).cloned().collect();
    report.seed = cli.seed;
    report.seconds = begun.elapsed().as_secs();
    if !report.holds() {
        for line in &logs[logs.len().saturating_sub(60)..] {
            eprintln!("log: {line}");
        }
    }
    Ok(report)
}

/// A program in JupyterLab's place that is the double, but for one person.
fn either() -> Result<String> {
    let real = place::jupyter_lab().context("JupyterLab is not installed")?;
    let folder = Path::new("/run/torture");
    fs::create_dir_all(folder)?;
    let double = own_copy("portcullis-double-ide", folder)?;
    let path = folder.join("jupyter-lab");
    let text = format!(
        "#!/usr/bin/python3 -IS\nimport os, pwd, sys\n\
         real = pwd.getpwuid(os.getuid()).pw_name.startswith({JUPYTER:?})\n\
         program = {real:?} if real else {double:?}\nos.execv(program, [program, *sys.argv[1:]])\n"
    );
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path.display().to_string())
}

impl Campaign {
    fn begin(stage: &Stage, cli: &Cli) -> Result<Self> {
        let mut world = stage.world();
        if cli.jupyter {
            world = world.ide_program(&either()?);
        }
        let world = world
            .tls()?
            // The port is the same when nothing of the daemon was left; nobody is signed out by the clock meanwhile.
            .conf("rserver.conf", "www-port=8787\nauth-timeout-minutes=1000")
            .start()?;
        // What is killed is missed by whoever talked to it: the log of a campaign is read when something is lost.
        world.log.expect("");
        let certificate = world.certificate().context("no certificate")?;
        let two = tls::client(certificate, &["h2"], false)?;
        let mut ledger = Ledger::new(&world);
        let mut arrive = |stem: &&str| Person::arrive(&world, &mut ledger, stem);
        let mut staff = STAFF.iter().map(&mut arrive).collect::<Result<Vec<_>>>()?;
        let mut victims = VICTIMS.iter().map(&mut arrive).collect::<Result<Vec<_>>>()?;
        let scientist = cli.jupyter.then(|| arrive(&JUPYTER)).transpose()?;
        let board = Arc::new(Board::default());
        for victim in &mut victims {
            victim.hold(&board, &two)?;
        }
        let programs = vec![world.other_programs()?, world.other_programs()?];
        let work = |one: &Person| Worker::all(&board, &one.account.name, &one.client, &two, &one.session);
        let mut load: Vec<Worker> = staff.iter().flat_map(work).collect();
        if let Some(one) = scientist {
            load.push(Worker::cells(&board, &one.account.name, &one.client, &one.session)?);
            staff.push(one);
        }
        settle::all(&board, &load, false).context("the load does not begin")?;
        Ok(Self {
            world,
            board,
            ledger,
            victims,
            programs,
            lost_revocations: Vec::new(),
            left_over: Vec::new(),
            two,
            staff,
            load,
            random: Random::new(!cli.seed),
            lost_sessions: Vec::new(),
            tried: 0,
        })
    }

    fn event(&mut self, number: usize, event: Event) -> Result<()> {
        self.board.begin(number, event);
        let happened = self.happen(event);
        self.board.over();
        happened?;
        settle::all(&self.board, &self.load, event.kinds().any(Kind::takes_the_server))?;
        for victim in &mut self.victims {
            victim.goes_on(&self.board, &self.two, settle::OLDEST)?;
        }
        self.look(&event.to_string());
        let newest = self.ledger.revoked.len().saturating_sub(TRIED / 2);
        let mut some: Vec<usize> = (newest..self.ledger.revoked.len()).collect();
        some.extend((some.len()..TRIED).map(|_| self.random.below(newest)));
        self.try_doors(some.into_iter(), &event.to_string())?;
        self.board.settled();
        Ok(())
    }

    /// Whether every session is the one that was started, and the log whole.
    fn look(&mut self, after: &str) {
        self.ledger.read();
        for person in self.staff.iter().chain(&self.victims) {
            let text = format!("session {} of {}", person.session, person.account.name);
            if !person.lives() && !self.lost_sessions.iter().any(|lost| lost.starts_with(&text)) {
                self.lost_sessions.push(format!("{text}: its IDE is gone after {after}"));
            }
        }
    }

    fn try_doors(&mut self, which: impl Iterator<Item = usize>, after: &str) -> Result<()> {
        for cookie in which.filter_map(|at| self.ledger.revoked.get(at)) {
            let mut cookie = cookie.clone();
            // The session that runs now: one that is over opens to nobody.
            if let Some(person) = self.victims.iter().find(|one| one.account.name == cookie.user) {
                cookie.session.clone_from(&person.session);
            }
            let open = doors::opened(&self.world, &self.two, &cookie)
                .with_context(|| format!("a revoked cookie can't be tried after {after}"))?;
            self.tried += 1;
            for door in open {
                self.lost_revocations.push(format!(
                    "a cookie of {}, revoked by {}, opens {door} (session {}) after {after}",
                    cookie.user, cookie.by, cookie.session
                ));
            }
        }
        Ok(())
    }

    fn tell(&self, number: usize, begun: Instant) {
        let (dropped, wrong) = self.board.found();
        eprintln!(
            "{number} events in {} s: {} dropped in all, {} wrong, {} revoked cookies tried {} times, {} records",
            begun.elapsed().as_secs(),
            dropped.len(),
            wrong.len(),
            self.ledger.revoked.len(),
            self.tried,
            self.ledger.counts().1,
        );
    }

    /// Stops the load, tries everything once more, ends the world.
    fn end(mut self, happened: &[(Event, Duration)], mut broken: Option<String>) -> (Report, Vec<String>) {
        let load = Load::of(&self.load);
        for worker in self.load.drain(..) {
            worker.stop();
        }
        let all = 0..self.ledger.revoked.len();
        if let Err(error) = self.try_doors(all, "the end").and_then(|()| self.verify()) {
            broken.get_or_insert(format!("{error:#}"));
        }
        self.look("the end");
        let mut lost = std::mem::take(&mut self.lost_sessions);
        lost.extend(self.ledger.lost());
        let (dropped, wrong) = self.board.found();
        let mut audit: Vec<String> = self.ledger.broken.iter().cloned().collect();
        audit.extend(self.ledger.unrecorded());
        let (acknowledged, records) = self.ledger.counts();
        let report = Report {
            events: happened.to_vec(),
            load,
            dropped,
            wrong,
            lost_sessions: lost,
            lost_revocations: self.lost_revocations,
            unended: self.ledger.unended,
            audit,
            revoked: self.ledger.revoked.len(),
            tried: self.tried,
            acknowledged,
            records,
            left_over: self.left_over,
            broken,
            ..Report::default()
        };
        self.world.log.settle();
        let lines = self.world.log.lines();
        // Its end is checked too: no process is left, and the launcher ends in order.
        drop(self.world);
        (report, lines)
    }

    /// The log, as an administrator verifies it.
    fn verify(&mut self) -> Result<()> {
        let log = self.world.state_dir().join("audit/audit.jsonl");
        let output =
            Command::new(place::program("portcullis")).args(["audit", "verify"]).arg(&log).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            self.ledger.broken.insert(format!("portcullis audit verify: {}: {said}", output.status));
        }
        Ok(())
    }
}

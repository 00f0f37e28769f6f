//! Knocks at every door, with the flag off and on, by every way.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail, ensure};
use portcullis_conf::{Sources, load};
use portcullis_model::session::Ide;
use portcullis_policy::{Adapters, messages, naming};
use portcullis_testing::builder::{Builder, own_copy, script};
use portcullis_testing::{Account, Stage, World, tls};

use crate::person::{Opened, Person, Tally};
use crate::table::{self, Knock, Rule};
use crate::{files, sizes, sockets};

/// Time for an IDE to start on a busy machine.
const START_SECONDS: u64 = 90;
/// The one flag that takes something away unless it is said.
const GIVEN: &str = "allow-presentation-commands=1";
/// Rows of an application that an administrator declared.
const ROUTES: &str = "route=GET / ui\nroute=GET /download/** download\nroute=POST /upload upload\nroute=ANY /shell/** shell\n\
                      route=POST /install install-package\nroute=POST /share publish\nroute=POST /share/out publish-external\n\
                      route=POST /git/** vcs\n";

/// One IDE.
pub(crate) fn all(stage: &Stage, name: &str) -> Result<()> {
    let ide = Ide::from_word(name).context("no IDE of this name")?;
    let (builder, conf) = stand_in(stage, name)?;
    let adapters = adapters(&conf);
    let rules = table::rules(ide);
    let mut world =
        builder.tls()?.without("rsession.conf", "session-port-range").conf("rsession.conf", GIVEN).start()?;
    let tls = tls::client(world.certificate().context("TLS")?, &["h2"], false)?;
    let people: Vec<Account> = (0..rules.len() + 2).map(|_| world.account("dor")).collect::<Result<_>>()?;
    let mut profiles = String::new();
    for (rule, person) in rules.iter().zip(&people) {
        let _ = write!(profiles, "[{}]\n{}\n\n", person.name, rule.off);
    }
    std::fs::write(world.config_dir().join("profiles"), profiles)?;
    world.reload()?;
    people.iter().try_for_each(|person| files::furnish(&person.home))?;
    let opened = open(&world, &people, name)?;
    let (free, other) = (&opened[rules.len()], &opened[rules.len() + 1]);
    let tally = Mutex::new(Tally::default());
    let table = Table { ide, name, adapters: &adapters, tls, tally: &tally, free, other: &other.id };
    std::thread::scope(|scope| {
        let (table, opened) = (&table, &opened);
        let threads: Vec<_> = rules
            .iter()
            .zip(opened)
            .map(|(rule, person)| scope.spawn(move || table.try_rule(rule, person)))
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("a thread died"),
            }
        }
        Ok(())
    })?;
    table.tell(rules.len())
}

/// All doors of an IDE, under one flag after the other.
struct Table<'a> {
    ide: Ide,
    name: &'a str,
    adapters: &'a Adapters,
    tls: Arc<tls::Config>,
    tally: &'a Mutex<Tally>,
    /// Somebody from whom nothing is taken.
    free: &'a Opened,
    /// Somebody else's session.
    other: &'a str,
}

impl Table<'_> {
    fn person<'p>(&'p self, opened: &'p Opened) -> Person<'p> {
        Person::new(opened, self.other, self.tls.clone(), self.tally)
    }

    fn doors(&self, opened: &Opened) -> Vec<Knock> {
        table::all(self.adapters, self.ide, &table::named(self.ide, &opened.home, files::INSIDE))
    }

    /// Every door while the flag is off; those that it shuts, also for somebody from whom nothing is taken.
    fn try_rule(&self, rule: &Rule, opened: &Opened) -> Result<()> {
        let (mut shut, mut open) = (self.person(opened), self.person(self.free));
        for knock in &self.doors(opened) {
            shut.knock(knock, rule, !knock.is_shut_by(rule))?;
        }
        shut.evade(self.name, rule)?;
        for knock in self.doors(self.free).iter().filter(|knock| knock.is_shut_by(rule)) {
            open.knock(knock, rule, true)?;
        }
        if rule.is_about_files() {
            files::all(self.adapters, self.ide, rule, &mut shut, &mut open)?;
        }
        if rule.is_about_sizes() {
            sizes::all(self.adapters, self.ide, rule, &mut shut, &mut open)?;
        }
        sockets::all(self.adapters, self.ide, rule, &mut shut, &mut open)
    }

    /// The counts; an error when one is wrong.
    fn tell(&self, flags: usize) -> Result<()> {
        let doors = self.doors(self.free).len();
        let messages = messages(self.ide, "/x").len();
        let named = naming(self.adapters, self.ide, "/x").len();
        ensure!(doors > 0, "{} has no doors", self.name);
        let tally = self.tally.lock().expect("no thread died holding it");
        let sum: u32 = tally.counts.values().sum();
        eprintln!(
            "{}: {sum} requests and messages at {doors} doors, {messages} messages and {named} names of files under \
             {flags} flags",
            self.name
        );
        for ((state, kind), count) in &tally.counts {
            eprintln!("    {state:<5} {kind:<32} {count:>6}");
        }
        // One line for each door and way is enough to see what is wrong.
        let door = |line: &str| -> Option<String> {
            let (_, path) = line.split_once("/s/")?;
            Some(path.get(16..)?.chars().take(30).collect())
        };
        let mut known = std::collections::BTreeSet::new();
        let fresh = |line: &&String| door(line).is_none_or(|door| known.insert(door));
        let shown: Vec<_> = tally.wrong.iter().filter(fresh).take(60).cloned().collect();
        ensure!(tally.wrong.is_empty(), "{} of {sum} are wrong:\n{}", tally.wrong.len(), shown.join("\n"));
        Ok(())
    }
}

/// A world with a double as this IDE, and its `adapters.conf`.
fn stand_in(stage: &Stage, name: &str) -> Result<(Builder, String)> {
    let folder = PathBuf::from(format!("/run/doors-{name}"));
    std::fs::create_dir_all(&folder)?;
    let program = folder.join("ide");
    let double = own_copy("portcullis-double-ide", &folder)?;
    std::fs::write(&program, script(&double, &[]))?;
    for path in [&folder, &program] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    let world = stage.world();
    Ok(match name {
        "jupyter" => (world, String::new()),
        "rstudio" => (world.rsession(&[]), String::new()),
        "code-server" => (world.conf("vscode.conf", &format!("exe={}", program.display())), String::new()),
        _ => {
            let conf = format!("[app {name}]\ncommand={} --socket={{socket}}\n{ROUTES}", program.display());
            (world.file("adapters.conf", &conf), conf)
        }
    })
}

/// The adapters as the daemon makes them of that file.
fn adapters(conf: &str) -> Adapters {
    let files = [("adapters.conf".to_owned(), conf.to_owned())];
    Adapters::new(&load(&Sources::new("/etc/rstudio", files)).settings)
}

/// Signs everybody in and starts their sessions, all at once.
fn open(world: &World, people: &[Account], ide: &str) -> Result<Vec<Opened>> {
    let mut opened = Vec::new();
    for person in people {
        let client = world.client()?;
        client.sign_in(&person.name, &person.password)?;
        let id = client.open_session_of(ide)?;
        opened.push(Opened { client, id, home: person.home.clone() });
    }
    for Opened { client, id, .. } in &opened {
        client.await_running(id, START_SECONDS)?;
    }
    Ok(opened)
}

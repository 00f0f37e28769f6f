//! A session that is recorded, and orders to a program in it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use portcullis_sys::audit::{Listed, Status, reachable};
use portcullis_testing::stage::skip;
use portcullis_testing::{Account, Client, Stage, World, until};
use serde_json::Value;

use crate::machine::quiet;

/// With the kernel's audit rules, for what permissions and limits refuse too.
pub(crate) const RULES: &str = "audit-refusals=1";

/// A running session of the double, which does what it is told.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) account: Account,
    pub(crate) client: Client,
    pub(crate) session: String,
    /// How the kernel's audit stood before.
    pub(crate) before: (Status, BTreeSet<Listed>),
}

impl Scene {
    /// With these lines of `portcullis.conf`. Skips where the kernel's audit can't be had.
    pub(crate) fn begin(stage: &Stage, conf: &str) -> Result<Self> {
        if let Err(error) = reachable() {
            return skip(format!("the kernel's audit can't be had here: {error}"));
        }
        let before = quiet()?;
        let world = stage
            .world()
            .conf("jupyter.conf", "lab-args=--double-work")
            .conf("portcullis.conf", &format!("audit-programs=required\n{conf}"))
            .start()?;
        let (account, client) = world.signed_in("eve")?;
        let session = client.start_session(30)?;
        Ok(Self { world, account, client, session, before })
    }

    /// A file in the account's home, executable.
    pub(crate) fn program(&self, name: &str, text: &[u8]) -> Result<PathBuf> {
        let path = self.account.home.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        std::os::unix::fs::chown(&path, Some(self.account.uid), Some(self.account.gid))?;
        Ok(path)
    }

    /// A program in C, linked statically. Skips without a compiler.
    pub(crate) fn compiled(&self, name: &str, text: &str) -> Result<PathBuf> {
        let source = self.world.folder().join(format!("{name}.c"));
        std::fs::write(&source, text)?;
        let made = self.world.folder().join(name);
        let mut compiler = Command::new("cc");
        let output = compiler.args(["-static", "-O1", "-pthread", "-o"]).arg(&made).arg(&source).output();
        match output {
            Err(error) => skip(format!("no C compiler: {error}")),
            Ok(output) if !output.status.success() => {
                bail!("cc: {}", String::from_utf8_lossy(&output.stderr))
            }
            Ok(_) => self.program(name, &std::fs::read(&made)?),
        }
    }

    /// Has a program run in the session and waits for its end; says whether it succeeded.
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> Result<bool> {
        let answer = self.order(&format!("run {}", [&[program], args].concat().join("\t")))?;
        Ok(!answer.starts_with("error"))
    }

    /// An order to the double.
    pub(crate) fn order(&self, order: &str) -> Result<String> {
        let path = self.account.home.join("work.sock");
        let stream = until::some("the double takes orders", 20, || Ok(UnixStream::connect(&path).ok()))?;
        (&stream).write_all(format!("{order}\n").as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).context("no answer from the double")?;
        ensure!(!answer.is_empty(), "the double gave no answer to `{order}`");
        Ok(answer)
    }

    /// Records of one kind of this session.
    pub(crate) fn records(&self, event: &str) -> Result<Vec<Value>> {
        let ours = |record: &Value| record["event"] == event && record["session"] == self.session.as_str();
        Ok(self.world.audit()?.into_iter().filter(ours).collect())
    }

    /// Waits for a record of a start whose arguments, joined by `|`, are these.
    pub(crate) fn await_argv(&self, argv: &str) -> Result<Value> {
        until::some("the record of a start", 15, || {
            Ok(self.records("executed")?.into_iter().find(|record| joined(record) == argv))
        })
        .with_context(|| {
            format!("no start of `{argv}` among {:#?}", self.records("executed").unwrap_or_default())
        })
    }

    /// The recorder's process.
    pub(crate) fn recorder(&self) -> Result<i32> {
        until::some("there is a recorder", 20, || Ok(self.world.recorder().map(|one| one.pid)))
    }
}

/// The arguments of a record.
pub(crate) fn joined(record: &Value) -> String {
    let args = record["argv"].as_array().map(Vec::as_slice).unwrap_or_default();
    args.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")
}

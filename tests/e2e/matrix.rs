//! What people really do, in the real JupyterLab (Python and R) and the real code-server, under combinations of flags: each action
//! works where the flags leave it allowed, and is refused with its reason where they don't.
//!
//! One table says what is expected ([`python`], [`r`], [`jupyter`], [`code_server`]); the same table is run without the sandbox,
//! where every cell must work: a refusal that doesn't come from the sandbox would prove nothing.

mod code_server;
mod combos;
mod jupyter;
mod python;
mod r;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use portcullis_testing::builder::Builder;
use portcullis_testing::{Stage, case, place, stage};

use combos::{COVERING, Combo, Expect};

/// A cold start while other tests run.
const START: u64 = 120;

pub(crate) fn all() -> Vec<Trial> {
    let mut all = vec![case("matrix::every_three_flags_meet_in_all_their_values", |_| {
        ensure!(combos::covers(), "a combination of three flags is missing");
        Ok(())
    })];
    let combos =
        if std::env::var_os("PORTCULLIS_MATRIX").is_some() { Combo::every() } else { COVERING.into() };
    for combo in combos {
        all.push(case(&format!("matrix::jupyter_{}", combo.name()), move |stage| {
            jupyter::run(stage, combo, Sandbox::On)
        }));
        all.push(case(&format!("matrix::code_server_{}", combo.name()), move |stage| {
            code_server::run(stage, combo, Sandbox::On)
        }));
    }
    let strictest = COVERING[1];
    all.push(case("matrix::jupyter_without_the_sandbox_code_does_it_all", move |stage| {
        jupyter::run(stage, strictest, Sandbox::Off)
    }));
    all.push(case("matrix::code_server_without_the_sandbox_works_as_well", move |stage| {
        code_server::run(stage, strictest, Sandbox::Off)
    }));
    all
}

/// Whether the kernel holds the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sandbox {
    On,
    Off,
}

impl Sandbox {
    /// What code is expected to do.
    fn code(self, expect: Expect) -> Expect {
        match self {
            Self::On => expect,
            Self::Off => Expect::Works,
        }
    }
}

/// Folders that the person may and may not reach, and a server that the session may and may not reach.
struct Ground {
    shared: PathBuf,
    outside: PathBuf,
    port: u16,
}

impl Ground {
    fn new() -> Result<Self> {
        let number = place::next_number();
        let folder = |name: &str, text: &str| -> Result<PathBuf> {
            let path = PathBuf::from(format!("/home/matrix{number}-{name}"));
            fs::create_dir(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777))?;
            fs::write(path.join("a.txt"), text)?;
            Ok(path)
        };
        let (shared, outside) = (folder("shared", "shared\n")?, folder("outside", "outside\n")?);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        // Ends with the test program.
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                // Whoever goes away early has its reasons.
                let _ = client.write_all(b"hello");
            }
        });
        Ok(Self { shared, outside, port })
    }

    fn world(&self, stage: &Stage, combo: Combo, sandbox: Sandbox) -> Result<Builder> {
        let network = match (sandbox, combo.network) {
            (Sandbox::Off, _) => "session-sandbox=off",
            (Sandbox::On, true) => "session-network=all",
            (Sandbox::On, false) => "session-network=none",
        };
        if sandbox == Sandbox::On && !can_confine() {
            return stage::skip("this kernel has no Landlock");
        }
        let flags = combo.flags(&self.shared.display().to_string());
        Ok(stage.world().conf("rsession.conf", &flags).conf("portcullis.conf", network))
    }
}

/// Whether this machine's kernel can hold the flags at all.
fn can_confine() -> bool {
    // Where the file can't be read, the tests say what is missing.
    fs::read_to_string("/sys/kernel/security/lsm").map_or(true, |modules| modules.contains("landlock"))
}

/// What was expected and what was found.
#[derive(Debug, Default)]
struct Tally {
    works: u32,
    refused: u32,
    left_out: Vec<&'static str>,
    problems: Vec<String>,
}

impl Tally {
    fn note(&mut self, name: &str, expect: Expect, fine: bool, said: &str) {
        match expect.problem(fine, said) {
            Some(problem) => self.problems.push(format!("{name}: {}", problem.trim_end())),
            None if fine => self.works += 1,
            None => self.refused += 1,
        }
    }

    fn end(self, name: &str) -> Result<()> {
        let left_out = if self.left_out.is_empty() {
            String::new()
        } else {
            format!(", left out: {}", self.left_out.join(", "))
        };
        eprintln!("{name}: {} work, {} are refused as said{left_out}", self.works, self.refused);
        if !self.problems.is_empty() {
            bail!("{} of {name} are not as said:\n{}", self.problems.len(), self.problems.join("\n"));
        }
        Ok(())
    }
}

//! The session process as its keeper, the proxy, other users of the machine and an IDE see it.
//!
//! This program is all of them: started again with `--role` it is the session, an IDE, or a client, under the ids the test gives
//! it. Needs root, because it becomes others; without root every test is ignored, and says so.

mod acts;
mod confine;
mod door;
mod end;
mod relay;
mod roles;
mod start;
mod view;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

type Test = (&'static str, fn());

fn main() -> ExitCode {
    // Shown under a shell's name, this program stands in for it as the session's own does.
    let exe = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    let name = exe.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if ["sh", "bash", "dash", "rbash"].contains(&name) || name.starts_with("ld-") {
        return portcullis_session::main();
    }
    let args: Vec<String> = std::env::args().collect();
    if let [_, role, rest @ ..] = args.as_slice() {
        if role == "--role" {
            return roles::play(rest);
        }
    }
    let root = nix::unistd::Uid::effective().is_root();
    let all: Vec<Test> = [
        start::TESTS,
        relay::TESTS,
        door::TESTS,
        end::TESTS,
        confine::TESTS,
        view::TESTS,
        view::programs::TESTS,
        view::life::TESTS,
    ]
    .concat();
    let trials = all.into_iter().map(|(name, test)| {
        let trial = Trial::test(name, move || {
            test();
            Ok(())
        });
        trial.with_ignored_flag(!root)
    });
    let cast = root.then(world::cast);
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.collect());
    if let Some(cast) = cast {
        cast.leave();
    }
    conclusion.exit_code()
}

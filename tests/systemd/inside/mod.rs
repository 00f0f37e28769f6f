//! In the machine: one thing after the other, each with what came of it.

mod ending;
mod life;
mod scene;
mod starting;
mod trouble;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::machine::{PLACE, Step};

pub(crate) use self::scene::Scene;

/// This program as the machine's service.
pub(crate) const WORD: &str = "--inside";

/// A step: what it proves, and how.
type Act = fn(&mut Scene) -> Result<()>;

/// In the order in which they are done; each goes on where the one before left the machine.
pub(crate) const STEPS: &[(&str, Act)] = &[
    ("the_package_is_installed_and_the_daemon_runs", starting::installed),
    ("the_first_start_makes_the_keys", starting::keys),
    ("the_units_are_valid", starting::units),
    ("the_launchers_exposures_are_all_explained", starting::exposures),
    ("a_person_signs_in_and_a_session_has_its_own_group", starting::session),
    ("the_server_is_held", starting::held),
    ("a_restart_keeps_sessions_and_connections", life::restart),
    ("a_reload_is_waited_for", life::reload),
    ("a_reload_with_errors_fails_and_changes_nothing", life::reload_refused),
    ("an_upgrade_keeps_sessions_and_changed_files", life::upgrade),
    ("a_hung_launcher_is_replaced", trouble::hung),
    ("a_killed_launcher_is_replaced", trouble::killed),
    ("a_wrong_configuration_is_not_tried_again", trouble::wrong),
    ("a_stop_leaves_sessions_and_a_start_takes_them_over", trouble::stopped),
    ("a_socket_unit_starts_the_daemon", trouble::socket),
    ("removing_ends_sessions_and_keeps_configuration_and_state", ending::removed),
    ("purging_leaves_nothing", ending::purged),
];

/// Does all steps and writes down what came of them.
pub(crate) fn run() -> ExitCode {
    let report = OpenOptions::new().create(true).append(true).open(format!("{PLACE}/report"));
    let Ok(mut report) = report else { return ExitCode::FAILURE };
    let mut scene = Scene::default();
    for (name, act) in STEPS {
        println!("step {name}");
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| act(&mut scene)));
        let problem = match outcome {
            Ok(Ok(())) => String::new(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".into()),
        };
        let journal = if problem.is_empty() { String::new() } else { scene::journal() };
        let step =
            Step { name: (*name).to_owned(), problem, journal, seconds: began.elapsed().as_secs_f64() };
        println!("  {:.1} s {}", step.seconds, step.problem);
        let written = serde_json::to_string(&step).is_ok_and(|line| writeln!(report, "{line}").is_ok());
        if !written {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

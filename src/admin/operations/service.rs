//! `portcullis start | stop | restart`: the service manager's to do. A wrong configuration is told before anything is stopped.

use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::exit::Exit;
use crate::{Answer, ConfigDir, check};

/// The unit that packages install.
pub(super) const UNIT: &str = "portcullis.service";
/// Where systemd says that it runs the machine (`sd_booted(3)`).
const BOOTED: &str = "/run/systemd/system";

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct Service {
    #[command(flatten)]
    dir: ConfigDir,
}

/// Whether systemd runs this machine.
pub(super) fn is_booted() -> bool {
    Path::new(BOOTED).is_dir()
}

/// Has the service manager do it.
pub(crate) fn control(verb: &str, service: &Service) -> anyhow::Result<Answer> {
    if verb != "stop" {
        let report = check::report(&service.dir.path(), service.dir.config_dir.is_some()).text();
        if report.status != 0 {
            let verdict = format!("portcullis: nothing is done: {verb} would leave the daemon stopped\n");
            return Ok(Answer {
                complaint: report.text + &verdict,
                status: report.status,
                ..Answer::default()
            });
        }
    }
    if !is_booted() {
        let hint = match verb {
            "stop" => "send SIGQUIT to portcullis-launcher: sessions live on",
            "restart" => "send SIGTERM to portcullis-launcher and start it again: sessions live on",
            _ => "start portcullis-launcher as root",
        };
        let complaint = format!("portcullis: systemd does not run this machine\nhint: {hint}\n");
        return Ok(Answer { complaint, status: Exit::NotInstalled.code(), ..Answer::default() });
    }
    // It says itself why it won't; its codes are LSB's.
    let ended = Command::new("systemctl").args([verb, "--", UNIT]).status()?;
    let status = ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(Exit::Failed.code());
    Ok(Answer { status, ..Answer::default() })
}

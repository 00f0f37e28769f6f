//! code-server's start: arguments, environment, and the switches of its own that go with the flags.
//!
//! It listens on a Unix socket of the session's own folder, which nobody else can enter, and asks nobody who they are: only the
//! proxy and the person's own programs reach it. Each switch was tried on code-server 4.139.

use std::fmt::Write as _;

use portcullis_conf::{CODE_SERVER_PLACES, FileKind, Settings};
use portcullis_model::session::{Ide, IdeCommand};

use super::place::{DATA, EXTENSIONS};
use crate::start::{CommandError, LaunchFacts, SOCKET_MAX, environment};
use crate::{Capability, Flags};

/// Seconds that extensions and terminals of a closed tab go on: a network that is away for a while, not a forgotten tab. The
/// session itself has `session-timeout-minutes`.
const GRACE_SECONDS: u32 = 1800;

/// Variables of PAM's that would change whom code-server lets in, where it listens, or what its interpreter runs.
const FORBIDDEN: [&str; 9] = [
    "PASSWORD",
    "HASHED_PASSWORD",
    "PORT",
    "CODE_SERVER_CONFIG",
    "CODE_SERVER_COOKIE_SUFFIX",
    "CS_DISABLE_FILE_DOWNLOADS",
    "VSCODE_PROXY_URI",
    "NODE_OPTIONS",
    "NODE_EXTRA_CA_CERTS",
];

/// The command for a person's code-server.
pub(crate) fn start(
    settings: &Settings,
    flags: &Flags,
    facts: &LaunchFacts,
    exists: &dyn Fn(&str) -> bool,
) -> Result<IdeCommand, CommandError> {
    if !settings.vscode.enabled {
        let origin = settings.origin(FileKind::Vscode, "enabled");
        return Err(CommandError::Off {
            ide: Ide::CodeServer.title().to_owned(),
            rule: format!("enabled=0 ({origin})"),
        });
    }
    let program = program(settings, exists)?;
    let dir = facts.session_dir.trim_end_matches('/');
    let socket = format!("{dir}/ide.sock");
    if socket.len() > SOCKET_MAX {
        return Err(CommandError::SocketName { path: socket });
    }
    let home = facts.home.trim_end_matches('/');
    let own = [
        // Sockets of its terminals and extensions: in /tmp, everybody would see them.
        ("XDG_RUNTIME_DIR", format!("{dir}/run")),
        // A heartbeat file and the last folder; beside the settings, wherever PAM puts data.
        ("XDG_DATA_HOME", format!("{home}/.local/share")),
    ];
    let mut env: Vec<(String, String)> = environment(facts, &program, &own);
    env.retain(|(name, _)| !FORBIDDEN.contains(&name.as_str()));
    let mut args = settings.vscode.args.clone();
    args.extend(arguments(flags, facts, &socket, dir, home));
    Ok(IdeCommand {
        program,
        args,
        env,
        secret_env: Vec::new(),
        cwd: facts.home.clone(),
        socket,
        files: vec![("config/code-server.yaml".to_owned(), CONFIG.to_owned())],
        probe: "/healthz".to_owned(),
    })
}

/// Read in place of the person's own, which could say another address, or ask for a password that nobody has.
const CONFIG: &str = "# Everything is said on the command line.\nauth: none\n";

/// Where its program is looked for, in this order.
pub fn places(settings: &Settings) -> Vec<String> {
    match &settings.vscode.exe {
        // The files are UTF-8, so are their paths.
        Some(exe) => exe.to_str().map(str::to_owned).into_iter().collect(),
        None => CODE_SERVER_PLACES.iter().map(|place| (*place).to_owned()).collect(),
    }
}

fn program(settings: &Settings, exists: &dyn Fn(&str) -> bool) -> Result<String, CommandError> {
    let places = places(settings);
    let mut tried = String::new();
    for place in &places {
        let comma = if tried.is_empty() { "" } else { ", " };
        let _ = write!(tried, "{comma}`{place}`");
    }
    places
        .into_iter()
        .find(|place| exists(place))
        .ok_or(CommandError::NotFound { ide: Ide::CodeServer.title().to_owned(), tried })
}

fn arguments(flags: &Flags, facts: &LaunchFacts, socket: &str, dir: &str, home: &str) -> Vec<String> {
    let mut args = vec![
        format!("--config={dir}/config/code-server.yaml"),
        format!("--socket={socket}"),
        // Nobody but the person, whose session process hands connections over.
        "--socket-mode=600".to_owned(),
        // Nobody else reaches the socket, and the proxy has asked who it is.
        "--auth=none".to_owned(),
        // Kept between sessions, at the place that code-server itself would choose; the proxy knows it by this.
        format!("--user-data-dir={home}/{DATA}"),
        format!("--extensions-dir={home}/{EXTENSIONS}"),
        // No calls to the internet that nobody asked for.
        "--disable-telemetry".to_owned(),
        "--disable-update-check".to_owned(),
        "--disable-getting-started-override".to_owned(),
        // People are at home in their own folder; the question would only be clicked away.
        "--disable-workspace-trust".to_owned(),
        format!("--reconnection-grace-time={GRACE_SECONDS}"),
    ];
    if flags.denies(Capability::Download).is_some() {
        // It hides an entry of a menu and no more; but VS Code swallows the reason why that entry fails.
        args.push("--disable-file-downloads".to_owned());
    }
    if flags.restriction_in(Ide::CodeServer).is_some() {
        // This switch is real: the routes answer 403. The proxy refuses them all the same.
        args.push("--disable-proxy".to_owned());
    }
    args.push(facts.home.clone());
    args
}

#[cfg(test)]
mod tests {
    use portcullis_model::{Secret, SessionId, Uid};

    use super::*;
    use crate::command;

    fn settings(rsession: &str, vscode: &str) -> Settings {
        let files = [
            ("rsession.conf".to_owned(), rsession.to_owned()),
            ("vscode.conf".to_owned(), vscode.to_owned()),
        ];
        portcullis_conf::load(&portcullis_conf::Sources::new("/etc/rstudio", files)).settings
    }

    fn facts(dir: &str) -> LaunchFacts {
        LaunchFacts {
            id: SessionId::from_bytes([7; 8]),
            user: "alice".parse().expect("a name"),
            uid: Uid(1001),
            home: "/home/alice".into(),
            shell: "/bin/bash".into(),
            root_path: "/".into(),
            groups: Vec::new(),
            session_dir: dir.into(),
            pam_env: vec![
                ("NODE_OPTIONS".into(), "--require=/tmp/x".into()),
                ("PASSWORD".into(), "x".into()),
                ("KRB5CCNAME".into(), "/tmp/k".into()),
            ],
            token: Secret::from("t".to_owned()),
        }
    }

    #[test]
    fn it_listens_where_only_the_person_is() {
        let made = command(Ide::CodeServer, &settings("", ""), &facts("/run/p/1"), &|_| true);
        let made = made.expect("a command");
        assert_eq!(made.program, CODE_SERVER_PLACES[0]);
        assert_eq!(made.socket, "/run/p/1/ide.sock");
        for wanted in [
            "--socket=/run/p/1/ide.sock",
            "--socket-mode=600",
            "--auth=none",
            "--user-data-dir=/home/alice/.local/share/code-server",
            "--config=/run/p/1/config/code-server.yaml",
        ] {
            assert!(made.args.iter().any(|arg| arg == wanted), "{wanted}");
        }
        assert!(!made.args.iter().any(|arg| arg.starts_with("--disable-proxy")));
        assert_eq!(made.args.last().map(String::as_str), Some("/home/alice"));
        let has = |name: &str| made.env.iter().any(|(found, _)| found == name);
        assert!(has("KRB5CCNAME") && !has("NODE_OPTIONS") && !has("PASSWORD"));
        assert_eq!(made.probe, "/healthz");
    }

    #[test]
    fn the_way_to_ports_is_shut_and_an_entry_without_a_reason_is_hidden() {
        let flags = "allow-file-downloads=0\nallow-file-uploads=0\n";
        let made = command(Ide::CodeServer, &settings(flags, ""), &facts("/run/p/1"), &|_| true);
        let args = made.expect("a command").args;
        assert!(args.iter().any(|arg| arg == "--disable-proxy"));
        assert!(args.iter().any(|arg| arg == "--disable-file-downloads"));
        // A refused upload says why.
        assert!(!args.iter().any(|arg| arg == "--disable-file-uploads"));
    }

    #[test]
    fn it_is_off_missing_or_has_too_long_a_name() {
        let off = command(Ide::CodeServer, &settings("", "enabled=0\n"), &facts("/run/p/1"), &|_| true);
        assert_eq!(
            off.expect_err("it is off").to_string(),
            "VS Code is switched off by enabled=0 (vscode.conf:1)"
        );
        let missing = command(Ide::CodeServer, &settings("", ""), &facts("/run/p/1"), &|_| false);
        assert!(missing.expect_err("it is missing").to_string().contains("`/usr/bin/code-server`"));
        let exe = settings("", "exe=/srv/cs\nargs=--host=0.0.0.0 --locale=de\n");
        let made = command(Ide::CodeServer, &exe, &facts("/run/p/1"), &|_| true).expect("a command");
        assert_eq!((made.program.as_str(), made.args[0].as_str()), ("/srv/cs", "--locale=de"));
        let long = format!("/{}", "x".repeat(100));
        let refused = command(Ide::CodeServer, &settings("", ""), &facts(&long), &|_| true);
        assert!(matches!(refused, Err(CommandError::SocketName { .. })));
    }
}

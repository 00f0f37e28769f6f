//! The start of `rsession`, as RStudio's server would: arguments, environment, and a file with the options it heeds.
//!
//! rsession refuses to start at an option it doesn't know, and `rsession.conf` holds more than it knows: it gets a file of its
//! own. It listens on a socket of the session's folder, which nobody but its owner can enter.

use std::fmt::Write as _;

use portcullis_conf::{RSTUDIO_PLACE, SameSite, Settings};
use portcullis_model::session::{Ide, IdeCommand};

use crate::Flags;
use crate::start::{CommandError, LaunchFacts, SOCKET_MAX, environment};

/// Options of `rsession.conf` that open-source rsession reads from its file (2025.07) and that mean the same here. Not among
/// them: `allow-` flags, which it ignores; limits, which it only takes as arguments; what this start decides.
const PASSED: [&str; 51] = [
    "docs-url",
    "session-connections-block-suspend",
    "session-external-pointers-block-suspend",
    "session-timeout-suspend",
    "session-preflight-script",
    "session-create-public-folder",
    "session-create-profile",
    "session-rprofile-on-resume-default",
    "session-save-action-default",
    "session-default-working-dir",
    "session-default-new-project-dir",
    "show-help-home",
    "session-default-console-term",
    "session-default-clicolor-force",
    "session-quit-child-processes-on-exit",
    "session-first-project-template-path",
    "default-rsconnect-server",
    "websocket-ping-seconds",
    "websocket-connect-timeout",
    "websocket-log-level",
    "websocket-handshake-timeout",
    "package-output-to-package-folder",
    "directory-view-allow-list",
    "session-ephemeral-env-vars",
    "session-suspend-on-incomplete-statement",
    "session-async-rpc-enabled",
    "session-async-rpc-timeout-ms",
    "session-handle-offline-enabled",
    "session-handle-offline-timeout-ms",
    "session-project-user-data-dir",
    "session-allow-project-user-data-dir-override",
    "open-files",
    "abort-free-mem-percent",
    "r-libs-user",
    "r-cran-repos",
    "r-cran-repos-file",
    "r-cran-repos-url",
    "r-compatible-graphics-engine-version",
    "r-home-dir-override",
    "r-doc-dir-override",
    "r-restore-workspace",
    "r-run-rprofile",
    "external-pandoc-path",
    "external-quarto-path",
    "external-copilot-path",
    "show-user-identity",
    "copilot-enabled",
    "copilot-proxy-url",
    "copilot-auth-provider",
    "copilot-ssl-certificates-file",
    "copilot-proxy-strict-ssl",
];

/// R, where `rsession-which-r` is not said.
const R_PLACES: [&str; 2] = ["/usr/local/bin/R", "/usr/bin/R"];
/// Homes of R beside a program `<prefix>/bin/R`.
const R_HOMES: [&str; 2] = ["lib/R", "lib64/R"];

/// The command for a person's rsession.
pub(crate) fn start(
    settings: &Settings,
    flags: &Flags,
    facts: &LaunchFacts,
    exists: &dyn Fn(&str) -> bool,
) -> Result<IdeCommand, CommandError> {
    let title = || Ide::Rstudio.title().to_owned();
    let program = place(settings);
    if !program.starts_with('/') {
        return Err(CommandError::Path { path: program });
    }
    if !exists(&program) {
        return Err(CommandError::NotFound { ide: title(), tried: format!("`{program}`") });
    }
    let home =
        r_home(settings, exists).map_err(|tried| CommandError::NotFound { ide: "R".to_owned(), tried })?;
    let dir = facts.session_dir.trim_end_matches('/');
    // rsession names it by the person it is started for.
    let socket = format!("{dir}/{}-d", facts.user);
    if socket.len() > SOCKET_MAX {
        return Err(CommandError::SocketName { path: socket });
    }
    Ok(IdeCommand {
        args: arguments(settings, flags, facts, dir),
        env: variables(settings, facts, &program, &home, dir),
        secret_env: Vec::new(),
        cwd: facts.home.clone(),
        socket,
        files: vec![("rsession.conf".to_owned(), options(settings, flags, facts))],
        // Any call is answered with 200, as an error even to GET; before that R has to be up.
        probe: "/rpc/ping".to_owned(),
        program,
    })
}

/// `rsession-path`, below the package's folder of programs when it is relative.
pub fn place(settings: &Settings) -> String {
    let said = settings.rserver.rsession_path.trim();
    match said {
        "" => format!("{RSTUDIO_PLACE}/bin/rsession"),
        path if path.starts_with('/') => path.to_owned(),
        name => format!("{RSTUDIO_PLACE}/bin/{name}"),
    }
}

fn arguments(settings: &Settings, flags: &Flags, facts: &LaunchFacts, dir: &str) -> Vec<String> {
    let same_site = match settings.rserver.www_same_site {
        SameSite::Unset => 0,
        SameSite::None => 1,
        SameSite::Lax => 2,
    };
    let mut args = vec![
        format!("--config-file={dir}/rsession.conf"),
        "--program-mode=server".to_owned(),
        format!("--user-identity={}", facts.user),
        format!("--session-use-secure-cookies={}", u8::from(settings.secure_cookies())),
        format!("--session-root-path={}", facts.root_path),
        format!("--session-same-site={same_site}"),
        "--session-use-file-storage=1".to_owned(),
        // Names this start in rsession's own notes; no secret.
        format!("--launcher-token={}", facts.id.to_string().get(..8).unwrap_or_default()),
        // All its clocks are kept in front of it, where persons' acts are told from polls.
        "--session-timeout-minutes=0".to_owned(),
    ];
    if flags.cpu_minutes.value > 0 {
        args.push(format!("--limit-cpu-time-minutes={}", flags.cpu_minutes.value));
    }
    if flags.disk_quota.value {
        args.push("--limit-xfs-disk-quota=1".to_owned());
    }
    if flags.upload_limit_mb.value > 0 {
        args.push(format!("--limit-file-upload-size-mb={}", flags.upload_limit_mb.value));
    }
    args
}

/// What administrators said for this person of what rsession knows.
fn options(settings: &Settings, flags: &Flags, facts: &LaunchFacts) -> String {
    let session = settings.session_for(&facts.user, &facts.groups);
    let mut text =
        String::from("# Written at each start; rsession.conf and profiles say what stands here.\n");
    for name in PASSED {
        if let Some(value) = session.said(name) {
            let _ = writeln!(text, "{name}={value}");
        }
    }
    if flags.restrict_directories.value {
        text.push_str("restrict-directory-view=1\n");
    }
    text
}

fn variables(
    settings: &Settings,
    facts: &LaunchFacts,
    program: &str,
    home: &str,
    dir: &str,
) -> Vec<(String, String)> {
    let [share, include, doc] = r_dirs(home);
    let more = settings.rserver.rsession_ld_library_path.trim();
    let mut libraries = format!("{home}/lib");
    if !more.is_empty() {
        libraries = format!("{more}:{libraries}");
    }
    let own = [
        ("R_HOME", home.to_owned()),
        ("R_SHARE_DIR", share),
        ("R_INCLUDE_DIR", include),
        ("R_DOC_DIR", doc),
        ("LD_LIBRARY_PATH", libraries),
        ("RSTUDIO_DEFAULT_R_VERSION_HOME", home.to_owned()),
        ("RS_SESSION_TMP_DIR", dir.to_owned()),
        // Its own check of who connects; connections come from the session's process, which is the person.
        ("RSTUDIO_LIMIT_RPC_CLIENT_UID", facts.uid.to_string()),
        // Who may sign in was decided before.
        ("RSTUDIO_MINIMUM_USER_ID", "1".to_owned()),
    ];
    let ours = |name: &str| own.iter().any(|(known, _)| *known == name);
    let theirs = |name: &str| name.starts_with("RS_") || name.starts_with("RSTUDIO_");
    environment(facts, program, &own).into_iter().filter(|(name, _)| ours(name) || !theirs(name)).collect()
}

/// The home of R, as RStudio's server finds it: beside the program of `rsession-which-r`, or in the usual places.
fn r_home(settings: &Settings, exists: &dyn Fn(&str) -> bool) -> Result<String, String> {
    let said = settings.rserver.rsession_which_r.as_deref().and_then(std::path::Path::to_str);
    let programs: Vec<&str> = said.map_or_else(|| R_PLACES.to_vec(), |said| vec![said]);
    let mut tried = Vec::new();
    for program in programs {
        let Some(prefix) = program.strip_suffix("/bin/R") else {
            tried.push(program.to_owned());
            continue;
        };
        // `R_HOME/bin/R` itself, or a link to it.
        let homes = std::iter::once(prefix.to_owned()).chain(R_HOMES.map(|home| format!("{prefix}/{home}")));
        for home in homes {
            let binary = format!("{home}/bin/exec/R");
            if exists(&binary) {
                return Ok(home);
            }
            tried.push(binary);
        }
    }
    Err(tried.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", "))
}

/// R's folders of shared files, headers and documents: Debian, Fedora, and R as it is built by default.
fn r_dirs(home: &str) -> [String; 3] {
    match home {
        "/usr/lib/R" => ["/usr/share/R/share", "/usr/share/R/include", "/usr/share/R/doc"].map(str::to_owned),
        "/usr/lib64/R" => ["/usr/share/R", "/usr/include/R", "/usr/share/doc/R"].map(str::to_owned),
        _ => ["share", "include", "doc"].map(|part| format!("{home}/{part}")),
    }
}

/// What a status means with which rsession ends by itself (`exit status 0`); `None` where it means nothing special.
pub fn exit_words(status: &str) -> Option<&'static str> {
    match status.strip_prefix("exit status ")? {
        "0" => Some("it was quit or suspended; what was suspended comes back at the next start"),
        "100" => Some("R was to be started anew; start it again"),
        "101" => Some("it was suspended; its state comes back at the next start"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::{Secret, SessionId, Uid};

    use super::*;
    use crate::command;

    const DIR: &str = "/run/portcullis/sessions/0102030405060708";

    fn facts() -> LaunchFacts {
        LaunchFacts {
            id: SessionId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]),
            user: "alice".parse().expect("a name"),
            uid: Uid(1000),
            home: "/home/alice".into(),
            shell: "/bin/bash".into(),
            root_path: "/".into(),
            groups: Vec::new(),
            session_dir: DIR.into(),
            pam_env: vec![
                ("R_HOME".into(), "/evil".into()),
                ("RS_SHARED_SECRET".into(), "known".into()),
                ("RSTUDIO_SESSION_STREAM".into(), "x".into()),
                ("LC_ALL".into(), "de_DE.UTF-8".into()),
            ],
            token: Secret::from("sesame".to_owned()),
        }
    }

    fn settings(rserver: &str, rsession: &str) -> Settings {
        let files = [
            ("rserver.conf".to_owned(), rserver.to_owned()),
            ("rsession.conf".to_owned(), rsession.to_owned()),
        ];
        portcullis_conf::load(&portcullis_conf::Sources::new("/etc/rstudio", files)).settings
    }

    fn debian(path: &str) -> bool {
        path == "/usr/lib/rstudio-server/bin/rsession" || path == "/usr/lib/R/bin/exec/R"
    }

    fn value<'c>(command: &'c IdeCommand, name: &str) -> Option<&'c str> {
        command.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn it_is_started_as_by_rserver() {
        let command = command(Ide::Rstudio, &settings("", ""), &facts(), &debian).expect("a command");
        assert_eq!(command.program, "/usr/lib/rstudio-server/bin/rsession");
        assert_eq!(command.socket, format!("{DIR}/alice-d"));
        for arg in ["--user-identity=alice", "--session-use-file-storage=1", "--session-timeout-minutes=0"] {
            assert!(command.args.iter().any(|given| given == arg), "{arg}");
        }
        assert!(!command.args.iter().any(|arg| arg.contains("standalone") || arg.contains("www-port")));
        assert_eq!(value(&command, "R_HOME"), Some("/usr/lib/R"));
        assert_eq!(value(&command, "R_SHARE_DIR"), Some("/usr/share/R/share"));
        assert_eq!(value(&command, "LD_LIBRARY_PATH"), Some("/usr/lib/R/lib"));
        assert_eq!(value(&command, "RS_SESSION_TMP_DIR"), Some(DIR));
        assert_eq!(value(&command, "RSTUDIO_LIMIT_RPC_CLIENT_UID"), Some("1000"));
        assert_eq!(value(&command, "RS_SHARED_SECRET"), None);
        assert_eq!(value(&command, "RSTUDIO_SESSION_STREAM"), None);
        assert_eq!(value(&command, "LC_ALL"), Some("de_DE.UTF-8"));
        assert!(!format!("{command:?}").contains("sesame"));
    }

    #[test]
    fn paths_are_all_that_needs_to_be_said() {
        let said = "rsession-path=/opt/rs/bin/rsession\nrsession-which-r=/opt/R/4.4.1/bin/R\nrsession-ld-library-path=/opt/x/lib\n";
        let there = |path: &str| path == "/opt/rs/bin/rsession" || path == "/opt/R/4.4.1/lib/R/bin/exec/R";
        let command = command(Ide::Rstudio, &settings(said, ""), &facts(), &there).expect("a command");
        assert_eq!(command.program, "/opt/rs/bin/rsession");
        assert_eq!(value(&command, "R_HOME"), Some("/opt/R/4.4.1/lib/R"));
        assert_eq!(value(&command, "R_DOC_DIR"), Some("/opt/R/4.4.1/lib/R/doc"));
        assert_eq!(value(&command, "LD_LIBRARY_PATH"), Some("/opt/x/lib:/opt/R/4.4.1/lib/R/lib"));
        let none =
            super::start(&settings("", ""), &Flags::default(), &facts(), &|_| false).expect_err("none");
        assert_eq!(
            none.to_string(),
            "RStudio is not installed: there is no program at `/usr/lib/rstudio-server/bin/rsession`"
        );
        let no_r = |path: &str| path.ends_with("rsession");
        let none = super::start(&settings("", ""), &Flags::default(), &facts(), &no_r).expect_err("no R");
        assert!(none.to_string().starts_with("R is not installed"), "{none}");
    }

    #[test]
    fn rsession_is_told_only_what_it_knows() {
        let said = "allow-shell=0\nr-libs-user=~/R\nsession-timeout-minutes=30\nrestrict-directory-view=1\n\
                    directory-view-allow-list=/srv/data\nlimit-file-upload-size-mb=5\nlimit-cpu-time-minutes=3\nsession-limit=2\n";
        let command = command(Ide::Rstudio, &settings("", said), &facts(), &debian).expect("a command");
        let (name, text) = &command.files[0];
        assert_eq!(name, "rsession.conf");
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            ["directory-view-allow-list=/srv/data", "r-libs-user=~/R", "restrict-directory-view=1"]
        );
        for arg in ["--limit-file-upload-size-mb=5", "--limit-cpu-time-minutes=3"] {
            assert!(command.args.iter().any(|given| given == arg), "{arg}");
        }
    }
}

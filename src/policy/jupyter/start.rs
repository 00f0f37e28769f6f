//! JupyterLab's start: arguments, environment, and the switches of its own that go with the flags.
//!
//! Each switch was tried on jupyter_server 2.21 and JupyterLab 4.6. They spare people buttons that would be refused; the
//! proxy repeats every rule, because a person's own code can undo them.

use portcullis_conf::{FileKind, JUPYTER_PLACES, Settings};
use portcullis_model::session::{Ide, IdeCommand};
use serde_json::{Map, Value, json};

use crate::Flags;
use crate::start::{CommandError, LaunchFacts, SOCKET_MAX, base_url, environment};

/// Bytes of the longest name a kernel's socket adds to the runtime folder: `/kernel-<uuid>-ipc-<digit>`.
const KERNEL_SOCKET: usize = "/kernel-00000000-0000-0000-0000-000000000000-ipc-1".len();

/// The command for a person's JupyterLab.
pub(crate) fn start(
    settings: &Settings,
    flags: &Flags,
    facts: &LaunchFacts,
    exists: &dyn Fn(&str) -> bool,
) -> Result<IdeCommand, CommandError> {
    if !settings.jupyter.labs_enabled {
        let origin = settings.origin(FileKind::Jupyter, "labs-enabled");
        return Err(CommandError::Off {
            ide: Ide::Jupyter.title().to_owned(),
            rule: format!("labs-enabled=0 ({origin})"),
        });
    }
    let program = program(settings, exists)?;
    let base = base_url(facts);
    let dir = facts.session_dir.trim_end_matches('/');
    let socket = format!("{dir}/ide.sock");
    if socket.len() > SOCKET_MAX {
        return Err(CommandError::SocketName { path: socket });
    }
    let run = format!("{dir}/run");
    let data = format!("{dir}/data");
    let said = facts.pam_env.iter().rev().find(|(name, _)| name == "JUPYTER_PATH").map(|(_, value)| value);
    let own = [
        ("XDG_RUNTIME_DIR", run.clone()),
        ("JUPYTER_RUNTIME_DIR", run.clone()),
        ("JUPYTER_CONFIG_PATH", format!("{dir}/config")),
        ("JUPYTER_PATH", said.map_or(data.clone(), |said| format!("{data}:{said}"))),
    ];
    let env = environment(facts, &program, &own)
        .into_iter()
        .filter(|(name, _)| !FORBIDDEN.contains(&name.as_str()))
        .collect();
    let ours = arguments(flags, facts, &base, &socket, &run);
    let theirs = &settings.jupyter.lab_args;
    if let Some(argument) = theirs.iter().find(|arg| decided(arg, &ours)) {
        return Err(CommandError::Argument { argument: argument.clone() });
    }
    let args = theirs.iter().cloned().chain(ours).collect();
    Ok(IdeCommand {
        program,
        args,
        env,
        secret_env: vec![("JUPYTER_TOKEN".to_owned(), facts.token.clone())],
        cwd: facts.home.clone(),
        socket,
        files: vec![
            ("config/labconfig/page_config.json".to_owned(), page_config(flags)),
            (format!("{REASONS}/package.json"), reasons()),
            (format!("{REASONS}/static/reasons.js"), include_str!("reasons.js").to_owned()),
        ],
        probe: format!("{base}api"),
    })
}

/// Variables of PAM's that would change whom JupyterLab lets in or where it keeps the token.
const FORBIDDEN: [&str; 3] = ["JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE", "JUPYTERHUB_API_TOKEN"];

/// Where our extension is, below the session's directory: one of `JUPYTER_PATH`.
const REASONS: &str = "data/labextensions/portcullis-reasons";

/// What JupyterLab's server has to know of our extension. Its file browser shows no answer but 404, and that one with words of
/// its own: the reason for a refused folder would be lost.
fn reasons() -> String {
    let description = "Shows why the server refused something.";
    let build = json!({ "load": "static/reasons.js", "extension": "./extension" });
    let package = json!({
        "name": "portcullis-reasons",
        "version": env!("CARGO_PKG_VERSION"),
        "description": description,
        "jupyterlab": { "extension": true, "_build": build },
    });
    format!("{package:#}\n")
}

fn program(settings: &Settings, exists: &dyn Fn(&str) -> bool) -> Result<String, CommandError> {
    let places: Vec<String> = match &settings.jupyter.jupyter_exe {
        Some(exe) => vec![
            exe.to_str()
                .map(str::to_owned)
                .ok_or_else(|| CommandError::Path { path: exe.to_string_lossy().into_owned() })?,
        ],
        None => JUPYTER_PLACES.iter().map(|place| (*place).to_owned()).collect(),
    };
    let tried = places.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(", ");
    places
        .into_iter()
        .find(|place| exists(place))
        .ok_or(CommandError::NotFound { ide: Ide::Jupyter.title().to_owned(), tried })
}

/// Whether an argument sets what the session decides: JupyterLab does not start when one is given twice, and another root
/// folder would make every check of a path look at the wrong file.
fn decided(argument: &str, ours: &[String]) -> bool {
    fn name(argument: &str) -> String {
        let name = argument.split('=').next().unwrap_or(argument).trim_start_matches('-');
        name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase().replace('-', "_")
    }
    let wanted = name(argument);
    ["root_dir", "notebook_dir", "contents_manager_class"].contains(&wanted.as_str())
        || ours.iter().any(|our| name(our) == wanted)
}

fn arguments(flags: &Flags, facts: &LaunchFacts, base: &str, socket: &str, run: &str) -> Vec<String> {
    let mut args = vec![
        "--ServerApp.open_browser=False".to_owned(),
        format!("--ServerApp.sock={socket}"),
        // Nobody but the person, whose session process hands connections over.
        "--ServerApp.sock_mode=0600".to_owned(),
        format!("--ServerApp.base_url={base}"),
        format!("--ServerApp.root_dir={}", facts.home),
        // The proxy's X-Forwarded-Proto and the browser's Host are right.
        "--ServerApp.trust_xheaders=True".to_owned(),
        "--ServerApp.allow_remote_access=True".to_owned(),
        // The token is the proxy's; a password beside it would be a second way in.
        "--PasswordIdentityProvider.allow_password_change=False".to_owned(),
        // No calls to the internet that nobody asked for.
        "--LabApp.news_url=None".to_owned(),
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate".to_owned(),
    ];
    if run.len() + KERNEL_SOCKET <= SOCKET_MAX {
        // Else each kernel opens five TCP ports on loopback, where every local user may knock. One remains, of Python's
        // kernel: it takes output of its own forked children and asks for a random word first.
        args.push("--KernelManager.transport=ipc".to_owned());
    }
    if !flags.shell.value {
        args.push("--ServerApp.terminals_enabled=False".to_owned());
    }
    if !flags.packages.value {
        args.push("--LabApp.extension_manager=readonly".to_owned());
    }
    let off = extensions_off(flags);
    if !off.is_empty() {
        let dictionary = off.iter().map(|name| format!("\"{name}\":False")).collect::<Vec<_>>().join(",");
        args.push(format!("--ServerApp.jpserver_extensions={{{dictionary}}}"));
    }
    args
}

/// Server extensions whose routes the flags refuse altogether.
fn extensions_off(flags: &Flags) -> Vec<&'static str> {
    let mut off = Vec::new();
    if !flags.shell.value {
        off.extend(["jupyter_server_terminals", "jupyter_lsp"]);
    }
    if !flags.vcs.value {
        off.extend(["jupyterlab_git", "nbdime"]);
    }
    if flags.restrictive() {
        off.push("jupyter_server_proxy");
    }
    off
}

/// Hides what would be refused. JupyterLab reads it before the person's own configuration.
fn page_config(flags: &Flags) -> String {
    // News would be asked for in a dialogue at the first start.
    let mut hidden = vec!["@jupyterlab/apputils-extension:announcements"];
    if !flags.shell.value {
        hidden.extend(["@jupyterlab/terminal-extension", "@jupyter-lsp/jupyterlab-lsp"]);
    }
    if !flags.downloads.value {
        hidden.extend([
            "@jupyterlab/filebrowser-extension:download",
            "@jupyterlab/filebrowser-extension:open-browser-tab",
            "@jupyterlab/filebrowser-extension:share-file",
            "@jupyterlab/docmanager-extension:download",
            "@jupyterlab/notebook-extension:export",
        ]);
    }
    if !flags.packages.value {
        hidden.push("@jupyterlab/extensionmanager-extension");
    }
    if !flags.vcs.value {
        hidden.extend(["@jupyterlab/git", "nbdime-jupyterlab"]);
    }
    if flags.restrictive() {
        hidden.push("@jupyterhub/jupyter-server-proxy");
    }
    let hidden: Map<String, Value> = hidden.into_iter().map(|name| (name.to_owned(), json!(true))).collect();
    format!("{:#}\n", json!({ "disabledExtensions": hidden }))
}

#[cfg(test)]
mod tests {
    use portcullis_model::{Secret, SessionId, Uid};

    use super::*;
    use crate::command;

    fn facts(session_dir: &str) -> LaunchFacts {
        LaunchFacts {
            id: SessionId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]),
            user: "alice".parse().expect("a name"),
            uid: Uid(1000),
            home: "/home/alice".into(),
            shell: "/bin/bash".into(),
            root_path: "/".into(),
            groups: Vec::new(),
            session_dir: session_dir.into(),
            pam_env: vec![
                ("LANG".into(), "de_DE.UTF-8".into()),
                ("HOME".into(), "/evil".into()),
                ("JUPYTER_TOKEN".into(), "known".into()),
                ("KRB5CCNAME".into(), "/tmp/krb5".into()),
                ("JUPYTER_PATH".into(), "/srv/jupyter".into()),
                ("bad=name".into(), "x".into()),
            ],
            token: Secret::from("sesame".to_owned()),
        }
    }

    fn settings(rsession: &str, jupyter: &str) -> Settings {
        let files = [
            ("rsession.conf".to_owned(), rsession.to_owned()),
            ("jupyter.conf".to_owned(), jupyter.to_owned()),
        ];
        portcullis_conf::load(&portcullis_conf::Sources::new("/etc/rstudio", files)).settings
    }

    const DIR: &str = "/run/portcullis/sessions/0102030405060708";

    #[test]
    fn the_command_holds_no_secret_and_no_foreign_value() {
        let command = command(Ide::Jupyter, &settings("", ""), &facts(DIR), &|_| true).expect("a command");
        assert_eq!(command.program, JUPYTER_PLACES[0]);
        assert_eq!(command.probe, "/s/0102030405060708/api");
        assert_eq!(command.socket, format!("{DIR}/ide.sock"));
        let all = format!("{:?} {:?} {:?}", command.args, command.env, command.files);
        assert!(!all.contains("sesame") && !all.contains("known") && !all.contains("/evil"), "{all}");
        let value = |name: &str| command.env.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        assert_eq!(value("HOME"), Some("/home/alice"));
        assert_eq!(value("LANG"), Some("de_DE.UTF-8"));
        assert_eq!(value("KRB5CCNAME"), Some("/tmp/krb5"));
        assert_eq!(value("PATH"), Some("/usr/local/bin:/usr/bin:/bin"));
        assert_eq!(value("bad=name"), None);
        assert_eq!(value("JUPYTER_PATH"), Some(format!("{DIR}/data:/srv/jupyter").as_str()));
        assert!(command.args.iter().any(|arg| arg == "--KernelManager.transport=ipc"));
        assert!(!command.args.iter().any(|arg| arg.contains("jpserver_extensions")));
    }

    #[test]
    fn flags_set_the_switches_too() {
        let settings = settings(
            "allow-shell=0\nallow-package-installation=0\nallow-vcs=0\nallow-file-downloads=0\n",
            "",
        );
        let command = command(Ide::Jupyter, &settings, &facts(DIR), &|_| true).expect("a command");
        for arg in [
            "--ServerApp.terminals_enabled=False",
            "--LabApp.extension_manager=readonly",
            "--ServerApp.jpserver_extensions={\"jupyter_server_terminals\":False,\"jupyter_lsp\":False,\"jupyterlab_git\":False,\"nbdime\":False,\"jupyter_server_proxy\":False}",
        ] {
            assert!(command.args.iter().any(|given| given == arg), "{arg}\n{:?}", command.args);
        }
        let page: Value = serde_json::from_str(&command.files[0].1).expect("JSON");
        assert_eq!(page["disabledExtensions"]["@jupyterlab/filebrowser-extension:download"], true);
    }

    #[test]
    fn an_extension_that_shows_reasons_is_beside_it() {
        let command = command(Ide::Jupyter, &settings("", ""), &facts(DIR), &|_| true).expect("a command");
        let file = |name: &str| {
            let name = format!("data/labextensions/portcullis-reasons/{name}");
            command.files.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
        };
        let package: Value =
            serde_json::from_str(file("package.json").expect("its description")).expect("JSON");
        let load = package["jupyterlab"]["_build"]["load"].as_str().expect("what is loaded");
        let script = file(load).expect("what is loaded is there");
        assert!(script.contains(&format!("'{}'", package["name"].as_str().expect("a name"))));
    }

    #[test]
    fn the_program_is_looked_for_in_order_and_its_absence_explained() {
        let none = command(Ide::Jupyter, &settings("", ""), &facts(DIR), &|_| false)
            .expect_err("nothing is installed");
        assert_eq!(
            none.to_string(),
            "JupyterLab is not installed: there is no program at `/usr/local/bin/jupyter-lab`, `/usr/bin/jupyter-lab`, \
             `/opt/jupyter/bin/jupyter-lab`"
        );
        let second = command(Ide::Jupyter, &settings("", ""), &facts(DIR), &|path| path == JUPYTER_PLACES[1]);
        assert_eq!(second.expect("a command").program, JUPYTER_PLACES[1]);
        let said = settings("", "jupyter-exe=/opt/lab\n");
        assert_eq!(
            command(Ide::Jupyter, &said, &facts(DIR), &|_| true).expect("a command").program,
            "/opt/lab"
        );
        let off = command(Ide::Jupyter, &settings("", "labs-enabled=0\n"), &facts(DIR), &|_| true);
        let off = off.expect_err("it is off").to_string();
        assert_eq!(off, "JupyterLab is switched off by labs-enabled=0 (jupyter.conf:1)");
    }

    #[test]
    fn arguments_that_the_session_decides_are_refused() {
        for bad in [
            "--ServerApp.root_dir=/",
            "--FileContentsManager.root_dir=/",
            "--LabApp.news_url=x",
            "--notebook-dir=/",
        ] {
            let said = settings("", &format!("lab-args={bad}\n"));
            let refused = command(Ide::Jupyter, &said, &facts(DIR), &|_| true);
            // The reader of the file may have refused it before: then it is not in the settings at all.
            let absent = said.jupyter.lab_args.is_empty();
            assert!(absent || matches!(refused, Err(CommandError::Argument { .. })), "{bad}: {refused:?}");
        }
        let said = settings("", "lab-args=--MappingKernelManager.cull_idle_timeout=600\n");
        let args = command(Ide::Jupyter, &said, &facts(DIR), &|_| true).expect("a command").args;
        assert_eq!(args[0], "--MappingKernelManager.cull_idle_timeout=600");
    }

    #[test]
    fn long_run_directories_are_refused_or_do_without_kernel_sockets() {
        let long = format!("/{}", "x".repeat(100));
        let refused = command(Ide::Jupyter, &settings("", ""), &facts(&long), &|_| true);
        assert!(matches!(refused, Err(CommandError::SocketName { .. })));
        let middling = format!("/{}", "x".repeat(70));
        let command =
            command(Ide::Jupyter, &settings("", ""), &facts(&middling), &|_| true).expect("a command");
        assert!(!command.args.iter().any(|arg| arg.contains("transport")));
    }
}

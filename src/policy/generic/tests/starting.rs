//! How an application is started, who may, and what a refusal looks like to its client.

use portcullis_model::session::IdeCommand;
use portcullis_model::{Secret, SessionId, Uid};

use super::*;
use crate::{Accepts, CommandError, LaunchFacts, Prefix, app_refusal_body, command};

const APP: &str = "[app sales]
title = Sales dashboard
command = /opt/sales/bin/serve --uds {socket} --root \"{base-url}/\" --tmp={session-dir}/tmp {home} {\"a\":1}
environment = BASE={base-url}
environment = LANG=C
prefix = keep
probe = /up
working-dir = {home}/sales
users = anna
groups = staff
";

fn facts(user: &str, groups: &[&str]) -> LaunchFacts {
    LaunchFacts {
        id: SessionId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]),
        user: user.parse().expect("a name"),
        uid: Uid(1000),
        home: format!("/home/{user}"),
        shell: "/bin/bash".into(),
        root_path: "/ide".into(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        session_dir: "/run/portcullis/sessions/01".into(),
        pam_env: vec![("LANG".into(), "de_DE.UTF-8".into()), ("PORTCULLIS_TOKEN".into(), "known".into())],
        token: Secret::from("sesame".to_owned()),
    }
}

fn start(text: &str, name: &str, user: &str, groups: &[&str]) -> Result<IdeCommand, CommandError> {
    command(app(name), &loaded(text).settings, &facts(user, groups), &|_| true)
}

#[test]
fn placeholders_become_the_sessions_own_places() {
    let command = start(APP, "sales", "anna", &[]).expect("a command");
    assert_eq!(command.program, "/opt/sales/bin/serve");
    assert_eq!(command.socket, "/run/portcullis/sessions/01/ide.sock");
    assert_eq!(
        command.args,
        [
            "--uds",
            "/run/portcullis/sessions/01/ide.sock",
            "--root",
            "/ide/s/0102030405060708/",
            "--tmp=/run/portcullis/sessions/01/tmp",
            "/home/anna",
            "{a:1}"
        ]
    );
    assert_eq!(
        (command.cwd.as_str(), command.probe.as_str()),
        ("/home/anna/sales", "/ide/s/0102030405060708/up")
    );
    let values = |name: &str| -> Vec<&str> {
        command.env.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(values("BASE"), ["/ide/s/0102030405060708"]);
    assert_eq!(values("LANG"), ["C"], "the administrator's replaces PAM's");
    assert_eq!(values("HOME"), ["/home/anna"]);
    assert_eq!(values("PORTCULLIS_TOKEN"), Vec::<&str>::new());
    let told = format!("{:?} {:?}", command.args, command.env);
    assert!(!told.contains("sesame") && !told.contains("known"), "{told}");
    assert_eq!(command.secret_env[0].0, "PORTCULLIS_TOKEN");
    let stripped = APP.replace("prefix = keep\n", "");
    assert_eq!(start(&stripped, "sales", "anna", &[]).expect("a command").probe, "/up");
}

#[test]
fn only_those_it_is_open_to_may_start_it() {
    assert!(start(APP, "sales", "anna", &[]).is_ok() && start(APP, "sales", "ben", &["staff"]).is_ok());
    let refused = start(APP, "sales", "ben", &["other"]).expect_err("not for ben").to_string();
    assert_eq!(refused, "Sales dashboard is not open to this account: users=anna (adapters.conf:9)");
    let open = APP.replace("users = anna\ngroups = staff\n", "");
    assert!(start(&open, "sales", "ben", &[]).is_ok());
    let groups = APP.replace("users = anna\n", "");
    assert!(
        start(&groups, "sales", "staff", &[])
            .expect_err("a name is no group")
            .to_string()
            .contains("groups=staff")
    );
}

#[test]
fn what_is_undeclared_unsafe_or_missing_is_said() {
    let undeclared = start(APP, "shiny", "anna", &[]).expect_err("nobody declared it").to_string();
    assert_eq!(undeclared, "the application `shiny` is not declared in adapters.conf");
    let tcp = "[app t]\ntitle=Old\ncommand=/bin/t --port {port}\nlisten=tcp\n";
    let refused = start(tcp, "t", "anna", &[]).expect_err("it listens to everybody").to_string();
    assert!(refused.starts_with("Old is not started: it can only listen on a TCP port"), "{refused}");
    let settings = loaded(APP).settings;
    let missing = command(app("sales"), &settings, &facts("anna", &[]), &|_| false).expect_err("no program");
    assert_eq!(
        missing.to_string(),
        "Sales dashboard is not installed: there is no program at `/opt/sales/bin/serve`"
    );
    let mut long = facts("anna", &[]);
    long.session_dir = format!("/{}", "x".repeat(110));
    let named = command(app("sales"), &settings, &long, &|_| true);
    assert!(matches!(named, Err(CommandError::SocketName { .. })));
}

#[test]
fn declared_applications_have_titles() {
    let adapters = adapters(&format!("{APP}[app bare]\ncommand=/bin/x {{socket}}\n"));
    let titles: Vec<&str> = adapters.apps().iter().map(crate::App::title).collect();
    assert_eq!(titles, ["Sales dashboard", "bare"]);
    assert_eq!(adapters.title(&app("sales")), "Sales dashboard");
    assert_eq!((adapters.title(&app("gone")), adapters.title(&Ide::Jupyter)), ("gone", "JupyterLab"));
    assert_eq!((adapters.prefix(app("sales")), adapters.prefix(app("bare"))), (Prefix::Keep, Prefix::Strip));
    assert_eq!(adapters.apps()[0].place(), "adapters.conf:1");
}

#[test]
fn a_refusal_has_the_form_its_client_asks_for() {
    let adapters = adapters("[app bare]\ncommand=/bin/x {socket}\n");
    let refusal = refusal(&adapters, app("bare"), SHELL, "POST /new");
    let (kind, body) =
        app_refusal_body(&refusal, "abc", Accepts::of(Some("text/html, application/problem+json;q=0.5")));
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((kind, &body["portcullis"]["id"]), ("application/json", &serde_json::json!("abc")));
    assert!(body["message"].as_str().is_some_and(|text| text.contains("POST /new") && !text.contains('`')));
    for accept in [None, Some("*/*"), Some("text/javascript"), Some("image/jsonish")] {
        let (kind, body) = app_refusal_body(&refusal, "abc", Accepts::of(accept));
        assert!(
            kind.starts_with("text/plain") && body.contains("POST /new") && body.contains("Reference: abc")
        );
    }
}

//! JSON-RPC: the method in the body runs; some calls go by the end of the address.

use std::process::exit;

use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::state::Session;
use crate::{files, terminal};

/// All methods of the real program.
const METHODS: &str = include_str!("../../../src/policy/testdata/rstudio-2025.07.methods");

/// The token that each new page gets, fixed here so that tests can name ports.
const PORT_TOKEN: &str = "63962fb32008";

fn read(request: &Request) -> Option<Value> {
    let call: Value = serde_json::from_slice(&request.body).ok()?;
    let good = request.method == "POST" && call["method"].is_string() && !call["params"].is_object();
    good.then_some(call)
}

/// The pair of tokens: any text, as long as both agree.
fn has_tokens(request: &Request) -> bool {
    let header = request.header("x-rs-csrf-token");
    !header.is_empty() && header == request.cookie("rs-csrf-token")
}

/// Answered by the listening thread, without tokens or client.
pub(crate) fn at_once(session: &Session, request: &Request) -> Option<Answer> {
    let ends = |name: &str| request.uri.ends_with(&format!("rpc/{name}"));
    if ends("abort") || ends("suspend_session") {
        // Ends after the answer: see `after`.
        return Some(Answer::json(&json!({"result": null})));
    }
    if ends("interrupt") {
        return Some(Answer::json(&json!({"result": false})));
    }
    if ends("client_init") {
        return Some(init(session, request));
    }
    None
}

/// What happens once the answer is out.
pub(crate) fn after(session: &Session, request: &Request) {
    let ends = |name: &str| request.uri.ends_with(&format!("rpc/{name}"));
    let call = read(request);
    if ends("abort") {
        exit(0);
    }
    if ends("suspend_session") {
        let force = call.as_ref().is_some_and(|call| call["params"][0] == true);
        session.suspend(force);
    }
    if let Some(call) =
        call.filter(|call| call["method"] == "quit_session" && request.uri.starts_with("/rpc/"))
    {
        if has_tokens(request) {
            session.quit(call["params"][1].as_str().unwrap_or_default());
        }
    }
}

fn init(session: &Session, request: &Request) -> Answer {
    if !has_tokens(request) {
        let inner = json!({"code": 8, "category": "MissingCSRFToken", "message": "missing header"});
        let error = json!({"code": 100, "message": "Error occurred while executing method", "error": inner});
        return Answer::json(&json!({"error": error}));
    }
    let (client, resumed) = session.new_client();
    let identity = request.header("x-rstudiouseridentity");
    let mut answer = Answer::json(&json!({"result": {
        "clientId": client,
        "client_version": "",
        "mode": "server",
        "userIdentity": identity,
        "systemUsername": session.user,
        "resumed": resumed,
        "allow_shell": true,
        "allow_file_upload": true,
        "allow_file_download": true,
        "request": request.header("x-rstudio-request"),
        "root_path": request.header("x-rstudio-root-path"),
        "authorization": request.header("authorization"),
        "prompt": "> ",
    }}));
    answer.headers.push(("Set-Cookie", format!("port-token={PORT_TOKEN}; path=/; HttpOnly")));
    answer
}

pub(crate) fn poll(session: &Session, request: &Request) -> Answer {
    let Some(call) = read(request) else { return Answer::error(6, "Invalid json-rpc request") };
    let client = call["clientId"].as_str().unwrap_or_default();
    match session.events(client, call["params"][0].as_i64().unwrap_or(-1)) {
        Some(events) => Answer::json(&json!({"result": events, "ep": "false"})),
        None => Answer::error(4, "Invalid client id"),
    }
}

pub(crate) fn call(session: &Session, request: &Request) -> Answer {
    let Some(call) = read(request) else { return Answer::error(6, "Invalid json-rpc request") };
    if !has_tokens(request) {
        return Answer::error(3, "Client unauthorized");
    }
    let method = call["method"].as_str().unwrap_or_default();
    session.seen(&format!("ran {method}"));
    if method != "ping" && !session.is_client(call["clientId"].as_str().unwrap_or_default()) {
        return Answer::error(4, "Invalid client id");
    }
    let known = METHODS.lines().any(|line| line.split('\t').next() == Some(method));
    if !known && method != "a_method_of_next_year" {
        return Answer::error(7, "Method not found");
    }
    match run(session, method, &call["params"]) {
        Ok(result) => Answer::json(&json!({"result": result, "ep": "false"})),
        Err(error) => {
            let code = error.raw_os_error().unwrap_or(5);
            let inner =
                json!({"code": code, "category": "system", "message": error.to_string(), "location": "x"});
            let error =
                json!({"code": 100, "message": "Error occurred while executing method", "error": inner});
            Answer::json(&json!({"error": error}))
        }
    }
}

fn run(session: &Session, method: &str, params: &Value) -> std::io::Result<Value> {
    let text = |at: usize| params[at].as_str().unwrap_or_default();
    let path = |at: usize| session.path(text(at));
    Ok(match method {
        "console_input" => {
            session.tell("console_write_input", json!({"text": text(0), "console": "", "flags": 0}));
            session.tell("busy", json!({"value": true}));
            session.tell("console_output", json!({"text": format!("ran {}", text(0)), "console": ""}));
            session.tell("busy", json!({"value": false}));
            session.tell("console_prompt", json!({"prompt": "> ", "history": true, "default": ""}));
            Value::Null
        }
        "execute_r_code" => json!(text(0)),
        "list_files" => {
            let names = std::fs::read_dir(path(0))?.flatten().map(|entry| json!({"path": entry.path()}));
            json!({"files": names.collect::<Vec<_>>(), "is_parent_browseable": true})
        }
        "stat" => {
            let about = std::fs::metadata(path(0));
            json!({"path": text(0), "exists": about.is_ok(), "length": about.map_or(0, |about| about.len())})
        }
        "get_file_contents" => {
            if !session.own_check(&path(0)) {
                return Err(std::io::Error::from_raw_os_error(13));
            }
            json!(std::fs::read_to_string(path(0))?)
        }
        "open_document" => {
            let contents = std::fs::read_to_string(path(0))?;
            let document = json!({"id": "D1", "path": text(0), "contents": contents});
            session.lock().documents.insert("D1".to_owned(), document.clone());
            if !session.own_check(&path(0)) {
                // The hole: the error is set, and the document is there all the same.
                return Err(std::io::Error::from_raw_os_error(13));
            }
            document
        }
        "get_source_document" => session.lock().documents.get(text(0)).cloned().unwrap_or_default(),
        "create_file" => {
            std::fs::write(path(0), text(1))?;
            Value::Null
        }
        "copy_file" => {
            std::fs::copy(path(0), path(1))?;
            Value::Null
        }
        "delete_files" => {
            for file in params[0].as_array().into_iter().flatten() {
                std::fs::remove_file(session.path(file.as_str().unwrap_or_default()))?;
            }
            Value::Null
        }
        "complete_upload" => {
            files::complete(session, &params[0], params[1] == true)?;
            Value::Null
        }
        "start_terminal" => terminal::start(session, &params[0], PORT_TOKEN)?,
        "git_push" | "vcs_clone" | "rsconnect_publish" | "rpubs_upload" | "install_dependencies" => {
            json!(format!("{method} done"))
        }
        _ => Value::Null,
    })
}

//! The audit of consoles: what people run and type is in the log, by whichever way it goes; what can't be read goes nowhere.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, World, case, kernel, until, websocket};
use serde_json::{Value, json};
use tungstenite::Message;

/// A cold start while other tests run.
const START: u64 = 120;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("console::every_way_into_a_kernel_is_in_the_log", routes),
        case("console::nothing_is_in_the_log_when_nobody_asked_for_it", control),
        case("console::one_person_is_recorded_and_another_is_not", profiles),
        case("console::what_nobody_knows_is_answered_and_goes_nowhere", unknown),
        case("console::what_is_typed_into_a_terminal_is_in_the_log_by_line", terminal),
        case("console::a_real_kernel_is_recorded_by_all_five_ways_around_its_cells", real),
        case("console::a_real_terminal_is_recorded_both_ways", real_terminal),
    ]
}

/// Ways to have a kernel run something: channel, type, content, and what is to be in the log.
fn ways() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    vec![
        ("shell", "execute_request", json!({"code": "plain_cell()"}), "plain_cell()"),
        (
            "shell",
            "execute_request",
            json!({"code": "", "silent": true, "user_expressions": {"x": "by_expression()"}}),
            "x = by_expression()",
        ),
        ("stdin", "input_reply", json!({"value": "by_stdin()"}), "by_stdin()"),
        (
            "control",
            "debug_request",
            json!({"command": "evaluate", "arguments": {"expression": "by_debugger()"}}),
            r#"{"command":"evaluate","arguments":{"expression":"by_debugger()"}}"#,
        ),
        ("control", "execute_request", json!({"code": "by_control()"}), "by_control()"),
    ]
}

fn channels(id: &str) -> String {
    format!("/s/{id}/api/kernels/0b5cbc30-0000-4000-8000-000000000000/channels?session_id=1")
}

fn open(client: &Client, id: &str, v1: bool) -> Result<websocket::Socket> {
    let headers: &[(&str, &str)] = if v1 { &[("Sec-WebSocket-Protocol", kernel::V1)] } else { &[] };
    websocket::open(client, &channels(id), headers)
}

fn running(stage: &Stage, audit: &str, stem: &str) -> Result<(World, Client, String)> {
    let world = stage.world().conf("rserver.conf", &format!("audit-r-console={audit}")).start()?;
    let (_, client) = world.signed_in(stem)?;
    let id = client.start_session(30)?;
    Ok((world, client, id))
}

/// Records of consoles with this field.
fn recorded(world: &World, field: &str, value: &str) -> Result<bool> {
    Ok(world.audit()?.iter().any(|record| record["event"] == "console" && record[field] == value))
}

fn say_all(client: &Client, id: &str) -> Result<()> {
    for v1 in [true, false] {
        let mut socket = open(client, id, v1)?;
        for (channel, kind, content, _) in ways() {
            kernel::send(&mut socket, v1, channel, kind, &content)?;
            // The double sends it back: it went through, unchanged.
            let back = kernel::await_kind(&mut socket, kind)?;
            ensure!(back.content == content && back.channel == channel, "{back:?}");
        }
    }
    Ok(())
}

fn routes(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "input", "con")?;
    say_all(&client, &id)?;
    for (channel, kind, _, text) in ways() {
        let named: Vec<_> =
            [format!("{channel} {kind}"), format!("{channel} {kind} silent user_expressions")].into();
        let fields = [("session", id.as_str()), ("text", text), ("direction", "input"), ("ide", "jupyter")];
        let record = world.await_audit("console", &fields, 10)?;
        ensure!(named.iter().any(|name| record["channel"] == **name), "{record}");
        ensure!(record["path"].as_str().is_some_and(|path| path.starts_with("/api/kernels/")), "{record}");
        until::is("once in each framing", 10, || {
            world.count_audit("console", &fields).is_ok_and(|count| count == 2)
        })?;
    }
    Ok(())
}

fn control(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "none", "cou")?;
    say_all(&client, &id)?;
    let page = client.get("/")?.expect(200)?.text();
    ensure!(!page.contains("recorded here"), "{page}");
    client.post("/auth-sign-out", &[])?;
    world.await_audit("sign-in-ended", &[], 10)?;
    ensure!(world.count_audit("console", &[])? == 0, "{:?}", world.audit()?);
    Ok(())
}

fn profiles(stage: &Stage) -> Result<()> {
    let world = stage.world().file("profiles", "[*]\naudit-r-console=input\n").start()?;
    let (_, client) = world.signed_in("cop")?;
    let id = client.start_session(30)?;
    say_all(&client, &id)?;
    world.await_audit("console", &[("session", &id), ("text", "plain_cell()")], 10)?;
    // Whoever is recorded is told so before starting anything.
    let page = client.get("/")?.expect(200)?.text();
    ensure!(page.contains("is recorded here") && page.contains("audit-r-console=input"), "{page}");
    ensure!(page.contains("(profiles:"), "{page}");
    Ok(())
}

fn unknown(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "input", "coq")?;
    for v1 in [true, false] {
        let mut socket = open(&client, &id, v1)?;
        for (channel, kind) in [("shell", "apply_request"), ("iopub", "execute_request")] {
            kernel::send(&mut socket, v1, channel, kind, &json!({"code": "unseen()"}))?;
            let error = kernel::await_kind(&mut socket, "error")?;
            ensure!(error.content["ename"] == "Portcullis", "{error:?}");
            let why = error.content["evalue"].as_str().unwrap_or_default();
            ensure!(why.contains("audit-r-console=input (rserver.conf:"), "{why}");
            world.await_audit("refused", &[("session", &id), ("what", &format!("{channel} {kind}"))], 10)?;
        }
        // The socket goes on.
        kernel::send(&mut socket, v1, "shell", "execute_request", &json!({"code": "seen()"}))?;
        kernel::await_kind(&mut socket, "execute_request")?;
        socket.send(Message::binary(vec![1, 2, 3]))?;
        socket.send(Message::text("{\"header\":{}}"))?;
        let (code, _) = websocket::await_close(&mut socket)?;
        ensure!(code == Some(1007), "{code:?}");
    }
    ensure!(!recorded(&world, "text", "unseen()")?, "what was refused is no input");
    Ok(())
}

fn terminal(stage: &Stage) -> Result<()> {
    let (world, client, id) = running(stage, "all", "cor")?;
    // A command that the terminal brings along would run without a key being pressed.
    let terminals = format!("/s/{id}/api/terminals");
    let own = json!({"shell_command": ["sh", "-c", "id"]});
    let answer = client.request("POST", &terminals).json(&own).send()?.expect(403)?.json()?;
    ensure!(answer["reason"].as_str().is_some_and(|rule| rule.contains("audit-r-console=all")), "{answer}");
    client.request("POST", &terminals).json(&json!({"cwd": ""})).send()?.expect(201)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[])?;
    for text in [r#"["set_size",24,80,1,1]"#, r#"["stdin","ls /"]"#, r#"["stdin","\u0003\r"]"#] {
        ensure!(websocket::echo(&mut socket, text)? == text, "no echo of {text}");
    }
    world.await_audit(
        "console",
        &[("text", "ls /\\x03"), ("channel", "terminal"), ("direction", "input")],
        10,
    )?;
    let shown = r#"["stdout","\u001b[1mbin\u001b[0m\r\n"]"#;
    socket.send(Message::text(shown))?;
    // To the terminal there is no such message; from it there is, but the double can't say it first.
    let (code, _) = websocket::await_close(&mut socket)?;
    ensure!(code == Some(1007), "{code:?}");
    Ok(())
}

fn real(stage: &Stage) -> Result<()> {
    let world = stage.world().jupyter().conf("rserver.conf", "audit-r-console=all").start()?;
    let (_, client) = world.signed_in("cos")?;
    let id = client.start_session(START)?;
    let kernel = kernel::start(&client, &id)?;
    let seen = |text: &str| world.await_audit("console", &[("session", &id), ("text", text)], 20);
    // The framing that nobody looks at, and a cell like any other.
    for v1 in [false, true] {
        let mut socket = kernel::connect(&client, &id, &kernel, v1)?;
        ensure!(kernel::execute(&mut socket, v1, &format!("40+2 # {v1}"))? == "42", "42");
        seen(&format!("40+2 # {v1}"))?;
        world.await_audit("console", &[("channel", "iopub execute_result"), ("text", "42")], 20)?;

        let silent =
            json!({"code": "", "silent": true, "user_expressions": {"x": "6*7"}, "allow_stdin": false});
        kernel::send(&mut socket, v1, "shell", "execute_request", &silent)?;
        let reply = kernel::await_kind(&mut socket, "execute_reply")?;
        ensure!(reply.content["user_expressions"]["x"]["data"]["text/plain"] == "42", "it runs: {reply:?}");
        seen("x = 6*7")?;

        let request = json!({"code": "print(eval(input('more? ')))", "allow_stdin": true});
        kernel::send(&mut socket, v1, "shell", "execute_request", &request)?;
        kernel::await_kind(&mut socket, "input_request")?;
        kernel::send(&mut socket, v1, "stdin", "input_reply", &json!({"value": "7*8"}))?;
        let [printed, _] = kernel::await_kinds(&mut socket, ["stream", "execute_reply"])?;
        ensure!(printed.content["text"] == "56\n", "it runs: {printed:?}");
        seen("7*8")?;

        let request = json!({"code": "import getpass; len(getpass.getpass())", "allow_stdin": true});
        kernel::send(&mut socket, v1, "shell", "execute_request", &request)?;
        kernel::await_kind(&mut socket, "input_request")?;
        kernel::send(&mut socket, v1, "stdin", "input_reply", &json!({"value": "s3cret-word"}))?;
        kernel::await_kind(&mut socket, "execute_reply")?;
        seen("«hidden»")?;

        let request = json!({"code": "99", "user_expressions": {}, "allow_stdin": false});
        kernel::send(&mut socket, v1, "control", "execute_request", &request)?;
        kernel::await_kind(&mut socket, "execute_reply")?;
        world.await_audit("console", &[("channel", "control execute_request"), ("text", "99")], 20)?;

        debug(&mut socket, v1)?;
        let evaluate = world.audit()?.into_iter().any(|record| {
            record["channel"] == "control debug_request"
                && record["text"].as_str().is_some_and(|text| text.contains("11*11"))
        });
        ensure!(evaluate, "{:?}", world.audit()?);
    }
    let log = serde_json::to_string(&world.audit()?)?;
    ensure!(!log.contains("s3cret-word"), "a password is in the log");
    ensure!(world.count_audit("refused", &[("session", &id)])? == 0, "{log}");
    Ok(())
}

/// Evaluates by the debugger: no cell, no history.
fn debug(socket: &mut websocket::Socket, v1: bool) -> Result<()> {
    let mut ask = |seq: u32, command: &str, arguments: Value| -> Result<Value> {
        let content = json!({"type": "request", "seq": seq, "command": command, "arguments": arguments});
        kernel::send(socket, v1, "control", "debug_request", &content)?;
        Ok(kernel::await_kind(socket, "debug_reply")?.content)
    };
    let client = json!({"clientID": "x", "adapterID": "x", "pathFormat": "path", "linesStartAt1": true, "columnsStartAt1": true});
    ask(1, "initialize", client)?;
    ask(2, "attach", json!({}))?;
    ask(3, "evaluate", json!({"expression": "11*11", "context": "repl"}))?;
    ask(4, "disconnect", json!({"restart": false, "terminateDebuggee": false}))?;
    Ok(())
}

fn real_terminal(stage: &Stage) -> Result<()> {
    let world = stage.world().jupyter().conf("rserver.conf", "audit-r-console=all").start()?;
    let (_, client) = world.signed_in("cot")?;
    let id = client.start_session(START)?;
    let at = |path: &str| format!("/s/{id}{path}");
    let made = client.request("POST", &at("/api/terminals")).json(&json!({})).send()?.expect(200)?.json()?;
    let name = made["name"].as_str().context("no terminal")?.to_owned();
    let mut socket = websocket::open(&client, &at(&format!("/terminals/websocket/{name}")), &[])?;
    socket.send(Message::text(json!(["stdin", "echo $((40+2))-done\r"]).to_string()))?;
    websocket::await_text(&mut socket, "42-done")?;
    world.await_audit(
        "console",
        &[("session", &id), ("text", "echo $((40+2))-done"), ("direction", "input")],
        20,
    )?;
    drop(socket);
    until::is("what the terminal showed is in the log", 20, || {
        world.audit().is_ok_and(|log| {
            log.iter().any(|record| {
                record["direction"] == "output"
                    && record["text"].as_str().is_some_and(|text| text.contains("42-done"))
            })
        })
    })
}

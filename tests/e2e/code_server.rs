//! The real code-server: its pages, its sockets, every flag on and off, by a client of one's own.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::editor::{Answer, Arg, Editor, uri};
use portcullis_testing::{Account, Client, Stage, World, case, until, websocket};
use serde_json::json;

/// A cold start while other tests run.
const START: u64 = 120;
const FILES: &str = "remoteFilesystem";

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("code_server::open_flags_files_a_terminal_and_a_port_work", open),
        case("code_server::what_terminals_start_and_type_is_recorded", recorded),
        case("code_server::closed_flags_hold_with_their_reasons_and_editing_goes_on", closed),
        case("code_server::only_the_listed_folders_are_seen", directories),
        case("code_server::a_broken_connection_comes_back_and_is_decided_again", reconnection),
        case("code_server::sockets_that_hide_something_are_refused", odd_sockets),
    ]
}

struct Running {
    world: World,
    account: Account,
    client: Client,
    id: String,
}

fn running(stage: &Stage, flags: &str, stem: &str) -> Result<Running> {
    let world = stage.world().code_server().conf("rsession.conf", flags).start()?;
    let (account, client) = world.signed_in(stem)?;
    let id = client.open_session_of("code-server")?;
    client.await_running(&id, START)?;
    Ok(Running { world, account, client, id })
}

impl Running {
    fn editor(&self, token: &str) -> Result<Editor> {
        Editor::open(&self.client, &self.id, "/stable-x", token)
    }

    fn at(&self, path: &str) -> String {
        format!("/s/{}{path}", self.id)
    }

    fn home(&self, name: &str) -> String {
        self.account.home.join(name).display().to_string()
    }

    /// A shell without the interface's questions; its number.
    fn shell(&self, editor: &mut Editor) -> Result<Result<u32, String>> {
        let home = self.home("");
        let wish = json!({
            "configuration": {
                "terminal.integrated.env.linux": {}, "terminal.integrated.cwd": "",
                "terminal.integrated.detectLocale": "auto"
            },
            "resolvedVariables": {}, "envVariableCollections": [],
            "shellLaunchConfig": {"executable": "/bin/sh", "args": ["-i"], "env": {}, "cwd": home},
            "workspaceId": "w", "workspaceName": "w", "workspaceFolders": [],
            "shouldPersistTerminal": false, "cols": 80, "rows": 24, "unicodeVersion": "6",
            "resolverEnv": {},
            "options": {"shellIntegration": {"enabled": false}, "windowsUseConptyDll": false, "environmentVariableCollections": null}
        });
        let made = editor.call_with("remoteterminal", "$createProcess", &Arg::Json(wish))?;
        Ok(made.map(|answer| match answer {
            Answer::Json(answer) => {
                answer["persistentTerminalId"].as_u64().and_then(|id| u32::try_from(id).ok()).unwrap_or(0)
            }
            _ => 0,
        }))
    }
}

fn open(stage: &Stage) -> Result<()> {
    let running = running(stage, "allow-shell=1", "ann")?;
    let page = running.client.get(&running.at("/?folder=/tmp"))?.expect(200)?.text();
    ensure!(page.contains("vscode-workbench-web-configuration"), "{page}");
    let bare = running.client.get(&running.at(""))?;
    ensure!(bare.header("location") == Some(&running.at("/")), "{:?}", bare.header("location"));
    let mut editor = running.editor("00000000-0000-4000-8000-000000000001")?;
    // A file comes in, is opened, saved and goes out by both ways.
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
    let path = running.home("up.bin");
    editor.save(&path, &large)?.map_err(anyhow::Error::msg)?;
    ensure!(std::fs::read(&path)? == large, "the file changed on its way in");
    let read = editor.call(FILES, "readFile", &[uri(&path), Arg::Nothing])?;
    ensure!(read == Ok(Answer::Bytes(large.clone())), "the file changed on its way out");
    ensure!(editor.stream(&path)? == Ok(large.clone()), "the file changed when it was opened");
    let served = running.client.get(&running.at(&format!("/vscode-remote-resource?path={path}")))?;
    ensure!(served.expect(200)?.body == large, "the file changed over HTTP");
    for way in ["upload", "download"] {
        let fields = [("session", running.id.as_str()), ("direction", way)];
        let record = running.world.await_audit("transfer", &fields, 20)?;
        ensure!(record["bytes"] == 3_000_000, "{record}");
    }
    // A terminal.
    let shell = running.shell(&mut editor)?.map_err(anyhow::Error::msg)?;
    editor.call("remoteterminal", "$start", &[Arg::Int(shell)])?.map_err(anyhow::Error::msg)?;
    for line in ["echo $((40+2)) > made.txt\r", "python3 -m http.server 18123 --bind 127.0.0.1 &\r"] {
        editor
            .call("remoteterminal", "$input", &[Arg::Int(shell), Arg::Text(line.to_owned())])?
            .map_err(anyhow::Error::msg)?;
    }
    let made = running.home("made.txt");
    until::is("the terminal writes", 30, || std::fs::read_to_string(&made).is_ok_and(|text| text == "42\n"))?;
    let port = running.at("/proxy/18123/made.txt");
    until::is("the port answers", 30, || {
        running.client.get(&port).is_ok_and(|answer| answer.text() == "42\n")
    })?;
    let other = running.client.get(&running.at("/Proxy/18123/made.txt"))?;
    ensure!(other.status == 403, "another spelling was answered {}", other.status);
    Ok(())
}

fn closed(stage: &Stage) -> Result<()> {
    let flags = "allow-shell=0\nallow-file-uploads=0\nallow-file-downloads=0\nallow-package-installation=0\nallow-vcs=0";
    let running = running(stage, flags, "bob")?;
    let text = running.home("a.txt");
    std::fs::write(&text, "one\n")?;
    std::os::unix::fs::chown(&text, Some(running.account.uid), None)?;
    let mut editor = running.editor("00000000-0000-4000-8000-000000000002")?;
    let refused = |what: &str, flag: &str, answer: Result<Answer, String>| {
        let said = answer.err().with_context(|| format!("{what} was not refused"))?;
        ensure!(said.contains(flag) && said.contains("rsession.conf"), "{what}: {said}");
        Ok(())
    };
    // A terminal is made that doesn't exist: VS Code shows only why one can't be started.
    let shell = running.shell(&mut editor)?;
    ensure!(shell == Ok(0x7fff_ffff), "a terminal was made: {shell:?}");
    let started = editor.call("remoteterminal", "$start", &[Arg::Int(1)])?;
    ensure!(
        matches!(&started, Ok(Answer::Json(why)) if why["message"].to_string().contains("allow-shell=0")),
        "a terminal was started: {started:?}"
    );
    for (name, args) in [
        ("$input", vec![Arg::Int(1), Arg::Text("id\r".into())]),
        ("$attachToProcess", vec![Arg::Int(1)]),
        (
            "$reviveTerminalProcesses",
            vec![Arg::Text("w".into()), Arg::Json(json!([])), Arg::Text("x".into())],
        ),
    ] {
        refused(name, "allow-shell=0", editor.call("remoteterminal", name, &args)?)?;
    }
    refused("a binary upload", "allow-file-uploads=0", editor.save(&running.home("u.bin"), &[0; 64])?)?;
    refused(
        "a large upload",
        "allow-file-uploads=0",
        editor.save(&running.home("u.txt"), &vec![b'x'; 300_000])?,
    )?;
    refused(
        "a download",
        "allow-file-downloads=0",
        editor.call(FILES, "readFile", &[uri(&text), Arg::Nothing])?,
    )?;
    for name in ["install", "installFromGallery", "uninstall", "zip"] {
        let args = [uri("/tmp/x.vsix"), Arg::Nothing];
        refused(name, "allow-package-installation=0", editor.call("extensions", name, &args)?)?;
    }
    let ask = [Arg::Json(json!({"type": "GET", "url": "http://127.0.0.1:22/"}))];
    let said = editor.call("request", "request", &ask)?.err().context("a request was not refused")?;
    ensure!(said.contains("allow-shell=0"), "{said}");
    let said = editor.call("nobody", "knows", &[])?.err().context("the unknown was not refused")?;
    ensure!(said.contains("nobody.knows"), "{said}");
    ensure!(!std::fs::exists(running.home("u.bin"))? && !std::fs::exists(running.home("u.txt"))?);
    // And all the while, people edit.
    ensure!(editor.stream(&text)? == Ok(b"one\n".to_vec()), "opening");
    editor.save(&text, b"two\n")?.map_err(anyhow::Error::msg)?;
    ensure!(std::fs::read_to_string(&text)? == "two\n", "saving");
    let listed = editor.call(FILES, "readdir", &[uri(&running.home(""))])?.map_err(anyhow::Error::msg)?;
    ensure!(format!("{listed:?}").contains("a.txt"), "{listed:?}");
    for (path, flag) in [
        (format!("/vscode-remote-resource?path={text}"), "allow-file-downloads=0"),
        (format!("/vscode/stable-x/vscode-remote-resource?path={text}"), "allow-file-downloads=0"),
        ("/proxy/18124/".to_owned(), "allow-shell=0"),
        ("/absproxy/18124/".to_owned(), "allow-shell=0"),
        ("/no/such".to_owned(), "allow-shell=0"),
    ] {
        let answer = running.client.get(&running.at(&path))?;
        ensure!(
            answer.status == 403 && answer.text().contains(flag),
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
    }
    let record = [("session", running.id.as_str()), ("path", "remoteterminal.$createProcess")];
    let found = running.world.audit()?.iter().any(|record| {
        record.to_string().contains("$createProcess") && record.to_string().contains("allow-shell=0")
    });
    ensure!(found, "no record of the refused terminal {record:?}");
    Ok(())
}

fn directories(stage: &Stage) -> Result<()> {
    let running = running(stage, "restrict-directory-view=1\ndirectory-view-allow-list=/usr/share", "cat")?;
    let mut editor = running.editor("00000000-0000-4000-8000-000000000003")?;
    let link = running.home("link");
    std::os::unix::fs::symlink("/etc", &link)?;
    std::fs::write(running.home("own.txt"), "own\n")?;
    ensure!(editor.stream(&running.home("own.txt"))? == Ok(b"own\n".to_vec()), "one's own file");
    editor.call(FILES, "readdir", &[uri("/usr/share")])?.map_err(anyhow::Error::msg)?;
    for path in ["/etc/passwd", &format!("{link}/passwd"), &running.home("../../etc/passwd"), "/usr/share-x"]
    {
        let said = editor.stream(path)?.err().with_context(|| format!("{path} was read"))?;
        ensure!(said.contains("restrict-directory-view=1"), "{path}: {said}");
        for name in ["stat", "readdir", "readFile"] {
            let said = editor.call(FILES, name, &[uri(path), Arg::Nothing])?.err();
            let said = said.with_context(|| format!("{name} {path} was answered"))?;
            ensure!(said.contains("restrict-directory-view=1"), "{name} {path}: {said}");
        }
    }
    let copy = [uri("/etc/passwd"), uri(&running.home("p")), Arg::Json(json!({"overwrite": true}))];
    ensure!(editor.call(FILES, "copy", &copy)?.is_err(), "a copy came out");
    for path in ["/?folder=/etc", &format!("/?folder={link}"), "/vscode-remote-resource?path=/etc/passwd"] {
        let answer = running.client.get(&running.at(path))?;
        ensure!(answer.status == 403, "{path} was answered {}", answer.status);
    }
    let own = running.client.get(&running.at(&format!("/?folder={}", running.home(""))))?;
    ensure!(own.status == 200, "one's own folder was answered {}", own.status);
    ensure!(editor.stream(&running.home("own.txt"))? == Ok(b"own\n".to_vec()), "editing goes on");
    Ok(())
}

fn reconnection(stage: &Stage) -> Result<()> {
    let running = running(stage, "allow-shell=0", "dan")?;
    let mut editor = running.editor("00000000-0000-4000-8000-000000000004")?;
    let path = running.home("a.txt");
    editor.save(&path, b"one\n")?.map_err(anyhow::Error::msg)?;
    let input = [Arg::Int(1), Arg::Text("id\r".to_owned())];
    let lost = editor.lose("remoteterminal", "$input", &input);
    let stat = editor.lose(FILES, "stat", &[uri(&path)]);
    editor.reconnect(&running.client, &running.id)?;
    let said = editor.answer(lost)?.err().context("what came again was not refused")?;
    ensure!(said.contains("allow-shell=0"), "{said}");
    ensure!(editor.answer(stat)?.is_ok(), "what came again and is allowed");
    editor.save(&path, b"two\n")?.map_err(anyhow::Error::msg)?;
    ensure!(std::fs::read_to_string(&path)? == "two\n", "saving goes on");
    Ok(())
}

fn odd_sockets(stage: &Stage) -> Result<()> {
    let running = running(stage, "allow-vcs=0", "eve")?;
    let token = "reconnectionToken=00000000-0000-4000-8000-000000000005";
    for query in [
        String::new(),
        format!("?{token}"),
        format!("?{token}&skipWebSocketFrames=true"),
        format!("?{token}&skipWebSocketFrames=false&skipWebSocketFrames=true"),
    ] {
        let path = running.at(&format!("/stable-x{query}"));
        let answer = websocket::refusal(websocket::open(&running.client, &path, &[]))?;
        ensure!(answer.status == 403, "{query} was answered {}", answer.status);
    }
    // Any path is the editor's, and is read.
    let mut editor = Editor::open(&running.client, &running.id, "/foo/bar", &token[18..])?;
    let stat = editor.call(FILES, "stat", &[uri(&running.home(""))])?;
    ensure!(stat.is_ok(), "{stat:?}");
    let path =
        running.at(&format!("/?{}&reconnection=false&skipWebSocketFrames=false", token.replace('5', "6")));
    let mut tunnel = websocket::open(&running.client, &path, &[])?;
    let mut bytes = Vec::new();
    for text in [
        r#"{"type":"auth","auth":"0","data":"x"}"#,
        r#"{"type":"connectionType","signedData":"x","desiredConnectionType":3,"args":{"host":"127.0.0.1","port":22}}"#,
    ] {
        bytes.extend([2, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(u32::try_from(text.len())?.to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    tunnel.send(tungstenite::Message::binary(bytes))?;
    let (code, _) = websocket::await_close(&mut tunnel)?;
    ensure!(code == Some(1008), "the tunnel ended with {code:?}");
    Ok(())
}

fn recorded(stage: &Stage) -> Result<()> {
    let running = running(stage, "audit-r-console=input", "ann")?;
    let mut editor = running.editor("00000000-0000-4000-8000-000000000009")?;
    let shell = running.shell(&mut editor)?.map_err(anyhow::Error::msg)?;
    let start = running.world.await_audit("console", &[("channel", "terminal start")], 20)?;
    ensure!(start["text"].as_str().is_some_and(|text| text.contains("/bin/sh")), "{start}");
    editor.call("remoteterminal", "$start", &[Arg::Int(shell)])?.map_err(anyhow::Error::msg)?;
    for (name, line) in [("$input", "echo by_key\r"), ("$processBinary", "echo in_bytes\r")] {
        let keys = [Arg::Int(shell), Arg::Text(line.to_owned())];
        editor.call("remoteterminal", name, &keys)?.map_err(anyhow::Error::msg)?;
        running.world.await_audit("console", &[("channel", "terminal"), ("text", line.trim_end())], 20)?;
    }
    let reply = [Arg::Text("$ ".to_owned()), Arg::Text("echo by_itself\r".to_owned())];
    let refused = editor.call("remoteterminal", "$installAutoReply", &reply)?;
    ensure!(refused.as_ref().is_err_and(|why| why.contains("consoles are recorded here")), "{refused:?}");
    Ok(())
}

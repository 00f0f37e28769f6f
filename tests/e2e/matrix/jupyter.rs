//! The real JupyterLab with kernels for Python and R, its terminal, its panel for git.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use portcullis_testing::websocket::Socket;
use portcullis_testing::{Account, Client, Stage, kernel, place, websocket};
use serde_json::{Value, json};

use super::combos::{Action, Combo, Expect};
use super::{Ground, START, Sandbox, Tally, python, r};

pub(super) fn run(stage: &Stage, combo: Combo, sandbox: Sandbox) -> Result<()> {
    let ground = Ground::new()?;
    let world = ground.world(stage, combo, sandbox)?.jupyter().start()?;
    let (account, client) = world.signed_in("mat")?;
    let id = client.start_session(START)?;
    let desk = Desk { client, id, account, ground, combo, sandbox };
    let mut tally = Tally::default();
    desk.interface(&mut tally);
    desk.python(&mut tally)?;
    if Path::new("/usr/share/jupyter/kernels/ir").is_dir() {
        desk.r(&mut tally)?;
    } else {
        tally.left_out.push("R (there is no kernel for it)");
    }
    tally.end(&format!("JupyterLab {}", if sandbox == Sandbox::On { combo.name() } else { "alone".into() }))
}

struct Desk {
    client: Client,
    id: String,
    account: Account,
    ground: Ground,
    combo: Combo,
    sandbox: Sandbox,
}

/// Refused by the proxy, whatever the sandbox does.
const NO_TERMINAL: &[&str] = &["allow-shell=0"];
const NO_GIT: &[&str] = &["allow-vcs=0"];

impl Desk {
    fn at(&self, path: &str) -> String {
        format!("/s/{}{path}", self.id)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.client.request("POST", &self.at(path)).json(body).send()?;
        ensure!(answer.status < 300, "{path}: {} {}", answer.status, answer.text());
        Ok(answer.json().unwrap_or_default())
    }

    fn interface(&self, tally: &mut Tally) {
        let mut note = |name: &str, expect: Expect, done: Result<()>| {
            let said = done.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
            tally.note(name, expect, done.is_ok(), &said);
        };
        note("saving a notebook", Expect::Works, self.save());
        note("a terminal", Expect::works_if(self.combo.shell, NO_TERMINAL), self.terminal());
        note("a commit by the panel for git", Expect::works_if(self.combo.vcs, NO_GIT), self.commit());
        note("interrupting and restarting a kernel", Expect::Works, self.interrupt());
        note("completing a word", Expect::Works, self.complete());
    }

    fn save(&self) -> Result<()> {
        let cell = json!({"cell_type": "code", "id": "a", "source": "1+1", "metadata": {}, "outputs": [], "execution_count": null});
        let notebook = json!({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]});
        let model = json!({"type": "notebook", "format": "json", "content": notebook});
        let path = self.at("/api/contents/Gr%C3%B6%C3%9Fe.ipynb");
        let saved = self.client.request("PUT", &path).json(&model).send()?;
        ensure!(matches!(saved.status, 200 | 201), "{} {}", saved.status, saved.text());
        self.post("/api/contents/Gr%C3%B6%C3%9Fe.ipynb/checkpoints", &json!({}))?;
        let read = self.client.get(&format!("{path}?content=1"))?.expect(200)?.json()?;
        ensure!(read["content"]["cells"][0]["source"] == "1+1", "{read}");
        ensure!(std::fs::exists(self.account.home.join("Größe.ipynb"))?, "it is not on disk");
        Ok(())
    }

    fn terminal(&self) -> Result<()> {
        let name = self.post("/api/terminals", &json!({}))?["name"].as_str().context("no name")?.to_owned();
        let mut socket =
            websocket::open(&self.client, &self.at(&format!("/terminals/websocket/{name}")), &[])?;
        let line = json!(["stdin", "id -un; echo $((40+2))-done\n"]);
        socket.send(tungstenite::Message::text(line.to_string()))?;
        websocket::await_text(&mut socket, "42-done")
    }

    fn commit(&self) -> Result<()> {
        self.post("/api/contents", &json!({"type": "directory"}))?;
        let folder = "Untitled%20Folder";
        // The panel's own first commit asks who it is before the panel could be told.
        let who = "[user]\nname = a\nemail = a@example.org\n";
        std::fs::write(self.account.home.join(".gitconfig"), who)?;
        self.post(&format!("/git/{folder}/init"), &json!({}))?;
        let file = json!({"type": "file", "format": "text", "content": "x\n"});
        let path = self.at(&format!("/api/contents/{folder}/a.txt"));
        self.client.request("PUT", &path).json(&file).send()?.expect(201)?;
        self.post(&format!("/git/{folder}/add_all_untracked"), &json!({}))?;
        self.post(&format!("/git/{folder}/commit"), &json!({"commit_msg": "one"}))?;
        let log = self.post(&format!("/git/{folder}/log"), &json!({"history_count": 5}))?;
        ensure!(log["commits"][0]["commit_msg"] == "one", "{log}");
        Ok(())
    }

    fn interrupt(&self) -> Result<()> {
        let kernel = kernel::start(&self.client, &self.id)?;
        let mut socket = kernel::connect(&self.client, &self.id, &kernel, true)?;
        kernel::execute(&mut socket, true, "1")?;
        let content = json!({"code": "print('begun', flush=True)\nimport time\ntime.sleep(50)", "silent": false, "store_history": false, "user_expressions": {}, "allow_stdin": false, "stop_on_error": true});
        kernel::send(&mut socket, true, "shell", "execute_request", &content)?;
        kernel::await_kind(&mut socket, "stream")?;
        self.post(&format!("/api/kernels/{kernel}/interrupt"), &json!({}))?;
        let error = kernel::await_kinds(&mut socket, ["error"])?;
        ensure!(error[0].content["ename"] == "KeyboardInterrupt", "{:?}", error[0]);
        self.post(&format!("/api/kernels/{kernel}/restart"), &json!({}))?;
        drop(socket);
        let mut socket = kernel::connect(&self.client, &self.id, &kernel, true)?;
        ensure!(kernel::execute(&mut socket, true, "2")? == "2", "after its restart");
        self.client.request("DELETE", &self.at(&format!("/api/kernels/{kernel}"))).send()?.expect(204)?;
        Ok(())
    }

    fn complete(&self) -> Result<()> {
        let kernel = kernel::start(&self.client, &self.id)?;
        let mut socket = kernel::connect(&self.client, &self.id, &kernel, true)?;
        kernel::execute(&mut socket, true, "1")?;
        let ask = json!({"code": "import colle", "cursor_pos": 12});
        kernel::send(&mut socket, true, "shell", "complete_request", &ask)?;
        let said = kernel::await_kind(&mut socket, "complete_reply")?;
        let words = said.content["matches"].to_string();
        ensure!(words.contains("collections"), "{words}");
        Ok(())
    }

    fn python(&self, tally: &mut Tally) -> Result<()> {
        let kernel = kernel::start(&self.client, &self.id)?;
        let mut socket = kernel::connect(&self.client, &self.id, &kernel, true)?;
        let wheels: Vec<_> = ["numpy", "pillow"].into_iter().filter_map(place::wheel).collect();
        let wheels: Vec<String> = wheels
            .iter()
            .map(|wheel| {
                // As if the person had brought it along.
                let own = self.account.home.join(wheel.file_name().unwrap_or_default());
                std::fs::copy(wheel, &own).map(|_| format!("{:?}", own.display().to_string()))
            })
            .collect::<Result<_, _>>()?;
        let first = format!(
            "HOME, SHARED, OUTSIDE, PORT = {}\nWHEELS = [{}]\n{}",
            self.said(),
            wheels.join(", "),
            python::FIRST
        );
        let began = kernel::run(&mut socket, true, &first)?;
        ensure!(began.fine, "Python does not begin: {}", began.text);
        self.cells(&mut socket, "Python", python::ACTIONS, tally)?;
        if wheels.len() == 2 {
            self.cells(&mut socket, "Python", python::PACKAGES, tally)?;
        } else {
            tally.left_out.push("packages (they were not fetched)");
        }
        Ok(())
    }

    fn r(&self, tally: &mut Tally) -> Result<()> {
        let kernel = kernel::start_of(&self.client, &self.id, "ir")?;
        let mut socket = kernel::connect(&self.client, &self.id, &kernel, true)?;
        let texts = self.said();
        let mut values = texts.split(", ");
        let first: String = ["HOME", "SHARED", "OUTSIDE", "PORT"]
            .map(|name| format!("{name} <- {}; ", values.next().unwrap_or("''")))
            .concat();
        let began = kernel::run(&mut socket, true, &first)?;
        ensure!(began.fine, "R does not begin: {}", began.text);
        self.cells(&mut socket, "R", r::ACTIONS, tally)
    }

    /// Home, the two folders and the port as Python and R write them.
    fn said(&self) -> String {
        let ground = &self.ground;
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        [quoted(&self.account.home), quoted(&ground.shared), quoted(&ground.outside), ground.port.to_string()]
            .join(", ")
    }

    fn cells(
        &self,
        socket: &mut Socket,
        language: &str,
        actions: &[Action],
        tally: &mut Tally,
    ) -> Result<()> {
        for action in actions {
            let ran = kernel::run(socket, true, action.code)
                .with_context(|| format!("{language}, {}: the kernel says nothing", action.name))?;
            let expect = self.sandbox.code((action.expect)(self.combo));
            tally.note(&format!("{language}, {}", action.name), expect, ran.fine, &ran.text);
        }
        Ok(())
    }
}

//! The real code-server by a client of one's own: files, its terminal with Python and git.

use anyhow::{Context, Result, ensure};
use portcullis_testing::editor::{Answer, Arg, Editor, uri};
use portcullis_testing::{Account, Client, Stage, until};
use serde_json::json;

use super::combos::{Combo, Expect};
use super::{Ground, START, Sandbox, Tally};

const FILES: &str = "remoteFilesystem";
const NO_TERMINAL: &[&str] = &["no terminal"];
const NO_FOLDER: &[&str] = &["restrict-directory-view=1"];

pub(super) fn run(stage: &Stage, combo: Combo, sandbox: Sandbox) -> Result<()> {
    let ground = Ground::new()?;
    let world = ground.world(stage, combo, sandbox)?.code_server().start()?;
    let (account, client) = world.signed_in("mat")?;
    let id = client.open_session_of("code-server")?;
    client.await_running(&id, START)?;
    let page = client.get(&format!("/s/{id}/?folder={}", account.home.display()))?.expect(200)?.text();
    ensure!(page.contains("vscode-workbench-web-configuration"), "{page}");
    let editor = Editor::open(&client, &id, "/stable-x", "00000000-0000-4000-8000-000000000042")?;
    let mut desk = Desk { editor, account, ground };
    let mut tally = Tally::default();
    let mut note = |name: &str, expect: Expect, done: Result<()>| {
        let said = done.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
        tally.note(name, expect, done.is_ok(), &said);
    };
    note("saving and opening", Expect::Works, desk.save("größe 数据.py", b"print(6*7)\n"));
    note("a large file", Expect::Works, desk.save("large.bin", &vec![7; 16 << 20]));
    note("folders: making, listing, renaming, removing", Expect::Works, desk.folders());
    note("the folder that is allowed", Expect::Works, desk.read("shared"));
    note("another folder", Expect::works_if(!combo.restricted, NO_FOLDER), desk.read("outside"));
    let terminal = Expect::works_if(combo.shell, NO_TERMINAL);
    note("Python in the terminal", terminal, desk.type_in("python3 größe*.py > out.txt", "out.txt", "42\n"));
    let line = "git init -q g && cd g && touch a && git add a && git -c user.name=a -c user.email=a@example.org commit -qm one \
                && git log --format=%s > ../log.txt";
    note("a commit in the terminal", terminal, desk.type_in(line, "log.txt", "one\n"));
    note("the interface loads", Expect::Works, desk.resources(&client, &id));
    tally.end(&format!("code-server {}", if sandbox == Sandbox::On { combo.name() } else { "alone".into() }))
}

struct Desk {
    editor: Editor,
    account: Account,
    ground: Ground,
}

impl Desk {
    fn home(&self, name: &str) -> String {
        self.account.home.join(name).display().to_string()
    }

    fn save(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.home(name);
        self.editor.save(&path, content)?.map_err(anyhow::Error::msg)?;
        ensure!(std::fs::read(&path)? == content, "it is changed on disk");
        let read = self.editor.call(FILES, "readFile", &[uri(&path), Arg::Nothing])?;
        ensure!(read == Ok(Answer::Bytes(content.to_vec())), "it is changed on its way out");
        Ok(())
    }

    fn folders(&mut self) -> Result<()> {
        let (from, to) = (self.home("ordner"), self.home("folder"));
        let force = Arg::Json(json!({"overwrite": true}));
        let all = Arg::Json(json!({"recursive": true, "useTrash": false, "atomic": false}));
        self.editor.call(FILES, "mkdir", &[uri(&from)])?.map_err(anyhow::Error::msg)?;
        self.editor.call(FILES, "rename", &[uri(&from), uri(&to), force])?.map_err(anyhow::Error::msg)?;
        let listed =
            self.editor.call(FILES, "readdir", &[uri(&self.home(""))])?.map_err(anyhow::Error::msg)?;
        ensure!(format!("{listed:?}").contains("folder"), "{listed:?}");
        self.editor.call(FILES, "delete", &[uri(&to), all])?.map_err(anyhow::Error::msg)?;
        ensure!(!std::fs::exists(&to)?, "it is still there");
        Ok(())
    }

    fn read(&mut self, which: &str) -> Result<()> {
        let folder = if which == "shared" { &self.ground.shared } else { &self.ground.outside };
        let path = folder.join("a.txt").display().to_string();
        let read = self.editor.stream(&path)?.map_err(anyhow::Error::msg)?;
        ensure!(read == format!("{which}\n").as_bytes(), "{read:?}");
        Ok(())
    }

    /// Types a line into a new terminal and waits for the file that it writes.
    fn type_in(&mut self, line: &str, file: &str, text: &str) -> Result<()> {
        let home = self.home("");
        let wish = json!({
            "configuration": {
                "terminal.integrated.env.linux": {}, "terminal.integrated.cwd": "",
                "terminal.integrated.detectLocale": "auto"
            },
            "resolvedVariables": {}, "envVariableCollections": [],
            "shellLaunchConfig": {"executable": "/bin/bash", "args": ["--norc", "-i"], "env": {}, "cwd": home},
            "workspaceId": "w", "workspaceName": "w", "workspaceFolders": [],
            "shouldPersistTerminal": false, "cols": 80, "rows": 24, "unicodeVersion": "6", "resolverEnv": {},
            "options": {"shellIntegration": {"enabled": false}, "windowsUseConptyDll": false, "environmentVariableCollections": null}
        });
        let made = self.editor.call_with("remoteterminal", "$createProcess", &Arg::Json(wish))?;
        let Ok(Answer::Json(made)) = made else { anyhow::bail!("no terminal: {made:?}") };
        let number = made["persistentTerminalId"].as_u64().context("no terminal: no number")?;
        let number = u32::try_from(number)?;
        let started = self.editor.call("remoteterminal", "$start", &[Arg::Int(number)])?;
        if let Ok(Answer::Json(why)) = &started {
            ensure!(!why["message"].is_string(), "no terminal: {why}");
        }
        let keys = [Arg::Int(number), Arg::Text(format!("{line}\r"))];
        self.editor.call("remoteterminal", "$input", &keys)?.map_err(anyhow::Error::msg)?;
        let path = self.home(file);
        until::is(&format!("`{line}` writes"), 40, || {
            std::fs::read_to_string(&path).is_ok_and(|found| found == text)
        })
    }

    fn resources(&self, client: &Client, id: &str) -> Result<()> {
        let page =
            client.get(&format!("/s/{id}/?folder={}", self.account.home.display()))?.expect(200)?.text();
        let script = page
            .split('"')
            .find(|text| text.ends_with("/code/browser/workbench/workbench.js"))
            .context("a page without a script")?;
        client.get(&format!("/s/{id}/{script}"))?.expect(200)?;
        Ok(())
    }
}

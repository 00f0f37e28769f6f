//! VS Code in a real Chromium, as a person uses it: what is off says why and the editor goes on, what is on works.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fantoccini::actions::{
    InputSource as _, MOUSE_BUTTON_LEFT, MOUSE_BUTTON_RIGHT, MouseActions, PointerAction,
};
use fantoccini::{Client, Locator};
use libtest_mimic::Trial;
use portcullis_testing::browser::{Browser, picture};
use portcullis_testing::{Account, Stage, World, case, stage};

const START: Duration = Duration::from_secs(150);
const STEP: Duration = Duration::from_secs(40);
/// Keys of the WebDriver protocol.
const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";
const F1: &str = "\u{E031}";
const CONTROL: &str = "\u{E009}";
const RELEASE: &str = "\u{E000}";

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("code_server_browser::what_is_off_says_why_and_editing_goes_on", closed),
        case("code_server_browser::what_is_on_works", open),
        case("code_server_browser::folders_out_of_reach_say_so", directories),
    ]
}

fn drive(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(500), work).await.context("the browser took too long")?
    })
}

/// A window with VS Code in it.
struct Desk {
    browser: Browser,
    world: World,
    account: Account,
}

impl Desk {
    fn new(stage: &Stage, stem: &str, flags: &str) -> Result<Self> {
        let Some(browser) = Browser::start()? else {
            return stage::skip("Chromium is not installed on this machine");
        };
        let world = stage.world().code_server().conf("rsession.conf", flags).start()?;
        let account = world.account(stem)?;
        let desk = Self { browser, world, account };
        desk.prepare()?;
        Ok(desk)
    }

    /// A project with a history, a settings file that keeps greetings away, and an extension in a package.
    fn prepare(&self) -> Result<()> {
        let home = &self.account.home;
        let script = "mkdir -p work .local/share/code-server/User\n\
            printf 'one\\n' > work/a.txt\n\
            ln -s /etc/passwd work/outside\n\
            printf '%s' '{\"workbench.startupEditor\":\"none\",\"git.openRepositoryInParentFolders\":\"never\"}' \
              > .local/share/code-server/User/settings.json\n\
            cd work && git init -q . && git config user.email a@example.org && git config user.name a\n";
        let status = Command::new("setpriv")
            .arg(format!("--reuid={}", self.account.uid))
            .args(["--clear-groups", "--", "sh", "-ec", script])
            .env("HOME", home)
            .current_dir(home)
            .status()?;
        ensure!(status.success(), "the project can't be made");
        let package = home.join("hello.vsix");
        let made = Command::new("python3").args(["-c", VSIX]).arg(&package).status()?;
        ensure!(made.success(), "the extension can't be packed");
        std::fs::write(home.join("up.bin"), [0_u8, 1, 2, 255].repeat(100))?;
        Ok(())
    }

    fn work(&self, name: &str) -> String {
        self.account.home.join("work").join(name).display().to_string()
    }

    /// Signs in, starts VS Code by its button and opens the project; the session's id.
    async fn start(&self, window: &Client) -> Result<String> {
        let (world, account) = (&self.world, &self.account);
        window.goto(&format!("http://{}/", world.address())).await?;
        window.wait().for_element(Locator::Css("#username")).await?.send_keys(&account.name).await?;
        window.find(Locator::Css("#password")).await?.send_keys(&account.password).await?;
        window.find(Locator::Css("button[type=submit]")).await?.click().await?;
        let button = Locator::Css("button[name=ide][value=code-server]");
        window.wait().for_element(button).await?.click().await?;
        window
            .wait()
            .at_most(START)
            .for_element(Locator::Css(".monaco-workbench .explorer-viewlet, .monaco-workbench .part.editor"))
            .await?;
        let url = window.current_url().await?;
        let id = url.path().split('/').nth(2).context("no session in the address")?.to_owned();
        window.goto(&format!("http://{}/s/{id}/?folder={}", world.address(), self.work(""))).await?;
        window
            .wait()
            .at_most(START)
            .for_element(Locator::Css(".explorer-folders-view .monaco-list-row"))
            .await?;
        Ok(id)
    }
}

/// Writes the smallest extension there is: one command that shows a greeting.
const VSIX: &str = r#"
import sys, json, zipfile
package = {"name": "hello", "publisher": "portcullis", "version": "1.0.0", "engines": {"vscode": "^1.60.0"},
           "main": "./main.js", "contributes": {"commands": [{"command": "hello.greet", "title": "Hello: Greet"}]}}
main = "exports.activate = c => c.subscriptions.push(require('vscode').commands.registerCommand('hello.greet', () => require('vscode').window.showInformationMessage('greetings from the extension')));"
manifest = '<?xml version="1.0" encoding="utf-8"?><PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011"><Metadata><Identity Language="en-US" Id="hello" Version="1.0.0" Publisher="portcullis"/><DisplayName>Hello</DisplayName><Description>Hello</Description></Metadata><Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation><Dependencies/><Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/></Assets></PackageManifest>'
types = '<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension=".json" ContentType="application/json"/><Default Extension=".js" ContentType="application/javascript"/><Default Extension=".vsixmanifest" ContentType="text/xml"/></Types>'
with zipfile.ZipFile(sys.argv[1], "w") as out:
    for name, text in [("extension.vsixmanifest", manifest), ("[Content_Types].xml", types), ("extension/package.json", json.dumps(package)), ("extension/main.js", main)]:
        out.writestr(name, text)
"#;

/// Types into whatever has the focus.
async fn keys(window: &Client, text: &str) -> Result<()> {
    window.active_element().await?.send_keys(text).await?;
    Ok(())
}

/// Runs a command by its name in the palette.
async fn command(window: &Client, name: &str) -> Result<()> {
    window.find(Locator::Css("body")).await?.send_keys(&format!("{ESCAPE}{RELEASE}")).await?;
    keys(window, F1).await?;
    let input =
        window.wait().at_most(STEP).for_element(Locator::Css(".quick-input-widget input[type=text]")).await?;
    input.send_keys(name).await?;
    let label = name.rsplit(": ").next().unwrap_or(name);
    shown(window, ".quick-input-list .monaco-list-row", label).await?;
    input.send_keys(ENTER).await?;
    Ok(())
}

/// Waits until an element of this kind says this.
async fn shown(window: &Client, css: &str, text: &str) -> Result<String> {
    let script = "return Array.from(document.querySelectorAll(arguments[0])).map(e => e.innerText || e.ariaLabel || '').join('\\n')";
    let found = async {
        loop {
            let all = window.execute(script, vec![css.into()]).await?;
            let all = all.as_str().unwrap_or_default().replace('\u{a0}', " ");
            if all.contains(text) {
                return Ok::<_, anyhow::Error>(all);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    match tokio::time::timeout(STEP, found).await {
        Ok(found) => found,
        Err(_) => {
            picture(
                window,
                &format!(
                    "missing-{}",
                    text.chars().filter(char::is_ascii_alphanumeric).take(20).collect::<String>()
                ),
            )
            .await?;
            let all = window.execute(script, vec![css.into()]).await?;
            bail!("`{text}` is not shown in {css}: {all}")
        }
    }
}

/// The reason, in VS Code's own notification or dialogue.
const TOLD: &str = ".notification-toast, .monaco-dialog-box, .terminal-overlay-container, .xterm-rows, .terminal-widget-container, .monaco-editor-pane-placeholder, .terminal-tab, .terminal-wrapper, .terminal-editor";

async fn told(window: &Client, flag: &str) -> Result<()> {
    shown(window, TOLD, flag).await.map(drop)
}

async fn dismiss(window: &Client) -> Result<()> {
    keys(window, ESCAPE).await?;
    window.execute("document.querySelectorAll('.notification-toast .codicon-notifications-clear, .notification-toast .codicon-close').forEach(e => e.click())", vec![]).await?;
    Ok(())
}

/// Presses a button on a row of the explorer, or below them all.
async fn row(window: &Client, row: &str, right: bool) -> Result<()> {
    let script = "const row = Array.from(document.querySelectorAll('.explorer-folders-view .monaco-list-row')).find(r => r.ariaLabel && r.ariaLabel.startsWith(arguments[0])); \
                  if (!arguments[0]) { const b = document.querySelector('.explorer-folders-view').getBoundingClientRect(); return [b.x + 60, b.bottom - 30]; } \
                  if (!row) return null; const b = row.getBoundingClientRect(); return [b.x + 60, b.y + b.height / 2];";
    let place = window.execute(script, vec![row.into()]).await?;
    press(window, &place, right).await
}

/// The entries of the open menu, once this one is there.
async fn entries(window: &Client, known: &str) -> Result<Vec<String>> {
    let script = "return [document, ...Array.from(document.querySelectorAll('.shadow-root-host')).map(h => h.shadowRoot)].flatMap(h => Array.from(h.querySelectorAll('.monaco-menu .action-label'))).map(e => e.textContent.trim())";
    for _ in 0..100 {
        let found = window.execute(script, vec![]).await?;
        let found: Vec<String> = serde_json::from_value(found)?;
        if found.iter().any(|entry| entry == known) {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    picture(window, "missing-entry").await?;
    bail!("the menu has no entry `{known}`")
}

/// Presses the right button on a row of the explorer and chooses an entry.
async fn menu(window: &Client, name: &str, entry: &str) -> Result<()> {
    row(window, name, true).await?;
    let script = "const scopes = [document, ...Array.from(document.querySelectorAll('.shadow-root-host')).map(h => h.shadowRoot)]; \
                  const e = scopes.flatMap(h => Array.from(h.querySelectorAll('.monaco-menu .action-label'))).find(e => e.textContent.trim() === arguments[0]); \
                  if (!e) return null; const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2];";
    // A menu takes no click in its first moments: pressed until it is gone.
    let mut pressed = false;
    for _ in 0..50 {
        let place = window.execute(script, vec![entry.into()]).await?;
        match (place.is_array(), pressed) {
            (true, _) => {
                press(window, &place, false).await?;
                pressed = true;
            }
            (false, true) => return Ok(()),
            (false, false) => {}
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    picture(window, "missing-menu").await?;
    bail!("the menu has no entry `{entry}`, or does not take it")
}

async fn press(window: &Client, place: &serde_json::Value, right: bool) -> Result<()> {
    let at = |index: usize| place[index].as_f64().context("nothing to press");
    let (x, y) = (at(0)?, at(1)?);
    let button = if right { MOUSE_BUTTON_RIGHT } else { MOUSE_BUTTON_LEFT };
    let actions = MouseActions::new("mouse".to_owned())
        .then(PointerAction::MoveTo { duration: None, x: x.round(), y: y.round() })
        .then(PointerAction::Down { button })
        .then(PointerAction::Up { button });
    window.perform_actions(actions).await?;
    Ok(())
}

/// Opens a file of the project by its name.
async fn open_file(window: &Client, name: &str) -> Result<()> {
    window.find(Locator::Css("body")).await?.send_keys(ESCAPE).await?;
    keys(window, &format!("{CONTROL}p{RELEASE}")).await?;
    let input =
        window.wait().at_most(STEP).for_element(Locator::Css(".quick-input-widget input[type=text]")).await?;
    input.send_keys(name).await?;
    shown(window, ".quick-input-list .monaco-list-row", name).await?;
    input.send_keys(ENTER).await?;
    Ok(())
}

/// Changes the open file and saves it; waits until it is on disk.
async fn edit(window: &Client, text: &str, file: &str) -> Result<()> {
    let editor =
        window.wait().at_most(STEP).for_element(Locator::Css(".editor-instance .view-lines")).await?;
    editor.click().await?;
    keys(window, &format!("{CONTROL}\u{E010}{RELEASE}{text}")).await?;
    keys(window, &format!("{CONTROL}s{RELEASE}")).await?;
    written(window, file, text).await
}

async fn written(window: &Client, file: &str, text: &str) -> Result<()> {
    for _ in 0..400 {
        if std::fs::read_to_string(file).is_ok_and(|found| found.contains(text)) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    picture(window, "not-written").await?;
    bail!("{file} does not hold `{text}`: {:?}", std::fs::read_to_string(file))
}

/// Uploads a file by the explorer's menu and the browser's own dialogue.
async fn upload(window: &Client, file: &Path) -> Result<()> {
    // The page takes its field away at once; nobody can choose in a dialogue that isn't shown.
    let script = "HTMLInputElement.prototype.click = function () { if (this.type === 'file') { this.remove = () => {}; document.body.appendChild(this); } };";
    window.execute(script, vec![]).await?;
    menu(window, "", "Upload...").await?;
    let input = window.wait().at_most(STEP).for_element(Locator::Css("input[type=file]")).await?;
    input.send_keys(&file.display().to_string()).await?;
    Ok(())
}

/// Installs the packed extension by the palette.
async fn install(window: &Client, package: &Path) -> Result<()> {
    command(window, "Extensions: Install from VSIX").await?;
    let input =
        window.wait().at_most(STEP).for_element(Locator::Css(".quick-input-widget input[type=text]")).await?;
    input.send_keys(&format!("{CONTROL}a{RELEASE}{}", package.display())).await?;
    shown(window, ".quick-input-list .monaco-list-row", "hello.vsix").await?;
    // The dialogue takes no answer while it still reads the folder.
    let script = "const w = document.querySelector('.quick-input-widget'); return !!w && w.style.display !== 'none' && w.innerText.includes('Install from VSIX')";
    for _ in 0..40 {
        if window.execute(script, vec![]).await? == false {
            return Ok(());
        }
        input.send_keys(ENTER).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    picture(window, "missing-install").await?;
    bail!("the dialogue takes no answer")
}

fn closed(stage: &Stage) -> Result<()> {
    let flags = "allow-shell=0\nallow-file-uploads=0\nallow-file-downloads=0\nallow-package-installation=0\nallow-vcs=0";
    let desk = Desk::new(stage, "ida", flags)?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        let id = desk.start(&window).await?;
        picture(&window, "vscode-closed").await?;
        open_file(&window, "a.txt").await?;
        edit(&window, "before ", &desk.work("a.txt")).await?;
        command(&window, "Terminal: Create New Terminal").await?;
        told(&window, "allow-shell=0").await?;
        picture(&window, "vscode-terminal-off").await?;
        dismiss(&window).await?;
        // VS Code would swallow the reason: the entry isn't there.
        row(&window, "a.txt", true).await?;
        ensure!(
            entries(&window, "Copy Path").await?.iter().all(|entry| entry != "Download..."),
            "it is offered"
        );
        picture(&window, "vscode-download-off").await?;
        keys(&window, ESCAPE).await?;
        upload(&window, &desk.account.home.join("up.bin")).await?;
        told(&window, "allow-file-uploads=0").await?;
        picture(&window, "vscode-upload-off").await?;
        dismiss(&window).await?;
        install(&window, &desk.account.home.join("hello.vsix")).await?;
        told(&window, "allow-package-installation=0").await?;
        picture(&window, "vscode-extension-off").await?;
        dismiss(&window).await?;
        command(&window, "Git: Stage All Changes").await?;
        told(&window, "allow-vcs=0").await?;
        picture(&window, "vscode-git-off").await?;
        dismiss(&window).await?;
        open_file(&window, "a.txt").await?;
        edit(&window, "after ", &desk.work("a.txt")).await?;
        picture(&window, "vscode-goes-on").await?;
        ensure!(!std::fs::exists(desk.work("up.bin"))?, "the upload came through");
        // The route behind the entry, as a person sees it who knows it.
        let place = format!("/s/{id}/vscode-remote-resource?path={}", desk.work("a.txt"));
        window.goto(&format!("http://{}{place}", desk.world.address())).await?;
        let page = window.source().await?;
        ensure!(page.contains("allow-file-downloads"), "{page}");
        window.close().await?;
        Ok(())
    })
}

fn open(stage: &Stage) -> Result<()> {
    let desk = Desk::new(stage, "jon", "allow-shell=1")?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        desk.start(&window).await?;
        open_file(&window, "a.txt").await?;
        edit(&window, "more ", &desk.work("a.txt")).await?;
        command(&window, "Git: Stage All Changes").await?;
        let index = desk.work(".git/index");
        for _ in 0..200 {
            if std::fs::exists(&index)? {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ensure!(std::fs::exists(&index)?, "nothing was staged");
        menu(&window, "a.txt", "Download...").await?;
        let file = desk.browser.downloads().join("a.txt");
        written(&window, &file.display().to_string(), "more").await?;
        upload(&window, &desk.account.home.join("up.bin")).await?;
        let up = desk.work("up.bin");
        for _ in 0..200 {
            if std::fs::metadata(&up).is_ok_and(|found| found.len() == 400) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ensure!(std::fs::metadata(&up).is_ok_and(|found| found.len() == 400), "the upload is not there");
        install(&window, &desk.account.home.join("hello.vsix")).await?;
        shown(&window, ".notification-toast", "Completed installing").await?;
        picture(&window, "vscode-extension-on").await?;
        dismiss(&window).await?;
        command(&window, "Hello: Greet").await?;
        shown(&window, ".notification-toast", "greetings from the extension").await?;
        dismiss(&window).await?;
        command(&window, "Terminal: Create New Terminal").await?;
        window
            .wait()
            .at_most(STEP)
            .for_element(Locator::Css(
                ".terminal-wrapper.active .xterm-helper-textarea, .xterm-helper-textarea",
            ))
            .await?;
        let made = desk.work("made.txt");
        for _ in 0..20 {
            keys(&window, &format!("echo $((40+2)) > made.txt{ENTER}")).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            if std::fs::exists(&made)? {
                break;
            }
        }
        written(&window, &made, "42").await?;
        picture(&window, "vscode-open").await?;
        window.close().await?;
        Ok(())
    })
}

fn directories(stage: &Stage) -> Result<()> {
    let place = portcullis_testing::place::code_server();
    let root = place
        .as_deref()
        .and_then(|program| program.parent()?.parent())
        .map(|root| root.display().to_string());
    let flags = format!("restrict-directory-view=1\ndirectory-view-allow-list={}", root.unwrap_or_default());
    let desk = Desk::new(stage, "kim", &flags)?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        let id = desk.start(&window).await?;
        open_file(&window, "a.txt").await?;
        edit(&window, "own ", &desk.work("a.txt")).await?;
        command(&window, "File: Open File...").await?;
        let input = window
            .wait()
            .at_most(STEP)
            .for_element(Locator::Css(".quick-input-widget input[type=text]"))
            .await?;
        input.send_keys(&format!("{CONTROL}a{RELEASE}/etc/passwd{ENTER}")).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        picture(&window, "vscode-folder-off").await?;
        ensure!(!window.source().await?.contains("root:x:0"), "the file is shown");
        keys(&window, ESCAPE).await?;
        row(&window, "outside", false).await?;
        told(&window, "restrict-directory-view=1").await?;
        picture(&window, "vscode-link-off").await?;
        dismiss(&window).await?;
        open_file(&window, "a.txt").await?;
        edit(&window, "still ", &desk.work("a.txt")).await?;
        window.goto(&format!("http://{}/s/{id}/?folder=/etc", desk.world.address())).await?;
        let page = window.source().await?;
        ensure!(page.contains("restrict-directory-view"), "{page}");
        picture(&window, "vscode-folder-page").await?;
        window.close().await?;
        Ok(())
    })
}

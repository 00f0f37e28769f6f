//! VS Code in a real Chromium, as a person uses it: what is off says why and the editor goes on, what is on works.

mod hands;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fantoccini::{Client, Locator};
use libtest_mimic::Trial;
use portcullis_testing::browser::{Browser, picture};
use portcullis_testing::builder::Builder;
use portcullis_testing::{Account, Stage, World, case, stage};

use hands::{
    CHOSEN, ENTER, ESCAPE, STEP, answer, command, dismiss, drop_file, edit, entries, happened, install, keys,
    menu, open_file, open_path, own_file, own_folders, row, saved, search, shown, stage_all, told, upload,
    written,
};

const START: Duration = Duration::from_secs(150);

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("code_server_browser::what_is_off_says_why_and_editing_goes_on", closed),
        case("code_server_browser::what_is_on_works", open),
        case("code_server_browser::folders_out_of_reach_say_so", directories),
        case("code_server_browser::git_and_search_work_without_a_shell", confined),
    ]
}

fn drive(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(600), work).await.context("the browser took too long")?
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
        Self::of(stage.world().code_server().conf("rsession.conf", flags), browser, stem)
    }

    fn of(world: Builder, browser: Browser, stem: &str) -> Result<Self> {
        let world = world.start()?;
        let account = world.account(stem)?;
        let desk = Self { browser, world, account };
        desk.prepare()?;
        Ok(desk)
    }

    /// A project with a history, a settings file that keeps greetings away and a panel that takes the focus, and an extension in a package.
    fn prepare(&self) -> Result<()> {
        let home = &self.account.home;
        let script = "mkdir -p work/sub .local/share/code-server/User\n\
            printf 'one\\n' > work/a.txt\n\
            printf 'inside\\n' > work/sub/b.txt\n\
            ln -s /etc/passwd work/outside\n\
            printf '%s' '{\"workbench.startupEditor\":\"none\",\"git.useEditorAsCommitInput\":false,\"git.openRepositoryInParentFolders\":\"never\",\"workbench.secondarySideBar.defaultVisibility\":\"hidden\",\"chat.disableAIFeatures\":true}' \
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
        std::fs::write(home.join("drop.bin"), [3_u8, 255, 0].repeat(100))?;
        Ok(())
    }

    fn work(&self, name: &str) -> String {
        self.account.home.join("work").join(name).display().to_string()
    }

    /// Signs in, starts VS Code by its button and opens the project; the session's id.
    async fn start(&self, window: &Client) -> Result<String> {
        let (world, account) = (&self.world, &self.account);
        window.goto(&format!("http://{}/", world.address())).await?;
        let field = Locator::Css("#username");
        window.wait().at_most(STEP).for_element(field).await?.send_keys(&account.name).await?;
        window.find(Locator::Css("#password")).await?.send_keys(&account.password).await?;
        window.find(Locator::Css("button[type=submit]")).await?.click().await?;
        let button = Locator::Css("button[name=ide][value=code-server]");
        window.wait().at_most(STEP).for_element(button).await?.click().await?;
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

fn closed(stage: &Stage) -> Result<()> {
    let flags = "allow-shell=0\nallow-file-uploads=0\nallow-file-downloads=0\nallow-package-installation=0\nallow-vcs=0";
    let Some(browser) = Browser::start()? else {
        return stage::skip("Chromium is not installed on this machine");
    };
    // What the proxy refuses is tried here: with the sandbox, VS Code would find no git and not even offer it.
    let world = stage.world().code_server().conf("rsession.conf", flags);
    let desk = Desk::of(world.conf("portcullis.conf", "session-sandbox=off"), browser, "ida")?;
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
        for (name, shot) in [("a.txt", "vscode-download-off"), ("sub", "vscode-folder-download-off")] {
            row(&window, name, true).await?;
            let offered = entries(&window, "Copy Path").await?;
            ensure!(
                offered.iter().all(|entry| entry != "Download..."),
                "it is offered for {name}: {offered:?}"
            );
            picture(&window, shot).await?;
            keys(&window, ESCAPE).await?;
        }
        upload(&window, &desk.account.home.join("up.bin")).await?;
        told(&window, "allow-file-uploads=0").await?;
        picture(&window, "vscode-upload-off").await?;
        dismiss(&window).await?;
        drop_file(&window, &desk.browser, &desk.account.home.join("drop.bin")).await?;
        told(&window, "allow-file-uploads=0").await?;
        picture(&window, "vscode-drop-off").await?;
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
        for name in ["up.bin", "drop.bin"] {
            ensure!(!std::fs::exists(desk.work(name))?, "the upload of {name} came through");
        }
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
    let mut desk = Desk::new(stage, "jon", "allow-shell=1")?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        desk.start(&window).await?;
        open_file(&window, "a.txt").await?;
        edit(&window, "more ", &desk.work("a.txt")).await?;
        stage_all(&window, &desk.work(".git/index")).await?;
        menu(&window, "a.txt", "Download...").await?;
        let file = desk.browser.downloads().join("a.txt");
        written(&window, &file.display().to_string(), "more").await?;
        upload(&window, &desk.account.home.join("up.bin")).await?;
        let up = desk.work("up.bin");
        let whole = || std::fs::metadata(&up).is_ok_and(|found| found.len() == 400);
        happened(&window, "the upload", whole).await?;
        // What was uploaded is opened and chosen in the explorer, behind what comes next if that doesn't wait.
        shown(&window, CHOSEN, "up.bin").await?;
        drop_file(&window, &desk.browser, &desk.account.home.join("drop.bin")).await?;
        let dropped = desk.work("drop.bin");
        let whole = || std::fs::metadata(&dropped).is_ok_and(|found| found.len() == 300);
        happened(&window, "the file that was dropped", whole).await?;
        // What is chosen then would be downloaded.
        shown(&window, CHOSEN, "drop.bin").await?;
        picture(&window, "vscode-drop-on").await?;
        own_folders(&window).await?;
        menu(&window, "sub", "Download...").await?;
        saved(&window, "sub", "b.txt", "inside\n").await?;
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
        // What is typed before the shell is there is lost.
        let until = Instant::now() + STEP;
        while Instant::now() < until {
            keys(&window, &format!("echo $((40+2)) > made.txt{ENTER}")).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            if std::fs::exists(&made)? {
                break;
            }
        }
        written(&window, &made, "42").await?;
        picture(&window, "vscode-open").await?;
        // Shut while the page is open: the entry is still there, and no file of the folder comes.
        std::fs::write(desk.work("sub/b.txt"), "changed\n")?;
        desk.world.set("rsession.conf", "allow-file-downloads=0")?;
        desk.world.reload()?;
        menu(&window, "sub", "Download...").await?;
        let refused = [("capability", "download"), ("effect", "block")];
        desk.world.await_audit("refused", &refused, STEP.as_secs())?;
        let kept = own_file(&window, "sub", "b.txt").await?;
        ensure!(kept.as_deref() == Some("inside\n"), "what it holds now came through: {kept:?}");
        picture(&window, "vscode-folder-download-shut").await?;
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
        open_path(&window, "/etc/passwd", "Please enter a path that exists").await?;
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

fn confined(stage: &Stage) -> Result<()> {
    let Some(browser) = Browser::start()? else {
        return stage::skip("Chromium is not installed on this machine");
    };
    let flags = "allow-shell=0\nallow-package-installation=0\nrestrict-directory-view=1";
    let world = stage.world().code_server().conf("rsession.conf", flags);
    let desk = Desk::of(world.conf("portcullis.conf", "session-network=none"), browser, "lin")?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        desk.start(&window).await?;
        open_file(&window, "a.txt").await?;
        edit(&window, "committed ", &desk.work("a.txt")).await?;
        stage_all(&window, &desk.work(".git/index")).await?;
        command(&window, "Git: Commit Staged").await?;
        answer(&window, "commit message", "first words").await?;
        let log = desk.work(".git/logs/HEAD");
        written(&window, &log, "first words").await?;
        picture(&window, "vscode-confined-git").await?;
        // A file that changes outside of the page is seen, and found by the search through all files.
        std::fs::write(desk.work("sub/b.txt"), "a needle in it\n")?;
        search(&window, "needle").await?;
        shown(&window, ".search-view .monaco-list-row", "b.txt").await?;
        picture(&window, "vscode-confined-search").await?;
        command(&window, "Terminal: Create New Terminal").await?;
        told(&window, "allow-shell=0").await?;
        window.close().await?;
        Ok(())
    })
}

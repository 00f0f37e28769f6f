//! A window with JupyterLab in it, and what a person does there: presses, types, reads.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fantoccini::actions::{
    InputSource as _, MOUSE_BUTTON_LEFT, MOUSE_BUTTON_RIGHT, MouseActions, PointerAction,
};
use fantoccini::{Client, Locator};
use portcullis_testing::browser::{Browser, picture};
use portcullis_testing::{Account, Stage, World, stage};
use serde_json::Value;

const START: Duration = Duration::from_secs(150);
/// What a step may take while another run has the processors.
pub(super) const STEP: Duration = Duration::from_secs(90);
/// How often the page is looked at: nothing announces a change of it.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// Looks that make up a step.
const LOOKS: u32 = 900;
/// Keys of the WebDriver protocol.
pub(super) const ENTER: &str = "\u{E007}";
pub(super) const ESCAPE: &str = "\u{E00C}";
const SHIFT: &str = "\u{E008}";
const CONTROL: &str = "\u{E009}";
const END: &str = "\u{E010}";
const RELEASE: &str = "\u{E000}";

/// Where a person reads something in JupyterLab: a dialogue, or a notification.
const TOLD: &str = ".jp-Dialog, .Toastify__toast";

/// Files of the test's own account.
const PROJECT: &str = "mkdir work\n\
    printf 'a,b\\n1,2\\n' > data.csv\n\
    printf 'one\\n' > notes.txt\n\
    ln -s /etc outside\n\
    ln -s /etc/hosts linked.txt\n\
    git init -q --bare remote.git\n\
    cd work && git init -q . && git config user.email a@example.org && git config user.name a\n\
    printf 'one\\n' > tracked.txt && git add tracked.txt && git commit -qm first && git remote add origin ../remote.git && printf 'two\\n' > tracked.txt\n";

/// A browser, a world, an account with files.
pub(super) struct Desk {
    pub(super) browser: Browser,
    pub(super) world: World,
    pub(super) account: Account,
}

/// Runs what a browser does, with an end.
pub(super) fn drive(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(500), work).await.context("the browser took too long")?
    })
}

impl Desk {
    pub(super) fn new(stage: &Stage, stem: &str, flags: &str) -> Result<Self> {
        Self::limited(stage, stem, flags, "")
    }

    /// The same with these limits for everybody.
    pub(super) fn limited(stage: &Stage, stem: &str, flags: &str, limits: &str) -> Result<Self> {
        let Some(browser) = Browser::start()? else {
            return stage::skip("Chromium is not installed on this machine");
        };
        let world = stage.world().jupyter().conf("rsession.conf", flags);
        let world = world.file("profiles", &format!("[*]\n{limits}")).start()?;
        let account = crate::limits::far_off(&world, stem, 40_000)?;
        let status = Command::new("setpriv")
            .arg(format!("--reuid={}", account.uid))
            .arg(format!("--regid={}", account.gid))
            .args(["--clear-groups", "--", "sh", "-ec", PROJECT])
            .env("HOME", &account.home)
            .current_dir(&account.home)
            .status()?;
        ensure!(status.success(), "the project can't be made");
        let desk = Self { browser, world, account };
        // What a person has on the own machine.
        std::fs::write(desk.mine("small.bin"), [0_u8, 1, 2, 255].repeat(100))?;
        Ok(desk)
    }

    /// A file on the person's own machine.
    pub(super) fn mine(&self, name: &str) -> PathBuf {
        self.browser.downloads().join(name)
    }

    /// A file of the home directory.
    pub(super) fn home(&self, name: &str) -> PathBuf {
        self.account.home.join(name)
    }

    /// Signs in and starts JupyterLab by its button; the session's id.
    pub(super) async fn start(&self, window: &Client) -> Result<String> {
        let (world, account) = (&self.world, &self.account);
        window.goto(&format!("http://{}/", world.address())).await?;
        window
            .wait()
            .at_most(STEP)
            .for_element(Locator::Css("#username"))
            .await?
            .send_keys(&account.name)
            .await?;
        window.find(Locator::Css("#password")).await?.send_keys(&account.password).await?;
        window.find(Locator::Css("button[type=submit]")).await?.click().await?;
        window.wait().at_most(STEP).for_element(Locator::Css("button[name=ide]")).await?.click().await?;
        window.wait().at_most(START).for_element(Locator::Css(".jp-LauncherCard")).await?;
        shown(window, ".jp-DirListing-item", "data.csv").await?;
        let url = window.current_url().await?;
        Ok(url.path().split('/').nth(2).context("no session in the address")?.to_owned())
    }
}

/// Asks from inside the page, with the page's own cookies; returns status and text.
pub(super) async fn fetch(window: &Client, method: &str, path: &str) -> Result<(u64, String)> {
    let script = "const [method, path, done] = arguments; \
                  fetch(path, {method, body: method === 'POST' ? '{}' : undefined}) \
                  .then(async answer => done([answer.status, await answer.text()]), error => done([0, String(error)]));";
    let answer = window.execute_async(script, vec![method.into(), path.into()]).await?;
    Ok((answer[0].as_u64().unwrap_or(0), answer[1].as_str().unwrap_or_default().to_owned()))
}

/// Asks from inside the page and wants this refusal in Jupyter's own form.
pub(super) async fn refused(window: &Client, method: &str, path: &str, rule: &str) -> Result<()> {
    let (status, text) = fetch(window, method, path).await?;
    let said: Value = serde_json::from_str(&text).with_context(|| format!("{method} {path}: {text}"))?;
    let message = said["message"].as_str().unwrap_or_default();
    ensure!(status == 403 && message.contains(rule), "{method} {path}: {status} {text}");
    Ok(())
}

/// What all elements of this kind say.
async fn said(window: &Client, css: &str) -> Result<String> {
    let script = "return Array.from(document.querySelectorAll(arguments[0])).map(e => e.innerText || e.value || '').join('\\n')";
    let all = window.execute(script, vec![css.into()]).await?;
    Ok(all.as_str().unwrap_or_default().replace('\u{a0}', " "))
}

/// Waits until an element of this kind says this.
pub(super) async fn shown(window: &Client, css: &str, text: &str) -> Result<String> {
    let found = async {
        loop {
            let all = said(window, css).await?;
            if all.contains(text) {
                return Ok::<_, anyhow::Error>(all);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(STEP, found).await {
        Ok(found) => found,
        Err(_) => {
            let name: String = text.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
            picture(window, &format!("missing-{name}")).await?;
            bail!("`{text}` is not shown in {css}: {}", said(window, css).await?)
        }
    }
}

/// The reason is read in JupyterLab itself; a picture of it is kept, and it is put away.
pub(super) async fn told(window: &Client, rule: &str, name: &str) -> Result<()> {
    let text = shown(window, TOLD, rule).await?;
    ensure!(text.contains("the administrator"), "no sentence for a person: {text}");
    picture(window, name).await?;
    dismiss(window).await
}

/// Puts dialogues and notifications away.
pub(super) async fn dismiss(window: &Client) -> Result<()> {
    let script = "document.querySelectorAll('.jp-Notification-Toast-Close').forEach(e => e.click()); \
                  const b = document.querySelector('.jp-Dialog .jp-mod-accept') || document.querySelector('.jp-Dialog .jp-Dialog-button'); \
                  if (b) b.click(); return document.querySelectorAll('.jp-Dialog').length;";
    for _ in 0..LOOKS {
        if window.execute(script, vec![]).await? == 0 {
            // It gives the focus back as it goes.
            return drawn(window).await;
        }
        tokio::time::sleep(LOOK).await;
    }
    picture(window, "dialogue-stays").await?;
    bail!("a dialogue does not go: {}", said(window, ".jp-Dialog").await?)
}

/// Types into whatever has the focus.
pub(super) async fn keys(window: &Client, text: &str) -> Result<()> {
    for _ in 0..LOOKS {
        // What has the focus may be replaced between the two steps: then nothing was typed.
        if window.active_element().await?.send_keys(text).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("nothing takes the keys")
}

/// Waits until the page has taken what came before and drawn it.
pub(super) async fn drawn(window: &Client) -> Result<()> {
    let script = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));";
    window.execute_async(script, vec![]).await?;
    Ok(())
}

/// The entries that the palette offers for these words; never those of a palette that is closed or holds other words.
pub(super) async fn offered(window: &Client, words: &str) -> Result<String> {
    let css = "#modal-command-palette input, .jp-ModalCommandPalette input";
    let ready = "const e = document.querySelector(arguments[0]); \
                 return !!e && e === document.activeElement && e.getBoundingClientRect().width > 0 && e.value === arguments[1]";
    let asked = async {
        loop {
            // It closes when something else takes the focus, as a dialogue does that just went: then it is asked again.
            window
                .find(Locator::Css("body"))
                .await?
                .send_keys(&format!("{CONTROL}{SHIFT}c{RELEASE}"))
                .await?;
            if let Ok(input) = window.find(Locator::Css(css)).await {
                // It is there before it is shown.
                let typed = input.send_keys(&format!("{CONTROL}a{RELEASE}{words}")).await;
                drawn(window).await?;
                if typed.is_ok() && window.execute(ready, vec![css.into(), words.into()]).await? == true {
                    return said(window, ".lm-CommandPalette-itemLabel").await;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(STEP, asked).await {
        Ok(all) => all,
        Err(_) => {
            picture(window, "palette-deaf").await?;
            bail!("the palette does not take `{words}`")
        }
    }
}

/// Runs a command by its name in the palette.
pub(super) async fn command(window: &Client, name: &str) -> Result<()> {
    let all = offered(window, name).await?;
    if !all.contains(name) {
        picture(window, "missing-command").await?;
        bail!("the palette does not offer `{name}`: {all}");
    }
    keys(window, ENTER).await
}

/// Presses where this script says: the middle of an element, once there is one.
async fn press_found(window: &Client, script: &str, name: &str, right: bool, times: u32) -> Result<()> {
    let script = format!(
        "const find = name => {{ {script} }}; const e = find(arguments[0]); if (!e) return null; \
         const b = e.getBoundingClientRect(); return b.width ? [b.x + Math.min(b.width / 2, 90), b.y + b.height / 2] : null;"
    );
    for _ in 0..LOOKS {
        let place = window.execute(&script, vec![name.into()]).await?;
        if let (Some(x), Some(y)) = (place[0].as_f64(), place[1].as_f64()) {
            let button = if right { MOUSE_BUTTON_RIGHT } else { MOUSE_BUTTON_LEFT };
            let mut actions = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveTo {
                duration: None,
                x: x.round(),
                y: y.round(),
            });
            for _ in 0..times {
                actions = actions.then(PointerAction::Down { button }).then(PointerAction::Up { button });
            }
            window.perform_actions(actions).await?;
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    picture(window, "nothing-to-press").await?;
    bail!("there is no `{name}` to press")
}

/// Presses an element.
pub(super) async fn press(window: &Client, css: &str) -> Result<()> {
    // One that is in front: a tab behind another has the same buttons.
    let script =
        "return Array.from(document.querySelectorAll(name)).find(e => e.getBoundingClientRect().width)";
    press_found(window, script, css, false, 1).await
}

const LISTED: &str = "return Array.from(document.querySelectorAll('.jp-DirListing-item')).find(e => e.querySelector('.jp-DirListing-itemText').innerText.trim() === name)";

/// Opens a file or folder of the list by a double click.
pub(super) async fn open(window: &Client, name: &str) -> Result<()> {
    press_found(window, LISTED, name, false, 2).await
}

/// The entries of the menu that the right button opens on a file of the list.
pub(super) async fn menu(window: &Client, name: &str) -> Result<String> {
    press_found(window, LISTED, name, true, 1).await?;
    shown(window, ".lm-Menu-itemLabel", "Rename").await
}

/// Chooses an entry of the open menu.
pub(super) async fn choose(window: &Client, entry: &str) -> Result<()> {
    let script = "return Array.from(document.querySelectorAll('.lm-Menu-item')).find(e => e.querySelector('.lm-Menu-itemLabel')?.innerText.trim() === name)";
    press_found(window, script, entry, false, 1).await
}

/// Goes back to the home directory's list.
pub(super) async fn go_home(window: &Client) -> Result<()> {
    press(window, ".jp-FileBrowser .jp-BreadCrumbs-home").await?;
    shown(window, ".jp-DirListing-item", "data.csv").await.map(drop)
}

/// Uploads a file by the button of the file browser.
pub(super) async fn upload(window: &Client, file: &Path) -> Result<()> {
    // The button opens the browser's own dialogue, which isn't shown here: its field is put where a driver reaches it.
    let script = "HTMLInputElement.prototype.click = function () { if (this.type === 'file') { this.id = 'chosen'; this.value = ''; document.body.appendChild(this); } };";
    window.execute(script, vec![]).await?;
    press(window, ".jp-FileBrowser .jp-id-upload, .jp-FileBrowser [data-jp-item-name=uploader] jp-button")
        .await?;
    let input = window.wait().at_most(STEP).for_element(Locator::Css("#chosen")).await?;
    input.send_keys(&file.display().to_string()).await?;
    Ok(())
}

/// Changes the open text, saves it, and waits until it is on disk.
pub(super) async fn edit(window: &Client, desk: &Desk, text: &str, file: &str) -> Result<()> {
    let css = ".jp-FileEditor:not(.lm-mod-hidden) .cm-content";
    let typed = async {
        loop {
            // Its first moments take no key, or lose what was typed when the text comes.
            press(window, css).await?;
            keys(window, &format!("{CONTROL}{END}{RELEASE}{text}")).await?;
            drawn(window).await?;
            if said(window, css).await?.contains(text) {
                return Ok::<_, anyhow::Error>(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(STEP, typed).await.context("the editor takes no input")??;
    keys(window, &format!("{CONTROL}s{RELEASE}")).await?;
    arrived(window, &desk.home(file), |bytes| String::from_utf8_lossy(bytes).contains(text)).await
}

/// Waits until a file holds what it should.
pub(super) async fn arrived(window: &Client, file: &Path, good: impl Fn(&[u8]) -> bool) -> Result<()> {
    for _ in 0..LOOKS {
        if std::fs::read(file).is_ok_and(|bytes| good(&bytes)) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    picture(window, "not-arrived").await?;
    let found =
        std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned());
    bail!("{} is not as it should be: {found:?}", file.display())
}

/// Makes a notebook by the launcher's card, which names the kernel so that nothing asks for it, and waits for the kernel.
pub(super) async fn notebook(window: &Client) -> Result<()> {
    command(window, "New Launcher").await?;
    press(window, ".jp-LauncherCard[data-category=Notebook]").await?;
    let cell = Locator::Css(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell");
    window.wait().at_most(STEP).for_element(cell).await?;
    shown(window, "#jp-main-statusbar", "| Idle").await.map(drop)
}

/// Runs code in the cell of the notebook in front, and waits for what it says.
pub(super) async fn run_cell(window: &Client, code: &str, says: &str) -> Result<()> {
    // The notebook builds itself in steps: a cell that is there may take no input yet, or be replaced by another.
    let cell = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell .cm-content";
    let typed = async {
        loop {
            if let Ok(editor) = window.find(Locator::Css(cell)).await {
                // Its first moments take no key; a click wakes it.
                let _ = editor.click().await;
                let typed = editor.send_keys(&format!("{CONTROL}a{RELEASE}{code}")).await;
                if typed.is_ok() && said(window, cell).await?.contains(code) {
                    return Ok::<_, anyhow::Error>(());
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(STEP, typed).await {
        Ok(typed) => typed?,
        Err(_) => {
            picture(window, "cell-deaf").await?;
            bail!("the cell takes no input: {}", said(window, cell).await?);
        }
    }
    window.find(Locator::Css(cell)).await?.send_keys(&format!("{CONTROL}{ENTER}{RELEASE}")).await?;
    shown(window, ".jp-OutputArea-output", says).await.map(drop)
}

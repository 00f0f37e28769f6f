//! What a person's hands and eyes do in VS Code: commands, menus, dialogues, notifications.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fantoccini::actions::{
    InputSource as _, MOUSE_BUTTON_LEFT, MOUSE_BUTTON_RIGHT, MouseActions, PointerAction,
};
use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use portcullis_testing::browser::{Browser, picture};

/// One thing on the screen: on two processors, beside five other tests with editors and browsers of their own, the extension
/// host alone has taken more than half a minute to come.
pub(super) const STEP: Duration = Duration::from_secs(90);
/// Keys of the WebDriver protocol.
pub(super) const ENTER: &str = "\u{E007}";
pub(super) const ESCAPE: &str = "\u{E00C}";
/// Between two looks at a page that tells nobody when it has changed.
const POLL: Duration = Duration::from_millis(100);
/// The palette has listed what it has by then.
const LISTED: Duration = Duration::from_secs(4);
/// Lines of the palette.
const ROWS: &str = ".quick-input-list .monaco-list-row";
/// The line of the palette that is taken by Enter. It lists all it knows before it has read what was typed.
const FOCUSED: &str = ".quick-input-list .monaco-list-row.focused";
/// What the explorer shows as chosen.
pub(super) const CHOSEN: &str = ".explorer-folders-view .monaco-list-row.selected";
/// The palette, and the dialogues in its place.
const DIALOGUE: &str = ".quick-input-widget";
const F1: &str = "\u{E031}";
const CONTROL: &str = "\u{E009}";
const RELEASE: &str = "\u{E000}";

/// Types into whatever has the focus.
pub(super) async fn keys(window: &Client, text: &str) -> Result<()> {
    window.active_element().await?.send_keys(text).await?;
    Ok(())
}

/// Runs a command by its name in the palette. What the palette offers is fixed when it opens, and an extension's commands
/// come when it has looked around (git: when it has found the project): it is opened anew until the command is there.
pub(super) async fn command(window: &Client, name: &str) -> Result<()> {
    let label = name.rsplit(": ").next().unwrap_or(name);
    take(window, F1, name, label).await
}

/// Opens a file of the project by its name.
pub(super) async fn open_file(window: &Client, name: &str) -> Result<()> {
    take(window, &format!("{CONTROL}p{RELEASE}"), name, name).await
}

/// Opens the palette by these keys, types into it and takes the line that it has come to.
async fn take(window: &Client, open: &str, text: &str, label: &str) -> Result<()> {
    let taken = async {
        // Opened anew, a search through all files begins anew.
        for turn in 0_u32.. {
            window.find(Locator::Css("body")).await?.send_keys(&format!("{ESCAPE}{RELEASE}")).await?;
            keys(window, open).await?;
            let input = quick_input(window).await?;
            // It goes again when something else takes the focus, as an editor does that just opened.
            if input.send_keys(text).await.is_err() {
                continue;
            }
            let found =
                tokio::time::timeout(LISTED * 2_u32.pow(turn.min(4)), on_screen(window, FOCUSED, label))
                    .await;
            if found.is_ok_and(|found| found.is_ok()) && input.send_keys(ENTER).await.is_ok() {
                break;
            }
        }
        Ok::<_, anyhow::Error>(())
    };
    match tokio::time::timeout(STEP, taken).await {
        Ok(taken) => taken,
        Err(_) => missing(window, ROWS, label).await,
    }
}

/// The field of the palette, once it is shown: it is there before, and stays when it is closed.
async fn quick_input(window: &Client) -> Result<Element> {
    let field = Locator::Css(".quick-input-widget input[type=text]");
    let shown = async {
        loop {
            let found = window.wait().at_most(STEP).for_element(field).await?;
            if found.is_displayed().await.unwrap_or(false) {
                return Ok::<_, anyhow::Error>(found);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(STEP, shown).await {
        Ok(found) => found,
        Err(_) => {
            picture(window, "palette-hidden").await?;
            bail!("the palette does not open")
        }
    }
}

/// The field of a dialogue for files, which comes in the palette's place once that is closed.
async fn file_dialogue(window: &Client, title: &str) -> Result<Element> {
    shown(window, ".quick-input-title", title).await?;
    quick_input(window).await
}

/// Names a file in the dialogue that opens one, and waits for what the dialogue says of it.
pub(super) async fn open_path(window: &Client, path: &str, says: &str) -> Result<()> {
    command(window, "File: Open File...").await?;
    let input = file_dialogue(window, "Open File").await?;
    let said = async {
        loop {
            // While it still reads the folder, it puts back the one it began with.
            input.send_keys(&format!("{CONTROL}a{RELEASE}{path}{ENTER}")).await?;
            if let Ok(said) = tokio::time::timeout(LISTED, on_screen(window, DIALOGUE, says)).await {
                return said;
            }
        }
    };
    match tokio::time::timeout(STEP, said).await {
        Ok(said) => said,
        Err(_) => missing(window, DIALOGUE, says).await,
    }
}

/// Answers this question, which is asked in the palette's place once that is closed.
pub(super) async fn answer(window: &Client, question: &str, text: &str) -> Result<()> {
    shown(window, DIALOGUE, question).await?;
    let input = quick_input(window).await?;
    input.send_keys(&format!("{text}{ENTER}")).await?;
    Ok(())
}

/// Stages all changes; `index` is the file by which that is seen. Before git has looked around there are none for it: then it
/// stages nothing, and says so to nobody.
pub(super) async fn stage_all(window: &Client, index: &str) -> Result<()> {
    let staged = async {
        while !std::fs::exists(index)? {
            command(window, "Git: Stage All Changes").await?;
            // Not yet is what is tried again.
            let _ = tokio::time::timeout(LISTED, async {
                while !std::fs::exists(index).unwrap_or(false) {
                    tokio::time::sleep(POLL).await;
                }
            })
            .await;
        }
        Ok(())
    };
    match tokio::time::timeout(2 * STEP, staged).await {
        Ok(staged) => staged,
        Err(_) => {
            picture(window, "missing-staging").await?;
            bail!("staging did not happen")
        }
    }
}

/// Searches in all files.
pub(super) async fn search(window: &Client, text: &str) -> Result<()> {
    command(window, "Search: Find in Files").await?;
    let field = Locator::Css(".search-view .search-widget textarea");
    window.wait().at_most(STEP).for_element(field).await?;
    keys(window, &format!("{CONTROL}a{RELEASE}{text}{ENTER}")).await
}

/// Waits until an element of this kind says this.
pub(super) async fn shown(window: &Client, css: &str, text: &str) -> Result<()> {
    match tokio::time::timeout(STEP, on_screen(window, css, text)).await {
        Ok(found) => found,
        Err(_) => missing(window, css, text).await,
    }
}

async fn on_screen(window: &Client, css: &str, text: &str) -> Result<()> {
    while !said(window, css).await?.contains(text) {
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// What all elements of this kind say.
async fn said(window: &Client, css: &str) -> Result<String> {
    let script = "return Array.from(document.querySelectorAll(arguments[0])).map(e => e.innerText || e.ariaLabel || '').join('\\n')";
    let all = window.execute(script, vec![css.into()]).await?;
    Ok(all.as_str().unwrap_or_default().replace('\u{a0}', " "))
}

async fn missing(window: &Client, css: &str, text: &str) -> Result<()> {
    let name: String = text.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    picture(window, &format!("missing-{name}")).await?;
    bail!("`{text}` is not shown in {css}: {}", said(window, css).await?)
}

/// Waits until something outside of the browser has happened.
pub(super) async fn happened(window: &Client, what: &str, mut look: impl FnMut() -> bool) -> Result<()> {
    let looking = async {
        while !look() {
            tokio::time::sleep(POLL).await;
        }
    };
    if tokio::time::timeout(STEP, looking).await.is_err() {
        let name: String = what.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
        picture(window, &format!("missing-{name}")).await?;
        bail!("{what} did not happen");
    }
    Ok(())
}

/// The reason, in VS Code's own notification or dialogue.
const TOLD: &str = ".notification-toast, .monaco-dialog-box, .terminal-overlay-container, .xterm-rows, .terminal-widget-container, .monaco-editor-pane-placeholder, .terminal-tab, .terminal-wrapper, .terminal-editor";

pub(super) async fn told(window: &Client, flag: &str) -> Result<()> {
    shown(window, TOLD, flag).await
}

pub(super) async fn dismiss(window: &Client) -> Result<()> {
    keys(window, ESCAPE).await?;
    window.execute("document.querySelectorAll('.notification-toast .codicon-notifications-clear, .notification-toast .codicon-close').forEach(e => e.click())", vec![]).await?;
    Ok(())
}

/// Presses a button on a row of the explorer, or below them all.
pub(super) async fn row(window: &Client, row: &str, right: bool) -> Result<()> {
    let script = "const row = Array.from(document.querySelectorAll('.explorer-folders-view .monaco-list-row')).find(r => r.ariaLabel && r.ariaLabel.startsWith(arguments[0])); \
                  if (!arguments[0]) { const b = document.querySelector('.explorer-folders-view').getBoundingClientRect(); return [b.x + 60, b.bottom - 30]; } \
                  if (!row) return null; const b = row.getBoundingClientRect(); return [b.x + 60, b.y + b.height / 2];";
    let place = window.execute(script, vec![row.into()]).await?;
    press(window, &place, right).await
}

/// The entries of the open menu, once this one is there.
pub(super) async fn entries(window: &Client, known: &str) -> Result<Vec<String>> {
    let script = "return [document, ...Array.from(document.querySelectorAll('.shadow-root-host')).map(h => h.shadowRoot)].flatMap(h => Array.from(h.querySelectorAll('.monaco-menu .action-label'))).map(e => e.textContent.trim())";
    let until = Instant::now() + STEP;
    while Instant::now() < until {
        let found = window.execute(script, vec![]).await?;
        let found: Vec<String> = serde_json::from_value(found)?;
        if found.iter().any(|entry| entry == known) {
            return Ok(found);
        }
        tokio::time::sleep(POLL).await;
    }
    picture(window, "missing-entry").await?;
    bail!("the menu has no entry `{known}`")
}

/// Presses the right button on a row of the explorer and chooses an entry.
pub(super) async fn menu(window: &Client, name: &str, entry: &str) -> Result<()> {
    row(window, name, true).await?;
    let script = "const scopes = [document, ...Array.from(document.querySelectorAll('.shadow-root-host')).map(h => h.shadowRoot)]; \
                  const e = scopes.flatMap(h => Array.from(h.querySelectorAll('.monaco-menu .action-label'))).find(e => e.textContent.trim() === arguments[0]); \
                  if (!e) return null; const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2];";
    // A menu takes no click in its first moments: pressed until it is gone.
    let mut pressed = false;
    let until = Instant::now() + STEP;
    while Instant::now() < until {
        let place = window.execute(script, vec![entry.into()]).await?;
        match (place.is_array(), pressed) {
            (true, _) => {
                press(window, &place, false).await?;
                pressed = true;
            }
            (false, true) => return Ok(()),
            (false, false) => {}
        }
        tokio::time::sleep(2 * POLL).await;
    }
    picture(window, "missing-menu").await?;
    bail!("the menu has no entry `{entry}`, or does not take it")
}

pub(super) async fn press(window: &Client, place: &serde_json::Value, right: bool) -> Result<()> {
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

/// Changes the open file and saves it; waits until it is on disk.
pub(super) async fn edit(window: &Client, text: &str, file: &str) -> Result<()> {
    const LINES: &str = ".editor-instance .view-lines";
    let editor = window.wait().at_most(STEP).for_element(Locator::Css(LINES)).await?;
    // Panels that come late take the focus.
    let script = "return document.activeElement?.closest('.editor-instance') != null";
    let focused = async {
        editor.click().await?;
        while window.execute(script, vec![]).await? != serde_json::Value::Bool(true) {
            tokio::time::sleep(POLL).await;
            editor.click().await?;
        }
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(STEP, focused).await.context("the editor does not get the focus")??;
    keys(window, &format!("{CONTROL}\u{E010}{RELEASE}{text}")).await?;
    // What isn't in the text yet would not be saved.
    shown(window, LINES, text.trim()).await?;
    keys(window, &format!("{CONTROL}s{RELEASE}")).await?;
    written(window, file, text).await
}

pub(super) async fn written(window: &Client, file: &str, text: &str) -> Result<()> {
    let holds = || std::fs::read_to_string(file).is_ok_and(|found| found.contains(text));
    happened(window, &format!("`{text}` in {file}"), holds).await
}

/// Uploads a file by the explorer's menu and the browser's own dialogue.
pub(super) async fn upload(window: &Client, file: &Path) -> Result<()> {
    // The page takes its field away at once; nobody can choose in a dialogue that isn't shown.
    let script = "HTMLInputElement.prototype.click = function () { if (this.type === 'file') { this.remove = () => {}; document.body.appendChild(this); } };";
    window.execute(script, vec![]).await?;
    menu(window, "", "Upload...").await?;
    let input = window.wait().at_most(STEP).for_element(Locator::Css("input[type=file]")).await?;
    input.send_keys(&file.display().to_string()).await?;
    Ok(())
}

/// Drags a file from the person's own desktop and lets it fall below the rows of the explorer.
pub(super) async fn drop_file(window: &Client, browser: &Browser, file: &Path) -> Result<()> {
    let script = "const b = document.querySelector('.explorer-folders-view').getBoundingClientRect(); return [b.x + 60, b.bottom - 30];";
    let place = window.execute(script, vec![]).await?;
    // A file that a script puts into a drag has no entry to be read by: only the browser can make one.
    for what in ["dragEnter", "dragOver", "drop"] {
        let data = serde_json::json!({"items": [], "files": [file], "dragOperationsMask": 1});
        let params = serde_json::json!({"type": what, "x": place[0], "y": place[1], "data": data});
        browser.devtools(window, "Input.dispatchDragEvent", &params).await?;
    }
    Ok(())
}

/// Has folders that the page asks for be folders of the browser's own storage: nobody can choose in a dialogue that isn't
/// shown. VS Code gets the same kind of handle and writes through it.
pub(super) async fn own_folders(window: &Client) -> Result<()> {
    let script = "window.showDirectoryPicker = () => { window.picked = true; return navigator.storage.getDirectory(); }; \
                  return isSecureContext;";
    ensure!(window.execute(script, vec![]).await? == true, "Chromium gives folders to secure pages only");
    Ok(())
}

/// What VS Code wrote into a file of such a folder; nothing while there is none.
pub(super) async fn own_file(window: &Client, folder: &str, file: &str) -> Result<Option<String>> {
    let script = "const [folder, file, done] = arguments; \
                  navigator.storage.getDirectory().then(root => root.getDirectoryHandle(folder)).then(found => found.getFileHandle(file)) \
                  .then(found => found.getFile()).then(found => found.text()).then(done, () => done(null));";
    Ok(window.execute_async(script, vec![folder.into(), file.into()]).await?.as_str().map(str::to_owned))
}

/// Waits until VS Code wrote this into a file of such a folder.
pub(super) async fn saved(window: &Client, folder: &str, file: &str, text: &str) -> Result<()> {
    let looking = async {
        while own_file(window, folder, file).await?.as_deref() != Some(text) {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    };
    match tokio::time::timeout(STEP, looking).await {
        Ok(found) => found,
        Err(_) => {
            picture(window, "missing-saved").await?;
            bail!("{folder}/{file} holds {:?}", own_file(window, folder, file).await?)
        }
    }
}

/// Installs the packed extension by the palette.
pub(super) async fn install(window: &Client, package: &Path) -> Result<()> {
    command(window, "Extensions: Install from VSIX").await?;
    let input = file_dialogue(window, "Install from VSIX").await?;
    let typed = format!("{CONTROL}a{RELEASE}{}", package.display());
    input.send_keys(&typed).await?;
    // While it still reads the folder, the dialogue takes no answer, lists another folder, or puts back the one it began with.
    let script = "const w = document.querySelector('.quick-input-widget'); \
                  if (!w || w.style.display === 'none' || !w.innerText.includes('Install from VSIX')) return null; \
                  const known = Array.from(w.querySelectorAll('.monaco-button')).find(b => b.innerText.trim() === 'Install'); \
                  if (!known) return []; const b = known.getBoundingClientRect(); \
                  return [b.x + b.width / 2, b.y + b.height / 2, w.querySelector('input[type=text]').value];";
    let until = Instant::now() + STEP;
    while Instant::now() < until {
        let place = window.execute(script, vec![]).await?;
        if place.is_null() {
            return Ok(());
        }
        let listed = said(window, ROWS).await?.contains("hello.vsix");
        if listed && place[2] == package.display().to_string() {
            press(window, &place, false).await?;
        } else {
            // Gone in between is what is waited for.
            let _ = input.send_keys(&typed).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    picture(window, "missing-install").await?;
    bail!("the dialogue takes no answer")
}

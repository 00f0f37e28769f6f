//! JupyterLab in a real Chromium, as a person uses it: what is off says why and the interface goes on, what is on works.

mod desk;
mod limits;
mod reloaded;

use anyhow::{Result, ensure};
use fantoccini::{Client, Locator};
use libtest_mimic::Trial;
use portcullis_testing::browser::picture;
use portcullis_testing::{Stage, case};

use desk::{
    Desk, ENTER, ESCAPE, STEP, arrived, choose, command, dismiss, drive, edit, fetch, go_home, keys, menu,
    notebook, offered, open, press, refused, run_cell, shown, told, upload,
};

/// The tabs of the side bar.
const FILES: &str = "li.lm-TabBar-tab[data-id=filebrowser]";
const EXTENSIONS: &str = "li.lm-TabBar-tab[data-id='extensionmanager.main-view']";
const GIT: &str = "li.lm-TabBar-tab[data-id=jp-git-sessions]";

/// Everything that a flag can take from JupyterLab.
const OFF: &str = "allow-shell=0\nallow-file-uploads=0\nallow-file-downloads=0\nallow-package-installation=0\n\
                   allow-vcs=0\nallow-publish=0\nrestrict-directory-view=1";

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("jupyter_browser::what_is_on_works", on),
        case("jupyter_browser::what_is_off_from_the_start_is_not_offered_and_says_why", off),
        case("jupyter_browser::who_comes_close_to_a_limit_is_told_before_the_kernel_acts", limits::told),
        case("jupyter_browser::what_is_switched_off_while_the_page_is_open_says_why", reloaded::reloaded),
    ]
}

fn on(stage: &Stage) -> Result<()> {
    let desk = Desk::new(stage, "ann", "allow-shell=1")?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        let id = desk.start(&window).await?;
        picture(&window, "lab-on").await?;
        use_everything(&window, &desk, &id).await?;
        window.close().await?;
        Ok(())
    })
}

async fn use_everything(window: &Client, desk: &Desk, id: &str) -> Result<()> {
    open(window, "notes.txt").await?;
    edit(window, desk, "more", "notes.txt").await?;
    menu(window, "data.csv").await?;
    choose(window, "Download").await?;
    arrived(window, &desk.mine("data.csv"), |bytes| bytes == b"a,b\n1,2\n").await?;
    upload(window, &desk.mine("small.bin")).await?;
    arrived(window, &desk.home("small.bin"), |bytes| bytes.len() == 400).await?;
    open(window, "outside").await?;
    shown(window, ".jp-DirListing-item", "hosts").await?;
    picture(window, "lab-outside-on").await?;
    go_home(window).await?;
    notebook(window).await?;
    run_cell(window, "print('sum', 20+22)", "sum 42").await?;
    export(window).await?;
    arrived(window, &desk.mine("Untitled.html"), |bytes| String::from_utf8_lossy(bytes).contains("sum 42"))
        .await?;
    command(window, "New Terminal").await?;
    let made = desk.home("made.txt");
    window.wait().at_most(STEP).for_element(Locator::Css(".jp-Terminal .xterm-helper-textarea")).await?;
    press(window, ".jp-Terminal .xterm-screen").await?;
    keys(window, &format!("echo $((40+2)) > made.txt{ENTER}")).await?;
    arrived(window, &made, |bytes| bytes == b"42\n").await?;
    picture(window, "lab-terminal-on").await?;
    // Its list is what this machine has; searching would need the internet.
    press(window, EXTENSIONS).await?;
    press(window, ".jp-extensionmanager-disclaimer-enable").await?;
    shown(window, ".jp-extensionmanager-installedlist", "jupyterlab-git").await?;
    picture(window, "lab-extensions-on").await?;
    press(window, FILES).await?;
    open(window, "work").await?;
    press(window, GIT).await?;
    shown(window, "#jp-git-sessions", "tracked.txt").await?;
    command(window, "Push to Remote").await?;
    shown(window, ".Toastify__toast", "Successfully pushed").await?;
    picture(window, "lab-git-on").await?;
    dismiss(window).await?;
    ensure!(std::fs::read_dir(desk.home("remote.git/refs/heads"))?.count() == 1, "nothing was pushed");
    let (status, text) = fetch(window, "GET", &format!("/s/{id}/no/such/door")).await?;
    ensure!(status == 404, "{status} {text}");
    Ok(())
}

/// Exports the notebook in front, by the palette.
async fn export(window: &Client) -> Result<()> {
    command(window, "Save and Export Notebook: HTML").await?;
    shown(window, ".jp-Dialog", "Export as HTML").await?;
    press(window, ".jp-Dialog .jp-mod-accept").await
}

/// What lies outside of the home directory doesn't open, by a link to a file or by the path of a folder.
async fn outside(window: &Client) -> Result<()> {
    const RULE: &str = "restrict-directory-view=1 (rsession.conf:";
    open(window, "linked.txt").await?;
    told(window, RULE, "lab-linked-off").await?;
    command(window, "Open from Path").await?;
    let input = window.wait().at_most(STEP).for_element(Locator::Css(".jp-Dialog input")).await?;
    input.send_keys(&format!("outside{ENTER}")).await?;
    told(window, RULE, "lab-outside-off").await?;
    // A double click on a folder: JupyterLab by itself stays where it is and keeps the answer to itself.
    open(window, "outside").await?;
    told(window, RULE, "lab-folder-off").await?;
    shown(window, ".jp-DirListing-item", "data.csv").await.map(drop)
}

/// From the start: JupyterLab's own switches go with the flags, so the buttons are gone; the door behind each says why.
fn off(stage: &Stage) -> Result<()> {
    let desk = Desk::new(stage, "bob", OFF)?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        let id = desk.start(&window).await?;
        picture(&window, "lab-off").await?;
        for gone in [EXTENSIONS, GIT, ".jp-LauncherCard[title*=erminal]"] {
            ensure!(window.find_all(Locator::Css(gone)).await?.is_empty(), "it is offered: {gone}");
        }
        let entries = menu(&window, "data.csv").await?;
        ensure!(!entries.contains("Download") && !entries.contains("Shareable"), "{entries}");
        picture(&window, "lab-menu-off").await?;
        keys(&window, ESCAPE).await?;
        for words in ["New Terminal", "Save and Export Notebook", "Download", "Git"] {
            let all = offered(&window, words).await?;
            ensure!(!all.contains(words), "the palette offers `{words}`: {all}");
            keys(&window, ESCAPE).await?;
        }
        let at = |path: &str| format!("/s/{id}{path}");
        for (method, path, rule) in [
            ("POST", "/api/terminals", "allow-shell=0 (rsession.conf:"),
            ("GET", "/files/data.csv", "allow-file-downloads=0 (rsession.conf:"),
            ("GET", "/nbconvert/html/Untitled.ipynb", "allow-file-downloads=0 (rsession.conf:"),
            ("POST", "/lab/api/extensions", "allow-package-installation=0 (rsession.conf:"),
            ("POST", "/git/work/status", "allow-vcs=0 (rsession.conf:"),
            ("GET", "/no/such/door", "/no/such/door"),
        ] {
            refused(&window, method, &at(path), rule).await?;
        }
        upload(&window, &desk.mine("small.bin")).await?;
        told(&window, "allow-file-uploads=0 (rsession.conf:", "lab-upload-off-start").await?;
        ensure!(!desk.home("small.bin").exists(), "the upload came through");
        outside(&window).await?;
        open(&window, "notes.txt").await?;
        edit(&window, &desk, "more", "notes.txt").await?;
        notebook(&window).await?;
        run_cell(&window, "print('sum', 20+22)", "sum 42").await?;
        picture(&window, "lab-off-goes-on").await?;
        window.close().await?;
        Ok(())
    })
}

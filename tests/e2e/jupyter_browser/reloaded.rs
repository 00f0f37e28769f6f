//! The administrator shuts doors while the page is open: its buttons are all still there, and each says why it doesn't work now.

use anyhow::{Context, Result, ensure};
use fantoccini::{Client, Locator};
use portcullis_testing::Stage;
use portcullis_testing::browser::picture;

use super::desk::{
    Desk, STEP, arrived, choose, command, dismiss, drawn, drive, edit, go_home, menu, notebook, open, press,
    refused, run_cell, shown, told, upload,
};
use super::{EXTENSIONS, FILES, GIT, OFF, export};

pub(super) fn reloaded(stage: &Stage) -> Result<()> {
    let mut desk = Desk::new(stage, "cat", "allow-shell=1")?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        let id = desk.start(&window).await?;
        open(&window, "notes.txt").await?;
        edit(&window, &desk, "more", "notes.txt").await?;
        notebook(&window).await?;
        run_cell(&window, "print('sum', 20+22)", "sum 42").await?;
        press(&window, EXTENSIONS).await?;
        press(&window, ".jp-extensionmanager-disclaimer-enable").await?;
        shown(&window, ".jp-extensionmanager-installedlist", "jupyterlab-git").await?;
        press(&window, FILES).await?;
        desk.world.set("rsession.conf", "limit-file-upload-size-mb=1")?;
        desk.world.reload()?;
        limited(&window, &desk).await?;
        // The folder that git is asked about.
        open(&window, "work").await?;
        press(&window, GIT).await?;
        shown(&window, "#jp-git-sessions", "tracked.txt").await?;
        desk.world.set("rsession.conf", OFF)?;
        desk.world.reload()?;
        shut(&window, &desk, &id).await?;
        window.close().await?;
        Ok(())
    })
}

/// JupyterLab sends pieces of 1 MiB: what is within the limit may have come already.
async fn limited(window: &Client, desk: &Desk) -> Result<()> {
    const LIMIT: u64 = 1 << 20;
    std::fs::write(desk.mine("large.bin"), vec![9_u8; 3 << 20])?;
    upload(window, &desk.mine("large.bin")).await?;
    told(window, "limit-file-upload-size-mb=1 (rsession.conf:", "lab-upload-too-large").await?;
    let left = std::fs::metadata(desk.home("large.bin")).map_or(0, |found| found.len());
    ensure!(left <= LIMIT, "{left} bytes are on disk");
    std::fs::write(desk.mine("fits.bin"), vec![7_u8; 1_000_000])?;
    upload(window, &desk.mine("fits.bin")).await?;
    arrived(window, &desk.home("fits.bin"), |bytes| bytes.len() == 1_000_000).await?;
    picture(window, "lab-upload-fits").await?;
    dismiss(window).await
}

async fn shut(window: &Client, desk: &Desk, id: &str) -> Result<()> {
    command(window, "Push to Remote").await?;
    shown(window, ".Toastify__toast", "Failed to push").await?;
    press(window, ".Toastify__toast .jp-toast-button").await?;
    told(window, "allow-vcs=0 (rsession.conf:", "lab-git-off").await?;
    press(window, EXTENSIONS).await?;
    press(window, "button[title^='Uninstall']").await?;
    // Its own panel says why, in capitals.
    let panel = "[id='extensionmanager.main-view']";
    shown(window, panel, "ALLOW-PACKAGE-INSTALLATION=0 (RSESSION.CONF:").await?;
    picture(window, "lab-extensions-off").await?;
    press(window, FILES).await?;
    go_home(window).await?;
    command(window, "New Terminal").await?;
    told(window, "allow-shell=0 (rsession.conf:", "lab-terminal-off").await?;
    command(window, "New Launcher").await?;
    press(window, ".jp-LauncherCard[title*='terminal']").await?;
    shown(window, ".jp-Dialog", "allow-shell=0 (rsession.conf:").await?;
    picture(window, "lab-card-off").await?;
    press(window, ".jp-Dialog .jp-Dialog-button").await?;
    drawn(window).await?;
    // The launcher says it by itself: once is enough.
    ensure!(window.find_all(Locator::Css(".jp-Dialog")).await?.is_empty(), "it is said twice");
    std::fs::write(desk.mine("late.bin"), [8_u8; 300])?;
    upload(window, &desk.mine("late.bin")).await?;
    told(window, "allow-file-uploads=0 (rsession.conf:", "lab-upload-off").await?;
    ensure!(!desk.home("late.bin").exists(), "the upload came through");
    open(window, "outside").await?;
    told(window, "restrict-directory-view=1 (rsession.conf:", "lab-folder-shut").await?;
    menu(window, "data.csv").await?;
    choose(window, "Download").await?;
    told(window, "allow-file-downloads=0 (rsession.conf:", "lab-download-off").await?;
    ensure!(!desk.mine("data.csv").exists(), "the download came through");
    refused(window, "GET", &format!("/s/{id}/no/such/door"), "/no/such/door").await?;
    // The file that was open and the notebook with its kernel go on.
    open(window, "notes.txt").await?;
    edit(window, desk, "still", "notes.txt").await?;
    open(window, "Untitled.ipynb").await?;
    run_cell(window, "print('sum', 30+33)", "sum 63").await?;
    picture(window, "lab-goes-on").await?;
    // The export opens a page of its own, which says why.
    export(window).await?;
    let own = window.window().await?;
    let other = async {
        loop {
            if let Some(page) = window.windows().await?.into_iter().find(|page| *page != own) {
                return Ok::<_, anyhow::Error>(page);
            }
            tokio::time::sleep(super::desk::LOOK).await;
        }
    };
    let page = tokio::time::timeout(STEP, other).await.context("the export opens no page")??;
    window.switch_to_window(page).await?;
    shown(window, "body", "allow-file-downloads=0").await?;
    picture(window, "lab-export-off").await?;
    window.close_window().await?;
    window.switch_to_window(own).await?;
    dismiss(window).await
}

//! A notebook that fills its session's memory: whoever works in it is told before, and told what was ended afterwards.

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::Stage;
use portcullis_testing::browser::picture;
use serde_json::Value;

use super::desk::{Desk, LOOK, drive, fetch, notebook, run_cell, shown};

/// JupyterLab and a kernel use a third of it.
const LIMIT_MB: u64 = 800;
/// Hundredths of it that both use at least: some 150 MB.
const WITH_A_KERNEL: u64 = 16;
const NOTICE: &str = ".Toastify__toast";

pub(super) fn told(stage: &Stage) -> Result<()> {
    let desk = Desk::limited(stage, "ram", "allow-shell=1", &format!("max-memory-mb={LIMIT_MB}\n"))?;
    drive(async {
        let window = desk.browser.window(1280, 900, false).await?;
        let id = desk.start(&window).await?;
        notebook(&window).await?;
        run_cell(&window, "print('sum', 20+22)", "sum 42").await?;
        let load = format!("/sessions/{id}/load");
        // The launcher looks every five seconds: until it has seen the kernel.
        let percent = loop {
            let (status, text) = fetch(&window, "GET", &load).await?;
            let told: Value = serde_json::from_str(&text).context("no JSON")?;
            let percent = told["limits"][0]["percent"].as_u64().context("no limit")?;
            ensure!(status == 200 && percent < 80, "{text}");
            if percent >= WITH_A_KERNEL {
                break percent;
            }
            tokio::time::sleep(LOOK).await;
        };
        let fill = (94 - percent) * LIMIT_MB / 100;
        run_cell(&window, &format!("x = bytearray({fill} << 20); print('sum', 40+4)"), "sum 44").await?;
        shown(&window, NOTICE, "Save your work").await?;
        picture(&window, "lab-near-limit").await?;
        // It shows nothing: its kernel is ended in the middle. JupyterLab starts another one and says so itself.
        let bomb = format!("y = bytearray({LIMIT_MB} << 20); print('sum', 44+44)");
        let ended = run_cell(&window, &bomb, "never");
        let kernel = async { shown(&window, NOTICE, "The system ended").await };
        tokio::select! {
            ended = ended => ended?,
            kernel = kernel => drop(kernel?),
        }
        picture(&window, "lab-ended").await?;
        let wanted = [("session", id.as_str()), ("what", "memory"), ("whose", "session")];
        desk.world.await_audit("limit-reached", &wanted, 10)?;
        let (status, _) = fetch(&window, "GET", &format!("/s/{id}/api/kernels")).await?;
        ensure!(status == 200, "JupyterLab is gone: {status}");
        window.close().await?;
        Ok(())
    })
}

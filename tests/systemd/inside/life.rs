//! Restart, reload, upgrade: nobody loses anything.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use portcullis_testing::Client;

use super::Scene;
use super::scene::{launcher, output, property, run};
use super::starting::package;
use crate::machine::VERSIONS;

/// Between two requests of somebody who reloads a page all the time.
const EVERY: Duration = Duration::from_millis(20);

/// Requests on new connections all the time while something is done; how many there were, and what was refused.
fn under_load(browser: &Client, path: &str, act: impl FnOnce() -> Result<()>) -> Result<(u32, Vec<String>)> {
    let (over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let asking = {
        let (over, count, browser, path) = (over.clone(), count.clone(), browser.clone(), path.to_owned());
        std::thread::spawn(move || {
            let mut wrong = Vec::new();
            while !over.load(Ordering::Relaxed) {
                match browser.get(&path) {
                    Ok(answer) if answer.status == 200 => {}
                    Ok(answer) => wrong.push(format!("status {}", answer.status)),
                    Err(error) => wrong.push(format!("{error:#}")),
                }
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(EVERY);
            }
            wrong
        })
    };
    let outcome = act();
    over.store(true, Ordering::Relaxed);
    let wrong = asking.join().map_err(|_| anyhow::anyhow!("the requests panicked"))?;
    outcome?;
    Ok((count.load(Ordering::Relaxed), wrong))
}

fn restarted(scene: &mut Scene, act: impl FnOnce() -> Result<()>) -> Result<()> {
    let before = launcher()?;
    let path = format!("/s/{}/api/me", scene.session);
    let (asked, wrong) = under_load(scene.browser()?, &path, act)?;
    ensure!(launcher()? != before, "it is the same process");
    scene.echoes()?;
    scene.answers()?;
    ensure!(wrong.is_empty(), "{} of {asked} requests were not served: {:?}", wrong.len(), wrong.first());
    println!("  {asked} requests meanwhile, all served");
    Ok(())
}

pub(super) fn restart(scene: &mut Scene) -> Result<()> {
    restarted(scene, || run("systemctl", &["restart", "portcullis"]).map(drop))
}

/// What a page says about being shown in other pages: something that a reload changes, and that cuts no connection.
fn frames(scene: &Scene) -> Result<String> {
    let page = scene.browser()?.request("GET", "/").header("Accept", "text/html").send()?;
    Ok(page.header("x-frame-options").unwrap_or_default().to_owned())
}

pub(super) fn reload(scene: &mut Scene) -> Result<()> {
    let before = launcher()?;
    ensure!(frames(scene)? == "DENY", "pages say {}", frames(scene)?);
    append("/etc/rstudio/rserver.conf", "www-frame-origin=same")?;
    run("systemctl", &["reload", "portcullis"])?;
    ensure!(launcher()? == before, "it was restarted");
    // In force as soon as the command is over.
    ensure!(frames(scene)? == "SAMEORIGIN", "pages say {}", frames(scene)?);
    scene.echoes()
}

pub(super) fn reload_refused(scene: &mut Scene) -> Result<()> {
    let good = fs::read_to_string("/etc/rstudio/rserver.conf")?;
    append("/etc/rstudio/rserver.conf", "www-frame-origin=none\nwww-prot=1")?;
    let done = output("systemctl", &["reload", "portcullis"])?;
    let said = frames(scene);
    // Whatever came of it: what follows is not about this.
    fs::write("/etc/rstudio/rserver.conf", good)?;
    ensure!(!done.status.success(), "a reload with an error in it succeeded");
    ensure!(property("ActiveState")? == "active", "the daemon is {}", property("ActiveState")?);
    ensure!(said? == "SAMEORIGIN", "the old configuration is not in force");
    run("systemctl", &["reload", "portcullis"])?;
    scene.echoes()
}

fn append(file: &str, line: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    Ok(fs::write(file, format!("{text}{line}\n"))?)
}

pub(super) fn upgrade(scene: &mut Scene) -> Result<()> {
    let changed = ["/etc/pam.d/portcullis", "/etc/rstudio/portcullis.conf"];
    for file in changed {
        append(file, "# the administrator's own line")?;
    }
    // An option as well: what is stopped from here on waits two seconds for connections, not half a minute.
    append(changed[1], "drain-seconds=2")?;
    let package = package(VERSIONS[1])?;
    restarted(scene, || {
        run("dpkg", &["--install", "--force-confdef", "--force-confold", &package]).map(drop)
    })?;
    let version = run("dpkg-query", &["--show", "--showformat=${Version}", "portcullis"])?;
    ensure!(version.trim() == VERSIONS[1], "{version} is installed");
    for file in changed {
        ensure!(fs::read_to_string(file)?.contains("the administrator's own line"), "{file} was replaced");
    }
    Ok(())
}

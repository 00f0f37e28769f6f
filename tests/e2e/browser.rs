//! A real Chromium, as a person uses it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fantoccini::{Client, Locator};
use libtest_mimic::Trial;
use portcullis_testing::browser::{Browser, picture};
use portcullis_testing::{Stage, World, case, stage, until};

const START: Duration = Duration::from_secs(150);

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("browser::sign_in_start_jupyterlab_run_a_cell_with_closed_doors", closed),
        case("browser::a_download_works_where_it_is_allowed", open),
        case("browser::pages_say_what_went_wrong", faults),
    ]
}

fn drive(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(400), work).await.context("the browser took too long")?
    })
}

fn chromium() -> Result<Browser> {
    match Browser::start()? {
        Some(browser) => Ok(browser),
        None => stage::skip("Chromium is not installed on this machine"),
    }
}

async fn sign_in(window: &Client, world: &World, user: &str, password: &str) -> Result<()> {
    window.goto(&format!("http://{}/", world.address())).await?;
    let form = window.wait().for_element(Locator::Css("#username")).await?;
    form.send_keys(user).await?;
    window.find(Locator::Css("#password")).await?.send_keys(password).await?;
    window.find(Locator::Css("button[type=submit]")).await?.click().await?;
    Ok(())
}

/// Presses the button that starts a session and waits for JupyterLab itself.
async fn start_lab(window: &Client) -> Result<String> {
    window.wait().for_element(Locator::Css("button[name=ide]")).await?.click().await?;
    window.wait().at_most(START).for_element(Locator::Css(".jp-LauncherCard, #jp-main-dock-panel")).await?;
    window.wait().at_most(START).for_element(Locator::Css(".jp-LauncherCard")).await?;
    let url = window.current_url().await?;
    let path = url.path().to_owned();
    let id = path.split('/').nth(2).context("no session in the address")?.to_owned();
    Ok(id)
}

/// Asks from inside the page, with the page's own cookies; returns status and text.
async fn fetch(window: &Client, method: &str, path: &str) -> Result<(u64, String)> {
    let script = "const [method, path, done] = arguments; \
                  fetch(path, {method, body: method === 'POST' ? '{}' : undefined}) \
                  .then(async answer => done([answer.status, await answer.text()]), error => done([0, String(error)]));";
    let answer = window.execute_async(script, vec![method.into(), path.into()]).await?;
    Ok((answer[0].as_u64().unwrap_or(0), answer[1].as_str().unwrap_or_default().to_owned()))
}

/// Runs a cell in a new notebook by its menu-less way: the launcher's card, the keyboard, the output area.
async fn run_cell(window: &Client) -> Result<()> {
    window.find(Locator::Css(".jp-LauncherCard[data-category=Notebook]")).await?.click().await?;
    // The notebook builds itself in steps: a cell that is there may not take a click yet, or be replaced by another.
    let typed = async {
        let cell = Locator::Css(".jp-Notebook .jp-CodeCell .cm-content");
        loop {
            if let Ok(editor) = window.find(cell).await {
                if editor.click().await.is_ok() && editor.send_keys("print('sum', 1+1)").await.is_ok() {
                    return editor;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let editor = tokio::time::timeout(START, typed).await.context("the cell takes no input")?;
    let output = ".jp-OutputArea-output";
    for _ in 0..10 {
        // Shift and Enter; what comes before the kernel is ready may be lost.
        let _ = editor.send_keys("\u{E008}\u{E007}\u{E000}").await;
        let shown = window.wait().at_most(Duration::from_secs(15)).for_element(Locator::Css(output)).await;
        if shown.is_ok() {
            break;
        }
    }
    let text = window.find(Locator::Css(output)).await?.text().await?;
    ensure!(text.contains("sum 2"), "the cell says {text}");
    Ok(())
}

fn closed(stage: &Stage) -> Result<()> {
    let browser = chromium()?;
    let world = stage
        .world()
        .jupyter()
        .conf("rsession.conf", "allow-shell=0\nallow-file-downloads=0\nallow-file-uploads=0")
        .start()?;
    let account = world.account("ann")?;
    std::fs::write(account.home.join("data.csv"), "a,b\n1,2\n")?;
    drive(async {
        let window = browser.window(1280, 900, false).await?;
        window.goto(&format!("http://{}/", world.address())).await?;
        window.wait().for_element(Locator::Css("#username")).await?;
        picture(&window, "sign-in").await?;
        sign_in(&window, &world, &account.name, "wrong").await?;
        window.wait().for_element(Locator::Css("#denied")).await?;
        picture(&window, "sign-in-denied").await?;
        sign_in(&window, &world, &account.name, &account.password).await?;
        window.wait().for_element(Locator::Css("button[name=ide]")).await?;
        picture(&window, "home").await?;
        let id = start_lab(&window).await?;
        picture(&window, "jupyterlab").await?;
        let cards = window.find_all(Locator::Css(".jp-LauncherCard[title*=erminal]")).await?;
        ensure!(cards.is_empty(), "JupyterLab still offers a terminal");
        run_cell(&window).await?;
        picture(&window, "cell").await?;
        let (status, text) = fetch(&window, "POST", &format!("/s/{id}/api/terminals")).await?;
        ensure!(status == 403 && text.contains("allow-shell=0"), "{status} {text}");
        let (status, text) = fetch(&window, "GET", &format!("/s/{id}/files/data.csv")).await?;
        ensure!(status == 403 && text.contains("allow-file-downloads=0"), "{status} {text}");
        // The same as a person sees it: a page with the reason.
        window.goto(&format!("http://{}/s/{id}/files/data.csv", world.address())).await?;
        let page = window.source().await?;
        ensure!(page.contains("allow-file-downloads"), "{page}");
        picture(&window, "refused-download").await?;
        window.goto(&format!("http://{}/s/{id}/terminals/1", world.address())).await?;
        picture(&window, "refused-terminal").await?;
        window.goto(&format!("http://{}/", world.address())).await?;
        window.wait().for_element(Locator::Css(&format!("#open-{id}"))).await?;
        picture(&window, "home-with-session").await?;
        window.close().await?;
        let phone = browser.window(390, 844, true).await?;
        sign_in(&phone, &world, &account.name, &account.password).await?;
        phone.wait().for_element(Locator::Css(&format!("#open-{id}"))).await?;
        picture(&phone, "home-phone-dark").await?;
        let wide =
            phone.execute("return document.documentElement.scrollWidth > window.innerWidth", vec![]).await?;
        ensure!(wide == false, "the home page is wider than a phone");
        phone.close().await?;
        Ok(())
    })
}

fn open(stage: &Stage) -> Result<()> {
    let browser = chromium()?;
    let world =
        stage.world().jupyter().conf("rsession.conf", "allow-shell=1\nallow-file-downloads=1").start()?;
    let account = world.account("bob")?;
    std::fs::write(account.home.join("data.csv"), "a,b\n1,2\n")?;
    drive(async {
        let window = browser.window(1280, 900, false).await?;
        sign_in(&window, &world, &account.name, &account.password).await?;
        let id = start_lab(&window).await?;
        let script = "const link = document.createElement('a'); link.href = arguments[0]; link.download = 'data.csv'; \
                      document.body.append(link); link.click();";
        window.execute(script, vec![format!("/s/{id}/files/data.csv").into()]).await?;
        let file = browser.downloads().join("data.csv");
        until::is("the file arrives", 30, || {
            std::fs::read_to_string(&file).is_ok_and(|text| text == "a,b\n1,2\n")
        })?;
        let (status, text) = fetch(&window, "POST", &format!("/s/{id}/api/terminals")).await?;
        ensure!(status == 200, "{status} {text}");
        window.close().await?;
        Ok(())
    })
}

fn faults(stage: &Stage) -> Result<()> {
    let browser = chromium()?;
    let world = stage.world().double(&["--double-exit"]).start()?;
    let account = world.account("cat")?;
    drive(async {
        let window = browser.window(1280, 900, false).await?;
        sign_in(&window, &world, &account.name, &account.password).await?;
        window.wait().for_element(Locator::Css("button[name=ide]")).await?.click().await?;
        // The page of the start turns into the page of its failure by itself.
        let told = async {
            loop {
                if window.source().await?.contains("cannot find my configuration") {
                    return Ok::<_, anyhow::Error>(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        if tokio::time::timeout(START, told).await.is_err() {
            bail!("the page does not show the IDE's last lines: {}", window.source().await?);
        }
        picture(&window, "start-failed").await?;
        window.goto(&format!("http://{}/no/such/page", world.address())).await?;
        picture(&window, "not-found").await?;
        window.close().await?;
        Ok(())
    })
}

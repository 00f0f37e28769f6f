//! A real Chromium without a screen, driven through chromedriver.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fantoccini::{Client, ClientBuilder};
use http_body_util::BodyExt as _;

use crate::{place, until};

const DRIVER: &str = "/usr/bin/chromedriver";
const CHROMIUM: &str = "/usr/bin/chromium";

/// A page that loads: an editor of some ten megabytes of script took longer than a minute, on two processors beside five other
/// tests and with nothing in any cache. Longer than the tests wait for what it shows.
const PAGE: Duration = Duration::from_secs(200);
/// A script on such a page.
const SCRIPT: Duration = Duration::from_secs(120);

/// A running chromedriver.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    port: u16,
    folder: PathBuf,
}

impl Browser {
    /// Starts chromedriver; `None` when the machine has no Chromium.
    ///
    /// # Errors
    /// When it doesn't start.
    pub fn start() -> Result<Option<Self>> {
        if !fs::exists(DRIVER)? || !fs::exists(CHROMIUM)? {
            return Ok(None);
        }
        let number = place::next_number();
        let folder = PathBuf::from(format!("/run/browser{number}"));
        fs::create_dir_all(folder.join("downloads"))?;
        let port = 29000 + u16::try_from(number % 900)?;
        let driver = Command::new(DRIVER)
            .arg(format!("--port={port}"))
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start chromedriver")?;
        let browser = Self { driver, port, folder };
        until::is("chromedriver listens", 30, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Some(browser))
    }

    /// Where downloads go.
    pub fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    /// Opens a window of this size.
    ///
    /// # Errors
    /// When Chromium doesn't start.
    pub async fn window(&self, width: u32, height: u32, dark: bool) -> Result<Client> {
        let mut args = vec![
            "--headless=new".to_owned(),
            // As root, inside the namespaces: Chromium's own sandbox refuses both.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={width},{height}"),
            format!(
                "--user-data-dir={}",
                self.folder.join(format!("profile{}", place::next_number())).display()
            ),
        ];
        if dark {
            args.push("--force-dark-mode".to_owned());
            args.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let capabilities = serde_json::json!({
            "goog:chromeOptions": {
                "binary": CHROMIUM,
                "args": args,
                "prefs": {
                    "download.default_directory": self.downloads(),
                    "download.prompt_for_download": false,
                    "credentials_enable_service": false
                }
            }
        });
        let serde_json::Value::Object(capabilities) = capabilities else {
            unreachable!("written as an object above")
        };
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .context("cannot open a browser window")?;
        client
            .update_timeouts(fantoccini::wd::TimeoutConfiguration::new(Some(SCRIPT), Some(PAGE), None))
            .await?;
        Ok(client)
    }

    /// Gives a window an order of Chromium's own protocol, for what WebDriver has no word: a file dragged in from the desktop.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn devtools(&self, window: &Client, order: &str, params: &serde_json::Value) -> Result<()> {
        let session = window.session_id().await?.context("the window is closed")?;
        let body = serde_json::json!({"cmd": order, "params": params}).to_string();
        let request =
            http::Request::post(format!("http://127.0.0.1:{}/session/{session}/goog/cdp/execute", self.port))
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(http_body_util::Full::new(bytes::Bytes::from(body)))?;
        let executor = hyper_util::rt::TokioExecutor::new();
        let client = hyper_util::client::legacy::Client::builder(executor).build_http();
        let answer = client.request(request).await.context("cannot reach chromedriver")?;
        let status = answer.status();
        let text = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "`{order}` was refused: {}", String::from_utf8_lossy(&text));
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Keeps a picture of the window in the folder named by `PORTCULLIS_SCREENSHOTS`, if there is one.
///
/// # Errors
/// When the browser can't make it.
pub async fn picture(window: &Client, name: &str) -> Result<()> {
    if let Some(folder) = std::env::var_os("PORTCULLIS_SCREENSHOTS") {
        fs::create_dir_all(&folder)?;
        fs::write(PathBuf::from(folder).join(format!("{name}.png")), window.screenshot().await?)?;
    }
    Ok(())
}

//! RStudio behind the real launcher and server: each hole of its session is shown open on its own socket, and shut in front of it.
//!
//! The session is a double that answers as the real one was observed to. What only the kernel can shut is said, not hidden.

mod calls;
mod files;
mod life;
mod paths;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Response, Stage, World, case, until};
use serde_json::{Value, json};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("rstudio::it_starts_with_its_page_and_runs_what_is_typed", life::works),
        case("rstudio::terminals_are_shut_while_the_session_opens_them", calls::shell),
        case("rstudio::downloads_are_shut_while_the_session_gives_them", files::downloads),
        case("rstudio::uploads_are_shut_while_the_session_takes_them", files::uploads),
        case("rstudio::uploads_are_measured_and_cut", files::sizes),
        case("rstudio::version_control_publishing_and_packages_are_shut", calls::others),
        case("rstudio::only_the_home_is_seen_by_every_name", paths::directories),
        case("rstudio::an_upload_stays_in_the_allowed_folders", paths::upload_directories),
        case("rstudio::what_runs_is_what_was_decided_on", calls::envelope),
        case("rstudio::an_unknown_call_is_refused_and_named", calls::unknown),
        case("rstudio::a_port_is_its_owners_alone", life::ports),
        case("rstudio::its_page_gives_nothing_but_the_page", life::page),
        case("rstudio::stopping_suspends_and_starting_resumes", life::suspends),
        case("rstudio::one_that_was_asked_to_suspend_and_went_on_is_ended", life::goes_on),
        case("rstudio::what_is_typed_is_recorded_when_consoles_are", life::console),
        case("rstudio::a_session_that_ends_says_so", life::ends),
    ]
}

/// A session with these flags, seen from its owner's browser.
struct Rstudio {
    world: World,
    client: Client,
    id: String,
    user: String,
    home: PathBuf,
    page: String,
}

fn running(stage: &Stage, flags: &str, stem: &str) -> Result<Rstudio> {
    running_in(stage.world().rsession(&[]).conf("rsession.conf", flags).start()?, stem)
}

fn running_in(world: World, stem: &str) -> Result<Rstudio> {
    let (account, client) = world.signed_in(stem)?;
    let id = client.open_session_of("rstudio")?;
    client.await_running(&id, 30)?;
    let home = PathBuf::from(format!("/home/{}", account.name));
    let mut ide = Rstudio { world, client, id, user: account.name, home, page: String::new() };
    ide.page = ide.init()?["clientId"].as_str().context("no client id")?.to_owned();
    Ok(ide)
}

impl Rstudio {
    fn at(&self, path: &str) -> String {
        format!("/s/{}{path}", self.id)
    }

    fn init(&self) -> Result<Value> {
        let url = format!("{}{}", self.client.origin(), self.at("/"));
        let body = json!({"method": "client_init", "params": [url, ""], "clientId": "", "clientVersion": ""});
        let answer =
            self.client.request("POST", &self.at("/rpc/client_init")).json(&body).send()?.expect(200)?;
        Ok(answer.json()?["result"].clone())
    }

    fn body(&self, method: &str, params: &Value) -> Value {
        json!({"method": method, "params": params, "clientId": self.page, "clientVersion": ""})
    }

    /// A call as the page sends it.
    fn call(&self, method: &str, params: &Value) -> Result<Value> {
        self.call_at(&format!("/rpc/{method}"), &self.body(method, params))
    }

    fn call_at(&self, path: &str, body: &Value) -> Result<Value> {
        self.client.request("POST", &self.at(path)).json(body).send()?.expect(200)?.json()
    }

    /// A call that must be refused in RStudio's own form, naming the flag, without reaching the session.
    fn refused(&self, method: &str, params: &Value, flag: &str) -> Result<()> {
        let before = self.seen();
        let answer = self.call(method, params)?;
        let message = answer["error"]["error"]["message"].as_str().unwrap_or_default();
        ensure!(message.contains(flag), "{method} {params} does not name {flag}: {answer}");
        ensure!(answer["portcullis"]["id"].is_string(), "{answer}");
        ensure!(self.seen() == before, "{method} reached the session: {:?}", self.seen());
        Ok(())
    }

    fn get(&self, path: &str) -> Result<Response> {
        self.client.get(&self.at(path))
    }

    /// What the session has seen.
    fn seen(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.home.join("rsession.seen")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn socket(&self) -> PathBuf {
        self.world.run_dir().join(format!("sessions/{}/{}-d", self.id, self.user))
    }

    /// The control: the session itself, asked on its own socket with tokens of the asker's choice.
    fn direct(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nCookie: rs-csrf-token=t\r\nX-RS-CSRF-Token: t\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn direct_call(&self, method: &str, params: &Value) -> Result<Value> {
        let body = self.body(method, params).to_string();
        let answer = self.direct("POST", &format!("/rpc/{method}"), "", body.as_bytes())?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
        Ok(serde_json::from_str(body)?)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.home.join(name), text)?)
    }

    fn audited(&self, rule: &str) -> Result<()> {
        until::is("the refusal is in the audit log", 10, || {
            self.world.audit().is_ok_and(|records| {
                records.iter().any(|record| {
                    record["event"] == "refused"
                        && record["rule"].as_str().is_some_and(|said| said.contains(rule))
                })
            })
        })
    }
}

/// A form as RStudio's page sends it: the file first.
fn form(name: &str, bytes: &[u8], directory: &str) -> Vec<u8> {
    let mut body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(
        format!("\r\n--XX\r\nContent-Disposition: form-data; name=\"targetDirectory\"\r\n\r\n{directory}\r\n--XX--\r\n").as_bytes(),
    );
    body
}

const FORM: &str = "multipart/form-data; boundary=XX";

impl Rstudio {
    fn upload(&self, body: Vec<u8>) -> Result<Value> {
        let answer = self
            .client
            .request("POST", &self.at("/upload"))
            .header("Content-Type", FORM)
            .body(body)
            .send()?;
        answer.expect(200)?.json()
    }
}

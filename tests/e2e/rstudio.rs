//! RStudio behind the real launcher and server: each hole of its session is shown open on its own socket, and shut in front of it.
//!
//! The session is a double that answers as the real one was observed to. What only the kernel can shut is said, not hidden.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Client, Response, Stage, World, case, process, until, websocket};
use serde_json::{Value, json};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("rstudio::it_starts_with_its_page_and_runs_what_is_typed", works),
        case("rstudio::terminals_are_shut_while_the_session_opens_them", shell),
        case("rstudio::downloads_are_shut_while_the_session_gives_them", downloads),
        case("rstudio::uploads_are_shut_while_the_session_takes_them", uploads),
        case("rstudio::uploads_are_measured_and_cut", sizes),
        case("rstudio::version_control_publishing_and_packages_are_shut", others),
        case("rstudio::only_the_home_is_seen_by_every_name", directories),
        case("rstudio::an_upload_stays_in_the_allowed_folders", upload_directories),
        case("rstudio::what_runs_is_what_was_decided_on", envelope),
        case("rstudio::an_unknown_call_is_refused_and_named", unknown),
        case("rstudio::a_port_is_its_owners_alone", ports),
        case("rstudio::its_page_gives_nothing_but_the_page", page),
        case("rstudio::stopping_suspends_and_starting_resumes", suspends),
        case("rstudio::what_is_typed_is_recorded_when_consoles_are", console),
        case("rstudio::a_session_that_ends_says_so", ends),
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

fn works(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=1", "ann")?;
    let page = ide.get("/")?.expect(200)?.text();
    ensure!(page.contains("rstudio/rstudio.nocache.js") && page.contains("name=\"rs-csrf-token\""), "{page}");
    ensure!(ide.get("/rstudio/rstudio.nocache.js")?.expect(200)?.text() == "start();\n", "its script");
    let init = ide.init()?;
    ensure!(init["userIdentity"] == ide.user.as_str(), "{init}");
    ensure!(init["request"].as_str().is_some_and(|url| url.contains(&ide.at("/rpc/client_init"))), "{init}");
    ensure!(init["root_path"] == ide.at("").as_str(), "{init}");
    ensure!(init["authorization"] == "", "nothing of another IDE's: {init}");
    // The newest client counts: the first poll of the older one ends.
    let old = ide.call_at("/events/get_events", &ide.body("get_events", &json!([-1])))?;
    ensure!(old["error"]["code"] == 4, "{old}");
    let ide = Rstudio { page: init["clientId"].as_str().context("no id")?.to_owned(), ..ide };
    ensure!(ide.call("console_input", &json!(["1+1", "", 0]))?["result"].is_null(), "it is taken");
    let events = ide.call_at("/events/get_events", &ide.body("get_events", &json!([-1])))?;
    let told: Vec<_> = events["result"].as_array().context("no events")?.iter().collect();
    ensure!(told.iter().any(|event| event["data"]["text"] == "ran 1+1"), "{events}");
    let last = told.last().context("no event")?["id"].clone();
    let waited = ide.call_at("/events/get_events", &ide.body("get_events", &json!([last])))?;
    ensure!(waited["result"].as_array().is_some_and(Vec::is_empty), "a long poll that ends empty: {waited}");
    // A terminal through the page's own address for its port.
    let terminal = ide.call("start_terminal", &json!([{"handle": "", "caption": "1", "cwd": "~"}]))?;
    let channel = terminal["result"]["channel_id"].as_str().context("no channel")?;
    let mut socket = websocket::open(&ide.client, &ide.at(&format!("/p/{channel}/terminal/0123ABCD/")), &[])?;
    let said = websocket::echo(&mut socket, "aid -un")?;
    ensure!(said == format!("a{}\n", ide.user), "{said}");
    ensure!(websocket::echo(&mut socket, "b")? == "b", "kept alive");
    ide.client.request("POST", &ide.at("/rpc/stat")).json(&json!({})).bare().send()?.expect(403)?;
    Ok(())
}

fn shell(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=0", "bob")?;
    let wish = json!([{"handle": "", "caption": "1", "cwd": "~"}]);
    for method in ["start_terminal", "process_start", "process_write_stdin", "get_terminal_shells"] {
        ide.refused(method, &wish, "allow-shell=0")?;
    }
    ide.audited("allow-shell=0")?;
    // No terminal was made, so none listens.
    let pid = ide.world.ide_process(&ide.id)?.pid;
    let listens = |pid: i32| {
        let sockets = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| {
            entries
                .flatten()
                .filter(|fd| {
                    std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().contains("socket:"))
                })
                .count()
        });
        sockets
    };
    let before = listens(pid);
    // The control: the session itself opens one for whoever reaches its socket, and anybody on the network reaches that.
    let opened = ide.direct_call("start_terminal", &wish)?;
    let port = opened["result"]["port_for_tests"].as_u64().context("the session refuses by itself")?;
    ensure!(listens(pid) > before, "it listens now");
    let channel = opened["result"]["channel_id"].as_str().context("no channel")?;
    let refused = websocket::open(&ide.client, &ide.at(&format!("/p/{channel}/terminal/0123ABCD/")), &[]);
    ensure!(websocket::refusal(refused)?.status == 403, "through the proxy it stays shut");
    // What only the kernel can shut: the port itself, on every interface.
    let stream = std::net::TcpStream::connect(("127.0.0.1", u16::try_from(port)?))?;
    let (mut socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}/terminal/0123ABCD/"), stream)?;
    socket.send(tungstenite::Message::text("aid -un"))?;
    ensure!(socket.read()?.to_text()?.contains(&ide.user), "the hole that a firewall must shut is open");
    Ok(())
}

fn downloads(stage: &Stage) -> Result<()> {
    let doors = [
        "/export/x?name=x&file=~/x.txt",
        "/export/x.zip?name=x.zip&parent=~&file0=x.txt",
        "/files/x.txt",
        "/file_show?path=~/x.txt",
    ];
    let ide = running(stage, "allow-file-downloads=0", "cat")?;
    ide.write("x.txt", "of mine")?;
    for door in doors {
        let before = ide.seen().len();
        let answer = ide.get(door)?.expect(403)?;
        ensure!(answer.text().contains("allow-file-downloads=0"), "{door}: {}", answer.text());
        ide.client.request("HEAD", &ide.at(door)).send()?.expect(403)?;
        ensure!(ide.seen().len() == before, "{door} reached the session");
        ensure!(
            ide.direct("GET", door, "", b"")?.contains("of mine"),
            "{door}: the session guards it by itself"
        );
    }
    for spelling in
        ["/%65xport/x?name=x&file=~/x.txt", "//export/x?name=x&file=~/x.txt", "/exportx?name=x&file=~/x.txt"]
    {
        ide.get(spelling)?.expect(403)?;
    }
    ensure!(
        ide.call("get_file_contents", &json!(["~/x.txt", "UTF-8"]))?["result"] == "of mine",
        "an editor opens it"
    );
    drop(ide);
    let ide = running(stage, "allow-file-downloads=1", "cat")?;
    ide.write("x.txt", "of mine")?;
    for door in doors {
        ensure!(ide.get(door)?.expect(200)?.text() == "of mine", "{door}");
    }
    ide.world.await_audit(
        "transfer",
        &[("session", &ide.id), ("direction", "download"), ("path", "~/x.txt")],
        10,
    )?;
    Ok(())
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

fn uploads(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-file-uploads=0", "dan")?;
    let answer = ide.upload(form("u.txt", b"of theirs", "~"))?;
    let message = answer["error"]["error"]["message"].as_str().unwrap_or_default();
    ensure!(message.contains("allow-file-uploads=0"), "{answer}");
    ide.refused("complete_upload", &json!([{}, true]), "allow-file-uploads=0")?;
    ide.refused("rmd_save_base64_images", &json!([["AAAA"], "~"]), "allow-file-uploads=0")?;
    // Saving is no upload, but for text that nobody types.
    ensure!(ide.call("create_file", &json!(["~/n.txt", "text"]))?["result"].is_null(), "saved");
    let large = ide.call("create_file", &json!(["~/n.txt", "x".repeat(10 << 20)]))?;
    ensure!(
        large["error"]["error"]["message"].as_str().is_some_and(|why| why.contains("allow-file-uploads")),
        "{large}"
    );
    // The control: the session takes it, and asks nobody for a token.
    let taken = ide.direct(
        "POST",
        "/upload",
        &format!("Content-Type: {FORM}\r\n"),
        &form("u.txt", b"of theirs", "~"),
    )?;
    ensure!(taken.contains("uploadedTempFile"), "{taken}");
    drop(ide);
    let ide = running(stage, "allow-file-uploads=1", "dan")?;
    let answer = ide.upload(form("u.txt", b"of theirs", "~"))?;
    ensure!(
        ide.call("complete_upload", &json!([answer["result"]["token"], true]))?["result"].is_null(),
        "{answer}"
    );
    ensure!(std::fs::read(ide.home.join("u.txt"))? == b"of theirs", "it is there");
    ide.world.await_audit("transfer", &[("session", &ide.id), ("direction", "upload")], 10)?;
    Ok(())
}

fn sizes(stage: &Stage) -> Result<()> {
    let ide = running(stage, "limit-file-upload-size-mb=1", "eve")?;
    let mb = 1 << 20;
    let answer = ide.upload(form("u.bin", &vec![b'x'; mb], "~"))?;
    ensure!(answer["result"]["token"].is_object(), "{answer}");
    for size in [mb + 1, 3 * mb] {
        let answer = ide.upload(form("u.bin", &vec![b'x'; size], "~"))?;
        let message = answer["error"]["error"]["message"].as_str().unwrap_or_default();
        ensure!(message.contains("limit-file-upload-size-mb=1"), "{size}: {answer}");
    }
    // Without a length, by the bytes that come.
    let mut chunked = Vec::new();
    for piece in form("u.bin", &vec![b'x'; 2 * mb], "~").chunks(100_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nOrigin: {}\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        ide.at("/upload"),
        ide.client.host(),
        ide.client.cookie_header(),
        ide.client.origin()
    );
    let answer = ide.client.raw(&[head.as_bytes(), &chunked].concat())?;
    let answer = String::from_utf8_lossy(&answer);
    ensure!(answer.contains("limit-file-upload-size-mb=1"), "{answer}");
    let kept = ide.home.join(format!(".local/share/rstudio/uploaded-files/{}.bin", 2 * mb));
    ensure!(!kept.exists(), "the session has none of it");
    Ok(())
}

fn others(stage: &Stage) -> Result<()> {
    let calls = [
        ("git_push", "allow-vcs", "allow-vcs=0"),
        ("vcs_clone", "allow-vcs", "allow-vcs=0"),
        ("rsconnect_publish", "allow-publish", "allow-publish=0"),
        ("rpubs_upload", "allow-rpubs-publish", "allow-rpubs-publish=0"),
        ("rpubs_upload", "allow-external-publish", "allow-external-publish=0"),
        ("install_dependencies", "allow-package-installation", "allow-package-installation=0"),
    ];
    for (method, _, flag) in calls {
        let ide = running(stage, flag, "fay")?;
        ide.refused(method, &json!([]), flag)?;
        // The control.
        let done = ide.direct_call(method, &json!([]))?;
        ensure!(done["result"] == format!("{method} done"), "the session refuses by itself: {done}");
    }
    let all = calls.map(|(_, flag, _)| format!("{flag}=1")).join("\n");
    let ide = running(stage, &all, "fay")?;
    for (method, _, _) in calls {
        ensure!(ide.call(method, &json!([]))?["result"] == format!("{method} done"), "{method}");
    }
    Ok(())
}

fn directories(stage: &Stage) -> Result<()> {
    let world = stage.world().rsession(&[]);
    let world = world
        .conf("rsession.conf", "restrict-directory-view=1\ndirectory-view-allow-list=/opt/shared")
        .start()?;
    std::fs::create_dir_all("/opt/shared-not")?;
    std::fs::create_dir_all("/opt/shared")?;
    for name in ["/opt/shared/a.txt", "/opt/shared-not/a.txt"] {
        std::fs::write(name, "shared")?;
    }
    let ide = running_in(world, "gus")?;
    ide.write("x.txt", "of mine")?;
    let link =
        |to: &str, name: &str| -> Result<()> { Ok(std::os::unix::fs::symlink(to, ide.home.join(name))?) };
    link("/etc/hostname", "link")?;
    link("/etc", "etc")?;
    std::fs::create_dir_all(ide.home.join("d"))?;
    link("/etc/hostname", "d/link")?;
    let secret = std::fs::read_to_string("/etc/hostname")?;
    // The control: each of these is open at the session itself, its own check included.
    let open = ide.direct("GET", "/export/x?name=x&file=~/link", "", b"")?;
    ensure!(open.contains(secret.trim()), "{open}");
    let other = format!("{}/..", ide.home.display());
    ensure!(ide.direct_call("list_files", &json!([other]))?["result"]["files"].is_array(), "every home");
    ide.direct_call("open_document", &json!(["/etc/hostname", "text", {}]))?;
    let left = ide.direct_call("get_source_document", &json!(["D1"]))?;
    ensure!(left["result"]["contents"] == secret.as_str(), "open_document goes on after its error: {left}");
    let flag = "restrict-directory-view=1";
    for (method, params) in [
        ("stat", json!(["/etc/hostname"])),
        ("stat", json!(["~/link"])),
        ("stat", json!(["~/etc/passwd"])),
        ("stat", json!(["~/../x"])),
        ("stat", json!(["~root/x"])),
        ("stat", json!(["etc/passwd"])),
        ("list_files", json!(["/home", false, false])),
        ("list_files", json!(["/opt/shared-not", false, false])),
        ("open_document", json!(["/etc/hostname", "text", {}])),
        ("get_file_contents", json!(["~/etc/hostname", "UTF-8"])),
        ("copy_file", json!(["/etc/hostname", "~/stolen", true])),
        ("copy_file", json!(["~/x.txt", "/tmp/x", true])),
        ("delete_files", json!([["~/x.txt", "/etc/hostname"]])),
        ("move_files", json!([["~/x.txt"], "/tmp"])),
        ("save_document", json!(["D1", "/tmp/x", null, null, "", null, "text", false])),
        ("begin_find", json!(["h", "root", false, false, true, "/etc", [], [], false, false])),
        ("render_rmd", json!(["~/x.Rmd", 1, "", "", "", false, 0, "", "/etc", ""])),
        (
            "complete_upload",
            json!([{"filename": "x", "uploadedTempFile": "/etc/hostname", "targetDirectory": "~"}, true]),
        ),
        (
            "complete_upload",
            json!([{"filename": "../x", "uploadedTempFile": "~/t", "targetDirectory": "~"}, true]),
        ),
    ] {
        ide.refused(method, &params, flag)?;
    }
    for path in [
        "/export/x?name=x&file=/etc/hostname",
        "/export/x?name=x&file=%2Fetc%2Fhostname",
        "/export/x?name=x&file=~/link",
        "/export/x?name=x&file=~%2Flink",
        "/export/x?name=x&file=~/x.txt&file=/etc/hostname",
        "/export/x?name=x&parent=/etc&file0=hostname",
        "/export/x?name=x&parent=~&file0=x.txt&file1=link",
        "/export/x?name=x&parent=~&file0=etc/hostname",
        "/export/x?name=x&parent=~&file0=../../etc/hostname",
        "/export/x?name=x&parent=~&file0=d",
        "/files/link",
        "/files/etc/hostname",
        "/files/%2fetc%2fhostname",
        "/files//etc/hostname",
        "/file_show?path=/etc/hostname",
        "/file_show?path=~/etc/hostname",
        "/file_show?path=/opt/shared-not/a.txt",
    ] {
        let answer = ide.get(path)?;
        ensure!(answer.status == 403 || answer.status == 404, "{path}: {}", answer.status);
        ensure!(!answer.text().contains(secret.trim()), "{path}: {}", answer.text());
    }
    ide.audited(flag)?;
    for (path, text) in [
        ("/export/x?name=x&file=~/x.txt", "of mine"),
        ("/export/x?name=x&parent=~&file0=x.txt", "of mine"),
        ("/files/x.txt", "of mine"),
        ("/file_show?path=/opt/shared/a.txt", "shared"),
    ] {
        ensure!(ide.get(path)?.expect(200)?.text() == text, "{path}");
    }
    ensure!(ide.call("stat", &json!(["~/x.txt"]))?["result"]["exists"] == true, "one's own");
    ensure!(ide.call("list_files", &json!(["~", false, false]))?["result"]["files"].is_array(), "one's own");
    ensure!(ide.call("create_file", &json!(["~/new.txt", "x"]))?["result"].is_null(), "a new one");
    Ok(())
}

fn upload_directories(stage: &Stage) -> Result<()> {
    let ide = running(stage, "restrict-directory-view=1", "hal")?;
    let taken =
        |size: usize| ide.home.join(format!(".local/share/rstudio/uploaded-files/{size}.bin")).exists();
    for (size, directory) in [(11, "/etc"), (200_013, "/tmp"), (14, "~/../x"), (15, "~root"), (16, "x")] {
        let answer = ide.upload(form("u.txt", &vec![b'x'; size], directory))?;
        ensure!(answer["error"]["error"]["message"].is_string(), "{directory}: {answer}");
        ensure!(!taken(size), "the session has the whole form for {directory}");
    }
    let twice = [
        &form("u.txt", b"1234", "~")[..form("u.txt", b"1234", "~").len() - 8],
        &form("u.txt", b"1234", "/etc"),
    ]
    .concat();
    ensure!(ide.upload(twice)?["error"]["error"]["message"].is_string(), "two directories");
    let answer = ide.upload(form("u.txt", &vec![b'x'; 200_017], "~"))?;
    ensure!(answer["result"]["token"].is_object() && taken(200_017), "{answer}");
    Ok(())
}

fn envelope(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=0", "ida")?;
    let terminal = ide.body("start_terminal", &json!([{}]));
    // The control: the session runs what the body names.
    let ran = ide.direct("POST", "/rpc/stat", "", terminal.to_string().as_bytes())?;
    ensure!(ran.contains("channel_id"), "{ran}");
    let started =
        |ide: &Rstudio| ide.seen().iter().filter(|line| line.contains("ran start_terminal")).count();
    let before = started(&ide);
    for (path, body) in [
        ("/rpc/stat", terminal.to_string()),
        ("/rpc/client_init", terminal.to_string()),
        ("/rpc/stat", format!("{{\"method\":\"stat\",{}", &terminal.to_string()[1..])),
        (
            "/rpc/stat",
            format!(
                "{},\"m\\u0065thod\":\"start_terminal\"}}",
                &ide.body("stat", &json!([])).to_string().trim_end_matches('}')
            ),
        ),
        ("/rpc/stat?/rpc/start_terminal", terminal.to_string()),
        ("/rpc/stat?x=/rpc/abort", ide.body("stat", &json!(["~"])).to_string()),
        ("/rpc/st%61t", terminal.to_string()),
        ("/rpc//stat", terminal.to_string()),
        ("/rpc/stat/", terminal.to_string()),
    ] {
        let answer = ide
            .client
            .request("POST", &ide.at(path))
            .header("Content-Type", "application/json")
            .body(body.clone())
            .send()?;
        let text = answer.text();
        ensure!(
            answer.status >= 400 || text.contains("portcullis"),
            "{path} {body}: {} {text}",
            answer.status
        );
    }
    ensure!(started(&ide) == before, "it ran: {:?}", ide.seen());
    ensure!(ide.call("stat", &json!(["~"]))?["result"].is_object(), "the session is still there");
    Ok(())
}

fn unknown(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-vcs=0", "joe")?;
    ide.refused("a_method_of_next_year", &json!([]), "a_method_of_next_year")?;
    ide.audited("a_method_of_next_year")?;
    ide.get("/a_page_of_next_year")?.expect(403)?;
    drop(ide);
    let ide = running(stage, "allow-vcs=1", "joe")?;
    ensure!(ide.call("a_method_of_next_year", &json!([]))?["result"].is_null(), "open while nothing is shut");
    Ok(())
}

fn ports(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=1", "kim")?;
    // Root's program on a port: reached without Portcullis by anybody, through it by nobody but its owner.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = u64::from(listener.local_addr()?.port());
    let name = format!("{:08x}", (port * 8854 % 65535 * 0x6396) ^ 0x2fb3_2008);
    let answer = ide.get(&format!("/p/{name}/"))?;
    ensure!(answer.status == 403 && answer.text().contains("another account"), "{}", answer.text());
    drop(listener);
    ide.get(&format!("/p/{name}/"))?.expect(502)?;
    // The person's own terminal's port is the person's own.
    let terminal = ide.call("start_terminal", &json!([{}]))?;
    let channel = terminal["result"]["channel_id"].as_str().context("no channel")?;
    let answer = ide.get(&format!("/p/{channel}/x"))?;
    ensure!(answer.status != 403, "{}", answer.text());
    for bad in ["/p/00000000/", "/p/zz/", "/p/123456789/"] {
        ide.get(bad)?.expect(403)?;
    }
    drop(ide);
    let ide = running(stage, "allow-file-downloads=0", "kim")?;
    ide.get("/p/112f8af0/")?.expect(403)?;
    Ok(())
}

fn page(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=1", "lea")?;
    let script = ide.get("/rstudio/0123.cache.js")?.expect(200)?;
    ensure!(script.header("cache-control").is_some_and(|said| said.contains("immutable")), "{script:?}");
    for bad in [
        "/rstudio/../secret.txt",
        "/rstudio/%2e%2e/secret.txt",
        "/rstudio/..%2fsecret.txt",
        "/rstudio/..%5csecret.txt",
        "/css/../../secret.txt",
        "/rstudio/",
        "/rstudio",
        "/css//etc/passwd",
        "/secret.txt",
        "/index.htm/",
        "/bin/rsession",
    ] {
        let answer = ide.get(bad)?;
        ensure!(
            !answer.text().contains("outside") && !answer.text().contains("root:"),
            "{bad}: {}",
            answer.text()
        );
        ensure!(answer.status != 200 || answer.text().contains("rs-csrf-token"), "{bad}: {}", answer.status);
    }
    // Nobody else gets it.
    let stranger = ide.world.client()?;
    ensure!(stranger.get(&ide.at("/"))?.status != 200, "a stranger");
    let etag = ide.get("/css/icons.css")?.header("etag").context("no mark")?.to_owned();
    ide.client
        .request("GET", &ide.at("/css/icons.css"))
        .header("If-None-Match", &etag)
        .send()?
        .expect(304)?;
    Ok(())
}

fn suspends(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-shell=1", "max")?;
    let state = ide.home.join(".local/share/rstudio/suspended-session-data");
    ide.client.post(&format!("/sessions/{}/stop", ide.id), &[])?;
    until::is("its state is on disk", 30, || state.exists())?;
    let Rstudio { world, client, user, home, .. } = ide;
    until::is("it is gone", 30, || {
        world.count_audit("session-ended", &[("user", &user)]).is_ok_and(|n| n > 0)
    })?;
    let id = client.open_session_of("rstudio")?;
    client.await_running(&id, 30)?;
    let ide = Rstudio { world, client, id, user, home, page: String::new() };
    ensure!(ide.init()?["resumed"] == true, "it resumed");
    ensure!(!state.exists(), "once");
    // By itself, when it is told so by a signal or from its page.
    let pid = ide.world.ide_process(&ide.id)?.pid;
    process::signal(pid, Signal::SIGUSR1)?;
    until::is("it suspended", 30, || state.exists())?;
    ide.world.await_audit("session-ended", &[("session", &ide.id)], 30)?;
    Ok(())
}

fn console(stage: &Stage) -> Result<()> {
    let world = stage.world().rsession(&[]).conf("rserver.conf", "audit-r-console=input").start()?;
    let ide = running_in(world, "ned")?;
    ide.call("console_input", &json!(["secret_plan <- 42", "", 0]))?;
    let terminal = ide.call("start_terminal", &json!([{}]))?;
    let channel = terminal["result"]["channel_id"].as_str().context("no channel")?;
    let mut socket = websocket::open(&ide.client, &ide.at(&format!("/p/{channel}/terminal/0123ABCD/")), &[])?;
    websocket::echo(&mut socket, "aecho typed\r")?;
    for text in ["secret_plan <- 42", "echo typed"] {
        until::is("it is in the audit log", 20, || {
            ide.world.audit().is_ok_and(|records| {
                records.iter().any(|record| {
                    record["event"] == "console"
                        && record["text"].as_str().is_some_and(|said| said.contains(text))
                })
            })
        })?;
    }
    Ok(())
}

fn ends(stage: &Stage) -> Result<()> {
    let world = stage.world().rsession(&["--double-exit=7"]).start()?;
    let (_, client) = world.signed_in("oda")?;
    let id = client.open_session_of("rstudio")?;
    ensure!(client.await_running(&id, 30).is_err(), "it ran");
    let page = client.request("GET", &format!("/sessions/{id}")).header("Accept", "text/html").send()?.text();
    ensure!(page.contains("ends as it was told"), "{page}");
    drop(world);
    let ide = running(stage, "allow-shell=1", "oda")?;
    ide.call("quit_session", &json!([false, "", null, ""]))?;
    ide.world.await_audit("session-ended", &[("session", &ide.id)], 30)?;
    ensure!(
        !Path::new(&ide.home).join(".local/share/rstudio/suspended-session-data").exists(),
        "nothing is kept"
    );
    Ok(())
}

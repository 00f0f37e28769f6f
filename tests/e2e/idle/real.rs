//! Real JupyterLabs side by side, each idle in its own way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use portcullis_testing::{Client, Stage, kernel, until, websocket};
use serde_json::json;

use super::{ENDED_WITHIN, ONE_MINUTE, over, poll};

/// JupyterLab's start while others start theirs.
const START: u64 = 150;
/// Between two bytes of an upload that takes its time.
const DRIP: Duration = Duration::from_secs(2);

/// An upload that takes its time: the head and the first half of the body are sent.
struct Upload {
    stream: TcpStream,
    left: usize,
    sent: Instant,
}

impl Upload {
    fn begin(client: &Client, id: &str) -> Result<Self> {
        // As many bytes as pass in all the time that the test may take, one every two seconds.
        let content = "x".repeat(usize::try_from(ENDED_WITHIN)?);
        let body = json!({"type": "file", "format": "text", "content": content}).to_string();
        let mut stream = client.connect_tcp()?;
        let head = format!(
            "PUT /s/{id}/api/contents/slow.txt HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            client.head_lines(),
            body.len()
        );
        // The rest is x's and the end.
        let left = content.len() + 2;
        stream.write_all(head.as_bytes())?;
        stream.write_all(&body.as_bytes()[..body.len() - left])?;
        Ok(Self { stream, left, sent: Instant::now() })
    }

    fn drip(&mut self) -> Result<()> {
        if self.left > 2 && self.sent.elapsed() > DRIP {
            self.sent = Instant::now();
            self.left -= 1;
            self.stream.write_all(b"x")?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<String> {
        self.stream.write_all(&[vec![b'x'; self.left - 2], b"\"}".to_vec()].concat())?;
        let mut answer = [0; 64];
        let length = self.stream.read(&mut answer).context("no answer to the upload")?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}

pub(super) fn jupyterlab(stage: &Stage) -> Result<()> {
    let world = stage.world().jupyter().conf("rsession.conf", ONE_MINUTE).start()?;
    let people = ["fay", "gil", "hob", "ida"].map(|stem| world.signed_in(stem));
    let [forgetful, runner, sender, typist] = people;
    let (forgetful, runner, sender, typist) = (forgetful?.1, runner?.1, sender?.1, typist?.1);
    let ids = [&forgetful, &runner, &sender, &typist].map(Client::open_session);
    let [forgotten, running, sending, computing] = ids;
    let (forgotten, running, sending, computing) = (forgotten?, running?, sending?, computing?);
    for (client, id) in
        [(&runner, &running), (&sender, &sending), (&typist, &computing), (&forgetful, &forgotten)]
    {
        client.await_running(id, START)?;
    }
    // A cell that waits: its kernel is busy and uses no processor.
    let cell = kernel::start(&runner, &running)?;
    let mut socket = kernel::connect(&runner, &running, &cell, true)?;
    let sleep = json!({"code": "import time; time.sleep(200)", "silent": false, "store_history": false,
                       "user_expressions": {}, "allow_stdin": false});
    kernel::send(&mut socket, true, "shell", "execute_request", &sleep)?;
    // The page is closed over it.
    drop(socket);
    // A program in a terminal: no kernel is there to be asked.
    let at = |path: &str| format!("/s/{computing}{path}");
    let made = typist.request("POST", &at("/api/terminals")).json(&json!({})).send()?.expect(200)?.json()?;
    let name = made["name"].as_str().context("no terminal")?;
    let mut terminal = websocket::open(&typist, &at(&format!("/terminals/websocket/{name}")), &[])?;
    let burn = json!(["stdin", "echo $((40+2))-burns; while :; do :; done\n"]).to_string();
    terminal.send(tungstenite::Message::text(burn))?;
    websocket::await_text(&mut terminal, "42-burns")?;
    drop(terminal);
    let mut upload = Upload::begin(&sender, &sending)?;
    forgetful.post(&format!("/s/{forgotten}/api/kernels"), &[])?;
    let begun = Instant::now();
    let mut polled = Instant::now();
    until::some("the forgotten tab's session ends", ENDED_WITHIN + 20, || {
        upload.drip()?;
        if polled.elapsed() > Duration::from_secs(3) {
            polled = Instant::now();
            poll(&forgetful, &forgotten)?;
        }
        Ok(over(&world, &forgotten)?.then_some(()))
    })?;
    ensure!(begun.elapsed() > Duration::from_secs(55), "it ended after {:?}", begun.elapsed());
    let record = world.await_audit("session-ended", &[("session", &forgotten)], 5)?;
    ensure!(record["why"]["idle"] == 1 && record["suspended"] == false, "another end: {record}");
    // The others began before it and are here a look and a sweep after it.
    let ended = Instant::now();
    until::some("the others had their minute as well", 60, || {
        upload.drip()?;
        Ok((ended.elapsed() > Duration::from_secs(20)).then_some(()))
    })?;
    for (id, what) in [(&running, "a running cell"), (&sending, "an upload"), (&computing, "a program")] {
        ensure!(!over(&world, id)?, "{what} did not keep its session");
    }
    let answer = upload.finish()?;
    ensure!(answer.starts_with("HTTP/1.1 201"), "the upload was answered with {answer}");
    Ok(())
}

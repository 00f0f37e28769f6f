//! Doors inside of WebSockets: each message that an adapter knows, and some that none does, by every way.
//!
//! The double echoes: what comes back is what reached it. Behind each message goes one that is always taken, so that a refused one is
//! known to be gone, and the connection to go on.

use anyhow::{Context, Result};
use portcullis_model::session::Ide;
use portcullis_policy::{Adapters, Said, Spoken, messages};
use portcullis_testing::{kernel, until, websocket};
use serde_json::json;
use tungstenite::protocol::Message;

use crate::person::Person;
use crate::said::{self, Fate, Way};
use crate::table::{self, Rule};
use crate::{editor, files, hand};

/// A kernel's WebSocket.
const KERNEL: &str = "/api/kernels/1/channels?session_id=1";
/// The ways of a kernel's messages.
const KERNEL_WAYS: [Way; 7] = [
    Way::plain("message"),
    Way { two: true, ..Way::plain("message, HTTP/2") },
    Way { pieces: true, ..Way::plain("message in pieces") },
    Way { escaped: true, ..Way::plain("message, encoded") },
    Way { v1: true, ..Way::plain("message, v1 framing") },
    Way { v1: true, two: true, ..Way::plain("message, v1 framing, HTTP/2") },
    Way { v1: true, pieces: true, ..Way::plain("message in pieces, v1 framing") },
];
/// The ways of what a socket carries as it is.
const WAYS: [Way; 3] = [
    Way::plain("message"),
    Way { two: true, ..Way::plain("message, HTTP/2") },
    Way { pieces: true, ..Way::plain("message in pieces") },
];
/// Through another's prefix.
pub(crate) const FOREIGN: &str = "message, other session's prefix";

/// All messages; `open` is somebody from whom nothing is taken.
pub(crate) fn all(
    adapters: &Adapters,
    ide: Ide,
    rule: &Rule,
    shut: &mut Person<'_>,
    open: &mut Person<'_>,
) -> Result<()> {
    plain(adapters, ide, rule, shut, open)?;
    match ide {
        Ide::Jupyter => kernels(rule, shut, open),
        Ide::CodeServer => editor::all(rule, shut, open),
        Ide::Rstudio => {
            terminal(rule, shut)?;
            terminal_open(rule, open)
        }
        Ide::App(_) => Ok(()),
    }
}

/// Sockets that carry a program's messages as they are: open or shut as a whole.
fn plain(adapters: &Adapters, ide: Ide, rule: &Rule, shut: &Person<'_>, open: &Person<'_>) -> Result<()> {
    for (person, all) in [(shut, true), (open, false)] {
        let file = table::named(ide, &person.opened.home, files::INSIDE);
        for knock in table::all(adapters, ide, &file).iter().filter(|knock| knock.is_plain_socket(ide)) {
            let is_shut = knock.is_shut_by(rule);
            if !all && !is_shut {
                continue;
            }
            let path = &knock.door.path;
            tell(person, rule, path, r#"["stdin","x"]"#, r#"["stdin","x"]"#, !(all && is_shut))?;
        }
    }
    Ok(())
}

/// One text through a socket, by every way.
fn tell(person: &Person<'_>, rule: &Rule, path: &str, text: &str, back: &str, open: bool) -> Result<()> {
    let at = |id: &str| format!("/s/{id}{path}");
    let mut tries: Vec<_> = WAYS.iter().map(|way| (*way, at(&person.opened.id), open)).collect();
    if !open {
        tries.push((Way::plain(FOREIGN), at(person.other), false));
    }
    for (way, target, open) in tries {
        let fate = match said::open(person, &target, way.two, &[])? {
            Err(why) => Fate::Unopened(why),
            Ok(mut socket) => match said::send(&mut socket, Message::text(text), way.pieces)
                .and_then(|()| said::heard(&mut socket))
            {
                Ok(heard) if heard == back.as_bytes() => Fate::Passed,
                Ok(other) => Fate::Refused(String::from_utf8_lossy(&other).into_owned()),
                Err(why) => Fate::Closed(why),
            },
        };
        judge(person, rule, way.kind, &format!("{target} `{text}`"), &fate, open, true);
    }
    Ok(())
}

/// Counts a message. One that is refused leaves the connection as it is, unless it may end it.
pub(crate) fn judge(
    person: &Person<'_>,
    rule: &Rule,
    kind: &'static str,
    what: &str,
    fate: &Fate,
    open: bool,
    may_close: bool,
) {
    let passed = match fate {
        Fate::Passed => true,
        Fate::Closed(_) if !may_close => !open,
        Fate::Refused(_) | Fate::Closed(_) | Fate::Unopened(_) => false,
    };
    person.count(rule, kind, what, passed, open, || fate.words());
}

/// Everything that is said to a kernel.
fn kernels(rule: &Rule, shut: &Person<'_>, open: &Person<'_>) -> Result<()> {
    let all = messages(Ide::Jupyter, "/x");
    for way in KERNEL_WAYS {
        let (mut shut, mut open) = (Kernel::new(shut, way), Kernel::new(open, way));
        for spoken in &all {
            let is_shut = rule.shuts_message(spoken);
            shut.judge(rule, spoken, !is_shut)?;
            if is_shut {
                open.judge(rule, spoken, true)?;
            }
        }
    }
    for spoken in &all {
        let other =
            Kernel { at: format!("/s/{}{KERNEL}", shut.other), ..Kernel::new(shut, Way::plain(FOREIGN)) };
        { other }.judge(rule, spoken, false)?;
    }
    if rule.about.unheld.is_none() {
        for raw in hand::KERNEL {
            let mut kernel = Kernel::new(shut, Way::plain("message by hand"));
            let fate = kernel.say(Message::text(*raw))?;
            judge(shut, rule, "message by hand", raw, &fate, false, true);
        }
    }
    Ok(())
}

/// A connection to a kernel, made anew when it is gone.
struct Kernel<'p> {
    person: &'p Person<'p>,
    at: String,
    way: Way,
    socket: Option<websocket::Socket>,
    said: u32,
}

impl<'p> Kernel<'p> {
    fn new(person: &'p Person<'p>, way: Way) -> Self {
        Self { person, at: format!("/s/{}{KERNEL}", person.opened.id), way, socket: None, said: 0 }
    }

    fn judge(&mut self, rule: &Rule, spoken: &Spoken, open: bool) -> Result<()> {
        let Said::Kernel { channel, kind, content } = &spoken.said else { return Ok(()) };
        self.said += 1;
        let message = said::to_kernel(&format!("m{}", self.said), self.way, channel, kind, content);
        let fate = self.say(message)?;
        judge(self.person, rule, self.way.kind, &spoken.message, &fate, open, false);
        Ok(())
    }

    fn say(&mut self, message: Message) -> Result<Fate> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let v1: &[_] = if self.way.v1 { &[("sec-websocket-protocol", kernel::V1)] } else { &[] };
                match said::open(self.person, &self.at, self.way.two, v1)? {
                    Ok(socket) => socket,
                    Err(why) => return Ok(Fate::Unopened(why)),
                }
            }
        };
        self.said += 1;
        let last = said::to_kernel(
            &format!("canary{}", self.said),
            Way { escaped: false, ..self.way },
            "shell",
            "kernel_info_request",
            "{}",
        );
        let (sent, wanted) = (message.clone().into_data(), last.clone().into_data());
        let said = said::send(&mut socket, message, self.way.pieces)
            .and_then(|()| said::send(&mut socket, last, false));
        if let Err(why) = said {
            return Ok(Fate::Closed(why));
        }
        let (mut passed, mut instead) = (false, String::new());
        loop {
            match said::heard(&mut socket) {
                Ok(heard) if heard == wanted => break,
                Ok(heard) if heard == sent => passed = true,
                Ok(heard) => instead.push_str(&String::from_utf8_lossy(&heard)),
                Err(why) => return Ok(Fate::Closed(why)),
            }
        }
        self.socket = Some(socket);
        Ok(if passed { Fate::Passed } else { Fate::Refused(instead) })
    }
}

/// RStudio's terminal, by the page's own name for its port.
fn terminal(rule: &Rule, person: &Person<'_>) -> Result<()> {
    let takes = |need| rule.about.takes.contains(&need);
    let is_shut =
        takes(portcullis_policy::Capability::Shell) || takes(portcullis_policy::Capability::TerminalSocket);
    // Where none can be started, its address is as good as any.
    let channel = started(person)?.unwrap_or_else(|| "00000000".to_owned());
    let path = format!("/p/{channel}/terminal/0123ABCD/");
    tell(person, rule, &path, "aecho $((6*7))", "a42\n", !is_shut)
}

fn terminal_open(rule: &Rule, person: &Person<'_>) -> Result<()> {
    // Others open pages of the same session meanwhile, and the newest page is the one that may call.
    let channel = until::some("a terminal for somebody from whom nothing is taken", 60, || started(person))?;
    let path = format!("/p/{channel}/terminal/0123ABCD/");
    tell(person, rule, &path, "aecho $((6*7))", "a42\n", true)
}

/// Starts one; the name of its port.
fn started(person: &Person<'_>) -> Result<Option<String>> {
    let (client, id) = (&person.opened.client, &person.opened.id);
    let ask = |method: &str, params: serde_json::Value, page: &str| {
        let body = json!({ "method": method, "params": params, "clientId": page, "clientVersion": "" });
        client.request("POST", &format!("/s/{id}/rpc/{method}")).json(&body).send()?.json()
    };
    let url = format!("{}/s/{id}/", client.origin());
    let page = ask("client_init", json!([url, ""]), "")?;
    let page = page["result"]["clientId"].as_str().context("no client id")?.to_owned();
    let terminal = ask("start_terminal", json!([{ "handle": "", "caption": "1", "cwd": "~" }]), &page)?;
    Ok(terminal["result"]["channel_id"].as_str().map(str::to_owned))
}

//! WebSockets with an inspector: what it sees, what it may do, and what it never does to a stream.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use portcullis_proxy::{Close, Inspect, Kind, Outbox, Place, Reason, Side, Step};
use tokio::sync::oneshot;

use crate::framing::{frame, masked, plain, read_frame, sent_to};
use crate::origin::{Conn, Origin, origin};
use crate::proxy::{Proxy, Raw, Setup, proxy_with, run};
use crate::sockets::{ACCEPT, ASK};

/// What an inspector saw, and what it is to answer.
#[derive(Default)]
pub(crate) struct Script {
    seen: RefCell<Vec<(Side, Place, Vec<u8>)>>,
    opened: RefCell<Option<String>>,
    longest: Cell<usize>,
    /// Answers to `ask`.
    gate: RefCell<Option<oneshot::Receiver<bool>>>,
    resolved: Cell<u32>,
}

/// Does what the first letters of a piece say.
struct Scripted(Rc<Script>);

impl Inspect for Scripted {
    fn opened(&mut self, subprotocol: Option<&str>) {
        *self.0.opened.borrow_mut() = subprotocol.map(str::to_owned);
    }

    fn wants_session(&self) -> bool {
        true
    }

    fn from_client(&mut self, place: Place, piece: &mut Vec<u8>, out: &mut Outbox) -> Result<Step, Close> {
        let script = &self.0;
        script.longest.set(script.longest.get().max(piece.len()));
        script.seen.borrow_mut().push((Side::Client, place, piece[..piece.len().min(16)].to_vec()));
        match &piece[..] {
            b"drop" => piece.clear(),
            b"grow" => *piece = vec![b'g'; 100_000],
            b"answer" => {
                piece.clear();
                out.send(Side::Client, Kind::Text, b"no".to_vec());
                out.send(Side::Session, Kind::Binary, b"told".to_vec());
            }
            b"close" => return Err(Close { code: 1008, reason: "that is forbidden".into() }),
            b"ask" => {
                let gate = script.gate.borrow_mut().take().expect("a gate");
                return Ok(Step::Wait(Box::pin(async move { gate.await.unwrap_or(false) })));
            }
            _ => {}
        }
        Ok(Step::Pass)
    }

    fn from_session(&mut self, place: Place, piece: &mut Vec<u8>, _: &mut Outbox) -> Result<Step, Close> {
        let script = &self.0;
        script.longest.set(script.longest.get().max(piece.len()));
        script.seen.borrow_mut().push((Side::Session, place, piece[..piece.len().min(16)].to_vec()));
        if piece.starts_with(b"secret") {
            piece.make_ascii_uppercase();
        }
        Ok(Step::Pass)
    }

    fn resolved(
        &mut self,
        from: Side,
        answer: bool,
        _: Place,
        piece: &mut Vec<u8>,
        _: &mut Outbox,
    ) -> Result<Step, Close> {
        assert_eq!((from, &piece[..]), (Side::Client, &b"ask"[..]));
        self.0.resolved.set(self.0.resolved.get() + 1);
        if answer { Ok(Step::Pass) } else { Err(Close { code: 1008, reason: "elsewhere".into() }) }
    }
}

pub(crate) fn scripted() -> (Rc<Script>, Setup) {
    let script = Rc::new(Script::default());
    let own = script.clone();
    let inspect: Box<dyn Fn() -> Box<dyn Inspect>> = Box::new(move || Box::new(Scripted(own.clone())));
    (script, Setup { inspect: Some(inspect), ..Setup::default() })
}

async fn inspected(origin: &Origin) -> (Rc<Script>, Proxy, Raw) {
    let (script, setup) = scripted();
    let proxy = proxy_with(origin.addr, setup).await;
    let mut raw = Raw::connect(proxy.addr).await;
    raw.send(ASK).await;
    raw.until("\r\n\r\n").await;
    (script, proxy, raw)
}

/// Sends each frame back, unmasked; remembers masks.
pub(crate) async fn echo(mut conn: Conn) {
    let _ = conn.head().await;
    conn.say(format!("{ACCEPT}Sec-WebSocket-Protocol: b\r\n\r\n")).await;
    while let Some((first, _, payload)) = frame(&mut conn).await {
        conn.say(plain(first, &payload)).await;
        if first == 0x88 {
            return;
        }
    }
}

#[test]
fn pieces_pass_with_control_frames_between_them() {
    run(async {
        let origin = origin(echo).await;
        let (script, proxy, mut raw) = inspected(&origin).await;
        assert_eq!(script.opened.borrow().as_deref(), Some("b"));
        raw.send(
            [masked(0x01, b"one"), masked(0x89, b"ping"), masked(0x00, b""), masked(0x80, b"two")].concat(),
        )
        .await;
        let expected = [plain(0x01, b"one"), plain(0x89, b"ping"), plain(0x80, b"two")].concat();
        assert_eq!(raw.exactly(expected.len()).await, expected);
        raw.send(masked(0x82, b"")).await;
        assert_eq!(raw.exactly(2).await, plain(0x82, b""));
        // Byte by byte it is the same.
        for byte in masked(0x81, b"slow") {
            raw.send([byte]).await;
            tokio::task::yield_now().await;
        }
        let mut slow = Vec::new();
        while slow.len() < 4 {
            let head = raw.exactly(2).await;
            slow.extend(raw.exactly(usize::from(head[1])).await);
        }
        assert_eq!(slow, b"slow");
        let seen = script.seen.take();
        let place = |first, last| Place { kind: Kind::Text, first, last };
        let client: Vec<_> = seen.iter().filter(|(side, ..)| *side == Side::Client).collect();
        assert_eq!(*client[0], (Side::Client, place(true, false), b"one".to_vec()));
        assert_eq!(*client[1], (Side::Client, place(false, true), b"two".to_vec()));
        assert_eq!(client[2].1, Place { kind: Kind::Binary, first: true, last: true });
        drop(raw);
        while proxy.gauges.tunnels() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(proxy.events.tunnels.borrow().len(), 1);
        assert!(proxy.events.messages.borrow().is_empty(), "with an inspector there is no tap");
    });
}

#[test]
fn messages_are_changed_dropped_and_added() {
    run(async {
        let origin = origin(echo).await;
        let (_, _proxy, mut raw) = inspected(&origin).await;
        raw.send(masked(0x81, b"secret")).await;
        assert_eq!(raw.exactly(8).await, plain(0x81, b"SECRET"));
        // Dropped whole: nothing of it goes on. What follows does.
        raw.send([masked(0x81, b"drop"), masked(0x81, b"next")].concat()).await;
        assert_eq!(raw.exactly(6).await, plain(0x81, b"next"));
        // The end of a message that was begun is kept.
        raw.send([masked(0x01, b"begun"), masked(0x80, b"drop")].concat()).await;
        assert_eq!(raw.exactly(9).await, [plain(0x01, b"begun"), plain(0x80, b"")].concat());
        // A start that was emptied leaves the rest a message.
        raw.send([masked(0x01, b"drop"), masked(0x80, b"rest")].concat()).await;
        assert_eq!(raw.exactly(6).await, plain(0x81, b"rest"));
        raw.send(masked(0x82, b"grow")).await;
        let mut grown = 0;
        while grown < 100_000 {
            grown += read_frame(&mut raw).await.1.len();
        }
        assert_eq!(grown, 100_000);
        // Added messages: one to each side; the session's comes back.
        raw.send(masked(0x81, b"answer")).await;
        assert_eq!(raw.exactly(4).await, plain(0x81, b"no"));
        assert_eq!(raw.exactly(6).await, plain(0x82, b"told"));
    });
}

#[test]
fn added_messages_wait_for_the_end_of_another() {
    run(async {
        let (go, wait) = tokio::sync::watch::channel(false);
        let origin = origin(move |mut conn| {
            let mut wait = wait.clone();
            async move {
                let _ = conn.head().await;
                conn.say(format!("{ACCEPT}\r\n")).await;
                conn.say(plain(0x01, b"begun")).await;
                let _ = wait.wait_for(|go| *go).await;
                conn.say(plain(0x80, b"ended")).await;
                while frame(&mut conn).await.is_some() {}
            }
        })
        .await;
        let (script, _proxy, mut raw) = inspected(&origin).await;
        assert_eq!(raw.exactly(7).await, plain(0x01, b"begun"));
        raw.send([masked(0x81, b"answer"), masked(0x81, b"seen")].concat()).await;
        while script.seen.borrow().len() < 3 {
            tokio::task::yield_now().await;
        }
        go.send(true).expect("origin waits");
        assert_eq!(raw.exactly(11).await, [plain(0x80, b"ended"), plain(0x81, b"no")].concat());
    });
}

#[test]
fn a_long_message_is_never_in_memory() {
    run(async {
        let origin = origin(echo).await;
        let (script, _proxy, mut raw) = inspected(&origin).await;
        let sent = masked(0x82, &vec![9; 8 << 20]);
        let (mut reader, mut writer) = raw.stream.split();
        let write = async { tokio::io::AsyncWriteExt::write_all(&mut writer, &sent).await.expect("send") };
        let read = async {
            let (mut total, mut buf) = (0, vec![0; 65_536]);
            while total < 8 << 20 {
                total += tokio::io::AsyncReadExt::read(&mut reader, &mut buf).await.expect("read");
            }
        };
        tokio::join!(write, read);
        assert!(script.longest.get() <= 65_536, "{}", script.longest.get());
        assert!(script.seen.borrow().len() > 200);
    });
}

#[test]
fn an_inspector_ends_both_sides_with_its_reason() {
    run(async {
        let origin = origin(echo).await;
        let (_, proxy, mut raw) = inspected(&origin).await;
        raw.send([masked(0x81, b"fine"), masked(0x81, b"close"), masked(0x81, b"more")].concat()).await;
        let rest = raw.rest().await.into_bytes();
        assert!(String::from_utf8_lossy(&rest).ends_with("that is forbidden"), "{rest:?}");
        drop(raw);
        while proxy.gauges.tunnels() > 0 {
            tokio::task::yield_now().await;
        }
        while sent_to(&origin).len() < 2 {
            tokio::task::yield_now().await;
        }
        let frames = sent_to(&origin);
        assert_eq!(frames[0], (0x81, b"fine".to_vec()));
        assert_eq!(frames[1], (0x88, [&[0x03, 0xf0][..], b"that is forbidden"].concat()));
        assert_eq!(frames.len(), 2, "nothing behind it");
    });
}

#[test]
fn streams_that_break_the_rules_are_closed() {
    for bad in [
        &[0xc1, 0x80, 0, 0, 0, 0][..],
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0x81, 0x01, b'x'],
        &[0x80, 0x80, 0, 0, 0, 0],
        &[0x09, 0x80, 0, 0, 0, 0],
        &[0x88, 0xfe, 0, 126, 0, 0, 0, 0],
    ] {
        run(async {
            let origin = origin(echo).await;
            let (script, _proxy, mut raw) = inspected(&origin).await;
            raw.send(bad).await;
            let head = raw.exactly(4).await;
            assert_eq!((head[0], &head[2..]), (0x88, &[0x03, 0xea][..]), "{bad:x?}");
            assert!(script.seen.borrow().is_empty());
        });
    }
    run(async {
        // A session must not mask.
        let origin = origin(|mut conn| async move {
            let _ = conn.head().await;
            conn.say(format!("{ACCEPT}\r\n")).await;
            conn.say(masked(0x81, b"x")).await;
            while frame(&mut conn).await.is_some() {}
        })
        .await;
        let (_, _proxy, mut raw) = inspected(&origin).await;
        assert_eq!(raw.exactly(4).await[2..], [0x03, 0xea]);
    });
}

#[test]
fn a_question_holds_its_direction_and_no_other() {
    run(async {
        for allowed in [true, false] {
            let (tell, gate) = oneshot::channel();
            let origin = origin(|mut conn| async move {
                let _ = conn.head().await;
                conn.say(format!("{ACCEPT}\r\n")).await;
                conn.say(plain(0x81, b"meanwhile")).await;
                while let Some((first, _, payload)) = frame(&mut conn).await {
                    conn.say(plain(first, &payload)).await;
                }
            })
            .await;
            let (script, _proxy, mut raw) = inspected(&origin).await;
            *script.gate.borrow_mut() = Some(gate);
            raw.send([masked(0x81, b"ask"), masked(0x89, b"p"), masked(0x81, b"after")].concat()).await;
            assert_eq!(raw.exactly(11).await, plain(0x81, b"meanwhile"));
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert!(sent_to(&origin).is_empty(), "nothing passes while it waits");
            tell.send(allowed).expect("it waits");
            if allowed {
                let all = [plain(0x81, b"ask"), plain(0x89, b"p"), plain(0x81, b"after")].concat();
                assert_eq!(raw.exactly(all.len()).await, all);
            } else {
                let bytes = raw.exactly(4).await;
                assert_eq!(bytes[2..], [0x03, 0xf0]);
                assert_eq!(raw.rest().await, "elsewhere");
            }
            assert_eq!(script.resolved.get(), 1);
        }
    });
}

#[test]
fn a_cut_says_goodbye_with_a_fresh_mask() {
    run(async {
        let origin = origin(echo).await;
        let (_, proxy, mut raw) = inspected(&origin).await;
        raw.send(masked(0x81, b"x")).await;
        raw.exactly(3).await;
        proxy.sign_in.cut(Reason::Revoked);
        assert_eq!(raw.exactly(4).await, [0x88, 2, 0x03, 0xf0]);
        while proxy.gauges.tunnels() > 0 {
            tokio::task::yield_now().await;
        }
        while sent_to(&origin).last() != Some(&(0x88, vec![0x03, 0xf0])) {
            tokio::task::yield_now().await;
        }
        assert_eq!(proxy.events.tunnels.borrow()[0].cut, Some(Reason::Revoked));
    });
}

#[test]
fn who_does_not_read_answers_is_not_read_either() {
    run(async {
        let origin = origin(echo).await;
        let (script, _proxy, raw) = inspected(&origin).await;
        // Each costs six bytes and is answered; the client reads none of it.
        let flood = masked(0x81, b"answer").repeat(1 << 14);
        let (mut sent, mut idle) = (0, 0);
        while idle < 200 {
            match raw.stream.try_write(&flood[sent % flood.len()..]) {
                Ok(n) => (sent, idle) = (sent + n, 0),
                Err(_) => idle += 1,
            }
            tokio::task::yield_now().await;
        }
        let seen = script.seen.borrow().len() * 12;
        assert!(sent > 0 && seen <= sent, "{seen} of {sent}");
    });
}

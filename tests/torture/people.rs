//! People with a browser, a sign-in and a session of the double.

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::steps::{Echoes, Requests, Step as _};
use portcullis_testing::{Account, Client, World, process, tls, until, websocket};

use crate::board::{Board, Class};
use crate::ledger::{Ledger, Revoked};

/// A cold start on a machine that is busy with the load.
const START: u64 = 60;
/// The sign-in's cookie where there is TLS.
const COOKIE: &str = "__Host-portcullis";

/// Somebody.
#[derive(Debug)]
pub(crate) struct Person {
    /// The account.
    pub(crate) account: Account,
    /// The browser.
    pub(crate) client: Client,
    /// The session.
    pub(crate) session: String,
    /// The session process.
    pub(crate) process: i32,
    /// The IDE, and when it was born: another one is not this one.
    pub(crate) ide: (i32, String),
    /// What is kept open without being used.
    pub(crate) held: Option<Held>,
}

/// A WebSocket and a connection that are kept open, and the generation of servers they hang on.
#[derive(Debug)]
pub(crate) struct Held {
    /// The WebSocket.
    pub(crate) socket: Echoes,
    /// The connection.
    pub(crate) kept: Requests,
    /// Of servers.
    pub(crate) generation: u64,
}

impl Person {
    /// Makes the account, signs in, starts a session.
    ///
    /// # Errors
    /// When one of them fails.
    pub(crate) fn arrive(world: &World, ledger: &mut Ledger, stem: &str) -> Result<Self> {
        let account = world.account(stem)?;
        let client = sign_in(world, ledger, &account)?;
        let (session, process, ide) = start(&client, ledger)?;
        Ok(Self { account, client, session, process, ide, held: None })
    }

    /// Signs in with another browser; the session is the same.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn sign_in_again(&mut self, world: &World, ledger: &mut Ledger) -> Result<()> {
        self.client = sign_in(world, ledger, &self.account)?;
        Ok(())
    }

    /// Starts another session.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn start_again(&mut self, ledger: &mut Ledger) -> Result<()> {
        (self.session, self.process, self.ide) = start(&self.client, ledger)?;
        Ok(())
    }

    /// The cookie, as it must never work again.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn revoked(&self, by: String) -> Result<Revoked> {
        let value = self.client.cookie(COOKIE).context("no cookie")?;
        let (user, session) = (self.account.name.clone(), self.session.clone());
        Ok(Revoked { name: COOKIE.to_owned(), value, user, session, by })
    }

    /// Whether the IDE that was started still runs.
    pub(crate) fn lives(&self) -> bool {
        birth(self.ide.0).is_some_and(|born| born == self.ide.1)
    }

    /// Opens what is held, if it isn't; over HTTP/2 for every other generation.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(crate) fn hold(&mut self, board: &Board, two: &Arc<tls::Config>) -> Result<()> {
        if self.held.is_some() {
            return Ok(());
        }
        let generation = board.generation();
        let path = format!("/s/{}/api/events/subscribe", self.session);
        let mut socket = Echoes::new(&self.client, (generation % 2 == 1).then_some(two), &path);
        socket.open()?;
        let mut kept = Requests::new(&self.client, &format!("/s/{}/api/me", self.session));
        kept.step()?;
        self.held = Some(Held { socket, kept, generation });
        Ok(())
    }

    /// Uses the held WebSocket; what broke off is told to the board, and opened again.
    ///
    /// # Errors
    /// When it can't be opened again.
    pub(crate) fn goes_on(&mut self, board: &Board, two: &Arc<tls::Config>, oldest: u64) -> Result<()> {
        if let Some(held) = &mut self.held {
            if let Err(broke) = held.socket.step() {
                board.broke(Class::WebSocket, &format!("{}'s idle WebSocket", self.account.name), &broke);
                self.held = None;
            } else if board.generation().saturating_sub(held.generation) >= oldest {
                held.socket.close();
                self.held = None;
            }
        }
        self.hold(board, two)
    }

    /// Whether what is held is cut off: true when the WebSocket closes and the connection answers nothing any more.
    ///
    /// # Errors
    /// What still works.
    pub(crate) fn is_cut(&mut self) -> Result<()> {
        let Some(mut held) = self.held.take() else { return Ok(()) };
        websocket::await_close(held.socket.open()?)?;
        ensure!(!held.kept.is_open() || held.kept.step().is_err(), "its open connection is answered");
        Ok(())
    }
}

fn sign_in(world: &World, ledger: &mut Ledger, account: &Account) -> Result<Client> {
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    ledger.acknowledge("sign-in", &account.name);
    Ok(client)
}

fn start(client: &Client, ledger: &mut Ledger) -> Result<(String, i32, (i32, String))> {
    let session = client.start_session(START)?;
    ledger.acknowledge("session-started", &session);
    let process = ledger.process_of(&session)?;
    let ide = until::some("there is an IDE", START, || {
        let all = process::all();
        let child = all.iter().find(|one| one.parent == process && one.state != "Z").map(|one| one.pid);
        Ok(child.and_then(|pid| Some((pid, birth(pid)?))))
    })?;
    Ok((session, process, ide))
}

/// When a process was born, in ticks since boot; none for one that is over.
fn birth(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (!matches!(fields.first(), Some(&("Z" | "X")))).then(|| fields.get(19).map(|&born| born.to_owned()))?
}

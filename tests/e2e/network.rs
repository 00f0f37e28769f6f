//! What a session may connect to, and that the proxy reaches it all the same: each network with each transport.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::builder::Builder;
use portcullis_testing::{Account, Client, Stage, World, case, process};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("network::all_but_metadata_and_other_sessions", everything),
        case("network::loopback_alone", loopback),
        case("network::nothing_but_its_own", none),
        case("network::a_list_is_exact", list),
        case("network::without_rules_all_of_it_is_reached", control),
        case("network::rules_outlive_the_launcher", restart),
        case("network::one_of_a_persons_own_section", personal),
    ]
}

/// `EPERM`, as the kernel's rules answer.
const REFUSED: &str = "os error 1)";

/// Someone with a running session, whose IDE takes orders.
struct Inside {
    client: Client,
    session: String,
    orders: UnixStream,
}

impl Inside {
    fn new(world: &World, stem: &str) -> Result<Self> {
        let (account, client) = world.signed_in(stem)?;
        Self::of(&account, client)
    }

    fn of(account: &Account, client: Client) -> Result<Self> {
        let session = client.start_session(30)?;
        let orders = UnixStream::connect(account.home.join("work.sock")).context("the double's orders")?;
        Ok(Self { client, session, orders })
    }

    /// What became of an order: nothing when it was done, else why not.
    fn order(&self, order: &str) -> Result<String> {
        (&self.orders).write_all(format!("{order}\n").as_bytes())?;
        let mut answer = String::new();
        BufReader::new(&self.orders).read_line(&mut answer)?;
        ensure!(!answer.is_empty(), "no answer to {order}");
        Ok(if answer.starts_with("error") { answer } else { String::new() })
    }

    fn refused(&self, address: &str) -> Result<()> {
        let answer = self.order(&format!("connect {address}"))?;
        ensure!(answer.contains(REFUSED), "{address}: {answer:?}");
        Ok(())
    }

    fn reached(&self, address: &str) -> Result<()> {
        let answer = self.order(&format!("connect {address}"))?;
        ensure!(answer.is_empty(), "{address}: {answer}");
        Ok(())
    }

    fn unreachable(&self, address: &str) -> Result<()> {
        let answer = self.order(&format!("connect {address}"))?;
        ensure!(answer.starts_with("error"), "{address} was reached");
        Ok(())
    }

    /// The proxy gets through, in both directions.
    fn answers(&self) -> Result<()> {
        let id = &self.session;
        self.client.get(&format!("/s/{id}/files/bytes-300000"))?.expect(200)?;
        Ok(())
    }
}

/// The world with each transport, and a service of the machine.
fn each(stage: &Stage, network: &str, test: impl Fn(&mut World, &Inside, u16) -> Result<()>) -> Result<()> {
    let service = TcpListener::bind("127.0.0.1:0")?;
    let port = service.local_addr()?.port();
    for transport in ["unix", "tcp"] {
        let mut world =
            ruled(stage, network).conf("portcullis.conf", &format!("session-transport={transport}"));
        if transport == "unix" {
            world = world.without("rsession.conf", "session-port-range");
        }
        let mut world = world.start()?;
        let inside = Inside::new(&world, "nell")?;
        let checked = inside.answers().and_then(|()| test(&mut world, &inside, port));
        checked.with_context(|| format!("session-network={network} by {transport}"))?;
    }
    Ok(())
}

fn ruled(stage: &Stage, network: &str) -> Builder {
    stage.world().double(&["--double-work"]).conf("portcullis.conf", &format!("session-network={network}"))
}

const METADATA: &str = "169.254.169.254:80";

fn everything(stage: &Stage) -> Result<()> {
    each(stage, "all", |world, inside, service| {
        inside.reached(&format!("127.0.0.1:{service}"))?;
        inside.refused(METADATA)?;
        inside.refused("[::ffff:169.254.169.254]:80")?;
        recorded(world, inside, "connect or sendto", METADATA)?;
        neighbours(world, inside)
    })
}

fn loopback(stage: &Stage) -> Result<()> {
    each(stage, "loopback", |world, inside, service| {
        inside.reached(&format!("127.0.0.1:{service}"))?;
        inside.refused(METADATA)?;
        inside.refused("192.0.2.1:80")?;
        inside.refused("[2001:db8::1]:80")?;
        recorded(world, inside, "connect or sendto", "[2001:db8::1]:80")?;
        neighbours(world, inside)
    })
}

fn list(stage: &Stage) -> Result<()> {
    each(stage, "192.0.2.0/24:443, 127.0.0.77", |_, inside, service| {
        inside.refused(&format!("127.0.0.1:{service}"))?;
        inside.refused(METADATA)?;
        inside.refused("192.0.2.1:80")?;
        let allowed = inside.order("connect 192.0.2.1:443")?;
        ensure!(!allowed.contains(REFUSED), "192.0.2.1:443 is in the list: {allowed}");
        let allowed = inside.order("connect 127.0.0.77:9")?;
        ensure!(allowed.contains("refused (os error 111)"), "127.0.0.77 is in the list: {allowed}");
        Ok(())
    })
}

fn none(stage: &Stage) -> Result<()> {
    each(stage, "none", |world, inside, service| {
        inside.unreachable(&format!("127.0.0.1:{service}"))?;
        inside.unreachable(METADATA)?;
        inside.unreachable(&world.address().to_string())?;
        ensure!(inside.order("listen 127.0.0.1:7777")?.is_empty());
        inside.reached("127.0.0.1:7777")?;
        ensure!(
            std::net::TcpStream::connect("127.0.0.1:7777").is_err(),
            "a listener in a network of its own was reached from outside"
        );
        Ok(())
    })
}

fn recorded(world: &World, inside: &Inside, what: &str, target: &str) -> Result<()> {
    let fields =
        [("session", inside.session.as_str()), ("by", "network"), ("what", what), ("target", target)];
    world.await_audit("denied", &fields, 10).map(drop)
}

/// Ports of other sessions, and what listens in them.
fn neighbours(world: &World, inside: &Inside) -> Result<()> {
    let other = Inside::new(world, "otto")?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    ensure!(other.order(&format!("listen {address}"))?.is_empty());
    other.reached(&address)?;
    std::net::TcpStream::connect(&address).context("from outside of both sessions")?;
    inside.unreachable(&address)?;
    recorded(world, inside, "packet", &address)?;
    for session in [&inside.session, &other.session] {
        let started = world.await_audit("session-started", &[("session", session)], 5)?;
        let port = started["port"].as_u64().context("no port in the record")?;
        if port != 0 {
            inside.refused(&format!("127.0.0.1:{port}"))?;
        }
    }
    // The door of all is open.
    inside.reached(&world.address().to_string())
}

fn control(stage: &Stage) -> Result<()> {
    let service = TcpListener::bind("127.0.0.1:0")?;
    let world = ruled(stage, "all").conf("portcullis.conf", "session-sandbox=off").start()?;
    let inside = Inside::new(&world, "cleo")?;
    inside.reached(&format!("127.0.0.1:{}", service.local_addr()?.port()))?;
    let answer = inside.order(&format!("connect {METADATA}"))?;
    ensure!(!answer.contains(REFUSED), "nothing rules it: {answer}");
    let other = Inside::new(&world, "otis")?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    ensure!(other.order(&format!("listen 127.0.0.1:{port}"))?.is_empty());
    inside.reached(&format!("127.0.0.1:{port}"))
}

fn restart(stage: &Stage) -> Result<()> {
    let mut world = ruled(stage, "loopback").start()?;
    let inside = Inside::new(&world, "rita")?;
    inside.refused("192.0.2.1:80")?;
    // What was told to a launcher that is killed before it has written it is lost, and said so in docs/operating.md.
    recorded(&world, &inside, "connect or sendto", "192.0.2.1:80")?;
    let server = world.server()?.pid;
    world.log.expect("the launcher is gone");
    world.stop(nix::sys::signal::Signal::SIGKILL)?;
    ensure!(process::is_alive(server), "the server went with the launcher");
    inside.refused("192.0.2.1:80")?;
    inside.refused("192.0.2.7:80")?;
    world.launch()?;
    inside.refused("192.0.2.1:80")?;
    // What was refused while there was no launcher is recorded by the next one.
    recorded(&world, &inside, "connect or sendto", "192.0.2.7:80")
}

fn personal(stage: &Stage) -> Result<()> {
    portcullis_testing::account::shadow("groupadd", &["--force", "shut"])?;
    let world = ruled(stage, "all").file("profiles", "[@shut]\nsession-network=loopback\n").start()?;
    let account = world.account_with("sue", &["--groups", "shut"])?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    let shut = Inside::of(&account, client)?;
    shut.refused("192.0.2.1:80")?;
    let free = Inside::new(&world, "fred")?;
    let answer = free.order("connect 192.0.2.1:80")?;
    ensure!(!answer.contains(REFUSED), "another person's section: {answer}");
    Ok(())
}

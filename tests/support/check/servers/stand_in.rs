//! The stand-in does what no server does on demand, and hands on what a real one says.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::slapd::{READER_PASSWORD, Setup, Slapd};
use portcullis_testing::servers::stand_in::{Behaviour, HALF_A_BIND, StandIn};
use portcullis_testing::servers::{must, run};
use portcullis_testing::{Stage, case};

/// Longer than anything here takes that isn't silence.
const SILENCE: Duration = Duration::from_millis(300);

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("servers::stand_in::closes_is_silent_or_says_half", alone),
        case("servers::stand_in::is_slow_or_cuts_what_a_real_server_says", before_slapd),
    ]
}

fn ask(behaviour: Behaviour) -> Result<(Vec<u8>, bool)> {
    let peer = StandIn::start(behaviour)?;
    let mut stream = TcpStream::connect(peer.address())?;
    stream.set_read_timeout(Some(SILENCE))?;
    // It may have closed already.
    let _ = stream.write_all(b"hello");
    let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
    let closed = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break true,
            Ok(length) => said.extend_from_slice(&buffer[..length]),
            Err(error) => break !matches!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
        if said.len() > 1 << 20 {
            break false;
        }
    };
    ensure!(peer.taken() == 1, "{} connections", peer.taken());
    Ok((said, closed))
}

fn alone(_: &Stage) -> Result<()> {
    ensure!(ask(Behaviour::Closes)? == (Vec::new(), true), "it closes");
    ensure!(ask(Behaviour::Silent)? == (Vec::new(), false), "it is silent");
    ensure!(ask(Behaviour::Says(HALF_A_BIND.to_vec()))? == (HALF_A_BIND.to_vec(), false), "half an answer");
    ensure!(
        ask(Behaviour::SaysAndCloses(b"no".to_vec()))? == (b"no".to_vec(), true),
        "it says no and closes"
    );
    ensure!(ask(Behaviour::Floods(vec![b'x'; 4096]))?.0.len() > 1 << 20, "it floods");
    Ok(())
}

fn before_slapd(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let client = |peer: &StandIn| {
        let mut command = std::process::Command::new("ldapwhoami");
        command.args([
            "-x",
            "-H",
            &format!("ldap://{}", peer.address()),
            "-D",
            &slapd.reader(),
            "-w",
            READER_PASSWORD,
        ]);
        command
    };
    let delay = Duration::from_millis(200);
    let slow = StandIn::start(Behaviour::Slow(slapd.address(), delay))?;
    let begun = Instant::now();
    must(&mut client(&slow))?;
    // Two answers: of the bind, and who it is.
    ensure!(begun.elapsed() >= delay * 2, "it took {:?}", begun.elapsed());
    let cut = StandIn::start(Behaviour::CutAfter(slapd.address(), HALF_A_BIND.len()))?;
    let ran = run(&mut client(&cut), "")?;
    ensure!(ran.code != Some(0), "half an answer was enough: {ran:?}");
    Ok(())
}

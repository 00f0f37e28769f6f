//! Directories that are down, slow, hostile, or not who they say.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_model::proof::{BindAs, Failure, Step};
use portcullis_testing::Stage;
use portcullis_testing::servers::authority::Authority;
use portcullis_testing::servers::slapd::{Setup, Slapd, Way};
use portcullis_testing::servers::stand_in::{Behaviour, HALF_A_BIND, StandIn};

use super::method::{Conf, reader, way};

/// With short times, so that a test of them is short.
const SHORT: &str = "connect-timeout-seconds=1\noperation-timeout-seconds=1\n";

/// A directory of its own with few people's groups.
fn own(change: impl FnOnce(&mut Setup)) -> Result<Slapd> {
    let mut setup = Setup { many: 0, ..Setup::default() };
    change(&mut setup);
    Slapd::start(&setup)
}

fn conf(slapd: &Slapd, by: Way) -> Conf {
    Conf::default().section("main", slapd, &format!("{}{}", way(slapd, by), reader(slapd)))
}

/// The same with short times.
fn short(slapd: &Slapd, by: Way) -> Conf {
    Conf::default().section("main", slapd, &format!("{}{}{SHORT}", way(slapd, by), reader(slapd)))
}

/// A section with a stand-in's address.
fn at(conf: Conf, stand_in: &StandIn) -> Conf {
    conf.with("server-address", &stand_in.address().to_string())
}

pub(super) fn certificates(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    for by in [Way::StartTls, Way::Ldaps] {
        let stranger = Authority::new("A stranger")?;
        let conf = conf(slapd, by);
        let outcome = conf
            .clone()
            .file("main/ca-file", stranger.certificate().as_bytes())
            .prove("lena", "Lena-Pass-1")?;
        ensure!(outcome.count(|step| matches!(step, Step::Bind { .. })) == 0, "a password was sent: {by:?}");
        ensure!(outcome.refused()? == Failure::Certificate, "{by:?}");
        // Both authorities in the file, and it holds.
        let both = format!("{}{}", stranger.certificate(), slapd.authority().certificate());
        conf.file("main/ca-file", both.as_bytes()).prove("lena", "Lena-Pass-1")?.proven()?;
    }
    let authority = Authority::new("Directory authority")?;
    for (what, pair) in
        [("another name", authority.server_named(&["ldap.example.test"])?), ("expired", authority.expired()?)]
    {
        let slapd = own(|setup| setup.certificate = Some(pair))?;
        for by in [Way::StartTls, Way::Ldaps] {
            let conf = conf(&slapd, by).file("main/ca-file", authority.certificate().as_bytes());
            ensure!(conf.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Certificate, "{what} {by:?}");
        }
    }
    let conf = conf(slapd, Way::StartTls).file("main/ca-file", b"no certificate");
    ensure!(conf.method().is_err(), "rubbish is taken for authorities");
    Ok(())
}

pub(super) fn insecure(_: &Stage) -> Result<()> {
    let stranger = Authority::new("A stranger")?;
    let slapd = own(|setup| setup.certificate = stranger.expired().ok())?;
    for by in [Way::StartTls, Way::Ldaps] {
        let conf = conf(&slapd, by);
        ensure!(conf.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Certificate);
        let outcome = conf.with("insecure", "1").prove("lena", "Lena-Pass-1")?;
        ensure!(outcome.count(|step| matches!(step, Step::Tls { checked: false, .. })) == 2);
        outcome.proven()?;
    }
    Ok(())
}

pub(super) fn confidentiality(_: &Stage) -> Result<()> {
    let slapd = Slapd::other()?;
    conf(slapd, Way::StartTls).prove("omar", "Omar-Pass-1")?.proven()?;
    let failure = conf(slapd, Way::Plain).prove("omar", "Omar-Pass-1")?.refused()?;
    ensure!(failure.word() == "configuration", "{failure}");
    Ok(())
}

/// Answers that are no yes: each must be the end, with nothing sent in the clear.
pub(super) fn start_tls(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    // Extended response: message 1, a result code, no texts.
    let answer = |code: u8| vec![0x30, 0x0c, 2, 1, 1, 0x78, 7, 0x0a, 1, code, 4, 0, 4, 0];
    // A yes to another message, a bind's yes, and a yes with something smuggled in behind it.
    let mut other = answer(0);
    other[4] = 2;
    let mut bind = answer(0);
    bind[5] = 0x61;
    let smuggled = [answer(0), vec![0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0]].concat();
    for bytes in [answer(2), answer(52), answer(53), other, bind, smuggled, b"+OK\r\n".to_vec()] {
        let stand_in = StandIn::start(Behaviour::Says(bytes.clone()))?;
        let outcome = at(conf(slapd, Way::StartTls), &stand_in).prove("lena", "Lena-Pass-1")?;
        ensure!(outcome.count(|step| matches!(step, Step::Bind { .. })) == 0, "{bytes:x?}");
        let failure = outcome.refused()?;
        ensure!(matches!(failure, Failure::Protocol(_)), "{bytes:x?}: {failure}");
    }
    Ok(())
}

pub(super) fn down(_: &Stage) -> Result<()> {
    let slapd = own(|_| {})?;
    let main = conf(&slapd, Way::StartTls);
    main.prove("lena", "Lena-Pass-1")?.proven()?;
    slapd.stop()?;
    ensure!(main.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Unreachable);
    slapd.resume()?;
    main.prove("lena", "Lena-Pass-1")?.proven()?;
    // It closes each connection.
    for by in [Way::Plain, Way::StartTls, Way::Ldaps] {
        let stand_in = StandIn::start(Behaviour::Closes)?;
        let failure = at(conf(&slapd, by), &stand_in).prove("lena", "Lena-Pass-1")?.refused()?;
        ensure!(failure == Failure::Unreachable, "{by:?}: {failure}");
    }
    let nowhere = main.with("server-address", "no-such-host.invalid:389");
    ensure!(nowhere.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Unreachable);
    Ok(())
}

pub(super) fn slow(_: &Stage) -> Result<()> {
    let slapd = own(|_| {})?;
    for by in [Way::StartTls, Way::Ldaps, Way::Plain] {
        slapd.hang()?;
        let begun = Instant::now();
        let outcome = short(&slapd, by).prove("lena", "Lena-Pass-1");
        slapd.go_on()?;
        ensure!(outcome?.refused()? == Failure::Slow, "{by:?}");
        ensure!(begun.elapsed() < Duration::from_secs(15), "{by:?}: {:?}", begun.elapsed());
    }
    // Slow, and still within its time.
    let stand_in = StandIn::start(Behaviour::Slow(slapd.address(), Duration::from_millis(100)))?;
    at(conf(&slapd, Way::StartTls), &stand_in).prove("lena", "Lena-Pass-1")?.proven()?;
    // Each answer takes longer than it may.
    let stand_in = StandIn::start(Behaviour::Slow(slapd.address(), Duration::from_millis(1500)))?;
    ensure!(
        at(short(&slapd, Way::Plain), &stand_in).prove("lena", "Lena-Pass-1")?.refused()? == Failure::Slow
    );
    Ok(())
}

pub(super) fn rubbish(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let deep: Vec<u8> = {
        let inner = [0x30, 0x80].repeat(4000);
        [&[0x30, 0x82, 0x1f, 0x40][..], &inner].concat()
    };
    // A size of 2 GB; an entry for an answer to a bind; a result that is no number; texts that are none.
    let huge = vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 2, 1, 1];
    let entry = vec![0x30, 0x0b, 2, 1, 1, 0x64, 6, 4, 2, b'c', b'n', 0x30, 0];
    let no_number = vec![0x30, 0x0b, 2, 1, 1, 0x61, 6, 0x0a, 0, 4, 0, 4, 0];
    let no_text = vec![0x30, 0x0d, 2, 1, 1, 0x61, 8, 0x0a, 1, 49, 4, 0, 4, 1, 0xff];
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    for bytes in [deep, huge, entry, no_number, no_text, http.clone()] {
        let stand_in = StandIn::start(Behaviour::Says(bytes.clone()))?;
        let failure = at(conf(slapd, Way::Plain), &stand_in).prove("lena", "Lena-Pass-1")?.refused()?;
        let start: Vec<u8> = bytes.iter().copied().take(16).collect();
        ensure!(matches!(failure, Failure::Protocol(_)), "{start:x?}: {failure}");
    }
    let stand_in = StandIn::start(Behaviour::Says(HALF_A_BIND.to_vec()))?;
    ensure!(
        at(short(slapd, Way::Plain), &stand_in).prove("lena", "Lena-Pass-1")?.refused()? == Failure::Slow
    );
    let stand_in = StandIn::start(Behaviour::SaysAndCloses(HALF_A_BIND.to_vec()))?;
    ensure!(
        at(conf(slapd, Way::Plain), &stand_in).prove("lena", "Lena-Pass-1")?.refused()?
            == Failure::Unreachable
    );
    // Answers to questions of nobody, without end: bounded by bytes.
    let words = vec![b'x'; 60_000];
    let head =
        [0x30, 0x82, 0xea, 0x70, 2, 1, 99, 0x61, 0x82, 0xea, 0x69, 0x0a, 1, 0, 4, 0, 4, 0x82, 0xea, 0x60];
    let nobodys = [&head[..], &words].concat();
    let stand_in = StandIn::start(Behaviour::Floods(nobodys))?;
    let failure = at(conf(slapd, Way::Plain), &stand_in).prove("lena", "Lena-Pass-1")?.refused()?;
    ensure!(
        matches!(&failure, Failure::Protocol(text) if text.contains("bytes in one connection")),
        "{failure}"
    );
    // The next directory is asked all the same.
    let stand_in = StandIn::start(Behaviour::Says(http))?;
    let two = Conf::default()
        .section(
            "broken",
            slapd,
            &format!("insecure=1\nserver-address={}\n{}{SHORT}", stand_in.address(), reader(slapd)),
        )
        .section("main", slapd, &format!("{}{}", way(slapd, Way::StartTls), reader(slapd)));
    ensure!(two.prove("lena", "Lena-Pass-1")?.proven()?.provider.to_string() == "ldap:main");
    Ok(())
}

pub(super) fn referral(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let evil = StandIn::start(Behaviour::Silent)?;
    // A bind's answer: result 10, and where to go.
    let url = format!("ldap://{}/dc=x", evil.address()).into_bytes();
    let length = |more: usize| u8::try_from(url.len() + more).expect("a short address");
    let body = [&[0x0a, 1, 10, 4, 0, 4, 0, 0xa3, length(2), 4, length(0)][..], &url].concat();
    let op = [&[2, 1, 1, 0x61, length(11)][..], &body].concat();
    let message = [&[0x30, length(16)][..], &op].concat();
    let stand_in = StandIn::start(Behaviour::Says(message))?;
    let failure = at(conf(slapd, Way::Plain), &stand_in).prove("lena", "Lena-Pass-1")?.refused()?;
    ensure!(matches!(failure, Failure::Protocol(_)), "{failure}");
    // A real one: an entry that refers elsewhere, among the people.
    let own = own(|_| {})?;
    own.add(&format!(
        "dn: uid=elsewhere,ou=people,{}\nobjectClass: referral\nobjectClass: extensibleObject\nuid: elsewhere\n\
         ref: ldap://{}/uid=lena,dc=evil\n",
        own.suffix(),
        evil.address()
    ))?;
    let outcome = conf(&own, Way::StartTls).prove("elsewhere", "Lena-Pass-1")?;
    ensure!(outcome.count(|step| matches!(step, Step::Bind { who: BindAs::User, .. })) == 0);
    ensure!(outcome.refused()? == Failure::Credentials);
    conf(&own, Way::StartTls).prove("lena", "Lena-Pass-1")?.proven()?;
    ensure!(evil.taken() == 0, "the referral was followed");
    Ok(())
}

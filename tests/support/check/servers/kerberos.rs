//! The KDC: who gets a ticket, and what of it arrives at a service.

use std::io::Write as _;
use std::net::TcpListener;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::kerberos::{Kdc, PEOPLE, Standing};
use portcullis_testing::servers::run;
use portcullis_testing::{Stage, case, place};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("servers::kerberos::gives_tickets_to_whom_it_may", tickets),
        case("servers::kerberos::a_services_keytab_opens_its_tickets_alone", keytabs),
        case("servers::kerberos::a_browser_sends_a_token_when_asked_to", negotiates),
        case("servers::kerberos::stops_and_comes_back", comes_back),
    ]
}

fn tickets(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    for (name, password, standing) in PEOPLE {
        let cache = std::path::PathBuf::from(format!("/run/cache-{}", place::next_number()));
        let right = kdc.kinit(name, password, &cache)?;
        let said = match standing {
            Standing::Good => "",
            // It asks for a new one, and gets none.
            Standing::PasswordExpired => "Cannot read password",
            Standing::Expired => "expired",
            Standing::Locked => "revoked",
        };
        ensure!((right.code == Some(0)) == (*standing == Standing::Good), "{name}: {right:?}");
        ensure!(right.err.contains(said), "{name}: {right:?}");
        let wrong = kdc.kinit(name, "wrong", &cache)?;
        ensure!(wrong.code != Some(0), "{name} with a wrong password");
    }
    Ok(())
}

fn keytabs(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let (mine, theirs) = (kdc.keytab("HTTP/mine.example.test")?, kdc.keytab("HTTP/theirs.example.test")?);
    let cache = kdc.ticket("kira", "Kira-Pass-1")?;
    let opens = |keytab: &std::path::Path| {
        let mut kvno = kdc.as_owner("/usr/bin/kvno", &cache);
        run(kvno.arg("-k").arg(keytab).arg("HTTP/mine.example.test"), "")
    };
    let right = opens(&mine)?;
    ensure!(right.code == Some(0) && right.out.contains("keytab entry valid"), "its own: {right:?}");
    ensure!(opens(&theirs)?.code != Some(0), "another's");
    Ok(())
}

fn negotiates(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    kdc.keytab("HTTP/localhost")?;
    let cache = kdc.ticket("kira", "Kira-Pass-1")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://localhost:{}/", listener.local_addr()?.port());
    // Asks for a token, and keeps what comes then.
    let server = std::thread::spawn(move || -> Result<String> {
        for answer in ["HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate", "HTTP/1.1 200 OK"] {
            let (mut stream, _) = listener.accept()?;
            let mut head = String::new();
            let mut reader = std::io::BufReader::new(stream.try_clone()?);
            while !head.ends_with("\r\n\r\n") {
                ensure!(std::io::BufRead::read_line(&mut reader, &mut head)? > 0, "half a request");
            }
            stream.write_all(
                format!("{answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes(),
            )?;
            if let Some(line) = head.lines().find(|line| line.starts_with("Authorization:")) {
                return Ok(line.to_owned());
            }
        }
        anyhow::bail!("no token")
    });
    let mut curl = kdc.as_owner("/usr/bin/curl", &cache);
    let ran = run(curl.args(["-s", "-4", "-m", "20", "--negotiate", "-u", ":", &url]), "")?;
    let line = server.join().ok().context("the listener panicked")?.with_context(|| format!("{ran:?}"))?;
    // RFC 4178: an initial token begins with 0x60, and `Y` is what base64 makes of that.
    ensure!(line.starts_with("Authorization: Negotiate Y") && line.len() > 400, "{line}");
    Ok(())
}

fn comes_back(_: &Stage) -> Result<()> {
    let kdc = Kdc::start("OTHER.TEST")?;
    kdc.ticket("kira", "Kira-Pass-1")?;
    kdc.principal("late", "Late-Pass-1")?;
    kdc.ticket("late", "Late-Pass-1")?;
    kdc.stop()?;
    let gone = kdc.ticket("kira", "Kira-Pass-1");
    ensure!(format!("{:#}", gone.expect_err("no KDC")).contains("Cannot contact any KDC"));
    kdc.resume()?;
    kdc.ticket("kira", "Kira-Pass-1").map(drop)
}

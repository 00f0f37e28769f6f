//! Kerberos by Negotiate: `auth-kerberos=1`, a real KDC, and curl as the browser that has a ticket.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Trial;
use portcullis_testing::account::{self, Account};
use portcullis_testing::client::Client;
use portcullis_testing::servers::kerberos::{Kdc, REALM};
use portcullis_testing::servers::{must_with, negotiate, run};
use portcullis_testing::{Response, Stage, World, case, until};

use super::ask::once;

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::kerberos::a_ticket_opens_the_home_page", comes_in),
        case("identity::daemon::kerberos::nothing_is_negotiated_elsewhere", elsewhere),
        case("identity::daemon::kerberos::who_has_no_ticket_sees_the_form", no_ticket),
        case("identity::daemon::kerberos::a_token_counts_once", replayed),
        case("identity::daemon::kerberos::names_realms_and_accounts_that_may_not", names),
        case("identity::daemon::kerberos::key_tables_that_do_not_fit", key_tables),
        case("identity::daemon::kerberos::a_ticket_that_has_expired", expired),
        case("identity::daemon::kerberos::clocks_that_differ", skew),
        case("identity::daemon::kerberos::the_kdc_is_not_asked", kdc_down),
        case("identity::daemon::kerberos::the_role_that_examines_tokens_leaves_nothing", leaves_nothing),
    ]
}

/// The service that browsers have tickets for.
const SERVICE: &str = "HTTP/localhost";
const PLACE: &str = "/auth-kerberos";
pub(super) const PASSWORD: &str = "Ticket-Pass-1";
/// A ticket of some seconds is over by then, on a machine that is busy with other tests.
const SECONDS: u64 = 60;

/// One key table for all daemons: each new one makes those of before useless.
fn key_table() -> Result<PathBuf> {
    use std::sync::OnceLock;
    static TABLE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let kdc = Kdc::shared()?;
    let table = TABLE.get_or_init(|| kdc.keytab(SERVICE).map_err(|error| format!("{error:#}")));
    table.clone().map_err(anyhow::Error::msg)
}

fn conf(table: &Path, realms: &str) -> String {
    format!("auth-kerberos=1\nauth-kerberos-realms={realms}\nauth-kerberos-keytab={}", table.display())
}

pub(super) fn world(stage: &Stage) -> Result<World> {
    stage.world().conf("portcullis.conf", &conf(&key_table()?, REALM)).start()
}

/// An account of this machine, and the principal of that name.
pub(super) fn person(world: &World, kdc: &Kdc, more: &[&str]) -> Result<Account> {
    let account = world.account_with("krb", more)?;
    kdc.principal(&account.name, PASSWORD)?;
    Ok(account)
}

/// A token of somebody's, with a ticket of its own.
pub(super) fn token(kdc: &Kdc, name: &str, password: &str) -> Result<Vec<u8>> {
    negotiate::token(kdc, &kdc.ticket(name, password)?, &[])
}

pub(super) fn shows(client: &Client, token: &[u8]) -> Result<Response> {
    let value = format!("Negotiate {}", STANDARD.encode(token));
    client.request("GET", PLACE).header("Accept", "text/html").header("Authorization", &value).send()
}

/// Nobody comes in by this token, for this reason; whoever looks at the answer can't tell which.
fn stays_out(world: &World, token: &[u8], reason: &str, status: u16) -> Result<()> {
    let fields = [("method", "kerberos"), ("reason", reason)];
    let before = world.count_audit("sign-in-denied", &fields)?;
    let client = world.client()?;
    let answer = shows(&client, token)?;
    ensure!(!client.is_signed_in()?, "somebody was let in");
    ensure!(answer.status == status, "{} instead of {status} for {reason}", answer.status);
    ensure!(answer.header("www-authenticate").is_none(), "the browser would show the same token again");
    let after = world.count_audit("sign-in-denied", &fields)?;
    ensure!(after == before + 1, "nobody is out for `{reason}`: {:?}", world.audit()?.last());
    Ok(())
}

fn comes_in(stage: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let world = world(stage)?;
    let account = person(&world, kdc, &[])?;
    let page = world.client()?.request("GET", "/auth-sign-in").header("Accept", "text/html").send()?.text();
    ensure!(page.contains("Kerberos ticket") && page.contains("name=\"password\""), "{page}");
    // A browser by itself: asked, it shows its ticket, and is where it wanted to be.
    let cache = kdc.ticket(&account.name, PASSWORD)?;
    let mut curl = kdc.as_owner("/usr/bin/curl", &cache);
    let port = world.client()?.host().rsplit_once(':').context("a port")?.1.to_owned();
    let url = format!("http://localhost:{port}{PLACE}?appUri=/");
    let ran = run(curl.args(["-s", "-4", "-i", "--max-time", "20", "--anyauth", "-u", ":", &url]), "")?;
    let answers: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("HTTP/")).collect();
    ensure!(
        matches!(answers[..], [asked, taken] if asked.contains("401") && taken.contains("303")),
        "{answers:?} {ran:?}"
    );
    ensure!(ran.out.to_ascii_lowercase().contains("www-authenticate: negotiate\r\n"), "{ran:?}");
    ensure!(ran.out.contains("portcullis=v1."), "no cookie: {ran:?}");
    world.await_audit("sign-in", &[("user", &account.name), ("method", "kerberos")], 5)?;
    // With the form it is the same account: the realm is how this machine's people prove who they are.
    let client = world.client()?;
    shows(&client, &negotiate::token(kdc, &cache, &[])?)?.expect(303)?;
    ensure!(client.is_signed_in()?);
    world.client()?.sign_in(&account.name, &account.password)?;
    let made = world.count_audit("account-created", &[("user", &account.name)])?;
    ensure!(made == 1, "{made} accounts were made");
    // Who is signed in goes on, ticket or not.
    let answer = client.get(&format!("{PLACE}?appUri=/sessions"))?.expect(303)?;
    ensure!(answer.header("location") == Some("/sessions"), "{:?}", answer.header("location"));
    let session = client.start_session(60)?;
    ensure!(client.get(&format!("/s/{session}/"))?.status < 400);
    Ok(())
}

fn elsewhere(stage: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let world = world(stage)?;
    let account = person(&world, kdc, &[])?;
    let token = token(kdc, &account.name, PASSWORD)?;
    let value = format!("Negotiate {}", STANDARD.encode(&token));
    for path in ["/", "/auth-sign-in", "/sessions", "/s/0011223344556677/", "/auth-continue", "/static/x"] {
        let client = world.client()?;
        let answer = client.request("GET", path).header("Authorization", &value).send()?;
        ensure!(answer.header("www-authenticate").is_none(), "{path} negotiates");
        ensure!(!client.is_signed_in()?, "{path} signed somebody in");
    }
    // Of a page that changes something there is none.
    let client = world.client()?;
    let answer = client.request("POST", PLACE).header("Origin", &client.origin()).send()?;
    ensure!(answer.status == 405, "{}", answer.status);
    // It was not used up by that.
    shows(&world.client()?, &token)?.expect(303)?;
    // A page of another site can't have it asked for: neither embedded nor fetched.
    for destination in ["iframe", "image", "empty"] {
        let client = world.client()?;
        let answer = client
            .request("GET", PLACE)
            .header("Sec-Fetch-Site", "cross-site")
            .header("Sec-Fetch-Mode", if destination == "iframe" { "navigate" } else { "no-cors" })
            .header("Sec-Fetch-Dest", destination)
            .send()?;
        ensure!(answer.status == 403 && answer.header("www-authenticate").is_none(), "{destination}");
    }
    // Where it is off, there is nothing.
    let off = stage.world().start()?;
    let client = off.client()?;
    let answer = shows(&client, &token)?;
    ensure!(answer.status == 404 && answer.header("www-authenticate").is_none(), "{}", answer.status);
    let page = client.request("GET", "/auth-sign-in").header("Accept", "text/html").send()?.text();
    ensure!(!page.contains("Kerberos ticket"), "{page}");
    Ok(())
}

fn no_ticket(stage: &Stage) -> Result<()> {
    let world = world(stage)?;
    let client = world.client()?;
    for authorization in [None, Some("Basic YW5uOmFubg=="), Some("Bearer abc")] {
        let mut request = client.request("GET", &format!("{PLACE}?appUri=/x")).header("Accept", "text/html");
        if let Some(value) = authorization {
            request = request.header("Authorization", value);
        }
        let answer = request.send()?;
        ensure!(answer.status == 401, "{}", answer.status);
        ensure!(answer.header("www-authenticate") == Some("Negotiate"), "it is not asked for");
        let page = answer.text();
        ensure!(page.contains("name=\"password\"") && page.contains("no Kerberos ticket"), "{page}");
    }
    ensure!(world.count_audit("sign-in-denied", &[])? == 0, "nobody tried");
    // What browsers send that have no ticket for us: NTLM, and rubbish.
    stays_out(&world, b"NTLMSSP\0\x01\0\0\0\x07\x82\x08\xa2\0\0\0\0", "credentials", 401)?;
    stays_out(&world, b"rubbish", "credentials", 401)?;
    for value in ["Negotiate", "Negotiate ===", "Negotiate YW Jj"] {
        let answer = client.request("GET", PLACE).header("Authorization", value).send()?;
        ensure!(answer.status == 401 && answer.header("www-authenticate").is_none(), "{value}");
    }
    // The longest one fits no head of a request as it is configured; nothing of it is examined.
    let answer = shows(&client, &vec![0x60; 64 * 1024])?;
    ensure!(answer.status == 431 && !client.is_signed_in()?, "{}", answer.status);
    // With curl, without a ticket: it has nothing to show.
    let kdc = Kdc::shared()?;
    let mut curl = kdc.as_owner("/usr/bin/curl", Path::new("/nonexistent/cache"));
    let port = client.host().rsplit_once(':').context("a port")?.1.to_owned();
    let url = format!("http://localhost:{port}{PLACE}");
    let ran = run(curl.args(["-s", "-4", "-i", "--max-time", "20", "--negotiate", "-u", ":", &url]), "")?;
    ensure!(ran.out.contains(" 401 ") && !ran.out.contains("portcullis=v1."), "{ran:?}");
    Ok(())
}

fn replayed(stage: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let mut world = world(stage)?;
    let account = person(&world, kdc, &[])?;
    let cache = kdc.ticket(&account.name, PASSWORD)?;
    let token = negotiate::token(kdc, &cache, &[])?;
    shows(&world.client()?, &token)?.expect(303)?;
    stays_out(&world, &token, "credentials", 401)?;
    let last = world.audit()?.pop().context("a record")?.to_string();
    ensure!(last.contains("used before"), "{last}");
    // Nor after the daemon was started again: what was shown is on disk.
    world.stop(nix::sys::signal::Signal::SIGTERM)?;
    world.launch()?;
    stays_out(&world, &token, "credentials", 401)?;
    // The next token of the same ticket is another.
    shows(&world.client()?, &negotiate::token(kdc, &cache, &[])?)?.expect(303).map(drop)
}

fn names(stage: &Stage) -> Result<()> {
    static PRINCIPALS: Mutex<bool> = Mutex::new(false);
    const ODD: [&str; 4] = ["a b", "..", "$(id)", "x;y"];
    const STRANGERS: [&str; 2] = ["jürgen", "somebody-else"];
    let kdc = Kdc::shared()?;
    once(&PRINCIPALS, || {
        kdc.principal("root", PASSWORD)?;
        ODD.iter().try_for_each(|name| kdc.principal(&format!("\"{name}\""), PASSWORD))?;
        STRANGERS.iter().try_for_each(|name| kdc.principal(name, PASSWORD))
    })?;
    let mut world = world(stage)?;
    // Of this machine's accounts: locked, and the superuser.
    let locked = person(&world, kdc, &["--expiredate", "2020-01-01"])?;
    stays_out(&world, &token(kdc, &locked.name, PASSWORD)?, "account", 401)?;
    stays_out(&world, &token(kdc, "root", PASSWORD)?, "not-permitted", 401)?;
    // Of the realm's: an instance is another than the person; a name in capitals is another than the small one's.
    stays_out(&world, &token(kdc, "kira/admin", "Admin-Pass-1")?, "not-permitted", 401)?;
    stays_out(&world, &token(kdc, "Upper", "Upper-Pass-1")?, "bad-name", 401)?;
    for name in ODD {
        stays_out(&world, &token(kdc, name, PASSWORD)?, "bad-name", 401)
            .with_context(|| format!("the principal `{name}`"))?;
    }
    // Names that this machine doesn't know.
    for name in STRANGERS {
        stays_out(&world, &token(kdc, name, PASSWORD)?, "account", 401)?;
    }
    // A capital, made small by root's own rule.
    let account = person(&world, kdc, &[])?;
    let capital = account.name.to_uppercase();
    kdc.principal(&capital, PASSWORD)?;
    stays_out(&world, &token(kdc, &capital, PASSWORD)?, "bad-name", 401)?;
    world.set("rserver.conf", "auth-user-rewrite-rule=^(.*)$ \\L$1")?;
    world.reload()?;
    shows(&world.client()?, &token(kdc, &capital, PASSWORD)?)?.expect(303)?;
    world.await_audit("sign-in", &[("user", &account.name), ("method", "kerberos")], 5)?;
    // A realm that isn't listed, though the key is right.
    world.set("portcullis.conf", "auth-kerberos-realms=OTHER.TEST,EXAMPLE.TEST.EVIL")?;
    world.reload()?;
    stays_out(&world, &token(kdc, &account.name, PASSWORD)?, "not-permitted", 401)
}

fn key_tables(stage: &Stage) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // A realm of its own: new keys would disturb the others.
    let kdc = Kdc::start("TABLES.TEST")?;
    let own = kdc.keytab(SERVICE)?;
    for (table, wanted) in [("/nonexistent/keys", "auth-kerberos-keytab"), ("/run", "auth-kerberos-keytab")] {
        let (status, log) =
            stage.world().conf("portcullis.conf", &conf(Path::new(table), "TABLES.TEST")).start_in_vain()?;
        ensure!(!status.success() && log.contains(wanted), "{table}: {status}: {log}");
    }
    let open = own.with_extension("open");
    std::fs::copy(&own, &open)?;
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644))?;
    let (status, log) = stage.world().conf("portcullis.conf", &conf(&open, "TABLES.TEST")).start_in_vain()?;
    ensure!(!status.success() && log.contains("0600"), "{status}: {log}");
    // Without realms nobody is somebody.
    let (status, log) = stage.world().conf("portcullis.conf", &conf(&own, "")).start_in_vain()?;
    ensure!(!status.success() && log.contains("auth-kerberos-realms"), "{status}: {log}");
    // Another service's keys, no keys at all, keys of before: the first two are our fault, the third is the ticket's.
    let other = kdc.keytab("host/localhost")?;
    let mut world = stage.world().conf("portcullis.conf", &conf(&other, "TABLES.TEST")).start()?;
    let account = person(&world, &kdc, &[])?;
    stays_out(&world, &token(&kdc, &account.name, PASSWORD)?, "system", 503)?;
    let rubbish = own.with_extension("rubbish");
    std::fs::write(&rubbish, b"no keys")?;
    std::fs::set_permissions(&rubbish, std::fs::Permissions::from_mode(0o600))?;
    let mut change = |table: &Path| -> Result<()> {
        world.set("portcullis.conf", &format!("auth-kerberos-keytab={}", table.display()))?;
        world.reload()
    };
    change(&rubbish)?;
    let new = kdc.keytab(SERVICE)?;
    change(&own)?;
    stays_out(&world, &token(&kdc, &account.name, PASSWORD)?, "credentials", 401)?;
    world.set("portcullis.conf", &format!("auth-kerberos-keytab={}", new.display()))?;
    world.reload()?;
    shows(&world.client()?, &token(&kdc, &account.name, PASSWORD)?)?.expect(303).map(drop)
}

fn expired(stage: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let _turn = crate::KERBEROS.lock().unwrap_or_else(PoisonError::into_inner);
    let text = std::fs::read_to_string(kdc.config_file())?;
    std::fs::write("/etc/krb5.conf", text.replacen("[libdefaults]\n", "[libdefaults]\n clockskew = 1\n", 1))?;
    let world = world(stage)?;
    let account = person(&world, kdc, &[])?;
    let cache = kdc.ticket(&account.name, PASSWORD)?;
    let mut kinit = kdc.as_owner("/usr/bin/kinit", &cache);
    // The client refuses a ticket that is over sooner than that.
    must_with(kinit.args(["-l", "4s", &account.name]), &format!("{PASSWORD}\n"))?;
    let token = negotiate::token(kdc, &cache, &[])?;
    let shown_before = world.state_dir().join("tickets/portcullis-HTTP.rcache2");
    let over = until::is("the ticket has expired", SECONDS, || {
        let fields = [("method", "kerberos"), ("reason", "credentials")];
        // Each try is the first one of this token, so that nothing but its time is against it.
        let _ = std::fs::remove_file(&shown_before);
        let client = world.client().ok();
        let shown = client.is_some_and(|client| shows(&client, &token).is_ok());
        let last = world.audit().ok().and_then(|mut all| all.pop()).map(|last| last.to_string());
        shown
            && world.count_audit("sign-in-denied", &fields).is_ok_and(|count| count > 0)
            && last.is_some_and(|last| last.contains("expired"))
    });
    kdc.install()?;
    over
}

/// The client's clock is an hour ahead, as its ticket's file says (the format's tag 1: what to add to its clock).
fn skew(stage: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let world = world(stage)?;
    let account = person(&world, kdc, &[])?;
    let cache = kdc.ticket(&account.name, PASSWORD)?;
    // The service's ticket is there before, since the KDC looks at clocks, too.
    negotiate::token(kdc, &cache, &[])?;
    let mut bytes = std::fs::read(&cache)?;
    ensure!(bytes[..2] == [5, 4], "another format of ticket files");
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    let ahead: [u8; 12] = [0, 1, 0, 8, 0, 0, 0x0e, 0x10, 0, 0, 0, 0];
    bytes.splice(2..4 + length, [0, 12].into_iter().chain(ahead));
    std::fs::write(&cache, bytes)?;
    let token = negotiate::token(kdc, &cache, &[])?;
    stays_out(&world, &token, "credentials", 401)?;
    let last = world.audit()?.pop().context("a record")?.to_string();
    ensure!(last.contains("skew"), "{last}");
    Ok(())
}

fn kdc_down(stage: &Stage) -> Result<()> {
    let kdc = Kdc::start("DOWN.TEST")?;
    let table = kdc.keytab(SERVICE)?;
    let world = stage.world().conf("portcullis.conf", &conf(&table, "DOWN.TEST")).start()?;
    let account = person(&world, &kdc, &[])?;
    let token = token(&kdc, &account.name, PASSWORD)?;
    kdc.stop()?;
    let client = world.client()?;
    shows(&client, &token)?.expect(303)?;
    ensure!(client.is_signed_in()?);
    // And by the form, as ever.
    world.client()?.sign_in(&account.name, &account.password)
}

fn leaves_nothing(stage: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let world = world(stage)?;
    let account = person(&world, kdc, &[])?;
    for _ in 0..3 {
        shows(&world.client()?, &token(kdc, &account.name, PASSWORD)?)?.expect(303)?;
    }
    let identity = account::uid_of("portcullis-identity")?;
    let folder = world.state_dir().join("tickets");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        use std::os::unix::fs::MetadataExt as _;
        ensure!(meta.uid() == identity && meta.mode() & 0o077 == 0, "{entry:?} is open to others");
        files.push(entry.file_name());
    }
    ensure!(files == ["portcullis-HTTP.rcache2"], "{files:?}");
    // Each process ended with its answer.
    until::is("no such process is left", 10, || {
        std::fs::read_dir("/proc").is_ok_and(|all| {
            all.flatten().all(|one| {
                std::fs::read(one.path().join("cmdline"))
                    .is_ok_and(|line| !line.ends_with(b"portcullis-identity\0ticket\0"))
                    || !one.path().join("cmdline").exists()
            })
        })
    })
}

//! The domain controller is real, and answers as Active Directory does where the tests of signing in count on it.
//! `cargo xtask test --only directory`.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use libtest_mimic::Arguments;
use portcullis_testing::servers::authority::Authority;
use portcullis_testing::servers::samba::{PEOPLE, RANGE, Samba, Standing, name_of};
use portcullis_testing::servers::slapd::Way;
use portcullis_testing::{Stage, case};

/// So many groups that they don't come in one answer.
const MANY: u32 = RANGE + 50;
/// LDAP result codes, which the client ends with: none, `strongerAuthRequired`, `invalidCredentials`.
const SUCCESS: Option<i32> = Some(0);
const STRONGER: Option<i32> = Some(8);
const CREDENTIALS: Option<i32> = Some(49);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, vec![case("directory::answers_as_active_directory_does", answers)])
        .exit_code()
}

/// One domain, one test: it takes a quarter of a minute to make.
fn answers(_: &Stage) -> Result<()> {
    let samba = Samba::start(MANY)?;
    let trusted = samba.ca_file();
    for (name, password, standing) in PEOPLE {
        let expected = if *standing == Standing::Good { SUCCESS } else { CREDENTIALS };
        for way in [Way::StartTls, Way::Ldaps] {
            for named in [format!("{name}@ad.test"), format!("ADTEST\\{name}"), name_of(name)] {
                let right = samba.bind(way, &named, password, &trusted)?;
                ensure!(right.code == expected, "{named}, {way:?}: {right:?}");
            }
            let wrong = samba.bind(way, &name_of(name), "wrong", &trusted)?;
            ensure!(wrong.code == CREDENTIALS, "{name} with a wrong password: {wrong:?}");
        }
        let ticket = samba.kinit(name, password)?;
        ensure!((ticket.code == SUCCESS) == (*standing == Standing::Good), "a ticket for {name}: {ticket:?}");
    }
    let plain = samba.bind(Way::Plain, "ann@ad.test", "Ann-Pass-12", &trusted)?;
    ensure!(plain.code == STRONGER, "in the clear: {plain:?}");
    let stranger = std::path::PathBuf::from("/run/stranger.pem");
    std::fs::write(&stranger, Authority::new("A stranger")?.certificate())?;
    let refused = samba.bind(Way::Ldaps, "ann@ad.test", "Ann-Pass-12", &stranger)?;
    ensure!(refused.code != SUCCESS, "another authority: {refused:?}");

    let lines = |text: &str, start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    let ann = samba.search("(sAMAccountName=ann)", &["memberOf", "objectGUID"])?;
    // Raw bytes: 16 of them, as base64.
    ensure!(
        ann.lines().any(|line| line.strip_prefix("objectGUID:: ").is_some_and(|text| text.len() == 24)),
        "{ann}"
    );
    ensure!(lines(&ann, "memberOf:") == 2, "ann's groups: {ann}");
    let nested = samba.search("(sAMAccountName=nested)", &["memberOf"])?;
    ensure!(lines(&nested, "memberOf:") == 1, "a group in a group is not followed: {nested}");
    let in_chain =
        format!("(&(sAMAccountName=analysts)(member:1.2.840.113556.1.4.1941:={}))", name_of("nested"));
    ensure!(lines(&samba.search(&in_chain, &["cn"])?, "cn: analysts") == 1, "but can be asked for");
    // Asked in general, Samba gives all, where Active Directory gives the first so many; asked for a range, it gives that one.
    let many = samba.search("(sAMAccountName=many)", &["memberOf"])?;
    ensure!(u32::try_from(lines(&many, "memberOf:"))? == MANY, "{} groups in all", lines(&many, "memberOf:"));
    let first = samba.search("(sAMAccountName=many)", &[&format!("memberOf;range=0-{}", RANGE - 1)])?;
    let got = lines(&first, &format!("memberOf;range=0-{}:", RANGE - 1));
    ensure!(
        u32::try_from(got)? == RANGE,
        "{got} groups in the first range: {}",
        &first[..first.len().min(400)]
    );
    let rest = samba.search("(sAMAccountName=many)", &[&format!("memberOf;range={RANGE}-*")])?;
    ensure!(u32::try_from(lines(&rest, &format!("memberOf;range={RANGE}-*:")))? == MANY - RANGE, "{rest}");

    samba.stop()?;
    ensure!(samba.bind(Way::Ldaps, "ann@ad.test", "Ann-Pass-12", &trusted)?.code != SUCCESS, "stopped");
    samba.resume()?;
    ensure!(samba.bind(Way::Ldaps, "ann@ad.test", "Ann-Pass-12", &trusted)?.code == SUCCESS, "back again");
    Ok(())
}

//! slapd: who may bind, by which way, and what is found.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::authority::Authority;
use portcullis_testing::servers::ldif::in_filter;
use portcullis_testing::servers::people::{self, Person, Standing};
use portcullis_testing::servers::slapd::{READER_PASSWORD, Setup, Slapd, Way};
use portcullis_testing::{Stage, case, place};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("servers::slapd::lets_in_whom_it_may_by_every_way", lets_in),
        case("servers::slapd::tells_groups_by_both_ways", groups),
        case("servers::slapd::finds_names_that_look_like_filters", names),
        case("servers::slapd::shows_an_authority_that_is_not_trusted", untrusted),
        case("servers::slapd::the_other_takes_no_password_in_the_clear", encrypted),
        case("servers::slapd::takes_in_people_while_it_runs", online),
        case("servers::slapd::stops_hangs_and_comes_back", comes_back),
    ]
}

/// LDAP result codes, which the client ends with: none, `confidentialityRequired`, `invalidCredentials`.
const SUCCESS: Option<i32> = Some(0);
const CONFIDENTIALITY: Option<i32> = Some(13);
const CREDENTIALS: Option<i32> = Some(49);

fn lets_in(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    for way in [Way::Plain, Way::StartTls, Way::Ldaps] {
        let bind = |name: &str, password: &str| slapd.bind(way, name, password, &slapd.ca_file());
        ensure!(bind(&slapd.reader(), READER_PASSWORD)?.code == SUCCESS, "the reader, {way:?}");
        for person in people::people() {
            let name = slapd.person_name(&person.uid);
            let right = bind(&name, &person.password)?;
            let may = matches!(person.standing, Standing::Good | Standing::Reset);
            let expected = if may { SUCCESS } else { CREDENTIALS };
            ensure!(right.code == expected, "{}, {way:?}: {right:?}", person.uid);
            let wrong = bind(&name, "wrong")?;
            ensure!(wrong.code == CREDENTIALS, "{} with a wrong password, {way:?}: {wrong:?}", person.uid);
        }
    }
    Ok(())
}

fn groups(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let count = |text: &str, start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    let many = slapd.search("(uid=many)", &["memberOf"])?;
    ensure!(count(&many, "memberOf:") == 500, "many is in {} roles", count(&many, "memberOf:"));
    let teams = slapd.search("(&(objectClass=posixGroup)(memberUid=many))", &["cn"])?;
    ensure!(count(&teams, "cn:") == 500, "many is in {} teams", count(&teams, "cn:"));
    let lena = slapd.search("(uid=lena)", &["memberOf"])?;
    ensure!(count(&lena, "memberOf:") == 2, "lena: {lena}");
    let name = slapd.person_name("lena");
    let unique = slapd.search(&format!("(uniqueMember={name})"), &["cn"])?;
    ensure!(count(&unique, "cn: portcullis-users") == 1, "lena's groups by uniqueMember: {unique}");
    let lonely = slapd.search("(uid=lonely)", &["memberOf"])?;
    ensure!(count(&lonely, "dn:") == 1 && count(&lonely, "memberOf") == 0, "lonely: {lonely}");
    Ok(())
}

fn names(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    for person in people::people() {
        let found = slapd.search(&format!("(uid={})", in_filter(&person.uid)), &["uidNumber"])?;
        let numbers: Vec<&str> = found.lines().filter_map(|line| line.strip_prefix("uidNumber: ")).collect();
        ensure!(numbers == [person.number.to_string()], "{}: {found}", person.uid);
    }
    // What the escape is for: without it one name finds everybody.
    let all = slapd.search("(uid=*)", &["uidNumber"])?;
    ensure!(all.lines().filter(|line| line.starts_with("uidNumber:")).count() >= people::people().len());
    Ok(())
}

fn untrusted(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let stranger = std::path::PathBuf::from(format!("/run/stranger-{}.pem", place::next_number()));
    std::fs::write(&stranger, Authority::new("A stranger")?.certificate())?;
    let (name, password) = (slapd.reader(), READER_PASSWORD);
    for way in [Way::StartTls, Way::Ldaps] {
        let refused = slapd.bind(way, &name, password, &stranger)?;
        ensure!(refused.code != SUCCESS, "{way:?} with another authority: {refused:?}");
        ensure!(slapd.bind(way, &name, password, &slapd.ca_file())?.code == SUCCESS, "{way:?} with its own");
    }
    let expired = Authority::new("Directory authority of before")?;
    let setup = Setup { many: 0, certificate: Some(expired.expired()?), ..Setup::default() };
    let old = Slapd::start(&setup)?;
    std::fs::write(&stranger, expired.certificate())?;
    let refused = old.bind(Way::Ldaps, &old.reader(), password, &stranger)?;
    ensure!(refused.code != SUCCESS, "a certificate of 2019: {refused:?}");
    Ok(())
}

fn encrypted(_: &Stage) -> Result<()> {
    let slapd = Slapd::other()?;
    let name = slapd.person_name("lena");
    let bind = |way, password: &str| slapd.bind(way, &name, password, &slapd.ca_file());
    let plain = bind(Way::Plain, "Other-Pass-1")?;
    ensure!(plain.code == CONFIDENTIALITY, "in the clear: {plain:?}");
    ensure!(bind(Way::StartTls, "Other-Pass-1")?.code == SUCCESS, "by StartTLS");
    ensure!(bind(Way::Ldaps, "Other-Pass-1")?.code == SUCCESS, "by ldaps");
    ensure!(bind(Way::Ldaps, "Lena-Pass-1")?.code == CREDENTIALS, "with the first directory's password");
    Ok(())
}

fn online(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let person = Person::new("nina (new)", "Nina", "New", "Nina-Pass-1", 30_900);
    let name = slapd.person(&person)?;
    let bind = |password: &str| slapd.bind(Way::Ldaps, &name, password, &slapd.ca_file());
    ensure!(bind("Nina-Pass-1")?.code == SUCCESS, "a new person");
    let lock = "changetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n";
    slapd.modify(&format!("dn: {name}\n{lock}"))?;
    ensure!(bind("Nina-Pass-1")?.code == CREDENTIALS, "a locked one");
    ensure!(slapd.log().contains("BIND dn=\"uid=nina (new),ou=people"), "its log tells of binds");
    Ok(())
}

fn comes_back(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let bind = || slapd.bind(Way::Plain, &slapd.reader(), READER_PASSWORD, &slapd.ca_file());
    ensure!(bind()?.code == SUCCESS, "at first");
    slapd.stop()?;
    ensure!(bind()?.code != SUCCESS, "stopped");
    slapd.resume()?;
    ensure!(bind()?.code == SUCCESS, "back again");
    slapd.hang()?;
    let connected = std::net::TcpStream::connect(slapd.address()).is_ok();
    slapd.go_on()?;
    ensure!(connected && bind()?.code == SUCCESS, "hung and gone on");
    Ok(())
}

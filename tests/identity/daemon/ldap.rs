//! Directories behind the form: `auth-ldap=1`, a real slapd, accounts of this machine with the same names.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::account::{self, Account};
use portcullis_testing::servers::authority::Authority;
use portcullis_testing::servers::ldif;
use portcullis_testing::servers::people::{Person, Standing};
use portcullis_testing::servers::slapd::{READER_PASSWORD, Setup, Slapd};
use portcullis_testing::{Stage, World, case, place, until};

use super::ask::once;

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::ldap::the_directorys_password_counts_and_the_machines_does_not", passwords),
        case("identity::daemon::ldap::an_account_that_the_machine_locks_stays_out", standings),
        case("identity::daemon::ldap::down_and_back", down),
        case("identity::daemon::ldap::another_authority", authority),
        case("identity::daemon::ldap::names_that_are_none", injection),
        case("identity::daemon::ldap::a_person_in_500_groups", many),
        case("identity::daemon::ldap::duplicate_names_by_account_prefix", duplicates),
        case("identity::daemon::ldap::only_registered_and_permitted", registered),
        case("identity::daemon::ldap::ldap_test_tells_each_step", told),
        case("identity::daemon::ldap::a_password_file_that_others_read_stops_the_start", password_file),
    ]
}

pub(super) const PASSWORD: &str = "Directory-Pass-1";

/// A section for a directory, with the service account's password in a file of its own.
pub(super) fn section(name: &str, slapd: &Slapd, more: &str) -> Result<String> {
    let file = password_of_reader(0o600)?;
    Ok(format!(
        "[{name}]\nserver-address={}\nstart-tls=1\nca-file={}\nbind-dn={}\nbind-password-file={}\n\
         user-search-base=ou=people,{}\nuser-object-class=inetOrgPerson\nusername-attribute=uid\n\
         unique-id-attribute=entryUUID\ngroup-search-base={}\ngroup-name-attribute=cn\n\
         group-filter=(|(objectClass=posixGroup)(objectClass=groupOfNames))\n{more}\n",
        slapd.address(),
        slapd.ca_file().display(),
        slapd.reader(),
        file.display(),
        slapd.suffix(),
        slapd.suffix(),
    ))
}

fn password_of_reader(mode: u32) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = PathBuf::from(format!("/run/reader-password-{}", place::next_number()));
    std::fs::write(&path, READER_PASSWORD)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
    Ok(path)
}

pub(super) fn world(stage: &Stage, sections: &str) -> Result<World> {
    stage.world().conf("portcullis.conf", "auth-ldap=1").file("ldap.conf", sections).start()
}

/// An account of this machine, and the person of that name in the directory; their passwords differ.
pub(super) fn person(world: &World, slapd: &Slapd, standing: Standing) -> Result<Account> {
    let account = world.account("dir")?;
    let mut person = Person::new(&account.name, "Dora", "Directory", PASSWORD, account.uid);
    person.standing = standing;
    slapd.person(&person)?;
    Ok(account)
}

fn comes_in(world: &World, name: &str, password: &str, account: &str) -> Result<()> {
    let before = world.count_audit("sign-in", &[("user", account), ("method", "ldap")])?;
    world.client()?.sign_in(name, password)?;
    let after = world.count_audit("sign-in", &[("user", account), ("method", "ldap")])?;
    ensure!(after == before + 1, "{name} came in, but not as {account}: {:?}", world.audit()?.last());
    Ok(())
}

/// Nobody comes in, for this reason; the browser can't tell which.
fn stays_out(world: &World, name: &str, password: &str, reason: &str) -> Result<()> {
    let before = world.count_audit("sign-in-denied", &[("reason", reason)])?;
    let client = world.client()?;
    let answer = client.try_sign_in(name, password)?;
    ensure!(!client.is_signed_in()?, "{name} was let in");
    ensure!(answer.header("set-cookie").is_none(), "{name} got a cookie");
    let after = world.count_audit("sign-in-denied", &[("reason", reason)])?;
    ensure!(after == before + 1, "{name} is not out for `{reason}`: {:?}", world.audit()?.last());
    Ok(())
}

fn passwords(stage: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let world = world(stage, &section("main", slapd, "")?)?;
    let account = person(&world, slapd, Standing::Good)?;
    comes_in(&world, &account.name, PASSWORD, &account.name)?;
    // However it is typed, it is the one account.
    comes_in(&world, &account.name.to_uppercase(), PASSWORD, &account.name)?;
    stays_out(&world, &account.name, &account.password, "credentials")?;
    // Nothing typed is nothing asked.
    let client = world.client()?;
    client.try_sign_in(&account.name, "")?;
    ensure!(!client.is_signed_in()?, "{} came in without a password", account.name);
    stays_out(&world, "nobody-of-this-name", PASSWORD, "credentials")?;
    // Somebody of this machine whom the directory doesn't know.
    let local = world.account("local")?;
    stays_out(&world, &local.name, &local.password, "credentials")?;
    let made = world.count_audit("account-created", &[("user", &account.name), ("provider", "ldap:main")])?;
    ensure!(made == 1, "{made} accounts were made");
    Ok(())
}

fn standings(stage: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let world = world(stage, &section("main", slapd, "")?)?;
    for standing in [Standing::Locked, Standing::Reset] {
        let account = person(&world, slapd, standing)?;
        stays_out(&world, &account.name, PASSWORD, "account")?;
    }
    // The directory lets them in, this machine doesn't.
    let account = person(&world, slapd, Standing::Good)?;
    account::shadow("chage", &["-E", "0", &account.name])?;
    stays_out(&world, &account.name, PASSWORD, "account")?;
    account::shadow("chage", &["-E", "-1", &account.name])?;
    comes_in(&world, &account.name, PASSWORD, &account.name)?;
    // The directory knows somebody whom this machine doesn't.
    let name = format!("stranger{}", place::next_number());
    slapd.person(&Person::new(&name, "Stan", "Stranger", PASSWORD, 39_000))?;
    let client = world.client()?;
    client.try_sign_in(&name, PASSWORD)?;
    ensure!(!client.is_signed_in()?, "an account that isn't there was let in");
    // Nor does root come in by it.
    static ROOT: Mutex<bool> = Mutex::new(false);
    once(&ROOT, || slapd.person(&Person::new("root", "Roo", "Root", PASSWORD, 39_001)).map(drop))?;
    stays_out(&world, "root", PASSWORD, "not-permitted")
}

fn down(stage: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let world = world(stage, &section("main", &slapd, "operation-timeout-seconds=5\n")?)?;
    let account = person(&world, &slapd, Standing::Good)?;
    let client = world.client()?;
    client.sign_in(&account.name, PASSWORD)?;
    slapd.stop()?;
    stays_out(&world, &account.name, PASSWORD, "system")?;
    ensure!(client.is_signed_in()?, "who is signed in needs no directory");
    slapd.resume()?;
    comes_in(&world, &account.name, PASSWORD, &account.name)?;
    slapd.hang()?;
    let hung = stays_out(&world, &account.name, PASSWORD, "deadline");
    slapd.go_on()?;
    hung?;
    comes_in(&world, &account.name, PASSWORD, &account.name)
}

fn authority(stage: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let path = format!("/run/stranger-{}.pem", place::next_number());
    std::fs::write(&path, Authority::new("A stranger")?.certificate())?;
    let good = section("main", slapd, "")?;
    let ours = format!("ca-file={}\n", slapd.ca_file().display());
    let mut world = world(stage, &good.replace(&ours, &format!("ca-file={path}\n")))?;
    let account = person(&world, slapd, Standing::Good)?;
    stays_out(&world, &account.name, PASSWORD, "system")?;
    std::fs::write(world.config_dir().join("ldap.conf"), &good)?;
    world.reload()?;
    comes_in(&world, &account.name, PASSWORD, &account.name)
}

fn injection(stage: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let world = world(stage, &section("main", &slapd, "")?)?;
    let account = person(&world, &slapd, Standing::Good)?;
    let name = &account.name;
    for typed in [
        "*".to_owned(),
        format!("{name}*"),
        format!("{name})(uid=*"),
        format!("{name})(|(uid=*"),
        format!("{name},ou=people"),
        format!("{name}\\2a"),
        format!("(uid={name})"),
        format!("{name}\0"),
        format!("../{name}"),
    ] {
        let client = world.client()?;
        client.try_sign_in(&typed, PASSWORD)?;
        ensure!(!client.is_signed_in()?, "{typed} was let in");
    }
    let asked = slapd.log();
    for part in ["(uid=*", ")(uid=*", "(|(uid=*"] {
        ensure!(!asked.contains(part), "the directory was asked `{part}`: {asked}");
    }
    comes_in(&world, name, PASSWORD, name)
}

fn many(stage: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let world = world(stage, &section("main", &slapd, "permitted-login-group=big499\n")?)?;
    let account = person(&world, &slapd, Standing::Good)?;
    let member = slapd.person_name(&account.name);
    let group = |at: u32| {
        let name = format!("big{at}");
        let dn = format!("cn={name},ou=roles,{}", slapd.suffix());
        ldif::entry(&dn, &[("objectClass", "groupOfNames"), ("cn", &name), ("member", &member)])
    };
    slapd.add(&(0..500).map(group).collect::<String>())?;
    comes_in(&world, &account.name, PASSWORD, &account.name)
}

fn duplicates(stage: &Stage) -> Result<()> {
    let main = Slapd::shared()?;
    let setup = Setup { suffix: "dc=second,dc=test".into(), many: 0, ..Setup::default() };
    let second = Slapd::start(&setup)?;
    let sections =
        format!("{}{}", section("main", main, "")?, section("second", &second, "account-prefix=ext-")?);
    let world = world(stage, &sections)?;
    let account = person(&world, main, Standing::Good)?;
    let name = &account.name;
    second.person(&Person::new(name, "Dora", "Double", "Second-Pass-1", 39_100))?;
    comes_in(&world, name, PASSWORD, name)?;
    // There is no such account on this machine yet.
    let client = world.client()?;
    client.try_sign_in(name, "Second-Pass-1")?;
    ensure!(!client.is_signed_in()?);
    let prefixed = format!("ext-{name}");
    account::shadow("useradd", &["--create-home", &prefixed])?;
    comes_in(&world, name, "Second-Pass-1", &prefixed)?;
    comes_in(&world, name, PASSWORD, name)?;
    stays_out(&world, name, "neither", "credentials")?;
    // Without the prefix both would be one account: the second one is refused, whoever was first.
    let other = person(&world, &second, Standing::Good)?;
    let shared = format!("ext-{}", other.name);
    account::shadow("useradd", &["--create-home", &shared])?;
    main.person(&Person::new(&shared, "Eve", "Else", "Else-Pass-1", 39_101))?;
    comes_in(&world, &shared, "Else-Pass-1", &shared)?;
    stays_out(&world, &other.name, PASSWORD, "not-permitted")
}

fn registered(stage: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let rules = "register-on-first-login=0\npermitted-login-group=devs\n";
    let world = world(stage, &section("main", slapd, rules)?)?;
    let account = person(&world, slapd, Standing::Good)?;
    stays_out(&world, &account.name, PASSWORD, "not-permitted")?;
    slapd.modify(&format!(
        "dn: cn=devs,ou=groups,{}\nchangetype: modify\nadd: memberUid\nmemberUid: {}\n",
        slapd.suffix(),
        account.name
    ))?;
    // Permitted, and still without an account.
    stays_out(&world, &account.name, PASSWORD, "not-permitted")
}

fn test(world: &World, user: &str, password: &str, more: &[&str]) -> Result<Output> {
    let file = PathBuf::from(format!("/run/typed-{}", place::next_number()));
    std::fs::write(&file, format!("{password}\n"))?;
    // A few of them a second are answered.
    until::some("the daemon tries the directories", 20, || {
        let mut command = Command::new(place::program("portcullis"));
        command.args(["ldap", "test", user, "--password-file"]).arg(&file).args(more);
        let output =
            command.arg("--run-dir").arg(world.run_dir()).output().context("cannot run portcullis")?;
        let too_many = String::from_utf8_lossy(&output.stderr).contains("such requests a second");
        Ok((!too_many).then_some(output))
    })
}

fn told(stage: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let mut world = world(stage, &section("main", slapd, "permitted-login-group=analysts\nlogging=1\n")?)?;
    let text = |output: &Output| {
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
    };
    let good = test(&world, "lena", "Lena-Pass-1", &[])?;
    let said = text(&good);
    for wanted in [
        "ldap `main` at 127.0.0.1:",
        "StartTLS: certificate of `localhost`",
        "(&(objectClass=inetOrgPerson)(uid=lena))",
        "bind as the person, `uid=lena,ou=people,dc=example,dc=test`",
        "group `analysts`",
        "permitted-login-group analysts: yes",
        "Unix account: `lena`",
        "role of an account that is not the first: viewer, because default",
    ] {
        ensure!(said.contains(wanted), "`{wanted}` is not in\n{said}");
    }
    ensure!(good.status.code() == Some(0), "{said}");
    for (user, password, reason) in [
        ("lena", "wrong", "(credentials)"),
        ("locked", "Locked-Pass-1", "(locked)"),
        ("lonely", "Lonely-Pass-1", "(not-permitted)"),
        ("lena)(uid=*", "Lena-Pass-1", "(credentials)"),
        ("", "Lena-Pass-1", "(bad-name)"),
    ] {
        let output = test(&world, user, password, &[])?;
        let said = text(&output);
        ensure!(output.status.code() == Some(1) && said.contains(reason), "{user}: {said}");
        ensure!(!said.contains("-Pass-1"), "a password was told: {said}");
    }
    let json = test(&world, "lena", "Lena-Pass-1", &["--json"])?;
    let json: serde_json::Value = serde_json::from_slice(&json.stdout)?;
    ensure!(json["proven"] == true && json["found"]["provider"] == "ldap:main", "{json}");
    // Nobody was signed in by it, and nobody was made.
    for event in ["sign-in", "sign-in-denied", "account-created"] {
        ensure!(world.count_audit(event, &[])? == 0, "`{event}` was recorded");
    }
    std::fs::write(world.config_dir().join("ldap.conf"), "")?;
    world.set("portcullis.conf", "auth-ldap=0")?;
    world.reload()?;
    let off = test(&world, "lena", "Lena-Pass-1", &[])?;
    ensure!(off.status.code() != Some(0) && text(&off).contains("auth-ldap"), "{}", text(&off));
    Ok(())
}

fn password_file(stage: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let good = section("main", slapd, "")?;
    let line =
        good.lines().find(|line| line.starts_with("bind-password-file=")).context("a line")?.to_owned();
    let open = password_of_reader(0o644)?;
    let sections = good.replace(&line, &format!("bind-password-file={}", open.display()));
    let (status, log) =
        stage.world().conf("portcullis.conf", "auth-ldap=1").file("ldap.conf", &sections).start_in_vain()?;
    ensure!(
        !status.success() && log.contains("bind-password-file") && log.contains("0600"),
        "{status}: {log}"
    );
    Ok(())
}

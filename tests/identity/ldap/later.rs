//! After the sign-in: what a directory says of a person later, and what was told.

use anyhow::{Result, ensure};
use portcullis_model::account::UniqueId;
use portcullis_model::proof::{Failure, Step};
use portcullis_testing::Stage;
use portcullis_testing::servers::people::Person;
use portcullis_testing::servers::slapd::{Setup, Slapd, Way};

use super::method::{Conf, groups, text, way};

fn change(slapd: &Slapd, dn: &str, lines: &str) -> Result<()> {
    slapd.modify(&format!("dn: {dn}\nchangetype: modify\n{lines}\n"))
}

pub(super) fn members(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let conf = Conf::usual(&slapd, &groups(&slapd));
    let id = conf.prove("lena", "Lena-Pass-1")?.proven()?.unique;
    let names = |id: &UniqueId| -> Result<Vec<String>> {
        Ok(conf.members("main", id)??.groups.into_iter().map(|group| group.name).collect())
    };
    ensure!(names(&id)?.len() == 4);
    change(&slapd, &format!("cn=devs,ou=groups,{}", slapd.suffix()), "delete: memberUid\nmemberUid: lena")?;
    let now = names(&id)?;
    ensure!(now.len() == 3 && !now.contains(&"devs".to_owned()), "{now:?}");
    // Permitted no more: an answer, not a fault.
    let only = Conf::usual(&slapd, &format!("{}permitted-login-group=devs\n", groups(&slapd)));
    ensure!(only.members("main", &id)?.err() == Some(Failure::NotPermitted));
    slapd.modify(&format!("dn: {}\nchangetype: delete\n", slapd.person_name("lena")))?;
    ensure!(conf.members("main", &id)?.err() == Some(Failure::Gone));
    // A directory that is down says nothing about anybody.
    slapd.stop()?;
    ensure!(conf.members("main", &id)?.err() == Some(Failure::Unreachable));
    let section = conf.members("gone", &id)?.err();
    ensure!(matches!(section, Some(Failure::Configuration(_))), "{section:?}");
    // Nobody can be asked with a person's own rights when the person isn't there.
    let single = Conf::default().section("main", &slapd, &way(&slapd, Way::StartTls));
    slapd.resume()?;
    ensure!(single.members("main", &id)?.err() == Some(Failure::Unsupported));
    Ok(())
}

pub(super) fn unique(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let conf = Conf::usual(&slapd, "");
    let by_dn = conf.clone().with("unique-id-attribute", "DN");
    let (id, dn_id) = (
        conf.prove("lonely", "Lonely-Pass-1")?.proven()?.unique,
        by_dn.prove("LONELY", "Lonely-Pass-1")?.proven()?.unique,
    );
    let normal = format!("uid=lonely,ou=people,{}", slapd.suffix());
    ensure!(dn_id.as_bytes() == normal.as_bytes(), "{dn_id}");
    ensure!(by_dn.members("main", &dn_id)??.user == "lonely");
    slapd.modify(&format!("dn: {normal}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n"))?;
    // The id stays, the name is the new one.
    let proven = conf.prove("renamed", "Lonely-Pass-1")?.proven()?;
    ensure!(proven.unique == id && proven.user == "renamed", "{proven:?}");
    ensure!(conf.members("main", &id)??.user == "renamed");
    // By DN it is somebody else.
    ensure!(by_dn.prove("renamed", "Lonely-Pass-1")?.proven()?.unique != dn_id);
    ensure!(by_dn.members("main", &dn_id)?.err() == Some(Failure::Gone));
    // An entry without the attribute that names it is nobody.
    let without = conf.with("unique-id-attribute", "employeeNumber");
    let failure = without.prove("lena", "Lena-Pass-1")?.refused()?;
    ensure!(failure.word() == "configuration", "{failure}");
    // Bytes that are no text.
    let name = slapd.person(&Person::new("binary", "Bina", "Ry", "Binary-Pass-1", 30_300))?;
    change(&slapd, &name, "add: jpegPhoto\njpegPhoto:: /wD+KCopXA==")?;
    let photo = without.with("unique-id-attribute", "jpegPhoto");
    let proven = photo.prove("binary", "Binary-Pass-1")?.proven()?;
    ensure!(proven.unique.to_string() == "/wD+KCopXA==", "{}", proven.unique);
    Ok(())
}

pub(super) fn locked(_: &Stage) -> Result<()> {
    let slapd = Slapd::start(&Setup { many: 0, ..Setup::default() })?;
    let conf = Conf::usual(&slapd, "");
    let id = conf.prove("lena", "Lena-Pass-1")?.proven()?.unique;
    conf.members("main", &id)??;
    let dn = slapd.person_name("lena");
    change(&slapd, &dn, "add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z")?;
    ensure!(conf.members("main", &id)?.err() == Some(Failure::Locked));
    ensure!(conf.prove("lena", "Lena-Pass-1")?.refused()? == Failure::Locked);
    change(&slapd, &dn, "delete: pwdAccountLockedTime")?;
    conf.members("main", &id)??;
    conf.prove("lena", "Lena-Pass-1")?.proven()?;
    Ok(())
}

/// Everything that happened is told, and no password is in it: neither right nor wrong ones, nor the service account's.
pub(super) fn told(_: &Stage) -> Result<()> {
    let slapd = Slapd::shared()?;
    let rules = "permitted-login-group=devs\nlogging=1\n";
    let conf = Conf::usual(slapd, &format!("{}{rules}", groups(slapd)));
    let outcome = conf.prove("lena", "Lena-Pass-1")?;
    let read = text(&outcome.steps);
    for wanted in [
        "ldap `main` at 127.0.0.1:",
        "StartTLS: certificate of `localhost`, issued by `Directory authority`",
        "bind as the service account `cn=reader,ou=services,dc=example,dc=test`",
        "search for user below `ou=people,dc=example,dc=test`: (&(objectClass=inetOrgPerson)(uid=lena))",
        "bind as the person, `uid=lena,ou=people,dc=example,dc=test`",
        "(memberUid=lena)",
        "group `devs`",
        "permitted-login-group devs: yes",
        "proven: `lena` of ldap:main",
    ] {
        ensure!(read.contains(wanted), "`{wanted}` is not in\n{read}");
    }
    for (user, password) in [("lena", "Lena-Pass-1"), ("lena", "Wrong-Pass-1"), ("x*)(y", "Lena-Pass-1")] {
        let outcome = conf.prove(user, password)?;
        let all = format!("{}{:?}", text(&outcome.steps), outcome);
        ensure!(!all.contains("-Pass-1"), "a password was told:\n{all}");
        ensure!(outcome.count(|step| matches!(step, Step::Proven { .. } | Step::Failed { .. })) == 1);
    }
    let escaped = text(&conf.prove("x*)(y", "Lena-Pass-1")?.steps);
    ensure!(escaped.contains("(uid=x\\2a\\29\\28y)"), "{escaped}");
    Ok(())
}

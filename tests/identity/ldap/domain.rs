//! Active Directory, as Samba is it: one domain for all that is special about it, because it takes its time to be made.

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_model::proof::{Failure, Step};
use portcullis_testing::Stage;
use portcullis_testing::servers::ldif;
use portcullis_testing::servers::samba::{self, PEOPLE, SUFFIX, Samba, Standing};

use super::method::Conf;

/// Groups of `many`; a few pages would be the same as in slapd.
const MANY: u32 = 40;

/// The ports are the ones that a section without a port takes.
fn conf(samba: &Samba, more: &str) -> Result<Conf> {
    let lines = format!(
        "server-address=127.0.0.1\nuser-search-base=CN=Users,{SUFFIX}\n\
         user-filter=(&(objectClass=user)(!(objectClass=computer)))\nusername-attribute=sAMAccountName\n\
         unique-id-attribute=objectGUID\ngroup-search-base={SUFFIX}\ngroup-object-class=group\n\
         group-name-attribute=cn\ngroup-unique-id-attribute=objectGUID\n{more}"
    );
    let authority = std::fs::read(samba.ca_file())?;
    Ok(Conf::raw("corp", &lines)
        .file("corp/ca-file", &authority)
        .file("corp/bind-password-file", b"Reader-Pass-12"))
}

const READER: &str = "ca-file=/given\nbind-dn=reader@ad.test\nbind-password-file=/given\n";

pub(super) fn all(_: &Stage) -> Result<()> {
    let samba = Samba::start(MANY)?;
    standings(&samba)?;
    groups(&samba)?;
    single(&samba)?;
    principals(&samba)?;
    later(&samba)
}

fn standings(samba: &Samba) -> Result<()> {
    for tls in ["tls=1\n", "start-tls=1\n"] {
        let conf = conf(samba, &format!("{tls}{READER}"))?;
        for (name, password, standing) in PEOPLE {
            let outcome = conf.prove(name, password)?;
            let wanted = match standing {
                Standing::Good => {
                    let proven = outcome.proven()?;
                    ensure!(proven.user == *name && proven.unique.as_bytes().len() == 16, "{proven:?}");
                    None
                }
                Standing::Disabled => Some((Failure::Locked, outcome)),
                Standing::Expired | Standing::MustChange => Some((Failure::Expired, outcome)),
            };
            if let Some((wanted, outcome)) = wanted {
                let failure = outcome.refused()?;
                ensure!(failure == wanted, "{name}: {failure}");
            }
            let failure = conf.prove(name, "Wrong-Pass-12")?.refused()?;
            // A domain says of some accounts that they are out whatever the password is.
            ensure!(failure == Failure::Credentials || *standing != Standing::Good, "{name}: {failure}");
        }
        ensure!(conf.prove("ANN", "Ann-Pass-12")?.proven()?.user == "ann");
        ensure!(conf.prove("nobody", "Ann-Pass-12")?.refused()? == Failure::Credentials);
    }
    // Without TLS it takes no password, and that is our configuration's fault.
    let plain = conf(samba, &format!("insecure=1\n{READER}").replace("ca-file=/given\n", ""))?;
    let failure = plain.prove("ann", "Ann-Pass-12")?.refused()?;
    ensure!(failure.word() == "configuration", "{failure}");
    Ok(())
}

fn groups(samba: &Samba) -> Result<()> {
    for by in ["", "group-membership=member-of\n"] {
        let conf = conf(samba, &format!("start-tls=1\n{READER}{by}"))?;
        let names = |user: &str, password: &str| -> Result<Vec<String>> {
            Ok(conf.prove(user, password)?.proven()?.groups.into_iter().map(|group| group.name).collect())
        };
        let ann = names("ann", "Ann-Pass-12")?;
        ensure!(ann == ["Größe", "analysts"] || ann == ["analysts", "Größe"], "{by}{ann:?}");
        // Groups in groups are not followed.
        ensure!(names("nested", "Nested-Pass-12")? == ["inner"], "{by}");
        ensure!(names("many", "Many-Pass-12")?.len() == usize::try_from(MANY)?, "{by}");
        let permitted = conf.clone().with("permitted-login-group", &samba::name_of("analysts"));
        permitted.prove("ann", "Ann-Pass-12")?.proven()?;
        ensure!(permitted.prove("nested", "Nested-Pass-12")?.refused()? == Failure::NotPermitted, "{by}");
    }
    Ok(())
}

fn single(samba: &Samba) -> Result<()> {
    let people = format!("CN={{user}},CN=Users,{SUFFIX}");
    for template in ["{user}@ad.test", "ADTEST\\{user}", &people] {
        let conf = conf(samba, &format!("tls=1\nca-file=/given\nuser-dn-template={template}\n"))?;
        for (name, password) in [("ann", "Ann-Pass-12"), ("jürgen", "Jürgen-Paß-12")] {
            let proven = conf.prove(name, password)?.proven()?;
            ensure!(proven.user == name, "{template}: {proven:?}");
            ensure!(conf.prove(name, "wrong")?.refused()? == Failure::Credentials, "{template}: {name}");
        }
        ensure!(conf.prove("disabled", "Disabled-Pass-12")?.refused()? == Failure::Locked, "{template}");
        ensure!(conf.prove("renewed", "Renewed-Pass-12")?.refused()? == Failure::Expired, "{template}");
        ensure!(!conf.prove("ann", "Ann-Pass-12")?.proven()?.groups.is_empty(), "{template}");
    }
    // The name brings no domain of its own.
    let conf = conf(samba, "tls=1\nca-file=/given\nuser-dn-template={user}@ad.test\n")?;
    for name in ["ann@ad.test", "ADTEST\\ann", "x@ad.test,ann"] {
        let outcome = conf.prove(name, "Ann-Pass-12")?;
        ensure!(outcome.count(|step| matches!(step, Step::Bind { .. })) == 0, "{name}");
        ensure!(outcome.refused()? == Failure::BadName, "{name}");
    }
    Ok(())
}

/// `eve` has another principal than her name: whoever is bound is named as the directory names them, not as was typed.
fn principals(samba: &Samba) -> Result<()> {
    let secret: Vec<u8> = "\"Eve-Pass-12\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut entry = ldif::entry(
        &samba::name_of("eve"),
        &[
            ("objectClass", "user"),
            ("sAMAccountName", "eve"),
            ("userPrincipalName", "carl@ad.test"),
            ("userAccountControl", "512"),
        ],
    );
    entry.pop();
    samba.add(&format!("{entry}unicodePwd:: {}\n\n", STANDARD.encode(secret)))?;
    let own = conf(samba, "tls=1\nca-file=/given\nuser-dn-template={user}@ad.test\n")?;
    let proven = own.prove("carl", "Eve-Pass-12")?.proven()?;
    ensure!(proven.user == "eve", "{proven:?}");
    ensure!(own.prove("ann", "Eve-Pass-12")?.refused()? == Failure::Credentials);
    // Somebody who is not searched for has a principal with ann's name in it: whoever is bound by it is not ann.
    let place = format!("OU=elsewhere,{SUFFIX}");
    samba.add(&ldif::entry(&place, &[("objectClass", "organizationalUnit"), ("ou", "elsewhere")]))?;
    let secret: Vec<u8> = "\"Zoe-Pass-12\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut entry = ldif::entry(
        &format!("CN=zoe,{place}"),
        &[
            ("objectClass", "user"),
            ("sAMAccountName", "zoe"),
            ("userPrincipalName", "ann@corp.example"),
            ("userAccountControl", "512"),
        ],
    );
    entry.pop();
    samba.add(&format!("{entry}unicodePwd:: {}\n\n", STANDARD.encode(secret)))?;
    let other = conf(samba, "tls=1\nca-file=/given\nuser-dn-template={user}@corp.example\n")?;
    let outcome = other.prove("ann", "Zoe-Pass-12")?;
    let bound = outcome.count(|step| matches!(step, Step::Bind { .. }));
    ensure!(outcome.refused()? == Failure::Credentials, "zoe's password let somebody in as ann");
    ensure!(bound == 2, "{bound} binds: the second is ann's own, which fails");
    Ok(())
}

fn later(samba: &Samba) -> Result<()> {
    let conf = conf(samba, &format!("start-tls=1\n{READER}"))?;
    let id = conf.prove("ann", "Ann-Pass-12")?.proven()?.unique;
    ensure!(conf.members("corp", &id)??.groups.len() == 2);
    let change =
        |what: &str| samba.modify(&format!("dn: {}\nchangetype: modify\n{what}\n", samba::name_of("ann")));
    change("replace: userAccountControl\nuserAccountControl: 514")?;
    ensure!(conf.members("corp", &id)?.err() == Some(Failure::Locked));
    change("replace: userAccountControl\nuserAccountControl: 512")?;
    ensure!(conf.members("corp", &id)??.user == "ann");
    change("replace: sAMAccountName\nsAMAccountName: anna")?;
    ensure!(conf.members("corp", &id)??.user == "anna", "a rename arrives");
    ensure!(conf.prove("anna", "Ann-Pass-12")?.proven()?.unique == id);
    samba.stop()?;
    ensure!(conf.members("corp", &id)?.err() == Some(Failure::Unreachable));
    Ok(())
}

//! Which files a door may name while directories are restricted: those below the home, whatever they are called there.

use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::Result;
use portcullis_model::session::Ide;
use portcullis_policy::{Adapters, Door, naming};

use crate::person::Person;
use crate::table::{Knock, Rule, named};

/// A file of the person's, below the home.
pub(crate) const INSIDE: &str = "inside/file.txt";
/// A file behind a link that leads out of it.
pub(crate) const AWAY: &str = "away/passwd";
/// The link in other spellings of an address.
const IN_ADDRESSES: [&str; 7] =
    ["%61way", "aw%61y", "aw%61%79", "./away", "inside/../away", "inside/%2e%2e/away", "/away"];
/// The same in JSON.
const IN_BODIES: [&str; 5] = ["\\u0061way", "aw\\u0061y", "./away", "inside/../away", "/away"];

/// What lies in and beside a home.
pub(crate) fn furnish(home: &Path) -> Result<()> {
    // Owned by root: whatever an IDE does with it, it stays.
    std::fs::create_dir(home.join("inside"))?;
    std::fs::write(home.join(INSIDE), "inside\n")?;
    symlink("/etc", home.join("away"))?;
    let neighbour = format!("{}x", home.display());
    std::fs::create_dir(&neighbour)?;
    std::fs::write(format!("{neighbour}/file.txt"), "beside\n")?;
    Ok(())
}

/// Names of files outside of a home, beside the link: of links, parents, neighbours, and of what programs take for a path.
pub(crate) fn outside(ide: Ide, home: &Path) -> Vec<String> {
    let home = home.display();
    let names: &[&str] = match ide {
        Ide::Jupyter => &["away", "..", "../../etc/passwd", "inside/../../x", "away/../passwd"],
        _ => &[
            "/etc/passwd",
            "//etc/passwd",
            "/etc/../etc/passwd",
            "/proc/self/root/etc/passwd",
            "~root/x",
            "HOME/away",
            "HOMEx/file.txt",
            "HOME/../root/x",
            "HOME/inside/../../../etc/passwd",
        ],
    };
    names.iter().map(|name| name.replace("HOME", &home.to_string())).collect()
}

/// Every door that names a file, with files inside and outside; `open` is somebody who may see all.
pub(crate) fn all(
    adapters: &Adapters,
    ide: Ide,
    rule: &Rule,
    shut: &mut Person<'_>,
    open: &mut Person<'_>,
) -> Result<()> {
    let doors = |file: &str| {
        let doors = naming(adapters, ide, file).into_iter();
        doors.map(|door| Knock::of(adapters, ide, door)).collect::<Vec<_>>()
    };
    let home = shut.opened.home.clone();
    for knock in doors(&named(ide, &home, INSIDE)) {
        let passes = !knock.is_shut_by(rule);
        both(shut, &knock, rule, ["file inside, HTTP/1.1", "file inside, HTTP/2"], passes)?;
    }
    for knock in doors(&named(ide, &home, AWAY)) {
        if knock.door.path.starts_with("/rpc/") {
            // Calls are found by their address in one spelling only, as every flag shows; the file stands in the body.
            both(shut, &knock, rule, ["file outside, HTTP/1.1", "file outside, HTTP/2"], false)?;
        } else {
            shut.knock(&knock, rule, false)?;
        }
        for spelt in respelt(&knock.door) {
            let knock = Knock::of(adapters, ide, spelt);
            both(shut, &knock, rule, ["file respelt, HTTP/1.1", "file respelt, HTTP/2"], false)?;
        }
    }
    for name in outside(ide, &home) {
        for knock in doors(&name) {
            both(shut, &knock, rule, ["file outside, HTTP/1.1", "file outside, HTTP/2"], false)?;
        }
    }
    for knock in doors(&named(ide, &open.opened.home, AWAY)) {
        both(open, &knock, rule, ["file outside, HTTP/1.1", "file outside, HTTP/2"], true)?;
    }
    Ok(())
}

fn both(
    person: &mut Person<'_>,
    knock: &Knock,
    rule: &Rule,
    kinds: [&'static str; 2],
    open: bool,
) -> Result<()> {
    kinds.into_iter().try_for_each(|kind| person.knock_once(kind, knock, rule, open))
}

/// The same door with its link in other spellings.
fn respelt(door: &Door) -> Vec<Door> {
    let in_address = IN_ADDRESSES.iter().map(|spelt| Door {
        path: door.path.replace("away", spelt),
        query: door.query.as_ref().map(|query| query.replace("away", spelt)),
        ..door.clone()
    });
    let in_body = IN_BODIES.iter().map(|spelt| Door {
        body: door.body.as_ref().map(|body| body.replace("away", spelt)),
        ..door.clone()
    });
    in_address.chain(in_body).filter(|spelt| spelt != door).collect()
}

//! sssd: accounts by NSS and passwords by PAM, both of a directory; with it hung, gone and back.

use anyhow::{Result, ensure};
use portcullis_testing::Stage;
use portcullis_testing::servers::need_pam_module;
use portcullis_testing::servers::slapd::{Setup, Slapd};
use portcullis_testing::servers::sssd::{PAM, Sssd};

use super::{comes_in, is_denied, stays_out};

/// What is typed as a name and is a filter's or a tree's own.
const INJECTIONS: &[&str] = &[
    "*",
    "len*",
    "lena)(uid=*",
    "lena)(|(uid=*",
    "lena,ou=people",
    "lena\\2a",
    "(uid=lena)",
    "lena\0",
    "LENA",
    "lena ",
];

pub(super) fn run(stage: &Stage) -> Result<()> {
    need_pam_module("pam_sss.so")?;
    let slapd = Slapd::start(&Setup::default())?;
    let sssd = Sssd::start(&slapd, "lena")?;
    let world = stage.world().pam(PAM).start()?;
    comes_in(&world, "lena", "Lena-Pass-1")?;
    world.await_audit("sign-in", &[("user", "lena"), ("uid", "30001")], 5)?;
    // In 500 groups.
    comes_in(&world, "many", "Many-Pass-1")?;
    is_denied(&world, "lena", "wrong", "credentials")?;
    is_denied(&world, "nobody-of-this-name", "wrong", "credentials")?;
    stays_out(&world, "locked", "Locked-Pass-1")?;
    stays_out(&world, "expired", "Expired-Pass-1")?;
    let asked = slapd.log();
    for name in INJECTIONS {
        stays_out(&world, name, "Lena-Pass-1")?;
    }
    let asked = slapd.log()[asked.len()..].to_owned();
    // Most are no names, and asked for nowhere. A backslash may stand in one: sssd writes it so that it finds nobody.
    for part in ["(uid=*", "(uid=len*", "(uid=lena)(uid", "(uid=lena)(|", "(uid=lena\\2a"] {
        ensure!(!asked.contains(part), "the directory was asked: {asked}");
    }
    ensure!(asked.contains("(uid=lena\\5C2a)"), "the directory was not asked: {asked}");
    // Without an answer from the directory nobody new comes in. Who was there before is remembered by sssd.
    slapd.hang()?;
    let hung = stays_out(&world, "lonely", "Lonely-Pass-1");
    slapd.go_on()?;
    hung?;
    slapd.stop()?;
    stays_out(&world, "o'neil", "Neil-Pass-1")?;
    comes_in(&world, "lena", "Lena-Pass-1")?;
    is_denied(&world, "lena", "wrong", "credentials")?;
    // Without sssd nobody is known at all.
    sssd.stop()?;
    stays_out(&world, "lena", "Lena-Pass-1")
}

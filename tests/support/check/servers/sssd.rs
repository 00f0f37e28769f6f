//! sssd: accounts and groups of a directory, passwords, and what is left when the directory is gone.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::need_pam_module;
use portcullis_testing::servers::people::Person;
use portcullis_testing::servers::slapd::{Setup, Slapd};
use portcullis_testing::servers::sssd::Sssd;
use portcullis_testing::{Stage, case, until};

/// Longer than anything is remembered.
const SEEN_SECONDS: u64 = 20;

pub(super) fn all() -> Vec<Trial> {
    // One test: a machine has one sssd.
    vec![case("servers::sssd::knows_whom_the_directory_knows_and_remembers_who_was_there", knows)]
}

fn knows(_: &Stage) -> Result<()> {
    need_pam_module("pam_sss.so")?;
    let slapd = Slapd::start(&Setup::default())?;
    let sssd = Sssd::start(&slapd, "lena")?;
    let lena = sssd.passwd("lena")?.unwrap_or_default();
    ensure!(lena.starts_with("lena:*:30001:30001:"), "lena: {lena}");
    ensure!(sssd.passwd("nobody-of-this-name")?.is_none());
    let groups = sssd.groups("many")?;
    let teams = groups.iter().filter(|group| group.starts_with("team")).count();
    ensure!(teams == 500, "many is in {teams} teams");
    for (name, password, may) in
        [("lena", "Lena-Pass-1", true), ("lena", "wrong", false), ("locked", "Locked-Pass-1", false)]
    {
        let ran = sssd.ask_pam(name, password)?;
        ensure!((ran.code == Some(0)) == may, "{name} with {password}: {ran:?}");
    }
    // What changes in the directory is seen.
    let suffix = slapd.suffix();
    slapd.modify(&format!(
        "dn: cn=devs,ou=groups,{suffix}\nchangetype: modify\ndelete: memberUid\nmemberUid: lena\n"
    ))?;
    until::is("lena is no longer in devs", SEEN_SECONDS, || {
        sssd.groups("lena").is_ok_and(|groups| !groups.contains(&"devs".to_owned()))
    })?;
    slapd.person(&Person::new("newt", "Nelly", "Newt", "Newt-Pass-1", 30_901))?;
    until::is("newt is known", SEEN_SECONDS, || sssd.passwd("newt").is_ok_and(|found| found.is_some()))?;
    // The directory is gone: who was there before is remembered, with her password.
    slapd.stop()?;
    ensure!(sssd.ask_pam("lena", "Lena-Pass-1")?.code == Some(0), "lena is remembered");
    ensure!(sssd.ask_pam("lena", "wrong")?.code != Some(0), "and so is her password");
    ensure!(sssd.ask_pam("newt", "Newt-Pass-1")?.code != Some(0), "newt was never there");
    sssd.stop()?;
    ensure!(sssd.passwd("lena")?.is_none(), "without sssd nobody is known");
    Ok(())
}

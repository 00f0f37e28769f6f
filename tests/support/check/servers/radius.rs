//! FreeRADIUS, asked by its own client and through PAM.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::radius::{PEOPLE, Radius};
use portcullis_testing::servers::{need_pam_module, run};
use portcullis_testing::{Stage, account, case};

pub(super) fn all() -> Vec<Trial> {
    vec![case("servers::radius::lets_in_with_the_right_password_alone_by_pam_too", lets_in)]
}

fn lets_in(_: &Stage) -> Result<()> {
    need_pam_module("pam_radius_auth.so")?;
    let radius = Radius::start()?;
    for (name, password) in PEOPLE {
        let right = radius.ask(name, password)?;
        ensure!(right.out.contains("Access-Accept"), "{name}: {right:?}");
        let wrong = radius.ask(name, "wrong")?;
        ensure!(wrong.out.contains("Access-Reject"), "{name} with a wrong password: {wrong:?}");
    }
    let (name, password) = PEOPLE[0];
    account::shadow("useradd", &["--no-create-home", name])?;
    std::fs::write("/etc/pam.d/portcullis-radius", radius.pam())?;
    let by_pam = |password: &str| {
        let mut command = std::process::Command::new("pamtester");
        command.args(["portcullis-radius", name, "authenticate"]);
        run(&mut command, &format!("{password}\n"))
    };
    let right = by_pam(password)?;
    ensure!(right.code == Some(0), "by PAM: {right:?}");
    let wrong = by_pam("wrong")?;
    ensure!(wrong.code != Some(0), "by PAM with a wrong password: {wrong:?}");
    radius.stop()?;
    let gone = by_pam(password)?;
    ensure!(gone.code != Some(0), "by PAM without a server: {gone:?}");
    radius.resume()?;
    ensure!(by_pam(password)?.code == Some(0), "by PAM, back again");
    Ok(())
}

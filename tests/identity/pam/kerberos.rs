//! pam_krb5: the password goes to a KDC, whose answer must be for this machine.

use std::sync::PoisonError;

use anyhow::{Result, ensure};
use portcullis_testing::servers::kerberos::Kdc;
use portcullis_testing::servers::need_pam_module;
use portcullis_testing::{Stage, account};

use super::{comes_in, is_denied, stays_out};

pub(super) fn run(stage: &Stage) -> Result<()> {
    need_pam_module("pam_krb5.so")?;
    let _turn = crate::KERBEROS.lock().unwrap_or_else(PoisonError::into_inner);
    let kdc = Kdc::start("EXAMPLE.TEST")?;
    kdc.install()?;
    let keytab = kdc.keytab("host/localhost")?;
    for name in ["kira", "olga", "egon", "lock", "local"] {
        account::shadow("useradd", &["--no-create-home", name])?;
    }
    let module = format!("pam_krb5.so minimum_uid=1000 keytab={}", keytab.display());
    // The second module of accounts: of somebody who is looked up again without a password the first one says nothing, and a stack in
    // which nobody says anything denies.
    let pam = format!(
        "auth required {module}\naccount required {module}\naccount required pam_permit.so\nsession required pam_permit.so\n"
    );
    let world = stage.world().pam(&pam).start()?;
    comes_in(&world, "kira", "Kira-Pass-1")?;
    is_denied(&world, "kira", "wrong", "credentials")?;
    // Known to the machine, unknown to the realm; and the other way round.
    stays_out(&world, "local", "Kira-Pass-1")?;
    kdc.principal("remote", "Remote-Pass-1")?;
    world.log.expect("the name service knows no account `remote`");
    stays_out(&world, "remote", "Remote-Pass-1")?;
    stays_out(&world, "kira/admin", "Admin-Pass-1")?;
    // The module finds the account of a name with its realm: it is hers.
    world.client()?.sign_in("kira@EXAMPLE.TEST", "Kira-Pass-1")?;
    ensure!(world.count_audit("sign-in", &[("user", "kira")])? == 2, "kira by her whole name");
    stays_out(&world, "kira@OTHER.TEST", "Kira-Pass-1")?;
    for (name, password) in [("egon", "Egon-Pass-1"), ("lock", "Lock-Pass-1"), ("olga", "Olga-Pass-1")] {
        stays_out(&world, name, password)?;
    }
    kdc.stop()?;
    stays_out(&world, "kira", "Kira-Pass-1")?;
    kdc.resume()?;
    comes_in(&world, "kira", "Kira-Pass-1")?;
    // A realm of the same name that somebody else runs knows the password, but not this machine's key.
    kdc.stop()?;
    let other = Kdc::start("EXAMPLE.TEST")?;
    other.keytab("host/localhost")?;
    other.install()?;
    stays_out(&world, "kira", "Kira-Pass-1")
}

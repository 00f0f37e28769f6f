//! pam_radius_auth: the password goes to a RADIUS server, which may not be there.

use anyhow::Result;
use portcullis_testing::servers::need_pam_module;
use portcullis_testing::servers::radius::Radius;
use portcullis_testing::{Stage, account};

use super::{comes_in, is_denied, stays_out};

pub(super) fn run(stage: &Stage) -> Result<()> {
    need_pam_module("pam_radius_auth.so")?;
    let radius = Radius::start()?;
    account::shadow("useradd", &["--no-create-home", "rada"])?;
    let gone = "2020-01-01";
    account::shadow("useradd", &["--no-create-home", "--expiredate", gone, "rudi"])?;
    let world = stage.world().pam(&radius.pam()).start()?;
    comes_in(&world, "rada", "Rada-Pass-1")?;
    is_denied(&world, "rada", "wrong", "credentials")?;
    // The server lets him in, the machine doesn't.
    is_denied(&world, "rudi", "Rudi-Pass-1", "account")?;
    radius.stop()?;
    stays_out(&world, "rada", "Rada-Pass-1")?;
    radius.resume()?;
    comes_in(&world, "rada", "Rada-Pass-1")
}

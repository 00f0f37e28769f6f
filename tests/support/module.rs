//! The PAM module of the tests (`pam/pam_portcullis_test.c`), compiled once per run.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Result, bail};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pam/pam_portcullis_test.c");
const OBJECT: &str = "/run/pam_portcullis_test.so";

/// Its path, for a PAM service file.
///
/// # Errors
/// What the compiler said.
pub fn path() -> Result<String> {
    static COMPILED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| {
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-o", OBJECT, SOURCE, "-lpam"])
            .output();
        match output {
            Ok(output) if output.status.success() => Ok(OBJECT.into()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    });
    match compiled {
        Ok(path) => Ok(path.display().to_string()),
        Err(why) => bail!("cannot compile the tests' PAM module: {why}"),
    }
}

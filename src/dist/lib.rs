//! Packages: what is in them, and how a `.deb` and an `.rpm` are written.
//!
//! Both are written here, in some hundreds of lines, so that they can be made on any machine and come out the same, byte by byte,
//! from the same programs and the same time. What a package holds is one list ([`contents`]); nothing is built, run or installed
//! here. Called by `cargo xtask dist` and by the tests that install a package on a real systemd.
#![forbid(unsafe_code)]

mod archive;
pub mod contents;
pub mod deb;
pub mod elf;
pub mod rpm;
mod texts;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

pub use self::contents::{Contents, Entry, Family};

/// What to make packages from.
#[derive(Debug, Clone)]
pub struct Order {
    /// The project's folder.
    pub root: PathBuf,
    /// Where the four programs are, stripped.
    pub programs: PathBuf,
    /// Version of the package.
    pub version: String,
    /// Seconds since 1970 that everything in it carries as its time (`SOURCE_DATE_EPOCH`).
    pub epoch: u64,
    /// How hard to compress, 1 to 9.
    pub effort: u32,
}

/// A package that was written.
#[derive(Debug, Clone)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Writes the package for this family of distributions into a folder.
///
/// # Errors
/// When a file can't be read or written, or a program is none.
pub fn make(order: &Order, family: Family, folder: &Path) -> Result<Made> {
    let contents = Contents::of(order, family)?;
    let (name, bytes) = match family {
        Family::Debian => deb::write(order, &contents)?,
        Family::RedHat => rpm::write(order, &contents)?,
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let path = folder.join(name);
    fs::write(&path, &bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Made { path, bytes: bytes.len(), sha256: sha256(&bytes) })
}

/// The SHA-256 of these bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;

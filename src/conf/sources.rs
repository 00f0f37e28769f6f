//! The files as texts: the only part that reads the disk.
//!
//! Called by the launcher and by the administrator's command; the server gets the texts from the launcher.

use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::ini;
use crate::option::FileKind;

/// Largest file that is read, in bytes: a hundred times what people write.
pub const FILE_MAX: u64 = 1024 * 1024;

/// How the name of the file begins that answers `/health-check`.
pub(crate) const HEALTH_CHECK: &str = "health-check";

/// A file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfText {
    /// Name below the configuration directory.
    pub name: String,
    /// Its text. Bytes that are not UTF-8 stand as U+FFFD, which [`crate::load()`] answers with a problem.
    pub text: String,
}

/// What a configuration consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The configuration directory, for messages.
    pub dir: PathBuf,
    /// The files that exist and are read.
    pub files: Vec<ConfText>,
    /// Names of other files in the directory: known ones are answered with what their absence means.
    pub others: Vec<String>,
    /// Names of files that may hold a password and that others than root can read.
    pub exposed: Vec<String>,
    /// Names of files that may hold a password and that whoever reads here may not.
    pub withheld: Vec<String>,
}

/// Why the files can't be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The directory was named and is not there, or can't be listed.
    #[error("cannot list `{}`", path.display())]
    List {
        /// Which directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file can't be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is larger than [`FILE_MAX`].
    #[error("`{}` is larger than {FILE_MAX} bytes", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// A name stands for something else than a file.
    #[error("`{}` is not a file", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
}

impl Sources {
    /// Texts that somebody else read.
    pub fn new(dir: impl Into<PathBuf>, files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(name, text)| ConfText { name, text }).collect();
        Self { dir: dir.into(), files, ..Self::default() }
    }

    /// Reads all known files of a directory. A directory that doesn't exist is an empty configuration.
    ///
    /// `login.html` is read from where `auth-login-page-html` says.
    ///
    /// # Errors
    /// [`ReadError`] names the file or directory.
    pub fn read(dir: &Path) -> Result<Self, ReadError> {
        let mut sources = Self { dir: dir.to_owned(), ..Self::default() };
        for kind in FileKind::ALL {
            let path = match (kind, sources.login_page()) {
                (FileKind::LoginHtml, Some(path)) => path,
                _ => dir.join(kind.name()),
            };
            let name = || kind.name().to_owned();
            match read_text(&path) {
                Ok(Some(text)) => sources.files.push(ConfText { name: name(), text }),
                Ok(None) => continue,
                // Whoever checks the other files need not be root.
                Err(ReadError::Read { source, .. })
                    if kind == FileKind::Database && source.kind() == io::ErrorKind::PermissionDenied =>
                {
                    sources.withheld.push(name());
                }
                Err(error) => return Err(error),
            }
            if kind == FileKind::Database && is_exposed(&path) {
                sources.exposed.push(name());
            }
        }
        sources.others = other_names(dir)?;
        // The first by name, as RStudio Workbench takes it.
        let health = |name: &&String| name.starts_with(HEALTH_CHECK) && dir.join(name).is_file();
        if let Some(name) = sources.others.iter().find(health).cloned() {
            if let Some(text) = read_text(&dir.join(&name))? {
                sources.files.push(ConfText { name, text });
            }
        }
        Ok(sources)
    }

    /// A file's text, when it exists.
    pub fn text(&self, kind: FileKind) -> Option<&str> {
        self.files.iter().find(|file| file.name == kind.name()).map(|file| file.text.as_str())
    }

    /// The file that answers `/health-check` in other words, when there is one.
    pub fn health_check(&self) -> Option<&ConfText> {
        self.files.iter().find(|file| file.name.starts_with(HEALTH_CHECK))
    }

    fn login_page(&self) -> Option<PathBuf> {
        let said =
            ini::lines(self.text(FileKind::Rserver)?).into_iter().rev().find_map(|line| match line.item {
                ini::Item::Pair { key, value } if key == "auth-login-page-html" => Some(value),
                _ => None,
            })?;
        said.starts_with('/').then(|| PathBuf::from(said))
    }
}

/// The configuration directory: `RSTUDIO_CONFIG_DIR`, else the first of `XDG_CONFIG_DIRS` that has `rstudio`, else
/// `/etc/rstudio`. `variable` looks up the environment.
pub fn default_dir(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(dir) = variable("RSTUDIO_CONFIG_DIR").filter(|dir| !dir.is_empty()) {
        return PathBuf::from(dir);
    }
    let dirs = variable("XDG_CONFIG_DIRS").unwrap_or_default();
    let found = dirs.split(':').filter(|dir| dir.starts_with('/')).map(|dir| Path::new(dir).join("rstudio"));
    found.into_iter().find(|dir| dir.is_dir()).unwrap_or_else(|| PathBuf::from("/etc/rstudio"))
}

fn read_text(path: &Path) -> Result<Option<String>, ReadError> {
    let failed = |source| ReadError::Read { path: path.to_owned(), source };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Err(ReadError::NotAFile { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(ReadError::TooLarge { path: path.to_owned() });
    }
    Ok(Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

/// Whether others than root can read a file, or make it another one.
fn is_exposed(path: &Path) -> bool {
    // What can't be looked at was not read either.
    std::fs::metadata(path).is_ok_and(|meta| meta.uid() != 0 || meta.mode() & 0o077 != 0)
}

fn other_names(dir: &Path) -> Result<Vec<String>, ReadError> {
    let failed = |source| ReadError::List { path: dir.to_owned(), source };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if FileKind::from_name(&name).is_none() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_found_as_upstream_does() {
        let none = |_: &str| None;
        assert_eq!(default_dir(none), Path::new("/etc/rstudio"));
        let exact = |name: &str| (name == "RSTUDIO_CONFIG_DIR").then(|| "/x".to_owned());
        assert_eq!(default_dir(exact), Path::new("/x"));
        let searched = |name: &str| (name == "XDG_CONFIG_DIRS").then(|| "relative:/nowhere".to_owned());
        assert_eq!(default_dir(searched), Path::new("/etc/rstudio"));
    }

    #[test]
    fn a_directory_that_is_missing_is_empty() {
        let sources = Sources::read(Path::new("/nowhere/at/all")).expect("an empty configuration");
        assert!(sources.files.is_empty() && sources.others.is_empty());
    }

    #[test]
    fn a_file_of_passwords_that_others_can_read_is_told_apart() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = std::env::temp_dir().join(format!("portcullis-conf-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let path = dir.join("database.conf");
        std::fs::write(&path, "provider=postgresql\npassword=x\n").expect("a file");
        for mode in [0o600, 0o400, 0o640, 0o604, 0o644, 0o660] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
            let root = std::fs::metadata(&path).expect("a file").uid() == 0;
            let sources = Sources::read(&dir).expect("readable");
            let exposed = !sources.exposed.is_empty();
            assert_eq!(exposed, mode & 0o077 != 0 || !root, "{mode:o}");
            assert_eq!(crate::load(&sources).is_usable(), !exposed, "{mode:o}");
        }
        std::fs::remove_dir_all(&dir).expect("it goes");
    }
}

//! What a package holds: one list, with the places that differ between distributions.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::elf::{self, Needs};
use crate::{Order, archive, texts};

/// Whose package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `.deb`: Debian, Ubuntu.
    Debian,
    /// `.rpm`: Fedora, RHEL and what is made from it.
    RedHat,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file with its bytes.
    File(Vec<u8>),
}

/// A file or folder of a package; root's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path without the leading slash.
    pub path: String,
    /// Its mode, without its type.
    pub mode: u32,
    /// What it is.
    pub kind: Kind,
    /// Whether an administrator may change it and an upgrade then keeps it.
    pub kept: bool,
    /// Whether it is documentation.
    pub documents: bool,
}

/// All of it, in the order of paths.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Folders before what is in them.
    pub entries: Vec<Entry>,
    /// What the programs need.
    pub needs: Needs,
}

/// The daemon's programs that people don't call.
const PROGRAMS: [&str; 4] =
    ["portcullis-identity", "portcullis-launcher", "portcullis-server", "portcullis-session"];
/// Samples that are documentation: `/etc/rstudio` is rstudio-server's too, and two packages can't have one file.
const SAMPLES: [&str; 8] = [
    "rserver.conf",
    "rsession.conf",
    "jupyter.conf",
    "vscode.conf",
    "adapters.conf",
    "ldap.conf",
    "profiles",
    "ip-rules",
];
const DOC: &str = "usr/share/doc/portcullis";

/// Gathers files by their paths.
#[derive(Debug)]
struct Gather<'o> {
    order: &'o Order,
    files: BTreeMap<String, Entry>,
}

impl Contents {
    /// Reads everything that the package holds.
    ///
    /// # Errors
    /// When a file is missing, or a program is none.
    pub fn of(order: &Order, family: Family) -> Result<Self> {
        let mut all = Gather { order, files: BTreeMap::new() };
        let mut needs: Option<Needs> = None;
        for name in PROGRAMS.into_iter().chain(["portcullis"]) {
            let from = order.programs.join(name);
            let bytes = fs::read(&from).with_context(|| format!("cannot read `{}`", from.display()))?;
            let one = elf::needs(&bytes).with_context(|| format!("`{}`", from.display()))?;
            let before = needs.as_ref().map_or(0, |needs| needs.glibc_minor);
            needs = Some(Needs { glibc_minor: one.glibc_minor.max(before), ..one });
            let folder = if name == "portcullis" { "usr/bin" } else { "usr/lib/portcullis" };
            all.add(&format!("{folder}/{name}"), 0o755, bytes);
        }
        all.common(family)?;
        all.documentation(family)?;
        let needs = needs.context("a package without programs")?;
        Ok(Self { entries: with_folders(all.files), needs })
    }

    /// The files that an upgrade keeps.
    pub fn kept(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kept)
    }
}

impl Gather<'_> {
    fn add(&mut self, path: &str, mode: u32, bytes: Vec<u8>) {
        let documents = path.starts_with("usr/share/doc/") || path.starts_with("usr/share/man/");
        let kept = path.starts_with("etc/");
        let entry = Entry { path: path.to_owned(), mode, kind: Kind::File(bytes), kept, documents };
        self.files.insert(path.to_owned(), entry);
    }

    fn read(&self, from: &str) -> Result<Vec<u8>> {
        fs::read(self.order.root.join(from)).with_context(|| format!("cannot read `{from}`"))
    }

    fn copy(&mut self, from: &str, to: &str) -> Result<()> {
        let bytes = self.read(from)?;
        self.add(to, 0o644, bytes);
        Ok(())
    }

    fn common(&mut self, family: Family) -> Result<()> {
        let pam = match family {
            Family::Debian => "etc/pam.d/portcullis",
            Family::RedHat => "etc/pam.d/portcullis.redhat",
        };
        self.copy(pam, "etc/pam.d/portcullis")?;
        // The one file there that is nobody else's.
        self.copy("etc/portcullis.conf", "etc/rstudio/portcullis.conf")?;
        for unit in ["portcullis.service", "portcullis.socket"] {
            self.copy(&format!("etc/systemd/{unit}"), &format!("usr/lib/systemd/system/{unit}"))?;
        }
        for kind in ["sysusers.d", "tmpfiles.d"] {
            self.copy(&format!("etc/{kind}/portcullis.conf"), &format!("usr/lib/{kind}/portcullis.conf"))?;
        }
        let zsh = match family {
            Family::Debian => "usr/share/zsh/vendor-completions/_portcullis",
            Family::RedHat => "usr/share/zsh/site-functions/_portcullis",
        };
        for (from, to) in [
            ("portcullis.bash", "usr/share/bash-completion/completions/portcullis"),
            ("_portcullis", zsh),
            ("portcullis.fish", "usr/share/fish/vendor_completions.d/portcullis.fish"),
        ] {
            self.copy(&format!("etc/completions/{from}"), to)?;
        }
        for (name, bytes) in self.folder("etc/man")? {
            let section = name.rsplit_once('.').map_or("1", |(_, section)| section);
            let path = format!("usr/share/man/man{section}/{name}.gz");
            self.add(&path, 0o644, archive::gzip(&bytes, 9)?);
        }
        Ok(())
    }

    fn documentation(&mut self, family: Family) -> Result<()> {
        for name in SAMPLES {
            self.copy(&format!("etc/{name}"), &format!("{DOC}/examples/{name}"))?;
        }
        for (name, bytes) in self.folder("etc/grafana")? {
            self.add(&format!("{DOC}/examples/grafana/{name}"), 0o644, bytes);
        }
        // Not where fail2ban reads them: whether addresses are banned, and which never, is the administrator's to say.
        for folder in ["filter.d", "jail.d"] {
            let name = format!("fail2ban/{folder}/portcullis.conf");
            self.copy(&format!("etc/{name}"), &format!("{DOC}/examples/{name}"))?;
        }
        self.copy("README.md", &format!("{DOC}/README.md"))?;
        for folder in ["docs", "docs/ides", "docs/options"] {
            for (name, bytes) in self.folder(folder)? {
                if Path::new(&name).extension().is_some_and(|end| end == "md") {
                    self.add(&format!("{DOC}/{folder}/{name}"), 0o644, bytes);
                }
            }
        }
        let (mit, apache) = (self.read("LICENSE-MIT")?, self.read("LICENSE-APACHE")?);
        self.add(
            &format!("{DOC}/copyright"),
            0o644,
            texts::copyright(&String::from_utf8_lossy(&mit)).into_bytes(),
        );
        let changes = archive::gzip(&self.read("CHANGELOG.md")?, 9)?;
        match family {
            Family::Debian => {
                self.add(&format!("{DOC}/changelog.gz"), 0o644, changes);
                let ours = texts::debian_changelog(&self.order.version, self.order.epoch);
                self.add(&format!("{DOC}/changelog.Debian.gz"), 0o644, archive::gzip(ours.as_bytes(), 9)?);
            }
            Family::RedHat => {
                self.add(&format!("{DOC}/CHANGELOG.md.gz"), 0o644, changes);
                // Debian has it in /usr/share/common-licenses.
                self.add("usr/share/licenses/portcullis/LICENSE-APACHE", 0o644, apache);
                self.add("usr/share/licenses/portcullis/LICENSE-MIT", 0o644, mit);
            }
        }
        Ok(())
    }

    /// The files right in a folder.
    fn folder(&self, from: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let place = self.order.root.join(from);
        let entries = fs::read_dir(&place).with_context(|| format!("cannot list `{from}`"))?;
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                all.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
            }
        }
        all.sort();
        Ok(all)
    }
}

/// The files with the folders that they are in, those first.
fn with_folders(files: BTreeMap<String, Entry>) -> Vec<Entry> {
    let mut all: BTreeMap<String, Entry> = BTreeMap::new();
    for path in files.keys() {
        for (at, _) in path.match_indices('/') {
            let folder = path[..at].to_owned();
            let entry = Entry {
                path: folder.clone(),
                mode: 0o755,
                kind: Kind::Folder,
                kept: false,
                documents: false,
            };
            all.entry(folder).or_insert(entry);
        }
    }
    all.extend(files);
    all.into_values().collect()
}

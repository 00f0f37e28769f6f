//! The flags of a person: which capabilities are given, and where each value comes from.
//!
//! [`Flags::resolve`] reads them from the configuration with the profiles applied; tests and tools set them directly.
//! Nothing here knows an IDE.

use std::path::{Component, Path};

use portcullis_conf::{Origin, Settings};
use portcullis_model::UserName;

use crate::Capability;
use crate::flag::{self, About};

/// A value and where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it was said.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value that nobody said.
    pub const fn default_of(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// A value said in a line of a file.
    pub fn at(value: T, file: &str, line: u32) -> Self {
        Self { value, origin: Origin::At { file: file.to_owned(), line } }
    }
}

/// Why a capability isn't given.
#[derive(Debug, Clone, Copy)]
pub struct Denial<'f> {
    /// The flag.
    pub about: &'static About,
    /// Its value as it would stand in the file.
    pub value: u64,
    /// Where it was said.
    pub origin: &'f Origin,
}

impl Denial<'_> {
    /// `allow-shell=0 (rsession.conf:3)`.
    pub fn rule(&self) -> String {
        format!("{}={} ({})", self.about.name, self.value, self.origin)
    }

    /// The same in a sentence: what stands in the file in backquotes.
    pub(crate) fn said(&self) -> String {
        format!("`{}={}` ({})", self.about.name, self.value, self.origin)
    }
}

/// What a person may do, each with where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    /// `allow-shell`.
    pub shell: Setting<bool>,
    /// `allow-file-uploads`.
    pub uploads: Setting<bool>,
    /// `allow-file-downloads`.
    pub downloads: Setting<bool>,
    /// `allow-package-installation`.
    pub packages: Setting<bool>,
    /// `allow-publish`; 0 includes `allow-external-publish`.
    pub publish: Setting<bool>,
    /// `allow-external-publish`.
    pub external_publish: Setting<bool>,
    /// `allow-vcs`.
    pub vcs: Setting<bool>,
    /// `restrict-directory-view`.
    pub restrict_directories: Setting<bool>,
    /// `directory-view-allow-list`; whoever asks [`Flags::directory_allows`] resolves the entries first.
    pub directories: Setting<Vec<String>>,
    /// `limit-file-upload-size-mb`; 0 is no limit.
    pub upload_limit_mb: Setting<u64>,
    /// The same flags with those enforced whose effect is `audit`; `None` when there are none. What they would refuse passes
    /// and is recorded.
    pub audited: Option<Box<Flags>>,
}

impl Default for Flags {
    /// Everything is allowed, as upstream.
    fn default() -> Self {
        Self {
            shell: Setting::default_of(true),
            uploads: Setting::default_of(true),
            downloads: Setting::default_of(true),
            packages: Setting::default_of(true),
            publish: Setting::default_of(true),
            external_publish: Setting::default_of(true),
            vcs: Setting::default_of(true),
            restrict_directories: Setting::default_of(false),
            directories: Setting::default_of(Vec::new()),
            upload_limit_mb: Setting::default_of(0),
            audited: None,
        }
    }
}

/// Bytes of the `mb` of the options, as upstream counts.
const MB: u64 = 1024 * 1024;

impl Flags {
    /// The flags of a person: `rsession.conf` with the matching sections of `profiles`.
    pub fn resolve(settings: &Settings, user: &UserName, groups: &[String]) -> Self {
        let options = settings.session_for(user, groups);
        let said = &options.rsession;
        let switch = |value: bool, about: &About| Setting { value, origin: options.origin(about.name) };
        Self {
            shell: switch(said.allow_shell, &flag::SHELL),
            uploads: switch(said.allow_file_uploads, &flag::UPLOADS),
            downloads: switch(said.allow_file_downloads, &flag::DOWNLOADS),
            packages: switch(said.allow_package_installation, &flag::PACKAGES),
            publish: switch(said.allow_publish, &flag::PUBLISH),
            external_publish: switch(said.allow_external_publish, &flag::EXTERNAL_PUBLISH),
            vcs: switch(said.allow_vcs, &flag::VCS),
            restrict_directories: switch(said.restrict_directory_view, &flag::DIRECTORIES),
            directories: Setting {
                // The files are UTF-8, so are their paths.
                value: said
                    .directory_view_allow_list
                    .iter()
                    .filter_map(|path| path.to_str())
                    .map(str::to_owned)
                    .collect(),
                origin: options.origin("directory-view-allow-list"),
            },
            upload_limit_mb: Setting {
                value: u64::from(said.limit_file_upload_size_mb),
                origin: options.origin(flag::UPLOAD_LIMIT.name),
            },
            audited: None,
        }
    }

    /// The flags as they would hold without the effect `audit`, where some have it.
    pub fn audited(&self) -> Option<&Self> {
        self.audited.as_deref()
    }

    /// Whether any flag takes something away.
    pub const fn restrictive(&self) -> bool {
        !(self.shell.value
            && self.uploads.value
            && self.downloads.value
            && self.packages.value
            && self.publish.value
            && self.external_publish.value
            && self.vcs.value)
            || self.restrict_directories.value
            || self.upload_limit_mb.value > 0
    }

    /// `limit-file-upload-size-mb` in bytes, when there is a limit.
    pub fn upload_limit(&self) -> Option<u64> {
        (self.upload_limit_mb.value > 0).then(|| self.upload_limit_mb.value.saturating_mul(MB))
    }

    /// Why a capability isn't given; `None` when it is.
    ///
    /// What nobody knows, and ports behind which anything can be, are not given while any flag takes something away:
    /// they could be another door to exactly that.
    pub fn denies(&self, capability: Capability) -> Option<Denial<'_>> {
        match capability {
            Capability::Shell => off(&self.shell, &flag::SHELL),
            Capability::Upload => off(&self.uploads, &flag::UPLOADS),
            Capability::Download => off(&self.downloads, &flag::DOWNLOADS),
            Capability::InstallPackage => off(&self.packages, &flag::PACKAGES),
            Capability::Vcs => off(&self.vcs, &flag::VCS),
            Capability::Publish => off(&self.publish, &flag::PUBLISH),
            Capability::PublishExternal => off(&self.publish, &flag::PUBLISH)
                .or_else(|| off(&self.external_publish, &flag::EXTERNAL_PUBLISH)),
            Capability::PortProxy | Capability::Unknown => self.restriction(),
            Capability::Ui
            | Capability::Browse
            | Capability::Read
            | Capability::Write
            | Capability::ExecuteCode
            | Capability::EndSession => None,
        }
    }

    /// The first flag that takes something away, in the order pages show them.
    pub fn restriction(&self) -> Option<Denial<'_>> {
        off(&self.shell, &flag::SHELL)
            .or_else(|| off(&self.uploads, &flag::UPLOADS))
            .or_else(|| off(&self.downloads, &flag::DOWNLOADS))
            .or_else(|| off(&self.packages, &flag::PACKAGES))
            .or_else(|| off(&self.publish, &flag::PUBLISH))
            .or_else(|| off(&self.external_publish, &flag::EXTERNAL_PUBLISH))
            .or_else(|| off(&self.vcs, &flag::VCS))
            .or_else(|| self.directories_denial())
            .or_else(|| self.size_denial())
    }

    /// `restrict-directory-view`, when it is on.
    pub(crate) fn directories_denial(&self) -> Option<Denial<'_>> {
        let origin = &self.restrict_directories.origin;
        self.restrict_directories.value.then_some(Denial { about: &flag::DIRECTORIES, value: 1, origin })
    }

    /// `limit-file-upload-size-mb`, when there is a limit.
    pub(crate) fn size_denial(&self) -> Option<Denial<'_>> {
        let Setting { value, origin } = &self.upload_limit_mb;
        (*value > 0).then_some(Denial { about: &flag::UPLOAD_LIMIT, value: *value, origin })
    }

    /// Whether a resolved, absolute path lies in the person's home or in an allowed directory.
    ///
    /// By path components, never by the start of a string: `/srv/data` does not allow `/srv/data-secret`. Home and the
    /// entries of the list must be resolved as well; an entry that isn't absolute allows nothing.
    pub fn directory_allows(&self, resolved: &str, home: &str) -> bool {
        if !self.restrict_directories.value {
            return true;
        }
        let path = Path::new(resolved);
        if !path.is_absolute() || resolved.contains('\0') || climbs(path) {
            return false;
        }
        std::iter::once(home)
            .chain(self.directories.value.iter().map(String::as_str))
            .map(Path::new)
            .any(|allowed| allowed.is_absolute() && !climbs(allowed) && path.starts_with(allowed))
    }
}

fn off<'f>(setting: &'f Setting<bool>, about: &'static About) -> Option<Denial<'f>> {
    (!setting.value).then_some(Denial { about, value: 0, origin: &setting.origin })
}

fn climbs(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Flags);

    #[test]
    fn every_flag_alone_is_restrictive_and_shown() {
        let one = |change: Change| {
            let mut flags = Flags::default();
            change(&mut flags);
            flags
        };
        assert!(!Flags::default().restrictive() && Flags::default().restriction().is_none());
        let all: [(&str, Change); 9] = [
            ("allow-shell", |f| f.shell = Setting::at(false, "rsession.conf", 3)),
            ("allow-file-uploads", |f| f.uploads.value = false),
            ("allow-file-downloads", |f| f.downloads.value = false),
            ("allow-package-installation", |f| f.packages.value = false),
            ("allow-publish", |f| f.publish.value = false),
            ("allow-external-publish", |f| f.external_publish.value = false),
            ("allow-vcs", |f| f.vcs.value = false),
            ("restrict-directory-view", |f| f.restrict_directories.value = true),
            ("limit-file-upload-size-mb", |f| f.upload_limit_mb.value = 10),
        ];
        for (name, change) in all {
            let flags = one(change);
            assert!(flags.restrictive(), "{name}");
            assert_eq!(flags.restriction().map(|denial| denial.about.name), Some(name));
            assert!(
                flags.denies(Capability::Unknown).is_some() && flags.denies(Capability::PortProxy).is_some()
            );
            let restricting: Vec<_> =
                flags.summary().into_iter().filter(|line| line.restricts).map(|line| line.flag).collect();
            assert!(restricting.contains(&name), "{name}: {restricting:?}");
        }
        assert_eq!(
            one(all[0].1).restriction().map(|d| d.rule()).as_deref(),
            Some("allow-shell=0 (rsession.conf:3)")
        );
    }

    #[test]
    fn publishing_includes_publishing_outside() {
        let mut flags = Flags { publish: Setting::at(false, "rsession.conf", 9), ..Flags::default() };
        let name = |flags: &Flags| flags.denies(Capability::PublishExternal).map(|denial| denial.about.name);
        assert_eq!(name(&flags), Some("allow-publish"));
        assert!(flags.summary().iter().any(|line| line.flag == "allow-external-publish" && line.restricts));
        flags.publish.value = true;
        flags.external_publish.value = false;
        assert_eq!(name(&flags), Some("allow-external-publish"));
        assert!(flags.denies(Capability::Publish).is_none());
    }

    #[test]
    fn directories_are_compared_by_component() {
        let mut flags = Flags::default();
        assert!(flags.directory_allows("/etc/passwd", "/home/a"));
        flags.restrict_directories.value = true;
        flags.directories.value =
            vec!["/srv/data/".into(), "/data/[a]*".into(), "relative".into(), "/x/../etc".into()];
        for good in ["/home/a", "/home/a/b", "/srv/data", "/srv/data/x", "/data/[a]*/y"] {
            assert!(flags.directory_allows(good, "/home/a"), "{good}");
        }
        for bad in [
            "/home",
            "/home/ab",
            "/home/a/../b",
            "/srv/data-secret",
            "/srv/dat",
            "/data/aa",
            "relative/x",
            "",
            "/",
            "/etc/passwd",
            "/home/a\0",
        ] {
            assert!(!flags.directory_allows(bad, "/home/a"), "{bad}");
        }
    }

    #[test]
    fn flags_come_from_the_configuration_with_their_lines() {
        let files = [
            (
                "rsession.conf".to_owned(),
                "allow-shell=0\nlimit-file-upload-size-mb=5\ndirectory-view-allow-list=/a:/b\n".to_owned(),
            ),
            ("profiles".to_owned(), "[@staff]\nallow-shell=1\n[bob]\nallow-vcs=0\n".to_owned()),
        ];
        let loaded = portcullis_conf::load(&portcullis_conf::Sources::new("/etc/rstudio", files));
        let of = |user: &str, groups: &[String]| {
            Flags::resolve(&loaded.settings, &user.parse().expect("a name"), groups)
        };
        let alice = of("alice", &[]);
        assert_eq!(alice.shell, Setting::at(false, "rsession.conf", 1));
        assert_eq!(alice.upload_limit(), Some(5 * 1024 * 1024));
        assert_eq!(alice.directories.value, ["/a", "/b"]);
        let bob = of("bob", &["staff".to_owned()]);
        assert_eq!(bob.shell, Setting::at(true, "profiles", 2));
        assert_eq!(bob.vcs, Setting::at(false, "profiles", 4));
        assert_eq!(of("carol", &[]).vcs.origin, Origin::Default);
    }
}

//! The flags of a person: which capabilities are given, and where each value comes from.
//!
//! [`Flags::resolve`] reads them from the configuration with the profiles applied; tests and tools set them directly.
//! Nothing here knows an IDE's routes. Denying looks at the few flags that take the capability, found at compile time.

use std::path::{Component, Path};

use portcullis_conf::{ConsoleAudit, FileKind, Origin, Settings};
use portcullis_model::UserName;
use portcullis_model::session::Ide;

use crate::Capability;
use crate::flag::{self, About, Concerns};

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

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

/// Declares the switches: a field each, its option, its words, and its value when nobody says one.
macro_rules! switches {
    ($($(#[doc = $doc:literal])+ $variant:ident $field:ident = $option:ident, $about:ident, $default:literal;)*) => {
        /// What a person may do, each with where it was said.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Flags {
            $($(#[doc = $doc])+ pub $field: Setting<bool>,)*
            /// `restrict-directory-view`.
            pub restrict_directories: Setting<bool>,
            /// `directory-view-allow-list`; whoever asks [`Flags::directory_allows`] resolves the entries first.
            pub directories: Setting<Vec<String>>,
            /// `limit-file-upload-size-mb`; 0 is no limit.
            pub upload_limit_mb: Setting<u64>,
            /// `limit-cpu-time-minutes`; 0 is no limit.
            pub cpu_minutes: Setting<u64>,
            /// `limit-xfs-disk-quota`.
            pub disk_quota: Setting<bool>,
            /// `audit-r-console`: takes nothing away, but every console is read for it.
            pub console: Setting<ConsoleAudit>,
            /// The same flags with those enforced whose effect is `audit`; `None` when there are none. What they would refuse
            /// passes and is recorded.
            pub audited: Option<Box<Flags>>,
        }

        /// A flag that is on or off, in the order pages show them; the first that takes a capability is the reason given.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Switch { $($variant,)* }

        impl Switch {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            pub(crate) const fn about(self) -> &'static About {
                match self { $(Self::$variant => &flag::$about,)* }
            }

            /// What holds when nobody says anything.
            pub(crate) const fn by_default(self) -> bool {
                match self { $(Self::$variant => $default,)* }
            }
        }

        impl Default for Flags {
            /// What upstream allows.
            fn default() -> Self {
                Self {
                    $($field: Setting::default_of($default),)*
                    restrict_directories: Setting::default_of(false),
                    directories: Setting::default_of(Vec::new()),
                    upload_limit_mb: Setting::default_of(0),
                    cpu_minutes: Setting::default_of(0),
                    disk_quota: Setting::default_of(false),
                    console: Setting::default_of(ConsoleAudit::None),
                    audited: None,
                }
            }
        }

        impl Flags {
            pub(crate) const fn setting(&self, switch: Switch) -> &Setting<bool> {
                match switch { $(Switch::$variant => &self.$field,)* }
            }

            const fn setting_mut(&mut self, switch: Switch) -> &mut Setting<bool> {
                match switch { $(Switch::$variant => &mut self.$field,)* }
            }

            fn read(settings: &Settings, options: &portcullis_conf::SessionOptions) -> Self {
                let said = &options.rsession;
                let switch = |value: bool, about: &About| Setting { value, origin: options.origin(about.name) };
                let number = |value: u32, about: &About| {
                    Setting { value: u64::from(value), origin: options.origin(about.name) }
                };
                Self {
                    $($field: switch(said.$option, &flag::$about),)*
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
                    upload_limit_mb: number(said.limit_file_upload_size_mb, &flag::UPLOAD_LIMIT),
                    cpu_minutes: number(said.limit_cpu_time_minutes, &flag::CPU_TIME),
                    disk_quota: switch(said.limit_xfs_disk_quota, &flag::DISK_QUOTA),
                    console: console(settings, options),
                    audited: None,
                }
            }
        }
    };
}

switches! {
    /// `allow-shell`.
    Shell shell = allow_shell, SHELL, true;
    /// `allow-terminal-websockets`.
    TerminalSockets terminal_sockets = allow_terminal_websockets, TERMINAL_SOCKETS, true;
    /// `allow-file-uploads`.
    Uploads uploads = allow_file_uploads, UPLOADS, true;
    /// `allow-file-downloads`.
    Downloads downloads = allow_file_downloads, DOWNLOADS, true;
    /// `allow-package-installation`.
    Packages packages = allow_package_installation, PACKAGES, true;
    /// `allow-r-cran-repos-edit`.
    CranRepos cran_repos = allow_r_cran_repos_edit, CRAN_REPOS, true;
    /// `allow-publish`; 0 includes the two below.
    Publish publish = allow_publish, PUBLISH, true;
    /// `allow-external-publish`; 0 includes `allow-rpubs-publish`.
    ExternalPublish external_publish = allow_external_publish, EXTERNAL_PUBLISH, true;
    /// `allow-rpubs-publish`.
    RpubsPublish rpubs_publish = allow_rpubs_publish, RPUBS_PUBLISH, true;
    /// `allow-vcs`.
    Vcs vcs = allow_vcs, VCS, true;
    /// `allow-vcs-executable-edit`.
    VcsExecutable vcs_executable = allow_vcs_executable_edit, VCS_EXECUTABLE, true;
    /// `allow-remove-public-folder`.
    PublicFolder public_folder = allow_remove_public_folder, PUBLIC_FOLDER, true;
    /// `allow-presentation-commands`; off unless it is said, as upstream.
    PresentationCommands presentation_commands = allow_presentation_commands, PRESENTATION_COMMANDS, false;
    /// `allow-launcher-jobs`.
    LauncherJobs launcher_jobs = allow_launcher_jobs, LAUNCHER_JOBS, true;
}

/// For each capability the set of switches that take it, as bits in the order of [`Switch`].
const TAKERS: [u32; Capability::ALL.len()] = takers();

const fn takers() -> [u32; Capability::ALL.len()] {
    let mut takers = [0; Capability::ALL.len()];
    let mut at = 0;
    while at < Switch::ALL.len() {
        let takes = Switch::ALL[at].about().takes;
        let mut taken = 0;
        while taken < takes.len() {
            takers[takes[taken] as usize] |= 1 << at;
            taken += 1;
        }
        at += 1;
    }
    takers
}

/// The option of [`Flags::console`], in `rserver.conf` and, for some people, in `rsession.conf` and `profiles`.
const CONSOLE: &str = "audit-r-console";

fn console(settings: &Settings, options: &portcullis_conf::SessionOptions) -> Setting<ConsoleAudit> {
    match options.rsession.audit_r_console {
        Some(value) => Setting { value, origin: options.origin(CONSOLE) },
        None => Setting {
            value: settings.rserver.audit_r_console,
            origin: settings.origin(FileKind::Rserver, CONSOLE),
        },
    }
}

/// Bytes of the `mb` of the options, as upstream counts.
const MB: u64 = 1024 * 1024;

impl Flags {
    /// The flags of a person: `rsession.conf` with the matching sections of `profiles`, and `audit-only` applied.
    pub fn resolve(settings: &Settings, user: &UserName, groups: &[String]) -> Self {
        let options = settings.session_for(user, groups);
        let mut flags = Self::read(settings, &options);
        if !options.audit_only.is_empty() {
            let strict = Box::new(flags.clone());
            for name in &options.audit_only {
                flags.allow(name);
            }
            flags.audited = (!flags.same_rules(&strict)).then_some(strict);
        }
        flags
    }

    /// Lifts one flag by its name, whatever its effect is; false when there is none of that name that can be lifted.
    pub fn lift(&mut self, name: &str) -> bool {
        if let Some(mut strict) = self.audited.take() {
            strict.allow(name);
            let lifted = self.allow(name);
            self.audited = (!self.same_rules(&strict)).then_some(strict);
            return lifted;
        }
        self.allow(name)
    }

    fn allow(&mut self, name: &str) -> bool {
        if let Some(switch) = Switch::ALL.iter().find(|switch| switch.about().name == name) {
            *self.setting_mut(*switch) = Setting::default_of(true);
            return true;
        }
        match name {
            _ if name == flag::DIRECTORIES.name => self.restrict_directories = Setting::default_of(false),
            _ if name == flag::UPLOAD_LIMIT.name => self.upload_limit_mb = Setting::default_of(0),
            _ if name == flag::CPU_TIME.name => self.cpu_minutes = Setting::default_of(0),
            _ if name == flag::DISK_QUOTA.name => self.disk_quota = Setting::default_of(false),
            _ => return false,
        }
        true
    }

    /// The flags as they would hold without the effect `audit`, where some have it.
    pub fn audited(&self) -> Option<&Self> {
        self.audited.as_deref()
    }

    /// Whether two sets of flags give and take the same. Where they were said doesn't matter.
    pub fn same_rules(&self, other: &Self) -> bool {
        let recorded = match (self.audited(), other.audited()) {
            (None, None) => true,
            (Some(own), Some(others)) => own.same_rules(others),
            _ => false,
        };
        recorded
            && Switch::ALL.iter().all(|switch| self.setting(*switch).value == other.setting(*switch).value)
            && self.restrict_directories.value == other.restrict_directories.value
            && self.directories.value == other.directories.value
            && self.upload_limit_mb.value == other.upload_limit_mb.value
            && self.cpu_minutes.value == other.cpu_minutes.value
            && self.disk_quota.value == other.disk_quota.value
            && self.console.value == other.console.value
    }

    /// Whether any flag takes something away that every IDE has.
    pub fn restrictive(&self) -> bool {
        self.restriction().is_some()
    }

    /// `limit-file-upload-size-mb` in bytes, when there is a limit.
    pub fn upload_limit(&self) -> Option<u64> {
        (self.upload_limit_mb.value > 0).then(|| self.upload_limit_mb.value.saturating_mul(MB))
    }

    /// Why a capability isn't given, in an IDE of no flags of its own; `None` when it is.
    pub fn denies(&self, capability: Capability) -> Option<Denial<'_>> {
        match capability {
            Capability::PortProxy | Capability::Unknown => self.restriction(),
            _ => self.taken(capability),
        }
    }

    /// Why a capability isn't given in this IDE; `None` when it is.
    ///
    /// What nobody knows, and ports behind which anything can be, are not given while any flag takes something away:
    /// they could be another door to exactly that.
    pub fn denies_in(&self, ide: Ide, capability: Capability) -> Option<Denial<'_>> {
        match capability {
            Capability::PortProxy | Capability::Unknown => self.restriction_in(ide),
            _ => self.taken(capability),
        }
    }

    fn taken(&self, capability: Capability) -> Option<Denial<'_>> {
        let mut takers = TAKERS[capability as usize];
        while takers != 0 {
            if let Some(denial) = self.off(Switch::ALL[takers.trailing_zeros() as usize]) {
                return Some(denial);
            }
            takers &= takers - 1;
        }
        None
    }

    /// The first flag that takes something away in every IDE, in the order pages show them.
    pub fn restriction(&self) -> Option<Denial<'_>> {
        self.first_restriction(|concerns| concerns == Concerns::Every)
    }

    /// The first flag that takes something away in this IDE, in the order pages show them.
    pub fn restriction_in(&self, ide: Ide) -> Option<Denial<'_>> {
        self.first_restriction(|concerns| concerns.includes(ide))
    }

    fn first_restriction(&self, concerned: impl Fn(Concerns) -> bool) -> Option<Denial<'_>> {
        // What is off though nobody said so takes its own capability, and makes no unknown route suspect.
        let said = |switch: Switch| switch.by_default() || self.setting(switch).origin != Origin::Default;
        Switch::ALL
            .iter()
            .filter(|switch| concerned(switch.about().concerns))
            .find_map(|switch| self.off(*switch).filter(|_| said(*switch)))
            .or_else(|| self.directories_denial())
            .or_else(|| self.size_denial())
    }

    fn off(&self, switch: Switch) -> Option<Denial<'_>> {
        let setting = self.setting(switch);
        (!setting.value).then_some(Denial { about: switch.about(), value: 0, origin: &setting.origin })
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

fn climbs(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

//! `profiles`: session options by user and group.
//!
//! Sections `[*]`, `[@group]` and `[user]` are read from top to bottom; every one that matches applies, and a later one
//! overrides an earlier one. The order decides, not how narrow a section is.

use portcullis_model::UserName;

use crate::ini::{self, Item, Line};
use crate::option::{FileKind, Opt, Status};
use crate::options::profiles::Limits;
use crate::options::rsession::Rsession;
use crate::options::sandbox::{self, Confinement};
use crate::problem::Problem;
use crate::value::{FlagNames, Int};
use crate::values::{Origin, Reader, Values};

/// Whom a section is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `[*]`.
    Everybody,
    /// `[@group]`.
    Group(String),
    /// `[user]`.
    User(UserName),
}

impl Selector {
    /// Whether a person is meant.
    pub fn matches(&self, user: &UserName, groups: &[String]) -> bool {
        match self {
            Self::Everybody => true,
            Self::Group(group) => groups.contains(group),
            Self::User(name) => name == user,
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everybody => f.write_str("*"),
            Self::Group(group) => write!(f, "@{group}"),
            Self::User(user) => user.fmt(f),
        }
    }
}

/// One section.
#[derive(Debug, Clone)]
pub struct Section {
    /// Whom it is about.
    pub selector: Selector,
    /// Its line, from 1.
    pub line: u32,
    pub(crate) values: Values,
}

/// The file.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    /// Its sections in order.
    pub sections: Vec<Section>,
}

/// The session options of one person.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// The options.
    pub rsession: Rsession,
    /// `audit-only`: flags that are not enforced, but recorded.
    pub audit_only: Vec<String>,
    /// What the kernel holds.
    pub confinement: Confinement,
    /// How much of the machine one session takes.
    pub limits: Limits,
    /// `session-max-age-hours`.
    pub max_age_hours: u32,
    values: Values,
}

impl SessionOptions {
    /// Where an option's value comes from: `rsession.conf`, `portcullis.conf`, `profiles`, or nowhere.
    pub fn origin(&self, option: &str) -> Origin {
        self.values.origin(option)
    }

    /// An option's text as somebody said it, also of one that has no effect here.
    pub fn said(&self, option: &str) -> Option<&str> {
        self.values.find(option).map(|said| said.text.as_str())
    }
}

/// Options of rsession.conf that hold for the whole machine and make no sense for one person.
const MACHINE_WIDE: [&str; 1] = ["session-port-range"];

/// Options of portcullis.conf that a section may have too.
const PERSONAL: [&str; 10] = [
    "audit-only",
    "session-max-age-hours",
    "session-network",
    "session-listen",
    "session-programs",
    "session-folders",
    "allow-sudo",
    "user-max-memory-mb",
    "user-max-processes",
    "user-max-processor-percent",
];

/// The option that a section may have under this name: its own, or one of `rsession.conf` or `portcullis.conf`.
pub(crate) fn option(name: &str) -> Option<&'static Opt> {
    FileKind::Profiles.option(name).or_else(|| borrowed().find(|opt| opt.name == name))
}

/// The options of other files that a section may have.
pub(crate) fn borrowed() -> impl Iterator<Item = &'static Opt> {
    let rsession = FileKind::Rsession.options().filter(|opt| {
        let known = match opt.status {
            Status::Implemented => true,
            Status::Retired { successor, .. } => {
                FileKind::Rsession.option(successor).is_some_and(|opt| opt.status == Status::Implemented)
            }
            Status::Recognised { .. } => false,
        };
        known && !MACHINE_WIDE.contains(&opt.name)
    });
    rsession.chain(FileKind::Portcullis.options().filter(|opt| PERSONAL.contains(&opt.name)))
}

impl Profiles {
    pub(crate) fn parse(text: &str, problems: &mut Vec<Problem>) -> Self {
        let names = FileKind::Profiles.options().chain(borrowed()).map(|opt| opt.name).collect();
        let reader = Reader { file: FileKind::Profiles, lookup: &option, names };
        let mut sections: Vec<Section> = Vec::new();
        // Lines below a section that is wrong belong to nobody, and are checked all the same.
        let mut nobody = Values::default();
        let mut orphaned = false;
        let mut begun = false;
        for line in ini::lines(text) {
            begun |= matches!(line.item, Item::Section { .. });
            match &line.item {
                Item::Section { name } => match selector(name) {
                    Ok(selector) => {
                        orphaned = false;
                        let values = Values::default();
                        sections.push(Section { selector, line: line.number, values });
                    }
                    Err(why) => {
                        orphaned = true;
                        nobody = Values::default();
                        problems.push(
                            reader
                                .problem(&line, line.key.clone(), None, why)
                                .hint("write `[*]` for everybody, `[@group]` or `[user]`"),
                        );
                    }
                },
                Item::Pair { key, .. } if !begun => {
                    problems.push(before_sections(&reader, &line, key));
                }
                _ => {
                    let values = match sections.last_mut() {
                        Some(section) if !orphaned => &mut section.values,
                        _ => &mut nobody,
                    };
                    reader.line(&line, values, problems);
                }
            }
        }
        Self { sections }
    }

    /// The options of a person, from what `rsession.conf` and `portcullis.conf` say.
    pub(crate) fn session_for(
        &self,
        rsession: &Values,
        portcullis: &Values,
        user: &UserName,
        groups: &[String],
    ) -> SessionOptions {
        let mut values = rsession.clone();
        let shared = portcullis.said.iter().filter(|said| {
            let confines = sandbox::GROUP.rows.iter().any(|opt| opt.name == said.opt.name);
            confines || PERSONAL.contains(&said.opt.name)
        });
        values.said.extend(shared.cloned());
        for section in self.sections.iter().filter(|section| section.selector.matches(user, groups)) {
            values.overlay(&section.values);
        }
        let audit_only = values.get::<FlagNames>("audit-only", "");
        let (confinement, limits) = (Confinement::build(&values), Limits::build(&values));
        let max_age_hours = values.get::<Int<0, 87600>>("session-max-age-hours", "0");
        let rsession = Rsession::build(&values);
        SessionOptions { rsession, audit_only, confinement, limits, max_age_hours, values }
    }
}

fn before_sections(reader: &Reader<'_>, line: &Line, key: &str) -> Problem {
    let text = "it stands before the first section, so it is about nobody".to_owned();
    reader.problem(line, line.key.clone(), Some(key), text).hint("write `[*]` above it for everybody")
}

fn selector(name: &str) -> Result<Selector, String> {
    if name == "*" {
        return Ok(Selector::Everybody);
    }
    let named = name.strip_prefix('@').unwrap_or(name);
    let user: UserName = named.parse().map_err(|why| format!("`[{name}]` names nobody: {why}"))?;
    Ok(if named.len() < name.len() { Selector::Group(user.into()) } else { Selector::User(user) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SessionNetwork, Sources, load};

    const RSESSION: &str = "allow-shell=0\nsession-timeout-minutes=30\n";

    fn options(profiles: &str, user: &str, groups: &[&str]) -> SessionOptions {
        let files =
            [("rsession.conf".to_owned(), RSESSION.to_owned()), ("profiles".to_owned(), profiles.to_owned())];
        let loaded = load(&Sources::new("/c", files));
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        loaded.settings.session_for(&user.parse().expect("a name"), &groups)
    }

    #[test]
    fn the_order_of_sections_decides_not_how_narrow_they_are() {
        let narrow_last = "[*]\nsession-limit=3\n[@s]\nsession-limit=2\n[anna]\nsession-limit=1\n";
        assert_eq!(options(narrow_last, "anna", &["s"]).rsession.session_limit, Some(1));
        assert_eq!(options(narrow_last, "ben", &["s"]).rsession.session_limit, Some(2));
        assert_eq!(options(narrow_last, "ben", &[]).rsession.session_limit, Some(3));
        let wide_last = "[anna]\nsession-limit=1\n[@s]\nsession-limit=2\n[*]\nsession-limit=3\n";
        assert_eq!(options(wide_last, "anna", &["s"]).rsession.session_limit, Some(3));
    }

    #[test]
    fn what_a_section_leaves_out_stays() {
        let options = options("[anna]\nsession-limit=1\n\n[anna]\nallow-shell=1\n", "anna", &[]);
        let at = |file: &str, line| Origin::At { file: file.into(), line };
        assert!(options.rsession.allow_shell);
        assert_eq!(options.rsession.session_limit, Some(1));
        assert_eq!(options.rsession.session_timeout_minutes, 30);
        assert_eq!(options.origin("allow-shell"), at("profiles", 5));
        assert_eq!(options.origin("session-limit"), at("profiles", 2));
        assert_eq!(options.origin("session-timeout-minutes"), at("rsession.conf", 2));
        assert_eq!(options.origin("allow-vcs"), Origin::Default);
    }

    #[test]
    fn what_is_recorded_only_is_said_for_all_or_by_section() {
        let files = |profiles: &str| {
            let texts = [("portcullis.conf", "audit-only=allow-shell allow-vcs\n"), ("profiles", profiles)];
            load(&Sources::new("/c", texts.map(|(name, text)| (name.to_owned(), text.to_owned()))))
        };
        let of = |profiles: &str, user: &str, groups: &[&str]| {
            let loaded = files(profiles);
            assert!(loaded.is_usable(), "{:?}", loaded.problems);
            let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
            loaded.settings.session_for(&user.parse().expect("a name"), &groups)
        };
        let options = of("", "anna", &[]);
        assert_eq!(options.audit_only, ["allow-shell", "allow-vcs"]);
        assert_eq!(options.origin("audit-only").to_string(), "portcullis.conf:1");
        let sections = "[@pilot]\naudit-only=allow-file-uploads\n[ben]\naudit-only=\n";
        let pilot = of(sections, "anna", &["pilot"]);
        assert_eq!(pilot.audit_only, ["allow-file-uploads"], "a section takes the place of the file");
        assert_eq!(pilot.origin("audit-only").to_string(), "profiles:2");
        assert_eq!(of(sections, "ben", &["pilot"]).audit_only, Vec::<String>::new());
        assert_eq!(of(sections, "carl", &[]).audit_only, ["allow-shell", "allow-vcs"]);
        assert!(!files("[*]\naudit-only=session-limit\n").is_usable());
        assert!(!files("[*]\nminimum-level=allow-shell:proxy\n").is_usable(), "for the whole machine only");
    }

    #[test]
    fn what_the_kernel_holds_is_said_for_all_or_by_section() {
        let texts = [
            ("portcullis.conf", "session-network=loopback\nsession-tmp-mb=64\nuser-max-processes=500\n"),
            ("profiles", "[@gpu]\nsession-network=all\nallow-sudo=1\nmax-memory-mb=4096\ncpu-affinity=1,3\n"),
        ];
        let loaded = load(&Sources::new("/c", texts.map(|(name, text)| (name.to_owned(), text.to_owned()))));
        assert_eq!(loaded.problems, Vec::new());
        let of = |groups: &[String]| loaded.settings.session_for(&"anna".parse().expect("a name"), groups);
        let (plain, gpu) = (of(&[]), of(&["gpu".to_owned()]));
        assert_eq!(plain.confinement.session_network, SessionNetwork::Loopback);
        assert_eq!(plain.origin("session-network").to_string(), "portcullis.conf:1");
        assert!(!plain.confinement.allow_sudo && plain.limits.max_memory_mb == 0);
        assert_eq!(gpu.confinement.session_network, SessionNetwork::All);
        assert!(gpu.confinement.allow_sudo);
        assert_eq!(gpu.limits.max_memory_mb, 4096);
        assert_eq!(gpu.limits.cpu_affinity, [0, 2]);
        assert_eq!(gpu.origin("session-network").to_string(), "profiles:2");
        for options in [plain, gpu] {
            assert_eq!(
                (options.confinement.session_tmp_mb, options.confinement.user_max_processes),
                (64, 500)
            );
        }
        for machine_wide in
            ["session-sandbox=off", "session-metadata=1", "session-tmp-mb=9", "audit-programs=off"]
        {
            let text = format!("[*]\n{machine_wide}\n");
            let found = load(&Sources::new("/c", [("profiles".to_owned(), text)]));
            assert!(!found.is_usable(), "{machine_wide} is about the whole machine");
        }
    }

    #[test]
    fn every_flag_may_stand_in_a_section() {
        for opt in FileKind::Rsession.options().filter(|opt| opt.status == Status::Implemented) {
            let flag = ["allow-", "restrict-", "limit-"].iter().any(|start| opt.name.starts_with(start));
            assert!(!flag || option(opt.name).is_some(), "{}", opt.name);
        }
    }

    #[test]
    fn a_group_is_not_a_user_of_the_same_name() {
        assert!(!options("[@anna]\nallow-shell=1\n", "anna", &[]).rsession.allow_shell);
        assert!(!options("[anna]\nallow-shell=1\n", "ben", &["anna"]).rsession.allow_shell);
    }
}

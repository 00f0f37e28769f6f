//! Each flag alone, all together, by profile, recorded only, lifted.

use portcullis_model::{Effect, Level};

use super::*;
use crate::sandbox::Held;

type Change = fn(&mut Flags);

#[test]
fn every_flag_alone_is_restrictive_and_shown() {
    let one = |change: Change| {
        let mut flags = Flags::default();
        change(&mut flags);
        flags
    };
    assert!(!Flags::default().restrictive() && Flags::default().restriction_in(Ide::Rstudio).is_none());
    let every: [(&str, Change); 9] = [
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
    let rstudio: [(&str, Change); 7] = [
        ("allow-terminal-websockets", |f| f.terminal_sockets.value = false),
        ("allow-r-cran-repos-edit", |f| f.cran_repos.value = false),
        ("allow-rpubs-publish", |f| f.rpubs_publish.value = false),
        ("allow-vcs-executable-edit", |f| f.vcs_executable.value = false),
        ("allow-remove-public-folder", |f| f.public_folder.value = false),
        ("allow-presentation-commands", |f| f.presentation_commands = Setting::at(false, "rsession.conf", 3)),
        ("allow-launcher-jobs", |f| f.launcher_jobs.value = false),
    ];
    assert_eq!(every.len() + rstudio.len(), Switch::ALL.len() + 2, "all flags that refuse something");
    let both = every.iter().map(|row| (row, true)).chain(rstudio.iter().map(|row| (row, false)));
    for ((name, change), of_all) in both {
        let flags = one(*change);
        let first = |ide| flags.restriction_in(ide).map(|denial| denial.about.name);
        assert_eq!(first(Ide::Rstudio), Some(*name));
        // A flag of RStudio alone makes no route of another IDE suspect.
        for other in [Ide::Jupyter, Ide::CodeServer] {
            assert_eq!(first(other), of_all.then_some(*name));
            assert_eq!(flags.denies_in(other, Capability::Unknown).is_some(), of_all);
            assert_eq!(flags.denies_in(other, Capability::PortProxy).is_some(), of_all);
        }
        assert_eq!(flags.restrictive(), of_all, "{name}");
        assert!(flags.denies_in(Ide::Rstudio, Capability::Unknown).is_some(), "{name}");
        for &taken in About::named(name).expect("a flag").takes {
            assert_eq!(flags.denies(taken).map(|denial| denial.about.name), Some(*name), "{taken}");
        }
        let restricting: Vec<_> = flags
            .summary(&Held::default())
            .into_iter()
            .filter(|line| line.restricts)
            .map(|line| line.flag)
            .collect();
        assert!(restricting.contains(name), "{name}: {restricting:?}");
    }
    assert_eq!(
        one(every[0].1).restriction().map(|d| d.rule()).as_deref(),
        Some("allow-shell=0 (rsession.conf:3)")
    );
}

#[test]
fn what_is_off_unsaid_takes_its_own_capability_and_no_more() {
    let flags = Flags::default();
    let denial = flags.denies(Capability::PresentationCommands).expect("off as upstream");
    assert_eq!(denial.rule(), "allow-presentation-commands=0 (default)");
    assert!(flags.denies_in(Ide::Rstudio, Capability::Unknown).is_none());
    assert!(flags.summary(&Held::default()).iter().all(|line| !line.restricts));
    for capability in Capability::ALL {
        let denied = flags.denies_in(Ide::Rstudio, capability).is_some();
        assert_eq!(denied, capability == Capability::PresentationCommands, "{capability}");
    }
}

#[test]
fn every_capability_that_a_flag_takes_is_in_the_compiled_table() {
    for about in flag::ALL {
        let switch = Switch::ALL.iter().position(|switch| switch.about().name == about.name);
        for capability in Capability::ALL {
            let bit = switch.is_some_and(|at| TAKERS[capability as usize] & (1 << at) != 0);
            assert_eq!(bit, about.takes.contains(&capability), "{} {capability}", about.name);
        }
        assert!(about.unheld.is_some() || !about.refused.is_empty(), "{}", about.name);
        assert!(about.unheld.is_none() || about.takes.is_empty(), "{}", about.name);
        assert!(!about.title.is_empty() && About::named(about.name) == Some(about));
    }
    assert_eq!(About::named("allow-everything"), None);
}

fn settings(files: &[(&str, &str)]) -> Settings {
    let texts: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let loaded = portcullis_conf::load(&portcullis_conf::Sources::new("/etc/rstudio", texts));
    assert!(loaded.is_usable(), "{:?}", loaded.problems);
    loaded.settings
}

fn of(settings: &Settings, user: &str, groups: &[&str]) -> Flags {
    let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
    Flags::resolve(settings, &user.parse().expect("a name"), &groups)
}

#[test]
fn what_is_recorded_only_is_given_and_kept_beside() {
    let settings = settings(&[
        ("rsession.conf", "allow-shell=0\nallow-vcs=0\nlimit-file-upload-size-mb=5\n"),
        ("portcullis.conf", "audit-only=allow-shell limit-file-upload-size-mb\n"),
        (
            "profiles",
            "[@strict]\naudit-only=\n[@open]\naudit-only=allow-shell allow-vcs limit-file-upload-size-mb\n",
        ),
    ]);
    let alice = of(&settings, "alice", &[]);
    assert!(alice.denies(Capability::Shell).is_none() && alice.upload_limit().is_none());
    assert!(alice.denies(Capability::Vcs).is_some(), "the flag beside it is enforced");
    assert_eq!(alice.denies(Capability::Unknown).map(|denial| denial.about.name), Some("allow-vcs"));
    let strict = alice.audited().expect("something is recorded only");
    let rule = strict.denies(Capability::Shell).map(|denial| denial.rule());
    assert_eq!(rule.as_deref(), Some("allow-shell=0 (rsession.conf:1)"));
    let effects: Vec<_> = alice
        .summary(&Held::default())
        .into_iter()
        .filter(|line| line.restricts)
        .map(|line| (line.flag, line.effect, line.level))
        .collect();
    let expected = [
        ("allow-shell", Effect::Audit, Level::None),
        ("allow-vcs", Effect::Block, Level::Proxy),
        ("limit-file-upload-size-mb", Effect::Audit, Level::None),
    ];
    assert_eq!(effects, expected);
    let enforced = of(&settings, "bob", &["strict"]);
    assert!(enforced.audited().is_none() && enforced.denies(Capability::Shell).is_some());
    let open = of(&settings, "carol", &["strict", "open"]);
    assert!(!open.restrictive() && open.audited().expect("recorded").restrictive());
    assert!(!open.same_rules(&Flags::default()) && !open.same_rules(&alice) && !alice.same_rules(&enforced));
}

#[test]
fn a_lifted_flag_is_neither_enforced_nor_recorded() {
    let settings = settings(&[
        (
            "rsession.conf",
            "allow-shell=0\nallow-vcs=0\nrestrict-directory-view=1\nlimit-file-upload-size-mb=5\n",
        ),
        ("portcullis.conf", "audit-only=allow-shell\n"),
    ]);
    let mut flags = of(&settings, "alice", &[]);
    assert!(flags.lift("allow-shell"));
    assert!(flags.audited().is_none() && flags.shell.value, "it was the only one recorded");
    assert!(flags.denies(Capability::Vcs).is_some());
    for name in ["allow-vcs", "restrict-directory-view", "limit-file-upload-size-mb"] {
        assert!(flags.restrictive() && flags.lift(name), "{name}");
    }
    assert!(!flags.restrictive() && flags.directory_allows("/etc/passwd", "/home/a"));
    for name in ["allow-full-ui", "session-limit", "", "allow-Shell"] {
        assert!(!flags.lift(name), "{name}");
    }
    // One flag, not those it includes or is included by.
    let mut flags = Flags::default();
    flags.publish.value = false;
    flags.external_publish.value = false;
    flags.lift("allow-publish");
    let left = flags.denies(Capability::PublishExternal).map(|denial| denial.about.name);
    assert_eq!(left, Some("allow-external-publish"));
    let every = flag::ALL.iter().filter(|about| Flags::default().lift(about.name)).count();
    assert_eq!(every, Switch::ALL.len() + 4);
}

#[test]
fn publishing_includes_publishing_outside() {
    let mut flags = Flags { publish: Setting::at(false, "rsession.conf", 9), ..Flags::default() };
    let taker = |flags: &Flags, what| flags.denies(what).map(|denial| denial.about.name);
    let name = |flags: &Flags| taker(flags, Capability::PublishExternal);
    assert_eq!(taker(&flags, Capability::RpubsPublish), Some("allow-publish"));
    assert_eq!(name(&flags), Some("allow-publish"));
    assert!(
        flags
            .summary(&Held::default())
            .iter()
            .any(|line| line.flag == "allow-external-publish" && line.restricts)
    );
    flags.publish.value = true;
    flags.external_publish.value = false;
    assert_eq!(name(&flags), Some("allow-external-publish"));
    assert!(flags.denies(Capability::Publish).is_none());
    assert_eq!(taker(&flags, Capability::RpubsPublish), Some("allow-external-publish"));
    flags.external_publish.value = true;
    flags.rpubs_publish.value = false;
    assert_eq!(taker(&flags, Capability::RpubsPublish), Some("allow-rpubs-publish"));
    assert_eq!(name(&flags), None);
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
    let settings = settings(&[
        ("rsession.conf", "allow-shell=0\nlimit-file-upload-size-mb=5\ndirectory-view-allow-list=/a:/b\n"),
        ("profiles", "[@staff]\nallow-shell=1\n[bob]\nallow-vcs=0\n"),
    ]);
    let of = |user: &str, groups: &[&str]| of(&settings, user, groups);
    let alice = of("alice", &[]);
    assert_eq!(alice.shell, Setting::at(false, "rsession.conf", 1));
    assert_eq!(alice.upload_limit(), Some(5 * 1024 * 1024));
    assert_eq!(alice.directories.value, ["/a", "/b"]);
    let bob = of("bob", &["staff"]);
    assert_eq!(bob.shell, Setting::at(true, "profiles", 2));
    assert_eq!(bob.vcs, Setting::at(false, "profiles", 4));
    assert_eq!(of("carol", &[]).vcs.origin, Origin::Default);
}

/// `PORTCULLIS_GENERATE=1` writes the page instead of complaining.
#[test]
fn the_page_is_what_the_table_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flags.md");
    let expected = super::reference::reference();
    if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
        std::fs::write(&path, &expected).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == expected, "docs/flags.md is stale: PORTCULLIS_GENERATE=1 writes it");
}

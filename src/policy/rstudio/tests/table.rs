//! The tables against the real program's lists.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::reference::{all_rows, reference, shut};
use super::*;
use crate::flag;

/// The methods of the real program, each with the file that registers it.
const METHODS: &str = include_str!("../../testdata/rstudio-2025.07.methods");
/// The starts of addresses for which the real session, or the server before it, has a handler.
const HANDLERS: &str = include_str!("../../testdata/rstudio-2025.07.handlers");

fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once('\t').expect("two columns"))
}

#[test]
fn every_method_of_the_real_program_is_in_the_table_and_no_other() {
    let real: BTreeMap<_, _> = lines(METHODS).collect();
    let ours: BTreeMap<_, _> = rpc::methods().map(|(source, method)| (method.name, source)).collect();
    assert_eq!(ours.len(), rpc::methods().count(), "a method stands in two places");
    assert_eq!(real.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>());
    assert_eq!(real.len(), 501, "the list is whole");
    assert!(rpc::methods().all(|(_, method)| !method.needs.is_empty()));
}

#[test]
fn every_handler_of_the_real_program_is_in_a_row_or_unknown_on_purpose() {
    // Prefixes that rserver passes on and no handler of rsession serves.
    let unserved = ["/source", "/diff", "/agreement"];
    let mut handlers = 0;
    for (prefix, source) in lines(HANDLERS) {
        handlers += 1;
        let fits = |path: &str| all_rows().any(|row| row.fits(path).is_some());
        let start = prefix.trim_end_matches('/');
        let known = ["", "/x", "/x/y", "/get_events"].iter().any(|end| fits(&format!("{start}{end}")));
        assert!(known || unserved.contains(&prefix), "{prefix} of {source} is in no row");
    }
    assert_eq!(handlers, 52);
}

#[test]
fn each_flag_shuts_what_it_takes_and_nothing_else() {
    let mut decisions = 0;
    for change in ALL {
        let flags = with(change);
        for (_, method) in rpc::methods() {
            let denied = method.needs.iter().any(|need| flags.denies_in(Ide::Rstudio, *need).is_some());
            let path = format!("/rpc/{}", method.name);
            assert_eq!(decide(&flags, &ask("POST", &path)).is_forward(), !denied, "{}", method.name);
            decisions += 1;
        }
        for row in all_rows() {
            let path = row.path.replace("/p/*", "/p/112f8af0").replace("/p6/*", "/p6/112f8af0");
            let path = path.replace("**", "a/b.html").replace('*', "stat");
            let denied = row.needs.iter().any(|need| flags.denies_in(Ide::Rstudio, *need).is_some())
                || row.path.starts_with("/rsession-local");
            for method in row.methods.words() {
                let ask = Ask { upgrade: row.socket.is_some() && !row.either, ..ask(method, &path) };
                assert_eq!(
                    decide(&flags, &ask).is_forward(),
                    !denied,
                    "{method} {path} {:?}",
                    flags.restriction()
                );
                decisions += 1;
            }
        }
    }
    assert!(decisions > 6_000, "{decisions}");
}

#[test]
fn an_untouched_installation_refuses_nothing_of_the_real_program() {
    let flags = free();
    for (_, method) in rpc::methods() {
        let forward = forwarded(&flags, &ask("POST", &format!("/rpc/{}", method.name)));
        assert_eq!((forward.body, forward.activity), (BodyRule::Stream, method.act), "{}", method.name);
    }
    forwarded(&flags, &ask("POST", "/rpc/a_method_of_next_year"));
    forwarded(&flags, &ask("GET", "/a_page_of_next_year"));
}

#[test]
fn an_unknown_method_is_refused_and_named_whatever_flag_restricts() {
    for change in ALL {
        let flags = with(change);
        for path in [
            "/rpc/a_method_of_next_year",
            "/rpc/Start_terminal",
            "/rpc/stat/x",
            "/exportx/a",
            "/uploadx",
            "/x",
        ] {
            let refusal = refused(&flags, &ask("POST", path));
            assert!(refusal.rule.contains(path), "{}", refusal.rule);
        }
        for path in ["/rpc//stat", "/rpc/./stat", "/rpc/st%61t", "/rpc/stat;x", "//rpc/stat"] {
            refused(&flags, &ask("POST", path));
        }
    }
}

#[test]
fn what_a_flag_of_its_own_takes_is_there() {
    for about in flag::ALL.into_iter().filter(|about| about.concerns.includes(Ide::Rstudio)) {
        if about.takes.is_empty()
            || ["allow-launcher-jobs", "allow-remove-public-folder"].contains(&about.name)
        {
            continue;
        }
        let by_key = ["allow-vcs-executable-edit", "allow-r-cran-repos-edit"].contains(&about.name);
        let doors = all_rows().filter(|row| shut(&row.needs, about)).count();
        let calls = rpc::methods().filter(|(_, method)| shut(method.needs, about)).count();
        assert!(doors + calls > 0 || by_key, "{} shuts nothing", about.name);
    }
}

#[test]
fn the_reference_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ides/rstudio.md");
    if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
        std::fs::write(&file, reference()).expect("it can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == reference(), "docs/ides/rstudio.md is stale: PORTCULLIS_GENERATE=1 writes it");
}

//! Doors are real: each is covered by its row, shut by what takes it away, and names what it says it names.

use super::*;
use crate::{Flags, PathRule, Setting, Verdict, decide, judge_body};

#[test]
fn each_row_has_a_door_that_leads_to_its_capability() {
    let adapters = Adapters::default();
    let mut counted = 0;
    for ide in Ide::BUILT_IN {
        for row in rows_of(&adapters, ide) {
            let door = door(row, "a b/ü.txt");
            assert!(row.fits(&door.path).is_some(), "{ide}: {} is not of {}", door.path, row.path);
            let found = row_of(&adapters, ide, &door.ask()).expect("a row");
            // A narrower row stands before a wider one, and takes its example.
            let same = found == row || found.fits(&door.path).is_some();
            assert!(same, "{ide}: {} is covered by {}", door.request(), found.path);
            counted += 1;
        }
    }
    assert!(counted > 100, "{counted}");
}

#[test]
fn a_capability_that_is_taken_away_closes_each_of_its_doors() {
    let adapters = Adapters::default();
    let open = Flags { presentation_commands: crate::Setting::default_of(true), ..Flags::default() };
    for (capability, flags) in [
        (Capability::Shell, Flags { shell: crate::Setting::at(false, "f", 1), ..open.clone() }),
        (Capability::Download, Flags { downloads: crate::Setting::at(false, "f", 1), ..open.clone() }),
        (Capability::Upload, Flags { uploads: crate::Setting::at(false, "f", 1), ..open.clone() }),
        (Capability::Vcs, Flags { vcs: crate::Setting::at(false, "f", 1), ..open.clone() }),
    ] {
        let doors = doors(&adapters, Ide::Jupyter, capability, Some("a.bin"));
        assert!(!doors.is_empty());
        for door in doors {
            let judged = |flags: &Flags| match &door.body {
                Some(body) => crate::judge_body(&adapters, Ide::Jupyter, flags, &door.ask(), body.as_bytes()),
                None => decide(&adapters, Ide::Jupyter, flags, &door.ask()),
            };
            assert!(judged(&open).is_forward(), "{}", door.request());
            assert!(matches!(judged(&flags), Verdict::Refuse(_)), "{} {capability:?}", door.request());
        }
    }
}

#[test]
fn names_are_encoded_for_a_url() {
    assert_eq!(encoded("a b/ü%?#.txt"), "a%20b/%C3%BC%25%3F%23.txt");
}

#[test]
fn a_request_without_a_row_has_none() {
    let adapters = Adapters::default();
    let door = Door { method: "GET", path: "/no/such/route".into(), query: None, upgrade: false, body: None };
    assert!(row_of(&adapters, Ide::Jupyter, &door.ask()).is_none());
    let odd =
        Door { method: "TRACE", path: "/api/terminals".into(), query: None, upgrade: false, body: None };
    assert!(row_of(&adapters, Ide::Jupyter, &odd.ask()).is_none());
}

fn judged(adapters: &Adapters, ide: Ide, flags: &Flags, door: &Door) -> Verdict {
    let verdict = decide(adapters, ide, flags, &door.ask());
    match (&verdict, &door.body) {
        (Verdict::Forward(forward), Some(body)) if matches!(forward.body, crate::BodyRule::Judge { .. }) => {
            judge_body(adapters, ide, flags, &door.ask(), body.as_bytes())
        }
        _ => verdict,
    }
}

#[test]
fn a_file_that_a_door_names_is_looked_at_or_the_door_is_shut() {
    let adapters = Adapters::default();
    let strict = Flags { restrict_directories: Setting::at(true, "f", 1), ..Flags::default() };
    for (ide, least) in [(Ide::Jupyter, 12), (Ide::Rstudio, 150), (Ide::CodeServer, 3)] {
        let doors = naming(&adapters, ide, "/home/a/away/passwd");
        for door in &doors {
            let text = format!("{}{:?}{:?}", door.path, door.query, door.body);
            assert!(text.contains("away/passwd"), "{text}");
            match judged(&adapters, ide, &strict, door) {
                Verdict::Refuse(_) => {}
                // The folder of an upload is looked at while its form streams.
                Verdict::Forward(forward) if forward.body == crate::BodyRule::Form => {}
                Verdict::Forward(forward) if forward.paths != PathRule::None => {}
                // By its head, then; the body says nothing more.
                Verdict::Forward(_) => {
                    let Verdict::Forward(head) = decide(&adapters, ide, &strict, &door.ask()) else {
                        continue;
                    };
                    assert_ne!(head.paths, PathRule::None, "{ide}: {text}");
                }
            }
            assert!(judged(&adapters, ide, &Flags::default(), door).is_forward(), "{ide}: {text}");
        }
        assert!(doors.len() >= least, "{ide}: {}", doors.len());
    }
}

#[test]
fn a_file_of_a_byte_too_many_is_refused_and_one_that_just_fits_is_not() {
    let adapters = Adapters::default();
    let limited = Flags { upload_limit_mb: Setting::at(1, "f", 1), ..Flags::default() };
    for ide in [Ide::Jupyter, Ide::Rstudio] {
        for (bytes, passes) in [(1 << 20, true), ((1 << 20) + 1, false)] {
            for door in bringing(&adapters, ide, bytes).iter().filter(|door| door.path != "/upload") {
                let verdict = judged(&adapters, ide, &limited, door);
                assert_eq!(verdict.is_forward(), passes, "{ide}: {bytes} by {}", door.request());
                assert!(judged(&adapters, ide, &Flags::default(), door).is_forward());
            }
        }
    }
}

#[test]
fn messages_say_what_they_take() {
    let count = |ide, named: bool| {
        messages(ide, "/home/a/x.txt").iter().filter(|one| !named || one.names_files()).count()
    };
    assert!(count(Ide::Jupyter, false) > 25 && count(Ide::CodeServer, false) > 150);
    assert!(count(Ide::CodeServer, true) >= 15);
    for ide in Ide::BUILT_IN {
        assert!(messages(ide, "/x").iter().all(|one| !one.message.is_empty()));
    }
}

//! What becomes of calls about files.

use serde_json::json;

use super::stream::{Arg, body, call, listen, regular, uri, write_file};
use super::{Wire, flags, no};
use crate::Direction;
use crate::code_server::judge::{NEW_MAX, TEXT_MAX};
use crate::inspect::{Acts, Inspect as _, Note};
use crate::ledger::Digest;

const FILES: &str = "remoteFilesystem";

#[test]
fn uploads_and_saves_are_told_apart_by_size_kind_and_what_was_opened() {
    let off = flags(|flags| flags.uploads = no(false));
    let new = usize::try_from(NEW_MAX).expect("small");
    let most = usize::try_from(TEXT_MAX).expect("small");
    let text = |size: usize| vec![b'x'; size];
    let refused = |opened: bool, path: &str, content: &[u8]| {
        let mut wire = Wire::open(&off);
        if opened {
            wire.up(&listen(5, FILES, "readFileStream", &[uri(path), Arg::Json(json!({}))]));
        }
        wire.up(&write_file(6, path, content));
        !wire.out.refused().is_empty()
    };
    assert!(!refused(false, "/home/a/x", &text(new)));
    assert!(refused(false, "/home/a/x", &text(new + 1)));
    assert!(!refused(true, "/home/a/x", &text(new + 1)));
    assert!(!refused(true, "/home/a/x", &text(most)));
    assert!(refused(true, "/home/a/x", &text(most + 1)));
    assert!(refused(true, "/home/a/x", b"\x7fELF\0\0"));
    assert!(refused(false, "/home/a/x", b"\xff\xfe"));
    assert!(!refused(false, "/home/a/x", "é".repeat(600).as_bytes()));
    let own = "/home/a/.local/share/code-server/User/x";
    assert!(!refused(false, own, &text(new + 1)));
    assert!(refused(false, "/home/b/.local/share/code-server/User/x", &text(new + 1)));
    // Made empty in the editor, then filled.
    let mut wire = Wire::open(&off);
    wire.up(&write_file(6, "/home/a/n", b""));
    wire.up(&write_file(7, "/home/a/n", &text(new + 1)));
    assert!(wire.out.refused().is_empty());
    // Piece by piece: how far a piece reaches counts.
    let piece = |position: Arg, size: usize| {
        call(8, FILES, "write", &[Arg::Int(3), position, Arg::Bytes(text(size)), Arg::Int(0), Arg::Int(9)])
    };
    for (position, size, passes) in [
        (Arg::Int(0), 10, true),
        (Arg::Int(u32::try_from(most).expect("small")), 1, false),
        (Arg::Json(json!(4_294_967_296_u64)), 1, false),
        (Arg::Json(json!(null)), 1, false),
        (Arg::Nothing, 1, false),
    ] {
        let mut wire = Wire::open(&off);
        wire.up(&piece(position, size));
        assert_eq!(wire.out.refused().is_empty(), passes);
    }
    for (create, passes) in [(json!({"create": true}), false), (json!({"create": false}), true)] {
        let mut wire = Wire::open(&off);
        wire.up(&call(9, FILES, "open", &[uri("/home/a/new"), Arg::Json(create)]));
        assert_eq!(wire.out.refused().is_empty(), passes);
    }
}

#[test]
fn a_large_save_streams_through_and_is_counted_once() {
    let bytes = write_file(6, "/home/a/x", &vec![b'x'; 3 << 20]);
    let mut wire = Wire::open(&flags(|_| {}));
    for piece in bytes.chunks(60_000) {
        let before = wire.out.up.len();
        wire.up(piece);
        assert!(wire.out.up.len() + 4096 > before + piece.len(), "nothing large is kept");
    }
    assert_eq!(wire.out.up, bytes);
    let transfers: Vec<_> = wire
        .out
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::Moved(moved) => {
                let digest = {
                    let mut digest = Digest::new();
                    digest.update(&vec![b'x'; 3 << 20]);
                    digest.finish()
                };
                assert_eq!(moved.sum, digest);
                let transfer = &moved.transfer;
                Some((transfer.direction, transfer.path.as_str(), moved.sum.bytes, moved.complete))
            }
            _ => None,
        })
        .collect();
    assert_eq!(transfers, [(Direction::Upload, "/home/a/x", 3 << 20, true)]);
    let mut acts = Acts::default();
    let mut wire = Wire::open(&flags(|_| {}));
    wire.up(&bytes[..100_000]);
    wire.socket.ended(&mut acts);
    assert!(matches!(acts.notes.last(), Some(Note::Moved(moved)) if !moved.complete));
}

#[test]
fn a_limit_of_size_holds_where_uploads_are_allowed() {
    let limit = flags(|flags| flags.upload_limit_mb = no(1));
    for (size, passes) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        let mut wire = Wire::open(&limit);
        wire.up(&write_file(6, "/home/a/x", &vec![0; size]));
        assert_eq!(wire.out.refused().is_empty(), passes, "{size}");
    }
}

#[test]
fn downloads_are_told_from_opening_and_from_settings() {
    let off = flags(|flags| flags.downloads = no(false));
    let read = |path: &str, options: Arg| {
        let mut wire = Wire::open(&off);
        wire.up(&call(5, FILES, "readFile", &[uri(path), options]));
        wire.out.refused().is_empty()
    };
    assert!(!read("/home/a/x", Arg::Nothing));
    assert!(!read("/home/a/x", Arg::Json(json!(null))));
    assert!(!read("/home/a/x", Arg::Json(json!({"atomic": false}))));
    assert!(!read("/home/a/x", Arg::Json(json!({"atomic": "true"}))));
    assert!(read("/home/a/x", Arg::Json(json!({"atomic": true}))));
    assert!(read("/home/a/.vscode/tasks.json", Arg::Nothing));
    assert!(read("/home/a/.local/share/code-server/User/settings.json", Arg::Nothing));
    assert!(read("/usr/lib/code-server/lib/vscode/extensions/x/package.json", Arg::Nothing));
    let mut wire = Wire::open(&off);
    wire.up(&listen(5, FILES, "readFileStream", &[uri("/home/a/x"), Arg::Json(json!({}))]));
    assert!(wire.out.refused().is_empty());
    wire.up(&call(6, FILES, "open", &[uri("/home/a/x"), Arg::Json(json!({"create": false}))]));
    assert_eq!(wire.out.refused(), ["remoteFilesystem.open /home/a/x"]);
    // An address with a second reading.
    let other =
        Arg::Json(json!({"$mid": 1, "path": "/vscode-resource", "query": "{}", "scheme": "vscode-remote"}));
    wire.up(&call(7, FILES, "readFile", &[other, Arg::Json(json!({"atomic": true}))]));
    assert_eq!(wire.out.refused().len(), 2);
}

#[test]
fn a_fetched_file_is_noted_with_the_size_of_the_answer() {
    let mut wire = Wire::open(&flags(|_| {}));
    wire.up(&call(5, FILES, "readFile", &[uri("/home/a/x"), Arg::Nothing]));
    let mut answer = vec![4, 2, 6, 0xc9, 0x01, 6, 5, 3, 0xe8, 0x07];
    answer.extend(vec![b'x'; 1000]);
    let bytes = regular(9, &answer);
    wire.down(&bytes);
    assert_eq!(wire.out.down, bytes);
    let noted = wire.out.notes.iter().any(|note| {
        matches!(note, Note::Moved(moved) if moved.complete && moved.sum.bytes == 1000
            && moved.transfer.path == "/home/a/x" && moved.transfer.direction == Direction::Download)
    });
    assert!(noted, "{:?}", wire.out.notes);
}

#[test]
fn every_path_of_a_call_is_asked_for_while_directories_are_restricted() {
    let on = flags(|flags| flags.restrict_directories = no(true));
    let mut wire = Wire::open(&on);
    wire.allow = |claim| claim.tail.starts_with("home/a/");
    wire.up(&call(5, FILES, "rename", &[uri("/home/a/x"), uri("/home/a/y"), Arg::Nothing]));
    assert_eq!(wire.out.asked.len(), 2);
    wire.up(&call(6, FILES, "watch", &[Arg::Text("s"), Arg::Int(1), uri("/etc"), Arg::Nothing]));
    wire.up(&listen(7, FILES, "readFileStream", &[uri("/etc/passwd"), Arg::Nothing]));
    wire.up(&call(8, FILES, "copy", &[uri("/etc/passwd"), uri("/home/a/p"), Arg::Nothing]));
    wire.up(&call(9, FILES, "copy", &[uri("/home/a/p"), uri("/etc/p"), Arg::Nothing]));
    assert_eq!(wire.out.refused().len(), 4, "{:?}", wire.out.refused());
    wire.up(&call(10, "extensions", "zip", &[Arg::Json(json!({}))]));
    assert_eq!(wire.out.refused().len(), 5);
    let asked = wire.out.asked.len();
    wire.up(&call(11, FILES, "stat", &[uri("/usr/lib/code-server/lib/vscode/extensions/git/package.json")]));
    assert_eq!(wire.out.asked.len(), asked, "the program's own are not asked for");
    for bad in ["/home/a/../b", "relative", "/c:/x"] {
        wire.up(&call(12, FILES, "stat", &[uri(bad)]));
    }
    assert_eq!(wire.out.refused().len(), 8);
    wire.up(&call(13, FILES, "stat", &[Arg::Text("/etc/passwd")]));
    wire.up(&regular(15, &body(100, 14, FILES, "stat", None)));
    assert_eq!(wire.out.refused().len(), 10);
}

#[test]
fn where_directories_are_only_recorded_the_call_goes_on_and_is_noted_once() {
    let strict = flags(|flags| flags.restrict_directories = no(true));
    let on = flags(|flags| flags.audited = Some(Box::new((*strict).clone())));
    let mut wire = Wire::open(&on);
    wire.allow = |claim| claim.tail.starts_with("home/a/");
    let inside = call(5, FILES, "rename", &[uri("/home/a/x"), uri("/home/a/y"), Arg::Nothing]);
    let outside = call(6, FILES, "rename", &[uri("/etc/x"), uri("/etc/y"), Arg::Nothing]);
    wire.up(&inside);
    assert!(wire.out.refused().is_empty() && !wire.out.asked.is_empty());
    wire.up(&outside);
    assert_eq!(wire.out.up, [inside, outside].concat());
    let noted = |note: &&Note| matches!(note, Note::Refused { passed: true, .. });
    assert_eq!(wire.out.notes.iter().filter(noted).count(), 1, "{:?}", wire.out.notes);
}

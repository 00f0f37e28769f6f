//! Saves and uploads, told apart by their bodies.

use super::super::body;
use super::*;

fn judged(change: Change, method: &str, path: &str, body: &str) -> Verdict {
    judge_body(&with(change), &ask(method, path), body.as_bytes())
}

#[test]
fn what_is_held_depends_on_flags_and_length() {
    let rule = |flags: &Flags, method: &str, length: Option<u64>| {
        let forward = forwarded(flags, &Ask { content_length: length, ..ask(method, "/api/contents/a") });
        (forward.body, forward.transfer.is_some())
    };
    let free = Flags::default();
    assert_eq!(rule(&free, "PUT", Some(100)), (BodyRule::Judge { limit: body::TELL_MAX }, false));
    assert_eq!(rule(&free, "PUT", Some(1 << 30)), (BodyRule::Stream, true));
    assert_eq!(rule(&free, "PUT", None), (BodyRule::Stream, true));
    assert_eq!(rule(&free, "POST", Some(100)), (BodyRule::Stream, false));
    let off = with(UPLOADS);
    assert_eq!(rule(&off, "PUT", Some(1 << 30)), (BodyRule::Judge { limit: body::JUDGE_MAX }, false));
    assert_eq!(rule(&off, "PATCH", None), (BodyRule::Judge { limit: body::NAMES_MAX }, false));
    let limited = with(LIMIT);
    assert_eq!(rule(&limited, "PUT", Some(1 << 20)), (BodyRule::Judge { limit: body::JUDGE_MAX }, false));
    assert!(matches!(rule(&limited, "PUT", Some(1 << 30)), (BodyRule::Limit(_), true)));
    let state = |flags: &Flags| forwarded(flags, &ask("PUT", "/lab/api/workspaces/default")).body;
    assert_eq!((state(&off), state(&free)), (BodyRule::Limit(body::NAMES_MAX), BodyRule::Stream));
    assert_eq!(rule(&with(FOLDERS), "POST", None), (BodyRule::Judge { limit: body::NAMES_MAX }, false));
}

#[test]
fn an_upload_is_told_from_a_save() {
    let uploads = [
        r#"{"type":"file","format":"base64","name":"up.txt","content":"aGk=","path":"up.txt"}"#,
        r#"{"type":"file","format":"base64","name":"up.txt","content":"aGk=","chunk":1}"#,
        r#"{"type":"file","format":"base64","content":"aGk=","chunk":-1}"#,
        r#"{"type":"file","format":"text","content":"hi","chunk":2}"#,
        r#"{"type":"file","format":"text","content":"hi","chunk":false}"#,
        r#"{"type":"file","format":"base64","content":"aGk="}"#,
        r#"{"type":"file","content":"aGk="}"#,
        r#"{"type":"other","format":"base64","content":"aGk="}"#,
        r#"{"content":"aGk=","format":"Text"}"#,
        r#"{"type":"notebook","format":"json","name":"n.ipynb","content":{"cells":[]}}"#,
        r#"{"type":"notebook","format":"json","n\u0061me":"n.ipynb","content":{"cells":[]}}"#,
        r#"{"type":"file","form\u0061t":"base64","content":"aGk="}"#,
        r#"{"type":"file","format":"text","content":{"a":1}}"#,
        r#"{"type":"file","format":"text","content":[1]}"#,
    ];
    for body in uploads {
        let verdict = judged(UPLOADS, "PUT", "/api/contents/up.txt", body);
        let Verdict::Refuse(refusal) = verdict else { panic!("{body} passed") };
        assert_eq!(refusal.flag, Some("allow-file-uploads"), "{body}");
        assert!(
            judge_body(&Flags::default(), &ask("PUT", "/api/contents/up.txt"), body.as_bytes()).is_forward()
        );
    }
    for body in [
        r#"{"type":"file","format":"text","content":"hi","path":"a.txt"}"#,
        r#"{"type":"notebook","format":"json","content":{"cells":[],"metadata":{}},"path":"a.ipynb"}"#,
        r#"{"type":"notebook","content":{"cells":[],"path":"x","path":"y"}}"#,
        r#"{"type":"directory"}"#,
        r#"{"type":"file","format":"text","content":"hi","chunk":null,"name":null}"#,
        r#"{}"#,
        "null",
        "",
        "  \r\n",
    ] {
        let verdict = judged(UPLOADS, "PUT", "/api/contents/a.txt", body);
        let Verdict::Forward(forward) = verdict else { panic!("{body} was refused: {verdict:?}") };
        assert_eq!(
            (forward.capability, forward.transfer, forward.body),
            (Capability::Write, None, BodyRule::Stream)
        );
    }
    for (method, body) in [
        ("POST", r#"{"type":"file","ext":".txt"}"#),
        ("POST", r#"{"type":"notebook"}"#),
        ("POST", r#"{"copy_from":"/a/b.txt"}"#),
        ("PATCH", r#"{"path":"new.txt"}"#),
    ] {
        assert!(judged(UPLOADS, method, "/api/contents/a", body).is_forward(), "{method} {body}");
    }
    assert!(
        !judged(UPLOADS, "POST", "/api/contents/a", r#"{"type":"file","format":"base64","content":"aGk="}"#)
            .is_forward()
    );
}

#[test]
fn a_body_that_can_be_read_in_two_ways_is_refused() {
    for body in [
        r#"{"format":"text","format":"base64","content":"aGk="}"#,
        r#"{"format":"base64","form\u0061t":"text","content":"aGk="}"#,
        r#"{"content":"x","content":"y","format":"text"}"#,
        r#"{"chunk":1,"chunk":null}"#,
        "\u{feff}{}",
        "{} {}",
        "[]",
        "\"x\"",
        "{\"content\":\"x\",}",
        "{/* */}",
        "\u{1f}\u{8b}gzip",
        "{'a':1}",
    ] {
        let Verdict::Refuse(refusal) = judged(UPLOADS, "PUT", "/api/contents/a", body) else {
            panic!("{body} passed")
        };
        assert_eq!(refusal.status, 400, "{body}");
        assert!(judge_body(&Flags::default(), &ask("PUT", "/api/contents/a"), body.as_bytes()).is_forward());
    }
}

#[test]
fn an_upload_of_an_allowed_person_is_recorded() {
    let body = br#"{"type":"file","format":"base64","name":"up.txt","content":"aGk=","chunk":3}"#;
    let verdict = judge_body(&Flags::default(), &ask("PUT", "/api/contents/d%20d/up.txt"), body);
    let Verdict::Forward(forward) = verdict else { panic!("{verdict:?}") };
    let piece = Form::Piece { base64: true, number: 3 };
    let transfer = Transfer::new(Direction::Upload, "d d/up.txt".into()).form(piece);
    assert_eq!((forward.capability, forward.transfer), (Capability::Upload, Some(transfer)));
}

#[test]
fn the_limit_counts_decoded_bytes_and_pieces() {
    let sized = |fields: &str, bytes: usize| {
        format!(r#"{{"type":"file",{fields},"content":"{}"}}"#, "QUFB".repeat(bytes / 3))
    };
    let mib = 1024 * 1024;
    let fine = sized(r#""format":"base64","name":"a""#, mib - 3);
    assert!(judged(LIMIT, "PUT", "/api/contents/a", &fine).is_forward());
    let large = sized(r#""format":"base64","name":"a""#, mib + 3);
    let Verdict::Refuse(refusal) = judged(LIMIT, "PUT", "/api/contents/a", &large) else {
        panic!("it passed")
    };
    assert_eq!((refusal.status, refusal.flag), (413, Some("limit-file-upload-size-mb")));
    let second = sized(r#""format":"base64","name":"a","chunk":2"#, 300);
    assert!(!judged(LIMIT, "PUT", "/api/contents/a", &second).is_forward());
    let first = sized(r#""format":"base64","name":"a","chunk":1"#, mib - 3);
    assert!(judged(LIMIT, "PUT", "/api/contents/a", &first).is_forward());
    let save = sized(r#""format":"text""#, 2 * mib);
    assert!(judged(LIMIT, "PUT", "/api/contents/a", &save).is_forward());
    let huge = sized(r#""format":"text""#, 9 * mib);
    assert!(!judged(LIMIT, "PUT", "/api/contents/a", &huge).is_forward());
    assert!(!judged(UPLOADS, "PUT", "/api/contents/a", &huge).is_forward());
}

#[test]
fn paths_in_bodies_are_claimed() {
    let claim = |tail: &str| PathRule::Resolve(PathClaim { tail: tail.into(), absolute: false });
    for (method, body, paths) in [
        ("POST", r#"{"copy_from":"/link/passwd"}"#, claim("link/passwd")),
        ("POST", r#"{"type":"file"}"#, PathRule::None),
        ("PATCH", r#"{"path":"a/./b"}"#, claim("a/b")),
        ("PUT", r#"{"path":"elsewhere","type":"file","format":"text","content":""}"#, PathRule::None),
    ] {
        let Verdict::Forward(forward) = judged(FOLDERS, method, "/api/contents/a", body) else {
            panic!("{body}")
        };
        assert_eq!(forward.paths, paths, "{body}");
    }
    for body in
        [r#"{"copy_from":"a/../../etc/passwd"}"#, r#"{"copy_from":["a"]}"#, r#"{"copy_from":"a\u0000"}"#]
    {
        let Verdict::Refuse(refusal) = judged(FOLDERS, "POST", "/api/contents/a", body) else {
            panic!("{body}")
        };
        assert_eq!(refusal.status, 400, "{body}");
    }
}

#[test]
fn the_form_says_where_the_file_is() {
    let form =
        |body: &str| match judge_body(&Flags::default(), &ask("PUT", "/api/contents/a"), body.as_bytes()) {
            Verdict::Forward(forward) => forward.transfer.map(|transfer| transfer.form),
            Verdict::Refuse(refusal) => panic!("{body}: {}", refusal.rule),
        };
    let base64 = Form::Model { base64: Some(true) };
    assert_eq!(form(r#"{"type":"file","format":"base64","name":"a","content":"aGk="}"#), Some(base64));
    let text = Form::Model { base64: Some(false) };
    assert_eq!(form(r#"{"type":"file","format":"text","name":"a","content":"hi"}"#), Some(text));
    let notebook = r#"{"type":"notebook","format":"json","name":"n.ipynb","content":{"cells":[]}}"#;
    assert_eq!(form(notebook), Some(Form::Opaque));
    let last = r#"{"type":"file","format":"base64","content":"aGk=","chunk":-1}"#;
    assert_eq!(form(last), Some(Form::Piece { base64: true, number: -1 }));
    // What can be read in two ways may be an upload: it is recorded as one.
    let twice = r#"{"format":"text","format":"base64","content":"aGk="}"#;
    assert_eq!(form(twice), Some(Form::Model { base64: None }));
    assert_eq!(form(r#"{"type":"file","format":"text","content":"hi"}"#), None);
}

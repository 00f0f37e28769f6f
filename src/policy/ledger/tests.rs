//! Files are found in bodies however they are cut, and what can't be read is said.

use super::*;

fn sum(bytes: &[u8]) -> Sum {
    let mut digest = Digest::new();
    digest.update(bytes);
    digest.finish()
}

/// Feeds the body whole, byte by byte and in threes; the three must agree.
#[track_caller]
fn tally(form: Form, body: &[u8]) -> Counted {
    let of = |width: usize| {
        let mut tally = Tally::new(form, None);
        body.chunks(width.max(1)).for_each(|piece| tally.update(piece));
        tally.finish()
    };
    let whole = of(body.len());
    assert_eq!((of(1), of(3)), (whole, whole));
    whole
}

const BY_FORMAT: Form = Form::Model { base64: None };

#[test]
fn the_content_of_a_model_is_the_file() {
    for (body, file) in [
        (r#"{"format":"base64","content":"aGk="}"#, &b"hi"[..]),
        (r#" { "content" : "aGk=" , "format" : "base64" } "#, b"hi"),
        (r#"{"format":"text","content":"hi\n\"\u00e9\ud83d\ude00\/"}"#, "hi\n\"é😀/".as_bytes()),
        (r#"{"content":"é😀","format":"text"}"#, "é😀".as_bytes()),
        (r#"{"c\u006fntent":"aGk=","form\u0061t":"base64"}"#, b"hi"),
        (r#"{"format":"base64","content":"a\nG k="}"#, b"hi"),
        (r#"{"format":"base64","content":"aG\u006b="}"#, b"hi"),
        (r#"{"format":"base64","content":"aGk=aGk="}"#, b"hi"),
        (r#"{"format":"base64","content":"aGkh"}"#, b"hi!"),
        (r#"{"format":"base64","content":""}"#, b""),
        (r#"{"a":[{"content":"no"},"]}"],"b":"\\","x":null,"n":-1.5e3,"format":"text","content":"y"}"#, b"y"),
        (
            r#"{"content":"\ud800x\ud800\ud83d\ude00\udc00","format":"text"}"#,
            "\u{fffd}x\u{fffd}😀\u{fffd}".as_bytes(),
        ),
    ] {
        let counted = tally(BY_FORMAT, body.as_bytes());
        assert_eq!((counted.sum, counted.file), (sum(file), true), "{body}");
    }
    let counted = tally(BY_FORMAT, br#"{"format":"text","chunk":-1,"content":"x"}"#);
    assert_eq!(counted.piece, Some(-1));
    // What was said beforehand holds.
    let said = Form::Model { base64: Some(true) };
    assert_eq!(tally(said, br#"{"content":"aGk=","format":null}"#).sum, sum(b"hi"));
}

#[test]
fn what_is_no_file_is_hashed_as_it_stands() {
    for body in [
        r#"{"format":"json","content":{"cells":[]}}"#,
        r#"{"format":"text"}"#,
        r#"{"content":"x"}"#,
        r#"{"content":"x","format":"other"}"#,
        r#"{"format":"text","content":"x","content":"y"}"#,
        r#"{"format":"text","content":"x","content":["y"]}"#,
        r#"{"format":"text","content":"x","format":"base64"}"#,
        r#"{"format":"text","content":"x"} {}"#,
        r#"{"format":"text","content":"\x"}"#,
        r#"[{"format":"text","content":"x"}]"#,
        "",
        "null",
        "\u{feff}{}",
    ] {
        let counted = tally(BY_FORMAT, body.as_bytes());
        assert_eq!((counted.sum, counted.file), (sum(body.as_bytes()), false), "{body}");
    }
    assert!(!tally(Form::Opaque, b"x").file && tally(Form::Body, b"x").file);
}

#[test]
fn pieces_continue_each_other() {
    let piece = |number, before: Option<Digest>, text: &str| {
        let mut tally = Tally::new(Form::Piece { base64: true, number }, before);
        tally.update(format!(r#"{{"format":"base64","content":"{text}"}}"#).as_bytes());
        (tally.digest(), tally.finish())
    };
    let (first, counted) = piece(1, None, "aGk=");
    assert_eq!((counted.sum, counted.piece), (sum(b"hi"), Some(1)));
    let (second, counted) = piece(-1, first, "aGkh");
    assert_eq!((counted.sum, counted.piece), (sum(b"hihi!"), Some(-1)));
    assert!(second.is_some());
    let mut torn = Tally::new(Form::Piece { base64: true, number: 2 }, None);
    torn.update(br#"{"content":"aGk"#);
    assert!(torn.digest().is_none(), "a piece that broke off is none to continue");
}

#[test]
fn a_forms_file_is_found_between_its_delimiters() {
    let part = |name: &str, content: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\nX: y\r\n\r\n{content}\r\n")
    };
    let file = r#"f"; filename="a.txt"#;
    for content in ["", "hi", "\r\n", "a\r\n--c", "\r\r\n--", "x--b", "x\r\n--\r\n", "\r\n-", "\r"] {
        let body = format!("{}{}--b--\r\n", part("dir", "~"), part(file, content));
        let counted = tally(Form::Multipart, body.as_bytes());
        assert_eq!((counted.sum, counted.file), (sum(content.as_bytes()), true), "{content:?}");
    }
    let mut named = Tally::new(Form::Multipart, None);
    assert_eq!(named.place(), None);
    named.update(format!("{}{}--b--", part("targetDirectory", "~/data"), part(file, "x")).as_bytes());
    assert_eq!(named.place().as_deref(), Some("~/data/a.txt"));
    for body in [
        format!("{}--b--", part("dir", "~")),
        format!("{}{}--b--", part(file, "a"), part(file, "b")),
        format!("{}--bx\r\n", part(file, "a")),
        "no delimiter".to_owned(),
        "\r\n".to_owned(),
        format!("--{}\r\n", "b".repeat(100)),
        format!("--b\r\n{}", "x".repeat(10_000)),
    ] {
        let counted = tally(Form::Multipart, body.as_bytes());
        assert_eq!((counted.sum, counted.file), (sum(body.as_bytes()), false), "{body:?}");
    }
}

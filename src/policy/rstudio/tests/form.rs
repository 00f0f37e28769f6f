//! Forms of uploads, in pieces of any size.

use super::super::form::*;
use crate::{Flags, PathClaim, Refusal, Setting};

const TYPE: &str = "multipart/form-data; boundary=----WebKitFormBoundaryX";

fn file(content: &str) -> String {
    format!(
        "------WebKitFormBoundaryX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.txt\"\r\nContent-Type: text/plain\r\n\r\n{content}\r\n"
    )
}

fn directory(path: &str) -> String {
    format!(
        "------WebKitFormBoundaryX\r\nContent-Disposition: form-data; name=\"targetDirectory\"\r\n\r\n{path}\r\n"
    )
}

const END: &str = "------WebKitFormBoundaryX--\r\n";

fn flags(restrict: bool, limit: u64) -> Flags {
    Flags {
        restrict_directories: Setting::at(restrict, "rsession.conf", 1),
        upload_limit_mb: Setting::at(limit, "rsession.conf", 2),
        ..Flags::default()
    }
}

/// Fed in pieces of so many bytes.
fn feed(flags: &Flags, body: &[u8], size: usize) -> Result<(UploadForm, Vec<PathClaim>), Box<Refusal>> {
    let mut form = UploadForm::new(flags, TYPE)?;
    let mut claims = Vec::new();
    for piece in body.chunks(size) {
        if let FormStep::Ask(claim) = form.feed(piece)? {
            claims.push(claim);
        }
    }
    form.over()?;
    Ok((form, claims))
}

#[test]
fn both_orders_in_pieces_of_any_size() {
    let tricky = "a\r\n--\r\n------WebKitFormBoundary\r\n\r\r\n------WebKitFormBoundarY\r\n";
    for body in [file(tricky) + &directory("/srv/x") + END, directory("/srv/x") + &file(tricky) + END] {
        for size in [1, 2, 3, 7, 16, 1 << 20] {
            let (form, claims) = feed(&flags(true, 0), body.as_bytes(), size).expect("a form");
            assert_eq!(form.path(), "/srv/x/a b.txt");
            assert_eq!(form.bytes, tricky.len() as u64, "{size}");
            assert_eq!(claims, [PathClaim { tail: "srv/x".into(), absolute: true }]);
        }
    }
    let (_, claims) =
        feed(&flags(false, 0), (file("") + &directory("/etc") + END).as_bytes(), 9).expect("open");
    assert!(claims.is_empty(), "nothing to ask while directories are free");
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let head =
        |head: &str| format!("------WebKitFormBoundaryX\r\n{head}\r\n\r\nx\r\n{}{END}", directory("~"));
    for bad in [
        String::new(),
        END.to_owned(),
        file("x") + END,
        directory("~") + END,
        file("x") + &directory("~"),
        file("x") + &directory("~") + &directory("/etc") + END,
        file("x") + &file("y") + &directory("~") + END,
        file("x") + &directory("~") + END + "x",
        format!("preamble\r\n{}{}{END}", file("x"), directory("~")),
        format!("\r\n{}{}{END}", file("x"), directory("~")),
        file("x") + &directory("~\r\nx") + END,
        file("x") + &directory("") + END,
        file("x") + &directory("~/../x") + END,
        file("x") + &directory(&"y".repeat(9000)) + END,
        head("Content-Disposition: form-data; name=\"file\"; filename=\"../x\""),
        head("Content-Disposition: form-data; name=\"file\"; filename=\"a/b\""),
        head("Content-Disposition: form-data; name=\"file\"; filename=\"\""),
        head("Content-Disposition: form-data; name=\"file\""),
        head("Content-Disposition: form-data; filename=\"x\"; name=\"file\""),
        head("Content-Disposition: form-data; name=file; filename=x"),
        head("Content-Disposition: form-data; name=\"other\"; filename=\"x\""),
        head(
            "Content-Disposition: form-data; name=\"file\"; filename=\"x\"\r\nX: form-data; name=\"targetDirectory\"",
        ),
        head(
            "Content-Disposition: form-data; name=\"file\"; filename=\"x\"\r\nContent-Type: form-data; name=\"targetDirectory\"",
        ),
        head(&format!("Content-Disposition: form-data; name=\"file\"; filename=\"{}\"", "x".repeat(9000))),
        format!("------WebKitFormBoundaryX -\r\n{}", file("x")),
        // Whoever only searches for the boundary finds these as well.
        file(&format!("x{}", directory("/etc"))) + &directory("~") + END,
        file(&format!("\n{}", directory("/etc"))) + &directory("~") + END,
        file("-----WebKitFormBoundaryX") + &directory("~") + END,
        file("x") + &directory("~----WebKitFormBoundaryX") + END,
    ] {
        let fed = feed(&flags(true, 0), bad.as_bytes(), 5);
        assert!(fed.is_err(), "{bad}");
    }
    for bad in [
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"x\"",
        "multipart/form-data; charset=x; boundary=y",
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary=a boundary=b",
        "multipart/mixed; boundary=x",
    ] {
        assert!(UploadForm::new(&Flags::default(), bad).is_err(), "{bad}");
    }
}

#[test]
fn the_size_is_that_of_the_files_bytes() {
    let body = |size: usize| file(&"x".repeat(size)) + &directory("~") + END;
    let mb = 1 << 20;
    assert!(feed(&flags(false, 1), body(mb).as_bytes(), 4096).is_ok());
    let refusal = feed(&flags(false, 1), body(mb + 1).as_bytes(), 4096).expect_err("too large");
    assert_eq!((refusal.status, refusal.flag), (413, Some("limit-file-upload-size-mb")));
}

//! Files over HTTP, unguarded as in the real session.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::http::{Answer, Request, decoded};
use crate::state::Session;

/// Any path that the person can read.
pub(crate) fn export(session: &Session, request: &Request) -> Answer {
    let (name, file) = (request.query("name"), request.query("file"));
    if file.is_empty() {
        return several(session, request);
    }
    let Ok(bytes) = std::fs::read(session.path(&file)) else { return Answer::text(404, "not found") };
    if name.is_empty() {
        return Answer::text(400, "name not specified");
    }
    attachment(&name, bytes)
}

fn attachment(name: &str, body: Vec<u8>) -> Answer {
    let headers = vec![("Content-Disposition", format!("attachment; filename*=UTF-8''{name}"))];
    Answer { status: 200, kind: "application/octet-stream", headers, body, chunked: true }
}

/// Stands for an archive: the contents one behind the other, folders and links followed.
fn several(session: &Session, request: &Request) -> Answer {
    let parent = session.path(&request.query("parent"));
    let mut all = Vec::new();
    for number in 0.. {
        let file = request.query(&format!("file{number}"));
        if file.is_empty() {
            break;
        }
        let path = parent.join(file);
        let inside =
            std::fs::read_dir(&path).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
        for path in inside.unwrap_or_else(|_| vec![path]) {
            all.extend(std::fs::read(path).unwrap_or_default());
        }
    }
    attachment("a.zip", all)
}

/// Below the home; a second slash makes it absolute.
pub(crate) fn below_home(session: &Session, request: &Request) -> Answer {
    let path = request.path();
    if path.contains("..") {
        return Answer::text(404, "not found");
    }
    show(session, &session.home.join(decoded(&path["/files/".len()..])).display().to_string())
}

pub(crate) fn show(session: &Session, path: &str) -> Answer {
    match std::fs::read(session.path(path)) {
        Ok(bytes) => Answer { body: bytes, ..Answer::text(200, "") },
        Err(_) => Answer::text(404, "not found"),
    }
}

/// Finds the fields of the form by searching, as the real one does; nobody is asked for a token.
pub(crate) fn upload(session: &Session, request: &Request) -> Answer {
    let kind = request.header("content-type");
    let Some((_, boundary)) = kind.split_once("boundary=") else {
        return Answer::error(10, "Parameter value invalid");
    };
    let (start, between) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let body = &request.body;
    let find = |needle: &[u8], from: usize| {
        body.get(from..)?.windows(needle.len()).position(|window| window == needle).map(|at| at + from)
    };
    let field = |name: &str| -> Option<(String, Vec<u8>)> {
        let at = find(format!("name=\"{name}\"").as_bytes(), 0)?;
        let head_end = find(b"\r\n\r\n", at)?;
        let end = find(between.as_bytes(), head_end)?;
        Some((String::from_utf8_lossy(&body[at..head_end]).into_owned(), body[head_end + 4..end].to_vec()))
    };
    let (Some((head, bytes)), Some((_, directory))) = (field("file"), field("targetDirectory")) else {
        return Answer::error(10, "Parameter value invalid");
    };
    let name =
        head.split_once("filename=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
    if name.is_empty() || !body.starts_with(start.as_bytes()) {
        return Answer::error(10, "Parameter value invalid");
    }
    let folder = session.home.join(".local/share/rstudio/uploaded-files");
    let kept = folder.join(format!("{}.bin", bytes.len()));
    if std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&kept, bytes)).is_err() {
        return Answer::error(11, "Unexpected");
    }
    let target = session.path(&String::from_utf8_lossy(&directory));
    let overwrites: Vec<Value> =
        target.join(name).exists().then(|| json!({"path": target.join(name)})).into_iter().collect();
    let token = json!({
        "filename": name, "uploadedTempFile": kept, "targetDirectory": target, "unzipFound": false, "isZip": false,
    });
    Answer {
        kind: "text/html",
        ..Answer::json(&json!({"result": {"token": token, "overwrites": overwrites}}))
    }
}

/// The token comes back from the page and is believed.
pub(crate) fn complete(session: &Session, token: &Value, commit: bool) -> std::io::Result<()> {
    let text = |name: &str| token[name].as_str().unwrap_or_default().to_owned();
    let kept = PathBuf::from(text("uploadedTempFile"));
    if commit {
        let target = session.path(&text("targetDirectory")).join(text("filename"));
        return std::fs::copy(&kept, target).and_then(|_| std::fs::remove_file(kept));
    }
    std::fs::remove_file(kept)
}

//! RStudio's page and what belongs to it, from the administrator's package, as rserver served them.
//!
//! Only names that are in the policy's table come here, and the kernel keeps them below the folder. Nothing of a person's is read.
//! The files are the same for everybody: they are kept in memory, by their time of change.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Method, Response, StatusCode};
use portcullis_policy::rstudio::Own;
use portcullis_proxy::Body;
use portcullis_sys::beneath;

use crate::answers::Public;
use crate::call::Call;
use crate::state::Live;

/// Largest file: the page's own script, compiled, has some ten megabytes.
const FILE_MAX: u64 = 48 << 20;
/// Bytes of files that are kept.
const KEPT_MAX: usize = 128 << 20;
/// A file is looked at again after so long: a package that is replaced shows at once, to a person.
const FRESH: Duration = Duration::from_secs(5);

/// What the page sends as its token; ours replaces it on the way.
const TOKEN: &str = "portcullis";

#[derive(Debug, Clone)]
struct Kept {
    bytes: Bytes,
    etag: String,
    read: Instant,
}

static KEPT: LazyLock<Mutex<HashMap<PathBuf, Kept>>> = LazyLock::new(Mutex::default);

/// Answers a request that is none of the session's. `path` is the IDE's own.
pub(crate) async fn answer(
    call: &Call<'_>,
    live: &Live,
    own: Own,
    path: &str,
    headers: &HeaderMap,
) -> Response<Body> {
    let (name, template) = match own {
        Own::Null => {
            // The page's log, and a question for messages that are never there.
            return call.reader().answer(StatusCode::OK, "application/json", "{\"result\":null}".into());
        }
        Own::Home => return call.reader().go("/"),
        Own::Session => return call.reader().go(&format!("/s/{}/", live.session.id)),
        Own::Index => ("index.htm", true),
        Own::Progress => ("progress.htm", true),
        Own::File => (path.trim_start_matches('/'), false),
    };
    let file = call.generation().settings.rstudio_pages().join(name);
    let found = match kept(&file) {
        Some(found) => Ok(found),
        None => {
            let (folder, name) = (call.generation().settings.rstudio_pages(), name.to_owned());
            let read = move || beneath::read(&folder, Path::new(&name), FILE_MAX);
            match tokio::task::spawn_blocking(read).await {
                Ok(Ok(found)) => Ok(keep(file, found.bytes.into(), found.changed)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        }
    };
    match found {
        Ok(found) => whole(call, &found, name, template, headers),
        Err(why) => {
            let what = match own {
                Own::File => "RStudio's page has no such file.",
                _ => {
                    "RStudio's page is not where it is looked for. Tell your administrator: `www-local-path` says where it is."
                }
            };
            let public = Public { what: Some(what), ..Public::of(StatusCode::NOT_FOUND) };
            call.reader().refuse(public, &format!("cannot read {name} of RStudio's static files: {why}"))
        }
    }
}

fn kept(file: &Path) -> Option<Kept> {
    let all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(file).filter(|kept| kept.read.elapsed() < FRESH).cloned()
}

fn keep(file: PathBuf, bytes: Bytes, changed: SystemTime) -> Kept {
    let seconds = changed.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let kept = Kept { etag: format!("\"{seconds:x}-{:x}\"", bytes.len()), bytes, read: Instant::now() };
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let sum: usize = all.values().map(|kept| kept.bytes.len()).sum();
    if sum.saturating_add(kept.bytes.len()) > KEPT_MAX {
        all.clear();
    }
    all.insert(file, kept.clone());
    kept
}

fn whole(call: &Call<'_>, found: &Kept, name: &str, template: bool, asked: &HeaderMap) -> Response<Body> {
    let same = asked.get(IF_NONE_MATCH).is_some_and(|etag| etag.as_bytes() == found.etag.as_bytes());
    let same = same && !template;
    let body = match (same || call.method == Method::HEAD, template) {
        (true, _) => Body::empty(),
        (false, true) => Body::full(filled(&String::from_utf8_lossy(&found.bytes))),
        (false, false) => Body::full(found.bytes.clone()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = if same { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    // As GWT names them: what never changes, what always may, and the rest, which is asked about.
    let caching = if template || name.contains(".nocache.") {
        "no-store"
    } else if name.contains(".cache.") {
        "private, max-age=31536000, immutable"
    } else {
        "private, no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    if let (false, Ok(etag)) = (template, HeaderValue::from_str(&found.etag)) {
        headers.insert(ETAG, etag);
    }
    call.generation().answers.edit_session(headers, false);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Fills the template's marks: `#name#` as text of an attribute, `#!name#` as it is. Unknown ones become nothing, as in RStudio.
fn filled(template: &str) -> String {
    let mut page = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('#') {
        page.push_str(before);
        let end = after.find('#').filter(|end| {
            let name = after[..*end].trim_start_matches(['!', '\'']);
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
        let Some(end) = end else {
            page.push('#');
            rest = after;
            continue;
        };
        page.push_str(&value(after[..end].trim_start_matches(['!', '\''])));
        rest = &after[end + 1..];
    }
    page.push_str(rest);
    page
}

fn value(name: &str) -> Cow<'static, str> {
    match name {
        "compiler_stack_mode" => "native",
        "csrf_token" => TOKEN,
        "csrf_token_meta" => "rs-csrf-token",
        _ => "",
    }
    .into()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "htm" | "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "txt" | "md" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_filled_and_nothing_else_changes() {
        let page = "<a href=\"#\">#1</a><meta name=\"#csrf_token_meta#\" content=\"#csrf_token#\"/>#!head_tags#<p style=\"color:#fff\">##x#y #Not_One#";
        assert_eq!(
            filled(page),
            "<a href=\"#\">#1</a><meta name=\"rs-csrf-token\" content=\"portcullis\"/><p style=\"color:#fff\">#y #Not_One#"
        );
    }

    #[test]
    fn the_folder_is_beside_the_program() {
        let of = |text: &str| {
            let files = [("rserver.conf".to_owned(), text.to_owned())];
            portcullis_conf::load(&portcullis_conf::Sources::new("/etc/rstudio", files))
                .settings
                .rstudio_pages()
        };
        assert_eq!(of(""), Path::new("/usr/lib/rstudio-server/www"));
        assert_eq!(of("rsession-path=/opt/rs/bin/rsession\n"), Path::new("/opt/rs/www"));
        assert_eq!(of("www-local-path=/srv/www\n"), Path::new("/srv/www"));
    }

    #[test]
    fn kinds_by_name() {
        assert_eq!(kind("rstudio/x.cache.js"), "text/javascript; charset=utf-8");
        assert_eq!(kind("x"), "application/octet-stream");
    }
}

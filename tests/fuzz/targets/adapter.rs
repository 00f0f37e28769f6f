//! Paths against the rows of each IDE, and the reading of paths by itself.

use portcullis_policy::{decide, fuzz, rows_of};

use crate::Target;
use crate::oracle::{canonical, check, is_unambiguous, segments};
use crate::worlds::{ADAPTERS, FLAGS, IDES, ask};

const WORDS: &[&str] = &[
    "/",
    "//",
    "/./",
    "/../",
    "%2f",
    "%2F",
    "%5c",
    "%2e",
    "%2E%2e",
    "%25",
    "%252f",
    "%00",
    ";",
    ";a=b",
    "\\",
    "#",
    "?",
    "%61",
    "%c3%a9",
    "%ff",
    "+",
    "%20",
    "/..;/",
    "format=base64",
    "&",
    "content=1",
];
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];

/// Path, query, method and flag against the rows of an IDE.
pub(super) const ADAPTER: Target = Target { name: "adapter", run: adapter, seeds: requests, words: WORDS };
/// The reading of a path.
pub(super) const PATH: Target = Target { name: "path", run: path, seeds: paths, words: WORDS };

fn adapter(data: &[u8]) {
    let [ide, flags, method, upgrade, target @ ..] = data else { return };
    let Ok(target) = std::str::from_utf8(target) else { return };
    let ide = IDES[usize::from(*ide) % IDES.len()];
    let flags = &FLAGS[usize::from(*flags) % FLAGS.len()].1;
    let ask = ask(METHODS[usize::from(*method) % METHODS.len()], target, *upgrade == 1);
    let verdict = decide(&ADAPTERS, ide, flags, &ask);
    check(&ADAPTERS, ide, flags, &ask, &verdict);
}

fn path(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    if fuzz::malformed(path).is_some() {
        return;
    }
    // What is well formed has a meaning below the root, or is no UTF-8 once it is decoded.
    let meaning = segments(path);
    match fuzz::decode_tail(path) {
        Some(name) => {
            let parts: Vec<_> = name.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
            assert_eq!(Some(&parts), meaning.as_ref(), "{path}");
            let plain = fuzz::plain_tail(path).unwrap_or_else(|| path.to_owned());
            assert!(plain.is_empty() || is_unambiguous(&plain) || plain == "/", "{path} is sent as {plain}");
            assert_eq!(fuzz::plain_tail(&plain), None, "{path} is sent as {plain}");
            assert_eq!(segments(&plain), meaning, "{path} is sent as {plain}");
        }
        None => assert!(meaning.is_none(), "{path} has a meaning: {meaning:?}"),
    }
    if fuzz::not_plain(path).is_none() {
        assert!(is_unambiguous(path), "{path} is said to be plain");
        let meaning = meaning.expect("a plain path has one");
        assert_eq!(canonical(path).as_deref().and_then(segments), Some(meaning));
    }
}

fn requests() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (ide, one) in IDES.iter().enumerate() {
        for row in rows_of(&ADAPTERS, *one) {
            let path = row.path.replace("/**", "**").replace("**", "/a/%62").replace('*', "1");
            let socket = u8::from(row.socket.is_some());
            let flags = u8::try_from(all.len() % FLAGS.len()).unwrap_or(0);
            let method = row.methods.words().first().and_then(|word| METHODS.iter().position(|m| m == word));
            let mut seed = vec![u8::try_from(ide).unwrap_or(0), flags];
            seed.extend([u8::try_from(method.unwrap_or(0)).unwrap_or(0), socket]);
            seed.extend(path.bytes());
            all.push(seed);
        }
    }
    all
}

fn paths() -> Vec<Vec<u8>> {
    let texts =
        ["/", "/a/b", "/a%20b", "/a//b/./c/", "/%61%2f%c3%a9", "/%2e%2e/", "/a;b", "/..;/a", "/%252e"];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

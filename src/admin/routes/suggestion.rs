//! A line for `adapters.conf` that covers a request: its shape is made from the path, its capability is a guess.

use super::Request;

/// Words of a path by which a capability is guessed, the first that fits; what more they say of the route.
const WORDS: [(&[&str], &str, &str); 9] = [
    (&["terminal", "terminals", "shell", "pty", "tty", "exec", "spawn"], "shell", ""),
    (&["upload", "uploads", "import"], "upload", " upload"),
    (&["download", "downloads", "export", "attachment"], "download", " download"),
    (&["files", "file"], "read", ""),
    (&["install", "packages", "extensions", "plugins"], "install-package", ""),
    (&["git", "vcs", "svn"], "vcs", ""),
    (&["publish", "deploy"], "publish", ""),
    (&["run", "execute", "eval", "kernel", "kernels"], "execute-code", ""),
    (&["contents", "save", "write"], "write", ""),
];

/// The line, ready to paste.
pub(super) fn line(request: &Request) -> String {
    // No line for everything, whatever a program says of itself.
    let said = request.shape.as_deref().filter(|said| !plain(said).starts_with("/**"));
    let path = said.map_or_else(|| shape(&request.path), plain);
    let (capability, more) = guess(request, &path);
    let act = if request.method != "GET" { " act" } else { "" };
    let socket = if request.socket { " socket" } else { "" };
    format!("route = {} {path} {capability}{socket}{act}{more}", request.method)
}

/// What it most likely takes. Who pastes the line has to look: a guess is no knowledge.
fn guess(request: &Request, path: &str) -> (&'static str, &'static str) {
    let words: Vec<String> = path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let found = WORDS.iter().find(|(known, ..)| words.iter().any(|word| known.contains(&word.as_str())));
    match found {
        // A file goes in by a change, and out by a question; of a socket nothing is counted.
        Some((_, "upload", _)) if request.method == "GET" => ("ui", ""),
        Some((_, capability, more)) => (capability, if request.socket { "" } else { more }),
        None if request.method == "GET" => ("ui", ""),
        None => ("write", ""),
    }
}

/// A path with `*` in place of what looks like the name of one thing: numbers, ids, encoded text.
fn shape(path: &str) -> String {
    plain(
        &path
            .split('/')
            .map(|segment| if is_id(segment) { "*" } else { segment })
            .collect::<Vec<_>>()
            .join("/"),
    )
}

/// What a line can't say stands as `*`; no empty segments.
fn plain(path: &str) -> String {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@".contains(&byte);
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| match segment {
            "*" | "**" => segment,
            "." | ".." => "*",
            _ if segment.bytes().all(allowed) => segment,
            _ => "*",
        })
        .collect();
    format!("/{}", segments.join("/"))
}

fn is_id(segment: &str) -> bool {
    let hex = segment.bytes().filter(u8::is_ascii_hexdigit).count();
    let digits = segment.bytes().any(|byte| byte.is_ascii_digit());
    let rest = segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    number || (rest && digits && hex >= 8)
}

#[cfg(test)]
mod tests {
    use portcullis_conf::adapters::RouteLine;
    use portcullis_conf::value::Value as _;

    use super::*;
    use crate::routes::list;

    #[test]
    fn every_line_can_be_pasted() {
        for (request, expected) in [
            ("GET /myext/status", "GET /myext/status ui"),
            ("POST /myext/state", "POST /myext/state write act"),
            ("WS /myext/live", "GET /myext/live ui socket"),
            ("WS /myext/pty/7", "GET /myext/pty/* shell socket"),
            ("GET /session/0a1b2c3d4e5f/download/x.csv", "GET /session/*/download/x.csv download download"),
            ("POST /session/0a1b2c3d4e5f/upload/12", "POST /session/*/upload/* upload act upload"),
            ("GET /uploads/list", "GET /uploads/list ui"),
            ("DELETE /a%20b/é/;x", "DELETE /*/*/* write act"),
            ("GET /", "GET / ui"),
            ("GET //a//b", "GET /a/b ui"),
            ("GET /a/../b", "GET /a/*/b ui"),
            ("PUT /ext/run/6f9619ff-8b86-d011-b42d-00cf4fc964ff", "PUT /ext/run/* execute-code act"),
        ] {
            let request = list::parse(request).expect(request).remove(0);
            let found = line(&request);
            assert_eq!(found, format!("route = {expected}"));
            let text = found.strip_prefix("route = ").expect("a line");
            assert!(RouteLine::parse(text).is_ok(), "{text}: {:?}", RouteLine::parse(text));
        }
        let mut all = list::parse("GET /x/y").expect("a request").remove(0);
        all.shape = Some("/**".to_owned());
        assert_eq!(line(&all), "route = GET /x/y ui");
        let mut shaped = list::parse("GET /x/files/y").expect("a request").remove(0);
        shaped.shape = Some("/x/export/**".to_owned());
        assert_eq!(line(&shaped), "route = GET /x/export/** download download");
        assert!(RouteLine::parse("GET /x/export/** download download").is_ok());
    }
}

//! A `route` line: methods, a pattern, what it takes, and what else is to be known of it.

use super::pattern;
use crate::value::{Bad, Value};

/// The words for what a route takes. The policy's own list must be the same, which a test there checks; `unknown` is missing,
/// because it is what a route without a line is.
pub const CAPABILITIES: [&str; 21] = [
    "ui",
    "browse",
    "read",
    "write",
    "upload",
    "download",
    "shell",
    "execute-code",
    "install-package",
    "vcs",
    "publish",
    "publish-external",
    "vcs-executable-edit",
    "cran-repos-edit",
    "rpubs-publish",
    "presentation-commands",
    "launcher-jobs",
    "remove-public-folder",
    "terminal-socket",
    "port-proxy",
    "end-session",
];

/// The methods a line may name, and `ANY` for all of them.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "ANY"];

/// What may follow a route's capabilities.
const ATTRIBUTES: [&str; 6] = ["socket", "act", "download", "upload", "file", "name"];

/// Which way a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Into the session.
    Upload,
    /// Out of it.
    Download,
}

/// What `**` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Part of the route.
    Route,
    /// A name that is no file's path; without `**`, nothing of the request names a file's path.
    Name,
    /// A file, from the person's home on.
    File,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its methods; `GET` means `HEAD` too.
    pub methods: Vec<&'static str>,
    /// The path in the policy's form.
    pub pattern: String,
    /// What it takes, words of [`CAPABILITIES`].
    pub needs: Vec<&'static str>,
    /// Whether it is a WebSocket.
    pub socket: bool,
    /// Whether it is a person's act; of a WebSocket, whether its messages are.
    pub act: bool,
    /// Whether bytes of a file pass, for the audit log.
    pub transfer: Option<Way>,
    /// What `**` stands for.
    pub tail: Tail,
}

impl Route {
    /// Whether no request that fits `other` is left when this line stands before it.
    pub(super) fn covers(&self, other: &Self) -> bool {
        other.methods.iter().all(|method| self.methods.contains(method))
            && (self.socket || !other.socket)
            && pattern::covers(&self.pattern, &other.pattern)
    }
}

/// The kind of value.
#[derive(Debug)]
pub struct RouteLine;

impl Value for RouteLine {
    type Out = Route;

    fn words() -> String {
        "`METHOD[,METHOD] PATH CAPABILITY[+CAPABILITY] [socket] [act] [download|upload] [file|name]`".into()
    }

    fn parse(text: &str) -> Result<Route, Bad> {
        parse(text)
    }
}

const FORM: &str = "write for example `GET,POST /myext/api/** ui`";

/// Reads a line.
pub(super) fn parse(text: &str) -> Result<Route, Bad> {
    let mut words = text.split_whitespace();
    let (Some(methods), Some(path), Some(needs)) = (words.next(), words.next(), words.next()) else {
        return Err(Bad::with("a route has a method, a path and a capability", FORM));
    };
    let methods = methods.split(',').map(method).collect::<Result<Vec<_>, _>>()?;
    let methods = if methods.contains(&"ANY") { METHODS[..5].to_vec() } else { unique(methods)? };
    let pattern = pattern::normal(path).map_err(|why| Bad::with(why, FORM))?;
    let needs = unique(needs.split('+').map(capability).collect::<Result<Vec<_>, _>>()?)?;
    let mut route =
        Route { methods, pattern, needs, socket: false, act: false, transfer: None, tail: Tail::Route };
    for word in words {
        route.attribute(word)?;
    }
    route.checked()
}

impl Route {
    fn attribute(&mut self, word: &str) -> Result<(), Bad> {
        let again = match word {
            "socket" => std::mem::replace(&mut self.socket, true),
            "act" => std::mem::replace(&mut self.act, true),
            "download" => self.transfer.replace(Way::Download).is_some(),
            "upload" => self.transfer.replace(Way::Upload).is_some(),
            "file" => std::mem::replace(&mut self.tail, Tail::File) != Tail::Route,
            "name" => std::mem::replace(&mut self.tail, Tail::Name) != Tail::Route,
            _ => return Err(unknown(word, "is nothing that is said of a route", &ATTRIBUTES)),
        };
        if again {
            let text = format!("`{word}` is said twice, or beside its opposite");
            return Err(Bad { text, hint: None });
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, Bad> {
        let takes = |word: &str| self.needs.contains(&word);
        if self.socket && self.methods != ["GET"] {
            return Err(Bad::with(
                "a WebSocket is opened by GET",
                "write `GET` alone before the path of a socket",
            ));
        }
        for (way, word) in [(Way::Download, "download"), (Way::Upload, "upload")] {
            if self.transfer == Some(way) && !takes(word) {
                let text = format!("a file passes, but the route does not take the capability `{word}`");
                return Err(Bad::with(text, format!("add `+{word}` to its capabilities")));
            }
        }
        if self.tail == Tail::File && !self.pattern.contains("**") {
            let hint = "end the path with `/**`: that is the file";
            return Err(Bad::with("the path has no `**`", hint));
        }
        if takes("port-proxy") && !self.pattern.contains('*') {
            let hint = "write the path as `/proxy/**`: the port is what stands in place of the first `*`";
            return Err(Bad::with("the path of a port proxy names no port", hint));
        }
        Ok(self)
    }
}

fn method(word: &str) -> Result<&'static str, Bad> {
    match word {
        "HEAD" => Err(Bad::with("`HEAD` is decided as `GET`", "write `GET`")),
        "OPTIONS" => {
            Err(Bad::with("`OPTIONS` is decided as the strictest request to its path", "leave it out"))
        }
        _ => METHODS
            .into_iter()
            .find(|known| *known == word)
            .ok_or_else(|| unknown(word, "is no method that an IDE uses", &METHODS)),
    }
}

fn capability(word: &str) -> Result<&'static str, Bad> {
    if word == "unknown" {
        let hint = "leave the line out: a route that is in no line is unknown";
        return Err(Bad::with("`unknown` is what no line can say", hint));
    }
    CAPABILITIES
        .into_iter()
        .find(|known| *known == word)
        .ok_or_else(|| unknown(word, "is no capability", &CAPABILITIES))
}

fn unique(words: Vec<&'static str>) -> Result<Vec<&'static str>, Bad> {
    match words.iter().enumerate().find(|(at, word)| words[..*at].contains(word)) {
        Some((_, word)) => Err(Bad { text: format!("`{word}` is said twice"), hint: None }),
        None => Ok(words),
    }
}

fn unknown(word: &str, what: &str, known: &[&'static str]) -> Bad {
    let hint = match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the words are {}", known.join(", ")),
    };
    Bad::with(format!("`{word}` {what}"), hint)
}

/// The word that differs by a slip of the fingers.
pub(super) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_ascii_lowercase();
    let (distance, near) = known
        .map(|known| (strsim::damerau_levenshtein(&lower, &known.to_ascii_lowercase()), known))
        .min_by_key(|(distance, _)| *distance)?;
    // A third of the letters wrong is still a slip; more is another word.
    (distance <= (near.len() / 3).max(1)).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whole() {
        let route = parse("GET,POST  /myext/files/** download+read  file act download").expect("a route");
        assert_eq!(route.methods, ["GET", "POST"]);
        assert_eq!(route.pattern, "/myext/files**");
        assert_eq!(route.needs, ["download", "read"]);
        assert_eq!((route.act, route.socket), (true, false));
        assert_eq!((route.transfer, route.tail), (Some(Way::Download), Tail::File));
        assert_eq!(parse("ANY /x ui").expect("a route").methods.len(), 5);
    }

    #[test]
    fn a_wrong_line_says_what_and_the_nearest_word() {
        for (line, text, hint) in [
            ("", "a route has", "for example"),
            ("GET /x", "a route has", "for example"),
            ("get /x ui", "`get` is no method", "`GET`"),
            ("HEAD /x ui", "decided as `GET`", "`GET`"),
            ("OPTIONS /x ui", "strictest", "leave it out"),
            ("GET,GET /x ui", "twice", ""),
            ("GET x ui", "does not begin", "for example"),
            ("GET /x dowload", "`dowload` is no capability", "did you mean `download`?"),
            ("GET /x unknown", "what no line can say", "leave the line out"),
            ("GET /x ui+ui", "twice", ""),
            ("GET /x ui sokcet", "`sokcet` is nothing", "did you mean `socket`?"),
            ("GET /x ui act act", "twice", ""),
            ("GET /x/** ui file name", "opposite", ""),
            ("POST /x ui socket", "opened by GET", "alone"),
            ("GET /x ui download", "does not take the capability `download`", "+download"),
            ("GET /x download file", "no `**`", "/**"),
            ("GET /proxy port-proxy", "names no port", "/proxy/**"),
        ] {
            let bad = parse(line).expect_err(line);
            assert!(bad.text.contains(text), "{line}: {bad:?}");
            assert!(bad.hint.unwrap_or_default().contains(hint), "{line}");
        }
    }

    #[test]
    fn an_earlier_line_can_leave_nothing() {
        let covers = |one: &str, other: &str| parse(one).expect(one).covers(&parse(other).expect(other));
        assert!(covers("GET ** ui", "GET /files/** download"));
        assert!(covers("ANY /a/** ui", "GET,PUT /a/b ui"));
        assert!(!covers("GET ** ui", "GET,POST /x ui"));
        assert!(!covers("GET ** ui", "GET /ws ui socket"), "a socket passes a line that is none");
        assert!(covers("GET ** ui socket", "GET /ws ui socket"));
    }
}

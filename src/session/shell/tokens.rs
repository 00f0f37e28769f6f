//! Words of a line of a script, where all of them are literal or one of four that stand for something. Anything else is no word.

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// As it stands.
    Literal(String),
    /// `"$0"`: the script's path.
    Script,
    /// `"$@"`: its arguments.
    Arguments,
    /// `"$ROOT/…"`: below the folder above the script's own; with what follows.
    Root(String),
}

/// The words of a line; `None` as soon as one is not known for sure.
pub(super) fn tokens(line: &str) -> Option<Vec<Token>> {
    let mut all = Vec::new();
    let mut rest = line.trim_matches([' ', '\t']);
    while !rest.is_empty() {
        let (token, after) = token(rest)?;
        // Words that touch are one word to a shell; none of the known forms has such.
        if !(after.is_empty() || after.starts_with([' ', '\t'])) {
            return None;
        }
        all.push(token);
        rest = after.trim_start_matches([' ', '\t']);
    }
    Some(all)
}

fn token(text: &str) -> Option<(Token, &str)> {
    let plain = |word: &str| !word.is_empty() && !word.contains(|c: char| c.is_control());
    if let Some(quoted) = text.strip_prefix('\'') {
        let (word, after) = quoted.split_once('\'')?;
        return plain(word).then(|| (Token::Literal(word.to_owned()), after));
    }
    if let Some(quoted) = text.strip_prefix('"') {
        let (word, after) = quoted.split_once('"')?;
        let literal = |word: &str| !word.contains(['$', '`', '\\', '!']);
        let token = match word {
            "$@" => Token::Arguments,
            "$0" => Token::Script,
            "$ROOT" => Token::Root(String::new()),
            _ => match word.strip_prefix("$ROOT/") {
                Some(below)
                    if literal(below) && !below.split('/').any(|part| matches!(part, "" | "." | "..")) =>
                {
                    Token::Root(below.to_owned())
                }
                Some(_) => return None,
                None if literal(word) && plain(word) => Token::Literal(word.to_owned()),
                None => return None,
            },
        };
        return Some((token, after));
    }
    let end = text.find(|c: char| !is_bare(c)).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    plain(word).then(|| (Token::Literal(word.to_owned()), after))
}

/// Characters that mean themselves to every shell, anywhere in a word.
pub(super) fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ':' | '@' | '%' | ',' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Token {
        Token::Literal(text.to_owned())
    }

    #[test]
    fn known_words_are_read() {
        let found = tokens(r#"  exec '/opt/a b/node' "/x y" /z "$ROOT/lib/node" "$ROOT" "$0" "$@" "#);
        let root = |below: &str| Token::Root(below.to_owned());
        let wanted = [
            literal("exec"),
            literal("/opt/a b/node"),
            literal("/x y"),
            literal("/z"),
            root("lib/node"),
            root(""),
            Token::Script,
            Token::Arguments,
        ];
        assert_eq!(found, Some(wanted.to_vec()));
        assert_eq!(tokens(""), Some(Vec::new()));
    }

    #[test]
    fn what_a_shell_would_change_is_no_word() {
        for line in [
            "exec $NODE",
            r#"exec "$NODE""#,
            "exec `id`",
            r#"exec "`id`""#,
            "exec $(id)",
            "exec a;id",
            "exec a&&id",
            "exec a|id",
            "exec a>b",
            "exec ~/a",
            "exec a*",
            "exec [a]",
            "exec {a,b}",
            r"exec a\ b",
            r#"exec "a\"b""#,
            "exec 'a'b",
            "exec a'b'",
            r#"exec "a"'b'"#,
            "exec 'a",
            r#"exec "a"#,
            "exec ''",
            "exec #a",
            "exec !a",
            "exec a\u{7}",
            "exec 'a\u{1b}'",
            r#"exec "$ROOT/../x""#,
            r#"exec "$ROOT/a$b""#,
            r#"exec "$ROOTS""#,
            r#"exec "$@x""#,
            "exec $@",
            "exec a\nid",
        ] {
            assert_eq!(tokens(line), None, "{line:?}");
        }
    }
}

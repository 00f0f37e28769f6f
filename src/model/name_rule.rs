//! From the name that an identity provider gives to the name of a Unix account: rewriting rules, and what is refused.
//!
//! Pure and bounded: the engine has no backtracking, pattern and name have limits. Called by whoever has the last word on a
//! sign-in, and by the configuration, which reads rules.

use regex_lite::{Captures, Regex, RegexBuilder};
use thiserror::Error;

use crate::proof::{MethodName, NAME_MAX};
use crate::{IdError, UserName};

/// Longest rule, in bytes: rules of people have 20 to 60.
pub const RULE_MAX: usize = 1024;
/// Most memory of a pattern, in bytes; ordinary ones take 2 KiB.
const PATTERN_MAX: usize = 256 * 1024;
/// Deepest nesting of a pattern.
const NEST_MAX: u32 = 32;

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// Longer than [`RULE_MAX`].
    #[error("it is longer than {RULE_MAX} bytes")]
    TooLong,
    /// There is no space, or nothing before it.
    #[error("it is not a pattern, a space and a replacement")]
    Form,
    /// The pattern is none.
    #[error("`{0}` is not a regular expression, or too large a one")]
    Pattern(String),
    /// The replacement names a group that the pattern doesn't have.
    #[error("the replacement names group {0}, which the pattern does not have")]
    Group(usize),
    /// The replacement has `$` or `\` before something without a meaning.
    #[error("`{0}` has no meaning in a replacement")]
    Escape(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A group of the pattern; 0 is the whole name.
    Group(usize),
    /// From here on, letters become small ones, or not.
    Lower(bool),
}

/// A rule: a regular expression, a space, and what takes the name's place.
///
/// The expression must match the **whole** name; a name that it doesn't match stays as it is. In the replacement `$1` to `$9`
/// (or `\1` to `\9`) are groups, `$&` is the whole name, `$$` is a dollar, and what stands between `\L` and `\E` becomes
/// lower case, as in Boost's format strings, which RStudio Workbench reads.
#[derive(Debug, Clone)]
pub struct NameRule {
    text: String,
    pattern: Regex,
    pieces: Vec<Piece>,
}

impl PartialEq for NameRule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NameRule {}

impl NameRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// [`RuleError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.len() > RULE_MAX {
            return Err(RuleError::TooLong);
        }
        // The last space: a name has none, so a replacement has none either, and patterns may.
        let (pattern, replacement) = text.trim().rsplit_once(' ').ok_or(RuleError::Form)?;
        let pattern = pattern.trim_end();
        if pattern.is_empty() {
            return Err(RuleError::Form);
        }
        let compiled =
            |text: &str| RegexBuilder::new(text).size_limit(PATTERN_MAX).nest_limit(NEST_MAX).build();
        // By itself first: `a)|(b` is a pattern only when something stands around it.
        let whole = compiled(pattern).and_then(|_| compiled(&format!("^(?:{pattern})$")));
        let whole = whole.map_err(|_| RuleError::Pattern(pattern.to_owned()))?;
        let pieces = pieces(replacement)?;
        let missing = pieces.iter().find_map(|piece| match piece {
            Piece::Group(number) if *number >= whole.captures_len() => Some(*number),
            _ => None,
        });
        match missing {
            Some(number) => Err(RuleError::Group(number)),
            None => Ok(Self { text: text.trim().to_owned(), pattern: whole, pieces }),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name that a name becomes.
    pub fn apply(&self, name: &str) -> String {
        self.pattern.captures(name).map_or_else(|| name.to_owned(), |found| self.replaced(&found))
    }

    fn replaced(&self, found: &Captures<'_>) -> String {
        let (mut out, mut lower) = (String::new(), false);
        for piece in &self.pieces {
            let text = match piece {
                Piece::Lower(on) => {
                    lower = *on;
                    continue;
                }
                Piece::Text(text) => text.as_str(),
                Piece::Group(number) => found.get(*number).map_or("", |group| group.as_str()),
            };
            if lower { out.push_str(&text.to_lowercase()) } else { out.push_str(text) }
        }
        out
    }
}

fn pieces(replacement: &str) -> Result<Vec<Piece>, RuleError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = replacement.chars();
    while let Some(c) = rest.next() {
        if c != '$' && c != '\\' {
            text.push(c);
            continue;
        }
        let next = rest.next();
        let piece = match (c, next) {
            (_, Some(digit @ '1'..='9')) => Piece::Group(digit as usize - '0' as usize),
            ('$', Some('&')) => Piece::Group(0),
            ('$', Some('$')) | ('\\', Some('\\' | '$')) => {
                text.extend(next);
                continue;
            }
            ('\\', Some('L')) => Piece::Lower(true),
            ('\\', Some('E')) => Piece::Lower(false),
            _ => return Err(RuleError::Escape([Some(c), next].into_iter().flatten().collect())),
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(piece);
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// Why a provider's name is no name of a Unix account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// Longer than any name.
    #[error("the name is too long")]
    TooLong,
    /// It has what the name of an account can't have.
    #[error("the name can't be one of an account: {0}")]
    Form(IdError),
    /// It has capitals. Two people of a provider whose names differ in nothing else must not meet in one account; a rule with
    /// `\L` says that they are the same.
    #[error("the name has capitals, and no rule makes them small")]
    Capitals,
}

/// The name of the account that a proven name belongs to: rewritten by `rules` one after the other, then checked.
///
/// Names of single sign-on must be in lower case, as RStudio Workbench demands; what PAM and directories are asked for is
/// theirs to compare.
///
/// # Errors
/// [`NameError`]: the sign-in is refused.
pub fn account_name<'a>(
    method: MethodName,
    name: &str,
    rules: impl IntoIterator<Item = &'a NameRule>,
) -> Result<UserName, NameError> {
    if name.len() > NAME_MAX {
        return Err(NameError::TooLong);
    }
    let mut name = name.to_owned();
    for rule in rules {
        name = rule.apply(&name);
        if name.len() > NAME_MAX {
            return Err(NameError::TooLong);
        }
    }
    let single_sign_on =
        matches!(method, MethodName::Openid | MethodName::Saml | MethodName::Kerberos | MethodName::Proxy);
    if single_sign_on && name.chars().any(char::is_uppercase) {
        return Err(NameError::Capitals);
    }
    UserName::try_from(name).map_err(NameError::Form)
}

/// A proxy's header: the account's name, and how to name the person where the header says that too (`account/display name`).
/// `None` when one of them is empty, or when there is more than one slash.
pub fn header_names(value: &str) -> Option<(&str, Option<&str>)> {
    let mut parts = value.split('/').map(str::trim);
    let (user, display, more) = (parts.next()?, parts.next(), parts.next());
    (!user.is_empty() && display.is_none_or(|display| !display.is_empty()) && more.is_none())
        .then_some((user, display))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(rule: &str, name: &str) -> String {
        NameRule::parse(rule).expect(rule).apply(name)
    }

    #[test]
    fn rules_rewrite_names() {
        for (rule, name, becomes) in [
            (r"^(.*)@example\.com$ $1", "anna@example.com", "anna"),
            (r"^UID-([a-z]+)$ $1", "UID-anna", "anna"),
            (r"^CORP\\(.*)$ $1", r"CORP\anna", "anna"),
            (r"(.*) $1", "anna", "anna"),
            (r"^(.*)$ $1", "anna@example.com", "anna@example.com"),
            (r"^(.*)@(.*)$ \L$1\E.$2", "ANNA@Corp", "anna.Corp"),
            (r"^(.*)$ \L$1", "Ärger", "ärger"),
            (r"^(.*)$ \L\1\E", "ANNA", "anna"),
            (r"^.*$ $&.ad", "anna", "anna.ad"),
            (r"^(\w+) (\w+)$ $1.$2", "anna example", "anna.example"),
            (r"^(a)(b)?$ $1x$2", "a", "ax"),
            (r"^(.*)$ $1$$", "host", "host$"),
            (r"^(.*)$ \\$1", "anna", r"\anna"),
            (r"^(.)(.)(.)(.)(.)(.)(.)(.)(.)$ $9$8$7", "abcdefghi", "ihg"),
        ] {
            assert_eq!(rewritten(rule, name), becomes, "{rule}: {name}");
        }
    }

    #[test]
    fn a_name_that_the_whole_pattern_does_not_match_stays() {
        for (rule, name) in [
            (r"^(.*)@example\.com$ $1", "anna@example.org"),
            (r"^(.*)@example\.com$ $1", "anna@example.com.evil"),
            // Without anchors too: a part of a name never becomes another's.
            (r"@example\.com x", "root@example.com"),
            (r"([a-z]+)@example\.com $1", "1anna@example.com"),
            (r"a|b x", "ab"),
            (r"(?m)^root$ root", "x\nroot"),
        ] {
            assert_eq!(rewritten(rule, name), name, "{rule}: {name}");
        }
        // Two at signs: what is left has one, and an account's name is compared as it is.
        assert_eq!(rewritten(r"^(.*)@example\.com$ $1", "a@evil@example.com"), "a@evil");
        assert_eq!(rewritten(r"^([^@]*)@example\.com$ $1", "a@evil@example.com"), "a@evil@example.com");
    }

    #[test]
    fn texts_that_are_no_rules() {
        let deep = format!("{}{} x", "(".repeat(40), ")".repeat(40));
        for (text, why) in [
            ("", RuleError::Form),
            ("^(.*)$", RuleError::Form),
            (" x", RuleError::Form),
            ("( x", RuleError::Pattern("(".into())),
            ("a)|(b x", RuleError::Pattern("a)|(b".into())),
            (r"(?=a) x", RuleError::Pattern("(?=a)".into())),
            (r"(a)\1 x", RuleError::Pattern(r"(a)\1".into())),
            (deep.as_str(), RuleError::Pattern(deep.trim_end_matches(" x").into())),
            (
                "(((((a{100}){100}){100}){100}){100}) x",
                RuleError::Pattern("(((((a{100}){100}){100}){100}){100})".into()),
            ),
            ("^(.*)$ $2", RuleError::Group(2)),
            ("^.*$ $1", RuleError::Group(1)),
            ("^(.*)$ $", RuleError::Escape("$".into())),
            ("^(.*)$ $x", RuleError::Escape("$x".into())),
            ("^(.*)$ $0", RuleError::Escape("$0".into())),
            (r"^(.*)$ \U$1", RuleError::Escape(r"\U".into())),
        ] {
            assert_eq!(NameRule::parse(text).map(|rule| rule.text), Err(why), "{text}");
        }
        assert_eq!(NameRule::parse(&format!("{} x", "a".repeat(RULE_MAX))), Err(RuleError::TooLong));
    }

    #[test]
    fn a_pattern_that_others_never_end_with_ends() {
        let rule = NameRule::parse(r"^(a|aa|a*)*b$ x").expect("a rule");
        let name = "a".repeat(NAME_MAX);
        assert_eq!(rule.apply(&name), name);
    }

    #[test]
    fn names_of_accounts() {
        let lower = NameRule::parse(r"^(.*)$ \L$1").expect("a rule");
        let cut = NameRule::parse(r"^(.*)@example\.com$ $1").expect("a rule");
        let double = NameRule::parse(r"^(.*)$ $1$1").expect("a rule");
        let name = |method, name: &str, rules: &[&NameRule]| {
            account_name(method, name, rules.iter().copied()).map(|name| name.as_str().to_owned())
        };
        for method in [MethodName::Openid, MethodName::Saml, MethodName::Kerberos, MethodName::Proxy] {
            assert_eq!(name(method, "anna", &[]), Ok("anna".into()));
            assert_eq!(name(method, "Anna", &[]), Err(NameError::Capitals));
            assert_eq!(name(method, "ÄNNA", &[]), Err(NameError::Capitals));
            assert_eq!(name(method, "Anna", &[&lower]), Ok("anna".into()));
            assert_eq!(name(method, "ANNA@example.com", &[&cut, &lower]), Ok("anna".into()));
            assert_eq!(name(method, "Anna@example.com", &[&lower, &cut]), Ok("anna".into()));
        }
        assert_eq!(name(MethodName::Pam, "Anna", &[]), Ok("Anna".into()));
        for bad in ["", "a b", "a/b", "-o", "..", "a\nb", "a:b", "$(id)"] {
            assert!(matches!(name(MethodName::Openid, bad, &[]), Err(NameError::Form(_))), "{bad:?}");
        }
        assert_eq!(name(MethodName::Openid, &"a".repeat(NAME_MAX + 1), &[]), Err(NameError::TooLong));
        assert_eq!(name(MethodName::Openid, &"a".repeat(NAME_MAX), &[&double]), Err(NameError::TooLong));
    }

    #[test]
    fn a_header_may_name_the_person_too() {
        assert_eq!(header_names("anna"), Some(("anna", None)));
        assert_eq!(header_names("anna/Anna Example"), Some(("anna", Some("Anna Example"))));
        assert_eq!(header_names(" anna / Anna "), Some(("anna", Some("Anna"))));
        for bad in ["", " ", "/", "/Anna", "anna/", "anna/b/c", "anna//"] {
            assert_eq!(header_names(bad), None, "{bad:?}");
        }
    }
}

//! `ip-rules`: who may connect.
//!
//! `allow` or `deny`, then an address, a network or `all`, one rule a line. The first rule that matches decides; when none
//! does, the connection is allowed.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::ini::{char_len, without_comment};
use crate::option::FileKind;
use crate::problem::{Problem, Severity};

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The connection is served.
    Allow,
    /// It is refused.
    Deny,
}

impl Access {
    /// The word in the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpRule {
    /// Its line, from 1.
    pub line: u32,
    /// What follows from it.
    pub access: Access,
    /// Whom it is about; nothing for `all`.
    pub network: Option<IpNet>,
    pub(crate) text: String,
    pub(crate) mark: Option<String>,
}

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpRules {
    /// Its rules in order.
    pub rules: Vec<IpRule>,
}

impl IpRules {
    /// Whether an address may connect, and the line that says so.
    pub fn decide(&self, addr: IpAddr) -> (Access, Option<u32>) {
        // An IPv4 client of a socket that listens on `::` shows as `::ffff:a.b.c.d`.
        let addr = addr.to_canonical();
        self.rules
            .iter()
            .find(|rule| rule.network.is_none_or(|network| network.contains(&addr)))
            .map_or((Access::Allow, None), |rule| (rule.access, Some(rule.line)))
    }

    pub(crate) fn parse(text: &str, problems: &mut Vec<Problem>) -> Self {
        let mut rules: Vec<IpRule> = Vec::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (source, number) in text.lines().zip(1_u32..) {
            let body = without_comment(source);
            if body.trim().is_empty() {
                mark(source.trim(), number, &mut rules);
                continue;
            }
            match rule(body) {
                Ok((access, network, text)) => {
                    rules.push(IpRule { line: number, access, network, text, mark: None });
                }
                Err((part, text, hint)) => problems.push(problem(source, number, part, text).hint(hint)),
            }
        }
        warn(&rules, text, problems);
        Self { rules }
    }
}

type Wrong<'a> = (&'a str, String, &'static str);

fn rule(body: &str) -> Result<(Access, Option<IpNet>, String), Wrong<'_>> {
    let form = "write `allow` or `deny`, a space, and an address, a network such as 10.0.0.0/8, or `all`";
    let mut words = body.split_whitespace();
    let access = words.next().unwrap_or_default();
    let access = match access {
        "allow" => Access::Allow,
        "deny" => Access::Deny,
        _ => return Err((access, format!("`{access}` is neither allow nor deny"), form)),
    };
    let Some(whom) = words.next() else {
        return Err((body.trim(), "it does not say whom".into(), form));
    };
    if let Some(more) = words.next() {
        return Err((more, format!("`{more}` is one word too many"), "a comment begins with `#`"));
    }
    let network = match whom {
        "all" => None,
        _ => match whom.parse::<IpNet>().or_else(|_| whom.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) => Some(network.trunc()),
            Err(_) => {
                return Err((whom, format!("`{whom}` is neither an address, a network nor `all`"), form));
            }
        },
    };
    Ok((access, network, format!("{} {whom}", access.word())))
}

fn warn(rules: &[IpRule], text: &str, problems: &mut Vec<Problem>) {
    let line = |number: u32| text.lines().nth(number.saturating_sub(1) as usize).unwrap_or_default();
    if let Some(at) = rules.iter().position(|rule| rule.network.is_none()) {
        if let Some(next) = rules.get(at + 1) {
            let source = line(next.line);
            let text = format!("no connection comes this far: line {} is about all", rules[at].line);
            let mut unreached = problem(source, next.line, without_comment(source).trim(), text);
            unreached.severity = Severity::Warning;
            problems.push(unreached.hint("rules are read from the top and the first that matches decides"));
        }
    }
    if let Some(last) = rules.last().filter(|_| rules.iter().all(|rule| rule.access == Access::Allow)) {
        let source = line(last.line);
        let text = "nobody is denied: every rule allows, and so does the end of the file";
        let mut open = problem(source, last.line, without_comment(source).trim(), text.into());
        open.severity = Severity::Warning;
        problems.push(open.hint("end the file with `deny all` to let in nobody else"));
    }
}

fn problem(source: &str, line: u32, part: &str, text: String) -> Problem {
    let start = source.find(part).map_or(0, |at| char_len(&source[..at]));
    Problem {
        file: FileKind::IpRules.name().to_owned(),
        line,
        span: start..start + char_len(part),
        option: None,
        severity: Severity::Error,
        text,
        hint: None,
        source: Some(source.to_owned()),
    }
}

/// Takes over what `conf show` wrote below a rule, when the rule is still the same.
fn mark(comment: &str, number: u32, rules: &mut [IpRule]) {
    let Some(text) = comment.strip_prefix(crate::values::MARK) else { return };
    let Some(rule) = rules.last_mut().filter(|rule| rule.line + 1 == number) else { return };
    if let Some((place, _)) = text.split_once(' ').filter(|(_, rest)| *rest == rule.text) {
        rule.mark = Some(place.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(rules: &IpRules, addr: &str) -> (Access, Option<u32>) {
        rules.decide(addr.parse().expect("an address"))
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let mut problems = Vec::new();
        let text =
            "# offices\ndeny 10.0.0.13\nallow 10.0.0.0/8 # intranet\n\nallow 2001:db8::/32\ndeny all\n";
        let rules = IpRules::parse(text, &mut problems);
        assert_eq!(problems, Vec::new());
        assert_eq!(decide(&rules, "10.0.0.13"), (Access::Deny, Some(2)));
        assert_eq!(decide(&rules, "10.0.0.14"), (Access::Allow, Some(3)));
        assert_eq!(decide(&rules, "::ffff:10.0.0.14"), (Access::Allow, Some(3)));
        assert_eq!(decide(&rules, "2001:db8::1"), (Access::Allow, Some(5)));
        assert_eq!(decide(&rules, "192.0.2.1"), (Access::Deny, Some(6)));
        assert_eq!(decide(&rules, "::1"), (Access::Deny, Some(6)));
    }

    #[test]
    fn no_match_is_allowed() {
        let rules = IpRules::parse("deny 192.0.2.0/24\n", &mut Vec::new());
        assert_eq!(decide(&rules, "192.0.3.1"), (Access::Allow, None));
        assert_eq!(decide(&IpRules::default(), "192.0.2.1"), (Access::Allow, None));
    }

    #[test]
    fn wrong_rules_are_all_reported() {
        let text = "alow all\nallow\nallow 10.0.0.0/33\nallow 10.0.0.1;\ndeny 1.2.3.4 5.6.7.8\n";
        let mut problems = Vec::new();
        IpRules::parse(text, &mut problems);
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(problems.iter().all(Problem::is_error));
    }
}

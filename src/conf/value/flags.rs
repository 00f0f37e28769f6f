//! Kinds of values about flags: lists of their names, and how strongly each must hold.

use portcullis_model::Level;

use super::{Bad, Value};
use crate::option::{FileKind, Opt, Status};

/// Names of flags of `rsession.conf`.
#[derive(Debug)]
pub struct FlagNames;

impl Value for FlagNames {
    type Out = Vec<String>;

    fn words() -> String {
        "names of flags of rsession.conf separated by spaces".into()
    }

    fn parse(text: &str) -> Result<Vec<String>, Bad> {
        text.split_whitespace().map(flag).collect()
    }
}

/// `flag:level` pairs.
#[derive(Debug)]
pub struct MinimumLevels;

impl Value for MinimumLevels {
    type Out = Vec<(String, Level)>;

    fn words() -> String {
        "`flag:level` separated by spaces, where level is `ide`, `proxy` or `kernel`".into()
    }

    fn parse(text: &str) -> Result<Self::Out, Bad> {
        let pair = |word: &str| {
            let Some((name, level)) = word.split_once(':') else {
                return Err(Bad::with(format!("`{word}` has no level"), "write it as allow-shell:proxy"));
            };
            let level = Level::from_word(level).filter(|level| *level > Level::None).ok_or_else(|| {
                Bad::with(format!("`{level}` is no level"), "write `ide`, `proxy` or `kernel`")
            })?;
            Ok((flag(name)?, level))
        };
        let pairs: Self::Out = text.split_whitespace().map(pair).collect::<Result<_, _>>()?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(other, _)| other == name) {
                return Err(Bad::with(format!("`{name}` has two levels"), "leave one of them"));
            }
        }
        Ok(pairs)
    }
}

/// The options that are flags: those that take something away from a person.
fn flags() -> impl Iterator<Item = &'static Opt> {
    FileKind::Rsession.options().filter(|opt| {
        let named = ["allow-", "restrict-", "limit-"].iter().any(|start| opt.name.starts_with(start));
        named && opt.status == Status::Implemented
    })
}

fn flag(name: &str) -> Result<String, Bad> {
    if flags().any(|opt| opt.name == name) {
        return Ok(name.to_owned());
    }
    let near = flags().map(|opt| (strsim::damerau_levenshtein(name, opt.name), opt.name)).min();
    // A third of the letters wrong is still a slip of the fingers; more is another word.
    let hint = match near {
        Some((distance, near)) if distance <= near.len() / 3 => format!("did you mean `{near}`?"),
        _ => "write names such as allow-shell or restrict-directory-view".to_owned(),
    };
    Err(Bad::with(format!("`{name}` is no flag that is held here"), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flags_that_something_holds_are_named() {
        let names = |text| FlagNames::parse(text);
        assert_eq!(names("").expect("none"), Vec::<String>::new());
        let both = names("allow-shell  limit-file-upload-size-mb").expect("two");
        assert_eq!(both, ["allow-shell", "limit-file-upload-size-mb"]);
        for bad in ["allow-shel", "session-limit", "allow-full-ui", "shell", "allow-shell,allow-vcs", "*"] {
            assert!(names(bad).is_err(), "{bad}");
        }
        let slip = names("allow-shel").expect_err("no flag");
        assert_eq!(slip.hint.as_deref(), Some("did you mean `allow-shell`?"));
    }

    #[test]
    fn a_minimum_is_a_flag_and_a_level_once() {
        let parsed = MinimumLevels::parse("allow-shell:kernel restrict-directory-view:proxy").expect("two");
        assert_eq!(parsed[0], ("allow-shell".to_owned(), Level::Kernel));
        assert_eq!(parsed[1].1, Level::Proxy);
        for bad in ["allow-shell", "allow-shell:none", "allow-shell:Proxy", "x:proxy", "allow-shell:", ":ide"]
        {
            assert!(MinimumLevels::parse(bad).is_err(), "{bad}");
        }
        assert!(MinimumLevels::parse("allow-shell:ide allow-shell:proxy").is_err());
    }
}

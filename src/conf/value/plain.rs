//! Kinds of values that mean nothing by themselves: switches, numbers, texts, lists, paths.

use std::path::PathBuf;

use super::{Bad, Value};

/// A switch.
#[derive(Debug)]
pub struct Bool;

impl Value for Bool {
    type Out = bool;

    fn words() -> String {
        "`0` or `1`".into()
    }

    // The words that RStudio Server's own parser takes, in any case.
    fn parse(text: &str) -> Result<bool, Bad> {
        match text.to_ascii_lowercase().as_str() {
            "" => Err(Bad::with("it is empty", "write 1 for yes and 0 for no")),
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(Bad::with(format!("`{text}` is neither 0 nor 1"), "write 1 for yes and 0 for no")),
        }
    }
}

/// A whole number in a range.
#[derive(Debug)]
pub struct Int<const LOW: u32, const HIGH: u32>;

impl<const LOW: u32, const HIGH: u32> Value for Int<LOW, HIGH> {
    type Out = u32;

    fn words() -> String {
        if HIGH == u32::MAX {
            format!("whole number, at least {LOW}")
        } else {
            format!("whole number from {LOW} to {HIGH}")
        }
    }

    fn parse(text: &str) -> Result<u32, Bad> {
        if text.is_empty() {
            return Err(Bad::with("it is empty", format!("write a {}", Self::words())));
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return Err(Bad::with(
                format!("`{text}` is not a whole number"),
                "write digits only, without a unit",
            ));
        }
        match text.parse::<u32>() {
            Ok(number) if (LOW..=HIGH).contains(&number) => Ok(number),
            _ => Err(Bad::with(format!("`{text}` is out of range"), format!("write a {}", Self::words()))),
        }
    }
}

/// A whole number that may be left out.
#[derive(Debug)]
pub struct OptionalInt<const LOW: u32, const HIGH: u32>;

impl<const LOW: u32, const HIGH: u32> Value for OptionalInt<LOW, HIGH> {
    type Out = Option<u32>;

    fn words() -> String {
        format!("{}, or empty", Int::<LOW, HIGH>::words())
    }

    fn parse(text: &str) -> Result<Option<u32>, Bad> {
        if text.is_empty() { Ok(None) } else { Int::<LOW, HIGH>::parse(text).map(Some) }
    }
}

/// A whole number that may be negative.
#[derive(Debug)]
pub struct Signed<const LOW: i32, const HIGH: i32>;

impl<const LOW: i32, const HIGH: i32> Value for Signed<LOW, HIGH> {
    type Out = i32;

    fn words() -> String {
        format!("whole number from {LOW} to {HIGH}")
    }

    fn parse(text: &str) -> Result<i32, Bad> {
        match text.parse::<i32>() {
            Ok(number) if (LOW..=HIGH).contains(&number) => Ok(number),
            _ => Err(Bad::with(format!("`{text}` is not in range"), format!("write a {}", Self::words()))),
        }
    }
}

/// Any text.
#[derive(Debug)]
pub struct Text;

impl Value for Text {
    type Out = String;

    fn words() -> String {
        "text".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        Ok(text.to_owned())
    }
}

/// Reads one of a few words.
///
/// # Errors
/// [`Bad`] names the nearest word.
pub fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Bad> {
    if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let words: Vec<String> = choices
        .iter()
        .map(|(word, _)| if word.is_empty() { "nothing".into() } else { format!("`{word}`") })
        .collect();
    Err(Bad::with(format!("`{text}` is not one of the words"), format!("write {}", words.join(", "))))
}

/// An absolute path, or nothing.
#[derive(Debug)]
pub struct OptionalPath;

impl Value for OptionalPath {
    type Out = Option<PathBuf>;

    fn words() -> String {
        "absolute path, or empty".into()
    }

    fn parse(text: &str) -> Result<Option<PathBuf>, Bad> {
        if text.is_empty() {
            return Ok(None);
        }
        absolute(text).map(Some)
    }
}

/// Paths are absolute, because the daemon's working directory is nobody's business.
fn absolute(text: &str) -> Result<PathBuf, Bad> {
    if text.starts_with('/') {
        Ok(PathBuf::from(text))
    } else {
        Err(Bad::with(format!("`{text}` is not an absolute path"), "begin it with `/`"))
    }
}

/// Absolute paths separated by colons.
#[derive(Debug)]
pub struct Colons;

impl Value for Colons {
    type Out = Vec<PathBuf>;

    fn words() -> String {
        "absolute paths separated by `:`".into()
    }

    fn parse(text: &str) -> Result<Vec<PathBuf>, Bad> {
        text.split(':').map(str::trim).filter(|part| !part.is_empty()).map(absolute).collect()
    }
}

/// Words separated by commas.
#[derive(Debug)]
pub struct Commas;

impl Value for Commas {
    type Out = Vec<String>;

    fn words() -> String {
        "names separated by `,`".into()
    }

    fn parse(text: &str) -> Result<Vec<String>, Bad> {
        Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }
}

/// Words separated by white space.
#[derive(Debug)]
pub struct Spaces;

impl Value for Spaces {
    type Out = Vec<String>;

    fn words() -> String {
        "words separated by spaces".into()
    }

    fn parse(text: &str) -> Result<Vec<String>, Bad> {
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }
}

/// An option that may be given several times; an empty value adds nothing.
#[derive(Debug)]
pub struct Each<V>(std::marker::PhantomData<V>);

impl<V: Value> Value for Each<V> {
    type Out = Vec<V::Out>;
    const LIST: bool = true;

    fn words() -> String {
        format!("{}; may be given several times", V::words())
    }

    fn parse(text: &str) -> Result<Self::Out, Bad> {
        Self::gather(&[text])
    }

    fn gather(texts: &[&str]) -> Result<Self::Out, Bad> {
        texts.iter().filter(|text| !text.is_empty()).map(|text| V::parse(text)).collect()
    }
}

/// What of consoles and terminals is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsoleAudit {
    /// Nothing.
    None,
    /// What goes in: code that is run, what is typed.
    Input,
    /// What comes out too.
    All,
}

impl ConsoleAudit {
    const WORDS: [(&'static str, Self); 3] =
        [("none", Self::None), ("input", Self::Input), ("all", Self::All)];
}

/// A word for [`ConsoleAudit`].
#[derive(Debug)]
pub struct ConsoleAuditWord;

impl Value for ConsoleAuditWord {
    type Out = ConsoleAudit;

    fn words() -> String {
        "`none`, `input` or `all`".into()
    }

    fn parse(text: &str) -> Result<ConsoleAudit, Bad> {
        one_of(text, &ConsoleAudit::WORDS)
    }
}

/// A word for [`ConsoleAudit`], or nothing.
#[derive(Debug)]
pub struct OptionalConsoleAudit;

impl Value for OptionalConsoleAudit {
    type Out = Option<ConsoleAudit>;

    fn words() -> String {
        "`none`, `input`, `all` or empty".into()
    }

    fn parse(text: &str) -> Result<Option<ConsoleAudit>, Bad> {
        if text.is_empty() { Ok(None) } else { one_of(text, &ConsoleAudit::WORDS).map(Some) }
    }
}

/// Declares a kind of value that is one of a few words and means nothing to us.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident: $($word:literal)|+;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub struct $name;

        impl Value for $name {
            type Out = &'static str;

            fn words() -> String {
                [$(concat!("`", $word, "`")),+].join(", ").replace("``", "empty")
            }

            fn parse(text: &str) -> Result<&'static str, Bad> {
                one_of(text, &[$(($word, $word)),+])
            }
        }
    )*};
}

words! {
    /// Form of a record.
    RecordForm: "csv" | "json";
    /// Hash of a SAML signature.
    SignatureHash: "sha1" | "sha256" | "sha512" | "";
    /// Who begins a SAML sign-in.
    SsoInitiation: "both" | "idp" | "sp";
    /// An answer, or a question.
    YesNoAsk: "yes" | "no" | "ask";
    /// Kind of access lists on NFS.
    NfsAcl: "nfsv3" | "nfsv4" | "";
}

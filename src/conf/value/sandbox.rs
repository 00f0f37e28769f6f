//! Kinds of values about what the kernel holds: whether it must, and which processors.

use super::{Bad, Value, one_of};

/// Whether something is wanted of a machine that may not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Where the machine has it.
    Auto,
    /// Always: without it, no session.
    Required,
    /// Never.
    Off,
}

/// A word for [`Wanted`].
#[derive(Debug)]
pub struct SandboxWord;

impl Value for SandboxWord {
    type Out = Wanted;

    fn words() -> String {
        "`auto`, `required` or `off`".into()
    }

    fn parse(text: &str) -> Result<Wanted, Bad> {
        one_of(text, &[("auto", Wanted::Auto), ("required", Wanted::Required), ("off", Wanted::Off)])
    }
}

/// Processors as in `1-4,7`; what comes out counts from 0, as the kernel does.
#[derive(Debug)]
pub struct Processors;

/// More than any kernel of Linux is built for (`CONFIG_NR_CPUS` is at most 8192).
const PROCESSORS: u16 = 8192;

impl Value for Processors {
    type Out = Vec<u16>;

    fn words() -> String {
        format!("numbers from 1 to {PROCESSORS} and ranges of them, separated by `,`, or empty")
    }

    fn parse(text: &str) -> Result<Vec<u16>, Bad> {
        let mut found = Vec::new();
        for part in text.split(',').map(str::trim).filter(|_| !text.is_empty()) {
            let bad = || {
                let hint = "count from 1 and write numbers and ranges, such as 1-4,7";
                Bad::with(format!("`{part}` is neither a processor nor a range of them"), hint)
            };
            let number = |text: &str| {
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse::<u16>().ok().filter(|_| digits)?;
                (1..=PROCESSORS).contains(&number).then_some(number)
            };
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            let (low, high) = (number(low).ok_or_else(bad)?, number(high).ok_or_else(bad)?);
            if low > high {
                return Err(bad());
            }
            found.extend((low..=high).map(|number| number - 1));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_written_from_one_and_meant_from_zero() {
        assert_eq!(Processors::parse("").expect("all"), Vec::<u16>::new());
        assert_eq!(Processors::parse("1-4,7").expect("five"), [0, 1, 2, 3, 6]);
        assert_eq!(Processors::parse("3, 1-3 ,3").expect("three"), [0, 1, 2]);
        for bad in ["0", "0-3", "4-1", "1-", "-1", "a", "1,,2", "8193", "1-99999", "+1", "1 2"] {
            assert!(Processors::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_words_are_three() {
        assert_eq!(SandboxWord::parse("required"), Ok(Wanted::Required));
        assert!(SandboxWord::parse("on").is_err() && SandboxWord::parse("").is_err());
    }
}

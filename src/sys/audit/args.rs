//! The arguments of a program, put together from records that may be many.

use super::record::Fields;

/// Most arguments kept.
const ARGS_MAX: usize = 256;
/// Most bytes kept of one argument.
const ARG_MAX: usize = 4096;
/// Most bytes kept of all together.
const ALL_MAX: usize = 16 * 1024;

/// Arguments, the program's own name first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    list: Vec<Vec<u8>>,
    kept: usize,
    cut: bool,
    count: Option<u64>,
}

impl Args {
    /// Takes another record of the event (`argc=2 a0="x" a1=7920…`, `a2_len=9000 a2[0]=… a2[1]=…`).
    pub(super) fn take(&mut self, fields: Fields<'_>) {
        for (name, value) in fields {
            if name == b"argc" {
                self.count = value.number();
                continue;
            }
            // The length of one that comes in pieces says nothing that the pieces don't.
            let Some(at) = index(name) else { continue };
            if at >= ARGS_MAX {
                self.cut = true;
                continue;
            }
            // One that is missing in between (its record was lost) stays empty.
            while self.list.len() <= at {
                self.list.push(Vec::new());
            }
            let room = (ARG_MAX - self.list[at].len().min(ARG_MAX)).min(ALL_MAX - self.kept);
            let piece = value.text(room).unwrap_or_default();
            self.cut |= piece.len() < value.length();
            self.kept += piece.len();
            self.list[at].extend(piece);
        }
    }

    /// Each as text; what is no UTF-8 becomes U+FFFD.
    pub fn texts(&self) -> Vec<String> {
        self.list.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
    }

    /// Whether there were more than are kept.
    pub fn is_cut(&self) -> bool {
        self.cut || self.count.is_none_or(|count| u64::try_from(self.list.len()) != Ok(count))
    }
}

/// `a17` or `a17[3]`.
fn index(name: &[u8]) -> Option<usize> {
    let digits = name.strip_prefix(b"a")?;
    let digits = match digits.iter().position(|&byte| byte == b'[') {
        Some(at) if digits.ends_with(b"]") => &digits[..at],
        Some(_) => return None,
        None => digits,
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::*;

    fn args(texts: &[&str]) -> Args {
        let mut args = Args::default();
        for text in texts {
            let text = format!("audit(1.2:3): {text}");
            args.take(Record::parse(1309, text.as_bytes()).expect("a record").fields());
        }
        args
    }

    #[test]
    fn plain_hexadecimal_and_split_arguments_come_back() {
        let one = args(&[r#"argc=3 a0="/bin/echo" a1=74776F20776F726473 a2="""#]);
        assert_eq!(one.texts(), ["/bin/echo", "two words", ""]);
        assert!(!one.is_cut());
        let split = args(&[r#"argc=3 a0="x" a1_len=6 a1[0]="abc""#, r#"a1[1]=646566 a2="last""#]);
        assert_eq!(split.texts(), ["x", "abcdef", "last"]);
        assert!(!split.is_cut());
    }

    #[test]
    fn what_is_too_much_is_cut_and_said() {
        let long = format!("argc=2 a0=\"x\" a1=\"{}\"", "y".repeat(ARG_MAX + 1));
        assert!(args(&[&long]).is_cut());
        assert_eq!(args(&[&long]).texts()[1].len(), ARG_MAX);
        let many: String = (0..3000).map(|n| format!(" a{n}=\"{}\"", "z".repeat(100))).collect();
        let many = args(&[&format!("argc=3000{many}")]);
        assert!(many.is_cut() && many.texts().len() == ARGS_MAX);
        assert!(many.texts().iter().map(String::len).sum::<usize>() <= ALL_MAX);
    }

    #[test]
    fn a_lost_piece_is_said_and_huge_numbers_cost_nothing() {
        assert!(args(&[r#"argc=3 a0="x" a2="y""#]).texts() == ["x", "", "y"]);
        assert!(args(&[r#"a0="x""#]).is_cut());
        assert!(
            args(&["argc=1 a99999999999999999999=\"x\" a[=1 a1[=2 a4294967295=\"x\""]).texts().is_empty()
        );
    }
}

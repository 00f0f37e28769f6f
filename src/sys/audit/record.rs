//! One record: its number, and fields as the kernel writes them.

/// Numbers of the records that are read (`linux/audit.h`).
pub mod kinds {
    /// A login id was set, and with it a new login session began.
    pub const LOGIN: u16 = 1006;
    /// A system call.
    pub const SYSCALL: u16 = 1300;
    /// A path it named.
    pub const PATH: u16 = 1302;
    /// A rule or the state of the audit subsystem changed.
    pub const CONFIG_CHANGE: u16 = 1305;
    /// An address it named.
    pub const SOCKADDR: u16 = 1306;
    /// Its working directory.
    pub const CWD: u16 = 1307;
    /// Arguments of a program.
    pub const EXECVE: u16 = 1309;
    /// A process it was meant for.
    pub const OBJ_PID: u16 = 1318;
    /// The last record of an event.
    pub const EOE: u16 = 1320;
    /// A system call that a filter refused.
    pub const SECCOMP: u16 = 1326;
    /// What Landlock refused.
    pub const LANDLOCK_ACCESS: u16 = 1423;
    /// Whose rules a Landlock domain holds: told with its first refusal, and when it is gone.
    pub const LANDLOCK_DOMAIN: u16 = 1424;
}

/// A record's head and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it tells; see [`kinds`].
    pub kind: u16,
    /// The event's number: records of one event share it, events count up.
    pub serial: u32,
    /// When, in milliseconds since 1970.
    pub millis: u64,
    text: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads `audit(SECONDS.MILLIS:SERIAL): FIELDS`; `None` when it is none.
    pub fn parse(kind: u16, bytes: &'a [u8]) -> Option<Self> {
        let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        let rest = bytes.strip_prefix(b"audit(")?;
        let end = rest.iter().take(64).position(|&byte| byte == b')')?;
        let (head, text) = rest.split_at(end);
        let head = std::str::from_utf8(head).ok()?;
        let (time, serial) = head.split_once(':')?;
        let (seconds, millis) = time.split_once('.')?;
        let millis = seconds
            .parse::<u64>()
            .ok()?
            .checked_mul(1000)?
            .checked_add(millis.parse::<u16>().ok()?.into())?;
        let text = text.strip_prefix(b"):").unwrap_or_default();
        Some(Self { kind, serial: serial.parse().ok()?, millis, text })
    }

    /// Its fields in their order.
    pub const fn fields(&self) -> Fields<'a> {
        Fields(self.text)
    }
}

/// The fields of a record, one after the other.
#[derive(Debug, Clone)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.0.iter().position(|&byte| byte != b' ')?;
            let text = &self.0[start..];
            let word = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
            let Some(equals) = text[..word].iter().position(|&byte| byte == b'=') else {
                self.0 = &text[word..]; // a word of prose
                continue;
            };
            let (name, value) = (&text[..equals], &text[equals + 1..]);
            if let Some(quoted) = value.strip_prefix(b"\"") {
                // What holds a quote itself is written in hexadecimal digits, so the next one is the end.
                let end = quoted.iter().position(|&byte| byte == b'"').unwrap_or(quoted.len());
                self.0 = quoted.get(end + 1..).unwrap_or_default();
                return Some((name, Value::Quoted(&quoted[..end])));
            }
            self.0 = &text[word..];
            return Some((name, Value::Bare(&text[equals + 1..word])));
        }
    }
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// In quotes: text as it is.
    Quoted(&'a [u8]),
    /// Without: a number, a word, or text in hexadecimal digits. Which, the field says.
    Bare(&'a [u8]),
}

impl Value<'_> {
    /// Text that a user may have chosen, at most `most` bytes of it; `None` for the kernel's `(null)`.
    pub fn text(self, most: usize) -> Option<Vec<u8>> {
        match self {
            Self::Quoted(text) => Some(text[..text.len().min(most)].to_vec()),
            Self::Bare(b"(null)") => None,
            Self::Bare(text) => {
                Some(unhex(text, most).unwrap_or_else(|| text[..text.len().min(most)].to_vec()))
            }
        }
    }

    /// The same as characters; what is no UTF-8 becomes U+FFFD.
    pub fn string(self, most: usize) -> Option<String> {
        self.text(most).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A word, as it stands.
    pub fn word(self) -> String {
        let (Self::Quoted(text) | Self::Bare(text)) = self;
        String::from_utf8_lossy(&text[..text.len().min(WORD_MAX)]).into_owned()
    }

    /// A decimal number.
    pub fn number<T: std::str::FromStr>(self) -> Option<T> {
        let Self::Bare(text) = self else { return None };
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// A hexadecimal number.
    pub fn hex(self) -> Option<u64> {
        let Self::Bare(text) = self else { return None };
        let text = text.strip_prefix(b"0x").unwrap_or(text);
        // Without this a sign would be taken.
        if !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
    }

    /// How long the text of [`Value::text`] is in full.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Quoted(text) => text.len(),
            Self::Bare(text) if is_hex(text) => text.len() / 2,
            Self::Bare(text) => text.len(),
        }
    }
}

/// Longest word kept.
const WORD_MAX: usize = 256;

fn is_hex(text: &[u8]) -> bool {
    text.len() % 2 == 0 && text.iter().all(u8::is_ascii_hexdigit)
}

fn unhex(text: &[u8], most: usize) -> Option<Vec<u8>> {
    if !is_hex(text) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks_exact(2).take(most).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read() {
        let text = br#"audit(1700000000.123:4567): arch=c000003e syscall=59 success=yes exit=-13 comm="a b" exe=2F61 x=(null) prose key="k""#;
        let record = Record::parse(kinds::SYSCALL, text).expect("a record");
        assert_eq!((record.serial, record.millis), (4567, 1_700_000_000_123));
        let fields: Vec<_> = record.fields().collect();
        let get = |name: &str| fields.iter().find(|(n, _)| *n == name.as_bytes()).expect("there").1;
        assert_eq!(get("arch").hex(), Some(0xc000_003e));
        assert_eq!(get("exit").number::<i64>(), Some(-13));
        assert_eq!(get("comm").string(99).as_deref(), Some("a b"));
        assert_eq!(get("exe").string(99).as_deref(), Some("/a"));
        assert_eq!(get("x").text(99), None);
        assert_eq!(get("key").word(), "k");
    }

    #[test]
    fn what_is_no_record_is_none_and_nothing_panics() {
        for text in
            ["", "audit(", "audit(1.2:3", "audit(x.1:2): a=b", "audit(99999999999999999999.1:1): a", "\0"]
        {
            assert_eq!(Record::parse(1300, text.as_bytes()), None, "{text}");
        }
        for text in
            ["audit(1.2:3)", "audit(1.2:3): =", "audit(1.2:3): a=\"", "audit(1.2:3):  = \"x\" b=\"\" c="]
        {
            let record = Record::parse(1300, text.as_bytes()).expect("a record");
            assert!(record.fields().count() <= 4);
        }
    }

    #[test]
    fn digits_are_decoded_up_to_a_bound_and_odd_ones_stay() {
        assert_eq!(Value::Bare(b"616263").text(2), Some(b"ab".to_vec()));
        assert_eq!(Value::Bare(b"61626").text(9), Some(b"61626".to_vec()));
        assert_eq!(Value::Bare(b"+f").hex(), None);
        assert_eq!(Value::Bare(b"616263").length(), 3);
    }
}

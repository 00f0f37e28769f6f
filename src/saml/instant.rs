//! Times of SAML: `xs:dateTime` in UTC (core, 1.3.3), as seconds since 1970.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Difference of clocks that is allowed for, in seconds: machines with time synchronisation differ by less than one;
/// a minute lets one in whose synchronisation stopped some weeks ago (50 ppm), and lets no stolen answer live long.
pub const SKEW: u64 = 60;

/// Reads one. UTC is written `Z`; another offset is refused, as the standard does.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    if !text.ends_with('Z') {
        return None;
    }
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(at.unix_timestamp()).ok()
}

/// Writes one; `None` past the year 9999.
pub(crate) fn format(at: u64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(at).ok()?).ok()?.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_alone_is_read() {
        for (text, wanted) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-03-01T12:00:00Z", Some(1_772_366_400)),
            ("2026-03-01T12:00:00.999Z", Some(1_772_366_400)),
            (" 2026-03-01T12:00:00Z\n", Some(1_772_366_400)),
            ("2026-03-01T12:00:00.1234567Z", Some(1_772_366_400)),
            ("2026-03-01T12:00:00+00:00", None),
            ("2026-03-01T12:00:00", None),
            ("2026-03-01", None),
            ("1969-12-31T23:59:59Z", None),
            ("2026-02-30T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(format(1_772_366_400).as_deref(), Some("2026-03-01T12:00:00Z"));
        assert_eq!(parse(&format(0).expect("a time")), Some(0));
        assert_eq!(format(u64::MAX), None);
    }
}

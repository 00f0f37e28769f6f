//! The reader: one search of the audit log, in a process of its own that can do nothing else.
//!
//! It runs as the server's account and has two descriptors: the log, for reading, and a channel with one [`Search`] in it, on
//! which it answers with one [`Found`]. It reads from the end, because the newest is asked for most, and stops when a page is full,
//! when it has looked at enough, or when its time is over. Called by [`crate::main`] in its role; it must not write anything.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use portcullis_wire::watch::{FOUND_MAX, FOUND_TEXT_MAX, Found, FoundRecord, Search};
use portcullis_wire::{Channel, Message};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes read at once.
const PIECE: u64 = 256 * 1024;
/// Bytes looked at for one page: a year of a busy machine's, at a gigabyte a second a blink, at a slow disk's speed the time is over
/// first.
const LOOKED_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Time for one page.
const WITHIN: Duration = Duration::from_secs(5);
/// Longest line: a console's record with all its escapes. A longer one is not the launcher's.
const LINE_MAX: usize = 2 * 1024 * 1024;

/// What the reader is to find; the launcher sends it, nobody else can.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wanted(pub(crate) Search);

/// What it found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answered(pub(crate) Found);

impl Message for Wanted {
    const VERSION: u8 = 1;
}

impl Message for Answered {
    const VERSION: u8 = 1;
}

/// Runs the role.
pub(crate) fn run(channel: &Channel, log: &File) -> bool {
    let Ok((Wanted(search), _)) = channel.receive::<Wanted>() else { return false };
    let limits = Limits { bytes: LOOKED_MAX, until: Instant::now() + WITHIN };
    let Ok(found) = find(log, &search, &limits) else { return false };
    channel.send(&Answered(found), &[]).is_ok()
}

struct Limits {
    bytes: u64,
    until: Instant,
}

fn find(log: &File, search: &Search, limits: &Limits) -> io::Result<Found> {
    let length = log.metadata()?.len();
    let end = match search.before {
        Some(seq) => start_of(log, length, seq)?,
        None => length,
    };
    let mut lines = Backwards { log, at: end, held: Vec::new() };
    let filter = Filter::new(search);
    let mut found = Found::default();
    let mut last = None;
    // What stands behind the last line feed is being written at this moment: the next search finds it.
    lines.next()?;
    while let Some(line) = lines.next()? {
        let Ok(text) = std::str::from_utf8(&line) else {
            found.unreadable += 1;
            continue;
        };
        match filter.judge(text) {
            Judged::No => {}
            Judged::Older => return Ok(found),
            Judged::Unreadable => found.unreadable += 1,
            Judged::Yes(record) => {
                last = Some(record.seq);
                found.records.push(record);
                if found.records.len() == FOUND_MAX {
                    found.more = last;
                    return Ok(found);
                }
            }
        }
        if end - lines.at > limits.bytes || Instant::now() >= limits.until {
            found.more = seq_of(text).or(last);
            found.stopped = true;
            return Ok(found);
        }
    }
    Ok(found)
}

/// Lines from the end to the beginning.
struct Backwards<'f> {
    log: &'f File,
    /// Everything before is not read yet.
    at: u64,
    /// What was read and not given out.
    held: Vec<u8>,
}

impl Backwards<'_> {
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = self.held.len();
        loop {
            if let Some(end) = self.held[..searched].iter().rposition(|&byte| byte == b'\n') {
                let line = self.held.split_off(end + 1);
                self.held.truncate(end);
                return Ok(Some(line));
            }
            if self.at == 0 || self.held.len() > LINE_MAX {
                let rest = std::mem::take(&mut self.held);
                return Ok(if rest.is_empty() { None } else { Some(rest) });
            }
            let piece = PIECE.min(self.at);
            self.at -= piece;
            let mut bytes = vec![0; usize::try_from(piece).unwrap_or(0)];
            self.log.read_exact_at(&mut bytes, self.at)?;
            searched = bytes.len();
            bytes.append(&mut self.held);
            self.held = bytes;
        }
    }
}

/// Where the record with this number begins: numbers only grow, so halving finds it.
fn start_of(log: &File, length: u64, seq: u64) -> io::Result<u64> {
    let (mut low, mut high) = (0, length);
    while high - low > PIECE {
        let middle = low + (high - low) / 2;
        match line_after(log, middle, high)? {
            Some((start, found)) if found < seq => low = start,
            _ => high = middle,
        }
    }
    let mut bytes = vec![0; usize::try_from((length - low).min(PIECE + LINE_MAX as u64)).unwrap_or(0)];
    log.read_exact_at(&mut bytes, low)?;
    let mut at = 0;
    while at < bytes.len() {
        let end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |end| at + end);
        let number = std::str::from_utf8(&bytes[at..end]).ok().and_then(seq_of);
        if number.is_some_and(|number| number >= seq) {
            break;
        }
        at = end + 1;
    }
    Ok((low + u64::try_from(at).unwrap_or(0)).min(length))
}

/// The first whole line that begins after `from`, with its number.
fn line_after(log: &File, from: u64, before: u64) -> io::Result<Option<(u64, u64)>> {
    let size = (before - from).min(LINE_MAX as u64);
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    log.read_exact_at(&mut bytes, from)?;
    let Some(begin) = bytes.iter().position(|&byte| byte == b'\n').map(|end| end + 1) else {
        return Ok(None);
    };
    let head: Vec<u8> = bytes[begin..].iter().copied().take(32).collect();
    let number = std::str::from_utf8(&head).ok().and_then(seq_of);
    Ok(number.map(|number| (from + u64::try_from(begin).unwrap_or(0), number)))
}

/// The number that a record begins with.
fn seq_of(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("{\"seq\":")?;
    rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

enum Judged {
    Yes(FoundRecord),
    No,
    /// It and all before it are older than what is looked for.
    Older,
    Unreadable,
}

/// What is looked for, made ready: most lines are told apart before they are read as JSON.
struct Filter<'s> {
    search: &'s Search,
    /// Each must be in the line as it is.
    marks: Vec<String>,
    text: String,
}

impl<'s> Filter<'s> {
    fn new(search: &'s Search) -> Self {
        let mark = |name: &str, word: &str| {
            let word = serde_json::to_string(word).unwrap_or_default();
            format!("\"{name}\":{word}")
        };
        let words = [("user", &search.user), ("event", &search.event), ("session", &search.session)];
        let said = words.into_iter().filter(|(_, word)| !word.is_empty());
        Self {
            search,
            marks: said.map(|(name, word)| mark(name, word)).collect(),
            text: search.text.to_lowercase(),
        }
    }

    fn judge(&self, line: &str) -> Judged {
        if self.marks.iter().any(|mark| !line.contains(mark.as_str())) {
            return Judged::No;
        }
        if !self.text.is_empty() && !line.to_lowercase().contains(&self.text) {
            return Judged::No;
        }
        let Ok(Value::Object(mut fields)) = serde_json::from_str::<Value>(line) else {
            return Judged::Unreadable;
        };
        let mut take = |name: &str| match fields.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (time, event, user, session) = (take("time"), take("event"), take("user"), take("session"));
        for name in ["prev", "hash"] {
            fields.remove(name);
        }
        let Some(seq) = fields.remove("seq").and_then(|seq| seq.as_u64()) else { return Judged::Unreadable };
        let search = self.search;
        if time.as_str() < search.from.as_str() {
            // A clock that was set back by less than a day hides nothing.
            let earlier =
                |day: &str| day.get(..10).is_some_and(|from| day_before(from).as_str() > time.as_str());
            return if earlier(&search.from) { Judged::Older } else { Judged::No };
        }
        if !search.until.is_empty() && time.get(..search.until.len()).unwrap_or(&time) > search.until.as_str()
        {
            return Judged::No;
        }
        let same = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        if !same(&search.user, &user) || !same(&search.event, &event) || !same(&search.session, &session) {
            return Judged::No;
        }
        let rest = fields.iter().map(|(name, value)| format!("{name}: {}", shown(value)));
        let text = rest.collect::<Vec<_>>().join(", ");
        // In what is not shown nobody looks for a text.
        if !self.text.is_empty() {
            let all = format!("{time} {event} {user} {session} {text}").to_lowercase();
            if !all.contains(&self.text) {
                return Judged::No;
            }
        }
        Judged::Yes(FoundRecord { seq, time, event, user, session, text: cut(text) })
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > FOUND_TEXT_MAX {
        let end = (0..=FOUND_TEXT_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The day before one, as far as comparing needs: in front of the first of a month stands its "00", which no record has.
fn day_before(day: &str) -> String {
    let (Some(month), Some(date)) = (day.get(..8), day.get(8..)) else { return String::new() };
    let date: u32 = date.parse().unwrap_or(0);
    format!("{month}{:02}", date.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn log(lines: impl IntoIterator<Item = String>) -> File {
        let mut file = tempfile::tempfile().expect("a file");
        for line in lines {
            writeln!(file, "{line}").expect("written");
        }
        file
    }

    fn record(seq: u64, user: &str, event: &str, more: &str) -> String {
        let time = format!("2026-08-{:02}T12:00:00.000Z", 1 + seq / 1000);
        format!(
            "{{\"seq\":{seq},\"time\":\"{time}\",\"event\":\"{event}\",\"user\":\"{user}\",\"what\":\"{more}\",\
             \"prev\":\"aaaa\",\"hash\":\"bbbb\"}}"
        )
    }

    fn many(count: u64) -> File {
        log((1..=count).map(|seq| {
            let user = if seq % 10 == 0 { "alice" } else { "bob" };
            record(seq, user, if seq % 2 == 0 { "refused" } else { "transfer" }, &"x".repeat(100))
        }))
    }

    fn limits() -> Limits {
        Limits { bytes: u64::MAX, until: Instant::now() + Duration::from_secs(600) }
    }

    fn look(log: &File, search: Search) -> Found {
        find(log, &search, &limits()).expect("readable")
    }

    #[test]
    fn pages_follow_each_other_from_the_newest_and_nothing_is_left_out() {
        let log = many(5000);
        let mut search = Search { user: "alice".into(), ..Search::default() };
        let mut seen = Vec::new();
        loop {
            let found = look(&log, search.clone());
            seen.extend(found.records.iter().map(|record| record.seq));
            match found.more {
                Some(more) => search.before = Some(more),
                None => break,
            }
        }
        assert_eq!(seen, (1..=500).rev().map(|n| n * 10).collect::<Vec<_>>());
    }

    #[test]
    fn a_number_is_found_wherever_it_is() {
        let log = many(9000);
        for before in [1, 2, 51, 52, 3000, 4500, 8999, 9000, 9001, 20_000] {
            let found = look(&log, Search { before: Some(before), ..Search::default() });
            let first = found.records.first().map(|record| record.seq);
            assert_eq!(first, before.checked_sub(1).filter(|n| *n > 0).map(|n| n.min(9000)), "{before}");
        }
    }

    #[test]
    fn every_word_narrows_and_what_is_between_the_lines_is_not_searched() {
        let log = log([
            record(1, "alice", "refused", "GET /Secret"),
            record(2, "alicex", "refused", "other"),
            record(3, "bob", "transfer", r#"\"user\":\"alice\""#),
            "no record".into(),
        ]);
        let seqs = |search| look(&log, search).records.iter().map(|one| one.seq).collect::<Vec<_>>();
        let text = |text: &str| Search { text: text.into(), ..Search::default() };
        assert_eq!(seqs(Search { user: "alice".into(), ..Search::default() }), [1]);
        assert_eq!(seqs(text("secret")), [1]);
        assert_eq!(seqs(text("bbbb")), [0; 0], "hashes say nothing to people");
        assert_eq!(seqs(Search { event: "transfer".into(), ..Search::default() }), [3]);
        assert_eq!(look(&log, Search::default()).unreadable, 1);
    }

    #[test]
    fn times_are_borders_as_far_as_they_are_written() {
        let log = many(5000);
        let between = |from: &str, until: &str| {
            let found = look(
                &log,
                Search { from: from.into(), until: until.into(), user: "alice".into(), ..Search::default() },
            );
            (found.records.first().map(|one| one.seq), found.records.len())
        };
        assert_eq!(between("2026-08-02", "2026-08-02"), (Some(1990), 50));
        assert_eq!(between("2026-08-02T12:30", "2026-08-02"), (None, 0));
        assert_eq!(between("2026-08-06", ""), (Some(5000), 1));
        assert_eq!(between("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", ""), (None, 0));
    }

    #[test]
    fn a_search_stops_and_says_where_it_would_go_on() {
        let log = many(9000);
        let search = Search { text: "not there".into(), ..Search::default() };
        let limits = Limits { bytes: 1, ..limits() };
        let found = find(&log, &search, &limits).expect("readable");
        assert!(found.stopped && found.records.is_empty());
        assert_eq!(found.more, Some(9000));
    }

    #[test]
    fn a_record_that_is_being_written_is_left_for_the_next_search() {
        let mut log = many(3);
        log.write_all(b"{\"seq\":4,\"ti").expect("written");
        let found = look(&log, Search::default());
        assert_eq!((found.records.len(), found.unreadable), (3, 0));
        assert_eq!(look(&self::log([]), Search::default()), Found::default());
    }

    #[test]
    fn long_texts_are_cut_and_unreadable_lines_are_counted() {
        let log = log([record(1, "alice", "console", &"\u{e9}".repeat(3000))]);
        let found = look(&log, Search::default());
        assert!(found.records[0].text.len() <= FOUND_TEXT_MAX + 3);
    }
}

//! A day as a line: points of a drawing, the same in words, and hour by hour as a table.

use crate::when;

/// The drawing's size in its own units; the page scales it.
pub(super) const WIDTH: u64 = 600;
/// See [`WIDTH`].
pub(super) const HEIGHT: u64 = 120;
/// Seconds that it shows.
const DAY: u64 = 86_400;
/// Seconds that one point stands for.
const STEP: u64 = 300;
/// Without a sample for so long, the line is broken: nobody looked.
const GAP: u64 = 2 * STEP;

/// How high the drawing goes, and how its numbers are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Thousandths, up to all.
    Share,
    /// Hundredths, as high as need be.
    Load,
    /// A number, as high as need be.
    Count,
}

impl Scale {
    fn words(self, value: u64) -> String {
        match self {
            Self::Share => format!("{}.{} %", value / 10, value % 10),
            Self::Load => format!("{}.{:02}", value / 100, value % 100),
            Self::Count => value.to_string(),
        }
    }

    /// The top: round, and above everything.
    fn top(self, most: u64) -> u64 {
        let unit = match self {
            Self::Share => return 1000,
            Self::Load => 100,
            Self::Count => 1,
        };
        let tops = [2, 5, 10].into_iter();
        let mut scale = unit;
        loop {
            if let Some(top) = tops.clone().map(|factor| factor * scale).find(|top| *top >= most) {
                return top;
            }
            scale *= 10;
        }
    }
}

/// A plot of the last day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// What it shows.
    pub(super) title: &'static str,
    /// Names it on the page.
    pub(super) id: &'static str,
    /// The same in words.
    pub(super) words: String,
    /// What stands at the top, and in the middle.
    pub(super) marks: [String; 2],
    /// Points of each unbroken line.
    pub(super) lines: Vec<String>,
    /// Hour, average, most.
    pub(super) hours: Vec<[String; 3]>,
}

impl Plot {
    /// Draws samples: seconds since 1970 and value, oldest first.
    pub fn new(
        title: &'static str,
        id: &'static str,
        scale: Scale,
        samples: impl Iterator<Item = (u64, u64)>,
        now: u64,
    ) -> Self {
        let begin = now.saturating_sub(DAY);
        let mut samples: Vec<(u64, u64)> = samples.filter(|(at, _)| (begin..=now).contains(at)).collect();
        // A clock that was set back may have put them out of order.
        samples.sort_unstable();
        let most = samples.iter().copied().max_by_key(|(at, value)| (*value, *at));
        let top = scale.top(most.map_or(0, |(_, value)| value));
        let words = match (most, samples.last()) {
            (Some((at, value)), Some((_, last))) => {
                let sum: u64 = samples.iter().map(|(_, value)| value).sum();
                let average = sum / u64::try_from(samples.len()).unwrap_or(1).max(1);
                let [last, average, value] = [*last, average, value].map(|value| scale.words(value));
                format!("Last {last}, on average {average}, at most {value} ({}).", when::clock(at))
            }
            _ => "No figures yet: one is kept every minute.".to_owned(),
        };
        let marks = [top, top / 2].map(|value| scale.words(value).replace(".0 %", " %"));
        Self { title, id, words, marks, lines: lines(&samples, begin, top), hours: hours(&samples, scale) }
    }
}

/// Averages of some minutes each, as points; a new line after a gap.
fn lines(samples: &[(u64, u64)], begin: u64, top: u64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut last: Option<u64> = None;
    for group in samples.chunk_by(|a, b| a.0 / STEP == b.0 / STEP) {
        let (at, sum) = (group[0].0, group.iter().map(|(_, value)| value).sum::<u64>());
        let value = sum / u64::try_from(group.len()).unwrap_or(1);
        let x = at.saturating_sub(begin) * WIDTH * 10 / DAY;
        let y = HEIGHT * 10 - (value * HEIGHT * 10).checked_div(top).unwrap_or(0).min(HEIGHT * 10);
        let point = format!("{}.{},{}.{}", x / 10, x % 10, y / 10, y % 10);
        match lines.last_mut().filter(|_| last.is_some_and(|last| at - last <= GAP)) {
            Some(line) => *line += &format!(" {point}"),
            // A line of one point is drawn by its round end.
            None => lines.push(format!("{point} {point}")),
        }
        last = Some(at);
    }
    lines
}

fn hours(samples: &[(u64, u64)], scale: Scale) -> Vec<[String; 3]> {
    let hour = |group: &[(u64, u64)]| {
        let sum: u64 = group.iter().map(|(_, value)| value).sum();
        let average = sum / u64::try_from(group.len()).unwrap_or(1);
        let most = group.iter().map(|(_, value)| *value).max().unwrap_or(0);
        [when::clock(group[0].0 / 3600 * 3600), scale.words(average), scale.words(most)]
    };
    samples.chunk_by(|a, b| a.0 / 3600 == b.0 / 3600).map(hour).rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;

    fn plot(scale: Scale, samples: &[(u64, u64)]) -> Plot {
        Plot::new("Processor", "processor", scale, samples.iter().copied(), NOW)
    }

    #[test]
    fn a_day_is_a_line_with_a_break_where_nobody_looked() {
        let day: Vec<(u64, u64)> = (0..1440)
            .map(|minute| (NOW - 60 * minute, 500))
            .filter(|(at, _)| NOW - at < 7200 || NOW - at > 36_000)
            .rev()
            .collect();
        let plot = plot(Scale::Share, &day);
        assert_eq!(plot.lines.len(), 2);
        assert!(plot.lines[1].ends_with(",60.0"), "half is in the middle: {}", plot.lines[1]);
        assert!(plot.words.starts_with("Last 50.0 %, on average 50.0 %, at most 50.0 % ("), "{}", plot.words);
        assert!(plot.hours.len() >= 16 && plot.hours.len() <= 18);
        let size: usize = plot.lines.iter().map(String::len).sum();
        assert!(size < 8000, "{size} bytes");
    }

    #[test]
    fn nothing_is_said_to_be_nothing_and_old_samples_are_left_out() {
        let none = plot(Scale::Count, &[(NOW - DAY - 1, 5), (NOW + 60, 7)]);
        assert!(none.lines.is_empty() && none.words.starts_with("No figures yet"));
        assert_eq!(plot(Scale::Count, &[(NOW, 0)]).lines, ["600.0,120.0 600.0,120.0"]);
    }

    #[test]
    fn the_top_is_round() {
        for (scale, most, top) in [
            (Scale::Share, 7, 1000),
            (Scale::Count, 0, 2),
            (Scale::Count, 3, 5),
            (Scale::Count, 51, 100),
            (Scale::Load, 201, 500),
        ] {
            assert_eq!(scale.top(most), top);
        }
        assert_eq!(plot(Scale::Load, &[(NOW, 150)]).marks, ["2.00", "1.00"]);
    }
}

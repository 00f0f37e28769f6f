//! Tables for people: columns that fit the terminal, colours where there is one.

use std::io::IsTerminal as _;

use crate::layout::printable;

/// What is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Its columns; none where nobody looks: a file or a pipe gets everything.
    pub width: Option<usize>,
    /// Whether it shows colours.
    pub colour: bool,
}

impl Screen {
    /// The standard output. `NO_COLOR` and `TERM=dumb` are heeded.
    pub(crate) fn of_output() -> Self {
        if !std::io::stdout().is_terminal() {
            return Self { width: None, colour: false };
        }
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self { width: width.filter(|width| *width > 0), colour: !set("NO_COLOR") && !dumb }
    }

    /// A text in a tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        match tone.code().filter(|_| self.colour && !text.is_empty()) {
            Some(code) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            None => text.to_owned(),
        }
    }
}

/// What a colour says. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// A heading.
    Head,
    /// As it should be.
    Good,
    /// Look at it.
    Odd,
    /// Wrong.
    Bad,
}

impl Tone {
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Head => Some("1"),
            Self::Good => Some("32"),
            Self::Odd => Some("33"),
            Self::Bad => Some("1;31"),
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its head.
    pub head: &'static str,
    /// Whether it holds numbers, which stand at its right edge.
    pub right: bool,
    /// How soon it is left out where there is no room: the highest first; 0 never is.
    pub spare: u8,
}

/// A cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    /// What it says.
    pub text: String,
    /// In which tone.
    pub tone: Tone,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A table with its head. Columns are left out until it fits; what still doesn't is the terminal's to wrap. Names of people and keys
/// are theirs to choose: nothing in a cell is obeyed by the terminal.
pub(crate) fn table(columns: &[Column], rows: &[Vec<Cell>], screen: Screen) -> String {
    let fit = |cell: &Cell| Cell { text: printable(&cell.text, usize::MAX), tone: cell.tone };
    let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(fit).collect()).collect();
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.chars().count());
        cells.chain([columns[at].head.len()]).max().unwrap_or(0)
    };
    let mut shown: Vec<(usize, usize)> = (0..columns.len()).map(|at| (at, widest(at))).collect();
    let total = |shown: &[(usize, usize)]| shown.iter().map(|(_, width)| width + 2).sum::<usize>();
    while screen.width.is_some_and(|most| total(&shown) > most + 2) {
        let spare = shown.iter().map(|(at, _)| columns[*at].spare).max().unwrap_or(0);
        if spare == 0 {
            break;
        }
        shown.retain(|(at, _)| columns[*at].spare != spare);
    }
    let mut out = String::new();
    let heads: Vec<Cell> =
        columns.iter().map(|column| Cell { text: column.head.into(), tone: Tone::Head }).collect();
    for row in std::iter::once(&heads).chain(&rows) {
        let mut line = String::new();
        for (index, (at, width)) in shown.iter().enumerate() {
            let Some(cell) = row.get(*at) else { continue };
            let blanks = " ".repeat(width - cell.text.chars().count());
            let text = screen.paint(cell.tone, &cell.text);
            let last = index + 1 == shown.len();
            let gap = if index == 0 { "" } else { "  " };
            match (columns[*at].right, last) {
                (true, _) => line.push_str(&format!("{gap}{blanks}{text}")),
                (false, true) => line.push_str(&format!("{gap}{text}")),
                (false, false) => line.push_str(&format!("{gap}{text}{blanks}")),
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `45s`, `12m`, `3h12m`, `4d3h`: a length of time for a cell.
pub(crate) fn short(seconds: u64) -> String {
    let pair = |big: u64, small: u64, units: (&str, &str)| {
        if small == 0 { format!("{big}{}", units.0) } else { format!("{big}{}{small}{}", units.0, units.1) }
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => pair(seconds / 3_600, seconds % 3_600 / 60, ("h", "m")),
        _ => pair(seconds / 86_400, seconds % 86_400 / 3_600, ("d", "h")),
    }
}

/// `512K`, `31M`, `1.5G`: bytes for a cell.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["K", "M", "G", "T"];
    let (mut tenths, mut unit) = (number.saturating_mul(10) / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if tenths < 100 && unit > 1 {
        format!("{}.{}{}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{}{}", tenths / 10, UNITS[unit])
    }
}

/// `1 session`, `2 sessions`.
pub(crate) fn count(number: u64, one: &str, several: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {several}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_moves_no_cursor_and_makes_no_line() {
        let columns = [Column { head: "NAME", right: false, spare: 0 }; 2];
        let rows: [Vec<Cell>; 1] = [vec!["a\u{1b}[2J\nb".into(), "x".into()]];
        let text = table(&columns, &rows, Screen { width: None, colour: false });
        assert_eq!(text, "NAME     NAME\na\u{fffd}[2J\u{fffd}b  x\n");
    }

    const WIDE: Screen = Screen { width: None, colour: false };

    const COLUMNS: [Column; 3] = [
        Column { head: "ID", right: false, spare: 0 },
        Column { head: "MEMORY", right: true, spare: 2 },
        Column { head: "WHY", right: false, spare: 1 },
    ];

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec!["a".into(), "1M".into(), "x".into()],
            vec!["long".into(), "22M".into(), Cell { text: "yes".into(), tone: Tone::Bad }],
        ]
    }

    #[test]
    fn columns_stand_in_line() {
        let expected = "ID    MEMORY  WHY\na         1M  x\nlong     22M  yes\n";
        assert_eq!(table(&COLUMNS, &rows(), WIDE), expected);
    }

    #[test]
    fn what_has_no_room_is_left_out_by_rank() {
        let narrow = |width| table(&COLUMNS, &rows(), Screen { width: Some(width), colour: false });
        assert!(narrow(17).starts_with("ID    MEMORY  WHY\n"));
        assert_eq!(narrow(16), "ID    WHY\na     x\nlong  yes\n");
        assert_eq!(narrow(8), "ID\na\nlong\n");
        assert_eq!(narrow(1), "ID\na\nlong\n", "what is never left out stays");
    }

    #[test]
    fn colours_are_for_terminals_and_do_not_count_as_width() {
        let shown = table(&COLUMNS, &rows(), Screen { width: Some(17), colour: true });
        assert!(shown.starts_with("\u{1b}[1mID\u{1b}[0m    \u{1b}[1mMEMORY\u{1b}[0m"), "{shown:?}");
        assert!(shown.contains("\u{1b}[1;31myes\u{1b}[0m"));
        assert!(!table(&COLUMNS, &rows(), WIDE).contains('\u{1b}'));
    }

    #[test]
    fn numbers_are_short() {
        let spans = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (3_600, "1h"),
            (11_520, "3h12m"),
            (356_400, "4d3h"),
        ];
        for (seconds, text) in spans {
            assert_eq!(short(seconds), text);
        }
        for (number, text) in [
            (0, "0K"),
            (1023, "0K"),
            (1024, "1K"),
            (5 << 20, "5M"),
            (1536 << 20, "1.5G"),
            (512 << 20, "512M"),
            (64 << 30, "64G"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(
            (count(1, "session", "sessions"), count(0, "x", "xs")),
            ("1 session".into(), "0 xs".into())
        );
    }
}

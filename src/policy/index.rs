//! Built-in rows by the first bytes of their path's first two segments, so that a request is held against the few that can fit.
//!
//! The order within a bucket is that of the tables: the first row that fits is the same with and without it (a test holds
//! the two together for every adapter). Made once per program, by the first decision.

use std::sync::OnceLock;

use portcullis_model::session::Ide;

use crate::adapter;
use crate::row::Row;

/// Buckets for the byte that begins a segment. Some share one, and one that isn't there shares the first: a row that is tried in
/// vain costs little.
const BUCKETS: usize = 64;

/// Rows by the second segment, for each beginning of the first one that any row has.
type Buckets = Vec<Vec<Vec<&'static Row>>>;

/// The rows that can fit a path, in the order they are tried.
pub(crate) fn rows(ide: Ide, path: &str) -> &'static [&'static Row] {
    static JUPYTER: OnceLock<Buckets> = OnceLock::new();
    static RSTUDIO: OnceLock<Buckets> = OnceLock::new();
    static CODE_SERVER: OnceLock<Buckets> = OnceLock::new();
    static APP: OnceLock<Buckets> = OnceLock::new();
    let made = match ide {
        Ide::Jupyter => &JUPYTER,
        Ide::Rstudio => &RSTUDIO,
        Ide::CodeServer => &CODE_SERVER,
        Ide::App(_) => &APP,
    };
    let buckets = made.get_or_init(|| build(adapter::of(ide).tables()));
    let [first, second] = begins(path.as_bytes()).map(bucket);
    buckets.get(first).and_then(|rows| rows.get(second)).map_or(&[], Vec::as_slice)
}

/// The bytes that begin a path's first two segments.
fn begins(path: &[u8]) -> [Option<u8>; 2] {
    let rest = path.get(1..).unwrap_or_default();
    let second = rest.iter().position(|byte| *byte == b'/').and_then(|at| rest.get(at + 1));
    [rest.first().copied(), second.copied()]
}

fn bucket(byte: Option<u8>) -> usize {
    byte.map_or(0, |byte| usize::from(byte) % BUCKETS)
}

fn build(tables: &'static [&'static [Row]]) -> Buckets {
    let mut buckets: Buckets = vec![vec![Vec::new(); BUCKETS]; BUCKETS];
    for row in tables.iter().flat_map(|table| table.iter()) {
        // What stands before a star must be there, but for a slash: `/files/**` has `/files` too.
        let literal = row.path.split('*').next().unwrap_or_default().as_bytes();
        let [firsts, seconds] = begins(literal).map(|byte| match byte {
            Some(byte) => bucket(Some(byte))..bucket(Some(byte)) + 1,
            None => 0..BUCKETS,
        });
        for buckets in buckets.get_mut(firsts).into_iter().flatten() {
            for rows in buckets.get_mut(seconds.clone()).into_iter().flatten() {
                rows.push(row);
            }
        }
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_fits_is_the_same_as_in_the_tables() {
        let app = "shiny".parse().expect("a name");
        for ide in [Ide::Jupyter, Ide::Rstudio, Ide::CodeServer, Ide::App(app)] {
            let all = || adapter::of(ide).tables().iter().flat_map(|table| table.iter());
            let paths = all().flat_map(|row| {
                let plain = row.path.replace("**", "/a/b").replace('*', "x");
                [plain.clone(), format!("{plain}/"), plain.replacen('/', "//", 1), format!("/{plain}")]
            });
            let odd = ["/", "", "//", "/\u{7f}", "/\u{e9}", "/%41", "/A", "x"].map(str::to_owned);
            for path in paths.chain(odd) {
                let of = |row: &&'static Row| row.fits(&path).is_some();
                let slow: Vec<_> = all().filter(of).map(|row| &row.path).collect();
                let quick: Vec<_> =
                    rows(ide, &path).iter().copied().filter(of).map(|row| &row.path).collect();
                assert_eq!(quick, slow, "{ide} {path:?}");
            }
        }
    }
}

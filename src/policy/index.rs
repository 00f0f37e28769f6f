//! Built-in rows by the first byte of their path, so that a request is held against the few that can fit.
//!
//! The order within a bucket is that of the tables: the first row that fits is the same with and without it (a test holds
//! the two together for every adapter). Made once per program, by the first decision.

use std::sync::OnceLock;

use portcullis_model::session::Ide;

use crate::adapter;
use crate::row::Row;

/// One bucket for each byte that may stand behind the first slash; the last for every other one.
const BUCKETS: usize = 129;

type Buckets = Vec<Vec<&'static Row>>;

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
    buckets.get(bucket(path.as_bytes().get(1))).map_or(&[], Vec::as_slice)
}

fn bucket(byte: Option<&u8>) -> usize {
    byte.map_or(BUCKETS - 1, |byte| usize::from(*byte).min(BUCKETS - 1))
}

fn build(tables: &'static [&'static [Row]]) -> Buckets {
    let mut buckets: Buckets = vec![Vec::new(); BUCKETS];
    for row in tables.iter().flat_map(|table| table.iter()) {
        match row.path.as_bytes() {
            // `/files**` and `/files/**` too: what stands before the star must be there.
            [b'/', byte, ..] if *byte != b'*' => {
                if let Some(bucket) = buckets.get_mut(bucket(Some(byte))) {
                    bucket.push(row);
                }
            }
            _ => buckets.iter_mut().for_each(|bucket| bucket.push(row)),
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

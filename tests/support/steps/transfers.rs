//! Downloads and uploads of which every byte is known.

use std::io::{BufReader, Read as _, Write as _};

use anyhow::{Context as _, anyhow};

use super::{Broke, Step, answered, expect, pairs};
use crate::client::{Client, Wire};
use crate::http1;

/// Bytes of a transfer that one step moves.
pub const PIECE: usize = 32 * 1024;

/// A download of which each eight bytes say where they stand.
pub struct Download {
    client: Client,
    path: String,
    length: u64,
    under_way: Option<(BufReader<Box<dyn Wire>>, u64)>,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Download {
    /// So many bytes from a session; over and over.
    pub fn new(client: &Client, session: &str, length: u64) -> Self {
        let path = format!("/s/{session}/files/counted-{length}");
        Self { client: client.clone(), path, length, under_way: None }
    }

    fn open(&self) -> Result<BufReader<Box<dyn Wire>>, Broke> {
        let mut wire = self.client.connect()?;
        http1::send(&mut wire, "GET", &self.path, &pairs(&self.client, &[]), None)?;
        let mut reader = BufReader::with_capacity(PIECE, wire);
        expect(http1::read_head(&mut reader)?, 200)?;
        Ok(reader)
    }
}

impl Step for Download {
    fn step(&mut self) -> Result<u64, Broke> {
        let (mut reader, at) = match self.under_way.take() {
            Some(under_way) => under_way,
            None => (self.open()?, 0),
        };
        let mut piece = vec![0; usize::try_from(self.length - at).unwrap_or(PIECE).min(PIECE)];
        reader.read_exact(&mut piece).with_context(|| format!("after {at} of {} bytes", self.length))?;
        if let Some(wrong) = first_wrong(&piece, at) {
            return Err(Broke::Wrong(format!("the eight bytes at {wrong} of a download")));
        }
        let at = at + piece.len() as u64;
        if at < self.length {
            self.under_way = Some((reader, at));
        }
        Ok(piece.len() as u64)
    }

    fn is_open(&self) -> bool {
        self.under_way.is_some()
    }

    fn close(&mut self) {
        self.under_way = None;
    }
}

/// Where bytes first don't say where they stand; `at` is the first one's place, a multiple of eight.
pub fn first_wrong(bytes: &[u8], at: u64) -> Option<u64> {
    let places = (at / 8..).zip(bytes.chunks(8));
    places
        .filter(|(number, word)| !number.to_be_bytes().starts_with(word))
        .map(|(number, _)| number * 8)
        .next()
}

/// An upload of which each eight bytes say where they stand; the double looks at them.
pub struct Upload {
    client: Client,
    path: String,
    length: u64,
    under_way: Option<(Box<dyn Wire>, u64)>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Upload {
    /// So many bytes to a session; over and over.
    pub fn new(client: &Client, session: &str, length: u64) -> Self {
        let path = format!("/s/{session}/api/contents/counted.bin");
        Self { client: client.clone(), path, length, under_way: None }
    }

    fn open(&self) -> Result<Box<dyn Wire>, Broke> {
        let mut wire = self.client.connect()?;
        let (length, origin) = (self.length.to_string(), self.client.origin());
        let more =
            [("Content-Length", length.as_str()), ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")];
        http1::send(&mut wire, "PUT", &self.path, &pairs(&self.client, &more), None)?;
        Ok(wire)
    }
}

impl Step for Upload {
    fn step(&mut self) -> Result<u64, Broke> {
        let (mut wire, at) = match self.under_way.take() {
            Some(under_way) => under_way,
            None => (self.open()?, 0),
        };
        let now = usize::try_from(self.length - at).unwrap_or(PIECE).min(PIECE);
        let mut piece: Vec<u8> = (at / 8..).take(now.div_ceil(8)).flat_map(u64::to_be_bytes).collect();
        piece.truncate(now);
        let written = wire.write_all(&piece).and_then(|()| wire.flush());
        let at = at + now as u64;
        if let Err(error) = written {
            // An answer that came before the end says why.
            let early = http1::read(&mut wire, "PUT").map_err(|_| anyhow!("after {at} bytes: {error}"))?;
            return Err(answered(&early));
        }
        if at < self.length {
            self.under_way = Some((wire, at));
            return Ok(now as u64);
        }
        let answer = expect(http1::read(&mut wire, "PUT")?, 201)?;
        let told = answer.json()?;
        if told["bytes"] != self.length || told["counted"] != true {
            return Err(Broke::Wrong(format!(
                "of {} bytes came {}, counted: {}",
                self.length, told["bytes"], told["counted"]
            )));
        }
        Ok(now as u64)
    }

    fn is_open(&self) -> bool {
        self.under_way.is_some()
    }

    fn close(&mut self) {
        self.under_way = None;
    }
}

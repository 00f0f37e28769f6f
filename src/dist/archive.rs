//! The formats inside of packages: `ar`, `tar`, `cpio`, gzip. Only what a package needs: files and folders of root's.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};

use crate::contents::{Entry, Kind};

/// Compresses, without a name and time of its own.
pub(crate) fn gzip(bytes: &[u8], effort: u32) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::new(effort));
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// `ar(5)`: members one after the other, as `dpkg-deb` writes them.
pub(crate) fn ar(members: &[(&str, &[u8])], epoch: u64) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        out.extend(
            format!("{name:<16}{epoch:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, "100644", bytes.len()).bytes(),
        );
        out.extend_from_slice(bytes);
        if bytes.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

/// `tar`, format ustar: each entry's path is below `./`.
pub(crate) fn tar<'e>(entries: impl IntoIterator<Item = &'e Entry>, epoch: u64) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for entry in entries {
        let (bytes, kind): (&[u8], u8) = match &entry.kind {
            Kind::Folder => (&[], b'5'),
            Kind::File(bytes) => (bytes, b'0'),
        };
        let slash = if kind == b'5' && !entry.path.is_empty() { "/" } else { "" };
        out.extend(tar_head(&format!("./{}{slash}", entry.path), entry.mode, bytes.len(), epoch, kind)?);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    // Two empty blocks are the end; GNU's fills up a record of twenty.
    out.resize((out.len() + 1024).next_multiple_of(10_240), 0);
    Ok(out)
}

fn tar_head(path: &str, mode: u32, size: usize, epoch: u64, kind: u8) -> Result<[u8; 512]> {
    let mut head = [0; 512];
    let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    let (prefix, name) = split(path).with_context(|| format!("`{path}` is too long for a tar"))?;
    put(0, name);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, &format!("{epoch:011o}"));
    put(148, "        ");
    put(257, "ustar");
    put(263, "00");
    put(265, "root");
    put(297, "root");
    put(345, prefix);
    head[156] = kind;
    let sum: u32 = head.iter().copied().map(u32::from).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(head)
}

/// A path as prefix and name, for those that don't fit into the name alone.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    let slashes = path.match_indices('/').map(|(at, _)| at);
    slashes
        .map(|at| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100)
}

/// `cpio`, format "newc", as rpm's payload.
pub(crate) fn cpio<'e>(entries: impl IntoIterator<Item = &'e Entry>, epoch: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |number: usize, path: &str, mode: u32, links: u32, bytes: &[u8]| {
        let fields = [
            u64::try_from(number).unwrap_or_default(),
            mode.into(),
            0,
            0,
            links.into(),
            epoch,
            u64::try_from(bytes.len()).unwrap_or_default(),
            0,
            0,
            0,
            0,
            u64::try_from(path.len() + 1).unwrap_or_default(),
            0,
        ];
        out.extend_from_slice(b"070701");
        fields.iter().for_each(|field| out.extend(format!("{field:08x}").bytes()));
        out.extend_from_slice(path.as_bytes());
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(4), 0);
    };
    for (at, entry) in entries.into_iter().enumerate() {
        let path = format!("./{}", entry.path);
        match &entry.kind {
            Kind::Folder => add(at + 1, &path, 0o040_000 | entry.mode, 2, &[]),
            Kind::File(bytes) => add(at + 1, &path, 0o100_000 | entry.mode, 1, bytes),
        }
    }
    add(0, "TRAILER!!!", 0, 1, &[]);
    out
}

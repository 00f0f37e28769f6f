//! The Debian package (`deb(5)`): an `ar` of a version, `control.tar.gz` and `data.tar.gz`.

use anyhow::Result;

use crate::contents::{Contents, Entry, Kind};
use crate::{Order, archive, texts};

/// What runs when it is installed, upgraded and removed.
const SCRIPTS: [(&str, &str); 3] = [
    ("postinst", include_str!("scripts/postinst")),
    ("prerm", include_str!("scripts/prerm")),
    ("postrm", include_str!("scripts/postrm")),
];

/// Returns the file's name and bytes.
///
/// # Errors
/// When a path is too long.
pub fn write(order: &Order, contents: &Contents) -> Result<(String, Vec<u8>)> {
    let mut control = vec![entry("", 0o755, Kind::Folder), file("control", 0o644, &control(order, contents))];
    let kept: String = contents.kept().map(|entry| format!("/{}\n", entry.path)).collect();
    control.push(file("conffiles", 0o644, &kept));
    control.extend(SCRIPTS.iter().map(|(name, text)| file(name, 0o755, text)));
    let root = entry("", 0o755, Kind::Folder);
    let data = std::iter::once(&root).chain(&contents.entries);
    let pack = |tar: Vec<u8>| archive::gzip(&tar, order.effort);
    let (control, data) =
        (pack(archive::tar(&control, order.epoch)?)?, pack(archive::tar(data, order.epoch)?)?);
    let members: [(&str, &[u8]); 3] =
        [("debian-binary", b"2.0\n"), ("control.tar.gz", &control), ("data.tar.gz", &data)];
    let name = format!("portcullis_{}_{}.deb", order.version, contents.needs.machine.debian());
    Ok((name, archive::ar(&members, order.epoch)))
}

fn entry(path: &str, mode: u32, kind: Kind) -> Entry {
    Entry { path: path.to_owned(), mode, kind, kept: false, documents: false }
}

fn file(path: &str, mode: u32, text: &str) -> Entry {
    entry(path, mode, Kind::File(text.as_bytes().to_vec()))
}

fn control(order: &Order, contents: &Contents) -> String {
    let sizes = contents.entries.iter().map(|entry| match &entry.kind {
        // In KiB, each rounded up; a folder counts as one (Debian policy 5.6.20).
        Kind::File(bytes) => bytes.len().div_ceil(1024),
        Kind::Folder => 1,
    });
    let description: String = texts::DESCRIPTION.iter().map(|line| format!(" {line}\n")).collect();
    format!(
        "Package: portcullis\nVersion: {}\nArchitecture: {}\nMaintainer: {}\nInstalled-Size: {}\n\
         Depends: libc6 (>= 2.{}), libgcc-s1, libpam0g, libpam-modules, libpam-runtime, passwd\n\
         Recommends: systemd (>= 249)\nSuggests: rstudio-server, python3-venv, bash-completion\n\
         Section: net\nPriority: optional\nDescription: {}\n{description}",
        order.version,
        contents.needs.machine.debian(),
        texts::MAINTAINER,
        sizes.sum::<usize>(),
        contents.needs.glibc_minor,
        texts::SUMMARY,
    )
}

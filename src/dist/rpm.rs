//! The RPM package, version 4 of the format: a lead, a head of sums, a head of tags, and a compressed `cpio`.
//!
//! Not signed: whoever offers it signs it (`rpmsign --addsign`).

mod head;
mod tags;

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use crate::contents::{Contents, Entry, Kind};
use crate::rpm::head::{Head, Value};
use crate::{Order, archive, sha256, texts};

/// What runs when it is installed, upgraded and removed.
const POST: &str = include_str!("scripts/rpm-post");
const PREUN: &str = include_str!("scripts/rpm-preun");
const POSTUN: &str = include_str!("scripts/rpm-postun");
const SHELL: &str = "/bin/sh";

/// Returns the file's name and bytes.
///
/// # Errors
/// When compressing fails.
pub fn write(order: &Order, contents: &Contents) -> Result<(String, Vec<u8>)> {
    // Folders that others have too are nobody's.
    let named = |entry: &&Entry| entry.path.split('/').any(|part| part == "portcullis");
    let ours = |entry: &&Entry| matches!(entry.kind, Kind::File(_)) || named(entry);
    let entries: Vec<&Entry> = contents.entries.iter().filter(ours).collect();
    let plain = archive::cpio(entries.iter().copied(), order.epoch);
    let payload = archive::gzip(&plain, order.effort)?;
    let machine = contents.needs.machine.rpm();
    let (version, release) = order.version.split_once('-').unwrap_or((&order.version, "1"));

    let mut head = Head::default();
    head.table("C");
    for (tag, text) in [
        (tags::NAME, "portcullis"),
        (tags::VERSION, version),
        (tags::RELEASE, release),
        (tags::LICENSE, "MIT OR Apache-2.0"),
        (tags::OS, "linux"),
        (tags::ARCH, machine),
        (tags::PAYLOADFORMAT, "cpio"),
        (tags::PAYLOADCOMPRESSOR, "gzip"),
        (tags::PAYLOADFLAGS, "9"),
        (tags::BUILDHOST, "localhost"),
        (tags::PACKAGER, texts::MAINTAINER),
        (tags::POSTIN, POST),
        (tags::PREUN, PREUN),
        (tags::POSTUN, POSTUN),
        (tags::POSTINPROG, SHELL),
        (tags::PREUNPROG, SHELL),
        (tags::POSTUNPROG, SHELL),
        (tags::SOURCERPM, &format!("portcullis-{version}-{release}.src.rpm")),
    ] {
        head.set(tag, Value::Text(text.to_owned()));
    }
    for (tag, text) in [
        (tags::SUMMARY, texts::SUMMARY.to_owned()),
        (tags::DESCRIPTION, texts::DESCRIPTION.join("\n")),
        (tags::GROUP, "System Environment/Daemons".to_owned()),
    ] {
        head.set(tag, Value::Translated(text));
    }
    head.set(tags::BUILDTIME, Value::Numbers(vec![u32::try_from(order.epoch)?]));
    head.set(tags::PAYLOADDIGEST, Value::Texts(vec![sha256(&payload)]));
    head.set(tags::PAYLOADDIGESTALT, Value::Texts(vec![sha256(&plain)]));
    head.set(tags::PAYLOADDIGESTALGO, Value::Numbers(vec![tags::SHA256]));
    relations(&mut head, order, contents, &format!("{version}-{release}"));
    files(&mut head, &entries, order.epoch)?;
    let head = head.bytes(tags::HEADERIMMUTABLE);

    let mut sums = Head::default();
    sums.set(tags::SIG_SHA256, Value::Text(sha256(&head)));
    sums.set(tags::SIG_SIZE, Value::Numbers(vec![u32::try_from(head.len() + payload.len())?]));
    sums.set(tags::SIG_PAYLOADSIZE, Value::Numbers(vec![u32::try_from(plain.len())?]));
    let mut sums = sums.bytes(tags::HEADERSIGNATURES);
    sums.resize(sums.len().next_multiple_of(8), 0);

    let full = format!("portcullis-{version}-{release}");
    let bytes = [lead(&full), sums, head, payload].concat();
    Ok((format!("{full}.{machine}.rpm"), bytes))
}

/// What stood in front before there were heads; tools look at its first bytes only.
fn lead(name: &str) -> Vec<u8> {
    let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0, 0, 1];
    lead.extend(name.bytes().take(65));
    lead.resize(76, 0);
    lead.extend([0, 1, 0, 5]); // Linux, sums in a head
    lead.resize(96, 0);
    lead
}

fn relations(head: &mut Head, order: &Order, contents: &Contents, full: &str) {
    let own = format!("portcullis({})", contents.needs.machine.rpm().replace('_', "-"));
    let (equal, plain, library) = (tags::EQUAL, 0, tags::FIND_REQUIRES);
    let provides = [("portcullis", equal, full), (own.as_str(), equal, full)];
    let libc = format!("libc.so.6(GLIBC_2.{})(64bit)", contents.needs.glibc_minor);
    let mut requires = vec![
        (libc.as_str(), library, ""),
        ("libgcc_s.so.1()(64bit)", library, ""),
        ("libpam.so.0()(64bit)", library, ""),
        ("pam", plain, ""),
        ("systemd", tags::AT_LEAST, "249"),
        ("/bin/sh", tags::SCRIPT, ""),
    ];
    // What reads it must know.
    for (name, version) in [
        ("rpmlib(CompressedFileNames)", "3.0.4-1"),
        ("rpmlib(FileDigests)", "4.6.0-1"),
        ("rpmlib(PayloadFilesHavePrefix)", "4.0-1"),
    ] {
        requires.push((name, tags::RPMLIB, version));
    }
    let _ = order;
    let all = |relations: &[(&str, u32, &str)]| {
        let names = relations.iter().map(|(name, ..)| (*name).to_owned()).collect();
        let versions = relations.iter().map(|(.., version)| (*version).to_owned()).collect();
        (
            Value::Texts(names),
            Value::Numbers(relations.iter().map(|(_, flags, _)| *flags).collect()),
            Value::Texts(versions),
        )
    };
    let (names, flags, versions) = all(&provides);
    head.set(tags::PROVIDENAME, names);
    head.set(tags::PROVIDEFLAGS, flags);
    head.set(tags::PROVIDEVERSION, versions);
    let (names, flags, versions) = all(&requires);
    head.set(tags::REQUIRENAME, names);
    head.set(tags::REQUIREFLAGS, flags);
    head.set(tags::REQUIREVERSION, versions);
}

fn files(head: &mut Head, entries: &[&Entry], epoch: u64) -> Result<()> {
    let time = u32::try_from(epoch)?;
    let size = |entry: &&Entry| match &entry.kind {
        Kind::File(bytes) => u32::try_from(bytes.len()),
        Kind::Folder => Ok(4096),
    };
    let sizes = entries.iter().map(size).collect::<Result<Vec<u32>, _>>()?;
    let mode = |entry: &&Entry| match &entry.kind {
        Kind::File(_) => 0o100_000 | u16::try_from(entry.mode).unwrap_or(0o644),
        Kind::Folder => 0o040_000 | u16::try_from(entry.mode).unwrap_or(0o755),
    };
    let sum = |entry: &&Entry| match &entry.kind {
        Kind::File(bytes) => Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        Kind::Folder => String::new(),
    };
    let flags = |entry: &&Entry| {
        let kept = if entry.kept { tags::FILE_CONFIG | tags::FILE_NOREPLACE } else { 0 };
        kept | if entry.documents { tags::FILE_DOC } else { 0 }
    };
    let mut folders: Vec<String> = Vec::new();
    let mut in_folder = Vec::new();
    let mut names = Vec::new();
    for entry in entries {
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let folder = format!("/{folder}/");
        let at = folders.iter().position(|known| *known == folder).unwrap_or_else(|| {
            folders.push(folder);
            folders.len() - 1
        });
        in_folder.push(u32::try_from(at)?);
        names.push(name.to_owned());
    }
    let count = entries.len();
    head.set(tags::SIZE, Value::Numbers(vec![sizes.iter().sum()]));
    head.set(tags::FILESIZES, Value::Numbers(sizes));
    head.set(tags::FILEMODES, Value::Shorts(entries.iter().map(mode).collect()));
    head.set(tags::FILERDEVS, Value::Shorts(vec![0; count]));
    head.set(tags::FILEMTIMES, Value::Numbers(vec![time; count]));
    head.set(tags::FILEDIGESTS, Value::Texts(entries.iter().map(sum).collect()));
    head.set(tags::FILELINKTOS, Value::Texts(vec![String::new(); count]));
    head.set(tags::FILEFLAGS, Value::Numbers(entries.iter().map(flags).collect()));
    head.set(tags::FILEUSERNAME, Value::Texts(vec!["root".to_owned(); count]));
    head.set(tags::FILEGROUPNAME, Value::Texts(vec!["root".to_owned(); count]));
    head.set(tags::FILEVERIFYFLAGS, Value::Numbers(vec![u32::MAX; count]));
    head.set(tags::FILEDEVICES, Value::Numbers(vec![1; count]));
    head.set(tags::FILEINODES, Value::Numbers((1..).take(count).collect()));
    head.set(tags::FILELANGS, Value::Texts(vec![String::new(); count]));
    head.set(tags::FILEDIGESTALGO, Value::Numbers(vec![tags::SHA256]));
    head.set(tags::DIRINDEXES, Value::Numbers(in_folder));
    head.set(tags::BASENAMES, Value::Texts(names));
    head.set(tags::DIRNAMES, Value::Texts(folders));
    Ok(())
}

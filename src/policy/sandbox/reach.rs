//! `restrict-directory-view=1`: which files code reaches. The same folders as the proxy lets pages reach, and what programs
//! themselves need of the system.

use portcullis_model::sandbox::Reach;
use portcullis_model::session::Ide;

use super::files::{Files, add, below, real};
use super::programs::own_folders;
use super::{Asked, TEMPORARY};

/// Of the system, to read: without them no program runs.
const SYSTEM: [(&str, &str); 20] = [
    ("/lib", "libraries"),
    ("/lib32", "libraries"),
    ("/lib64", "libraries"),
    (
        "/etc",
        "names of accounts and machines, certificates, settings of programs; its secrets have modes that say so",
    ),
    ("/opt", "programs that the administrator installed"),
    ("/proc", "a process looks at itself"),
    ("/sys", "processors and memory are counted there; nothing in it is anybody's file"),
    ("/dev", "names of devices; which can be opened is said below"),
    ("/run/systemd/resolve", "the resolver's address, and its socket"),
    ("/run/systemd/userdb", "accounts of systemd's"),
    ("/run/nscd", "accounts, cached"),
    ("/var/lib/sss/pipes", "accounts of sssd's"),
    ("/var/lib/sss/mc", "accounts of sssd's, cached"),
    ("/var/lib/extrausers", "accounts"),
    ("/run/resolvconf", "where /etc/resolv.conf leads"),
    ("/run/NetworkManager", "where /etc/resolv.conf leads"),
    ("/var/cache/fontconfig", "fonts for plots"),
    ("/var/lib/texmf", "TeX"),
    ("/var/cache/fonts", "TeX"),
    ("/nix/store", "libraries"),
];

/// Of the system, where programs lie: without the folders of programs where those are restricted (`ld.so` runs what it can read).
const USR: [&str; 2] = ["/usr", "/usr/local"];

/// Devices that can be opened, and what is written to beside files. `/dev/fd` is none: it leads to descriptors of whoever asks,
/// so its real name would be another process's; in a session it leads to its own, below `/proc`.
const DEVICES: [(&str, &str); 12] = [
    ("/dev/null", "nothing"),
    ("/dev/zero", "zeros"),
    ("/dev/full", "a disk that is full"),
    ("/dev/random", "random numbers"),
    ("/dev/urandom", "random numbers"),
    ("/dev/tty", "a terminal of one's own"),
    ("/dev/ptmx", "terminals"),
    ("/dev/pts", "terminals"),
    ("/dev/dri", "computing on a graphics card"),
    ("/dev/kfd", "computing on a graphics card of AMD's"),
    ("/dev/nvidia-caps", "computing on a graphics card of NVIDIA's"),
    ("/proc", "a process names and renices itself; other processes are not there or closed by their modes"),
];

/// What code of a session reaches; `said` are `session-folders`.
pub(super) fn reach(
    asked: &Asked<'_>,
    said: &[String],
    kept: &[String],
    files: &dyn Files,
    stub: &str,
) -> Reach {
    let closed = !asked.flags.shell.value;
    let mut read = Vec::new();
    for (path, _) in SYSTEM {
        there(&mut read, files, path);
    }
    for folder in USR {
        if !closed {
            there(&mut read, files, folder);
            continue;
        }
        for name in files
            .names(folder)
            .iter()
            .filter(|name| !["bin", "sbin", "games", "local"].contains(&name.as_str()))
        {
            there(&mut read, files, &format!("{folder}/{name}"));
        }
    }
    if !closed {
        for folder in ["/bin", "/sbin"] {
            there(&mut read, files, folder);
        }
    }
    for folder in own_folders(asked.ide, &asked.command.program, files) {
        // Beside its programs an IDE has its pages.
        let tree = folder.strip_suffix("/bin").unwrap_or(&folder);
        there(&mut read, files, tree);
    }
    there(&mut read, files, stub);
    for path in said {
        there(&mut read, files, path);
    }
    let mut write = writable(asked, files);
    for (path, _) in DEVICES {
        there(&mut write, files, path);
    }
    for name in files.names("/dev").iter().filter(|name| name.starts_with("nvidia")) {
        there(&mut write, files, &format!("/dev/{name}"));
    }
    // As the proxy does: root's links are followed already, the person's own lead nowhere that isn't allowed.
    for path in &asked.flags.directories.value {
        if path.starts_with('/') && real(files, path).as_ref() == Some(path) {
            there(&mut write, files, path);
        }
    }
    kept.iter().for_each(|path| add(&mut write, path.clone()));
    Reach { read, write }
}

/// Files and folders that the command of a declared application names: the administrator wrote it. What lies below the home or
/// the session's folder is the person's, and no word of the administrator's.
pub(super) fn of_app(asked: &Asked<'_>) -> Vec<String> {
    if !matches!(asked.ide, Ide::App(_)) {
        return Vec::new();
    }
    let words =
        asked.command.args.iter().map(|word| word.split_once('=').map_or(word.as_str(), |(_, to)| to));
    let words = words.chain([asked.command.cwd.as_str()]);
    let persons =
        |path: &str| [&asked.facts.home, &asked.facts.session_dir].iter().any(|own| below(path, own));
    let plain =
        |path: &str| path.starts_with('/') && path != "/" && !path.split('/').any(|part| part == "..");
    words.filter(|path| plain(path) && !persons(path)).map(str::to_owned).collect()
}

/// Where packages are closed too: everything is read as modes say, but written only where nothing is a program.
pub(super) fn sealed(asked: &Asked<'_>, data: &[String], kept: &[String], files: &dyn Files) -> Reach {
    let mut write = writable(asked, files);
    for (path, _) in DEVICES {
        there(&mut write, files, path);
    }
    data.iter().chain(kept).for_each(|path| add(&mut write, path.clone()));
    Reach { read: vec!["/".to_owned()], write }
}

/// Home, the session's own folder and temporary files.
pub(super) fn writable(asked: &Asked<'_>, files: &dyn Files) -> Vec<String> {
    let mut write = Vec::new();
    for path in [&asked.facts.home, &asked.facts.session_dir] {
        add(&mut write, real(files, path).unwrap_or_else(|| path.clone()));
    }
    TEMPORARY.iter().for_each(|path| there(&mut write, files, path));
    write
}

/// Adds the real path of what is there; what lies in a folder of the list needs no line of its own.
fn there(list: &mut Vec<String>, files: &dyn Files, path: &str) {
    if let Some(real) = real(files, path).filter(|real| !list.iter().any(|known| below(real, known))) {
        list.push(real);
    }
}

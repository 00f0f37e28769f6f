//! What Landlock calls what it refused, in words.

/// The kernel's names (`blockers=`) and ours.
const WORDS: &[(&str, &str)] = &[
    ("fs.execute", "execute"),
    ("fs.write_file", "write a file"),
    ("fs.read_file", "read a file"),
    ("fs.read_dir", "list a folder"),
    ("fs.remove_dir", "remove a folder"),
    ("fs.remove_file", "remove a file"),
    ("fs.make_char", "make a device"),
    ("fs.make_dir", "make a folder"),
    ("fs.make_reg", "make a file"),
    ("fs.make_sock", "make a socket"),
    ("fs.make_fifo", "make a pipe"),
    ("fs.make_block", "make a device"),
    ("fs.make_sym", "make a symbolic link"),
    ("fs.refer", "link or rename across folders"),
    ("fs.truncate", "truncate a file"),
    ("fs.ioctl_dev", "control a device"),
    ("fs.change_topology", "mount"),
    ("net.bind_tcp", "listen on a port"),
    ("net.connect_tcp", "connect"),
    ("scope.abstract_unix_socket", "connect to an abstract socket"),
    ("scope.signal", "send a signal"),
    ("ptrace", "look into a process"),
];

/// `fs.execute,fs.read_file` → `execute, read a file`. What a newer kernel calls otherwise stays as it is.
pub(super) fn landlock(blockers: &str) -> String {
    let word = |name: &str| {
        WORDS
            .iter()
            .find(|(known, _)| *known == name)
            .map_or_else(|| name.to_owned(), |(_, word)| (*word).to_owned())
    };
    blockers.split(',').map(|name| word(name.trim())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blockers_become_words() {
        assert_eq!(landlock("fs.execute,fs.read_file"), "execute, read a file");
        assert_eq!(landlock("net.new,scope.signal"), "net.new, send a signal");
        assert_eq!(landlock(""), "");
    }
}

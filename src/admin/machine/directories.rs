//! What a machine must have for ldap.conf: the files that its sections name. The launcher insists on the same before it starts.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use portcullis_conf::Settings;

use super::{pem, seen};
use crate::check::{Check, Outcome};

/// The files of all sections, while directories are in use.
pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let sections = settings.ldap.sections.iter().filter(|_| settings.sign_in.auth_ldap);
    let of = |section: &portcullis_conf::ldap::Section| {
        let directory = section.directory();
        let named = |option: &str| format!("[{}] {option}", section.name);
        let authorities = directory.ca_file.as_deref();
        let password = directory.bind_password_file.as_deref();
        [
            pem(&named("ca-file"), authorities, "-----BEGIN CERTIFICATE-----"),
            password.map(|path| password_file(&named("bind-password-file"), path)),
        ]
    };
    sections.flat_map(of).flatten().collect()
}

fn password_file(option: &str, path: &Path) -> Check {
    let meta = match seen(option, path) {
        Ok(meta) => meta,
        Err(check) => return check,
    };
    // Where it can't be read it is taken to have something in it.
    let empty = std::fs::read(path)
        .is_ok_and(|bytes| bytes.split(|byte| *byte == b'\n').next().is_none_or(<[u8]>::is_empty));
    judged(option, path, meta.uid(), meta.mode() & 0o777, empty)
}

/// What is to be said of a file with this owner and mode.
fn judged(option: &str, path: &Path, owner: u32, mode: u32, empty: bool) -> Check {
    let name = path.display();
    if owner != 0 {
        let text = format!("`{name}` belongs to the user id {owner}: whoever may write it decides who asks");
        return Check::new(Outcome::Fail, option, text).hint(format!("chown root {name}"));
    }
    if mode & 0o077 != 0 {
        let text = format!("`{name}` can be read by others than root (mode {mode:03o})");
        return Check::new(Outcome::Fail, option, text).hint(format!("chmod 600 {name}"));
    }
    if empty {
        let text = format!("`{name}` has nothing in its first line: it would be a bind as nobody");
        return Check::new(Outcome::Fail, option, text);
    }
    Check::new(Outcome::Pass, option, format!("`{name}` is there and nobody else can read it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_roots_and_nobody_elses() {
        for (owner, mode, empty, outcome) in [
            (0, 0o600, false, Outcome::Pass),
            (0, 0o400, false, Outcome::Pass),
            (0, 0o640, false, Outcome::Fail),
            (0, 0o604, false, Outcome::Fail),
            (1000, 0o600, false, Outcome::Fail),
            (0, 0o600, true, Outcome::Fail),
        ] {
            let check = judged("[a] bind-password-file", Path::new("/p"), owner, mode, empty);
            assert_eq!(check.outcome, outcome, "{owner} {mode:o} {empty}: {}", check.text);
        }
    }

    #[test]
    fn files_of_directories_that_are_not_in_use_are_not_looked_at() {
        let ldap = "[a]\nserver-address=a\ntls=1\nca-file=/nowhere/ca\nbind-dn=cn=a\nbind-password-file=/nowhere/p\n\
                    user-search-base=dc=a\nuser-object-class=person\nusername-attribute=uid\n";
        for (on, wanted) in [("1", 2), ("0", 0)] {
            let files = [("portcullis.conf", format!("auth-ldap={on}\n")), ("ldap.conf", ldap.to_owned())];
            let files = files.map(|(name, text)| (name.to_owned(), text));
            let settings = portcullis_conf::load(&portcullis_conf::Sources::new("/c", files)).settings;
            let found = checks(&settings);
            assert_eq!(found.len(), wanted, "{found:?}");
            assert!(found.iter().all(|check| check.outcome == Outcome::Fail));
        }
    }
}

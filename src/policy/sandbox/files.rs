//! What the plan asks about the machine's files; the answers come from whoever calls it.

/// The machine's files, as far as a plan needs them.
pub trait Files {
    /// The names by which a path is reached: itself, each link on the way, and at the end the real one. Empty where there is
    /// nothing.
    fn steps(&self, path: &str) -> Vec<String>;

    /// The names in a folder; empty where there is none.
    fn names(&self, folder: &str) -> Vec<String>;
}

/// The real path of what is there.
pub(super) fn real(files: &dyn Files, path: &str) -> Option<String> {
    files.steps(path).pop()
}

/// The paths that a pattern means, in order of their names; those that are not there are left out.
pub(super) fn expanded(files: &dyn Files, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = found
            .into_iter()
            .flat_map(|folder| match part.split_once('*') {
                None => vec![format!("{folder}/{part}")],
                Some((start, end)) => {
                    let mut names = files.names(if folder.is_empty() { "/" } else { &folder });
                    names.retain(|name| fits(name, start, end));
                    names.sort_unstable();
                    names.into_iter().map(|name| format!("{folder}/{name}")).collect()
                }
            })
            .collect();
    }
    found.retain(|path| !files.steps(path).is_empty());
    found
}

/// Whether a name begins and ends like that; the end may have a further `*`.
fn fits(name: &str, start: &str, end: &str) -> bool {
    let Some(rest) = name.strip_prefix(start) else { return false };
    match end.split_once('*') {
        None => rest.ends_with(end),
        Some((middle, end)) => rest.find(middle).is_some_and(|at| rest[at + middle.len()..].ends_with(end)),
    }
}

/// Whether a path lies in a folder, or is it.
pub(super) fn below(path: &str, folder: &str) -> bool {
    std::path::Path::new(path).starts_with(folder)
}

/// Adds what is not there yet.
pub(super) fn add(list: &mut Vec<String>, path: impl Into<String>) {
    let path = path.into();
    if !list.contains(&path) {
        list.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::tests::Machine;

    #[test]
    fn a_star_stands_for_characters_of_one_name() {
        let machine = Machine::new(&[
            "/usr/bin/python3",
            "/usr/bin/python3.11",
            "/usr/bin/perl",
            "/opt/R/4.4/lib/R/bin/exec/R",
            "/opt/R/4.5/lib/R/bin/exec/R",
            "/lib/ld-linux-riscv64-lp64d.so.1",
        ]);
        let of = |pattern| expanded(&machine, pattern);
        assert_eq!(of("/usr/bin/python3*"), ["/usr/bin/python3", "/usr/bin/python3.11"]);
        assert_eq!(of("/opt/R/*/lib/R/bin"), ["/opt/R/4.4/lib/R/bin", "/opt/R/4.5/lib/R/bin"]);
        assert_eq!(of("/lib/ld-linux-riscv64-*.so.*"), ["/lib/ld-linux-riscv64-lp64d.so.1"]);
        assert_eq!(of("/usr/bin/perl"), ["/usr/bin/perl"]);
        assert_eq!(of("/usr/bin/ruby*"), Vec::<String>::new());
        assert_eq!(of("/usr/bin/git"), Vec::<String>::new());
    }

    #[test]
    fn a_path_is_below_by_its_parts() {
        assert!(below("/srv/data/x", "/srv/data") && below("/srv", "/srv") && below("/srv", "/"));
        assert!(!below("/srv/data-secret", "/srv/data"));
    }
}

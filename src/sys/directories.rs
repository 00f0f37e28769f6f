//! The real names of `directory-view-allow-list`: links on the way are followed, but only root's.
//!
//! A session resolves the paths it is asked for, so the list must be compared in real names too. It is not resolved by the
//! session: where a person may put a link in the place of a listed directory, the link would widen the list. Called when a
//! sign-in begins or the configuration changes, never for a request; by the administrator's command to say what they lead to.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// Links followed at most, as the kernel does (`path_resolution(7)`).
const LINKS: u32 = 40;

/// The real name, as far as root's links lead; a part that can't be looked at stays as it is written.
pub fn real(directory: &str) -> String {
    let mut left = LINKS;
    follow(Path::new(directory), &mut left).to_str().map_or_else(|| directory.to_owned(), str::to_owned)
}

fn follow(path: &Path, left: &mut u32) -> PathBuf {
    let mut done = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => done.push(name),
            Component::ParentDir => {
                done.pop();
                continue;
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
        }
        let link = std::fs::symlink_metadata(&done).is_ok_and(|meta| meta.is_symlink() && meta.uid() == 0);
        if !link || *left == 0 {
            continue;
        }
        let Ok(target) = std::fs::read_link(&done) else { continue };
        *left -= 1;
        done.pop();
        // An absolute target takes the whole path's place.
        done = follow(&done.join(target), left);
    }
    done
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn roots_links_are_followed_and_nobody_elses() {
        let scratch = std::env::temp_dir().join(format!("portcullis-directories-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).expect("a directory");
        let base = scratch.canonicalize().expect("a path");
        std::fs::create_dir_all(base.join("disk/data")).expect("a directory");
        symlink("disk/data", base.join("data")).expect("a link");
        symlink(base.join("loop"), base.join("loop")).expect("a link");
        let name = |path: &str| base.join(path).to_str().expect("text").to_owned();
        crate::fork::needs_root();
        assert_eq!(real(&name("data/x")), name("disk/data/x"));
        assert_eq!(real(&name("loop")), name("loop"));
        std::os::unix::fs::lchown(base.join("data"), Some(65534), None).expect("given away");
        assert_eq!(real(&name("data/x")), name("data/x"));
        assert_eq!(real("/none/of/these/"), "/none/of/these");
        std::fs::remove_dir_all(&scratch).expect("removed");
    }
}

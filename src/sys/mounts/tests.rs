use super::*;
use crate::fork::{child_for_test, needs_root, program_for_test};
use crate::namespaces::{no_programs_in_memory, own_mounts, own_network};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

fn mounts() -> String {
    std::fs::read_to_string("/proc/self/mountinfo").expect("mounts")
}

/// Runs `body` with mounts of its own; the machine's are the same afterwards.
fn apart(body: impl FnOnce() -> bool) {
    needs_root();
    let code = child_for_test(|| {
        own_mounts().expect("mounts of its own");
        u8::from(!body())
    });
    assert_eq!(code, 0);
}

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("portcullis-mounts-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    dir
}

#[test]
fn files_in_memory_are_seen_here_only_and_are_limited() {
    let dir = scratch("memory");
    apart(|| {
        let tree = Tree::memory(1 << 20, 10, 0o1777, Limits::DATA).expect("files in memory");
        tree.folder(Path::new("below"), 0o1777).expect("a folder");
        tree.show_at(&Place::open(&dir).expect("there")).expect("shown");
        let full = std::fs::write(dir.join("big"), vec![0; 2 << 20]).expect_err("too much");
        std::fs::remove_file(dir.join("big")).expect("removed");
        let many = (0..20).find_map(|n| std::fs::write(dir.join(n.to_string()), "").err()).expect("too many");
        let no_space = |error: &std::io::Error| error.raw_os_error() == Some(libc::ENOSPC);
        let mode = std::fs::metadata(dir.join("below")).expect("made").permissions().mode() & 0o7777;
        mounts().contains("portcullis-mounts-memory") && no_space(&full) && no_space(&many) && mode == 0o1777
    });
    assert!(!mounts().contains("portcullis-mounts-memory"));
    assert_eq!(std::fs::read_dir(&dir).expect("there").count(), 0);
    std::fs::remove_dir(&dir).expect("removed");
}

#[test]
fn a_copy_is_limited_with_what_is_mounted_in_it() {
    let dir = scratch("copy");
    let script = dir.join("script");
    program_for_test(b"#!/bin/sh\nexit 0\n", &script);
    std::fs::create_dir(dir.join("inner")).expect("a folder");
    apart(|| {
        let runs = |path: &Path| Command::new(path).status().is_ok_and(|status| status.success());
        let inner = Tree::memory(1 << 20, 10, 0o755, Limits::default()).expect("files in memory");
        inner.show_at(&Place::open(&dir.join("inner")).expect("there")).expect("shown");
        std::fs::copy(&script, dir.join("inner/script")).expect("copied");
        let before = runs(&script) && runs(&dir.join("inner/script"));
        let place = Place::open(&dir).expect("there");
        let copy = Tree::copy(&place).expect("a copy");
        copy.limit(Limits { read_only: true, ..Limits::DATA }).expect("limited");
        let meanwhile = runs(&script);
        copy.show_at(&place).expect("shown");
        let after = runs(&script) || runs(&dir.join("inner/script"));
        let written = std::fs::write(dir.join("inner/new"), "x").is_ok();
        before && meanwhile && !after && !written
    });
    assert!(Command::new(&script).status().expect("it runs").success(), "outside nothing is limited");
    std::fs::remove_dir_all(&dir).expect("removed");
}

#[test]
fn a_file_goes_in_front_of_a_file_and_all_can_be_made_read_only() {
    let dir = scratch("file");
    let (a, b) = (dir.join("a"), dir.join("b"));
    std::fs::write(&a, "a").expect("written");
    std::fs::write(&b, "b").expect("written");
    apart(|| {
        let place = |path: &Path| Place::open(path).expect("there");
        let wrong = Tree::copy(&place(&dir)).expect("a copy").show_at(&place(&b));
        Tree::copy(&place(&a)).expect("a copy").show_at(&place(&b)).expect("shown");
        let open = Tree::copy(&place(&dir)).expect("a copy");
        limit_all(Limits { read_only: true, ..Limits::default() }).expect("limited");
        let closed = std::fs::write(&a, "x").is_err() && std::fs::write("/etc/portcullis-never", "").is_err();
        open.show_at(&place(&dir)).expect("shown");
        let written = std::fs::write(dir.join("c"), "c").is_ok();
        wrong.is_err() && closed && written && std::fs::read(&b).is_ok_and(|text| text == b"a")
    });
    assert_eq!(std::fs::read(&b).expect("there"), b"b");
    std::fs::remove_dir_all(&dir).expect("removed");
}

#[test]
fn the_rights_of_a_user_are_taken_on_and_given_back() {
    needs_root();
    let dir = scratch("rights");
    std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).expect("own");
    let code = child_for_test(|| {
        crate::ids::set_groups(&[]).expect("groups");
        let below = dir.join("below");
        let refused = with_rights_of(20_001, 20_001, || std::fs::write(&below, "x").is_err());
        let own = std::fs::write(&below, "x").is_ok();
        let owner = std::fs::metadata(&below).map(|meta| (meta.uid(), meta.gid()));
        u8::from(!(refused && own && owner.is_ok_and(|ids| ids == (0, 0))))
    });
    assert_eq!(code, 0);
    std::fs::remove_dir_all(&dir).expect("removed");
}

#[test]
fn a_network_of_its_own_reaches_itself_only() {
    needs_root();
    let outside = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = outside.local_addr().expect("bound");
    let code = child_for_test(|| {
        let before = std::net::TcpStream::connect(address).is_ok();
        own_network().expect("a network");
        let other = std::net::TcpStream::connect(address).is_err();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = std::net::TcpStream::connect(listener.local_addr().expect("bound")).is_ok();
        u8::from(!before) + 2 * u8::from(!other) + 4 * u8::from(!own)
    });
    assert_eq!(code, 0);
}

#[test]
fn a_file_in_memory_is_no_program_where_that_was_said() {
    use crate::exec::Exec;
    use std::io::Read;
    needs_root();
    // Process 1 of a namespace says it for that namespace; a shell does it there as this process would.
    let script = "read before < /proc/sys/vm/memfd_noexec; echo 2 > /proc/sys/vm/memfd_noexec; \
                  read after < /proc/sys/vm/memfd_noexec; echo $$ $before $after";
    let (reader, writer) = crate::fd::pipe().expect("a pipe");
    let mut exec = Exec::new(Path::new("/bin/sh")).expect("a program");
    exec.arg("-c").arg(script).fd(1, writer.as_fd()).first_process();
    let child = exec.spawn().expect("a child");
    drop(exec);
    drop(writer);
    let mut text = String::new();
    std::fs::File::from(reader).read_to_string(&mut text).expect("words");
    child.wait().expect("its end");
    let here = std::fs::read_to_string("/proc/sys/vm/memfd_noexec");
    match here {
        Ok(here) => assert_eq!((text.trim(), here.trim()), ("1 0 2", "0")),
        Err(_) => assert!(no_programs_in_memory().is_ok_and(|has| !has)),
    }
}

#[test]
fn the_end_of_process_one_ends_all_that_it_started() {
    use crate::exec::Exec;
    use crate::process::Process;
    use std::io::Read;
    needs_root();
    let (reader, writer) = crate::fd::pipe().expect("a pipe");
    let mut exec = Exec::new(Path::new("/bin/sh")).expect("a program");
    exec.arg("-c").arg("setsid sh -c 'sleep 1000 & sleep 1000' & kill -9 $$; kill -TERM $$; echo up; wait");
    exec.env("PATH", b"/usr/bin:/bin").fd(1, writer.as_fd()).first_process();
    exec.death_signal(nix::sys::signal::Signal::SIGTERM);
    let first = exec.spawn().expect("a child");
    drop(exec);
    drop(writer);
    let mut reader = std::fs::File::from(reader);
    reader.read_exact(&mut [0; 3]).expect("it lives after its own signals");
    let family = crate::tree::descendants(first.pid()).expect("/proc");
    assert!(!family.is_empty());
    first.signal(nix::sys::signal::Signal::SIGKILL).expect("it lives");
    first.wait().expect("its end");
    for stat in family {
        Process::open_started(stat.pid, stat.started).expect_err("gone with it");
    }
    assert_eq!(reader.read(&mut [0]).expect("the end"), 0, "nobody holds the pipe");
}

#[test]
fn a_name_that_became_a_link_is_no_place() {
    let dir = scratch("links").canonicalize().expect("a path");
    std::fs::create_dir_all(dir.join("real/below")).expect("folders");
    std::os::unix::fs::symlink("real", dir.join("link")).expect("a link");
    let at = |name: &str| Place::open_without_links(&dir.join(name)).and_then(|place| place.path());
    assert_eq!(at("real/below"), Ok(dir.join("real/below")));
    assert_eq!((at("link"), at("link/below")), (Err(Errno::ELOOP), Err(Errno::ELOOP)));
    assert_eq!(at("none"), Err(Errno::ENOENT));
    std::fs::remove_dir_all(&dir).expect("removed");
}

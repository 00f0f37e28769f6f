//! Numbers, lives, and what can't be had.

use super::*;
use crate::fork::{child_for_test, needs_root};

/// As many rules as there may be, as long as they get.
fn most(count: usize, six: bool) -> Vec<Destination> {
    let rule = |index: usize| {
        let network =
            if six { format!("2001:db8:7:{index:x}:1::{index:x}/127") } else { format!("10.7.{index}.0/31") };
        to(&network, Some((1000, 2000)))
    };
    (0..count).map(rule).collect()
}

#[test]
fn as_many_rules_as_may_be_are_in_force_to_the_last() {
    own_network(&[]);
    for six in [false, true] {
        let inside = Inside::of(20_001);
        let rules = Rules { allowed: Some(most(MOST, six)), neighbours: true, ..Rules::default() };
        let _ring = inside.rule_and_tell(&rules);
        let last = MOST - 1;
        let address = if six { format!("2001:db8:7:{last:x}:1::{last:x}") } else { format!("10.7.{last}.1") };
        let tried = |address: String, port| {
            inside.attempt(move || match connect(libc::SOCK_DGRAM, 0, at(&address, port)) {
                Err(Errno::ENETUNREACH) | Ok(()) => Ok(()),
                Err(errno) => Err(errno),
            })
        };
        assert_eq!(tried(address.clone(), 1500), DONE);
        assert_eq!(tried(address, 2001), REFUSED);
        let another = if six { "2001:db8:8::1" } else { "10.8.0.1" };
        assert_eq!(tried(another.to_owned(), 1500), REFUSED);
    }
    let inside = Inside::of(20_001);
    let many = Rules { allowed: Some(most(MOST, false)), refused: most(1, true), ..Rules::default() };
    assert!(matches!(attach(inside.path(), &many, None), Err(BpfError::Many(257))));
}

#[test]
fn rules_are_gone_with_their_group_and_with_nothing_else() {
    own_network(&[]);
    let rules = Rules { refused: vec![to("127.0.0.9", None)], ..Rules::default() };
    let inside = Inside::of(20_001);
    let (path, tried) =
        (inside.path().to_path_buf(), || inside.attempt(|| connect(libc::SOCK_DGRAM, 0, at("127.0.0.9", 9))));
    assert_eq!(tried(), DONE);
    // By another process, which is gone afterwards.
    assert_eq!(child_for_test(|| u8::from(attach(&path, &rules, None).is_err())), 0);
    assert_eq!(tried(), REFUSED);
    let asked = || if refuses(at("127.0.0.9", 9)) { Ok(()) } else { Err(Errno::ENODATA) };
    assert_eq!(inside.attempt(asked), DONE);
    assert!(!refuses(at("127.0.0.9", 9)), "not for this process");
    std::fs::remove_dir(&path).expect("empty");
    std::fs::create_dir(&path).expect("anew");
    assert_eq!(tried(), DONE);
}

#[test]
fn what_can_not_be_attached_is_an_error() {
    needs_root();
    let rules = Rules::default();
    let folder = std::env::temp_dir();
    assert!(matches!(attach(&folder, &rules, None), Err(BpfError::Attach { .. })), "no group");
    assert!(matches!(attach(Path::new("/no/such/group"), &rules, None), Err(BpfError::Group { .. })));
    let wide = Rules { refused: vec![to("10.0.0.0/33", None)], ..Rules::default() };
    assert!(matches!(attach(&folder, &wide, None), Err(BpfError::Prefix(_, 33))));

    // A program above that allows none beside it, as of a unit that delegates nothing.
    let above = Inside::of(20_003);
    let judge = addresses::Judge::new(&rules).expect("no rules");
    let code = programs::address(&judge, false, None).expect("short");
    let program = load::program(Kind::Connect4, &code).expect("taken");
    let group = File::open(above.path()).expect("a group");
    load::attach_alone(group.as_fd(), program.as_fd(), Kind::Connect4).expect("attached");
    let below = above.path().join("below");
    std::fs::create_dir(&below).expect("a group below");
    let refused = attach(&below, &rules, None);
    std::fs::remove_dir(&below).expect("empty");
    match refused {
        Err(BpfError::Attach { name: "connect4", hint, errno: Errno::EPERM }) => {
            assert!(hint.contains("Delegate=yes"), "{hint}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn this_machine_is_tried_and_left_as_it_was() {
    needs_root();
    let found = probe();
    assert_eq!(found, Abilities { rules: true, neighbours: true, why: None });
    let name = format!("probe-{}-", std::process::id());
    assert_eq!(below(std::path::Path::new("/sys/fs/cgroup"), &name), 0, "its group is gone");
}

/// How many groups there are whose name begins so.
fn below(folder: &std::path::Path, name: &str) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .map(|entry| {
            let counts = entry.file_name().to_str().is_some_and(|found| found.starts_with(name));
            usize::from(counts) + below(&entry.path(), name)
        })
        .sum()
}

#[test]
fn what_the_kernel_says_of_a_program_is_in_the_error() {
    needs_root();
    let mut asm = assembler::Assembler::default();
    asm.copy(assembler::R0, assembler::R9);
    asm.exit();
    let error = load::program(Kind::Outgoing, &asm.finish().expect("short")).expect_err("never set");
    assert!(error.to_string().contains("R9 !read_ok"), "{error}");
}

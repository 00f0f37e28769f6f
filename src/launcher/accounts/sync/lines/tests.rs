//! Whom a change of the files is about: a table of changes, and who is touched by each.

use super::*;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    ann:x:1001:1001:Ann:/home/ann:/bin/sh\n\
    ben:x:1002:1002::/home/ben:/bin/sh\n\
    # of somebody who left:\n\
    cleo:x:1003:100::/home/cleo:/bin/sh\n";
const GROUP: &str =
    "root:x:0:\nusers:x:100:\nann:x:1001:\nben:x:1002:\nstaff:x:50:ann,dora\nwheel:x:10:ben\n";
const SHADOW: &str = "root:*:1::::::\nann:$y$a:1::::::\nben:$y$b:1::::::\ncleo:!:1::::::\n";

/// People who are signed in; the files don't know Dora and Eve, who are a directory's. All have these groups.
const PEOPLE: [(&str, u32, &[&str]); 5] = [
    ("ann", 1001, &["ann", "staff"]),
    ("ben", 1002, &["ben", "wheel"]),
    ("cleo", 100, &["users"]),
    ("dora", 7000, &["people", "staff"]),
    ("eve", 100, &["users", "wheel"]),
];

fn files<'a>(passwd: &'a str, group: &'a str, shadow: &'a str) -> Bytes<'a> {
    Bytes { passwd: passwd.as_bytes(), group: group.as_bytes(), shadow: shadow.as_bytes() }
}

fn touched(before: Bytes<'_>, after: Bytes<'_>) -> Result<Vec<&'static str>, Odd> {
    let key = RandomState::new();
    let changes = Lines::of(&key, after)?.changes(&Lines::of(&key, before)?);
    let is = |(user, gid, groups): &(&str, u32, &[&str])| {
        let groups: Vec<String> = groups.iter().map(|&group| group.into()).collect();
        changes.touch(user, Gid(*gid), &groups)
    };
    Ok(PEOPLE.into_iter().filter(is).map(|(user, ..)| user).collect())
}

/// Who is touched by a replacement in one of the files, and by its way back.
fn by(file: &str, from: &str, to: &str) -> Result<Vec<&'static str>, Odd> {
    let change = |text: &str, name: &str| {
        assert!(name != file || text.contains(from), "{from}");
        if name == file { text.replacen(from, to, 1) } else { text.to_owned() }
    };
    let after = [change(PASSWD, "passwd"), change(GROUP, "group"), change(SHADOW, "shadow")];
    let (before, after) = (files(PASSWD, GROUP, SHADOW), files(&after[0], &after[1], &after[2]));
    let found = touched(before, after)?;
    assert_eq!(touched(after, before)?, found, "{from}: the other way round");
    Ok(found)
}

#[test]
fn only_those_are_touched_of_whom_a_changed_line_says_something() {
    for (file, from, to, wanted) in [
        // Strangers: a new account with a group of its own, its password, groups of others.
        ("passwd", "ben:", "zoe:x:1009:1009::/home/zoe:/bin/sh\nben:", &[][..]),
        ("group", "staff:", "zoe:x:1009:\nstaff:", &[]),
        ("group", "wheel:x:10:ben", "wheel:x:10:ben,zoe", &[]),
        ("shadow", "ben:", "zoe:$y$z:1::::::\nben:", &[]),
        ("passwd", "# of somebody", "# nobody, of somebody", &[]),
        ("passwd", "root:x:0:0:root", "root:x:0:0:R", &[]),
        // Of whom a name is only the beginning.
        ("passwd", "ben:", "anna:x:1009:1009::/home/anna:/bin/sh\nben:", &[]),
        // Members.
        ("group", "staff:x:50:ann,dora", "staff:x:50:dora", &["ann"]),
        ("group", "staff:x:50:ann,dora", "staff:x:50:ann,dora,ben", &["ben"]),
        ("group", "staff:x:50:ann,dora", "staff:x:50:ann", &["dora"]),
        ("group", "staff:x:50:ann,dora", "staff:x:50:ann,dora\nnew:x:51:eve,cleo", &["cleo", "eve"]),
        ("group", "staff:x:50:ann,dora", "staff:x:50:ann ,dora", &["ann"]),
        // Groups that are called otherwise, have another number, or are gone: their members, whose own they are, and whom a
        // directory made a member.
        ("group", "staff:", "staff2:", &["ann", "dora"]),
        ("group", "staff:x:50:", "staff:x:52:", &["ann", "dora"]),
        ("group", "users:x:100:", "all:x:100:", &["cleo", "eve"]),
        ("group", "users:x:100:", "users:x:101:", &["cleo", "eve"]),
        ("group", "users:x:100:\n", "", &["cleo", "eve"]),
        ("group", "wheel:x:10:ben", "admins:x:10:ben", &["ben", "eve"]),
        // A number that had no name, and one that has another before its own.
        ("group", "root:", "people:x:7000:\nroot:", &["dora"]),
        ("group", "root:", "first:x:50:\nroot:", &["ann", "dora"]),
        // Their own lines.
        ("passwd", "ann:x:1001:1001:", "ann:x:2001:1001:", &["ann"]),
        ("passwd", "ann:x:1001:1001:", "ann:x:1001:50:", &["ann"]),
        ("passwd", "ann:x:1001:1001:Ann:/home/ann:/bin/sh\n", "", &["ann"]),
        ("passwd", "/home/ben:/bin/sh", "/home/ben:/bin/false", &["ben"]),
        ("passwd", "root:", "ann:x:0:0::/:/bin/sh\nroot:", &["ann"]),
        ("passwd", "root:", "dora:x:7001:7001::/:/bin/sh\nroot:", &["dora"]),
        ("shadow", "ben:$y$b:1::::::", "ben:$y$b:1:::::0:", &["ben"]),
        ("shadow", "ben:$y$b", "ben:!$y$b", &["ben"]),
        ("shadow", "cleo:!:1::::::\n", "", &["cleo"]),
    ] {
        let found = by(file, from, to).unwrap_or_else(|odd| panic!("{to}: {odd}"));
        assert_eq!(found, wanted, "{file}: {from:?} -> {to:?}");
    }
    assert_eq!(touched(files(PASSWD, GROUP, SHADOW), files(PASSWD, GROUP, SHADOW)), Ok(vec![]));
}

#[test]
fn what_may_be_about_anybody_is_about_everybody() {
    for (file, line) in [
        ("passwd", "+::::::"),
        ("passwd", "+@office::::::"),
        ("passwd", "-ben"),
        ("passwd", " zoe:x:1:1::/:/bin/sh"),
        ("passwd", "\x0bzoe:x:1:1::/:/bin/sh"),
        ("passwd", "zoe"),
        ("passwd", "zoe:x:1"),
        ("passwd", "zoe:x:1:+1::/:/bin/sh"),
        ("passwd", "zoe:x:1:::/:/bin/sh"),
        ("passwd", "zoe:x:1:4294967296::/:/bin/sh"),
        ("passwd", ":x:1:1::/:/bin/sh"),
        ("passwd", "zoe:x:1:1:\0:/:/bin/sh"),
        ("group", "+:::"),
        ("group", "zoe:x:1"),
        ("group", "zoe:x:one:"),
        ("group", "zoe:x: 1:"),
        ("shadow", "+"),
        ("shadow", "zoe"),
    ] {
        let text =
            |name: &str, text: &str| if name == file { format!("{text}{line}\n") } else { text.to_owned() };
        let all = [text("passwd", PASSWD), text("group", GROUP), text("shadow", SHADOW)];
        let found = Lines::of(&RandomState::new(), files(&all[0], &all[1], &all[2]));
        let changed = all.iter().zip(["passwd", "group", "shadow"]).find(|(_, name)| *name == file);
        let number = changed.map_or(0, |(text, _)| text.lines().count());
        assert_eq!(found.err(), Some(Odd { file, line: number }), "{line:?}");
    }
    // What is none, and a last line that has no end.
    let fine = ["\n", "  \n", "# + says nothing\n", "  # nor this\n", "zoe:x:1:1::/:/bin/sh"];
    for line in fine {
        let passwd = format!("{PASSWD}{line}");
        assert!(Lines::of(&RandomState::new(), files(&passwd, GROUP, SHADOW)).is_ok(), "{line:?}");
    }
    assert!(Lines::of(&RandomState::new(), files("", "", "")).is_ok());
}

#[test]
fn one_of_many_is_found_and_fingerprints_are_each_processes_own() {
    const MANY: u32 = 10_000;
    let (mut passwd, mut group, mut shadow) = (String::new(), String::from("all:x:100:"), String::new());
    for number in 0..MANY {
        let id = 1000 + number;
        passwd.push_str(&format!("user{number}:x:{id}:{id}::/home/user{number}:/bin/sh\n"));
        shadow.push_str(&format!("user{number}:$y$j9T$salt$hash{number}:19000:0:99999:7:::\n"));
        group.push_str(&format!("{}user{number}", if number == 0 { "" } else { "," }));
    }
    group.push('\n');
    (0..MANY).for_each(|number| group.push_str(&format!("user{number}:x:{}:\n", 1000 + number)));
    let key = RandomState::new();
    let before = Lines::of(&key, files(&passwd, &group, &shadow)).expect("plain");
    let later = shadow.replace("hash7777:19000", "hash7777:19001");
    let stranger = format!("{passwd}zoe:x:900:100::/home/zoe:/bin/sh\n");
    let more = group.replacen("user9999\n", "user9999,zoe\n", 1);
    let changes = Lines::of(&key, files(&stranger, &more, &later)).expect("plain").changes(&before);
    let groups = |number: u32| [format!("user{number}"), "all".to_owned()];
    let touched =
        |&number: &u32| changes.touch(&format!("user{number}"), Gid(1000 + number), &groups(number));
    assert_eq!((0..MANY).filter(touched).collect::<Vec<_>>(), [7777]);
    let other = Lines::of(&RandomState::new(), files(&passwd, &group, &shadow)).expect("plain");
    assert_ne!(other.numbers, before.numbers, "the key is the same");
}

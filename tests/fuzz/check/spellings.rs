//! Property: the decision on any spelling of a path is the decision on its canonical form, or a refusal; and what is sent on is a
//! form that can be read in one way only.

use portcullis_fuzz::mutate::Random;
use portcullis_fuzz::oracle::check;
use portcullis_fuzz::worlds::{ADAPTERS, FLAGS, IDES, ask};
use portcullis_policy::{Verdict, decide, rows_of};

/// Spellings tried of each row and flag.
const EACH: usize = 60;

fn word(random: &mut Random, words: &[&'static str]) -> &'static str {
    words[random.below(words.len())]
}

/// Spells a path in another way that some reader takes for the same.
fn respell(path: &str, random: &mut Random) -> String {
    let mut spelt = path.to_owned();
    for _ in 0..=random.below(3) {
        let at = random.below(spelt.len());
        let at = (0..=at).rev().find(|at| spelt.is_char_boundary(*at)).unwrap_or(0);
        let byte = spelt.as_bytes()[at];
        let slash = spelt[..at].rfind('/').unwrap_or(0);
        if !byte.is_ascii() || !spelt.as_bytes()[slash].is_ascii() {
            continue;
        }
        match random.below(16) {
            0 => spelt.replace_range(at..=at, &format!("%{byte:02x}")),
            1 => spelt.replace_range(at..=at, &format!("%{byte:02X}")),
            2 => spelt.replace_range(at..=at, &format!("%25{byte:02x}")),
            3 => spelt.insert(slash, '/'),
            4 => spelt.insert_str(slash, "/."),
            5 => spelt.insert_str(slash, "/x/.."),
            6 => spelt.insert_str(slash, "/%2e"),
            7 => spelt.insert_str(at, word(random, &[";", ";a=b", "%3b", "%00", "%20", "#", "?"])),
            8 => spelt = spelt.to_uppercase(),
            9 => spelt.push('/'),
            10 => spelt.replace_range(slash..=slash, "\\"),
            11 => spelt.replace_range(slash..=slash, word(random, &["%2f", "%2F", "%5c", "%252f"])),
            12 => spelt.insert_str(
                0,
                word(random, &["/s/00000000000000aa", "http://127.0.0.1", "//host", "/x/..;"]),
            ),
            13 => spelt.push_str(word(random, &["/.", "/..", ".", "%20", "%09", "/%2e%2e"])),
            14 => {
                spelt.insert_str(slash, word(random, &["/.%2e", "/%2e.", "/%252e%252e", "/..%2f", "/..%5c"]))
            }
            _ => spelt.insert_str(at, word(random, &["%c0%af", "%ef%bc%8f", "%ff", "\u{e9}", "%e2%80%a4"])),
        }
    }
    spelt
}

#[test]
fn a_decision_does_not_depend_on_the_spelling() {
    let mut random = Random::new(4);
    let (mut tried, mut passed) = (0_u64, 0_u64);
    for ide in IDES.iter() {
        for row in rows_of(&ADAPTERS, *ide) {
            let path = row
                .path
                .replace("/**", "**")
                .replace("**", "/a/b c.txt")
                .replace('*', "1")
                .replace(' ', "%20");
            for (_, flags) in FLAGS.iter().filter(|(_, flags)| flags.restrictive()) {
                for _ in 0..EACH {
                    let spelt = respell(&path, &mut random);
                    let method = *random.of(&row.methods.words());
                    let upgrade = row.socket.is_some() && (!row.either || random.below(2) == 0);
                    let ask = ask(method, &spelt, upgrade);
                    let verdict = decide(&ADAPTERS, *ide, flags, &ask);
                    check(&ADAPTERS, *ide, flags, &ask, &verdict);
                    tried += 1;
                    passed += u64::from(matches!(verdict, Verdict::Forward(_)));
                }
            }
        }
    }
    assert!(tried > 100_000, "{tried}");
    assert!(passed > tried / 100, "only {passed} of {tried} went on: nothing was compared");
}

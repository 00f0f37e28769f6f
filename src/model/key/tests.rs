use super::*;

fn key(byte: u8) -> NewKey {
    NewKey::of("abcdefg234".parse().expect("an id"), &[byte; SECRET])
}

fn text(key: &NewKey) -> String {
    String::from_utf8(key.text.expose().to_vec()).expect("ASCII")
}

#[test]
fn a_key_reads_as_it_was_made() {
    for _ in 0..100 {
        let key = NewKey::random().expect("random bytes");
        let text = text(&key);
        assert_eq!(text.len(), KEY_TEXT);
        assert_eq!(parse(&text), Ok((key.id, key.digest)));
    }
}

#[test]
fn the_text_is_what_scanners_were_told() {
    assert_eq!(text(&key(0)), "ptk_abcdefg234_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_3qvWAw");
    // The check value of CRC-32: 0xCBF43926.
    let mut rest = 0xCBF4_3926_u64;
    let mut digits = [0; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[usize::try_from(rest % 62).expect("small")];
        rest /= 62;
    }
    assert_eq!(check(b"123456789"), digits);
}

#[test]
fn every_changed_character_is_refused() {
    let text = text(&key(7));
    for at in 0..text.len() {
        for with in [b'A', b'_', b'.', b'z', b'0', b' '] {
            let mut bytes = text.clone().into_bytes();
            if bytes[at] == with {
                continue;
            }
            bytes[at] = with;
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert!(parse(&changed).is_err(), "{changed}");
        }
    }
    for bad in ["", "ptk_", &text[1..], &format!("{text}0"), &"ü".repeat(KEY_TEXT / 2)] {
        assert_eq!(parse(bad), Err(KeyTextError::Form), "{bad}");
    }
}

#[test]
fn the_digest_is_of_this_id_and_this_secret() {
    let other = NewKey::of("zzzzzzzzzz".parse().expect("an id"), &[7; SECRET]);
    assert!(key(7).digest.matches(&key(7).digest));
    assert!(!key(7).digest.matches(&key(8).digest));
    assert!(!key(7).digest.matches(&other.digest));
}

#[test]
fn neither_text_nor_digest_is_printed() {
    let key = key(7);
    assert!(!format!("{key:?}").contains(&text(&key)[15..30]), "{key:?}");
}

#[test]
fn scopes_read_as_they_are_written() {
    let all: Scopes = Scope::ALL.into_iter().collect();
    assert_eq!(all.to_string(), "sessions ide account:read users:read users:write audit:read");
    assert_eq!(all.to_string().parse(), Ok(all));
    let one: Scopes = "ide".parse().expect("a scope");
    assert!(one.has(Scope::Ide) && !one.has(Scope::Sessions) && !one.is_empty());
    assert!("keys".parse::<Scopes>().is_err());
    assert!(Scopes::default().is_empty());
}

#[test]
fn a_key_is_good_in_its_time_and_from_its_places() {
    let mut key = ApiKey {
        id: "abcdefg234".parse().expect("an id"),
        account: AccountId::from_bytes([1; 16]),
        name: "ci".to_owned(),
        digest: key(1).digest,
        scopes: Scopes::default(),
        role_cap: Role::Publisher,
        sources: vec!["192.0.2.0/24".parse().expect("a net"), "2001:db8::/32".parse().expect("a net")],
        created: 0,
        until: Some(1000),
        last_used: None,
        ended: None,
        seal: Vec::new(),
    };
    let at = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert!(key.good(999, at("192.0.2.9")));
    assert!(key.good(999, at("2001:db8::1")));
    assert!(key.good(999, at("::ffff:192.0.2.9")), "a mapped address is the address");
    assert!(!key.good(1000, at("192.0.2.9")));
    assert!(!key.good(999, at("192.0.3.9")));
    assert_eq!(key.role(Role::Viewer), Role::Viewer);
    assert_eq!(key.role(Role::Administrator), Role::Publisher);
    key.ended = Some(5);
    assert!(!key.good(6, at("192.0.2.9")));
    (key.ended, key.until, key.sources) = (None, None, Vec::new());
    assert!(key.good(u64::MAX, at("198.51.100.1")));
}

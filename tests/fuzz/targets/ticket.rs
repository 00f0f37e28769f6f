//! What a browser sends after `Negotiate`, before the library sees it; and the names that come out.

use portcullis_ticket::offer::{Offer, offer};
use portcullis_ticket::principal::{Principal, PrincipalError, user};

use crate::Target;

/// What offers Kerberos says so in its head; a name has one meaning, and none of another realm is a user.
pub(super) const TICKET: Target = Target {
    name: "ticket",
    run: ticket,
    seeds,
    words: &[
        "NTLMSSP\0",
        "\u{6}\u{6}+\u{6}\u{1}\u{5}\u{5}\u{2}",
        "@",
        "/",
        "\\@",
        "\\/",
        "\\\\",
        "EXAMPLE.TEST",
        "\\n",
    ],
};

const REALM: &str = "EXAMPLE.TEST";

fn ticket(data: &[u8]) {
    match offer(data) {
        Offer::Kerberos | Offer::Negotiated => assert_eq!(data[0], 0x60),
        Offer::Ntlm => assert!(data.starts_with(b"NTLMSSP\0") || data[0] == 0x60),
        Offer::Nothing => {}
    }
    let Ok(name) = std::str::from_utf8(data) else { return };
    let parsed = Principal::parse(name);
    let named = user(name, &[REALM]);
    match (&parsed, &named) {
        (Ok(principal), Ok(user)) => {
            assert_eq!((principal.parts.as_slice(), principal.realm.as_str()), (&[user.clone()][..], REALM));
            assert!(!user.is_empty() && !user.contains(['/', '@']) && !user.chars().any(char::is_control));
        }
        (Ok(principal), Err(PrincipalError::Realm(realm))) => {
            assert!(*realm == principal.realm && realm != REALM)
        }
        (Ok(principal), Err(_)) => assert_eq!(principal.realm, REALM),
        (Err(parsed), Err(named)) => assert_eq!(parsed, named),
        (Err(error), Ok(user)) => panic!("{user} of a name that is none: {error}"),
    }
    assert!(user(name, &[] as &[&str]).is_err());
    // Escaped again, the parts are the same name: no two names become one.
    if let Ok(principal) = parsed {
        let escape = |text: &String| text.replace('\\', r"\\").replace('/', r"\/").replace('@', r"\@");
        let parts: Vec<_> = principal.parts.iter().map(escape).collect();
        let again = format!("{}@{}", parts.join("/"), escape(&principal.realm));
        // Escapes make it longer; a name at the limit may not fit any more.
        assert!(
            matches!(Principal::parse(&again), Err(PrincipalError::TooLong(_)))
                || Principal::parse(&again) == Ok(principal)
        );
    }
}

fn seeds() -> Vec<Vec<u8>> {
    // The heads of what browsers send: Kerberos negotiated, Kerberos bare, NTLM negotiated, NTLM bare.
    let negotiated = b"\x60\x26\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x1c\x30\x1a\xa0\x0d\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\xa2\x09\x04\x07ticket!";
    let bare = b"\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00";
    let ntlm = b"\x60\x28\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x1e\x30\x1c\xa0\x0e\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a\xa2\x0a\x04\x08NTLMSSP\0";
    let names = [r"kira@EXAMPLE.TEST", r"kira/admin@EXAMPLE.TEST", r"k\/i\@r\\a@OTHER.TEST", r"a\n@R"];
    let mut seeds = vec![negotiated.to_vec(), bare.to_vec(), ntlm.to_vec(), b"NTLMSSP\0\x01\0\0\0".to_vec()];
    assert_eq!([&seeds[0], &seeds[1]].map(|seed| offer(seed)), [Offer::Negotiated, Offer::Kerberos]);
    assert_eq!([&seeds[2], &seeds[3]].map(|seed| offer(seed)), [Offer::Ntlm, Offer::Ntlm]);
    seeds.extend(names.map(|name| name.as_bytes().to_vec()));
    seeds
}

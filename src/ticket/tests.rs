//! What can be tried without a realm: what never reaches the library, and what it says before it looks at a ticket. Tickets are
//! tried by the test set `identity`, on a KDC.

use std::path::Path;

use crate::offer::tests::{spnego, wrap};
use crate::offer::{KERBEROS, SPNEGO};
use crate::{Library, Request, TOKEN_MAX, TicketError, accept};

fn library() -> Library {
    Library::open().expect("libgssapi-krb5-2 is installed where these tests run")
}

fn request(token: &[u8]) -> Request<'_> {
    Request {
        token,
        key_table: Path::new("/nonexistent/keys"),
        service: "HTTP",
        replays: Path::new("/nonexistent"),
    }
}

#[test]
fn what_is_no_kerberos_is_refused_before_the_library_sees_it() {
    let library = library();
    let refused = |token: &[u8]| accept(&library, &request(token)).expect_err("refused");
    assert_eq!(refused(b""), TicketError::Length(0));
    assert_eq!(refused(&vec![0x60; TOKEN_MAX + 1]), TicketError::Length(TOKEN_MAX + 1));
    assert_eq!(refused(b"NTLMSSP\0\x01\0\0\0"), TicketError::Ntlm);
    assert_eq!(
        refused(&spnego(&[b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"], b"NTLMSSP\0")),
        TicketError::Ntlm
    );
    assert_eq!(refused(b"Basic"), TicketError::NoKerberos);
    assert_eq!(refused(&wrap(0x60, &[&wrap(0x06, &[SPNEGO])])), TicketError::NoKerberos);
}

#[test]
fn services_and_paths_that_are_none_are_refused() {
    let (library, token) = (library(), spnego(&[KERBEROS], b"x"));
    for service in
        ["", "@host", "HTTP@", "HTTP/host", "HTTP@a@b", "../x", "HTTP host", "HTTP@a/b", &"x".repeat(301)]
    {
        let refused = accept(&library, &Request { service, ..request(&token) });
        assert!(matches!(refused, Err(TicketError::Service(_))), "{service}: {refused:?}");
    }
    for path in ["", "keys", "./keys", "/a\0b"] {
        let path = Path::new(path);
        let refused = accept(&library, &Request { key_table: path, ..request(&token) });
        assert_eq!(refused, Err(TicketError::Path(path.to_owned())));
    }
    let refused = accept(&library, &Request { replays: Path::new("replays"), ..request(&token) });
    assert!(matches!(refused, Err(TicketError::Path(_))), "{refused:?}");
}

#[test]
fn a_key_table_that_is_not_there_is_told_in_the_library_s_words() {
    let refused = accept(&library(), &request(&spnego(&[KERBEROS], b"x"))).expect_err("no keys");
    let TicketError::Prepare { call, text } = &refused else { panic!("{refused}") };
    assert_eq!(*call, "gss_acquire_cred_from");
    assert!(text.contains("/nonexistent/keys"), "{text}");
}

use super::*;
use crate::sign_in::{Denied, PublicDenial};

fn failures() -> Vec<Failure> {
    vec![
        Failure::Credentials,
        Failure::Expired,
        Failure::Locked,
        Failure::Unreachable,
        Failure::Slow,
        Failure::Certificate,
        Failure::protocol("x"),
        Failure::NotPermitted,
        Failure::BadName,
        Failure::Ambiguous,
        Failure::rejected("x"),
        Failure::Replayed,
        Failure::Cancelled,
        Failure::Gone,
        Failure::Unsupported,
        Failure::Evidence,
        Failure::configuration("x"),
    ]
}

/// What each failure is refused as, and what a browser is told: a change of either is a change of this text.
#[test]
fn failures_are_refused_as_this_table_says() {
    let table: Vec<String> = failures()
        .iter()
        .map(|failure| {
            let denied = failure.denied();
            format!("{} {denied:?} {:?}", failure.word(), denied.public())
        })
        .collect();
    assert_eq!(
        table.join("\n"),
        "credentials Credentials Refused\n\
         expired Account Refused\n\
         locked Account Refused\n\
         unreachable System Unavailable\n\
         slow Deadline Unavailable\n\
         certificate System Unavailable\n\
         protocol System Unavailable\n\
         not-permitted NotPermitted Refused\n\
         bad-name BadName Refused\n\
         ambiguous NotPermitted Refused\n\
         rejected Credentials Refused\n\
         replayed Credentials Refused\n\
         cancelled Cancelled Refused\n\
         gone Account Refused\n\
         unsupported System Unavailable\n\
         evidence Credentials Refused\n\
         configuration System Unavailable"
    );
}

/// Unknown, wrong, expired, locked and not permitted look alike from outside.
#[test]
fn what_depends_on_the_account_is_one_answer() {
    for failure in [
        Failure::Credentials,
        Failure::Expired,
        Failure::Locked,
        Failure::NotPermitted,
        Failure::Ambiguous,
        Failure::BadName,
        Failure::Gone,
    ] {
        assert_eq!(failure.denied().public(), PublicDenial::Refused, "{failure}");
    }
    assert_ne!(Failure::Unreachable.denied(), Denied::Credentials);
}

#[test]
fn details_are_one_short_line() {
    let Failure::Protocol(detail) = Failure::protocol(&format!("a\nb\u{202e}{}", "x".repeat(5000))) else {
        panic!("another failure");
    };
    assert!(detail.starts_with("a\\u{a}b\\u{202e}x"), "{detail}");
    assert!(detail.len() < 400 && !detail.contains('\n'));
}

#[test]
fn evidence_at_its_limit_is_taken_and_one_more_is_not() {
    let form =
        |name, word| Evidence::Form { user: "u".repeat(name), password: Secret::new(vec![b'p'; word]) };
    let response = |bytes| Evidence::Response {
        response: Secret::new(vec![0; bytes]),
        in_response_to: None,
        recipient: String::new(),
        proven_since: None,
    };
    let code = |bytes| Evidence::Code {
        code: Secret::new(vec![0; bytes]),
        nonce: Secret::default(),
        verifier: Secret::default(),
        redirect_uri: String::new(),
        issuer: None,
        proven_since: None,
    };
    let ticket = |bytes| Evidence::Ticket { token: Secret::new(vec![0; bytes]) };
    let header = |bytes| Evidence::Header { user: "u".repeat(bytes), peer: IpAddr::from([127, 0, 0, 1]) };
    for (taken, refused) in [
        (form(NAME_MAX, PASSWORD_MAX), form(NAME_MAX + 1, 0)),
        (form(0, 0), form(0, PASSWORD_MAX + 1)),
        (response(RESPONSE_MAX), response(RESPONSE_MAX + 1)),
        (code(CODE_MAX), code(CODE_MAX + 1)),
        (ticket(TOKEN_MAX), ticket(TOKEN_MAX + 1)),
        (header(NAME_MAX), header(NAME_MAX + 1)),
    ] {
        assert_eq!(taken.check(), Ok(()));
        assert!(refused.check().is_err(), "{:?}", refused.kind());
    }
}

#[test]
fn evidence_never_prints_its_secret() {
    let evidence = Evidence::Form { user: "kim".into(), password: Secret::from("hunter2".to_owned()) };
    assert!(!format!("{evidence:?}").contains("hunter2"));
}

fn proven(groups: usize, name: usize) -> Proven {
    let group = |at: usize| GroupRef { unique: None, name: format!("{at:0name$}"), dn: None };
    Proven {
        provider: Provider::Ldap("main".into()),
        unique: UniqueId::try_from(vec![1, 2, 3]).expect("an id"),
        user: "kim".into(),
        attributes: Attributes::default(),
        groups: (0..groups).map(group).collect(),
        until: None,
        register: true,
    }
}

#[test]
fn too_many_groups_are_an_error_and_not_a_shorter_list() {
    assert_eq!(proven(GROUPS_MAX, 90).check(), Ok(()));
    assert!(proven(GROUPS_MAX + 1, 4).check().is_err());
    assert!(proven(GROUPS_MAX, 200).check().is_err());
}

#[test]
fn what_the_provider_does_not_govern_is_empty_in_the_profile() {
    let told = Attributes {
        first: Some("Kim".into()),
        last: None,
        email: Some(String::new()),
        ..Default::default()
    };
    let profile = told.profile();
    assert_eq!(
        (profile.first.as_str(), profile.display.as_str(), profile.email.as_str()),
        ("Kim", "Kim", "")
    );
}

#[test]
fn shown_texts_are_escaped_wherever_they_come_from() {
    assert_eq!(Shown::from("a\u{1b}[31m\u{202e}ä").as_str(), "a\\u{1b}[31m\\u{202e}ä");
    let sent: Shown = serde_json::from_str("\"x\\ny\"").expect("a text");
    assert_eq!(sent.as_str(), "x\\u{a}y");
    assert!(Shown::from("x".repeat(SHOWN_MAX + 1)).as_str().ends_with('…'));
}

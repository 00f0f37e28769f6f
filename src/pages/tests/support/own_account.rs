//! The page of one's own account.

use portcullis_model::account::Role;
use portcullis_model::proof::MethodName;
use portcullis_model::sign_in::SignInEnd;
use portcullis_pages::Frame;
use portcullis_pages::account::{AccountPage, Looked, OwnSignIn, PastSignIn};

/// The page of one's own account, with and without what the database has.
pub(crate) fn account(frame: Frame<'_>, text: &str) -> [String; 2] {
    let one = OwnSignIn {
        id: "07".repeat(16),
        remote: text.to_owned(),
        agent: text.to_owned(),
        method: MethodName::Pam,
        since: 100,
        seen: 200,
        until: 9000,
        own: true,
        elsewhere: false,
    };
    let sign_ins = [one.clone(), OwnSignIn { own: false, elsewhere: true, method: MethodName::Saml, ..one }];
    let over = [PastSignIn {
        remote: text.to_owned(),
        agent: text.to_owned(),
        method: text.to_owned(),
        since: 1,
        ended: 2,
        why: SignInEnd::Revoked,
    }];
    let look =
        |what: &str| Looked { session: text.to_owned(), by: text.to_owned(), what: what.to_owned(), at: 5 };
    let looks = [look("looked"), look(text), Looked { session: String::new(), ..look("revoked") }];
    let page = AccountPage {
        frame,
        now: 7_200,
        said: Some(text),
        token: text,
        role: Role::Viewer,
        sign_ins: &sign_ins,
        past: Some((&over, &looks)),
    };
    let without = AccountPage { past: None, sign_ins: &sign_ins[..1], ..page.clone() };
    [page.html(), without.html()]
}

//! Pages of one's own account, and those of everybody's.

use portcullis_model::FactorId;
use portcullis_model::account::Role;
use portcullis_model::factor::{FactorKind, FactorLine};
use portcullis_model::sign_in::SignInEnd;
use portcullis_pages::Frame;
use portcullis_pages::account::{
    AccountPage, CodesPage, FactorsPage, KeyLine, KeysPage, Looked, MadeKey, PasskeyPage, PastSignIn,
    TotpPage,
};
use portcullis_pages::admin::{AdminFrame, Tab, UserRow, UsersPage};

use super::NOW;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// One's own account.
pub(super) fn account(frame: Frame<'_>) -> Vec<(&'static str, String)> {
    let past = |why, days: u64| PastSignIn {
        remote: "192.0.2.7".to_owned(),
        agent: FIREFOX.to_owned(),
        method: "openid".to_owned(),
        since: NOW - days * 86_400,
        ended: NOW - days * 86_400 + 5_000,
        why,
    };
    let over = [past(SignInEnd::Revoked, 1), past(SignInEnd::Expired, 9)];
    let looks = ["looked", "records"].map(|what| Looked {
        session: if what == "looked" { "3a015c9107ee42d0".to_owned() } else { String::new() },
        by: "root".to_owned(),
        what: what.to_owned(),
        at: NOW - 50_000,
    });
    let page = AccountPage {
        frame,
        now: NOW,
        said: None,
        token: "t0ken",
        role: Role::Publisher,
        sign_ins: &[],
        past: Some((&over, &looks)),
    };
    let asked = AccountPage { past: None, said: Some("That sign-in is over."), ..page.clone() };
    vec![("account", page.html()), ("account-without-database", asked.html())]
}

/// One's own second factors.
pub(super) fn factors(frame: Frame<'_>) -> Vec<(&'static str, String)> {
    let line = |kind, name: &str, last_used| FactorLine {
        id: FactorId::from_bytes([1; 16]),
        kind,
        name: name.to_owned(),
        created: (NOW - 40 * 86_400) * 1000,
        last_used,
    };
    let lines = [
        line(FactorKind::Totp, "my phone", Some((NOW - 500) * 1000)),
        line(FactorKind::Passkey, "the grey key on my desk", None),
    ];
    let page = FactorsPage {
        frame,
        now: NOW,
        said: None,
        token: "t0ken",
        factors: &lines,
        codes: 9,
        kinds: &[FactorKind::Totp, FactorKind::Passkey],
        required: true,
        limited: false,
        fresh: true,
    };
    let none = FactorsPage { factors: &[], codes: 0, required: false, ..page.clone() };
    let limited = FactorsPage { factors: &[], codes: 0, limited: true, ..page.clone() };
    let stale = FactorsPage { fresh: false, ..page.clone() };
    let none_offered = FactorsPage { kinds: &[], ..none.clone() };
    let picture = picture();
    let totp = TotpPage {
        frame,
        token: "t0ken",
        factor: "01010101010101010101010101010101",
        address: "otpauth://totp/ide.example.org:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=ide.example.org",
        picture: &picture,
        wrong: false,
    };
    let codes = [
        "7k3m-9q2x-4bfd",
        "c8hn-2wjr-6tgz",
        "x4vp-7ydk-3smq",
        "b9rf-5ghj-8cwn",
        "m2tz-6qxk-4vdp",
        "j7ws-3ncb-9fhr",
        "d5gy-8pmt-2kzx",
        "q6vh-4rjw-7bns",
        "f3ck-9xdz-5gtm",
        "w8pn-2yhq-6jrv",
    ];
    vec![
        ("factors", page.html()),
        ("factors-none", none.html()),
        ("factors-limited", limited.html()),
        ("factors-stale", stale.html()),
        ("factors-none-offered", none_offered.html()),
        ("factors-totp", totp.html()),
        ("factors-totp-wrong", TotpPage { wrong: true, ..totp }.html()),
        ("factors-passkey", PasskeyPage { frame, token: "t0ken", options: "{}" }.html()),
        ("factors-codes", CodesPage { frame, enrolled: true, codes: &codes }.html()),
        ("factors-done", CodesPage { frame, enrolled: true, codes: &[] }.html()),
    ]
}

/// Not a code that can be read, but of a code's form and size.
fn picture() -> String {
    let shapes: String = (4..49)
        .flat_map(|y| (4..49).filter(move |x| x * y % 7 % 3 == 0).map(move |x| format!("M{x} {y}h1v1h-1z")))
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 53 53\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h53v53H0z\"/><path fill=\"#000\" d=\"{shapes}\"/></svg>"
    )
}

/// One's own API keys.
pub(super) fn keys(frame: Frame<'_>) -> Vec<(&'static str, String)> {
    let line = KeyLine {
        id: "abcdefg234".to_owned(),
        name: "nightly build".to_owned(),
        scopes: "sessions ide".to_owned(),
        role: Role::Publisher,
        sources: "192.0.2.0/24 2001:db8::/32".to_owned(),
        created: NOW - 30 * 86_400,
        until: Some(NOW + 60 * 86_400),
        used: Some((NOW - 100, "192.0.2.1".to_owned())),
    };
    let other = KeyLine {
        name: "backup".to_owned(),
        sources: String::new(),
        until: None,
        used: None,
        ..line.clone()
    };
    let page = KeysPage {
        frame,
        now: NOW,
        said: None,
        token: "t0ken",
        keys: &[line, other],
        made: None,
        enabled: true,
        max_days: 365,
        roles: &Role::ALL,
    };
    let text = "ptk_abcdefg234_Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A";
    let made = KeysPage { made: Some(MadeKey { name: "nightly build", text }), ..page.clone() };
    let off = KeysPage { enabled: false, ..page.clone() };
    let none = KeysPage { keys: &[], max_days: 0, roles: &Role::ALL[..1], ..page.clone() };
    vec![
        ("keys", page.html()),
        ("keys-made", made.html()),
        ("keys-off", off.html()),
        ("keys-none", none.html()),
    ]
}

/// Everybody's accounts.
pub(super) fn users(frame: Frame<'_>) -> Vec<(&'static str, String)> {
    let admin = AdminFrame { tab: Tab::Users, live: false, acts: true, said: None, now: NOW };
    let own = UserRow {
        id: "07".repeat(16),
        number: 1,
        username: "alice".to_owned(),
        unix: "alice".to_owned(),
        called: "Alice Archer".to_owned(),
        provider: "pam".to_owned(),
        role: Role::Administrator,
        reason: "given by root".to_owned(),
        locked: None,
        last_sign_in: Some(NOW - 60),
        own: true,
    };
    let other = UserRow {
        number: 2,
        username: "robert.longfellow@students.example.org".to_owned(),
        unix: "rlongfellow".to_owned(),
        called: "Robert Longfellow".to_owned(),
        provider: "https://idp.example.org/realms/students".to_owned(),
        role: Role::Viewer,
        reason: "the role that everybody has".to_owned(),
        locked: Some((NOW - 90_000, "alice".to_owned())),
        last_sign_in: None,
        own: false,
        ..own.clone()
    };
    let users = [own, other];
    let page = UsersPage {
        frame,
        admin,
        token: "t0ken",
        users: &users,
        matching: "",
        only_live: false,
        more: true,
        problem: None,
    };
    let said = AdminFrame {
        acts: false,
        said: Some("The account is locked. Everything of that person ends."),
        ..admin
    };
    let looked = UsersPage { admin: said, ..page.clone() };
    let nobody = UsersPage { users: &[], matching: "zoe", more: false, ..page.clone() };
    let problem = UsersPage {
        users: &[],
        problem: Some("The database of accounts does not answer at the moment."),
        ..page.clone()
    };
    vec![
        ("users", page.html()),
        ("users-looked", looked.html()),
        ("users-nobody", nobody.html()),
        ("users-problem", problem.html()),
    ]
}

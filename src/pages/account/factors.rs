//! One's own second factors: what there is, a new authenticator program or passkey, and recovery codes, shown once.
//!
//! The picture of a program's secret stands in its page, where no script of an IDE reads it. Its shapes are read out of what the
//! encoder wrote and drawn anew: no markup of another process comes into a page.

use askama::Template;
use portcullis_model::factor::{FactorKind, FactorLine};

use super::picture::Picture;
use crate::{Frame, render, when};

/// Address `/account/factors`. Forms are posted below it.
#[derive(Debug, Clone, Template)]
#[template(path = "account/factors.html")]
pub struct FactorsPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// Seconds since 1970.
    pub now: u64,
    /// What was done just now.
    pub said: Option<&'a str>,
    /// What its forms carry.
    pub token: &'a str,
    /// Those that count, without recovery codes.
    pub factors: &'a [FactorLine],
    /// Recovery codes that are left.
    pub codes: u8,
    /// Kinds that may be enrolled.
    pub kinds: &'a [FactorKind],
    /// A group needs one.
    pub required: bool,
    /// The sign-in is good for nothing else until there is one.
    pub limited: bool,
    /// The last proof is recent enough to change something.
    pub fresh: bool,
}

impl FactorsPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn may(&self, word: &str) -> bool {
        self.kinds.iter().any(|kind| kind.word() == word)
    }

    fn ago(&self, at: &u64) -> String {
        when::ago(*at / 1000, self.now)
    }

    fn at(&self, at: &u64) -> String {
        when::rfc3339(*at / 1000)
    }

    fn kind(&self, kind: &FactorKind) -> &'static str {
        match kind {
            FactorKind::Totp => "authenticator app",
            FactorKind::Passkey => "passkey",
            FactorKind::Recovery => "recovery codes",
        }
    }

    fn is_last(&self) -> bool {
        self.factors.len() == 1
    }
}

/// The secret for an authenticator program: posts `factor` and `code` to `/account/factors/confirm`.
#[derive(Debug, Clone, Template)]
#[template(path = "account/totp.html")]
pub struct TotpPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What its forms carry.
    pub token: &'a str,
    /// Names the factor.
    pub factor: &'a str,
    /// Its `otpauth` address.
    pub address: &'a str,
    /// The same as a picture: SVG as the encoder writes it. What is not of its form is not shown.
    pub picture: &'a str,
    /// The code typed before was not right.
    pub wrong: bool,
}

impl TotpPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn picture(&self) -> Option<Picture<'_>> {
        Picture::read(self.picture)
    }

    /// The secret in groups of four, for who types it.
    fn secret(&self) -> String {
        let rest = self.address.split_once("secret=").map_or("", |(_, rest)| rest);
        let secret: Vec<char> = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        secret.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }
}

/// A passkey to be made: posts `name` and `answer` to `/account/factors/passkey/finish`.
#[derive(Debug, Clone, Template)]
#[template(path = "account/passkey.html")]
pub struct PasskeyPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What its forms carry.
    pub token: &'a str,
    /// Options for the browser, as JSON.
    pub options: &'a str,
}

impl PasskeyPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }
}

/// Recovery codes: on this page and nowhere else.
#[derive(Debug, Clone, Template)]
#[template(path = "account/codes.html")]
pub struct CodesPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// Whether a factor was enrolled just now.
    pub enrolled: bool,
    /// The codes; none where an earlier sheet is still good.
    pub codes: &'a [&'a str],
}

impl CodesPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::FactorId;

    use super::*;
    use crate::Root;

    fn line(kind: FactorKind) -> FactorLine {
        FactorLine {
            id: FactorId::from_bytes([1; 16]),
            kind,
            name: "a <b>".into(),
            created: 1_700_000_000_000,
            last_used: None,
        }
    }

    #[test]
    fn factors_are_listed_and_changed_with_a_recent_proof_only() {
        let root = Root::new("/");
        let lines = [line(FactorKind::Totp)];
        let page = FactorsPage {
            frame: Frame { root: &root, user: Some("alice") },
            now: 1_700_000_200,
            said: None,
            token: "t0ken",
            factors: &lines,
            codes: 9,
            kinds: &[FactorKind::Totp],
            required: false,
            limited: false,
            fresh: true,
        };
        let html = page.html();
        for part in
            ["authenticator app", "9 recovery codes", "/account/factors/totp", "/account/factors/remove"]
        {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert!(!html.contains("a <b>") && !html.contains("/account/factors/passkey"), "{html}");
        let stale = FactorsPage { fresh: false, ..page.clone() }.html();
        assert!(
            stale.contains("again=1") && !stale.contains("<form method=\"post\" action=\"/account"),
            "{stale}"
        );
        let limited = FactorsPage { factors: &[], codes: 0, required: true, limited: true, ..page };
        assert!(limited.html().contains("nothing else"), "{}", limited.html());
    }

    #[test]
    fn a_secret_is_shown_to_be_typed_and_as_a_picture() {
        let root = Root::new("/");
        let page = TotpPage {
            frame: Frame { root: &root, user: Some("alice") },
            token: "t",
            factor: "id",
            address: "otpauth://totp/P:alice?secret=ABCDEFGH&issuer=P",
            picture: "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 29 29\" shape-rendering=\"crispEdges\">\
                 <path fill=\"#fff\" d=\"M0 0h29v29H0z\"/><path fill=\"#000\" d=\"M4 4h7v1h-7z\"/></svg>",
            wrong: true,
        };
        let html = page.html();
        for part in ["ABCD EFGH", "viewBox=\"0 0 29 29\"", "d=\"M4 4h7v1h-7z\"", "not right"] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        let html = TotpPage { picture: "<svg><script>alert(1)</script></svg>", ..page }.html();
        assert!(html.contains("ABCD EFGH") && !html.contains("<svg") && !html.contains("alert(1)"), "{html}");
    }

    #[test]
    fn options_stand_in_an_attribute_and_can_not_end_it() {
        let root = Root::new("/");
        let page = PasskeyPage {
            frame: Frame { root: &root, user: Some("alice") },
            token: "t",
            options: "{\"a\":\"\\\"><script>\"}",
        };
        let html = page.html();
        assert!(html.contains("data-passkey-make=\"") && !html.contains("><script>"), "{html}");
    }
}

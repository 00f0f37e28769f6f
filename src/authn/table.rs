//! All methods, one row each: what the configuration, the launcher, the pages and the tests read.

use portcullis_model::proof::{EvidenceKind, MethodName};

/// Which process examines the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Root's PAM helper.
    Helper,
    /// `portcullis-identity`, role `ask`: network, no files.
    Ask,
    /// `portcullis-identity`, role `xml`: neither network nor files.
    Xml,
    /// `portcullis-identity`, role `ticket`: a keytab in memory, no network.
    Ticket,
    /// The launcher: there is nothing to examine.
    Launcher,
    /// The server: there is nothing to prove it by (DESIGN's one exception).
    Server,
}

/// One method.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name.
    pub name: MethodName,
    /// The option that switches it on; none for what is on when nothing else takes the form.
    pub option: Option<&'static str>,
    /// What it takes.
    pub evidence: EvidenceKind,
    /// Who examines it.
    pub place: Where,
    /// Whether it takes the form of the sign-in page; at most one method does.
    pub form: bool,
    /// Whether it sends people elsewhere, by a button of its own.
    pub redirect: bool,
    /// Whether no other method may be on beside it.
    pub exclusive: bool,
    /// Whether groups can be asked for later ([`crate::Method::members`]).
    pub members: bool,
}

/// The methods, in the order of their buttons.
pub static METHODS: &[Row] = &[
    row(MethodName::Pam, None, EvidenceKind::Form, Where::Helper).form(),
    row(MethodName::Ldap, Some("auth-ldap"), EvidenceKind::Form, Where::Ask).form().members(),
    row(MethodName::Openid, Some("auth-openid"), EvidenceKind::Code, Where::Ask).redirect(),
    row(MethodName::Saml, Some("auth-saml"), EvidenceKind::Response, Where::Xml).redirect(),
    row(MethodName::Kerberos, Some("auth-kerberos"), EvidenceKind::Ticket, Where::Ticket),
    row(MethodName::Proxy, Some("auth-proxy"), EvidenceKind::Header, Where::Server).exclusive(),
    row(MethodName::None, Some("auth-none"), EvidenceKind::Nothing, Where::Launcher).exclusive(),
];

const fn row(name: MethodName, option: Option<&'static str>, evidence: EvidenceKind, place: Where) -> Row {
    Row { name, option, evidence, place, form: false, redirect: false, exclusive: false, members: false }
}

impl Row {
    const fn form(mut self) -> Self {
        self.form = true;
        self
    }

    const fn redirect(mut self) -> Self {
        self.redirect = true;
        self
    }

    const fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self
    }

    const fn members(mut self) -> Self {
        self.members = true;
        self
    }

    /// The row of a method.
    pub fn of(name: MethodName) -> &'static Self {
        METHODS.iter().find(|row| row.name == name).unwrap_or(&METHODS[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_row() {
        assert_eq!(METHODS.len(), MethodName::ALL.len());
        for name in MethodName::ALL {
            assert_eq!(Row::of(name).name, name);
        }
    }

    /// What the web server examines is what can't be proven at all; whoever adds a row here changes the threat model.
    #[test]
    fn the_server_examines_nothing_but_the_proxys_header() {
        for row in METHODS {
            assert_eq!(row.place == Where::Server, row.name == MethodName::Proxy, "{}", row.name);
            assert!(!row.exclusive || !row.form && !row.redirect, "{}", row.name);
            assert_eq!(row.form, row.evidence == EvidenceKind::Form, "{}", row.name);
        }
    }
}

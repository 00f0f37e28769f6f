//! What is wrong with the ways to sign in as a whole. Options that nothing follows from are left to their own warning.

use std::net::IpAddr;

use portcullis_model::factor::FactorKind;
use portcullis_model::role_rule::Mapping;

use super::{On, SWITCHES};
use crate::option::FileKind;
use crate::problem::{Problem, Severity};
use crate::settings::Settings;
use crate::value::FormWanted;
use crate::values::Said;

const RSERVER: FileKind = FileKind::Rserver;
const PORTCULLIS: FileKind = FileKind::Portcullis;

/// An option and its file.
type NamedOption = (FileKind, &'static str);

/// Looks at the settings; `wired` says which options do something.
pub(crate) fn check(
    settings: &Settings,
    wired: &dyn Fn(FileKind, &str) -> bool,
    problems: &mut Vec<Problem>,
) {
    let found = Checks { settings, wired, on: On::of(settings, wired) };
    problems.extend(found.exclusive());
    problems.extend(found.unused());
    problems.extend(found.lists_unused());
    problems.extend(
        [
            found.nobody(),
            found.none_needs_an_account(),
            found.none_beyond_the_loopback(),
            found.proxies_missing(),
            found.proxies_everywhere(),
            found.openid_needs("auth-openid-issuer", settings.openid.auth_openid_issuer.is_none()),
            found.openid_needs(
                "auth-openid-username-claim",
                settings.openid.auth_openid_username_claim.is_empty(),
            ),
            found.saml_needs_tls(),
            found.saml_needs_a_provider(),
            found.saml_needs_its_address(),
            found.saml_needs_a_name(),
            found.saml_half_a_pair(
                "auth-saml-sp-encryption-key-path",
                "auth-saml-sp-encryption-cert-path",
                (
                    &settings.saml.auth_saml_sp_encryption_key_path,
                    &settings.saml.auth_saml_sp_encryption_cert_path,
                ),
            ),
            found.saml_signs_badly(),
            found.kerberos_needs("auth-kerberos-realms", settings.kerberos.auth_kerberos_realms.is_empty()),
            found.kerberos_needs("auth-kerberos-keytab", settings.kerberos.auth_kerberos_keytab.is_none()),
            found.directories_without_form(),
            found.no_kind_of_factor(),
            found.passkeys_without_tls(),
            found.passkeys_without_origin(),
        ]
        .into_iter()
        .flatten(),
    );
}

struct Checks<'a> {
    settings: &'a Settings,
    wired: &'a dyn Fn(FileKind, &str) -> bool,
    on: On,
}

impl<'a> Checks<'a> {
    /// What a file says of an option that does something.
    fn said(&self, file: FileKind, name: &str) -> Option<&'a Said> {
        (self.wired)(file, name).then(|| self.settings.said.of(file)?.find(name)).flatten()
    }

    /// The line that switches a method on.
    fn switch(&self, name: &str) -> Option<&'a Said> {
        SWITCHES
            .into_iter()
            .find(|(_, switch)| *switch == name)
            .and_then(|(file, switch)| self.said(file, switch))
    }

    /// `auth-none` and `auth-proxy` exclude all others: two errors where two lines are too many.
    fn exclusive(&self) -> Vec<Problem> {
        let on = [self.on.none, self.on.proxy, self.on.ldap, self.on.openid, self.on.saml, self.on.kerberos];
        let alone = if on[0] { 0 } else { 1 };
        if !on[alone] {
            return Vec::new();
        }
        let others = SWITCHES.iter().zip(on).enumerate().filter(|(at, (_, on))| *at != alone && *on);
        let clash = |(_, ((_, name), _)): (usize, (&NamedOption, bool))| {
            let text = format!("`{}` excludes every other way to sign in", SWITCHES[alone].1);
            Some(self.switch(name)?.problem(Severity::Error, text).hint("remove one of the two"))
        };
        others.filter_map(clash).collect()
    }

    fn nobody(&self) -> Option<Problem> {
        let said = self.said(PORTCULLIS, "auth-form")?;
        let text = "nobody could sign in: there is no other way than the form";
        self.on.methods().is_empty().then(|| said.problem(Severity::Error, text).hint("set `auth-form=auto`"))
    }

    fn none_needs_an_account(&self) -> Option<Problem> {
        let said = self.switch("auth-none").filter(|_| self.on.none)?;
        let text = "`auth-none-user` says nothing, so nobody knows whose account that is";
        self.settings
            .ways
            .auth_none_user
            .is_none()
            .then(|| said.problem(Severity::Error, text).hint("set `auth-none-user` in portcullis.conf"))
    }

    fn none_beyond_the_loopback(&self) -> Option<Problem> {
        let said = self.switch("auth-none").filter(|_| self.on.none)?;
        let address = self.settings.rserver.www_address;
        let mapped =
            matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()));
        let text = format!("the server listens on {address}: whoever reaches it would have the account");
        (!address.is_loopback() && !mapped)
            .then(|| said.problem(Severity::Error, text).hint("set `www-address=127.0.0.1`"))
    }

    fn proxies_missing(&self) -> Option<Problem> {
        let said = self.switch("auth-proxy").filter(|_| self.on.proxy)?;
        let text = "`auth-proxy-from` says nothing, so no proxy is believed and nobody can sign in";
        self.settings.ways.auth_proxy_from.is_empty().then(|| {
            said.problem(Severity::Error, text)
                .hint("set `auth-proxy-from` in portcullis.conf to the proxy's address")
        })
    }

    fn proxies_everywhere(&self) -> Option<Problem> {
        let said = self.said(PORTCULLIS, "auth-proxy-from").filter(|_| self.on.proxy)?;
        let all = self.settings.ways.auth_proxy_from.iter().any(|net| net.prefix_len() == 0);
        let text = "whoever reaches the port is believed to be anybody";
        all.then(|| said.problem(Severity::Warning, text).hint("name the proxy's address"))
    }

    fn openid_needs(&self, name: &str, missing: bool) -> Option<Problem> {
        let said = self.switch("auth-openid").filter(|_| self.on.openid && missing)?;
        Some(said.problem(Severity::Error, format!("`{name}` says nothing")).hint(format!("set `{name}`")))
    }

    /// The answer is a POST of another site: without TLS browsers keep the cookie back that knows the request.
    fn saml_needs_tls(&self) -> Option<Problem> {
        let said = self.switch("auth-saml").filter(|_| self.on.saml && !self.settings.secure_cookies())?;
        let text =
            "browsers keep the cookie back that the answer must be compared with, so nobody could sign in";
        Some(
            said.problem(Severity::Error, text)
                .hint("set `ssl-enabled=1`, or `auth-cookies-force-secure=1` when a proxy in front ends TLS"),
        )
    }

    fn saml_needs_a_provider(&self) -> Option<Problem> {
        let saml = &self.settings.saml;
        let said = self.switch("auth-saml").filter(|_| self.on.saml)?;
        let metadata = saml.auth_saml_metadata_url.is_some() || saml.auth_saml_metadata_path.is_some();
        let by_hand = !saml.auth_saml_idp_entity_id.is_empty()
            && saml.auth_saml_idp_sso_url.is_some()
            && saml.auth_saml_idp_sign_cert_path.is_some();
        let text = "nothing says who the provider is";
        (!metadata && !by_hand).then(|| {
            said.problem(Severity::Error, text).hint(
                "set `auth-saml-metadata-url` or `auth-saml-metadata-path`, or `auth-saml-idp-entity-id`, \
                 `auth-saml-idp-sso-url` and `auth-saml-idp-sign-cert-path`",
            )
        })
    }

    /// Whom an answer is meant for must be ours to say: with the address of a request it would be its bearer's, who may have
    /// another service's answer.
    fn saml_needs_its_address(&self) -> Option<Problem> {
        let said = self.switch("auth-saml").filter(|_| self.on.saml)?;
        let base = self.settings.saml.auth_saml_sp_base_uri.as_deref();
        let text = match base {
            None => "`auth-saml-sp-base-uri` says nothing: answers for other services could be brought here",
            Some(base) if !base.starts_with("https://") => "`auth-saml-sp-base-uri` is not https",
            Some(_) => return None,
        };
        let hint = "set `auth-saml-sp-base-uri=https://…` to what people have in their browsers";
        Some(said.problem(Severity::Error, text).hint(hint))
    }

    fn saml_needs_a_name(&self) -> Option<Problem> {
        let said = self.switch("auth-saml").filter(|_| self.on.saml)?;
        let missing = self.settings.saml.auth_saml_sp_attribute_username.is_empty();
        let text = "`auth-saml-sp-attribute-username` says nothing";
        missing.then(|| {
            said.problem(Severity::Error, text)
                .hint("name an attribute, or write `NameID` for the subject itself")
        })
    }

    /// A certificate that the provider encrypts for, and no key to open it with.
    fn saml_half_a_pair(
        &self,
        key: &str,
        certificate: &str,
        pair: (&Option<std::path::PathBuf>, &Option<std::path::PathBuf>),
    ) -> Option<Problem> {
        let said = self.switch("auth-saml").filter(|_| self.on.saml)?;
        let (None, Some(_)) = pair else { return None };
        let text = format!("`{certificate}` has providers encrypt for it, and `{key}` says nothing");
        Some(said.problem(Severity::Error, text).hint(format!("set `{key}`")))
    }

    fn saml_signs_badly(&self) -> Option<Problem> {
        let said = self.said(RSERVER, "auth-saml-sp-request-signing-method").filter(|_| self.on.saml)?;
        let sha1 = self.settings.saml.auth_saml_sp_request_signing_method == "sha1";
        let text = "SHA-1 is broken: such signatures are not made";
        sha1.then(|| said.problem(Severity::Error, text).hint("write sha256"))
    }

    fn kerberos_needs(&self, name: &str, missing: bool) -> Option<Problem> {
        let said = self.switch("auth-kerberos").filter(|_| self.on.kerberos && missing)?;
        Some(said.problem(Severity::Error, format!("`{name}` says nothing")).hint(format!("set `{name}`")))
    }

    fn directories_without_form(&self) -> Option<Problem> {
        let said = self.switch("auth-ldap").filter(|_| self.on.ldap && !self.on.none && !self.on.proxy)?;
        let hidden = !self.on.methods().contains(&portcullis_model::proof::MethodName::Ldap);
        let hint = match self.on.form {
            FormWanted::Off => "set `auth-form=1`, or `auth-ldap=0`",
            FormWanted::Auto | FormWanted::On => "set `auth-form=1` to have both",
        };
        let text = "it has no effect: there is no form on the sign-in page";
        hidden.then(|| said.problem(Severity::Warning, text).hint(hint))
    }

    fn no_kind_of_factor(&self) -> Option<Problem> {
        let factors = &self.settings.factors;
        let said = self.said(PORTCULLIS, "factor-required-groups")?;
        let text = "`factor-methods` is empty, so nobody in these groups could sign in";
        (!factors.factor_required_groups.is_empty() && factors.factor_methods.is_empty())
            .then(|| said.problem(Severity::Error, text).hint("set `factor-methods=totp`"))
    }

    fn passkeys_without_tls(&self) -> Option<Problem> {
        let said = self.said(PORTCULLIS, "factor-methods")?;
        let only = self.settings.factors.factor_methods == [FactorKind::Passkey];
        let text =
            "browsers have passkeys by TLS only (and on their own machine), so nobody could enrol a factor";
        (only && !self.settings.secure_cookies())
            .then(|| said.problem(Severity::Warning, text).hint("add totp, or set `ssl-enabled=1`"))
    }

    /// Whoever must have a factor could have none but a passkey, and there are none.
    fn passkeys_without_origin(&self) -> Option<Problem> {
        let factors = &self.settings.factors;
        let said = self.said(PORTCULLIS, "factor-required-groups")?;
        let only = factors.factor_methods == [FactorKind::Passkey] && factors.factor_origin.is_none();
        let text = "`factor-methods` has passkeys alone, which need `factor-origin`: nobody in these groups could sign in";
        (!factors.factor_required_groups.is_empty() && only)
            .then(|| said.problem(Severity::Error, text).hint("set `factor-origin=https://…`, or add totp"))
    }

    /// Options of a method that is off.
    fn unused(&self) -> Vec<Problem> {
        let rows: [(bool, &str, &[NamedOption]); 5] = [
            (self.on.none, "auth-none", &[(PORTCULLIS, "auth-none-user")]),
            (
                self.on.proxy,
                "auth-proxy",
                &[(PORTCULLIS, "auth-proxy-from"), (RSERVER, "auth-proxy-user-header")],
            ),
            (
                self.on.openid,
                "auth-openid",
                &[
                    (RSERVER, "auth-openid-issuer"),
                    (PORTCULLIS, "auth-openid-groups-claim"),
                    (PORTCULLIS, "auth-openid-ca-file"),
                ],
            ),
            (self.on.kerberos, "auth-kerberos", &[(PORTCULLIS, "auth-kerberos-realms")]),
            (
                self.on.saml,
                "auth-saml",
                &[
                    (RSERVER, "auth-saml-metadata-url"),
                    (RSERVER, "auth-saml-metadata-path"),
                    (PORTCULLIS, "auth-saml-ca-file"),
                    (PORTCULLIS, "auth-saml-role-attribute"),
                ],
            ),
        ];
        let mut problems = Vec::new();
        for (_, switch, options) in rows.into_iter().filter(|(on, ..)| !on) {
            let said = options.iter().filter_map(|(file, name)| self.said(*file, name));
            for said in said.filter(|said| !said.opt.is_default(&said.text)) {
                let text = format!("it has no effect: `{switch}` is 0");
                problems.push(said.problem(Severity::Warning, text).hint(format!("set `{switch}=1`")));
            }
        }
        problems
    }

    fn lists_unused(&self) -> Vec<Problem> {
        let off = self.settings.roles.user_role_mapping == Mapping::Off;
        let lists = ["viewer-role-groups", "publisher-role-groups", "administrator-role-groups"];
        let said = lists.into_iter().filter_map(|name| self.said(PORTCULLIS, name));
        said.filter(|said| off && !said.text.is_empty())
            .map(|said| {
                said.problem(Severity::Warning, "it has no effect: `user-role-mapping` is off")
                    .hint("set `user-role-mapping=groups`")
            })
            .collect()
    }
}

//! Options of `rserver.conf` about SAML.

use crate::option::options;
use crate::value::{Bool, HttpsAddress, OptionalPath, OwnAddress, SignatureHash, SsoInitiation, Text};

options! {
    /// Signing in by SAML 2.0.
    Saml, "SAML";

    /// Sign in at a SAML identity provider.
    ///
    /// Our metadata are at `/saml/metadata`, answers come to `/saml/acs`. Needs TLS, because the answer comes from another site, and
    /// auth-saml-sp-base-uri. People need an account on this machine; who they are at the provider is their `NameID`, where that stays
    /// the same.
    "auth-saml" auth_saml: Bool = "0", Hup,
        "as RStudio Workbench: only the administrator knows a provider";
    /// Where the provider's metadata are; fetched at the start, at a reload and daily.
    ///
    /// While they can't be fetched, those of before stay in force.
    "auth-saml-metadata-url" auth_saml_metadata_url: HttpsAddress = "", Hup,
        "there is no provider to guess";
    /// File with the provider's metadata; auth-saml-metadata-url goes first.
    ///
    /// It belongs to root: who writes it says who may sign in as whom.
    "auth-saml-metadata-path" auth_saml_metadata_path: OptionalPath = "", Hup,
        "there is no provider to guess";
    /// The provider's name (entity id), when there are no metadata, or metadata of several.
    "auth-saml-idp-entity-id" auth_saml_idp_entity_id: Text = "", Hup,
        "the metadata say it";
    /// Where people sign in at the provider, when there are no metadata.
    "auth-saml-idp-sso-url" auth_saml_idp_sso_url: HttpsAddress = "", Hup,
        "the metadata say it";
    /// File with the certificate that the provider signs with, as PEM, when there are no metadata.
    "auth-saml-idp-sign-cert-path" auth_saml_idp_sign_cert_path: OptionalPath = "", Hup,
        "the metadata have it";
    /// Send requests by POST instead of by redirect.
    "auth-saml-idp-post-binding" auth_saml_idp_post_binding: Bool = "0", Hup,
        "as RStudio Workbench: a redirect works without a script";
    /// Who begins: `sp` for us alone, `idp` for the provider alone.
    ///
    /// An answer that nobody asked for can be brought by anybody who has one: a stranger may sign a person in as the stranger. So with
    /// `idp` and `both` people must look at the name on the pages.
    "auth-saml-sso-initiation" auth_saml_sso_initiation: SsoInitiation = "sp", Hup,
        "unlike RStudio Workbench, where it is both: nobody is signed in who did not ask for it";
    /// Our address as the provider knows it, such as `https://ide.example`; needed.
    ///
    /// Up to and with www-root-path. Answers that are meant for another address are refused.
    "auth-saml-sp-base-uri" auth_saml_sp_base_uri: OwnAddress = "", Hup,
        "unlike RStudio Workbench, which takes the address that the browser asked for: whom an answer is meant for would be its bearer's to say";
    /// File with our key that answers are encrypted for, as PEM; RSA.
    "auth-saml-sp-encryption-key-path" auth_saml_sp_encryption_key_path: OptionalPath = "", Hup,
        "answers come by TLS";
    /// File with the certificate of that key, for our metadata.
    "auth-saml-sp-encryption-cert-path" auth_saml_sp_encryption_cert_path: OptionalPath = "", Hup,
        "answers come by TLS";
    /// File with our key that requests are signed with, as PEM; RSA.
    "auth-saml-sp-signing-key-path" auth_saml_sp_signing_key_path: OptionalPath = "", Hup,
        "most providers don't ask for signed requests";
    /// File with the certificate of that key, for our metadata.
    "auth-saml-sp-signing-cert-path" auth_saml_sp_signing_cert_path: OptionalPath = "", Hup,
        "most providers don't ask for signed requests";
    /// Hash of those signatures; empty for sha256.
    "auth-saml-sp-request-signing-method" auth_saml_sp_request_signing_method: SignatureHash = "", Hup,
        "sha1 is broken";
    /// Form of names to ask for.
    "auth-saml-sp-name-id-format" auth_saml_sp_name_id_format: Text = "", Hup,
        "the provider knows best what it has";
    /// Attribute with the name of the account; `NameID` for the subject itself.
    "auth-saml-sp-attribute-username" auth_saml_sp_attribute_username: Text = "Username", Hup,
        "as RStudio Workbench";
    /// Attribute with the mail address.
    "auth-saml-sp-attribute-email" auth_saml_sp_attribute_email: Text = "", Hup,
        "as RStudio Workbench: none";
    /// Attribute with the person's name: the last word is the last name.
    "auth-saml-sp-attribute-name" auth_saml_sp_attribute_name: Text = "", Hup,
        "as RStudio Workbench: none";
    /// Attribute with the name to show; it goes before auth-saml-sp-attribute-name.
    "auth-saml-sp-attribute-display-name" auth_saml_sp_attribute_display_name: Text = "", Hup,
        "as RStudio Workbench: none";
    /// Attribute with the groups.
    ///
    /// They count for roles, and with `provider-groups=1` for everything else.
    "auth-saml-sp-attribute-groups" auth_saml_sp_attribute_groups: Text = "", Hup,
        "as RStudio Workbench: none";
}

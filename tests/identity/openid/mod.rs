//! OpenID Connect: what a sign-in by it has to cope with, each against oidc-provider.

mod faults;
mod method;
mod proofs;

use anyhow::Result;
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case};

/// A row: what it shows, and the test.
type Case = (&'static str, fn(&Stage) -> Result<()>);

/// What the method must cope with, one row a test.
const CASES: &[Case] = &[
    ("success", proofs::success),
    ("every_way_of_signing", proofs::algorithms),
    ("wrong_password_is_the_providers_to_refuse", proofs::wrong),
    ("locked_comes_back_as_an_error", proofs::locked),
    ("a_code_counts_once", proofs::once),
    ("a_code_is_bound_to_its_flow", proofs::bound),
    ("five_hundred_groups", proofs::many),
    ("unicode_and_case", proofs::unicode),
    ("names_that_are_no_accounts", proofs::odd),
    ("what_is_told_has_no_secret", proofs::told),
    ("every_broken_token", faults::tokens),
    ("userinfo_of_somebody_else", faults::userinfo),
    ("slow", faults::slow),
    ("a_wrong_client_secret", faults::secret),
    ("wrong_authority_name_and_date", faults::certificates),
    ("no_provider_in_the_clear", faults::clear),
    ("another_issuer", faults::issuer),
    ("down_and_up_with_other_keys", faults::down),
    ("hung", faults::hung),
];

/// All of them.
pub(crate) fn all() -> Vec<Trial> {
    CASES.iter().map(|(name, run)| case(&format!("identity::openid::{name}"), *run)).collect()
}

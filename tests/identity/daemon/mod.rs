//! Ways to sign in through the real daemon: what the method alone can't show.

mod ask;
mod factors;
mod kept;
mod kerberos;
mod keys;
mod ldap;
mod matrix;
mod postgres;
mod revocation;
mod saml;
mod sync;
mod two;

use libtest_mimic::Trial;

/// All of them.
pub(crate) fn all() -> Vec<Trial> {
    [
        factors::all(),
        kept::all(),
        kerberos::all(),
        keys::all(),
        ldap::all(),
        matrix::all(),
        postgres::all(),
        revocation::all(),
        saml::all(),
        sync::all(),
        two::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

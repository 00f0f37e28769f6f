//! Ways to sign in through the real daemon: what the method alone can't show. Nearly all of it on both databases: what people and
//! administrators do is the same on SQLite and on PostgreSQL.

mod accounts;
mod ask;
mod factors;
mod kept;
mod kerberos;
mod keys;
mod ldap;
mod matrix;
mod revocation;
mod saml;
mod stale;
mod sync;
mod sync_few;
mod two;

use libtest_mimic::Trial;
use portcullis_testing::on_both;

/// All of them.
pub(crate) fn all() -> Vec<Trial> {
    // Of tests that stay single nobody has an account, or no daemon serves: no database is asked.
    [
        on_both(accounts::all, &[]),
        on_both(
            factors::all,
            &[
                "identity::daemon::factors::the_test_s_phone_is_right",
                // Two minutes long, and the count is the launcher's own.
                "identity::daemon::factors::ten_wrong_codes_of_an_account_then_one_a_minute",
            ],
        ),
        on_both(kept::all, &[]),
        on_both(kerberos::all, &[]),
        on_both(keys::all, &[]),
        on_both(ldap::all, &["identity::daemon::ldap::a_password_file_that_others_read_stops_the_start"]),
        on_both(matrix::all, &[]),
        on_both(revocation::all, &[]),
        on_both(
            saml::all,
            &[
                "identity::saml::its_files_are_roots_alone",
                "identity::saml::metadata_of_another_authority",
                "identity::saml::metadata_that_hang",
                "identity::saml::one_network_leaves_others_their_way_to_it",
            ],
        ),
        on_both(sync::all, &[]),
        on_both(sync_few::all, &[]),
        // Rows that machines share, and two machines, which have one PostgreSQL or nothing in common.
        stale::all(),
        two::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

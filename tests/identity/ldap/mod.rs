//! Directories: what a sign-in by LDAP has to cope with, each against a real slapd or a peer in its place.

mod domain;
mod faults;
mod groups;
mod later;
mod method;
mod names;
mod proofs;

use anyhow::Result;
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case};

/// A row: what it shows, and the test.
type Case = (&'static str, fn(&Stage) -> Result<()>);

/// What the method must cope with, one row a test.
const CASES: &[Case] = &[
    ("success_by_start_tls_ldaps_and_in_the_clear", proofs::success),
    ("wrong_and_unknown_are_the_same", proofs::wrong),
    ("an_empty_password_is_never_sent", proofs::empty),
    ("locked_is_told_from_wrong", proofs::locked),
    ("expired_and_to_be_changed_are_told_from_wrong", proofs::expired),
    ("single_bind_by_template", proofs::single),
    ("anonymous_search", proofs::anonymous),
    ("a_refused_service_account_is_the_configurations_fault", proofs::service),
    ("a_filter_leaves_people_out", proofs::filtered),
    ("profile_and_role_values", proofs::profile),
    ("wrong_authority_name_and_date", faults::certificates),
    ("insecure_takes_any_certificate", faults::insecure),
    ("no_password_in_the_clear", faults::confidentiality),
    ("start_tls_refused_is_the_end", faults::start_tls),
    ("down", faults::down),
    ("hung_and_slow", faults::slow),
    ("rubbish_half_answers_and_floods", faults::rubbish),
    ("referrals_are_not_followed", faults::referral),
    ("names_that_look_like_filters_and_dns", names::odd),
    ("injection_finds_nobody", names::injection),
    ("unicode_and_case", names::unicode),
    ("duplicate_names_by_password", names::duplicates),
    ("two_entries_in_one_directory_are_nobody", names::ambiguous),
    ("the_second_directory_when_the_first_is_down", names::second),
    ("groups_of_each_kind", groups::kinds),
    ("five_hundred_groups", groups::many),
    ("too_many_groups_are_refused", groups::too_many),
    ("a_size_limit_is_no_shorter_list", groups::limited),
    ("permitted_groups", groups::permitted),
    ("group_names_that_look_like_filters", groups::odd),
    ("members_change_and_go", later::members),
    ("unique_ids_outlive_names", later::unique),
    ("locked_later", later::locked),
    ("what_is_told_has_no_secret", later::told),
    ("active_directory", domain::all),
];

/// All of them.
pub(crate) fn all() -> Vec<Trial> {
    CASES.iter().map(|(name, run)| case(&format!("identity::ldap::{name}"), *run)).collect()
}

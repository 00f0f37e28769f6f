//! Each way to sign in, each thing that may befall it, and the test that shows what becomes of it then.
//!
//! A cell names tests (where they stand tells their set), or says why there is nothing to be shown.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case};

/// What may befall a sign-in, in the order of a row's cells.
const SITUATIONS: [&str; 10] = [
    "success",
    "wrong secret",
    "expired",
    "locked",
    "server down",
    "server slow",
    "wrong authority",
    "injection",
    "unicode and case",
    "500 groups",
];

/// Where tests stand that a cell may name.
const FOLDERS: &[&str] = &["tests/e2e", "tests/identity", "src/ticket/check", "src/saml/check", "src/server"];

/// One thing that may befall one way to sign in.
enum Cell {
    /// The tests that show it: the last part of a name, as the test's declaration has it.
    Shown(&'static [&'static str]),
    /// It can't befall this way, for this reason.
    Never(&'static str),
}

use Cell::{Never, Shown};

const NO_SERVER: &str = "nobody is asked";

/// Ways to sign in, with a cell for each situation.
const TABLE: &[(&str, [Cell; SITUATIONS.len()])] = &[
    (
        "pam",
        [
            Shown(&[
                "the_right_password_opens_the_home_page",
                "sssd_and_a_directory",
                "pam::kerberos",
                "pam::radius",
            ]),
            Shown(&["wrong_unknown_locked_and_expired_look_alike", "sssd_and_a_directory", "pam::kerberos"]),
            Shown(&["wrong_unknown_locked_and_expired_look_alike", "pam::kerberos", "pam::radius"]),
            Shown(&["wrong_unknown_locked_and_expired_look_alike", "sssd_and_a_directory", "pam::kerberos"]),
            Shown(&["sssd_and_a_directory", "pam::kerberos", "pam::radius"]),
            Shown(&["sssd_and_a_directory"]),
            Never("the PAM module's affair, which answers as if the server were down"),
            Shown(&["names_that_are_no_names_are_refused", "sssd_and_a_directory"]),
            Shown(&["sssd_and_a_directory"]),
            Shown(&["sssd_and_a_directory"]),
        ],
    ),
    (
        "ldap",
        [
            Shown(&["success_by_start_tls_ldaps_and_in_the_clear"]),
            Shown(&["wrong_and_unknown_are_the_same", "an_empty_password_is_never_sent"]),
            Shown(&["expired_and_to_be_changed_are_told_from_wrong"]),
            Shown(&["locked_is_told_from_wrong", "locked_later"]),
            Shown(&["down", "the_second_directory_when_the_first_is_down"]),
            Shown(&["hung_and_slow", "rubbish_half_answers_and_floods"]),
            Shown(&["wrong_authority_name_and_date"]),
            Shown(&["injection_finds_nobody", "names_that_look_like_filters_and_dns"]),
            Shown(&["unicode_and_case"]),
            Shown(&["five_hundred_groups"]),
        ],
    ),
    (
        "openid",
        [
            Shown(&["a_person_of_the_provider_comes_in", "every_way_of_signing"]),
            Shown(&["wrong_password_is_the_providers_to_refuse", "a_wrong_client_secret"]),
            Shown(&["every_broken_token"]),
            Shown(&["locked_comes_back_as_an_error", "names_and_accounts_that_may_not"]),
            Shown(&["down_and_up_with_other_keys"]),
            Shown(&["slow", "hung"]),
            Shown(&["wrong_authority_name_and_date"]),
            Shown(&["names_that_are_no_accounts"]),
            Shown(&["unicode_and_case"]),
            Shown(&["five_hundred_groups"]),
        ],
    ),
    (
        "kerberos",
        [
            Shown(&["a_ticket_is_its_owner_s", "a_ticket_opens_the_home_page"]),
            Shown(&[
                "who_has_no_ticket_sees_the_form",
                "a_token_counts_once",
                "keys_that_are_old_missing_or_of_another_realm_refuse",
                "a_token_that_was_changed_or_cut_is_refused",
            ]),
            Shown(&[
                "a_ticket_that_has_expired",
                "a_ticket_that_has_expired_is_refused",
                "clocks_that_differ",
            ]),
            Shown(&["names_realms_and_accounts_that_may_not"]),
            Shown(&["the_kdc_is_not_asked"]),
            Never("the service asks no KDC"),
            Shown(&["key_tables_that_do_not_fit", "keys_that_are_old_missing_or_of_another_realm_refuse"]),
            Shown(&[
                "names_realms_and_accounts_that_may_not",
                "only_users_of_permitted_realms_without_an_instance_are_named",
            ]),
            Shown(&["names_realms_and_accounts_that_may_not"]),
            Never("a ticket tells no groups; the system does"),
        ],
    ),
    (
        "saml",
        [
            Shown(&[
                "a_person_of_the_saml_provider_comes_in",
                "answers_in_every_form_that_is_believed_or_not",
            ]),
            Shown(&["answers_that_are_not_believed", "an_answer_counts_once_also_after_a_restart"]),
            Shown(&["answers_that_are_not_believed"]),
            Shown(&["names_and_accounts_that_may_not_by_saml"]),
            Shown(&["metadata_down_and_back", "the_database_is_away"]),
            Shown(&["metadata_that_hang"]),
            Shown(&["metadata_of_another_authority", "another_certificate_counts_after_a_reload"]),
            Shown(&["names_and_accounts_that_may_not_by_saml", "answers_that_are_not_believed"]),
            Shown(&["names_and_accounts_that_may_not_by_saml", "names_are_rewritten"]),
            Shown(&["a_person_in_500_groups_of_saml"]),
        ],
    ),
    (
        "proxy",
        [
            Shown(&["a_proxy_signs_people_in", "a_secret_name"]),
            Shown(&["names_and_proxies_that_are_not_believed"]),
            Shown(&["names_and_proxies_that_are_not_believed"]),
            Never("the account's expiry is its lock: there is no password"),
            Never(NO_SERVER),
            Never(NO_SERVER),
            Never(NO_SERVER),
            Shown(&["names_and_proxies_that_are_not_believed"]),
            Shown(&["names_and_proxies_that_are_not_believed"]),
            Never("a header tells no groups; the system does"),
        ],
    ),
    (
        "none",
        [
            Shown(&["one_account_on_its_own_machine"]),
            Never("there is no secret"),
            Shown(&["accounts_that_may_not"]),
            Never("the account's expiry is its lock: there is no password"),
            Never(NO_SERVER),
            Never(NO_SERVER),
            Never(NO_SERVER),
            Never("nobody names anybody"),
            Never("nobody names anybody"),
            Never("the system's groups count, as with PAM"),
        ],
    ),
];

/// All of them.
pub(crate) fn all() -> Vec<Trial> {
    vec![case("identity::table::every_cell_names_tests_that_are_there_or_a_reason", cells)]
}

fn cells(_: &Stage) -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut declared = BTreeSet::new();
    for folder in FOLDERS {
        gather(&root.join(folder), &mut declared)?;
    }
    let mut wrong = Vec::new();
    for (method, row) in TABLE {
        for (situation, cell) in SITUATIONS.iter().zip(row) {
            match cell {
                Shown([]) | Never("") => wrong.push(format!("{method}, {situation}: nothing is said")),
                Shown(names) => wrong.extend(
                    names
                        .iter()
                        .filter(|name| !declared.iter().any(|known| known.ends_with(**name)))
                        .map(|name| format!("{method}, {situation}: there is no test `{name}`")),
                ),
                Never(_) => {}
            }
        }
    }
    let methods: BTreeSet<&str> = TABLE.iter().map(|(method, _)| *method).collect();
    ensure!(methods.len() == TABLE.len(), "a way to sign in has two rows");
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// Texts in quotes that may be names of tests.
fn gather(folder: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("table.rs") {
            let text = fs::read_to_string(&path)?;
            let quoted =
                text.split('"').skip(1).step_by(2).filter(|text| !text.contains(char::is_whitespace));
            found.extend(quoted.map(str::to_owned));
        }
    }
    Ok(())
}

//! Options of `portcullis.conf` about what people see of each other, change themselves, and have keys for.

use crate::option::options;
use crate::value::{Bool, EditableByWord, Int};

options! {
    /// What people may do with accounts, groups and keys.
    People, "People and keys";

    /// Let viewers see no other people and no groups.
    "users-see-themselves-only" users_see_themselves_only: Bool = "0", Hup,
        "as Posit Connect: people find each other by name";
    /// Let publishers make groups.
    "publishers-own-groups" publishers_own_groups: Bool = "0", Hup,
        "as Posit Connect";
    /// Let publishers make accounts for people who haven't signed in yet.
    "publishers-create-users" publishers_create_users: Bool = "0", Hup,
        "as Posit Connect";
    /// Who changes a person's name and mail address: `admin-and-self` or `admin`.
    ///
    /// Where a provider says them, nobody.
    "user-info-editable-by" user_info_editable_by: EditableByWord = "admin-and-self", Hup,
        "as Posit Connect";
    /// Let people make API keys, and let programs come in by them.
    ///
    /// With 0 keys are refused at once; they work again when it is 1 again.
    "api-keys-enabled" api_keys_enabled: Bool = "1", Hup,
        "as Posit Connect";
    /// Days that a key lasts at most; 0 for as long as its owner wants.
    "api-key-max-days" api_key_max_days: Int<0, 36500> = "365", Hup,
        "a key that was forgotten somewhere opens nothing for ever";
}

//! Which account a command means: by name, by number, or by its id, as the tool of Connect has it.

use clap::Args;
use portcullis_model::AccountId;
use portcullis_wire::identity::Select;

/// One account.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// By its Unix name, or the name at its provider.
    name: Option<String>,
    /// The same.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// By its number in lists.
    #[arg(long, value_name = "NUMBER")]
    user_id: Option<u64>,
    /// By its id.
    #[arg(long, value_name = "GUID")]
    user_guid: Option<AccountId>,
}

impl Which {
    /// As the daemon is asked.
    pub(super) fn select(&self) -> Select {
        let name = self.name.as_ref().or(self.username.as_ref());
        match (name, self.user_id, self.user_guid) {
            (_, _, Some(id)) => Select::Id(id),
            (_, Some(number), _) => Select::Number(number),
            (name, None, None) => Select::Name(name.cloned().unwrap_or_default()),
        }
    }
}

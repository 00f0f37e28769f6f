//! Made-up authenticators and browsers, and each way in which one may lie.

mod answers;
mod authenticator;
mod cbor;
mod enrol;
mod keys;
mod prove;
mod recorded;

use portcullis_model::AccountId;

use super::Site;

const ACCOUNT: AccountId = AccountId::from_bytes([5; 16]);
const NOW: u64 = 1_800_000_000;

fn site() -> Site {
    Site::new("https://rstudio.example.test", "Portcullis").expect("an origin")
}

//! One's own account: where one is signed in, what was before, who looked. Parts that others add stand beside these.
//!
//! Every form here has the page's token: an IDE's page has the same origin, and must not press anything in its reader's name.

mod browser;
mod factors;
mod keys;
mod picture;
mod sign_ins;

use askama::Template;
use portcullis_model::account::Role;

pub use browser::browser;
pub use factors::{CodesPage, FactorsPage, PasskeyPage, TotpPage};
pub use keys::{KeyLine, KeysPage, MadeKey};
pub use sign_ins::{Looked, OwnSignIn, PastSignIn};

use crate::{Frame, render, when};

/// Address `/account`. Forms are posted below it.
#[derive(Debug, Clone, Template)]
#[template(path = "account/page.html")]
pub struct AccountPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// Seconds since 1970.
    pub now: u64,
    /// What was done or refused just now.
    pub said: Option<&'a str>,
    /// What its forms carry.
    pub token: &'a str,
    /// What they may do at the most.
    pub role: Role,
    /// Sign-ins that live, the latest first.
    pub sign_ins: &'a [OwnSignIn],
    /// Those that are over and who looked; none while the database can't be asked.
    pub past: Option<(&'a [PastSignIn], &'a [Looked])>,
}

impl AccountPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn others(&self) -> usize {
        self.sign_ins.iter().filter(|one| !one.own).count()
    }

    fn ago(&self, at: &u64) -> String {
        when::ago(*at, self.now)
    }

    fn ahead(&self, at: &u64) -> String {
        when::ahead(*at, self.now)
    }
}

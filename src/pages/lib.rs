//! The pages a person sees, as pure functions from data to HTML.
//!
//! A page is a struct with everything it shows and a method `html()`. Nothing here opens a file, a socket or a clock: the caller
//! passes the time. Every text field is escaped by the template engine, except [`SignInPage::login_html`], which root wrote.
//! Pages work without JavaScript (forms, `<meta refresh>`), load nothing from elsewhere and hold no inline script or style, so
//! that [`CONTENT_SECURITY_POLICY`] holds. Called by `portcullis_server` only; must never decide who may do what.
#![forbid(unsafe_code)]

pub mod account;
pub mod admin;
mod assets;
mod autocomplete;
mod ending;
mod event;
mod home;
pub mod load;
mod offline;
mod refusal;
mod restriction;
mod root;
mod session;
mod sign_in;
mod when;
mod words;

pub use assets::{Asset, assets};
pub use ending::EndNotice;
pub use event::{KEEP_ALIVE, session_event, signed_out_event};
pub use home::{HomePage, Recorded, SessionCard, StartChoice};
pub use offline::OfflinePage;
pub use portcullis_model::{Effect, Level};
pub use refusal::RefusalPage;
pub use restriction::{Lifted, Restriction, meaning};
pub use root::Root;
pub use session::{EndedPage, StartingPage};
pub use sign_in::{
    LeavePage, Notice, Prompt, PromptKind, PromptsPage, SignInPage, SignedOutPage, StaySignedIn, Way,
};
pub use when::rfc3339;

/// The policy the pages are written for. The server appends `; frame-ancestors …` from `www-frame-origin`.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'";

/// What every page has.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The prefix of all our addresses.
    pub root: &'a Root,
    /// Who is signed in; shown with the button to sign out.
    pub user: Option<&'a str>,
}

/// Turns a template into text.
fn render(page: &impl askama::Template) -> String {
    page.render().expect("writing to a String does not fail, and no template calls anything that can")
}

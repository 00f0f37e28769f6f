//! Kinds of values about signing in: accounts, PAM.

use portcullis_model::UserName;

use super::{Bad, Int, Value};

/// The name of an account.
#[derive(Debug)]
pub struct Account;

impl Value for Account {
    type Out = UserName;

    fn words() -> String {
        "name of an account".into()
    }

    fn parse(text: &str) -> Result<UserName, Bad> {
        text.parse().map_err(|why| Bad {
            text: format!("`{text}` can't be the name of an account: {why}"),
            hint: None,
        })
    }
}

/// The smallest user id that may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinimumUid {
    /// `UID_MIN` of `/etc/login.defs`, 1000 where that is not said.
    Auto,
    /// This one.
    At(u32),
}

/// A number or `auto`.
#[derive(Debug)]
pub struct MinimumUidWord;

impl Value for MinimumUidWord {
    type Out = MinimumUid;

    fn words() -> String {
        "`auto` or a user id".into()
    }

    fn parse(text: &str) -> Result<MinimumUid, Bad> {
        if text == "auto" {
            return Ok(MinimumUid::Auto);
        }
        Int::<0, { u32::MAX }>::parse(text)
            .map(MinimumUid::At)
            .map_err(|_| Bad::with(format!("`{text}` is not a user id"), "write auto or a number"))
    }
}

/// The name of a PAM service: a file in `/etc/pam.d`.
#[derive(Debug)]
pub struct PamService;

impl Value for PamService {
    type Out = String;

    fn words() -> String {
        "name of a file in `/etc/pam.d`".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if text.is_empty() || !text.bytes().all(plain) {
            return Err(Bad::with(
                format!("`{text}` is not the name of a PAM service"),
                "write the name of a file in /etc/pam.d, without its directory",
            ));
        }
        Ok(text.into())
    }
}

//! Second factors: what people who are signed in want of theirs, and what the launcher asks the role that keeps them.
//!
//! Secrets pass here on their way to be shown once or to be judged: they stand in [`Secret`]s or [`Shown`], which never print. Only
//! the role `store` judges a code or a passkey's answer; whether one is asked for, the launcher decides.

use portcullis_model::account::Account;
use portcullis_model::factor::{FactorKind, FactorLine};
use portcullis_model::{AccountId, FactorId, Secret};
use serde::{Deserialize, Serialize};

/// Bytes of a passkey's challenge.
pub const CHALLENGE_BYTES: usize = 32;
/// Longest typed code in bytes: a recovery code, and what people put between its letters.
pub const CODE_MAX: usize = 64;
/// Longest answer of a passkey in bytes, as the browser's JSON: an RSA signature and an id at its limit stay below.
pub const PASSKEY_MAX: usize = 8 * 1024;

/// Text that is shown to its person, or was typed by them; never printed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown(pub Secret);

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

impl Eq for Shown {}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self(Secret::from(text.to_owned()))
    }
}

impl Shown {
    /// The text. Named so that each use can be searched for.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(self.0.expose()).unwrap_or_default()
    }
}

/// The challenge of one ceremony of a passkey: made by the launcher, good for one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Random bytes.
    pub random: [u8; CHALLENGE_BYTES],
    /// Made when, in seconds since 1970.
    pub made: u64,
}

/// What somebody wants of their own factors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactorWish {
    /// See them. Answered by [`FactorAnswer::Seen`].
    Look,
    /// A new authenticator program. Answered by [`FactorAnswer::Totp`].
    TotpBegin {
        /// What they call it.
        name: String,
    },
    /// The secret of one that is not confirmed yet, again. Answered by [`FactorAnswer::Totp`].
    TotpShow {
        /// Which.
        factor: FactorId,
    },
    /// It shows this code. Answered by [`FactorAnswer::Enrolled`].
    TotpConfirm {
        /// Which.
        factor: FactorId,
        /// What was typed.
        code: Shown,
    },
    /// A new passkey. Answered by [`FactorAnswer::Passkey`].
    PasskeyBegin,
    /// What the browser made of it. Answered by [`FactorAnswer::Enrolled`].
    PasskeyFinish {
        /// What they call it.
        name: String,
        /// The browser's JSON.
        answer: Shown,
    },
    /// A new sheet of recovery codes; the one of before is void. Answered by [`FactorAnswer::Codes`].
    Codes,
    /// One goes. Answered by [`FactorAnswer::Removed`].
    Remove {
        /// Which.
        factor: FactorId,
    },
}

/// What they are answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactorAnswer {
    /// To [`FactorWish::Look`].
    Seen(FactorsSeen),
    /// A secret to be put into an authenticator program.
    Totp {
        /// Names it.
        factor: FactorId,
        /// Its `otpauth` address.
        address: Shown,
        /// The same as a picture (SVG).
        picture: Shown,
    },
    /// Options for `navigator.credentials.create`, as JSON.
    Passkey {
        /// The JSON.
        options: String,
    },
    /// It counts from now on.
    Enrolled {
        /// A first sheet of recovery codes; empty where there is one already.
        codes: Vec<Shown>,
    },
    /// A new sheet.
    Codes(Vec<Shown>),
    /// It is gone.
    Removed,
}

/// Somebody's factors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorsSeen {
    /// Those that count, recovery codes not among them.
    pub lines: Vec<FactorLine>,
    /// Recovery codes that are left.
    pub codes: u8,
    /// Kinds that they may enrol.
    pub kinds: Vec<FactorKind>,
    /// One of their groups needs one.
    pub required: bool,
    /// The sign-in is good for nothing else until there is one.
    pub limited: bool,
    /// The last proof is recent enough to change something here.
    pub fresh: bool,
}

/// Launcher to the role `store`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum FactorAsk {
    /// What can this account be asked at a sign-in? Answered by [`FactorTold::Question`].
    Question {
        /// Whose.
        account: AccountId,
        /// For a passkey.
        challenge: Challenge,
    },
    /// Is this one of theirs? Answered by [`FactorTold::Proved`] or [`FactorTold::Wrong`].
    Prove {
        /// Whose.
        account: AccountId,
        /// A code, of a program or of the sheet; empty where a passkey answers.
        code: Secret,
        /// A passkey's answer; empty where there is a code.
        passkey: Secret,
        /// What the passkey was asked.
        challenge: Challenge,
    },
    /// Answered by [`FactorTold::List`].
    List {
        /// Whose.
        account: AccountId,
    },
    /// Makes a secret, which counts once it is confirmed. Answered by [`FactorTold::Totp`].
    TotpBegin {
        /// Whose.
        account: AccountId,
        /// Their name beside the code.
        user: String,
        /// What they call it.
        name: String,
    },
    /// Answered by [`FactorTold::Totp`].
    TotpShow {
        /// Whose.
        account: AccountId,
        /// Their name beside the code.
        user: String,
        /// Which.
        factor: FactorId,
    },
    /// Answered by [`FactorTold::Enrolled`] or [`FactorTold::Wrong`].
    TotpConfirm {
        /// Whose.
        account: AccountId,
        /// Which.
        factor: FactorId,
        /// What was typed.
        code: Secret,
        /// Only while none counts: who asks has proven no factor.
        first: bool,
    },
    /// Answered by [`FactorTold::Passkey`].
    PasskeyBegin {
        /// Whose.
        account: AccountId,
        /// Their name, which the authenticator shows.
        user: String,
        /// What it is asked.
        challenge: Challenge,
    },
    /// Answered by [`FactorTold::Enrolled`] or [`FactorTold::Wrong`].
    PasskeyFinish {
        /// Whose.
        account: AccountId,
        /// What they call it.
        name: String,
        /// The browser's JSON.
        answer: Secret,
        /// What it was asked.
        challenge: Challenge,
        /// Only while none counts: who asks has proven no factor.
        first: bool,
    },
    /// Answered by [`FactorTold::Codes`].
    Codes {
        /// Whose.
        account: AccountId,
    },
    /// Answered by [`FactorTold::Removed`].
    Remove {
        /// Whose.
        account: AccountId,
        /// Which.
        factor: FactorId,
        /// Not if it is the last that can be asked for.
        keep_one: bool,
    },
}

/// What it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum FactorTold {
    /// To [`FactorAsk::Question`].
    Question {
        /// There is a program that shows codes.
        totp: bool,
        /// Options for `navigator.credentials.get`, as JSON, where there is a passkey.
        passkey: Option<String>,
    },
    /// It is one of theirs, and was not used before.
    Proved {
        /// What it was.
        kind: FactorKind,
        /// The account as it is now, without its groups.
        account: Box<Account>,
    },
    /// It isn't.
    Wrong {
        /// Why, for the audit log.
        why: String,
    },
    /// Those that count.
    List {
        /// But for recovery codes.
        lines: Vec<FactorLine>,
        /// Recovery codes that are left.
        codes: u8,
    },
    /// A secret that is not confirmed yet.
    Totp {
        /// Names it.
        factor: FactorId,
        /// Its `otpauth` address.
        address: Secret,
        /// The same as a picture (SVG).
        picture: Secret,
    },
    /// Options for `navigator.credentials.create`, as JSON.
    Passkey {
        /// The JSON.
        options: String,
    },
    /// One more counts.
    Enrolled {
        /// What it is.
        kind: FactorKind,
        /// Which.
        factor: FactorId,
        /// What its person calls it.
        name: String,
        /// A first sheet of recovery codes.
        codes: Vec<Secret>,
    },
    /// A new sheet.
    Codes(Vec<Secret>),
    /// It is gone.
    Removed {
        /// What it was.
        kind: FactorKind,
        /// What its person called it.
        name: String,
    },
    /// To [`AccountAct::DropFactors`](crate::identity::AccountAct::DropFactors): all are gone.
    Dropped {
        /// Whose they were.
        account: Box<Account>,
        /// What they were and how they were called.
        gone: Vec<(FactorKind, String)>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_never_prints_and_is_compared_as_text() {
        let code = Shown::from("123456");
        assert_eq!(
            format!("{:?}", FactorWish::PasskeyFinish { name: "key".into(), answer: code.clone() }),
            "PasskeyFinish { name: \"key\", answer: Shown([secret]) }"
        );
        assert_eq!(code.expose(), "123456");
        assert!(code == Shown::from("123456") && code != Shown::from("123457"));
        assert_eq!(Shown(Secret::new(vec![0xff])).expose(), "");
    }
}

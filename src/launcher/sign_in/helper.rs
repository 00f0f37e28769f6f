//! The PAM helper: one process, one conversation, then its end. A module may hang, leak or crash here and take nothing with it.
//!
//! It authenticates unless another method did, asks whether the account may be used, has an expired password changed, looks the account up and says
//! so. Whether this account may sign in *here* is the launcher's to decide.

use portcullis_model::Secret;
use portcullis_model::sign_in::{Denied, Principal};
use portcullis_pam::{
    Answer, Cancelled, Conversation, Failure, FailureKind, Message, Request, Style, Transaction,
};
use portcullis_wire::{Channel, Prompt, PromptStyle, WireError};

use super::again;
use super::talk::{FromHelper, Job, Step, ToHelper};
use crate::log::{chain, say};
use crate::names;

/// Serves one conversation over `channel`.
pub(crate) fn run(channel: &Channel) -> Result<(), WireError> {
    let (ToHelper::Job(job), _) = channel.receive()? else { return Err(WireError::Malformed) };
    if job.step == Step::Again {
        return channel.send(&FromHelper::Stands(again::look(&job)), &[]);
    }
    let answer = match converse(channel, &job) {
        Ok(principal) => FromHelper::Accepted { local: again::local(principal.user.as_str()), principal },
        Err((reason, detail)) => FromHelper::Refused { reason, detail },
    };
    channel.send(&answer, &[])
}

fn converse(channel: &Channel, job: &Job) -> Result<Principal, (Denied, String)> {
    let request = Request {
        service: &job.service,
        user: &job.user,
        remote: Some(&job.remote),
        tty: "portcullis",
        asking_user: None,
    };
    let relay = Relay {
        channel,
        password: Some(job.password.clone()),
        only_password_prompts: job.only_password_prompts,
        told: Vec::new(),
    };
    let mut transaction = Transaction::begin(&request, relay).map_err(|failure| refusal(&failure, &[]))?;
    match steps(&mut transaction, job.step) {
        Ok(name) => {
            // The name may be another than the typed one by now: what counts is what PAM proved.
            names::principal(&name).map_err(|error| {
                say!(Warn, "an account that PAM accepts can't be used: {}", chain(&error));
                (Denied::System, chain(&error))
            })
        }
        Err(failure) => Err(refusal(&failure, &transaction.unsaid())),
    }
}

fn steps(transaction: &mut Transaction<Relay<'_>>, step: Step) -> Result<String, Failure> {
    // ORDER: who it is, then whether the account may be used; its password is changed only by who proved to own it.
    if step == Step::Authenticate {
        transaction.authenticate()?;
    }
    match transaction.account() {
        // Proven elsewhere: that password is not the one which PAM says has expired.
        Err(failure) if failure.kind == FailureKind::NewPasswordRequired && step == Step::Authenticate => {
            transaction.change_expired_password()?;
            transaction.account()?;
        }
        other => other?,
    }
    transaction.user()
}

fn refusal(failure: &Failure, unsaid: &[Message]) -> (Denied, String) {
    let reason = match failure.kind {
        FailureKind::Credentials | FailureKind::TooMany => Denied::Credentials,
        FailureKind::Account | FailureKind::NewPasswordRequired => Denied::Account,
        FailureKind::Cancelled => Denied::Cancelled,
        FailureKind::System => Denied::System,
    };
    let mut detail = failure.to_string();
    for message in unsaid {
        detail.push_str("; ");
        detail.push_str(&message.text);
    }
    (reason, detail)
}

/// Answers the password prompt itself and relays every other one.
struct Relay<'a> {
    channel: &'a Channel,
    password: Option<Secret>,
    only_password_prompts: bool,
    told: Vec<Prompt>,
}

impl Conversation for Relay<'_> {
    fn ask(&mut self, messages: &[Message]) -> Result<Answer, Cancelled> {
        let Some(question) = messages.last() else { return Err(Cancelled) };
        let fits = !self.only_password_prompts || asks_for_password(&question.text);
        if question.style == Style::Hidden && fits {
            if let Some(password) = self.password.take() {
                // What modules told before the password goes with the next question; when there is none, nobody hears it: after
                // a wrong password a text like "locked due to 3 failed sign-ins" would say that the account exists.
                let told = messages.iter().filter(|message| **message != *question);
                self.told.extend(told.map(prompt));
                return Ok(Answer::new(password.expose().to_vec()));
            }
        }
        let mut prompts = std::mem::take(&mut self.told);
        prompts.extend(messages.iter().map(prompt));
        self.channel.send(&FromHelper::Prompts(prompts), &[]).map_err(|_| Cancelled)?;
        let (ToHelper::Answers(answers), _) = self.channel.receive().map_err(|_| Cancelled)? else {
            return Err(Cancelled);
        };
        let [answer] = answers.as_slice() else { return Err(Cancelled) };
        if answer.is_empty() && asks_for_password(&question.text) {
            return Err(Cancelled); // an empty password is a successful anonymous bind to some directory servers
        }
        Ok(Answer::new(answer.expose().to_vec()))
    }
}

fn prompt(message: &Message) -> Prompt {
    let style = match message.style {
        Style::Hidden => PromptStyle::Hidden,
        Style::Shown => PromptStyle::Shown,
        Style::Info => PromptStyle::Info,
        Style::Error => PromptStyle::Error,
    };
    Prompt { style, text: message.text.clone() }
}

/// Whether a prompt reads like `Password:`.
fn asks_for_password(text: &str) -> bool {
    text.trim_end().to_ascii_lowercase().ends_with("password:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_prompts_are_known_by_their_end() {
        for yes in ["Password: ", "password:", "bob's Password:", "Current password: "] {
            assert!(asks_for_password(yes), "{yes}");
        }
        for no in ["Verification code: ", "Passwort:", "Password (again)? ", ""] {
            assert!(!asks_for_password(no), "{no}");
        }
    }

    #[test]
    fn the_password_answers_one_prompt_and_no_other_question() {
        let (ours, theirs) = Channel::pair().expect("a pair");
        let ask = |relay: &mut Relay<'_>, text: &str| {
            relay.ask(&[Message { style: Style::Hidden, text: text.into() }]).map(|answer| answer.to_vec())
        };
        let mut relay = Relay {
            channel: &ours,
            password: Some("pw".to_owned().into()),
            only_password_prompts: true,
            told: Vec::new(),
        };
        theirs.send(&ToHelper::Answers(vec!["123456".to_owned().into()]), &[]).expect("sent");
        assert_eq!(ask(&mut relay, "Verification code: "), Ok(b"123456".to_vec()));
        assert_eq!(ask(&mut relay, "Password: "), Ok(b"pw".to_vec()));
        theirs.send(&ToHelper::Answers(vec![String::new().into()]), &[]).expect("sent");
        assert_eq!(ask(&mut relay, "New password: "), Err(Cancelled));
        theirs.send(&ToHelper::Answers(Vec::new()), &[]).expect("sent");
        assert_eq!(ask(&mut relay, "?"), Err(Cancelled));
        drop(theirs);
        assert_eq!(ask(&mut relay, "?"), Err(Cancelled));
        let (ours, _theirs) = Channel::pair().expect("a pair");
        let mut relay = Relay {
            channel: &ours,
            password: Some("pw".to_owned().into()),
            only_password_prompts: false,
            told: Vec::new(),
        };
        assert_eq!(ask(&mut relay, "Passwort: "), Ok(b"pw".to_vec()));
    }
}

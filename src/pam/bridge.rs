//! Between PAM's callback, one message at a time, and [`Conversation`], all that was said up to a question.

use std::ffi::{CStr, CString};

use pam_client2::{ConversationHandler, ErrorCode};
use zeroize::Zeroizing;

/// Longest answer handed to PAM, in bytes: `PAM_MAX_RESP_SIZE` (512) less the terminating zero. Longer ones are cut or
/// overflow in modules, and made `unix_chkpwd`'s pipe hang (CVE-2015-3238).
pub const ANSWER_MAX: usize = 511;
/// Longest text of a module that is kept, in characters.
pub const TEXT_MAX: usize = 1024;
/// Most questions of one transaction: an expired password with a one-time code asks five; a module that asks for ever ends.
pub const QUESTIONS_MAX: u32 = 32;
/// Most messages kept between two questions; later ones are dropped.
const UNSAID_MAX: usize = 32;

/// Kinds of PAM messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Wants an answer that is not shown.
    Hidden,
    /// Wants an answer that is shown.
    Shown,
    /// Tells something.
    Info,
    /// Tells of an error.
    Error,
}

/// One message of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What kind.
    pub style: Style,
    /// Its text, at most [`TEXT_MAX`] characters, without control characters.
    pub text: String,
}

/// An answer; wiped when dropped.
pub type Answer = Zeroizing<Vec<u8>>;

/// The person went away, or the deadline passed: PAM is told that the conversation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// Who answers the modules' questions.
pub trait Conversation {
    /// Gets what the modules said since the last question, and the question as the last message; gives its answer.
    ///
    /// # Errors
    /// [`Cancelled`] ends the transaction's step.
    fn ask(&mut self, messages: &[Message]) -> Result<Answer, Cancelled>;
}

/// Implements PAM's callback for a [`Conversation`].
pub(crate) struct Bridge<C> {
    conversation: C,
    unsaid: Vec<Message>,
    questions: u32,
    pub(crate) cancelled: bool,
}

impl<C: Conversation> Bridge<C> {
    pub(crate) const fn new(conversation: C) -> Self {
        Self { conversation, unsaid: Vec::new(), questions: 0, cancelled: false }
    }

    /// What modules said after the last question.
    pub(crate) fn take_unsaid(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.unsaid)
    }

    fn tell(&mut self, style: Style, text: &CStr) {
        if self.unsaid.len() < UNSAID_MAX {
            self.unsaid.push(Message { style, text: printable(text) });
        }
    }

    fn question(&mut self, style: Style, text: &CStr) -> Result<CString, ErrorCode> {
        self.questions += 1;
        if self.questions > QUESTIONS_MAX {
            return Err(ErrorCode::CONV_ERR);
        }
        let mut messages = self.take_unsaid();
        messages.push(Message { style, text: printable(text) });
        let answer = self.conversation.ask(&messages).map_err(|Cancelled| {
            self.cancelled = true;
            ErrorCode::CONV_ERR
        })?;
        if answer.len() > ANSWER_MAX || answer.contains(&0) {
            return Err(ErrorCode::CONV_ERR);
        }
        // The copy inside the CString is freed by pam-client2 without being wiped: the helper process ends right after.
        CString::new(answer.as_slice()).map_err(|_| ErrorCode::CONV_ERR)
    }
}

impl<C: Conversation> ConversationHandler for Bridge<C> {
    fn prompt_echo_on(&mut self, prompt: &CStr) -> Result<CString, ErrorCode> {
        self.question(Style::Shown, prompt)
    }

    fn prompt_echo_off(&mut self, prompt: &CStr) -> Result<CString, ErrorCode> {
        self.question(Style::Hidden, prompt)
    }

    fn text_info(&mut self, text: &CStr) {
        self.tell(Style::Info, text);
    }

    fn error_msg(&mut self, text: &CStr) {
        self.tell(Style::Error, text);
    }
}

/// A module's text as a person may see it: valid UTF-8, no control characters, bounded.
fn printable(text: &CStr) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.to_string_lossy().chars().take(TEXT_MAX).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Vec<Vec<Message>>, &'static [u8]);

    impl Conversation for Fixed {
        fn ask(&mut self, messages: &[Message]) -> Result<Answer, Cancelled> {
            self.0.push(messages.to_vec());
            if self.1.is_empty() { Err(Cancelled) } else { Ok(Zeroizing::new(self.1.to_vec())) }
        }
    }

    #[test]
    fn what_was_told_comes_with_the_next_question() {
        let mut bridge = Bridge::new(Fixed(Vec::new(), b"x"));
        bridge.text_info(c"hello\x1b[31m");
        bridge.error_msg(c"bad");
        bridge.prompt_echo_off(c"Password: ").expect("an answer");
        bridge.text_info(c"after");
        let seen: Vec<_> = bridge.conversation.0[0].iter().map(|m| (m.style, m.text.as_str())).collect();
        let told = [(Style::Info, "hello [31m"), (Style::Error, "bad"), (Style::Hidden, "Password: ")];
        assert_eq!(seen, told);
        assert_eq!(bridge.take_unsaid().len(), 1);
    }

    #[test]
    fn answers_that_libpam_can_not_hold_never_reach_it() {
        static LONG: [u8; ANSWER_MAX + 1] = [b'x'; ANSWER_MAX + 1];
        for bad in [&LONG[..], b"a\0b"] {
            let mut bridge = Bridge::new(Fixed(Vec::new(), bad));
            assert_eq!(bridge.prompt_echo_off(c"?"), Err(ErrorCode::CONV_ERR));
            assert!(!bridge.cancelled);
        }
        let mut bridge = Bridge::new(Fixed(Vec::new(), &LONG[1..]));
        assert_eq!(bridge.prompt_echo_off(c"?").expect("an answer").as_bytes().len(), ANSWER_MAX);
    }

    #[test]
    fn a_module_that_asks_for_ever_is_ended_and_a_cancel_is_known() {
        let mut bridge = Bridge::new(Fixed(Vec::new(), b"x"));
        for _ in 0..QUESTIONS_MAX {
            bridge.prompt_echo_on(c"?").expect("an answer");
        }
        assert_eq!(bridge.prompt_echo_on(c"?"), Err(ErrorCode::CONV_ERR));
        let mut bridge = Bridge::new(Fixed(Vec::new(), b""));
        assert_eq!(bridge.prompt_echo_on(c"?"), Err(ErrorCode::CONV_ERR));
        assert!(bridge.cancelled);
    }

    #[test]
    fn texts_are_cut_and_made_printable() {
        let long = CString::new(vec![b'a'; 70_000]).expect("no zero");
        assert_eq!(printable(&long).len(), TEXT_MAX);
        assert_eq!(printable(c"a\r\nb\xff"), "a  b\u{fffd}");
    }
}

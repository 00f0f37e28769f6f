//! What each of our processes with an async runtime stands on: a channel that waits without a thread, and log lines that nothing from
//! outside can forge.
//!
//! It must not know what is said over the channel. Used by `portcullis-server` and `portcullis-identity`; root's process and the users'
//! never link it.
#![forbid(unsafe_code)]

pub mod logging;
mod wire;

pub use wire::Wire;

/// An error with everything that led to it, for one log line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

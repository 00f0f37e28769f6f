//! The role `xml`: one document of strangers, parsed and judged, and then its end.
//!
//! An answer of a SAML provider, or its metadata. It has no network, no file but what comes beside its job, and no other thread; whom a
//! document that takes it over can name is one person of that provider, in that one conversation.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_authn::saml::{answer, provider};
use portcullis_model::proof::Failure;
use portcullis_model::saml_provider::{METADATA_MAX, SamlProvider};
use portcullis_wire::Channel;
use portcullis_wire::identity::{AskAnswer, FromAsk, Job, ToAsk};

use crate::{Ended, job};

/// The key that answers are encrypted for.
const DECRYPTION_KEY: &str = "auth-saml-sp-encryption-key-path";

/// Runs the role: a job, a question, its answer.
pub(crate) fn run(channel: &Channel) -> Result<(), Ended> {
    let (ToAsk::Job(job), fds) = channel.receive::<ToAsk>()? else { return Err(Ended::Order) };
    let (question, _) = channel.receive::<ToAsk>()?;
    let (request, result) = match question {
        ToAsk::Prove { request, evidence, .. } => {
            let settings = job::settings(&job)?;
            let key = job::secret(&job, DECRYPTION_KEY);
            let result = match job.provider.as_deref() {
                Some(provider) => answer::examine(&settings, provider, key.as_ref(), &evidence, now()),
                None => Err(Failure::Unreachable),
            };
            let asserted = |one: answer::Asserted| AskAnswer::Asserted {
                proven: Box::new(one.proven),
                id: one.id,
                until: one.until,
            };
            (request, result.map(asserted))
        }
        ToAsk::Provider { request } => {
            let read = read(&job, fds)?;
            (request, read.map(|provider| AskAnswer::Provider(Box::new(provider))))
        }
        ToAsk::Job(_) | ToAsk::Fetch { .. } => return Err(Ended::Order),
        ToAsk::Begin { request, .. } | ToAsk::Members { request, .. } | ToAsk::Describe { request } => {
            (request, Err(Failure::Unsupported))
        }
    };
    channel.send(&FromAsk::Answer { request, result }, &[])?;
    Ok(())
}

/// Reads what came beside the job.
fn read(job: &Job, fds: Vec<OwnedFd>) -> Result<Result<SamlProvider, Failure>, Ended> {
    let settings = job::settings(job)?;
    let Some(text) = fds.into_iter().next() else { return Err(Ended::Order) };
    let mut file = File::from(text);
    let mut text = Vec::new();
    file.rewind()?;
    file.take(u64::try_from(METADATA_MAX).map_or(0, |most| most + 1)).read_to_end(&mut text)?;
    Ok(provider::read(&settings, &text, now()))
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

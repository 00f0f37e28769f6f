//! What a role is told to do, read again as configuration: the same text that root's process judged.

use portcullis_conf::{Settings, Sources};
use portcullis_model::Secret;
use portcullis_wire::identity::{Job, NamedSecret};
use thiserror::Error;

/// Why a job can't be done.
#[derive(Debug, Error)]
pub(crate) enum JobError {
    /// What root's process found good has an error here: another version of it.
    #[error("the configuration has errors: {0}")]
    Configuration(String),
    /// The database.
    #[error("the database can't be opened")]
    Database(#[source] portcullis_store::OpenError),
    /// The certificates that the method is to trust.
    #[error("the method can't be set up: {0}")]
    Setup(String),
}

/// The configuration of a job.
pub(crate) fn settings(job: &Job) -> Result<Settings, JobError> {
    let files = job.files.iter().map(|file| (file.name.clone(), file.text.clone()));
    let loaded = portcullis_conf::load(&Sources::new(&job.config_dir, files));
    match loaded.problems.iter().find(|problem| problem.is_error()) {
        Some(problem) => Err(JobError::Configuration(problem.text.clone())),
        None => Ok(loaded.settings),
    }
}

/// The secret that an option names.
pub(crate) fn secret(job: &Job, name: &str) -> Option<Secret> {
    job.secrets.iter().find(|secret: &&NamedSecret| secret.name == name).map(|secret| secret.bytes.clone())
}

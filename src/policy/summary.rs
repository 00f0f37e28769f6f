//! The flags as the home page shows them: value, origin, how strongly each holds, and what remains.

use portcullis_conf::Origin;
use portcullis_model::Level;

use crate::flag::{self, About};
use crate::{Flags, Setting};

/// A line of the home page: a flag and what it means for this person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagLine {
    /// Name of the option.
    pub flag: &'static str,
    /// What a person reads.
    pub title: &'static str,
    /// Its value as it would stand in the file.
    pub value: String,
    /// Whether the value restricts anything.
    pub restricts: bool,
    /// Where it was said.
    pub origin: Origin,
    /// How strongly it holds.
    pub level: Level,
    /// Whether the IDE's own switch is set as well.
    pub ide_too: bool,
    /// What remains possible in spite of it.
    pub remains: &'static str,
}

impl Flags {
    /// The flags for a person to read, in a fixed order.
    pub fn summary(&self) -> Vec<FlagLine> {
        let switch = |setting: &Setting<bool>, about: &'static About| {
            line(about, u8::from(setting.value).to_string(), !setting.value, &setting.origin)
        };
        let mut external = switch(&self.external_publish, &flag::EXTERNAL_PUBLISH);
        if !self.publish.value {
            // allow-publish=0 includes it: what a person reads is what holds.
            external = FlagLine {
                value: "0".into(),
                restricts: true,
                origin: self.publish.origin.clone(),
                ..external
            };
        }
        let folders = &self.restrict_directories;
        let limit = &self.upload_limit_mb;
        vec![
            switch(&self.shell, &flag::SHELL),
            switch(&self.uploads, &flag::UPLOADS),
            switch(&self.downloads, &flag::DOWNLOADS),
            switch(&self.packages, &flag::PACKAGES),
            switch(&self.publish, &flag::PUBLISH),
            external,
            switch(&self.vcs, &flag::VCS),
            line(&flag::DIRECTORIES, u8::from(folders.value).to_string(), folders.value, &folders.origin),
            line(&flag::UPLOAD_LIMIT, limit.value.to_string(), limit.value > 0, &limit.origin),
        ]
    }
}

fn line(about: &'static About, value: String, restricts: bool, origin: &Origin) -> FlagLine {
    FlagLine {
        flag: about.name,
        title: about.title,
        value,
        restricts,
        origin: origin.clone(),
        // Every flag is held at the proxy; the kernel's part comes with the sandbox.
        level: if restricts { Level::Proxy } else { Level::None },
        ide_too: restricts && about.jupyter_switch.is_some(),
        remains: about.remains,
    }
}

//! The flags as the home page shows them: value, effect, origin, how strongly each holds, and what remains.

use portcullis_conf::Origin;
use portcullis_model::session::Ide;
use portcullis_model::{Effect, Level};

use crate::Flags;
use crate::flag::{self, About};
use crate::flags::Switch;
use crate::levels::weakest;
use crate::sandbox::Held;

/// A line of the home page: a flag and what it means for this person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagLine {
    /// Name of the option.
    pub flag: &'static str,
    /// What a person reads.
    pub title: &'static str,
    /// Its value as it would stand in the file.
    pub value: String,
    /// Whether the value restricts anything, or would if it were enforced.
    pub restricts: bool,
    /// Whether it is enforced or only recorded.
    pub effect: Effect,
    /// Where it was said.
    pub origin: Origin,
    /// How strongly it holds.
    pub level: Level,
    /// Whether an IDE's own switch is set as well.
    pub ide_too: bool,
    /// What remains possible in spite of it.
    pub remains: &'static str,
}

impl Flags {
    /// The flags for a person to read, in a fixed order; `held` is what the kernel holds of them.
    pub fn summary(&self, held: &Held) -> Vec<FlagLine> {
        let blocked = self.lines(held);
        let Some(strict) = self.audited() else { return blocked };
        let recorded = |line: FlagLine| {
            let remains = About::named(line.flag).map_or(line.remains, |about| about.remains);
            FlagLine { effect: Effect::Audit, level: Level::None, ide_too: false, remains, ..line }
        };
        blocked
            .into_iter()
            .zip(strict.lines(held))
            .map(|(line, strict)| if line.restricts || !strict.restricts { line } else { recorded(strict) })
            .collect()
    }

    fn lines(&self, held: &Held) -> Vec<FlagLine> {
        let folders = &self.restrict_directories;
        let quota = &self.disk_quota;
        let number = |setting: &crate::Setting<u64>, about| {
            line(about, setting.value.to_string(), setting.value > 0, &setting.origin, held)
        };
        let mut lines: Vec<FlagLine> =
            Switch::ALL.iter().map(|switch| self.switch_line(*switch, held)).collect();
        lines.extend([
            line(
                &flag::DIRECTORIES,
                u8::from(folders.value).to_string(),
                folders.value,
                &folders.origin,
                held,
            ),
            number(&self.upload_limit_mb, &flag::UPLOAD_LIMIT),
            number(&self.cpu_minutes, &flag::CPU_TIME),
            line(&flag::DISK_QUOTA, u8::from(quota.value).to_string(), quota.value, &quota.origin, held),
        ]);
        lines
    }

    fn switch_line(&self, switch: Switch, held: &Held) -> FlagLine {
        // `allow-publish=0` includes the narrower ones: what a person reads is what holds.
        let wider: &[Switch] = match switch {
            Switch::ExternalPublish => &[Switch::Publish],
            Switch::RpubsPublish => &[Switch::Publish, Switch::ExternalPublish],
            _ => &[],
        };
        let own = self.setting(switch);
        let value =
            wider.iter().map(|wider| self.setting(*wider)).find(|setting| !setting.value).unwrap_or(own);
        // What is off because nobody said otherwise is no news to anybody.
        let said = switch.by_default() || value.origin != Origin::Default;
        line(switch.about(), u8::from(value.value).to_string(), !value.value && said, &value.origin, held)
    }
}

fn line(about: &'static About, value: String, restricts: bool, origin: &Origin, held: &Held) -> FlagLine {
    let level = weakest(Ide::BUILT_IN, about, held).unwrap_or(Level::None);
    let switched = Ide::BUILT_IN.iter().any(|ide| about.switch(*ide).is_some());
    FlagLine {
        flag: about.name,
        title: about.title,
        value,
        restricts,
        effect: Effect::Block,
        origin: origin.clone(),
        level: if restricts { level } else { Level::None },
        ide_too: restricts && switched,
        remains: about.remains_at(level),
    }
}

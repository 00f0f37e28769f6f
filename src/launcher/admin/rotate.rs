//! `portcullis keys rotate`: another key signs cookies from now on; with `--revoke-old` what the ones before signed is over.
//!
//! The file is written first, then read as any reload reads it, so that what is in force is what a restart finds. Everybody who is
//! signed in was let in under a key of before: that is what ends with it.

use std::time::Instant;

use portcullis_conf::Problem;
use portcullis_wire::admin::{FromDaemon, LINES_MAX, Refusal};

use super::acts::By;
use crate::key_file::rotate;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::text::printable;

/// Longest line of an answer, in characters.
const LINE_MAX: usize = 400;

impl Launcher {
    /// Rotates for root's command; the answers that are complete, where nothing is waited for.
    pub(super) fn rotate_keys(
        &mut self,
        revoke_old: bool,
        by: &By,
        peer: u64,
        now: Instant,
    ) -> Result<Vec<FromDaemon>, Refusal> {
        let path = self.active.key_path.clone();
        let rotated = rotate(&path, self.active.server_user.uid, !revoke_old).map_err(|error| {
            let why = chain(&error);
            say!(Error, "the key of cookies is not rotated: {why}");
            Refusal::NotRotated(printable(&why, LINE_MAX))
        })?;
        let detail = format!(
            "{} in place of {}{}",
            rotated.new,
            rotated.old,
            if revoke_old { ", which is dropped" } else { "" }
        );
        self.record_act("keys-rotate", path.display().to_string(), detail, by);
        let problems = match self.reload() {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().take(LINES_MAX).map(|one| self.line(one)).collect(),
        };
        let told = FromDaemon::Rotated { new: rotated.new, old: rotated.old, kept: rotated.kept, problems };
        if !revoke_old {
            return Ok(vec![told]);
        }
        self.admin.hold(peer, vec![told]);
        self.end_everybody(by, Some(peer), now);
        Ok(Vec::new())
    }

    fn line(&self, problem: &Problem) -> String {
        printable(&problem.headline(&self.dirs.config).to_string(), LINE_MAX)
    }
}

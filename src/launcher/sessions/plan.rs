//! What the kernel is to hold in a session: the policy's plan, with this machine's facts and files.
//!
//! Called by `open`, before anything of a session is there and without a look at files, so that one that can't be held is
//! refused; and by `opened` when PAM has said what it did, whose ticket caches stay visible, as often as files are to be looked at.

use portcullis_model::session::{Ide, IdeCommand};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{Secret, SessionId};
use portcullis_policy::sandbox::{Asked, Fallen, Layer, Machine, NotConfined, Plan, sandbox};
use portcullis_policy::{Flags, LaunchFacts};
use portcullis_wire::launcher::OpenError;

use super::looked::Looked;
use crate::launcher::Launcher;
use crate::log::say;

impl Launcher {
    /// The plan of a session that is started now.
    pub(super) fn plan(
        &self,
        ide: Ide,
        facts: &LaunchFacts,
        command: &IdeCommand,
        who: &Principal,
        looked: &Looked,
    ) -> Result<Plan, NotConfined> {
        self.plan_under(self.flags(who), ide, facts, command, looked)
    }

    /// The same under other flags: those that are only recorded, say.
    pub(super) fn plan_under(
        &self,
        mut flags: Flags,
        ide: Ide,
        facts: &LaunchFacts,
        command: &IdeCommand,
        looked: &Looked,
    ) -> Result<Plan, NotConfined> {
        // The same names as those that the proxy compares with.
        flags.directories.value.iter_mut().for_each(|path| *path = looked.roots(path));
        let stub = self.dirs.libexec.join("portcullis-session");
        let asked = Asked { settings: &self.active.settings, flags: &flags, facts, ide, command };
        let stub = stub.to_str().unwrap_or_default();
        sandbox(&asked, &Machine { host: &self.host, files: looked, stub })
    }

    /// Whether the kernel can hold what the configuration demands for this session; when not, that is recorded.
    pub(super) fn confinable(
        &mut self,
        sign_in: &SignIn,
        ide: Ide,
        id: SessionId,
        token: &Secret,
        command: &IdeCommand,
    ) -> Result<(), OpenError> {
        let who = &sign_in.principal;
        let facts = self.launch_facts(id, who, token, Vec::new());
        // Whether it can be held depends on no file.
        let refused = match self.plan(ide, &facts, command, who, &Looked::default()) {
            Ok(plan) => {
                self.say_fallen(&plan.fallen);
                return Ok(());
            }
            Err(refused) => refused,
        };
        say!(Info, "a session was refused user={} ide={ide}: {refused} (hint: {})", who.user, refused.hint);
        self.record_refused(sign_in, None, ide.word(), format!("{}: {}", refused.rule, refused.why));
        Err(OpenError::NotConfined { rule: refused.rule, why: refused.why })
    }

    /// Says once for each layer what is missing.
    fn say_fallen(&mut self, fallen: &[Fallen]) {
        for missing in fallen {
            if self.fallen_said.insert(missing.layer) {
                let Fallen { why, hint, effect, .. } = missing;
                say!(
                    Warn,
                    "the kernel can't hold everything in sessions: {why}; it would hold that {effect} (hint: {hint})"
                );
            }
        }
    }
}

/// Layers of which was said that they are missing.
pub(crate) type Said = std::collections::BTreeSet<Layer>;

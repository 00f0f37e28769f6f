//! `minimum-level`: a session is not started where a flag that restricts its owner doesn't hold as strongly as demanded.
//!
//! Called by `open` before anything is started; the decision is pure.

use portcullis_conf::FileKind;
use portcullis_model::Level;
use portcullis_model::session::Ide;
use portcullis_model::sign_in::SignIn;
use portcullis_policy::Flags;
use portcullis_policy::levels::Weak;
use portcullis_policy::sandbox::Held;
use portcullis_wire::launcher::OpenError;

use crate::launcher::Launcher;
use crate::log::say;

impl Launcher {
    /// Whether every flag that restricts a person holds as strongly as demanded; when not, that is recorded.
    pub(super) fn strong_enough(&mut self, sign_in: &SignIn, ide: Ide) -> Result<(), OpenError> {
        let who = &sign_in.principal;
        let portcullis = &self.active.settings.portcullis;
        let flags = self.flags(who);
        let held = Held::of(&self.active.settings, &flags, &who.user, &who.groups, &self.host);
        let weak = too_weak(ide, &flags, &portcullis.minimum_level, &held);
        let Some(error) = weak else { return Ok(()) };
        if let OpenError::Level { flag, wanted, got, .. } = &error {
            let origin = self.active.settings.origin(FileKind::Portcullis, "minimum-level");
            let rule =
                format!("minimum-level={flag}:{} ({origin}): it holds at {}", wanted.word(), got.word());
            say!(Info, "a session was refused user={} ide={ide}: {rule}", who.user);
            self.record_refused(sign_in, None, ide.word(), rule);
        }
        Err(error)
    }
}

/// The first flag that holds too weakly for this person in this IDE, as the answer to their request.
pub(super) fn too_weak(
    ide: Ide,
    flags: &Flags,
    demanded: &[(String, Level)],
    held: &Held,
) -> Option<OpenError> {
    let Weak { flag, wanted, got, reason } = portcullis_policy::levels::too_weak(ide, flags, demanded, held)?;
    Some(OpenError::Level { flag: flag.to_owned(), wanted, got, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_policy::Setting;

    fn found(ide: Ide, flags: &Flags, demanded: &[(&str, Level)]) -> Option<(String, Level)> {
        let demanded: Vec<_> = demanded.iter().map(|(flag, level)| ((*flag).to_owned(), *level)).collect();
        match too_weak(ide, flags, &demanded, &Held::default())? {
            OpenError::Level { flag, got, reason, .. } => {
                assert!(!reason.is_empty());
                Some((flag, got))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_restricts_is_demanded_and_a_level_too_low_is_named() {
        let off = Flags { shell: Setting::at(false, "rsession.conf", 1), ..Flags::default() };
        let shell = |level| [("allow-shell", level)];
        assert_eq!(found(Ide::Jupyter, &off, &[]), None);
        assert_eq!(found(Ide::Jupyter, &off, &shell(Level::Ide)), None);
        assert_eq!(found(Ide::Jupyter, &off, &shell(Level::Proxy)), None);
        let weak = Some(("allow-shell".to_owned(), Level::Proxy));
        assert_eq!(found(Ide::Jupyter, &off, &shell(Level::Kernel)), weak);
        assert_eq!(
            found(Ide::Jupyter, &Flags::default(), &shell(Level::Kernel)),
            None,
            "it restricts nobody"
        );
        assert_eq!(found(Ide::Jupyter, &off, &[("allow-vcs", Level::Kernel)]), None, "another flag");
    }

    #[test]
    fn what_is_only_recorded_holds_at_no_level() {
        let strict = Flags { shell: Setting::at(false, "rsession.conf", 1), ..Flags::default() };
        let flags = Flags { audited: Some(Box::new(strict)), ..Flags::default() };
        let weak = Some(("allow-shell".to_owned(), Level::None));
        assert_eq!(found(Ide::Jupyter, &flags, &[("allow-shell", Level::Ide)]), weak);
    }

    #[test]
    fn a_flag_of_rstudio_demands_nothing_of_another_ide() {
        let mut flags = Flags { cpu_minutes: Setting::at(5, "rsession.conf", 1), ..Flags::default() };
        let cpu = [("limit-cpu-time-minutes", Level::Proxy)];
        assert_eq!(found(Ide::Jupyter, &flags, &cpu), None);
        assert_eq!(
            found(Ide::Rstudio, &flags, &cpu),
            Some(("limit-cpu-time-minutes".to_owned(), Level::Ide))
        );
        assert!(flags.lift("limit-cpu-time-minutes"));
        assert_eq!(found(Ide::Rstudio, &flags, &cpu), None, "an exemption lifts it");
    }
}

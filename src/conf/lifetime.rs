//! The clocks of a session, from the options of its owner and of its IDE.

use portcullis_model::UserName;
use portcullis_model::lifetime::{Clock, Clocks};
use portcullis_model::session::Ide;

use crate::option::FileKind;
use crate::settings::Settings;
use crate::values::Origin;

/// What ends a session, and where each is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionClocks {
    /// The clocks.
    pub clocks: Clocks,
    origins: [Origin; Clock::ALL.len()],
}

impl SessionClocks {
    /// Where a clock's value comes from.
    pub fn origin(&self, clock: Clock) -> &Origin {
        &self.origins[clock as usize]
    }
}

impl Settings {
    /// The clocks of a session of this person that runs this IDE: `rsession.conf` and `portcullis.conf`, for VS Code `vscode.conf`
    /// before them, and the sections of `profiles` that match before all of these, the last of them first.
    pub fn clocks_for(&self, user: &UserName, groups: &[String], ide: Ide) -> SessionClocks {
        let options = self.session_for(user, groups);
        let mut origins = Clock::ALL.map(|clock| options.origin(clock.option()));
        let mut kill_hours = options.rsession.session_timeout_kill_hours;
        let kill = &mut origins[Clock::KillHours as usize];
        let by_section =
            matches!(kill, Origin::At { file, .. } if file.as_str() == FileKind::Profiles.name());
        if let (Ide::CodeServer, Some(hours), false) =
            (ide, self.vscode.session_timeout_kill_hours, by_section)
        {
            kill_hours = hours;
            *kill = self.origin(FileKind::Vscode, Clock::KillHours.option());
        }
        let clocks = Clocks {
            idle_minutes: options.rsession.session_timeout_minutes,
            disconnected_minutes: options.rsession.session_disconnected_timeout_minutes,
            kill_hours,
            max_age_hours: options.max_age_hours,
            suspends: ide == Ide::Rstudio && options.rsession.session_timeout_suspend,
        };
        SessionClocks { clocks, origins }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sources, load};

    fn clocks(files: &[(&str, &str)], user: &str, groups: &[&str], ide: Ide) -> SessionClocks {
        let texts = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let loaded = load(&Sources::new("/c", texts));
        assert_eq!(loaded.problems, Vec::new());
        let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        loaded.settings.clocks_for(&user.parse().expect("a name"), &groups, ide)
    }

    #[test]
    fn without_files_only_two_hours_of_idleness_end_a_session() {
        let found = clocks(&[], "anna", &[], Ide::Rstudio);
        assert_eq!(found.clocks, Clocks { idle_minutes: 120, suspends: true, ..Clocks::default() });
        assert!(!clocks(&[], "anna", &[], Ide::Jupyter).clocks.suspends, "JupyterLab can't");
        let off = [("rsession.conf", "session-timeout-suspend=0\n")];
        assert!(!clocks(&off, "anna", &[], Ide::Rstudio).clocks.suspends);
    }

    #[test]
    fn the_later_section_wins_and_says_where() {
        let files = [
            (
                "rsession.conf",
                "session-timeout-minutes=10\nsession-timeout-kill-hours=9\nsession-disconnected-timeout-minutes=5\n",
            ),
            ("portcullis.conf", "session-max-age-hours=100\n"),
            (
                "profiles",
                "[*]\nsession-timeout-kill-hours=8\n[@gpu]\nsession-timeout-minutes=0\nsession-max-age-hours=0\n[anna]\n\
                 session-timeout-kill-hours=7\nsession-timeout-suspend=0\nsession-disconnected-timeout-minutes=1\n",
            ),
        ];
        let ben = clocks(&files, "ben", &[], Ide::Rstudio);
        let wanted = Clocks {
            idle_minutes: 10,
            disconnected_minutes: 5,
            kill_hours: 8,
            max_age_hours: 100,
            suspends: true,
        };
        assert_eq!(ben.clocks, wanted);
        let origins = Clock::ALL.map(|clock| ben.origin(clock).to_string());
        assert_eq!(origins, ["rsession.conf:1", "rsession.conf:3", "profiles:2", "portcullis.conf:1"]);
        let anna = clocks(&files, "anna", &["gpu"], Ide::Rstudio);
        let wanted = Clocks { disconnected_minutes: 1, kill_hours: 7, ..Clocks::default() };
        assert_eq!(anna.clocks, wanted);
        assert_eq!(anna.origin(Clock::MaximumAge).to_string(), "profiles:5");
    }

    #[test]
    fn vs_code_has_a_file_of_its_own_and_profiles_go_before_it() {
        let own = ("vscode.conf", "session-timeout-kill-hours=3\n");
        let general = ("rsession.conf", "session-timeout-kill-hours=9\n");
        let of = |files: &[(&str, &str)], ide| {
            let found = clocks(files, "anna", &[], ide);
            (found.clocks.kill_hours, found.origin(Clock::KillHours).to_string())
        };
        assert_eq!(of(&[general], Ide::CodeServer), (9, "rsession.conf:1".to_owned()));
        assert_eq!(of(&[general, own], Ide::CodeServer), (3, "vscode.conf:1".to_owned()));
        assert_eq!(of(&[general, own], Ide::Jupyter), (9, "rsession.conf:1".to_owned()));
        let never = ("vscode.conf", "session-timeout-kill-hours=0\n");
        assert_eq!(of(&[general, never], Ide::CodeServer), (0, "vscode.conf:1".to_owned()));
        let section = ("profiles", "[anna]\nsession-timeout-kill-hours=1\n");
        assert_eq!(of(&[general, own, section], Ide::CodeServer), (1, "profiles:2".to_owned()));
    }
}

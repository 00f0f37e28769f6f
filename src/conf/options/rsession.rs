//! Options of `rsession.conf` that do something.

use crate::option::options;
use crate::value::{Bool, Colons, Int, OptionalConsoleAudit, OptionalInt, OptionalPortRange};

options! {
    /// Sessions: what people may do in them, where they listen, how long they live.
    Rsession, "Implemented";

    /// Terminals and other ways to a shell.
    "allow-shell" allow_shell: Bool = "1", Hup,
        "as RStudio Workbench: nothing is forbidden that nobody forbade";
    /// Copy files to the machine.
    "allow-file-uploads" allow_file_uploads: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Copy files from the machine.
    "allow-file-downloads" allow_file_downloads: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Install packages and extensions through the IDE.
    "allow-package-installation" allow_package_installation: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Publish anywhere; 0 overrides allow-external-publish.
    "allow-publish" allow_publish: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Publish to services outside; 0 overrides allow-rpubs-publish.
    "allow-external-publish" allow_external_publish: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Publish to RPubs, from RStudio.
    "allow-rpubs-publish" allow_rpubs_publish: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Version control (git) through the IDE.
    "allow-vcs" allow_vcs: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Let people choose the git program in RStudio.
    "allow-vcs-executable-edit" allow_vcs_executable_edit: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Let people choose in RStudio where packages come from.
    "allow-r-cran-repos-edit" allow_r_cran_repos_edit: Bool = "1", Hup,
        "as RStudio Workbench";
    /// A WebSocket for RStudio's terminal; without it the terminal asks for its output.
    "allow-terminal-websockets" allow_terminal_websockets: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Let people delete their folder Public in RStudio.
    "allow-remove-public-folder" allow_remove_public_folder: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Let R presentations run commands in RStudio.
    "allow-presentation-commands" allow_presentation_commands: Bool = "0", Hup,
        "as RStudio Workbench: a presentation comes from somebody else more often than not";
    /// Jobs that RStudio hands to a launcher of jobs.
    "allow-launcher-jobs" allow_launcher_jobs: Bool = "1", Hup,
        "as RStudio Workbench";

    /// Keep files outside the home directory out of reach of the IDE's pages.
    ///
    /// Paths are resolved before they are compared. Unlike RStudio Server, which lets people into every home directory, this
    /// leaves only their own.
    "restrict-directory-view" restrict_directory_view: Bool = "0", Hup,
        "as RStudio Server";
    /// Directories that stay within reach when restrict-directory-view is 1.
    "directory-view-allow-list" directory_view_allow_list: Colons = "", Hup,
        "what else people need, only the administrator knows";
    /// Largest upload in megabytes; 0 for any.
    "limit-file-upload-size-mb" limit_file_upload_size_mb: Int<0, 1048576> = "0", Hup,
        "as RStudio Server: the disk's quota is the better limit";
    /// Minutes of processor time that one computation of R may take; 0 for any.
    ///
    /// RStudio's own limit, which R code can lift again. No other IDE has one: PAM's limit `cpu` holds for every process.
    "limit-cpu-time-minutes" limit_cpu_time_minutes: Int<0, 4294967295> = "0", NewSessions,
        "as RStudio Server";
    /// Warn in RStudio when the XFS quota is nearly used.
    "limit-xfs-disk-quota" limit_xfs_disk_quota: Bool = "0", NewSessions,
        "as RStudio Server: the quota itself holds without it";

    /// TCP ports for sessions, as `low-high`; empty for no fixed ports.
    ///
    /// The launcher binds the port before the session starts and only the server's own process is let in.
    "session-port-range" session_port_range: OptionalPortRange = "", NewSessions,
        "sessions need no TCP port on one machine";
    /// Sessions that one person may have at a time; empty for no limit.
    "session-limit" session_limit: OptionalInt<0, 10000> = "", Hup,
        "as RStudio Workbench";
    /// Minutes without use after which a session ends; 0 for never.
    ///
    /// What a person does is use, and so is a computation or a transfer under way. An open tab that only polls is none. RStudio is
    /// suspended instead, while session-timeout-suspend is 1.
    "session-timeout-minutes" session_timeout_minutes: Int<0, 525600> = "120", Hup,
        "as RStudio Server: memory comes back, a lunch break loses nothing";
    /// Suspend a session of RStudio that its time is up for, instead of ending it.
    ///
    /// It saves its state, and has it again when it is resumed. One in which something runs isn't suspended and is asked again every
    /// minute. No other IDE can: their sessions end.
    "session-timeout-suspend" session_timeout_suspend: Bool = "1", Hup,
        "as RStudio Server: nothing is lost";
    /// Minutes without a browser after which a session ends; 0 for never.
    ///
    /// As session-timeout-minutes, but an open page counts, also one before which nobody sits.
    "session-disconnected-timeout-minutes" session_disconnected_timeout_minutes: Int<0, 525600> = "0", Hup,
        "as RStudio Server: who closes the laptop at the office opens it again at home";
    /// Hours without a person's act after which a session ends, even while it computes; 0 for never.
    ///
    /// In vscode.conf it is said for VS Code alone; profiles goes before both.
    "session-timeout-kill-hours" session_timeout_kill_hours: Int<0, 87600> = "0", Hup,
        "as RStudio Workbench: a long computation is what such a machine is for";

    /// What of consoles and terminals is recorded; empty for what rserver.conf says.
    ///
    /// In `profiles` it is said for some people.
    "audit-r-console" audit_r_console: OptionalConsoleAudit = "", Hup,
        "one rule for everybody, in rserver.conf, unless somebody is named";
}

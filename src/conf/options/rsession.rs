//! Options of `rsession.conf` that do something.

use crate::option::options;
use crate::value::{Bool, Colons, Int, OptionalInt, OptionalPortRange};

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
    /// Publish to services outside.
    "allow-external-publish" allow_external_publish: Bool = "1", Hup,
        "as RStudio Workbench";
    /// Version control (git) through the IDE.
    "allow-vcs" allow_vcs: Bool = "1", Hup,
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
    /// What a person does is use, and so is a computation under way. An open tab that only polls is none.
    "session-timeout-minutes" session_timeout_minutes: Int<0, 525600> = "120", Hup,
        "as RStudio Server: memory comes back, a lunch break loses nothing";
}

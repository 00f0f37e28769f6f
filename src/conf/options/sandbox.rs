//! Options of `portcullis.conf` about what the kernel holds: what a session reaches, and how much of the machine it takes.

use crate::option::options;
use crate::value::{Bool, Colons, Int, SandboxWord, SessionNetworkList};

options! {
    /// What the kernel holds.
    Confinement, "What the kernel holds";

    /// Whether the kernel confines sessions: `auto`, `required` or `off`.
    ///
    /// `auto` takes what this machine has, and `portcullis doctor` says what it lacks. `required` starts no session in which a
    /// flag or a rule would not be held by the kernel because something is missing. `off` leaves all of it to the proxy.
    "session-sandbox" session_sandbox: SandboxWord = "auto", NewSessions,
        "an old kernel lowers what is promised, and says so; whether that is enough, only the administrator knows";
    /// What sessions may connect to: `all`, `loopback`, `none`, or a list of networks.
    ///
    /// A network is an address with a prefix and ports where they matter: `10.0.0.0/8`, `192.0.2.7:443`,
    /// `[2001:db8::/32]:8000-8099`. `loopback` is what listens at this machine's 127.0.0.0/8 and ::1, not at its other addresses; it
    /// may stand in a list, and should where JupyterLab is used, which talks to its kernels there. `none` is a network of the
    /// session's own with nothing in it. The kernel sees addresses, not names: a list needs the name server too
    /// (`192.0.2.53:53`). Whatever is allowed, the ports of session-port-range and what listens in other people's sessions are
    /// closed. Also in a section of profiles.
    "session-network" session_network: SessionNetworkList = "all", NewSessions,
        "packages and data come from the network, and a flag of its own takes that away from those who named it";
    /// Let sessions reach the addresses at which clouds hand out a machine's own credentials.
    ///
    /// 169.254.169.254, fd00:ec2::254 and their like.
    "session-metadata" session_metadata: Bool = "0", NewSessions,
        "whoever runs code there would hold the machine's rights in the cloud, not their own";
    /// Let others than this machine's programs connect to what listens in a session.
    ///
    /// Without it, what a session opens on all addresses (an application under development, a viewer) is reached from this machine
    /// only. Also in a section of profiles.
    "session-listen" session_listen: Bool = "0", NewSessions,
        "who reaches a program in a session is decided by the proxy, which asks who it is; another door asks nobody";
    /// Further programs that sessions may run when allow-shell is 0.
    ///
    /// Absolute paths, separated by `:`; a folder stands for all files in it. A program that runs others on demand (an editor, a
    /// debugger, a shell by another name) gives a shell back. Also in a section of profiles.
    "session-programs" session_programs: Colons = "", NewSessions,
        "the IDE's own programs, R, Python and git are enough to compute";
    /// Further folders or files that code may read when restrict-directory-view is 1.
    ///
    /// For what code needs and people needn't see: the IDE's own pages don't show them, directory-view-allow-list is for that.
    /// Absolute paths, separated by `:`. Also in a section of profiles.
    "session-folders" session_folders: Colons = "", NewSessions,
        "the system's own folders are readable anyway; where else libraries lie, only the administrator knows";
    /// Megabytes of temporary files of a session: /tmp, /var/tmp and /dev/shm together.
    ///
    /// They are the session's own and are held in memory, so they count against max-memory-mb too.
    "session-tmp-mb" session_tmp_mb: Int<1, 1048576> = "1024", NewSessions,
        "R and pip unpack into it; more than that belongs into a home directory";
    /// Let set-user-ID programs such as sudo keep their effect in sessions.
    ///
    /// Everything else holds for what they start too. Also in a section of profiles.
    "allow-sudo" allow_sudo: Bool = "0", NewSessions,
        "an IDE needs none of them, and each is a way to root if it has a defect";
    /// Whether every program that a session starts is recorded: `auto`, `off` or `required`.
    ///
    /// By the kernel's audit system, which is not there in most containers. `required` starts no session without it.
    "audit-programs" audit_programs: SandboxWord = "auto", NewSessions,
        "who ran what is asked after an incident, not before";

    /// Record what file permissions and limits refuse to sessions, too.
    ///
    /// What Landlock and the filter for system calls refuse is recorded anyway. This adds what fails by an owner and a mode, by a
    /// full disk or by a limit: rules of the kernel's audit system that look at every system call of sessions.
    "audit-refusals" audit_refusals: Bool = "0", Hup,
        "they cost every system call some 0.3 µs, a twentieth of work with many small files";

    /// Memory in megabytes of all sessions of a person together; 0 for no limit.
    ///
    /// By a control group, so also for processes that left the session's. Also in a section of profiles.
    "user-max-memory-mb" user_max_memory_mb: Int<0, 4294967295> = "0", NewSessions,
        "how much a machine has to share, only the administrator knows";
    /// Processes and threads of all sessions of a person together; 0 for no limit.
    ///
    /// Also in a section of profiles.
    "user-max-processes" user_max_processes: Int<0, 4194304> = "0", NewSessions,
        "as PAM's own limits, which hold beside it";
    /// Hundredths of a processor for all sessions of a person together; 0 for no limit.
    ///
    /// 250 is two processors and a half. Also in a section of profiles.
    "user-max-processor-percent" user_max_processor_percent: Int<0, 100000> = "0", NewSessions,
        "the kernel shares processors fairly while all are wanted";
}

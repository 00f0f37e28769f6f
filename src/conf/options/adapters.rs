//! Options of a section of `adapters.conf`; a built-in IDE's has `route` only.

use crate::adapters::{
    Command, EnvironmentLine, ListenWord, People, PrefixWord, ProbePath, RouteLine, Title, WorkingDir,
};
use crate::option::options;
use crate::value::Each;

options! {
    /// A declared application.
    App, "Options of a section";

    /// What people read on the button that starts it.
    "title" title: Title = "", Hup,
        "the name in the section is understood too";
    /// Program and arguments; the program by its absolute path.
    ///
    /// No shell reads it: white space separates words, `"…"` keeps words together. `{socket}` is the Unix socket it must listen on,
    /// `{base-url}` the path under which people reach it (without a slash at its end), `{home}` the person's home,
    /// `{session-dir}` a private directory that goes with the session. Arguments can be read by everybody on the machine.
    "command" command: Command = "", NewSessions,
        "nobody can guess it";
    /// What the application can listen on.
    ///
    /// With `tcp` it is not started: every account of the machine could reach it. That changes when sessions have a network of
    /// their own.
    "listen" listen: ListenWord = "unix", NewSessions,
        "only the person's own processes reach a socket in a private directory";
    /// Whether requests keep the path under which the session is served.
    ///
    /// `strip` for applications that believe to be at `/` and whose pages use relative addresses; redirects and cookies are
    /// corrected. `keep` for those that were told `{base-url}`.
    "prefix" prefix: PrefixWord = "strip", NewSessions,
        "an application that was told nothing believes to be at `/`";
    /// The path that is asked for until it is answered with 200: then the session runs.
    ///
    /// As the application knows it: `{base-url}` is put before it with `prefix=keep`.
    "probe" probe: ProbePath = "/", NewSessions,
        "most applications have a page there";
    /// The directory it is started in.
    "working-dir" working_dir: WorkingDir = "{home}", NewSessions,
        "where a person's files are";
    /// Further variables of its environment, `NAME=value`; placeholders as in `command`.
    "environment" environment: Each<EnvironmentLine> = "", NewSessions,
        "what PAM sets and the usual ones are there anyway";
    /// Accounts that may start it; with `groups`, members of these may too.
    "users" users: People = "", Hup,
        "without `users` and `groups`, everybody who may sign in may start it";
    /// Groups whose members may start it.
    "groups" groups: People = "", Hup,
        "without `users` and `groups`, everybody who may sign in may start it";
    /// A request that is known, and what it takes.
    ///
    /// See above.
    "route" routes: Each<RouteLine> = "", Hup,
        "what is in no line is refused while a flag restricts";
}

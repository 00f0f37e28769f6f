//! Methods of the extension host that do what a flag takes away.
//!
//! Names only: their numbers change with every release. What is not here passes, because this list can't be complete: the
//! extension host runs the code of extensions, and its own start says which. It is the level *interface*, and said so.

use crate::Capability;
use crate::Capability as C;

/// A method.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) needs: &'static [Capability],
    /// Whether it is a person's act.
    pub(crate) act: bool,
}

const fn on(name: &'static str, needs: &'static [Capability], act: bool) -> Method {
    Method { name, needs, act }
}

/// What runs a command of an extension; its first argument is the command's name.
pub(crate) const EXECUTE: &str = "$executeContributedCommand";

/// The methods.
pub(crate) static METHODS: &[Method] = &[
    on("$acceptModelChanged", &[], true),
    on("$acceptDirtyStateChanged", &[], true),
    on("$acceptModelSaved", &[], true),
    on("$acceptTerminalInteraction", &[], true),
    on("$startDASession", &[C::Shell], true),
    on("$sendDAMessage", &[C::Shell], true),
    on("$runInTerminal", &[C::Shell], true),
    on("$createContributedProfileTerminal", &[C::Shell], true),
    on("$startExtensionTerminal", &[C::Shell], true),
    on("$acceptProcessInput", &[C::Shell], true),
    on("$startMcp", &[C::Shell], false),
    on("$extensionTestsExecute", &[C::Shell], true),
    on("$executeCells", &[C::ExecuteCode], true),
    on("$forwardPort", &[C::PortProxy], true),
    on("$openRemoteSocket", &[C::PortProxy], false),
    on("$remoteSocketWrite", &[C::PortProxy], false),
    on("$executeResourceCommand", &[C::Vcs], true),
    on("$openRepository", &[C::Vcs], false),
    on("$provideShare", &[C::Publish], true),
];

/// Commands of extensions by the start of their names, the longest first.
pub(crate) static COMMANDS: &[Method] = &[
    on("git.push", &[C::Vcs, C::PublishExternal], true),
    on("git.publish", &[C::Vcs, C::PublishExternal], true),
    on("git.sync", &[C::Vcs, C::PublishExternal], true),
    on("git.", &[C::Vcs], true),
    on("github.publish", &[C::Vcs, C::PublishExternal], true),
    on("github.", &[C::Vcs], true),
    on("_git.", &[C::Vcs], true),
    on("gitlens.", &[C::Vcs], true),
    on("extension.js-debug.", &[C::Shell], true),
    on("extension.node-debug.", &[C::Shell], true),
    on("npm.run", &[C::Shell], true),
    on("npm.debug", &[C::Shell], true),
    on("npm.install", &[C::Shell, C::InstallPackage], true),
];

/// The entry of a method.
pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// The entry of an extension's command.
pub(super) fn command(name: &str) -> Option<&'static Method> {
    COMMANDS.iter().find(|entry| name.starts_with(entry.name))
}

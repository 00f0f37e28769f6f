//! Terminals. The browser chooses program, arguments, environment and folder of what is started.

use super::super::command::{Command, Look, call, listen};
use crate::Capability as C;

/// The channel.
pub(in super::super) const PTY: &str = "remoteterminal";

/// The rows.
pub(super) static COMMANDS: &[Command] = &[
    call(PTY, "$input", &[C::Shell]).act().look(Look::Input),
    call(PTY, "$createProcess", &[C::Shell]).act().look(Look::Launch),
    call(PTY, "$start", &[C::Shell]),
    call(PTY, "$attachToProcess", &[C::Shell]),
    call(PTY, "$reviveTerminalProcesses", &[C::Shell]).look(Look::Unrecorded),
    call(PTY, "$processBinary", &[C::Shell]).act().look(Look::Input),
    call(PTY, "$sendSignal", &[C::Shell]).act(),
    call(PTY, "$restartPtyHost", &[C::Shell]).act(),
    call(PTY, "$installAutoReply", &[C::Shell]).look(Look::Unrecorded),
    call(PTY, "$freePortKillProcess", &[C::Shell]).act(),
    call(PTY, "$requestDetachInstance", &[C::Shell]),
    call(PTY, "$acceptDetachedInstance", &[C::Shell]),
    call(PTY, "$acceptDetachInstanceReply", &[C::Shell]),
    // What an editor asks for when it starts, shows or puts away its terminals; nothing runs by it.
    call(PTY, "$detachFromProcess", &[C::Ui]),
    call(PTY, "$shutdown", &[C::Ui]),
    call(PTY, "$resize", &[C::Ui]),
    call(PTY, "$clearBuffer", &[C::Ui]),
    call(PTY, "$acknowledgeDataEvent", &[C::Ui]),
    call(PTY, "$listProcesses", &[C::Ui]),
    call(PTY, "$getLatency", &[C::Ui]),
    call(PTY, "$getPerformanceMarks", &[C::Ui]),
    call(PTY, "$orphanQuestionReply", &[C::Ui]),
    call(PTY, "$acceptPtyHostResolvedVariables", &[C::Ui]),
    call(PTY, "$getInitialCwd", &[C::Ui]),
    call(PTY, "$getCwd", &[C::Ui]),
    call(PTY, "$sendCommandResult", &[C::Ui]),
    call(PTY, "$uninstallAllAutoReplies", &[C::Ui]),
    call(PTY, "$getDefaultSystemShell", &[C::Ui]),
    call(PTY, "$getProfiles", &[C::Ui]),
    call(PTY, "$getEnvironment", &[C::Ui]),
    call(PTY, "$getWslPath", &[C::Ui]),
    call(PTY, "$getTerminalLayoutInfo", &[C::Ui]),
    call(PTY, "$setTerminalLayoutInfo", &[C::Ui]),
    call(PTY, "$serializeTerminalState", &[C::Ui]),
    call(PTY, "$getRevivedPtyNewId", &[C::Ui]),
    call(PTY, "$setUnicodeVersion", &[C::Ui]),
    call(PTY, "$setNextCommandId", &[C::Ui]),
    call(PTY, "$reduceConnectionGraceTime", &[C::Ui]),
    call(PTY, "$updateIcon", &[C::Ui]),
    call(PTY, "$updateTitle", &[C::Ui]),
    call(PTY, "$updateProperty", &[C::Ui]),
    call(PTY, "$refreshProperty", &[C::Ui]),
    listen(PTY, "$onPtyHostExitEvent", &[C::Ui]),
    listen(PTY, "$onPtyHostStartEvent", &[C::Ui]),
    listen(PTY, "$onPtyHostUnresponsiveEvent", &[C::Ui]),
    listen(PTY, "$onPtyHostResponsiveEvent", &[C::Ui]),
    listen(PTY, "$onPtyHostRequestResolveVariablesEvent", &[C::Ui]),
    // Asked for by every page; where no terminal can be started or attached to, nothing comes.
    listen(PTY, "$onProcessDataEvent", &[C::Ui]),
    listen(PTY, "$onProcessReplayEvent", &[C::Ui]),
    listen(PTY, "$onProcessReadyEvent", &[C::Ui]),
    listen(PTY, "$onProcessExitEvent", &[C::Ui]),
    listen(PTY, "$onProcessOrphanQuestion", &[C::Ui]),
    listen(PTY, "$onExecuteCommand", &[C::Ui]),
    listen(PTY, "$onDidRequestDetach", &[C::Ui]),
    listen(PTY, "$onDidChangeProperty", &[C::Ui]),
];

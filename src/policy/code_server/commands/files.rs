//! Files: all that the editor itself reads and writes goes through this channel.

use super::super::command::{Command, Look, call, listen};
use crate::Capability as C;

const FILES: &str = "remoteFilesystem";

/// The rows.
pub(super) static COMMANDS: &[Command] = &[
    call(FILES, "stat", &[C::Browse]).paths(&[0]),
    call(FILES, "realpath", &[C::Browse]).paths(&[0]),
    call(FILES, "readdir", &[C::Browse]).paths(&[0]),
    call(FILES, "readFile", &[C::Read]).paths(&[0]).look(Look::ReadWhole),
    listen(FILES, "readFileStream", &[C::Read]).paths(&[0]).outside().look(Look::ReadStream),
    call(FILES, "open", &[C::Write]).paths(&[0]).outside().look(Look::Open),
    call(FILES, "close", &[C::Ui]),
    call(FILES, "read", &[C::Read]),
    call(FILES, "write", &[C::Write]).look(Look::WritePiece),
    call(FILES, "writeFile", &[C::Write]).paths(&[0]).outside().look(Look::WriteWhole),
    call(FILES, "rename", &[C::Write]).paths(&[0, 1]).outside(),
    call(FILES, "copy", &[C::Write]).paths(&[0, 1]).outside(),
    call(FILES, "cloneFile", &[C::Write]).paths(&[0, 1]).outside(),
    call(FILES, "mkdir", &[C::Write]).paths(&[0]).outside(),
    call(FILES, "delete", &[C::Write]).paths(&[0]).outside(),
    call(FILES, "watch", &[C::Browse]).paths(&[2]),
    call(FILES, "unwatch", &[C::Ui]),
    listen(FILES, "fileChange", &[C::Ui]),
];

//! The program itself, made for the places at which this kernel keeps what is read.
//!
//! It walks no list whose length it doesn't bound, and whatever it can't read is empty: nothing it does can fail for whoever
//! starts a program.

use std::os::fd::RawFd;

use super::super::BpfError;
use super::super::assembler::{
    Assembler, FRAME, Helper, Instruction, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Reg, When, Width,
    signed,
};
use super::super::btf::{Btf, BtfError};

/// Bytes before the names: process, parent, user, session, bytes of arguments, bytes that were read, flags, nothing.
pub(super) const HEADER: usize = FIRST as usize;
/// The same as an instruction has it.
const FIRST: i32 = 32;
/// Names in a path, with the file systems it leads through: as many as nobody needs.
const NAMES: usize = 24;
/// Bytes of a name with its zero (`NAME_MAX`).
const NAME: i32 = 256;
/// Header and two paths of so many names fit, and so many bytes of arguments after them.
const PATHS_MASK: i32 = 0x3fff;
const ARGUMENTS: i32 = 0x1fff;
/// Room to put it together, for each processor.
pub(super) const SCRATCH: u32 = 24 * 1024;

/// What is not told whole.
pub(super) mod flag {
    pub(crate) const PROGRAM: u32 = 1;
    pub(crate) const DIRECTORY: u32 = 2;
    pub(crate) const ARGUMENTS: u32 = 4;
}

/// The tables it uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables {
    pub(super) ring: RawFd,
    pub(super) lost: RawFd,
    pub(super) scratch: RawFd,
}

/// Where members stand in their structures.
#[derive(Debug)]
pub(super) struct Places {
    tgid: i16,
    parent: i16,
    session: i16,
    cred: i16,
    euid: i16,
    memory: i16,
    begin: i16,
    end: i16,
    /// Of the file that is executed.
    file: i16,
    file_mount: i16,
    file_entry: i16,
    folders: i16,
    folder_mount: i16,
    folder_entry: i16,
    name: i16,
    above: i16,
    root: i16,
    /// From a mount's outer part to the inner one, and from there to others of the outer.
    mount: i16,
    mount_above: i16,
    mount_point: i16,
}

impl Places {
    pub(super) fn of_this_kernel() -> Result<Self, BtfError> {
        let btf = Btf::kernel()?;
        let at = |of, member| btf.place(of, member);
        let (mount, entry) = (at("path", "mnt")?, at("path", "dentry")?);
        let (file, folder) = (at("file", "f_path")?, at("fs_struct", "pwd")?);
        let inner = at("mount", "mnt")?;
        Ok(Self {
            tgid: at("task_struct", "tgid")?,
            parent: at("task_struct", "real_parent")?,
            session: at("task_struct", "sessionid")?,
            cred: at("task_struct", "cred")?,
            euid: at("cred", "euid")?,
            memory: at("task_struct", "mm")?,
            begin: at("mm_struct", "arg_start")?,
            end: at("mm_struct", "arg_end")?,
            file: at("mm_struct", "exe_file")?,
            file_mount: file + mount,
            file_entry: file + entry,
            folders: at("task_struct", "fs")?,
            folder_mount: folder + mount,
            folder_entry: folder + entry,
            name: at("dentry", "d_name")? + at("qstr", "name")?,
            above: at("dentry", "d_parent")?,
            root: at("vfsmount", "mnt_root")?,
            mount: inner,
            mount_above: at("mount", "mnt_parent")? - inner,
            mount_point: at("mount", "mnt_mountpoint")? - inner,
        })
    }
}

/// Places on the stack: what was read last, the mount on the way up, the one above it, where arguments begin, a key.
mod stack {
    pub(super) const READ: i16 = -8;
    pub(super) const MOUNT: i16 = -16;
    pub(super) const MOUNT_ABOVE: i16 = -24;
    pub(super) const BEGIN: i16 = -32;
    pub(super) const KEY: i16 = -40;
}

/// Registers that calls leave alone: the process, the room, the entry on the way up, how much of the room is used.
const TASK: Reg = R6;
const ROOM: Reg = R7;
const ENTRY: Reg = R8;
const USED: Reg = R9;

/// `R0 = *(from + place)`, of the kernel's memory; 0 when it can't be read.
fn emit_read(asm: &mut Assembler, width: Width, from: Reg, place: i16) {
    asm.copy(R3, from);
    asm.add(R3, place.into());
    asm.copy(R1, FRAME);
    asm.add(R1, stack::READ.into());
    asm.set(R2, if matches!(width, Width::Word) { 4 } else { 8 });
    asm.call(Helper::ReadKernel);
    asm.load(width, R0, FRAME, stack::READ);
}

/// The whole program.
pub(super) fn program(places: &Places, tables: Tables) -> Result<Vec<Instruction>, BpfError> {
    let mut asm = Assembler::default();
    let end = asm.label();
    // The first of the tracepoint's arguments.
    asm.load(Width::Double, TASK, R1, 0);
    // Whoever never signed in is nobody of ours.
    emit_read(&mut asm, Width::Word, TASK, places.session);
    asm.copy(R8, R0);
    asm.xor_word(R0, u32::MAX);
    asm.jump_if(When::Equal, R0, 0, end);
    emit_lookup(&mut asm, tables.scratch, end);
    asm.copy(ROOM, R0);
    asm.store(Width::Word, ROOM, 12, R8);
    emit_read(&mut asm, Width::Word, TASK, places.tgid);
    asm.store(Width::Word, ROOM, 0, R0);
    emit_read(&mut asm, Width::Double, TASK, places.parent);
    asm.copy(R8, R0);
    emit_read(&mut asm, Width::Word, R8, places.tgid);
    asm.store(Width::Word, ROOM, 4, R0);
    emit_read(&mut asm, Width::Double, TASK, places.cred);
    asm.copy(R8, R0);
    emit_read(&mut asm, Width::Word, R8, places.euid);
    asm.store(Width::Word, ROOM, 8, R0);
    asm.store_constant(Width::Double, ROOM, 24, 0);
    asm.set(USED, FIRST);

    emit_read(&mut asm, Width::Double, TASK, places.memory);
    asm.copy(R8, R0);
    emit_read(&mut asm, Width::Double, R8, places.file);
    emit_path(&mut asm, places, (places.file_mount, places.file_entry), flag::PROGRAM);
    emit_read(&mut asm, Width::Double, TASK, places.folders);
    emit_path(&mut asm, places, (places.folder_mount, places.folder_entry), flag::DIRECTORY);
    emit_arguments(&mut asm, places);

    asm.set_map(R1, tables.ring);
    asm.copy(R2, ROOM);
    asm.copy(R3, USED);
    asm.set(R4, 0);
    asm.call(Helper::RingOutput);
    asm.jump_if(When::Equal, R0, 0, end);
    emit_lookup(&mut asm, tables.lost, end);
    asm.set(R1, 1);
    asm.count(R0, R1);
    asm.bind(end);
    asm.set(R0, 0);
    asm.exit();
    asm.finish()
}

/// `R0 =` the one value of a table.
fn emit_lookup(asm: &mut Assembler, table: RawFd, otherwise: Label) {
    asm.store_constant(Width::Word, FRAME, stack::KEY, 0);
    asm.set_map(R1, table);
    asm.copy(R2, FRAME);
    asm.add(R2, stack::KEY.into());
    asm.call(Helper::MapLookup);
    asm.jump_if(When::Equal, R0, 0, otherwise);
}

/// Writes the names of a path, the last one first, and an empty one. `R0` is what holds the path, at these places its mount and its
/// entry.
fn emit_path(asm: &mut Assembler, places: &Places, (mount, entry): (i16, i16), flag: u32) {
    let (cut, done) = (asm.label(), asm.label());
    asm.copy(R8, R0);
    emit_read(asm, Width::Double, R8, mount);
    asm.store(Width::Double, FRAME, stack::MOUNT, R0);
    emit_read(asm, Width::Double, R8, entry);
    asm.copy(ENTRY, R0);
    for _ in 0..NAMES {
        let (cross, next) = (asm.label(), asm.label());
        asm.load(Width::Double, R3, FRAME, stack::MOUNT);
        emit_read(asm, Width::Double, R3, places.root);
        asm.jump_if_same(R0, ENTRY, cross);
        // A name. It comes first in the code, so that the kernel's check has seen the larger case when it comes to the other.
        emit_read(asm, Width::Double, ENTRY, places.name);
        asm.copy(R3, R0);
        asm.copy(R1, ROOM);
        asm.add_register(R1, USED);
        asm.set(R2, NAME);
        asm.call(Helper::ReadKernelText);
        asm.jump_if(When::Less, R0, 1, cut);
        asm.jump_if(When::Above, R0, NAME, cut);
        asm.add_register(USED, R0);
        asm.and(USED, PATHS_MASK);
        emit_read(asm, Width::Double, ENTRY, places.above);
        // What is above itself without being the root of anything was never in a folder.
        asm.jump_if_same(R0, ENTRY, cut);
        asm.copy(ENTRY, R0);
        asm.jump(next);
        asm.bind(cross);
        // The root of a file system: on at the place where it is mounted, unless nothing is above.
        asm.load(Width::Double, R3, FRAME, stack::MOUNT);
        emit_read(asm, Width::Double, R3, places.mount_above);
        asm.store(Width::Double, FRAME, stack::MOUNT_ABOVE, R0);
        asm.load(Width::Double, R1, FRAME, stack::MOUNT);
        asm.add(R1, -i32::from(places.mount));
        asm.jump_if_same(R1, R0, done);
        asm.load(Width::Double, R3, FRAME, stack::MOUNT);
        emit_read(asm, Width::Double, R3, places.mount_point);
        asm.copy(ENTRY, R0);
        asm.load(Width::Double, R0, FRAME, stack::MOUNT_ABOVE);
        asm.add(R0, places.mount.into());
        asm.store(Width::Double, FRAME, stack::MOUNT, R0);
        asm.bind(next);
    }
    asm.bind(cut);
    asm.load(Width::Word, R1, ROOM, 24);
    asm.add(R1, signed(flag));
    asm.store(Width::Word, ROOM, 24, R1);
    asm.bind(done);
    asm.copy(R1, ROOM);
    asm.add_register(R1, USED);
    asm.store_constant(Width::Byte, R1, 0, 0);
    asm.add(USED, 1);
    asm.and(USED, PATHS_MASK);
}

/// Writes the arguments as they stand in the new memory.
fn emit_arguments(asm: &mut Assembler, places: &Places) {
    let (short, read) = (asm.label(), asm.label());
    emit_read(asm, Width::Double, TASK, places.memory);
    asm.copy(R8, R0);
    emit_read(asm, Width::Double, R8, places.begin);
    asm.store(Width::Double, FRAME, stack::BEGIN, R0);
    emit_read(asm, Width::Double, R8, places.end);
    asm.copy(R8, R0);
    asm.load(Width::Double, R1, FRAME, stack::BEGIN);
    asm.subtract(R8, R1);
    asm.store(Width::Word, ROOM, 16, R8);
    asm.jump_if(When::Below, R8, ARGUMENTS, short);
    asm.set(R8, ARGUMENTS);
    asm.bind(short);
    asm.and(R8, ARGUMENTS);
    asm.copy(R1, ROOM);
    asm.add_register(R1, USED);
    asm.copy(R2, R8);
    asm.load(Width::Double, R3, FRAME, stack::BEGIN);
    asm.call(Helper::ReadUser);
    asm.jump_if(When::Equal, R0, 0, read);
    asm.set(R8, 0);
    asm.load(Width::Word, R1, ROOM, 24);
    asm.add(R1, signed(flag::ARGUMENTS));
    asm.store(Width::Word, ROOM, 24, R1);
    asm.bind(read);
    asm.store(Width::Word, ROOM, 20, R8);
    asm.add_register(USED, R8);
}

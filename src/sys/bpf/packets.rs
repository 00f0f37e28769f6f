//! Programs that look at packets: what leaves the sockets of a group, and what comes to them from outside this machine.
//!
//! They answer 1 to let a packet pass and 0 to drop it; what they don't understand is dropped. Called by
//! [`compile`](super::compile).

use super::BpfError;
use super::addresses::{Judge, NO_PORT};
use super::assembler::{
    Assembler, FRAME, Helper, Instruction, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, When, Width, signed,
};
use super::denials::{PACKET, Told, at as event, emit_tell};
use super::programs::ends;

/// Numbers of folders of the version 2 hierarchy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbours {
    /// Holds the groups of all sessions, and nothing else.
    pub(super) all: u64,
    /// Below it, holds those of one user.
    pub(super) own: u64,
}

/// Places in `struct __sk_buff`.
mod at {
    pub(super) const PROTOCOL: i16 = 16;
    pub(super) const INGRESS_INTERFACE: i16 = 36;
    pub(super) const INTERFACE: i16 = 40;
}

/// Places on the stack.
mod stack {
    /// The packet's header.
    pub(super) const HEADER: i16 = -40;
    /// Flags of TCP, one byte.
    pub(super) const FLAGS: i16 = -43;
    /// Protocol above IP, one byte.
    pub(super) const PROTOCOL: i16 = -44;
    /// The ports of the packet: first its source, then its destination. Ends [`REMOTE`].
    pub(super) const PORTS: i16 = -48;
    /// The other end's address as one of IPv6, and the ports: the key of the table of answers.
    pub(super) const REMOTE: i16 = -64;
    /// What a socket is looked for by.
    pub(super) const TUPLE: i16 = -104;
    /// What stands in the table of answers: nothing of interest.
    pub(super) const VALUE: i16 = -112;
}

/// Bytes of a key in the table of answers.
pub(super) const KEY: u32 = 20;
/// Bytes of a value in it.
pub(super) const VALUE: u32 = 8;

/// Number of the loopback interface in every network namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: i32 = 1;
/// Flags of TCP: the first packet of a connection has the one, and not both.
const SYN: i32 = 0x02;
const SYN_OR_ACK: u32 = 0x12;
const TCP: i32 = 6;
const UDP: i32 = 17;
/// TCP, UDP, DCCP, SCTP, UDP-Lite: two ports stand first.
const WITH_PORTS: [i32; 5] = [TCP, UDP, 33, 132, 136];
/// ICMP and ICMPv6, for `ping`: only answers reach an unprivileged socket.
const ICMP: [i32; 2] = [1, 58];
/// Headers between IPv6 and what it carries, behind which a port could hide: hop-by-hop options, routing, fragment, ESP,
/// authentication, destination options, mobility, HIP, shim6.
const EXTENSIONS: [i32; 9] = [0, 43, 44, 50, 51, 60, 135, 139, 140];
/// Depth of groups that is looked through for the sessions' folder.
const LEVELS: i32 = 12;

/// Which end of a packet is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remote {
    Source,
    Destination,
}

/// What leaves: addresses and ports by the rules, listeners of neighbours, and who may answer later.
pub(super) fn outgoing(
    judge: &Judge,
    neighbours: Option<Neighbours>,
    table: Option<i32>,
    told: Option<Told>,
) -> Result<Vec<Instruction>, BpfError> {
    let mut asm = Assembler::default();
    let (allow, deny) = (asm.label(), asm.label());
    let (refuse, outside) = (asm.label(), asm.label());
    emit_begin(&mut asm, at::INTERFACE);
    for six in [false, true] {
        let (other, allowed) = (asm.label(), asm.label());
        emit_header(&mut asm, six, Remote::Destination, other, deny);
        emit_first(&mut asm, judge, allow, refuse, deny);
        emit_destination(&mut asm, six);
        judge.emit(&mut asm, six, true, allowed, refuse);
        asm.bind(allowed);
        asm.jump_if(When::Equal, R8, 0, outside);
        if let Some(groups) = neighbours {
            emit_neighbours(&mut asm, six, groups, allow, refuse);
        } else {
            asm.jump(allow);
        }
        asm.bind(other);
    }
    asm.jump(deny);
    asm.bind(outside);
    if let Some(table) = table {
        asm.load(Width::Byte, R2, FRAME, stack::PROTOCOL);
        asm.jump_if(When::NotEqual, R2, UDP, allow);
        emit_find(&mut asm, table);
        asm.jump_if(When::NotEqual, R0, 0, allow);
        asm.store_constant(Width::Double, FRAME, stack::VALUE, 0);
        asm.set_map(R1, table);
        emit_place(&mut asm, R2, stack::REMOTE);
        emit_place(&mut asm, R3, stack::VALUE);
        asm.set(R4, 0);
        asm.call(Helper::MapUpdate);
    }
    asm.jump(allow);
    asm.bind(refuse);
    if let Some(told) = told {
        emit_refusal(&mut asm, told);
    }
    asm.jump(deny);
    ends(&mut asm, allow, deny);
    asm.finish()
}

/// Tells where the packet was to go: its event takes the place of what sockets are looked for by.
fn emit_refusal(asm: &mut Assembler, told: Told) {
    for word in [0, 8] {
        asm.load(Width::Double, R2, FRAME, stack::REMOTE + word);
        asm.store(Width::Double, FRAME, stack::TUPLE + word, R2);
    }
    asm.load(Width::Half, R2, FRAME, stack::PORTS + 2);
    asm.store(Width::Half, FRAME, stack::TUPLE + event::PORT, R2);
    asm.store_constant(Width::Half, FRAME, stack::TUPLE + event::WHAT, 0);
    asm.store_constant(Width::Byte, FRAME, stack::TUPLE + event::WHAT, PACKET);
    asm.store_constant(Width::Word, FRAME, stack::TUPLE + event::REST, 0);
    emit_tell(asm, told, stack::TUPLE, stack::VALUE);
}

/// On this machine a connection was judged by its first packet: what comes later answers, be it whoever began.
fn emit_first(asm: &mut Assembler, judge: &Judge, allow: Label, refuse: Label, deny: Label) {
    let others = asm.label();
    asm.jump_if(When::Equal, R8, 0, others);
    asm.load(Width::Byte, R2, FRAME, stack::PROTOCOL);
    asm.jump_if(When::NotEqual, R2, TCP, others);
    emit_flags(asm, deny);
    asm.and_word(R2, SYN_OR_ACK);
    asm.jump_if(When::NotEqual, R2, SYN, allow);
    judge.emit_own_ports(asm, refuse);
    asm.bind(others);
}

/// What comes: from this machine everything, from outside answers alone.
pub(super) fn incoming(table: i32) -> Result<Vec<Instruction>, BpfError> {
    let mut asm = Assembler::default();
    let (allow, deny, read) = (asm.label(), asm.label(), asm.label());
    emit_begin(&mut asm, at::INGRESS_INTERFACE);
    asm.jump_if(When::NotEqual, R8, 0, allow);
    for six in [false, true] {
        let other = asm.label();
        emit_header(&mut asm, six, Remote::Source, other, deny);
        asm.jump(read);
        asm.bind(other);
    }
    asm.jump(deny);
    asm.bind(read);
    asm.load(Width::Byte, R2, FRAME, stack::PROTOCOL);
    for protocol in ICMP {
        asm.jump_if(When::Equal, R2, protocol, allow);
    }
    let datagram = asm.label();
    asm.jump_if(When::Equal, R2, UDP, datagram);
    asm.jump_if(When::NotEqual, R2, TCP, deny);
    emit_flags(&mut asm, deny);
    asm.and_word(R2, SYN_OR_ACK);
    asm.jump_if(When::Equal, R2, SYN, deny);
    asm.jump(allow);
    asm.bind(datagram);
    // The table has our own packets' ports: ours first.
    asm.load(Width::Half, R2, FRAME, stack::PORTS);
    asm.load(Width::Half, R3, FRAME, stack::PORTS + 2);
    asm.store(Width::Half, FRAME, stack::PORTS, R3);
    asm.store(Width::Half, FRAME, stack::PORTS + 2, R2);
    emit_find(&mut asm, table);
    asm.jump_if(When::Equal, R0, 0, deny);
    ends(&mut asm, allow, deny);
    asm.finish()
}

/// Register 6 is the packet, register 8 whether it stays on this machine, register 7 the protocol of its link.
fn emit_begin(asm: &mut Assembler, interface: i16) {
    let same = asm.label();
    asm.copy(R6, R1);
    asm.load(Width::Word, R2, R6, interface);
    asm.set(R8, 1);
    asm.jump_if(When::Equal, R2, LOOPBACK, same);
    asm.set(R8, 0);
    asm.bind(same);
    asm.load(Width::Word, R7, R6, at::PROTOCOL);
    asm.host_order(R7, 16);
}

/// Reads header and ports to the stack. Afterwards register 7 is where the transport's header begins, and register 9 the port of
/// the destination. Goes to `other` when it is of another family, to `deny` when it can't be read.
fn emit_header(asm: &mut Assembler, six: bool, remote: Remote, other: Label, deny: Label) {
    let (link, version, length, protocol) = if six { (0x86dd, 6, 40, 6) } else { (0x0800, 4, 20, 9) };
    asm.jump_if(When::NotEqual, R7, link, other);
    asm.set(R2, 0);
    emit_read(asm, stack::HEADER, length, deny);
    asm.load(Width::Byte, R7, FRAME, stack::HEADER);
    asm.copy(R2, R7);
    asm.shift_right(R2, 4);
    asm.jump_if(When::NotEqual, R2, version, deny);
    if six {
        asm.set(R7, length);
    } else {
        asm.and_word(R7, 0x0f);
        asm.shift_left(R7, 2);
        // A later fragment has no ports: only a raw socket could send one here.
        asm.load(Width::Half, R2, FRAME, stack::HEADER + 6);
        asm.host_order(R2, 16);
        asm.and_word(R2, 0x1fff);
        asm.jump_if(When::NotEqual, R2, 0, deny);
    }
    emit_remote(asm, six, remote);
    asm.load(Width::Byte, R2, FRAME, stack::HEADER + protocol);
    asm.store(Width::Byte, FRAME, stack::PROTOCOL, R2);
    let (ports, done) = (asm.label(), asm.label());
    if six {
        for extension in EXTENSIONS {
            asm.jump_if(When::Equal, R2, extension, deny);
        }
    }
    for protocol in WITH_PORTS {
        asm.jump_if(When::Equal, R2, protocol, ports);
    }
    asm.store_constant(Width::Word, FRAME, stack::PORTS, 0);
    asm.set(R9, NO_PORT);
    asm.jump(done);
    asm.bind(ports);
    asm.copy(R2, R7);
    emit_read(asm, stack::PORTS, 4, deny);
    asm.load(Width::Half, R9, FRAME, stack::PORTS + 2);
    asm.host_order(R9, 16);
    asm.bind(done);
}

/// The address of the other end, as one of IPv6.
fn emit_remote(asm: &mut Assembler, six: bool, remote: Remote) {
    let from = address_at(six, remote);
    if six {
        for word in [0, 4, 8, 12] {
            asm.load(Width::Word, R2, FRAME, from + word);
            asm.store(Width::Word, FRAME, stack::REMOTE + word, R2);
        }
    } else {
        asm.store_constant(Width::Double, FRAME, stack::REMOTE, 0);
        asm.store_constant(Width::Word, FRAME, stack::REMOTE + 8, signed(0xffff_u32.to_be()));
        asm.load(Width::Word, R2, FRAME, from);
        asm.store(Width::Word, FRAME, stack::REMOTE + 12, R2);
    }
}

/// Where an address stands in the header.
const fn address_at(six: bool, remote: Remote) -> i16 {
    stack::HEADER
        + match (six, remote) {
            (false, Remote::Source) => 12,
            (false, Remote::Destination) => 16,
            (true, Remote::Source) => 8,
            (true, Remote::Destination) => 24,
        }
}

/// The destination in registers, as [`Judge`] wants it.
fn emit_destination(asm: &mut Assembler, six: bool) {
    let from = address_at(six, Remote::Destination);
    let words = [(R2, 0), (R3, 4), (R4, 8), (R5, 12)];
    for (register, word) in words.into_iter().take(if six { 4 } else { 1 }) {
        asm.load(Width::Word, register, FRAME, from + word);
        asm.host_order(register, 32);
    }
}

/// Copies bytes of the packet, from where register 2 says.
fn emit_read(asm: &mut Assembler, to: i16, length: i32, deny: Label) {
    asm.copy(R1, R6);
    emit_place(asm, R3, to);
    asm.set(R4, length);
    asm.call(Helper::LoadBytes);
    asm.jump_if(When::NotEqual, R0, 0, deny);
}

/// The flags of TCP in register 2.
fn emit_flags(asm: &mut Assembler, deny: Label) {
    asm.copy(R2, R7);
    asm.add(R2, 13);
    emit_read(asm, stack::FLAGS, 1, deny);
    asm.load(Width::Byte, R2, FRAME, stack::FLAGS);
}

fn emit_place(asm: &mut Assembler, register: super::assembler::Reg, place: i16) {
    asm.copy(register, FRAME);
    asm.add(register, place.into());
}

/// Looks the other end and the ports up in the table of answers.
fn emit_find(asm: &mut Assembler, table: i32) {
    asm.set_map(R1, table);
    emit_place(asm, R2, stack::REMOTE);
    asm.call(Helper::MapLookup);
}

/// Denies what goes to a socket of a session of another user: the first packet of a connection, and each datagram.
fn emit_neighbours(asm: &mut Assembler, six: bool, groups: Neighbours, allow: Label, deny: Label) {
    let (from, ends_length) = if six { (stack::HEADER + 8, 32) } else { (stack::HEADER + 12, 8) };
    for word in (0..ends_length).step_by(4) {
        asm.load(Width::Word, R2, FRAME, from + word);
        asm.store(Width::Word, FRAME, stack::TUPLE + word, R2);
    }
    asm.load(Width::Word, R2, FRAME, stack::PORTS);
    asm.store(Width::Word, FRAME, stack::TUPLE + ends_length, R2);
    let (datagram, found) = (asm.label(), asm.label());
    asm.load(Width::Byte, R2, FRAME, stack::PROTOCOL);
    asm.jump_if(When::Equal, R2, UDP, datagram);
    asm.jump_if(When::NotEqual, R2, TCP, allow);
    emit_socket(asm, Helper::LookupTcp, ends_length);
    asm.jump(found);
    asm.bind(datagram);
    emit_socket(asm, Helper::LookupUdp, ends_length);
    asm.bind(found);
    asm.jump_if(When::Equal, R0, 0, allow);
    asm.copy(R9, R0);
    let (ours, anothers) = (asm.label(), asm.label());
    for level in 0..LEVELS {
        let deeper = asm.label();
        emit_ancestor(asm, level);
        asm.jump_if(When::Equal, R0, 0, ours);
        asm.set_wide(R1, groups.all);
        let here = asm.label();
        asm.jump_if_same(R0, R1, here);
        asm.jump(deeper);
        asm.bind(here);
        emit_ancestor(asm, level + 1);
        asm.jump_if(When::Equal, R0, 0, ours);
        asm.set_wide(R1, groups.own);
        asm.jump_if_same(R0, R1, ours);
        asm.jump(anothers);
        asm.bind(deeper);
    }
    for (label, end) in [(ours, allow), (anothers, deny)] {
        asm.bind(label);
        asm.copy(R1, R9);
        asm.call(Helper::Release);
        asm.jump(end);
    }
}

fn emit_socket(asm: &mut Assembler, helper: Helper, ends_length: i16) {
    asm.copy(R1, R6);
    emit_place(asm, R2, stack::TUPLE);
    asm.set(R3, i32::from(ends_length) + 4);
    // This network namespace (BPF_F_CURRENT_NETNS).
    asm.set(R4, -1);
    asm.set(R5, 0);
    asm.call(helper);
}

fn emit_ancestor(asm: &mut Assembler, level: i32) {
    asm.copy(R1, R9);
    asm.set(R2, level);
    asm.call(Helper::AncestorGroup);
}

//! Programs that look at system calls: where to (`connect`, `sendto`, `sendmsg`), and what kind of socket.
//!
//! They answer 1 for yes and 0 for `EPERM`. Called by [`compile`](super::compile).

use super::BpfError;
use super::addresses::Judge;
use super::assembler::{
    Assembler, FRAME, Instruction, Label, R0, R1, R2, R3, R4, R5, R6, R8, R9, Reg, When, Width, signed,
};
use super::denials::{CALL, Told, at as event, emit_tell};

/// Places in `struct bpf_sock_addr`.
mod at {
    pub(super) const IP4: i16 = 4;
    pub(super) const IP6: [i16; 4] = [8, 12, 16, 20];
    pub(super) const PORT: i16 = 24;
    pub(super) const PROTOCOL: i16 = 36;
}

/// Places in `struct bpf_sock`.
mod of_socket {
    pub(super) const TYPE: i16 = 8;
    pub(super) const PROTOCOL: i16 = 12;
}

const UDP: i32 = 17;
const LOCALHOST: u32 = 0x7f00_0001;

/// `connect4`, `sendmsg4`, or with `six` their like for IPv6.
pub(super) fn address(judge: &Judge, six: bool, told: Option<Told>) -> Result<Vec<Instruction>, BpfError> {
    let mut asm = Assembler::default();
    let (allow, deny, refuse4, refuse6) = (asm.label(), asm.label(), asm.label(), asm.label());
    asm.copy(R6, R1);
    asm.load(Width::Word, R9, R6, at::PORT);
    asm.host_order(R9, 16);
    // What is sent to a port of this machine by UDP may be an answer to whoever came from it.
    let stream = asm.label();
    asm.load(Width::Word, R1, R6, at::PROTOCOL);
    asm.set(R8, 1);
    asm.jump_if(When::NotEqual, R1, UDP, stream);
    asm.set(R8, 0);
    asm.bind(stream);
    if six {
        let (of_six, mapped) = (asm.label(), asm.label());
        for (register, place) in [R2, R3, R4, R5].into_iter().zip(at::IP6) {
            asm.load(Width::Word, register, R6, place);
            asm.host_order(register, 32);
        }
        asm.jump_if(When::NotEqual, R2, 0, of_six);
        asm.jump_if(When::NotEqual, R3, 0, of_six);
        asm.jump_if(When::Equal, R4, 0xffff, mapped);
        asm.jump_if(When::NotEqual, R4, 0, of_six);
        asm.jump_if(When::NotEqual, R5, 0, of_six);
        // `::` is where this machine listens for itself: the kernel connects to `::1` (tcp_v6_connect).
        asm.set(R5, 1);
        asm.bind(of_six);
        judge.emit(&mut asm, true, false, allow, refuse6);
        asm.bind(mapped);
        asm.copy(R2, R5);
    } else {
        asm.load(Width::Word, R2, R6, at::IP4);
        asm.host_order(R2, 32);
    }
    let some = asm.label();
    asm.jump_if(When::NotEqual, R2, 0, some);
    // And `0.0.0.0` is 127.0.0.1 (ip_route_output_key).
    asm.set(R2, signed(LOCALHOST));
    asm.bind(some);
    judge.emit(&mut asm, false, false, allow, refuse4);
    asm.bind(refuse4);
    if told.is_some() {
        emit_event(&mut asm, &[R2]);
    }
    let tell = asm.label();
    asm.jump(tell);
    asm.bind(refuse6);
    if told.is_some() {
        emit_event(&mut asm, &[R2, R3, R4, R5]);
    }
    asm.bind(tell);
    if let Some(told) = told {
        asm.host_order(R9, 16);
        asm.store(Width::Half, FRAME, EVENT + event::PORT, R9);
        asm.store_constant(Width::Half, FRAME, EVENT + event::WHAT, 0);
        asm.store_constant(Width::Byte, FRAME, EVENT + event::WHAT, CALL);
        asm.store_constant(Width::Word, FRAME, EVENT + event::REST, 0);
        emit_tell(&mut asm, told, EVENT, TIME);
    }
    asm.jump(deny);
    ends(&mut asm, allow, deny);
    asm.finish()
}

/// Places on the stack.
const EVENT: i16 = -24;
const TIME: i16 = -32;

/// The address in registers, as one of IPv6, to the event.
fn emit_event(asm: &mut Assembler, words: &[Reg]) {
    if words.len() == 1 {
        asm.store_constant(Width::Double, FRAME, EVENT, 0);
        asm.store_constant(Width::Word, FRAME, EVENT + 8, signed(0xffff_u32.to_be()));
    }
    for (word, place) in words.iter().rev().zip([12, 8, 4, 0]) {
        asm.host_order(*word, 32);
        asm.store(Width::Word, FRAME, EVENT + place, *word);
    }
}

/// Which sockets there are where only some destinations are allowed: those whose packets are understood.
pub(super) fn socket() -> Result<Vec<Instruction>, BpfError> {
    /// TCP, UDP, ICMP (as unprivileged `ping` has it), ICMPv6, MPTCP.
    const PROTOCOLS: [i32; 5] = [6, 17, 1, 58, 262];
    const STREAM: i32 = 1;
    const DATAGRAM: i32 = 2;
    let mut asm = Assembler::default();
    let (allow, deny, known) = (asm.label(), asm.label(), asm.label());
    asm.load(Width::Word, R2, R1, of_socket::TYPE);
    asm.load(Width::Word, R3, R1, of_socket::PROTOCOL);
    asm.jump_if(When::Equal, R2, STREAM, known);
    asm.jump_if(When::NotEqual, R2, DATAGRAM, deny);
    asm.bind(known);
    for protocol in PROTOCOLS {
        asm.jump_if(When::Equal, R3, protocol, allow);
    }
    asm.jump(deny);
    ends(&mut asm, allow, deny);
    asm.finish()
}

/// The two answers.
pub(super) fn ends(asm: &mut Assembler, allow: Label, deny: Label) {
    asm.bind(allow);
    asm.set(R0, 1);
    asm.exit();
    asm.bind(deny);
    asm.set(R0, 0);
    asm.exit();
}

//! Instructions of the kernel's machine (`bpf(2)`, RFC 9669), put together one by one, with labels for jumps forward.
//!
//! It knows nothing of what a program is for, and makes no loop: a label is bound after the jumps to it. Called by
//! [`programs`](super::programs) alone.

use super::BpfError;

/// A register of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reg(u8);

pub(super) const R0: Reg = Reg(0);
pub(super) const R1: Reg = Reg(1);
pub(super) const R2: Reg = Reg(2);
pub(super) const R3: Reg = Reg(3);
pub(super) const R4: Reg = Reg(4);
pub(super) const R5: Reg = Reg(5);
pub(super) const R6: Reg = Reg(6);
pub(super) const R7: Reg = Reg(7);
pub(super) const R8: Reg = Reg(8);
pub(super) const R9: Reg = Reg(9);
/// The end of the stack, which grows downwards.
pub(super) const FRAME: Reg = Reg(10);

/// Width of a load or a store.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Width {
    Word = 0x00,
    Half = 0x08,
    Byte = 0x10,
    Double = 0x18,
}

/// When a jump is taken. Comparisons are of 64 bits, with the constant extended by its sign.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum When {
    Equal = 0x10,
    Above = 0x20,
    NotEqual = 0x50,
    Below = 0xa0,
    /// Below, where both have a sign.
    Less = 0xc0,
}

/// What the kernel does for a program.
#[derive(Debug, Clone, Copy)]
#[repr(i32)]
pub(super) enum Helper {
    MapLookup = 1,
    MapUpdate = 2,
    Time = 5,
    LoadBytes = 26,
    LookupTcp = 84,
    LookupUdp = 85,
    Release = 86,
    AncestorGroup = 129,
    ReadUser = 112,
    ReadKernel = 113,
    ReadKernelText = 115,
    RingOutput = 130,
}

/// The same bits, for the constants of instructions.
pub(super) const fn signed(bits: u32) -> i32 {
    i32::from_ne_bytes(bits.to_ne_bytes())
}

/// The same bits.
pub(super) const fn unsigned(bits: i32) -> u32 {
    u32::from_ne_bytes(bits.to_ne_bytes())
}

/// A place to jump to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// One instruction, as the kernel reads it (`struct bpf_insn`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    constant: i32,
}

/// A program that grows.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    code: Vec<Instruction>,
    /// Where each label stands.
    labels: Vec<Option<usize>>,
    /// Jumps whose distance is written at the end.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    fn push(&mut self, code: u8, to: Reg, from: Reg, offset: i16, constant: i32) {
        // Two fields of four bits, in the order of the machine's own bits.
        let registers = if cfg!(target_endian = "little") { from.0 << 4 | to.0 } else { to.0 << 4 | from.0 };
        self.code.push(Instruction { code, registers, offset, constant });
    }

    /// `to = constant`.
    pub(super) fn set(&mut self, to: Reg, constant: i32) {
        self.push(0xb7, to, R0, 0, constant);
    }

    /// `to = from`.
    pub(super) fn copy(&mut self, to: Reg, from: Reg) {
        self.push(0xbf, to, from, 0, 0);
    }

    /// `to = the lower half of from`.
    pub(super) fn copy_word(&mut self, to: Reg, from: Reg) {
        self.push(0xbc, to, from, 0, 0);
    }

    /// `to += constant`.
    pub(super) fn add(&mut self, to: Reg, constant: i32) {
        self.push(0x07, to, R0, 0, constant);
    }

    /// `to += from`.
    pub(super) fn add_register(&mut self, to: Reg, from: Reg) {
        self.push(0x0f, to, from, 0, 0);
    }

    /// `to -= from`.
    pub(super) fn subtract(&mut self, to: Reg, from: Reg) {
        self.push(0x1f, to, from, 0, 0);
    }

    /// `to &= constant`, of the lower half alone.
    pub(super) fn and_word(&mut self, to: Reg, constant: u32) {
        self.push(0x54, to, R0, 0, signed(constant));
    }

    /// `to &= constant`.
    pub(super) fn and(&mut self, to: Reg, constant: i32) {
        self.push(0x57, to, R0, 0, constant);
    }

    /// `to ^= constant`, of the lower half alone.
    pub(super) fn xor_word(&mut self, to: Reg, constant: u32) {
        self.push(0xa4, to, R0, 0, signed(constant));
    }

    /// `to >>= bits`.
    pub(super) fn shift_right(&mut self, to: Reg, bits: i32) {
        self.push(0x77, to, R0, 0, bits);
    }

    /// `to <<= bits`.
    pub(super) fn shift_left(&mut self, to: Reg, bits: i32) {
        self.push(0x67, to, R0, 0, bits);
    }

    /// Turns a number of 16 or 32 bits in the network's order into one of the machine's.
    pub(super) fn host_order(&mut self, to: Reg, bits: i32) {
        self.push(0xdc, to, R0, 0, bits);
    }

    /// `to = 64 bits`.
    pub(super) fn set_wide(&mut self, to: Reg, value: u64) {
        self.wide(to, 0, value);
    }

    /// `to = the map behind this descriptor`.
    pub(super) fn set_map(&mut self, to: Reg, descriptor: i32) {
        self.wide(to, 1, u64::from(unsigned(descriptor)));
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    fn wide(&mut self, to: Reg, kind: u8, value: u64) {
        self.push(0x18, to, Reg(kind), 0, signed(value as u32));
        self.push(0x00, R0, R0, 0, signed((value >> 32) as u32));
    }

    /// `to = *(from + offset)`.
    pub(super) fn load(&mut self, width: Width, to: Reg, from: Reg, offset: i16) {
        self.push(0x61 | width as u8, to, from, offset, 0);
    }

    /// `*(to + offset) = from`.
    pub(super) fn store(&mut self, width: Width, to: Reg, offset: i16, from: Reg) {
        self.push(0x63 | width as u8, to, from, offset, 0);
    }

    /// `*(to + offset) = constant`.
    pub(super) fn store_constant(&mut self, width: Width, to: Reg, offset: i16, constant: i32) {
        self.push(0x62 | width as u8, to, R0, offset, constant);
    }

    /// `*to += from`, at once for all processors; 64 bits.
    pub(super) fn count(&mut self, to: Reg, from: Reg) {
        self.push(0xdb, to, from, 0, 0);
    }

    /// Calls the kernel: arguments in registers 1 to 5, which are lost; the answer is in register 0.
    pub(super) fn call(&mut self, helper: Helper) {
        self.push(0x85, R0, R0, 0, helper as i32);
    }

    /// Ends the program with what is in register 0.
    pub(super) fn exit(&mut self) {
        self.push(0x95, R0, R0, 0, 0);
    }

    /// A place that is yet to come.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The place is here.
    pub(super) fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.code.len());
    }

    /// Jumps.
    pub(super) fn jump(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(0x05, R0, R0, 0, 0);
    }

    /// Jumps when a register compares so to a constant.
    pub(super) fn jump_if(&mut self, when: When, what: Reg, constant: i32, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(0x05 | when as u8, what, R0, 0, constant);
    }

    /// Jumps when two registers are equal.
    pub(super) fn jump_if_same(&mut self, one: Reg, other: Reg, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(0x1d, one, other, 0, 0);
    }

    /// The program, without what can't be reached: the kernel refuses that.
    ///
    /// # Errors
    /// When it is longer than a jump reaches.
    pub(super) fn finish(self) -> Result<Vec<Instruction>, BpfError> {
        let length = self.code.len();
        let mut targets = vec![None; length];
        for (at, label) in &self.jumps {
            targets[*at] = self.labels[label.0];
        }
        let reached = reached(&self.code, &targets);
        // Where each instruction comes to stand.
        let mut places = Vec::with_capacity(length + 1);
        let mut next: usize = 0;
        for reached in &reached {
            places.push(next);
            next += usize::from(*reached);
        }
        places.push(next);
        let mut code = Vec::with_capacity(next);
        for (at, mut instruction) in self.code.into_iter().enumerate().filter(|(at, _)| reached[*at]) {
            if let Some(target) = targets[at] {
                let distance = places[target].checked_sub(places[at] + 1).map(i16::try_from);
                instruction.offset = distance.and_then(Result::ok).ok_or(BpfError::Long)?;
            }
            code.push(instruction);
        }
        Ok(code)
    }
}

/// Which instructions can be come to. Jumps go forward only, so one pass does.
fn reached(code: &[Instruction], targets: &[Option<usize>]) -> Vec<bool> {
    const WIDE: u8 = 0x18;
    const JUMP: u8 = 0x05;
    const EXIT: u8 = 0x95;
    let mut reached = vec![false; code.len() + 1];
    reached[0] = true;
    for (at, instruction) in code.iter().enumerate() {
        if !reached[at] {
            continue;
        }
        if let Some(target) = targets[at] {
            reached[target] = true;
        }
        if instruction.code != JUMP && instruction.code != EXIT {
            reached[at + 1] = true;
        }
        debug_assert!(instruction.code != WIDE || at + 1 < code.len(), "both halves are there");
    }
    reached.truncate(code.len());
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_knows_its_distance_and_one_too_far_is_refused() {
        let mut short = Assembler::default();
        let end = short.label();
        short.jump_if(When::Equal, R1, 7, end);
        short.set(R0, 0);
        short.bind(end);
        short.exit();
        let code = short.finish().expect("short");
        assert_eq!(code[0], Instruction { code: 0x15, registers: code[0].registers, offset: 1, constant: 7 });

        let mut long = Assembler::default();
        let end = long.label();
        long.jump_if(When::Above, R1, 0, end);
        for _ in 0..0x8000 {
            long.set(R0, 0);
        }
        long.bind(end);
        long.exit();
        assert!(matches!(long.finish(), Err(BpfError::Long)));
    }

    #[test]
    fn what_can_not_be_reached_is_left_out() {
        let mut asm = Assembler::default();
        let end = asm.label();
        asm.jump(end);
        asm.set_wide(R1, 1);
        asm.exit();
        asm.bind(end);
        asm.exit();
        let code = asm.finish().expect("short");
        assert_eq!(code.len(), 2);
        assert_eq!(code[0].offset, 0);
    }

    #[test]
    fn a_wide_constant_takes_two_places() {
        let mut wide = Assembler::default();
        wide.set_wide(R1, 0x8000_0001_ffff_fffe);
        let code = wide.finish().expect("short");
        assert_eq!((code[0].constant, code[1].constant), (-2, i32::MIN + 1));
        assert_eq!(std::mem::size_of::<Instruction>(), 8);
    }
}

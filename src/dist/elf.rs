//! What a built program needs: its architecture, and the newest version of the C library that it names.

use anyhow::{Result, bail};

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The processor.
    pub machine: Machine,
    /// The highest `GLIBC_2.N` it names.
    pub glibc_minor: u32,
}

/// A processor that packages are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// 64 bits of Intel's and AMD's.
    X86,
    /// 64 bits of ARM's.
    Arm,
}

impl Machine {
    /// Debian's word.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::X86 => "amd64",
            Self::Arm => "arm64",
        }
    }

    /// Everybody else's.
    pub const fn rpm(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "aarch64",
        }
    }
}

/// Reads a program.
///
/// # Errors
/// When it is none, or one for another processor.
pub fn needs(program: &[u8]) -> Result<Needs> {
    // `elf(5)`: e_ident with class 64 and little endian, e_machine at 18.
    let Some([0x7f, b'E', b'L', b'F', 2, 1, ..]) = program.get(..20) else {
        bail!("it is no 64-bit program")
    };
    let machine = match u16::from_le_bytes([program[18], program[19]]) {
        62 => Machine::X86,
        183 => Machine::Arm,
        other => bail!("it is for another processor (ELF machine {other})"),
    };
    Ok(Needs { machine, glibc_minor: newest(program) })
}

/// The names of versions stand in the program's strings.
fn newest(program: &[u8]) -> u32 {
    const NAME: &[u8] = b"GLIBC_2.";
    let after = |at: usize| {
        let digits: Vec<u8> =
            program[at + NAME.len()..].iter().copied().take(3).take_while(u8::is_ascii_digit).collect();
        std::str::from_utf8(&digits).ok().and_then(|text| text.parse().ok())
    };
    let found = program.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    found.filter_map(|(at, _)| after(at)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_found() {
        let mut program = vec![0; 64];
        program[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        program[18] = 62;
        program.extend(b"GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_2.");
        assert_eq!(needs(&program).expect("read"), Needs { machine: Machine::X86, glibc_minor: 34 });
        program[18] = 3;
        assert!(needs(&program).is_err());
        assert!(needs(b"#!/bin/sh").is_err());
    }
}

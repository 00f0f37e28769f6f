//! Comparing an address and a port with the rules, as instructions.
//!
//! The address is in registers 2 (IPv4) or 2 to 5 (IPv6), in the machine's order, the port in register 9 ([`NO_PORT`] where the
//! protocol has none). Register 1 is lost. Called by
//! [`programs`](super::programs) and [`packets`](super::packets).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::assembler::{Assembler, Label, R1, R2, R3, R4, R5, R8, R9, Reg, When};
use super::{BpfError, Destination, MOST, Rules};

/// In the place of a port where there is none: no rule on ports includes it.
pub(super) const NO_PORT: i32 = 0x1_0000;

/// The rules, checked, apart by family.
#[derive(Debug)]
pub(super) struct Judge {
    refused: Vec<Row>,
    allowed: Option<Vec<Row>>,
}

/// One rule: words of the address with their masks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    six: bool,
    words: Vec<(u32, u32)>,
    ports: Option<(u16, u16)>,
    loopback: bool,
}

impl Judge {
    pub(super) fn new(rules: &Rules) -> Result<Self, BpfError> {
        let count = rules.refused.len() + rules.allowed.as_ref().map_or(0, Vec::len);
        if count > MOST {
            return Err(BpfError::Many(count));
        }
        let rows = |list: &[Destination]| list.iter().map(Row::new).collect::<Result<Vec<_>, _>>();
        Ok(Self { refused: rows(&rules.refused)?, allowed: rules.allowed.as_deref().map(rows).transpose()? })
    }

    /// Goes to one of the two labels. Of a packet ports of this machine's own are asked for by [`Judge::emit_own_ports`]; of a
    /// system call, register 8 says whether they matter.
    pub(super) fn emit(&self, asm: &mut Assembler, six: bool, packet: bool, allow: Label, deny: Label) {
        for row in self.refused.iter().filter(|row| row.six == six && !(packet && row.is_own_port())) {
            let next = asm.label();
            if row.is_own_port() {
                asm.jump_if(When::Equal, R8, 0, next);
            }
            row.emit(asm, deny);
            asm.bind(next);
        }
        match &self.allowed {
            None => asm.jump(allow),
            Some(rows) => {
                for row in rows.iter().filter(|row| row.six == six) {
                    row.emit(asm, allow);
                }
                asm.jump(deny);
            }
        }
    }

    /// A refused port of a loopback address is refused at every address of this machine. The packet stays on this machine, and is
    /// the first of a connection: an answer to whoever came from such a port is none.
    pub(super) fn emit_own_ports(&self, asm: &mut Assembler, deny: Label) {
        let mut ranges: Vec<_> =
            self.refused.iter().filter(|row| row.loopback).filter_map(|row| row.ports).collect();
        ranges.sort_unstable();
        ranges.dedup();
        for ports in ranges {
            emit_ports(asm, ports, deny);
        }
    }
}

impl Row {
    fn new(rule: &Destination) -> Result<Self, BpfError> {
        let wrong = BpfError::Prefix(rule.address, rule.prefix);
        let (address, prefix) = match rule.address {
            IpAddr::V6(six) => match six.to_ipv4_mapped().zip(rule.prefix.checked_sub(96)) {
                Some((four, prefix)) => (IpAddr::V4(four), prefix),
                None => (rule.address, rule.prefix),
            },
            IpAddr::V4(_) => (rule.address, rule.prefix),
        };
        let (number, bits) = match address {
            IpAddr::V4(four) => (u128::from(u32::from(four)) << 96, 32),
            IpAddr::V6(six) => (u128::from(six), 128),
        };
        if prefix > bits {
            return Err(wrong);
        }
        let mask = match prefix {
            0 => 0,
            some => u128::MAX << (128 - u32::from(some)),
        };
        let words = (0..usize::from(bits) / 32).map(|index| (word(number & mask, index), word(mask, index)));
        let loopback = match address {
            IpAddr::V4(four) => four.is_loopback() || four == Ipv4Addr::UNSPECIFIED,
            IpAddr::V6(six) => six == Ipv6Addr::LOCALHOST || six == Ipv6Addr::UNSPECIFIED,
        };
        Ok(Self { six: address.is_ipv6(), words: words.collect(), ports: rule.ports, loopback })
    }

    /// Whether it is about what listens on this machine: connections, not datagrams.
    const fn is_own_port(&self) -> bool {
        self.loopback && self.ports.is_some()
    }

    /// Jumps when the address and the port are the rule's.
    fn emit(&self, asm: &mut Assembler, to: Label) {
        let next = asm.label();
        for ((value, mask), register) in self.words.iter().zip([R2, R3, R4, R5]) {
            if *mask != 0 {
                emit_word(asm, register, *value, *mask, next);
            }
        }
        match self.ports {
            None => asm.jump(to),
            Some(ports) => emit_ports(asm, ports, to),
        }
        asm.bind(next);
    }
}

/// The `index`th 32 bits from the front.
#[expect(clippy::cast_possible_truncation, reason = "that is what is wanted")]
const fn word(number: u128, index: usize) -> u32 {
    (number >> (96 - 32 * index)) as u32
}

/// Jumps when the bits under the mask are others. By xor: a comparison would extend the constant by its sign.
fn emit_word(asm: &mut Assembler, register: Reg, value: u32, mask: u32, other: Label) {
    asm.copy_word(R1, register);
    if mask != u32::MAX {
        asm.and_word(R1, mask);
    }
    asm.xor_word(R1, value);
    asm.jump_if(When::NotEqual, R1, 0, other);
}

/// Jumps when the port is one of these. On a copy, changed by arithmetic: of what it knows of register 9 the kernel's verifier
/// learns nothing here, and so looks at the rules that follow once, not once for each outcome.
fn emit_ports(asm: &mut Assembler, (low, high): (u16, u16), to: Label) {
    asm.copy_word(R1, R9);
    if low == high {
        asm.xor_word(R1, low.into());
        return asm.jump_if(When::Equal, R1, 0, to);
    }
    let outside = asm.label();
    // What is below becomes a very large number.
    asm.add(R1, -i32::from(low));
    asm.jump_if(When::Above, R1, i32::from(high.saturating_sub(low)), outside);
    asm.jump(to);
    asm.bind(outside);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(address: &str, prefix: u8) -> Row {
        let address = address.parse().expect("an address");
        Row::new(&Destination { address, prefix, ports: None }).expect("a row")
    }

    #[test]
    fn addresses_become_words_with_masks() {
        assert_eq!(row("10.1.2.3", 8).words, [(0x0a00_0000, 0xff00_0000)]);
        assert_eq!(row("0.0.0.0", 0).words, [(0, 0)]);
        assert_eq!(row("::ffff:10.1.2.3", 128), row("10.1.2.3", 32), "a mapped address is one of IPv4");
        assert_eq!(row("::ffff:0.0.0.0", 96), row("0.0.0.0", 0));
        assert!(row("::ffff:0.0.0.0", 90).six, "but not a wider network");
        let six = row("2001:db8::1", 33);
        assert_eq!(six.words, [(0x2001_0db8, u32::MAX), (0, 0x8000_0000), (0, 0), (0, 0)]);
        assert!(row("127.3.0.0", 16).loopback && row("::1", 128).loopback && !row("10.0.0.1", 32).loopback);
    }

    #[test]
    fn what_is_no_network_and_too_many_are_refused() {
        let rule = |address: &str, prefix| Destination {
            address: address.parse().expect("an address"),
            prefix,
            ports: None,
        };
        for (address, prefix) in [("10.0.0.1", 33), ("::1", 129), ("::ffff:1.2.3.4", 129)] {
            assert!(matches!(Row::new(&rule(address, prefix)), Err(BpfError::Prefix(..))), "{address}");
        }
        let many = |refused, allowed| {
            let list = |count| vec![rule("10.0.0.1", 32); count];
            Judge::new(&Rules { refused: list(refused), allowed: Some(list(allowed)), ..Rules::default() })
        };
        assert!(many(MOST / 2, MOST / 2).is_ok());
        assert!(matches!(many(MOST / 2, MOST / 2 + 1), Err(BpfError::Many(257))));
    }
}

//! What was refused, from the programs to whoever records it.
//!
//! A program writes an event into a ring that is shared memory; a destination that is refused again within a second is not told
//! again, so code that knocks without end keeps nobody busy. [`Denials`] reads the ring: it needs its descriptor and no
//! privilege. Called by [`programs`](super::programs) and [`packets`](super::packets), and by the session process.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;

use super::assembler::{Assembler, FRAME, Helper, R0, R1, R2, R3, R4, R7, When, Width};
use super::ring::Ring;

/// Bytes of an event: an address as one of IPv6, a port and a protocol in the network's order, and what was refused.
pub(super) const EVENT: u32 = 24;
/// Places in an event.
pub(super) mod at {
    pub(crate) const PORT: i16 = 16;
    pub(crate) const WHAT: i16 = 18;
    /// Zero to the end.
    pub(crate) const REST: i16 = 20;
}
/// A system call.
pub(super) const CALL: i32 = 0;
/// A packet of one that was let through.
pub(super) const PACKET: i32 = 1;

/// Between two tellings of one destination.
const SECOND: i32 = 1_000_000_000;

/// The ring, and the table of what was told when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) ring: RawFd,
    pub(super) table: RawFd,
}

/// Tells the event on the stack, unless it was told a moment ago. Registers 0 to 5 and 7 are lost.
pub(super) fn emit_tell(asm: &mut Assembler, told: Told, event: i16, time: i16) {
    let (now, done) = (asm.label(), asm.label());
    let place = |asm: &mut Assembler, register, place: i16| {
        asm.copy(register, FRAME);
        asm.add(register, place.into());
    };
    asm.set_map(R1, told.table);
    place(asm, R2, event);
    asm.call(Helper::MapLookup);
    asm.jump_if(When::Equal, R0, 0, now);
    asm.load(Width::Double, R7, R0, 0);
    asm.call(Helper::Time);
    asm.subtract(R0, R7);
    asm.jump_if(When::Below, R0, SECOND, done);
    asm.bind(now);
    asm.call(Helper::Time);
    asm.store(Width::Double, FRAME, time, R0);
    asm.set_map(R1, told.table);
    place(asm, R2, event);
    place(asm, R3, time);
    asm.set(R4, 0);
    asm.call(Helper::MapUpdate);
    asm.set_map(R1, told.ring);
    place(asm, R2, event);
    asm.set(R3, EVENT as i32);
    asm.set(R4, 0);
    asm.call(Helper::RingOutput);
    asm.bind(done);
}

/// Something that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// Where it was to go.
    pub target: SocketAddr,
    /// Whether a packet was dropped, where the system call had been let through.
    pub packet: bool,
}

impl Denial {
    fn read(event: &[u8]) -> Option<Self> {
        let (address, rest) = event.split_first_chunk::<16>()?;
        let (port, rest) = rest.split_first_chunk::<2>()?;
        let address = Ipv6Addr::from(*address);
        let address = address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4);
        let target = SocketAddr::new(address, u16::from_be_bytes(*port));
        Some(Self { target, packet: i32::from(*rest.first()?) == PACKET })
    }
}

/// Most events read at once.
const AT_ONCE: usize = 1024;

/// The reading end of the ring. Its descriptor polls readable when there is something.
#[derive(Debug)]
pub struct Denials(Ring);

impl Denials {
    /// Takes the descriptor that [`telling`](super::telling) made.
    ///
    /// # Errors
    /// When it is no ring.
    pub fn open(ring: OwnedFd) -> Result<Self, Errno> {
        Ring::open(ring, super::load::ring_size()).map(Self)
    }

    /// Reads what there is.
    pub fn take(&self, mut each: impl FnMut(Denial)) {
        while self.0.take(AT_ONCE, |event| Denial::read(event).into_iter().for_each(&mut each)) {}
    }
}

impl AsFd for Denials {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_and_a_part_of_one_is_none() {
        let mut event = [0_u8; EVENT as usize];
        event[..16].copy_from_slice(&"::ffff:10.0.0.7".parse::<Ipv6Addr>().expect("an address").octets());
        event[16..18].copy_from_slice(&[0x01, 0xbb]);
        event[18] = 1;
        let wanted = Denial { target: "10.0.0.7:443".parse().expect("an address"), packet: true };
        assert_eq!(Denial::read(&event), Some(wanted));
        assert_eq!(Denial::read(&event[..18]), None);
    }
}

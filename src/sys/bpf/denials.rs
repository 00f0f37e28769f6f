//! What was refused, from the programs to whoever records it.
//!
//! A program writes an event into a ring that is shared memory; a destination that is refused again within a second is not told
//! again, so code that knocks without end keeps nobody busy. [`Denials`] reads the ring: it needs its descriptor and no
//! privilege. Called by [`programs`](super::programs) and [`packets`](super::packets), and by the session process.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::errno::Errno;

use super::assembler::{Assembler, FRAME, Helper, R0, R1, R2, R3, R4, R7, When, Width};

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
/// Where a header says that the event is not written to the end.
const BUSY: u32 = 1 << 31;
/// And where that it is void.
const DISCARDED: u32 = 1 << 30;
/// Bytes of a header, and what events are rounded up to.
const HEADER: usize = 8;

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

/// The reading end of the ring. Its descriptor polls readable when there is something.
#[derive(Debug)]
pub struct Denials {
    ring: OwnedFd,
    page: usize,
    size: usize,
    /// The reader's place, which we write.
    consumer: NonNull<u8>,
    /// The writer's place, then the ring twice in a row.
    producer: NonNull<u8>,
}

impl Denials {
    /// Takes the descriptor that [`attach`](super::attach) made.
    ///
    /// # Errors
    /// When it is no ring.
    pub fn open(ring: OwnedFd) -> Result<Self, Errno> {
        let page = super::load::page();
        let size = super::load::ring_size();
        let consumer = map(&ring, page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        match map(&ring, page + 2 * size, libc::PROT_READ, page) {
            Ok(producer) => Ok(Self { ring, page, size, consumer, producer }),
            Err(errno) => {
                unmap(consumer, page);
                Err(errno)
            }
        }
    }

    /// Reads what there is.
    pub fn take(&self, mut each: impl FnMut(Denial)) {
        // SAFETY: both places are aligned words at the beginning of pages that stay mapped as long as this value; the kernel writes
        // the one with atomic stores and reads the other.
        let (read, written) = unsafe {
            (&*self.consumer.as_ptr().cast::<AtomicU64>(), &*self.producer.as_ptr().cast::<AtomicU64>())
        };
        let mut at = read.load(Ordering::Relaxed);
        while at < written.load(Ordering::Acquire) {
            let place = usize::try_from(at).unwrap_or(0) & (self.size - 1);
            // SAFETY: an event begins before the ring's first end, is shorter than the ring, and the ring is mapped twice in a row: its
            // header and its bytes are all inside of the mapping. The header is an aligned word.
            let (header, bytes) = unsafe {
                let begin = self.producer.as_ptr().add(self.page + place);
                ((*begin.cast::<AtomicU32>()).load(Ordering::Acquire), begin.add(HEADER))
            };
            if header & BUSY != 0 {
                break;
            }
            let length = (header & !(BUSY | DISCARDED)) as usize;
            if length > self.size {
                break; // not the kernel's writing
            }
            if header & DISCARDED == 0 {
                // SAFETY: as above; the kernel writes nothing there before we have said that it was read.
                let event = unsafe { std::slice::from_raw_parts(bytes, length) };
                Denial::read(event).into_iter().for_each(&mut each);
            }
            at += ((length + HEADER).next_multiple_of(HEADER)) as u64;
            read.store(at, Ordering::Release);
        }
    }
}

impl AsFd for Denials {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl Drop for Denials {
    fn drop(&mut self) {
        unmap(self.consumer, self.page);
        unmap(self.producer, self.page + 2 * self.size);
    }
}

fn map(ring: &OwnedFd, length: usize, protection: i32, offset: usize) -> Result<NonNull<u8>, Errno> {
    let offset = i64::try_from(offset).map_err(|_| Errno::EINVAL)?;
    // SAFETY: a new mapping at a place of the kernel's choosing; nothing of ours is there.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, ring.as_raw_fd(), offset)
    };
    if at == libc::MAP_FAILED { Err(Errno::last()) } else { NonNull::new(at.cast()).ok_or(Errno::ENOMEM) }
}

fn unmap(at: NonNull<u8>, length: usize) {
    // SAFETY: a mapping that `map` made with this length, which nothing refers to any more.
    unsafe { libc::munmap(at.as_ptr().cast(), length) };
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

//! The reading end of a ring that a program in the kernel writes to (`BPF_MAP_TYPE_RINGBUF`, since 5.8).
//!
//! Shared memory: it needs the ring's descriptor and no privilege. What the bytes mean is for those who write and read them,
//! [`denials`](super::denials) and [`executions`](super::executions).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use nix::errno::Errno;

/// Where a header says that the event is not written to the end.
const BUSY: u32 = 1 << 31;
/// And where that it is void.
const DISCARDED: u32 = 1 << 30;
/// Bytes of a header, and what events are rounded up to.
const HEADER: usize = 8;

/// A ring. Its descriptor polls readable when there is something.
#[derive(Debug)]
pub(super) struct Ring {
    ring: OwnedFd,
    page: usize,
    size: usize,
    /// The reader's place, which we write.
    consumer: NonNull<u8>,
    /// The writer's place, then the ring twice in a row.
    producer: NonNull<u8>,
}

impl Ring {
    /// `size` is what it was made with.
    pub(super) fn open(ring: OwnedFd, size: usize) -> Result<Self, Errno> {
        let page = super::load::page();
        let consumer = map(&ring, page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        match map(&ring, page + 2 * size, libc::PROT_READ, page) {
            Ok(producer) => Ok(Self { ring, page, size, consumer, producer }),
            Err(errno) => {
                unmap(consumer, page);
                Err(errno)
            }
        }
    }

    /// The reader's place and the writer's: bytes since the beginning.
    const fn places(&self) -> (&AtomicU64, &AtomicU64) {
        // SAFETY: both are aligned words at the beginning of pages that stay mapped as long as this value; the kernel writes the one
        // with atomic stores and reads the other.
        unsafe {
            (&*self.consumer.as_ptr().cast::<AtomicU64>(), &*self.producer.as_ptr().cast::<AtomicU64>())
        }
    }

    /// Bytes that wait to be read, headers included.
    pub(super) fn used(&self) -> usize {
        let (read, written) = self.places();
        let used = written.load(Ordering::Acquire).wrapping_sub(read.load(Ordering::Relaxed));
        usize::try_from(used).unwrap_or(usize::MAX)
    }

    /// Reads events, at most so many; says whether there may be more.
    pub(super) fn take(&self, most: usize, mut each: impl FnMut(&[u8])) -> bool {
        let (read, written) = self.places();
        let mut at = read.load(Ordering::Relaxed);
        for _ in 0..most {
            if at >= written.load(Ordering::Acquire) {
                return false;
            }
            let place = usize::try_from(at).unwrap_or(0) & (self.size - 1);
            // SAFETY: an event begins before the ring's first end, is shorter than the ring, and the ring is mapped twice in a row: its
            // header and its bytes are all inside of the mapping. The header is an aligned word.
            let (header, bytes) = unsafe {
                let begin = self.producer.as_ptr().add(self.page + place);
                ((*begin.cast::<AtomicU32>()).load(Ordering::Acquire), begin.add(HEADER))
            };
            let length = (header & !(BUSY | DISCARDED)) as usize;
            if header & BUSY != 0 || length > self.size - HEADER {
                return false; // not written to its end, or not the kernel's writing
            }
            if header & DISCARDED == 0 {
                // SAFETY: as above; the kernel writes nothing there before we have said that it was read.
                each(unsafe { std::slice::from_raw_parts(bytes, length) });
            }
            at += ((length + HEADER).next_multiple_of(HEADER)) as u64;
            read.store(at, Ordering::Release);
        }
        true
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl Drop for Ring {
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

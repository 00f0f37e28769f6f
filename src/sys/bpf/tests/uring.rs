//! A connection by `io_uring(7)`: the smallest ring, one request.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrLike, SockaddrStorage};

/// `IORING_OP_CONNECT`.
const CONNECT: u8 = 16;
const RING: i64 = 0;
const REQUESTS: i64 = 0x1000_0000;
const COMPLETIONS: i64 = 0x0800_0000;
/// Room of a mapping: more than one entry needs.
const ROOM: usize = 4096;

/// `struct io_uring_params`: ten words, then the places in the two rings, ten words each.
type Parameters = [u32; 30];

pub(super) fn connect(socket: &OwnedFd, to: SocketAddr) -> Result<(), Errno> {
    let mut parameters: Parameters = [0; 30];
    // SAFETY: the kernel fills the parameters, whose size is that of its own structure, and makes a descriptor.
    let ring = unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()))?;
        OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor"))
    };
    let address = SockaddrStorage::from(to);
    let place = |from: usize, index: usize| parameters[from + index] as usize;
    // SAFETY: the three mappings are the kernel's own, as long as its structures (one entry each fits into a page); the places in
    // them are those the kernel named. The address lives until the request is answered.
    unsafe {
        let map = |offset| {
            let prot = libc::PROT_READ | libc::PROT_WRITE;
            let at = libc::mmap(std::ptr::null_mut(), ROOM, prot, libc::MAP_SHARED, ring.as_raw_fd(), offset);
            if at == libc::MAP_FAILED { Err(Errno::last()) } else { Ok(at.cast::<u8>()) }
        };
        let (requests_ring, completions, requests) = (map(RING)?, map(COMPLETIONS)?, map(REQUESTS)?);
        // struct io_uring_sqe: opcode 0, fd 4, off 8 (the address's length), addr 16.
        requests.write(CONNECT);
        requests.add(4).cast::<i32>().write(socket.as_raw_fd());
        requests.add(8).cast::<u64>().write(address.len().into());
        requests.add(16).cast::<u64>().write(address.as_ptr() as u64);
        // Offsets: head, tail, mask, entries, flags, dropped, array; and head, tail, mask, entries, overflow, cqes.
        requests_ring.add(place(10, 6)).cast::<u32>().write(0);
        requests_ring.add(place(10, 1)).cast::<u32>().write_volatile(1);
        const GET_EVENTS: u32 = 1;
        let entered =
            libc::syscall(libc::SYS_io_uring_enter, ring.as_raw_fd(), 1, 1, GET_EVENTS, 0_usize, 0_usize);
        Errno::result(entered)?;
        // struct io_uring_cqe: user_data 0, res 8.
        let result = completions.add(place(20, 5) + 8).cast::<i32>().read_volatile();
        if result < 0 { Err(Errno::from_raw(-result)) } else { Ok(()) }
    }
}

//! A child that borrows the parent's memory until its `execve`, so that starting it costs the same however much the parent knows.
//!
//! A fork copies the tables of that memory: a launcher with a hundred thousand sign-ins pays most of a millisecond for each. For
//! children that stay what the parent is: nobody with fewer rights may ever run on its memory. Called by [`crate::exec`] alone.

use std::os::raw::{c_int, c_void};
use std::ptr;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::plan::Plan;

/// The child's stack: its steps keep a few structures there.
const STACK: usize = 256 * 1024;
/// Below it: a page that nobody may touch, of any size that a machine's pages have.
const GUARD: usize = 64 * 1024;

/// Memory of its own, given back at the end.
struct Stack(*mut c_void);

impl Stack {
    fn new() -> Result<Self, Errno> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, at a place that the kernel chooses.
        let at = unsafe {
            libc::mmap(ptr::null_mut(), GUARD + STACK, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if at == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let stack = Self(at);
        // SAFETY: the first part of the mapping that was made above and that nobody uses.
        Errno::result(unsafe { libc::mprotect(at, GUARD, libc::PROT_NONE) })?;
        Ok(stack)
    }

    /// Where a stack that grows downwards begins; aligned, since a mapping begins with a page.
    fn top(&self) -> *mut c_void {
        self.0.wrapping_byte_add(GUARD + STACK)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the whole of the mapping of `new`; the child that ran there has memory of its own by now, or is gone.
        unsafe { libc::munmap(self.0, GUARD + STACK) };
    }
}

/// Starts it; returns when its program runs or it has ended.
///
/// # Safety
/// All signals are blocked in this thread: a handler would run on the parent's memory in the child.
pub(super) unsafe fn start(plan: &mut Plan<'_>) -> Result<Pid, Errno> {
    let stack = Stack::new()?;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is the child's alone, and CLONE_VFORK keeps this thread waiting here until the child has left this memory:
    // so long `plan` and `stack` live, and nobody else uses them. The child makes async-signal-safe calls on it and never returns.
    let pid = unsafe { libc::clone(child, stack.top(), flags, ptr::from_mut(plan).cast()) };
    Errno::result(pid).map(Pid::from_raw)
}

extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: the plan of `start`, which waits.
    unsafe { (*plan.cast::<Plan<'_>>()).become_program() }
}

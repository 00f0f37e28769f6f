//! A file system that doesn't answer, as an NFS home whose server is gone: FUSE, without anybody who serves it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// `FUSE_INIT` (linux/fuse.h).
const INIT: u32 = 26;
/// Least room for a request (`FUSE_MIN_READ_BUFFER`), with what one write may bring.
const ROOM: usize = 64 * 1024;
/// Bytes of a reply to `FUSE_INIT`, with its header.
const REPLY: usize = 16 + 64;

/// A folder of which nothing is ever known. What asks for it hangs, and can't be killed, until this is dropped.
#[derive(Debug)]
pub struct Hung {
    folder: PathBuf,
    waiting: Arc<Mutex<Vec<i32>>>,
}

impl Hung {
    /// Mounts one over this folder.
    ///
    /// # Errors
    /// Without privilege or FUSE.
    pub fn over(folder: &Path) -> Result<Self> {
        let device =
            OpenOptions::new().read(true).write(true).open("/dev/fuse").context("cannot open /dev/fuse")?;
        let options = format!("fd={},rootmode=40755,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("hung"), folder, Some("fuse"), flags, Some(options.as_str()))?;
        let mounted = Self { folder: folder.to_owned(), waiting: Arc::default() };
        greet(&device)?;
        // Takes every request, so that who waits can't be interrupted; ends with the mount.
        let waiting = mounted.waiting.clone();
        std::thread::spawn(move || {
            let mut device = device;
            let mut room = vec![0; ROOM];
            while device.read(&mut room).is_ok() {
                // `struct fuse_in_header`: whose request it is stands behind length, kind, number, file, user and group.
                let [a, b, c, d] = [room[32], room[33], room[34], room[35]];
                waiting.lock().expect("nobody panics holding it").push(i32::from_ne_bytes([a, b, c, d]));
            }
        });
        Ok(mounted)
    }

    /// Processes that asked for something, and wait for as long as they are there.
    pub fn waiting(&self) -> Vec<i32> {
        self.waiting.lock().expect("nobody panics holding it").clone()
    }
}

/// The kernel's first request is answered: before that, whoever waits for the others can be killed.
fn greet(mut device: &File) -> Result<()> {
    let mut room = vec![0; ROOM];
    let length = device.read(&mut room)?;
    ensure!(length >= 40 && room[4..8] == INIT.to_ne_bytes(), "another first request");
    let mut reply = [0; REPLY];
    reply[..4].copy_from_slice(&u32::try_from(REPLY)?.to_ne_bytes());
    reply[8..16].copy_from_slice(&room[8..16]);
    // Version 7.31, and one page of a write at a time; every other feature is 0.
    for (at, number) in [(16, 7_u32), (20, 31), (36, 4096)] {
        reply[at..at + 4].copy_from_slice(&number.to_ne_bytes());
    }
    device.write_all(&reply)?;
    Ok(())
}

impl Drop for Hung {
    fn drop(&mut self) {
        // Whoever waits is told that the connection is gone.
        let _ = umount2(&self.folder, MntFlags::MNT_FORCE);
        let _ = umount2(&self.folder, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
    }
}

//! System calls: descriptors, ids, processes, peers, cgroups.
//!
//! One of the two crates where `unsafe` is allowed; each block says why it is sound. Nothing here decides policy.
//! Called by wire, session and launcher.
#![allow(unsafe_code)]

pub mod fd;

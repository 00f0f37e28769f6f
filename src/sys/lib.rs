//! System calls: descriptors, ids, processes, signals, peers, sockets, cgroups.
//!
//! One of the three crates where `unsafe` is allowed; each block says why it is sound. Nothing here decides policy: who may
//! connect, what is killed and when is the caller's business. Called by wire, session, launcher and server.
#![allow(unsafe_code)]

pub mod activation;
pub mod attributes;
pub mod audit;
pub mod beneath;
pub mod bpf;
pub mod cgroup;
pub mod directories;
pub mod exec;
pub mod fd;
pub mod fork;
pub mod host;
pub mod ids;
pub mod kernel_log;
pub mod landlock;
pub mod listeners;
pub mod mounts;
pub mod namespaces;
pub mod peer;
pub mod process;
pub mod proof;
pub mod remove;
pub mod resolve;
pub mod seccomp;
pub mod signals;
pub mod socket;
pub mod tree;
pub mod work;

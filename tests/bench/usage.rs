//! What processes used, as the kernel counts it: CPU time from `/proc/PID/stat`, memory from `smaps_rollup`.
//!
//! Processor time is the steady figure on a noisy machine; wall-clock figures only serve as ratios of one interleaved run.

use std::fs;

use anyhow::{Context as _, Result};

/// Kernel clock ticks per second (`sysconf(_SC_CLK_TCK)`): 100 on every Linux this runs on; times are multiples of 10 ms, so a
/// measured stretch must be long against that.
const TICKS: f64 = 100.0;

/// User plus system time of these processes with all their threads, in seconds.
///
/// # Errors
/// When one of them is gone: a benchmark whose target died measures nothing.
pub(crate) fn cpu_seconds(pids: &[i32]) -> Result<f64> {
    let mut ticks = 0u64;
    for pid in pids {
        let path = format!("/proc/{pid}/stat");
        let stat = fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
        let after_name = stat.rsplit_once(')').context("a stat line has a name")?.1;
        let mut fields = after_name.split_whitespace().skip(11);
        for _ in 0..2 {
            ticks += fields.next().context("a stat line has times")?.parse::<u64>()?;
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "ticks of a benchmark stay far below 2^52")]
    Ok(ticks as f64 / TICKS)
}

/// Proportional set size of these processes together, in kB.
///
/// # Errors
/// When one of them is gone.
pub(crate) fn pss_kb(pids: &[i32]) -> Result<u64> {
    pids.iter().map(|pid| rollup(*pid, "Pss:")).sum()
}

/// Resident memory in KiB. Nothing is walked for it: looking at it costs the process nothing, however much it has.
///
/// # Errors
/// When it is gone.
pub(crate) fn rss_kb(pid: i32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Connections to a port of this machine that the side which listens has not closed yet.
///
/// # Errors
/// When `/proc` can't be read.
pub(crate) fn established(port: u16) -> Result<usize> {
    /// `ESTABLISHED` and `CLOSE_WAIT` of `/proc/net/tcp`.
    const OPEN: [&str; 2] = ["01", "08"];
    let text = fs::read_to_string("/proc/net/tcp").context("cannot read `/proc/net/tcp`")?;
    let local = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(ours), Some(_), Some(state)) = (fields.next(), fields.next(), fields.next()) else {
            return false;
        };
        ours.ends_with(&local) && OPEN.contains(&state)
    };
    Ok(text.lines().filter(is_open).count())
}

fn rollup(pid: i32, field: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(field)).context("smaps_rollup has the field")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// All processes below this one, itself included, as `/proc` shows them now.
///
/// # Errors
/// When `/proc` can't be read.
pub(crate) fn tree(root: i32) -> Result<Vec<i32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").context("cannot read `/proc`")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let parent =
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<i32>().ok());
        if let Some(parent) = parent {
            parents.push((pid, parent));
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_something() {
        let me = i32::try_from(std::process::id()).expect("a pid");
        assert!(pss_kb(&[me]).expect("memory") > 100);
        assert!(cpu_seconds(&[me]).expect("time") >= 0.0);
        assert_eq!(tree(me).expect("a tree")[0], me);
        assert!(cpu_seconds(&[i32::MAX]).is_err());
    }
}

//! Requests per second and latency over keep-alive connections, by `wrk`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::target::Target;
use crate::usage;

/// Connections kept open at once: enough to keep two cores busy, few enough that queueing does not drown the latency.
const CONNECTIONS: u32 = 32;

/// One stretch of load on one target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Requests answered per second.
    pub(crate) per_second: f64,
    /// Median latency in microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile in microseconds.
    pub(crate) p99_us: f64,
    /// Processor time of the target's own processes per request, in microseconds.
    pub(crate) cpu_us: f64,
    /// Memory of the target's own processes at the end, in kB.
    pub(crate) pss_kb: u64,
}

/// Prints what wrk measured as numbers; wrk's own table is for people.
const SCRIPT: &str = r#"done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"#;

/// Loads `target` for so long.
///
/// # Errors
/// When wrk can't be run, or any request failed: figures of errors are not figures.
pub(crate) fn run(target: &Target, path: &str, length: Duration, scratch: &Path) -> Result<Sample> {
    let script = scratch.join("wrk.lua");
    std::fs::write(&script, SCRIPT).with_context(|| format!("cannot write `{}`", script.display()))?;
    let before = usage::cpu_seconds(&target.pids)?;
    let output = Command::new("wrk")
        .args([
            "-t1",
            &format!("-c{CONNECTIONS}"),
            &format!("-d{}s", length.as_secs().max(1)),
            "--latency",
            "-s",
        ])
        .arg(&script)
        .args(["-H", &format!("Cookie: {}", target.cookie)])
        .args(["-H", &format!("Authorization: token {}", target.token)])
        .arg(format!("http://{}{}{path}", target.address, target.prefix))
        .output()
        .context("cannot run `wrk`")?;
    let after = usage::cpu_seconds(&target.pids)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.lines().find_map(|line| line.strip_prefix("RESULT ")).with_context(|| {
        format!(
            "wrk on {} said nothing usable: {}{}",
            target.name,
            text,
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let numbers: Vec<f64> = numbers.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [requests, micros, p50, p99, errors] = numbers[..] else {
        bail!("wrk printed {} numbers", numbers.len())
    };
    if errors > 0.0 || requests < 1.0 {
        bail!("{}: {errors} of {requests} requests failed", target.name);
    }
    Ok(Sample {
        per_second: requests / (micros / 1e6),
        p50_us: p50,
        p99_us: p99,
        cpu_us: (after - before) * 1e6 / requests,
        pss_kb: usage::pss_kb(&target.pids)?,
    })
}

//! The text format of Prometheus (0.0.4): help and type of each metric of the table, then its numbers.

use std::fmt::Write as _;

use super::{BUCKETS, Histogrammed, Kind, Metric, Sample};

/// The text. Metrics without a number are left out; what is in no order comes in the table's.
pub fn render(samples: &[Sample], histograms: &[Histogrammed]) -> String {
    let mut out = String::new();
    for &metric in Metric::ALL {
        let row = metric.doc();
        let mine = || samples.iter().filter(|sample| sample.metric == metric);
        let theirs = || histograms.iter().filter(|one| one.metric == metric);
        if mine().next().is_none() && theirs().next().is_none() {
            continue;
        }
        let help = row.help.trim().replace('\\', "\\\\").replace('\n', " ");
        let _ = writeln!(out, "# HELP {} {help}\n# TYPE {} {}", row.name, row.name, row.kind.word());
        if row.kind == Kind::Histogram {
            theirs().for_each(|one| histogram(&mut out, row.name, row.labels, one));
        } else {
            for sample in mine() {
                let labels = labels(row.labels, &sample.labels, None);
                let _ = writeln!(out, "{}{labels} {}", row.name, sample.value);
            }
        }
    }
    out
}

fn histogram(out: &mut String, name: &str, names: &[&str], one: &Histogrammed) {
    let mut below = 0;
    for (bound, count) in BUCKETS.iter().zip(one.histogram.buckets) {
        below += count;
        let labels = labels(names, &one.labels, Some(&bound.to_string()));
        let _ = writeln!(out, "{name}_bucket{labels} {below}");
    }
    let all = labels(names, &one.labels, Some("+Inf"));
    let _ = writeln!(out, "{name}_bucket{all} {}", one.histogram.count);
    let labels = labels(names, &one.labels, None);
    let _ = writeln!(out, "{name}_sum{labels} {}", one.histogram.sum);
    let _ = writeln!(out, "{name}_count{labels} {}", one.histogram.count);
}

fn labels(names: &[&str], values: &[String], bound: Option<&str>) -> String {
    let pairs = names.iter().copied().zip(values.iter().map(String::as_str)).chain(bound.map(|b| ("le", b)));
    let text: Vec<String> = pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    if text.is_empty() { String::new() } else { format!("{{{}}}", text.join(",")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::Histogram;
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let mut starts = Histogram::default();
        [0.2, 0.5, 3.5, 500.0].into_iter().for_each(|seconds| starts.note(seconds));
        let samples = [
            Sample::plain(Metric::AuditHead, 12.0),
            Sample::of(Metric::Sessions, ["running", "a\"b\\c\nd"], 3.0),
        ];
        let histograms = [Histogrammed {
            metric: Metric::SessionStart,
            labels: vec!["jupyter".into()],
            histogram: starts,
        }];
        let text = render(&samples, &histograms);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("# HELP")).collect();
        assert_eq!(
            lines,
            [
                "# TYPE portcullis_sessions gauge",
                "portcullis_sessions{state=\"running\",ide=\"a\\\"b\\\\c\\nd\"} 3",
                "# TYPE portcullis_session_start_seconds histogram",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"0.5\"} 2",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"1\"} 2",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"2\"} 2",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"3\"} 2",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"5\"} 3",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"10\"} 3",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"20\"} 3",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"40\"} 3",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"80\"} 3",
                "portcullis_session_start_seconds_bucket{ide=\"jupyter\",le=\"+Inf\"} 4",
                "portcullis_session_start_seconds_sum{ide=\"jupyter\"} 504.2",
                "portcullis_session_start_seconds_count{ide=\"jupyter\"} 4",
                "# TYPE portcullis_audit_seq gauge",
                "portcullis_audit_seq 12",
            ]
        );
        assert!(text.starts_with("# HELP portcullis_sessions "));
    }
}

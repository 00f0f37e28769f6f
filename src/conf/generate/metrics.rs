//! Reference and dashboard of the metrics, from their table.

use std::fmt::Write as _;

use portcullis_model::metrics::{Kind, MetricDoc, TABLE};
use serde_json::{Value, json};

const HEAD: &str = "<!-- Generated from the table in src/model/metrics.rs; change that, not this page. -->

# Metrics

With `metrics-enabled=1` in `rserver.conf`, `http://127.0.0.1:8989/metrics` (`metrics-port`) answers Prometheus in its text format. It
listens on the loopback address alone, where every account of the machine can read it. No metric names a person, a session, an address
or a path.

Counters begin at 0 when the process that counts is started: what people do by HTTP is counted by the server, everything else by the
launcher. Servers that were replaced and finish what is open with them are not counted in.
[etc/grafana/portcullis.json](../etc/grafana/portcullis.json) is a dashboard for Grafana that shows all of them.
";

/// `docs/metrics.md`.
pub(super) fn reference() -> String {
    let mut out = HEAD.to_owned();
    for section in sections() {
        let _ =
            write!(out, "\n## {section}\n\n| Metric | Kind | Labels | What it says |\n|---|---|---|---|\n");
        for row in TABLE.iter().filter(|row| row.section == section) {
            let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
            let help = row.help.trim().replace('|', "\\|");
            let _ =
                writeln!(out, "| `{}` | {} | {} | {help} |", row.name, row.kind.word(), labels.join(", "));
        }
    }
    out
}

/// `etc/grafana/portcullis.json`.
pub(super) fn dashboard() -> String {
    let mut panels = Vec::new();
    let mut y = 0;
    for section in sections() {
        let id = panels.len() + 1;
        panels.push(json!({
            "id": id, "type": "row", "title": section, "collapsed": false,
            "gridPos": { "h": 1, "w": 24, "x": 0, "y": y },
        }));
        y += 1;
        let rows: Vec<&MetricDoc> = TABLE.iter().filter(|row| row.section == section).collect();
        for (at, row) in rows.iter().enumerate() {
            let id = panels.len() + 1;
            panels.push(panel(row, id, 8 * (at % 3), y + 8 * (at / 3)));
        }
        y += 8 * rows.len().div_ceil(3);
    }
    let all = json!({
        "title": "Portcullis", "uid": "portcullis", "tags": ["portcullis"], "schemaVersion": 39, "version": 1,
        "editable": true, "refresh": "30s", "time": { "from": "now-24h", "to": "now" }, "timezone": "utc",
        "templating": { "list": [
            { "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source" },
            { "name": "instance", "type": "query", "label": "Machine", "includeAll": true, "multi": true, "allValue": ".*",
              "current": { "text": "All", "value": "$__all" },
              "datasource": { "type": "prometheus", "uid": "${datasource}" },
              "query": "label_values(portcullis_build_info, instance)", "refresh": 2 },
        ] },
        "panels": panels,
    });
    serde_json::to_string_pretty(&all).expect("it is made of texts and numbers") + "\n"
}

fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = TABLE.iter().map(|row| row.section).collect();
    sections.dedup();
    sections
}

fn panel(row: &MetricDoc, id: usize, x: usize, y: usize) -> Value {
    let only = "{instance=~\"$instance\"}";
    let by = match row.labels {
        [] => String::new(),
        labels => format!(" by ({})", labels.join(", ")),
    };
    let legend: Vec<String> = row.labels.iter().map(|label| format!("{{{{{label}}}}}")).collect();
    let target = |expr: String, legend: String, name: &str| json!({ "refId": name, "expr": expr, "legendFormat": legend });
    let targets = match row.kind {
        Kind::Counter => {
            vec![target(
                format!("sum{by} (rate({}{only}[$__rate_interval]))", row.name),
                legend.join(" "),
                "A",
            )]
        }
        Kind::Gauge if row.labels.is_empty() => {
            vec![target(format!("{}{only}", row.name), "{{instance}}".to_owned(), "A")]
        }
        Kind::Gauge => vec![target(format!("sum{by} ({}{only})", row.name), legend.join(" "), "A")],
        Kind::Histogram => [("A", "0.5"), ("B", "0.95")]
            .into_iter()
            .map(|(name, share)| {
                let rate = format!("sum by (le) (rate({}_bucket{only}[$__rate_interval]))", row.name);
                target(format!("histogram_quantile({share}, {rate})"), format!("quantile {share}"), name)
            })
            .collect(),
    };
    json!({
        "id": id, "type": "timeseries", "title": title(row), "description": row.help.trim(),
        "gridPos": { "h": 8, "w": 8, "x": x, "y": y },
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "fieldConfig": { "defaults": { "unit": unit(row) }, "overrides": [] },
        "options": { "legend": { "displayMode": "list", "placement": "bottom" }, "tooltip": { "mode": "multi" } },
        "targets": targets,
    })
}

/// The name in words.
fn title(row: &MetricDoc) -> String {
    let name = row.name.trim_start_matches("portcullis_").trim_end_matches("_total").replace('_', " ");
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let rest = if row.kind == Kind::Counter { " per second" } else { "" };
    first.into_iter().chain(letters).collect::<String>() + rest
}

fn unit(row: &MetricDoc) -> &'static str {
    match row.kind {
        Kind::Counter if row.name.contains("_bytes") => "Bps",
        _ if row.name.ends_with("_seconds") => "s",
        _ if row.name.ends_with("_ratio") => "percentunit",
        _ => "short",
    }
}

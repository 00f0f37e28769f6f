//! `/metrics` for Prometheus, on a listener of its own at the loopback address.
//!
//! What is counted here is read from each thread's own counters; the rest is the launcher's. Nobody signs in for it, and nobody is
//! named in it. It must not answer a page of another site that found a way to this address: the host asked for has to be an address,
//! or `localhost`. Called by `run`.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use portcullis_model::metrics::{Metric, Sample, render};
use portcullis_model::session::State;
use portcullis_proxy::{Body, Gauges, Incoming};

use crate::figures::figures;
use crate::world::World;

/// Answers one request.
pub(crate) async fn metrics(world: &World, request: Request<Incoming>) -> Response<Body> {
    if !is_local(request.headers()) {
        return plain(
            StatusCode::MISDIRECTED_REQUEST,
            "metrics are answered at an address or localhost only\n",
        );
    }
    match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => {}
        ("/metrics", _) => return plain(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD\n"),
        _ => return plain(StatusCode::NOT_FOUND, "/metrics\n"),
    }
    let told = figures(world).await;
    let mut samples = own(world);
    samples.push(Sample::plain(Metric::Linked, f64::from(u8::from(told.is_some()))));
    samples.extend(told.iter().flat_map(|figures| figures.samples.iter().cloned()));
    let histograms = told.as_ref().map_or(&[][..], |figures| &figures.histograms);
    let mut response = Response::new(Body::from(render(&samples, histograms)));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Whether the host asked for is one that no name server can point here.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>().is_ok()
}

/// What this server counts.
fn own(world: &World) -> Vec<Sample> {
    let snapshot = world.table.load();
    let sum = |pick: fn(&Gauges) -> u64| float(world.gauges.iter().map(|gauges| pick(gauges)).sum());
    let mut samples = vec![
        Sample::of(Metric::Build, [env!("CARGO_PKG_VERSION")], 1.0),
        Sample::plain(Metric::SignInsLive, float(snapshot.people.len() as u64)),
        Sample::plain(Metric::Connections, sum(Gauges::connections)),
        Sample::plain(Metric::WebSockets, sum(Gauges::tunnels)),
        Sample::plain(Metric::Accepted, sum(Gauges::accepted)),
        Sample::plain(Metric::TurnedAway, sum(Gauges::refused)),
        Sample::plain(Metric::Received, sum(Gauges::received)),
        Sample::plain(Metric::Sent, sum(Gauges::sent)),
    ];
    for (class, word) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().enumerate() {
        let count = world.gauges.iter().map(|gauges| gauges.answers()[class]).sum();
        samples.push(Sample::of(Metric::Requests, [word], float(count)));
    }
    let mut sessions = std::collections::BTreeMap::new();
    for live in snapshot.sessions.values() {
        let state = match live.session.state {
            State::Launching(_) => "launching",
            State::Running => "running",
            State::Ending => "ending",
            State::Ended(_) => continue,
        };
        *sessions.entry((state, live.session.ide.to_string())).or_insert(0u64) += 1;
    }
    samples.extend(
        sessions
            .into_iter()
            .map(|((state, ide), count)| Sample::of(Metric::Sessions, [state, &ide], float(count))),
    );
    samples
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which no counter reaches")]
const fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_somebody_else_may_point_here_is_not_answered() {
        let is_local = |host: &'static str| {
            is_local(&[(HOST, HeaderValue::from_static(host))].into_iter().collect::<HeaderMap>())
        };
        for host in ["127.0.0.1", "127.0.0.1:8989", "localhost", "LocalHost:8989", "[::1]:8989", "10.0.0.7:1"]
        {
            assert!(is_local(host), "{host}");
        }
        for host in ["evil.example:8989", "localhost.evil.example", "127.0.0.1.evil.example", "", ":8989"] {
            assert!(!is_local(host), "{host}");
        }
        assert!(!super::is_local(&HeaderMap::new()));
    }
}

//! Metrics: off unless asked for, at the loopback address alone, right, and without anybody's name.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::http1::Response;
use portcullis_testing::{Client, Stage, World, case, until};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("metrics::they_say_what_people_do_and_name_nobody", figures),
        case("metrics::nothing_listens_unless_it_is_asked_for", off),
        case("metrics::names_that_others_may_point_here_are_not_answered", hosts),
        case("metrics::they_are_there_after_a_restart", restarted),
    ]
}

/// A port that nobody else has at the moment.
fn free_port() -> Result<u16> {
    Ok(portcullis_testing::servers::free_address()?.port())
}

fn world(stage: &Stage) -> Result<(World, Client)> {
    let port = free_port()?;
    let conf = format!("metrics-enabled=1\nmetrics-port={port}");
    let flags = "allow-shell=0";
    let world = stage.world().conf("rserver.conf", &conf).conf("rsession.conf", flags).start()?;
    Ok((world, Client::new(([127, 0, 0, 1], port).into())))
}

fn scrape(metrics: &Client) -> Result<String> {
    let answer: Response = metrics.get("/metrics")?.expect(200)?;
    ensure!(
        answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")),
        "{:?}",
        answer.header("content-type")
    );
    Ok(answer.text())
}

/// A figure by its name and labels, as they stand.
fn figure(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

fn figures(stage: &Stage) -> Result<()> {
    let (world, metrics) = world(stage)?;
    let (account, client) = world.signed_in("ann")?;
    let stranger = world.client()?;
    stranger.try_sign_in(&account.name, "wrong")?.expect(401)?;
    let id = client.start_session(60)?;
    client.post(&format!("/s/{id}/api/terminals"), &[])?.expect(403)?;
    let seen = |name: &str, least: f64| -> Result<()> {
        until::some(name, 30, || {
            let text = scrape(&metrics)?;
            Ok(figure(&text, name).is_some_and(|value| value >= least).then_some(()))
        })
        .with_context(|| scrape(&metrics).unwrap_or_default())
    };
    seen("portcullis_sign_ins_total{result=\"success\"}", 1.0)?;
    seen("portcullis_sign_ins_total{result=\"credentials\"}", 1.0)?;
    seen("portcullis_sign_ins", 1.0)?;
    seen("portcullis_sessions{state=\"running\",ide=\"jupyter\"}", 1.0)?;
    seen("portcullis_session_start_seconds_count{ide=\"jupyter\"}", 1.0)?;
    seen("portcullis_refusals_total{rule=\"allow-shell\",effect=\"block\"}", 1.0)?;
    seen("portcullis_requests_total{class=\"2xx\"}", 1.0)?;
    seen("portcullis_requests_total{class=\"4xx\"}", 1.0)?;
    seen("portcullis_sent_bytes_total", 1.0)?;
    seen("portcullis_audit_seq", 4.0)?;
    seen("portcullis_records_writable", 1.0)?;
    seen("portcullis_configuration_generation", 1.0)?;
    seen("portcullis_launcher_linked", 1.0)?;
    client.post(&format!("/sessions/{id}/stop"), &[])?.expect(303)?;
    seen("portcullis_sessions_ended_total{why=\"stopped\"}", 1.0)?;
    let text = scrape(&metrics)?;
    ensure!(figure(&text, "portcullis_cookie_key_age_seconds").is_some(), "no age of the key: {text}");
    for name in [account.name.as_str(), id.as_str(), "127.0.0.1"] {
        ensure!(!text.contains(name), "`{name}` is told:\n{text}");
    }
    metrics.get("/")?.expect(404)?;
    metrics.request("POST", "/metrics").send()?.expect(405)?;
    Ok(())
}

fn off(stage: &Stage) -> Result<()> {
    let port = free_port()?;
    let world = stage.world().conf("rserver.conf", &format!("metrics-port={port}")).start()?;
    ensure!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "something listens");
    let client = world.client()?;
    client.get("/metrics")?.expect(404)?;
    Ok(())
}

fn hosts(stage: &Stage) -> Result<()> {
    let (_world, metrics) = world(stage)?;
    let port = metrics.address().port();
    for host in ["evil.example", "localhost.evil.example:8989", ""] {
        let answer = metrics.request("GET", "/metrics").header("Host", host).send()?;
        ensure!(matches!(answer.status, 400 | 421), "{host}: {}", answer.status);
    }
    metrics.request("GET", "/metrics").header("Host", &format!("localhost:{port}")).send()?.expect(200)?;
    Ok(())
}

fn restarted(stage: &Stage) -> Result<()> {
    let (mut world, metrics) = world(stage)?;
    scrape(&metrics)?;
    world.log.expect("the launcher is gone: waiting for the next one");
    world.stop(Signal::SIGTERM)?;
    world.launch()?;
    until::some("metrics are answered by the next server", 30, || Ok(scrape(&metrics).ok()))?;
    Ok(())
}

//! What idle processes take. A debug build's figures are told; the promise is kept by `cargo xtask bench` on a release build.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("memory::idle_processes_are_small", idle),
        case("memory::a_large_download_and_upload_stay_flat", flat),
    ]
}

fn idle(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("mem")?;
    let id = client.start_session(30)?;
    let launcher = portcullis_testing::process::read(world.launcher_pid()?)?.pss_kb().context("no figure")?;
    let server = world.server()?.pss_kb().context("no figure")?;
    let session = world.session_process(&id)?;
    let keeper = portcullis_testing::process::read(session.parent)?.pss_kb().context("no figure")?;
    let session = session.pss_kb().context("no figure")?;
    eprintln!("idle, PSS in kB: launcher {launcher}, server {server}, keeper {keeper}, session {session}");
    // Debug builds are several times larger; these bounds only catch a leak or a runtime that crept in.
    ensure!(launcher < 40_000 && server < 120_000 && session < 20_000, "{launcher} {server} {session}");
    Ok(())
}

fn flat(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("big")?;
    let id = client.start_session(30)?;
    client.get(&format!("/s/{id}/files/bytes-1000"))?.expect(200)?;
    let before = world.server()?.pss_kb().context("no figure")?;
    let size: u64 = 256 << 20;
    let mut stream = client.connect()?;
    let head = [("Host".to_owned(), client.host().to_owned()), ("Cookie".to_owned(), client.cookie_header())];
    portcullis_testing::http1::send(&mut stream, "GET", &format!("/s/{id}/files/bytes-{size}"), &head, None)?;
    let mut reader = std::io::BufReader::with_capacity(1 << 16, stream);
    portcullis_testing::http1::read_head(&mut reader)?;
    let mut read = 0;
    let mut most = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = std::io::Read::read(&mut reader, &mut buffer)?;
        if length == 0 {
            break;
        }
        read += length as u64;
        if read % (16 << 20) < length as u64 {
            most = most.max(world.server()?.pss_kb().unwrap_or(0));
        }
    }
    ensure!(read == size, "{read} of {size} bytes arrived");
    ensure!(most < before + 16_000, "the server grew from {before} to {most} kB");
    Ok(())
}

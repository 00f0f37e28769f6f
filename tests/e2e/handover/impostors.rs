//! Whoever knocks as a server and is none: another account, and a process of the server's own account that no launcher started.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case, process};

use super::Scene;

pub(crate) fn all() -> Vec<Trial> {
    vec![case("handover::nobody_else_comes_back_as_a_server", impostors)]
}

/// Knocks as a server would and says what comes back: `let in`, `closed`, or the error.
const KNOCK: &str = r#"
import socket, sys
door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
try:
    door.connect(sys.argv[1])
    door.settimeout(20)
    door.send(b"pcknock\x01" + bytes([2, 0, 0]) + bytes(12))
    print("let in" if door.recv(10) else "closed")
except OSError as error:
    print("closed" if isinstance(error, (ConnectionResetError, BrokenPipeError)) else error.strerror)
"#;

fn knock(scene: &Scene, uid: u32) -> Result<String> {
    let door = scene.world.run_dir().join("server.sock");
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-IS", "-c", KNOCK]).arg(door).uid(uid).gid(uid);
    let said = python.output().context("no python3")?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Ok(String::from_utf8(said.stdout)?.trim().to_owned())
}

fn impostors(stage: &Stage) -> Result<()> {
    let scene = Scene::new(stage, "val", "")?;
    scene.world.log.expect("a stranger knocked");
    let server = scene.world.server()?;
    let door = scene.world.run_dir().join("server.sock");
    let meta = std::fs::metadata(&door)?;
    ensure!((meta.mode() & 0o7777, meta.uid()) == (0o600, server.uids[0]), "{:o}", meta.mode());
    let stranger = scene.world.account("wes")?;

    ensure!(knock(&scene, stranger.uid)? == "Permission denied", "the socket's mode lets others in");
    ensure!(
        knock(&scene, server.uids[0])? == "closed",
        "an unknown process of the server's account is let in"
    );
    scene.world.await_audit("server-refused", &[("uid", &server.uids[0].to_string())], 20)?;
    ensure!(knock(&scene, 0)? == "closed", "root is let in");
    scene.world.await_audit("server-refused", &[("uid", "0")], 20)?;
    // The mode alone is not what holds.
    std::fs::set_permissions(&door, std::fs::Permissions::from_mode(0o666))?;
    ensure!(knock(&scene, stranger.uid)? == "closed", "another account is let in");
    scene.world.await_audit("server-refused", &[("uid", &stranger.uid.to_string())], 20)?;

    ensure!(process::is_alive(server.pid), "the server was ended");
    scene.client.get(&format!("/s/{}/api/me", scene.session))?.expect(200)?;
    Ok(())
}

//! Processes beside the session: of the same user, outside of every session, and of another user. Targets, no attackers.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use portcullis_testing::{Account, process};
use serde_json::{Value, json};

use crate::sources;
use crate::targets::Targets;

/// An address at which a cloud hands out credentials (Alibaba's), and one outside of the machine's own networks (TEST-NET-2):
/// given to the loopback device while this runs, so that nothing leaves the machine.
const METADATA: &str = "100.100.100.200";
const OUTER: &str = "198.51.100.7";

/// Where a service listens that gives root's rights to whoever may connect.
const DOCKER: &str = "/run/docker.sock";

/// They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Bystanders {
    children: Vec<Child>,
    uids: Vec<u32>,
    _addresses: Addresses,
}

impl Bystanders {
    /// Starts them and tells the targets what they are.
    pub(crate) fn start(targets: &mut Targets, alice: &Account, bob: &Account) -> Result<Self> {
        let addresses = Addresses::add()?;
        let runtime = format!("/run/user/{}", alice.uid);
        std::fs::create_dir_all(&runtime)?;
        std::os::unix::fs::chown(&runtime, Some(alice.uid), Some(alice.gid))?;
        let manager = format!("{runtime}/bus");
        // As the sockets of services lie: below /run, and anybody may connect.
        let services = "/run/redteam-services";
        std::fs::create_dir_all(services)?;
        std::fs::set_permissions(services, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
        let service = format!("{services}/{}.sock", bob.uid);
        let socket = format!("{}/bob.sock", targets.env["RT_DATA"]);
        let name = format!("redteam-{}", bob.uid);
        let mut one = Self { children: Vec::new(), uids: vec![alice.uid, bob.uid], _addresses: addresses };
        let said = one.run(
            bob,
            "bob",
            &json!({"socket": socket, "service": service, "abstract": name, "outer": OUTER, "metadata": METADATA}),
        )?;
        // Only root may put it there, as a package of the machine does.
        std::fs::rename(&service, DOCKER)?;
        targets.tell("BOB_SOCKET", &socket);
        targets.tell("SERVICE_SOCKET", DOCKER);
        targets.tell("ABSTRACT", &name);
        targets.tell("BOB_PID", &said["pid"]);
        targets.tell("OUTER", OUTER);
        targets.tell("OUTER_PORT", &said["outer_port"]);
        targets.tell("METADATA", METADATA);
        targets.tell("METADATA_PORT", &said["metadata_port"]);
        targets.tell("LISTEN_PORT", &said["listen_port"]);
        let handover = alice.home.join("rt-handover.sock");
        let said = one.run(
            alice,
            "outsider",
            &json!({"data": targets.env["RT_DATA"], "manager": manager, "handover": handover}),
        )?;
        targets.tell("MANAGER_SOCKET", &manager);
        targets.tell("OUTSIDER", &said["pid"]);
        targets.tell("TERMINAL", said["terminal"].as_str().unwrap_or_default());
        targets.tell("OUTSIDER_ADDRESS", &said["address"]);
        targets.tell("OUTSIDER_FD", &said["fd"]);
        targets.tell("OUTSIDER_IN_NAMESPACE", &said["in_namespace"]);
        Ok(one)
    }

    fn run(&mut self, account: &Account, role: &str, wish: &Value) -> Result<Value> {
        let mut child = Command::new("setpriv")
            .args([
                "--reuid",
                &account.uid.to_string(),
                "--regid",
                &account.gid.to_string(),
                "--clear-groups",
            ])
            .args(["--", "/usr/bin/python3"])
            .arg(sources::folder().join("python/outside.py"))
            .args([role, &wish.to_string(), "rt-outside-marker"])
            .env_clear()
            .env("HOME", &account.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a bystander")?;
        let said = child.stdout.take().context("no output")?;
        self.children.push(child);
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the bystander `{role}` said {line:?}"))
    }
}

impl Drop for Bystanders {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        // What they started: a process in a namespace of its own, and what the manager was asked for.
        for one in self.uids.iter().flat_map(|uid| process::of_user(*uid)) {
            if one.args.iter().any(|arg| arg == "3600" || arg.contains("rt-outside-marker")) {
                let _ = process::kill_hard(one.pid);
            }
        }
    }
}

/// Addresses of the loopback device that are taken away again.
#[derive(Debug)]
struct Addresses(Vec<&'static str>);

impl Addresses {
    fn add() -> Result<Self> {
        let mut added = Self(Vec::new());
        for address in [METADATA, OUTER] {
            let status = Command::new("ip")
                .args(["address", "replace", &format!("{address}/32"), "dev", "lo"])
                .status()
                .context("cannot start ip")?;
            anyhow::ensure!(status.success(), "ip ended with {status}");
            added.0.push(address);
        }
        Ok(added)
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        for address in &self.0 {
            let _ = Command::new("ip")
                .args(["address", "delete", &format!("{address}/32"), "dev", "lo"])
                .status();
        }
    }
}

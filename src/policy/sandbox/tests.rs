//! Plans over machines, configurations and IDEs: what is in them, what isn't, and when there is none.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_conf::{Sources, load};
use portcullis_model::sandbox::{Destination, Network, Programs, Reach};
use portcullis_model::{Secret, SessionId, Uid};

use super::*;

mod network;
mod plans;

/// A machine that has everything.
pub(crate) fn rich() -> HostFacts {
    HostFacts {
        landlock: Some(7),
        seccomp: true,
        namespaces: true,
        network_namespace: true,
        memfd_noexec: true,
        connections: true,
        neighbours: true,
        no_connections: String::new(),
        cgroup: 2,
        cgroup_kill: true,
        controllers: ["cpu", "memory", "pids"].map(str::to_owned).into(),
        audit: true,
        executions: true,
        user_namespaces: true,
        container: None,
    }
}

/// Files that are only names.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    paths: BTreeSet<String>,
    links: BTreeMap<String, String>,
}

impl Machine {
    pub(crate) fn new(paths: &[&str]) -> Self {
        let mut machine = Self::default();
        paths.iter().for_each(|path| machine.put(path));
        machine
    }

    fn put(&mut self, path: &str) {
        let mut path = path.trim_end_matches('/');
        while !path.is_empty() {
            self.paths.insert(path.to_owned());
            path = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }

    /// A link, to a name in its own folder or to an absolute one.
    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        self.put(path);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("{folder}/{target}") };
        self.links.insert(path.to_owned(), target);
        self
    }

    /// A path without links in its folders.
    fn plain(&self, path: &str) -> String {
        for (link, target) in &self.links {
            if let Some(rest) = path.strip_prefix(link.as_str()).filter(|rest| rest.starts_with('/')) {
                return self.plain(&format!("{target}{rest}"));
            }
        }
        path.to_owned()
    }
}

impl Files for Machine {
    fn steps(&self, path: &str) -> Vec<String> {
        if path == "/" {
            return vec!["/".to_owned()];
        }
        let mut steps = vec![path.to_owned()];
        let mut at = self.plain(path);
        if at != path {
            steps.push(at.clone());
        }
        while let Some(target) = self.links.get(&at) {
            at = self.plain(target);
            steps.push(at.clone());
        }
        if self.paths.contains(&at) { steps } else { Vec::new() }
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let real = self.steps(folder).pop().unwrap_or_default();
        let start = format!("{}/", real.trim_end_matches('/'));
        let below = self.paths.iter().filter_map(|path| path.strip_prefix(&start));
        below.filter(|rest| !rest.is_empty() && !rest.contains('/')).map(str::to_owned).collect()
    }
}

/// Debian with JupyterLab in an environment of its own.
fn debian() -> Machine {
    Machine::new(&[
        "/usr/bin/bash",
        "/usr/bin/dash",
        "/usr/bin/perl",
        "/usr/bin/python3.11",
        "/usr/bin/git",
        "/usr/bin/ssh",
        "/usr/bin/node",
        "/usr/bin/env",
        "/usr/bin/R",
        "/usr/sbin/ldconfig",
        "/usr/local/bin/tool",
        "/usr/lib/R/bin/exec/R",
        "/usr/lib/git-core/git",
        "/usr/lib/python3.11/os.py",
        "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "/usr/share/zoneinfo",
        "/usr/local/lib/x",
        "/usr/lib64",
        "/etc/passwd",
        "/opt/jupyter/bin/jupyter-lab",
        "/opt/jupyter/bin/pip",
        "/opt/jupyter/lib/python3.11/x",
        "/opt/jupyter/share/jupyter/lab",
        "/proc/41/fd",
        "/sys",
        "/run/user/1000/bus",
        "/run/docker.sock",
        "/run/portcullis/sessions/0102030405060708",
        "/dev/null",
        "/dev/nvidia0",
        "/dev/sda",
        "/home/anna",
        "/home/ben",
        "/srv/data",
        "/data",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/var/lib/secret",
        "/usr/lib/portcullis/portcullis-session",
    ])
    .link("/bin", "/usr/bin")
    .link("/sbin", "/usr/sbin")
    .link("/lib", "/usr/lib")
    .link("/lib64", "/usr/lib64")
    .link("/usr/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    .link("/usr/bin/python3", "python3.11")
    .link("/usr/bin/sh", "dash")
    .link("/opt/jupyter/bin/python3", "/usr/bin/python3")
    .link("/opt/shared", "/srv/data")
    .link("/dev/fd", "/proc/41/fd")
}

const STUB: &str = "/usr/lib/portcullis/portcullis-session";
const DIR: &str = "/run/portcullis/sessions/0102030405060708";

/// One question.
struct Case {
    rsession: &'static str,
    portcullis: &'static str,
    profiles: &'static str,
    ide: Ide,
    program: &'static str,
    args: &'static [&'static str],
    host: HostFacts,
    pam_env: Vec<(String, String)>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            rsession: "",
            portcullis: "",
            profiles: "",
            ide: Ide::Jupyter,
            program: "/opt/jupyter/bin/jupyter-lab",
            args: &[],
            host: rich(),
            pam_env: Vec::new(),
        }
    }
}

impl Case {
    fn plan(&self) -> Result<Plan, NotConfined> {
        let files = [
            ("rsession.conf", self.rsession),
            ("portcullis.conf", self.portcullis),
            ("profiles", self.profiles),
        ];
        let loaded = load(&Sources::new("/c", files.map(|(name, text)| (name.to_owned(), text.to_owned()))));
        assert!(loaded.is_usable(), "{:?}", loaded.problems);
        let facts = LaunchFacts {
            id: SessionId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]),
            user: "anna".parse().expect("a name"),
            uid: Uid(1000),
            home: "/home/anna".into(),
            shell: "/bin/bash".into(),
            root_path: "/".into(),
            groups: Vec::new(),
            session_dir: DIR.into(),
            pam_env: self.pam_env.clone(),
            token: Secret::from("t".to_owned()),
        };
        let command = IdeCommand {
            program: self.program.to_owned(),
            args: self.args.iter().map(|&arg| arg.to_owned()).collect(),
            env: Vec::new(),
            secret_env: Vec::new(),
            cwd: "/home/anna".to_owned(),
            socket: format!("{DIR}/ide.sock"),
            files: Vec::new(),
            probe: "/".to_owned(),
        };
        let flags = Flags::resolve(&loaded.settings, &facts.user, &facts.groups);
        let asked = Asked {
            settings: &loaded.settings,
            flags: &flags,
            facts: &facts,
            ide: self.ide,
            command: &command,
        };
        let files = debian();
        sandbox(&asked, &super::Machine { host: &self.host, files: &files, stub: STUB })
    }

    fn planned(&self) -> Sandbox {
        self.plan().expect("a plan").sandbox
    }
}

fn programs(sandbox: &Sandbox) -> &Programs {
    sandbox.programs.as_ref().expect("a list of programs")
}

fn reach(sandbox: &Sandbox) -> &Reach {
    sandbox.rules.as_ref().and_then(|rules| rules.reach.as_ref()).expect("folders")
}

fn within(list: &[String], path: &str) -> bool {
    list.iter().any(|folder| files::below(path, folder))
}

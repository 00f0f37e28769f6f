//! The rules of who may need whom, and where `unsafe` may stand: a change of them is a change of this file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each crate may name of ours. Arrows point downwards only.
const ALLOWED: &[(&str, &[&str])] = &[
    // `conf`, `model` and `policy` for the table of doors alone, which is made from the adapters' rows.
    // `sys` for the tests that look at the kernel's own audit rules.
    (
        "portcullis",
        &["admin", "conf", "dist", "identity", "launcher", "model", "policy", "server", "session", "sys"],
    ),
    ("portcullis-launcher", &["conf", "model", "pam", "policy", "sys", "wire"]),
    ("portcullis-server", &["conf", "model", "pages", "policy", "proxy", "runtime", "sys", "wire"]),
    // A channel that waits; below whatever has an async runtime.
    ("portcullis-runtime", &["wire"]),
    // Roles, a process each; root's program only starts it.
    (
        "portcullis-identity",
        &["authn", "conf", "factor", "model", "runtime", "store", "sys", "ticket", "wire"],
    ),
    ("portcullis-session", &["model", "sys", "wire"]),
    // Policy explains with the functions that decide; wire asks the daemon; sys resolves paths as a session would.
    ("portcullis-admin", &["conf", "model", "policy", "sys", "wire"]),
    // Methods that ask a network; never linked by root's or the users' processes.
    ("portcullis-authn", &["conf", "model", "saml"]),
    ("portcullis-policy", &["conf", "model"]),
    ("portcullis-conf", &["model"]),
    ("portcullis-store", &["model"]),
    ("portcullis-wire", &["model", "sys"]),
    ("portcullis-pages", &["model"]),
    ("portcullis-saml", &["model"]),
    ("portcullis-proxy", &[]),
    ("portcullis-pam", &[]),
    ("portcullis-sys", &[]),
    ("portcullis-model", &[]),
    ("portcullis-dist", &[]),
    ("portcullis-factor", &["model"]),
    ("portcullis-ticket", &[]),
    ("portcullis-fuzz", &["conf", "factor", "model", "policy", "proxy", "saml", "sys", "ticket", "wire"]),
    ("portcullis-testing", &["model"]),
    ("portcullis-bench", &["model", "pam", "policy", "testing"]),
    ("portcullis-redteam", &["sys", "testing"]),
    ("portcullis-torture", &["testing"]),
    ("xtask", &["conf", "dist", "model", "policy"]),
];

/// What root's and the users' processes must not even link: an async runtime, HTTP, TLS, SQL, XML, a directory's protocol, a command
/// line parser.
const FORBIDDEN: &[&str] = &[
    "aws-lc-rs",
    "axum",
    "clap",
    "h2",
    "http",
    "hyper",
    "hyper-util",
    "ldap3",
    "mio",
    "openssl",
    "reqwest",
    "ring",
    "roxmltree",
    "rusqlite",
    "rustls",
    "tokio",
    "tokio-postgres",
];
const PRIVILEGED: &[&str] = &["portcullis-launcher", "portcullis-session"];

/// Folders where `unsafe` may stand: system calls, libpam, and libgssapi_krb5, which no maintained safe crate accepts tickets
/// with and which is loaded at run time, in a process of its own for each token.
const UNSAFE: &[&str] = &["src/sys", "src/pam", "src/ticket"];

/// Most lines of a file that is not a table.
const LINES_MAX: usize = 400;
/// Tables: a row per option, route or word; splitting them would hide what is missing.
const TABLES: &[&str] = &["events.rs", "options_rserver.rs", "options_rsession.rs", "options_other.rs"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(args)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn tree(package: &str, kind: &str) -> BTreeSet<String> {
    let text = cargo(&["tree", "--package", package, "--edges", kind, "--prefix", "none"]);
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn root_and_the_users_processes_link_no_runtime_no_http_no_tls() {
    for package in PRIVILEGED {
        let tree = tree(package, "normal,build");
        let found: Vec<_> = FORBIDDEN.iter().filter(|name| tree.contains(**name)).collect();
        assert!(
            found.is_empty(),
            "{package} links {found:?}; `cargo tree -p {package} -i NAME` shows the way"
        );
    }
}

#[test]
fn crates_need_each_other_downwards_only() {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name} has no row in this file"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let Some(ours) = dependency["name"].as_str().and_then(|name| name.strip_prefix("portcullis-"))
            else {
                continue;
            };
            // Tests may stand on the test support, and a crate's own tests on what is below them anyway.
            if dependency["kind"] == "dev" && ours == "testing" {
                continue;
            }
            if !allowed.contains(&ours) {
                wrong.push(format!("{name} needs portcullis-{ours}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_has_the_workspaces_lints() {
    let missing: Vec<_> = manifests()
        .into_iter()
        .filter(|path| !fs::read_to_string(path).expect("a manifest").contains("[lints]\nworkspace = true"))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn crates_with_examples_run_them() {
    let mut wrong = Vec::new();
    for manifest in manifests() {
        let silent = fs::read_to_string(&manifest).expect("a manifest").contains("doctest = false");
        let folder = manifest.parent().expect("a folder");
        // The project's own folder holds all the others'.
        if !silent || folder == root() {
            continue;
        }
        let mut files = Vec::new();
        walk(folder, "rs", &mut files);
        let has = |path: &PathBuf| {
            let text = fs::read_to_string(path).expect("a source");
            text.lines().any(|line| ["/// ```", "//! ```"].contains(&line.trim()))
        };
        wrong.extend(files.into_iter().filter(has));
    }
    assert!(wrong.is_empty(), "`doctest = false`, but there are examples: {wrong:#?}");
}

#[test]
fn unsafe_stands_in_three_crates_only() {
    let allowed: Vec<PathBuf> = UNSAFE.iter().map(|folder| root().join(folder)).collect();
    let mut wrong = Vec::new();
    for path in sources() {
        if allowed.iter().any(|folder| path.starts_with(folder)) || path.ends_with("tests/layers/main.rs") {
            continue;
        }
        for (at, line) in fs::read_to_string(&path).expect("a source").lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let uses =
                code.contains("unsafe {") || code.contains("unsafe fn") || code.contains("unsafe impl");
            if uses || code.contains("allow(unsafe_code") || code.contains("expect(unsafe_code") {
                wrong.push(format!("{}:{}", path.display(), at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_are_short_enough_to_read() {
    let mut wrong = Vec::new();
    for path in sources() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let lines = fs::read_to_string(&path).expect("a source").lines().count();
        if lines > LINES_MAX && !TABLES.contains(&name) {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&root().join("src"), "rs", &mut found);
    walk(&root().join("tests"), "rs", &mut found);
    found
}

fn manifests() -> Vec<PathBuf> {
    let mut found = vec![root().join("Cargo.toml")];
    for folder in ["src", "tests"] {
        walk(&root().join(folder), "toml", &mut found);
    }
    found.retain(|path| path.file_name().is_some_and(|name| name == "Cargo.toml"));
    found
}

fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            walk(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

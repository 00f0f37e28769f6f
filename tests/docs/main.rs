//! The documentation can be followed: its links lead somewhere, its commands exist, its configuration passes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where the programs are: the runner of all tests says so, else cargo built them beside this test.
fn program() -> PathBuf {
    match std::env::var_os("PORTCULLIS_PROGRAMS") {
        Some(folder) => Path::new(&folder).join("portcullis"),
        None => PathBuf::from(env!("CARGO_BIN_EXE_portcullis")),
    }
}

fn pages() -> Vec<PathBuf> {
    let in_folder = |folder: &str| {
        let entries = std::fs::read_dir(root().join(folder)).expect("a folder of the project");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect::<Vec<_>>()
    };
    ["", "docs", "docs/options"].into_iter().flat_map(in_folder).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// As the hosts of repositories make an anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
}

#[test]
fn links_lead_somewhere() {
    let mut seen = 0;
    for page in pages() {
        for link in read(&page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            seen += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { page.with_file_name("").join(path) };
            assert!(target.exists(), "{}: {link}", page.display());
            if !heading.is_empty() {
                let text = read(&target);
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#')) == heading);
                assert!(found, "{}: {link}", page.display());
            }
        }
    }
    assert!(seen > 20, "only {seen} links: are they looked for in the right way?");
}

/// Every option that a page of ours shows with a value is one that the reference has.
#[test]
fn options_that_are_named_exist() {
    let reference: String = ["rserver", "rsession", "jupyter", "portcullis", "profiles"]
        .map(|name| read(&root().join(format!("docs/options/{name}.md"))))
        .concat();
    for name in [
        "README.md",
        "docs/hardening.md",
        "docs/compat.md",
        "docs/operating.md",
        "docs/sign-in.md",
        "docs/threat-model.md",
    ] {
        let text = read(&root().join(name));
        for code in text.split('`').skip(1).step_by(2) {
            let Some((option, value)) = code.split_once('=') else { continue };
            let is_option =
                option.contains('-') && option.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            if is_option && !option.starts_with('-') && !value.is_empty() {
                assert!(reference.contains(&format!("`{option}`")), "{name}: {code}");
            }
        }
    }
}

/// Runs `check-config`; it must find nothing wrong.
fn passes(folder: &Path) {
    let output = Command::new(program()).args(["check-config", "--config-dir"]).arg(folder).output();
    let output = output.expect("the command line starts");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}", output.status);
    assert!(text.contains("[PASS]") && !text.contains("[FAIL]"), "{text}");
}

#[test]
fn the_hardened_configuration_passes() {
    // A copy whose certificate and key exist.
    let folder = std::env::temp_dir().join(format!("portcullis-docs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in
        [("fullchain.pem", "-----BEGIN CERTIFICATE-----\n"), ("key.pem", "-----BEGIN PRIVATE KEY-----\n")]
    {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    for entry in std::fs::read_dir(root().join("docs/hardened")).expect("a folder of the project") {
        let from = entry.expect("an entry").path();
        let text = read(&from).replace("/etc/ssl/portcullis", &folder.display().to_string());
        std::fs::write(folder.join(from.file_name().expect("a name")), text).expect("written");
    }
    passes(&folder);
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn the_sample_configuration_passes() {
    passes(&root().join("etc"));
}

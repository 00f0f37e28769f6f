//! The formats as their own tools read them, where this machine has those.

use std::process::Command;

use super::*;

/// A project's folder with programs that are heads of programs only.
fn order(folder: &Path) -> Order {
    let mut program = vec![0; 100];
    program[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
    program[18] = 62;
    program.extend(b"GLIBC_2.34");
    let services = ["portcullis-identity", "portcullis-launcher", "portcullis-server", "portcullis-session"];
    for name in services.into_iter().chain(["portcullis"]) {
        fs::write(folder.join(name), &program).expect("written");
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    Order { root, programs: folder.to_owned(), version: "1.2.3".into(), epoch: 1_700_000_000, effort: 1 }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("portcullis-dist-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// What a tool says of a file; `None` where there is no such tool.
fn said(program: &str, args: &[&str], file: &Path) -> Option<String> {
    let output = Command::new(program).args(args).arg(file).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {text}");
    Some(text)
}

#[test]
fn the_debian_package_is_one() {
    let folder = folder("deb");
    let order = order(&folder);
    let made = make(&order, Family::Debian, &folder.join("out")).expect("made");
    assert!(made.path.ends_with("portcullis_1.2.3_amd64.deb"));
    if let Some(list) = said("dpkg-deb", &["--contents"], &made.path) {
        for wanted in [
            "-rwxr-xr-x root/root       110 2023-11-14 22:13 ./usr/bin/portcullis",
            "-rw-r--r-- root/root",
            "./usr/lib/systemd/system/portcullis.service",
            "./etc/pam.d/portcullis",
            "./usr/share/doc/portcullis/examples/rserver.conf",
            "./usr/share/doc/portcullis/examples/fail2ban/filter.d/portcullis.conf",
            "./usr/share/doc/portcullis/examples/fail2ban/jail.d/portcullis.conf",
        ] {
            assert!(list.contains(wanted), "{wanted} in\n{list}");
        }
        assert!(
            !list.contains("secure-cookie-key") && !list.contains("./etc/rstudio/rserver.conf"),
            "{list}"
        );
        let info = said("dpkg-deb", &["--info"], &made.path).expect("the same tool");
        for wanted in ["Architecture: amd64", "libc6 (>= 2.34)", "postinst", "conffiles"] {
            assert!(info.contains(wanted), "{wanted} in\n{info}");
        }
        let kept = said("dpkg-deb", &["--ctrl-tarfile"], &made.path);
        assert!(kept.is_some());
    }
    fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn the_rpm_is_one() {
    let folder = folder("rpm");
    let order = order(&folder);
    let made = make(&order, Family::RedHat, &folder.join("out")).expect("made");
    assert!(made.path.ends_with("portcullis-1.2.3-1.x86_64.rpm"));
    if let Some(sums) = said("rpm", &["-Kv", "--nosignature"], &made.path) {
        assert!(
            sums.contains("Header SHA256 digest: OK") && sums.contains("Payload SHA256 digest: OK"),
            "{sums}"
        );
        let list = said("rpm", &["-qplv"], &made.path).expect("the same tool");
        assert!(list.contains("/usr/lib/portcullis/portcullis-server"), "{list}");
        let kept = said("rpm", &["-qpc"], &made.path).expect("the same tool");
        assert!(
            kept.contains("/etc/pam.d/portcullis") && kept.contains("/etc/rstudio/portcullis.conf"),
            "{kept}"
        );
        let scripts = said("rpm", &["-qp", "--scripts"], &made.path).expect("the same tool");
        assert!(scripts.contains("preuninstall"), "{scripts}");
    }
    fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn the_same_programs_and_time_make_the_same_bytes() {
    let folder = folder("same");
    let order = order(&folder);
    for family in [Family::Debian, Family::RedHat] {
        let sums: Vec<String> =
            ["a", "b"].map(|name| make(&order, family, &folder.join(name)).expect("made").sha256).into();
        assert_eq!(sums[0], sums[1]);
        let later = Order { epoch: order.epoch + 1, ..order.clone() };
        assert_ne!(make(&later, family, &folder.join("c")).expect("made").sha256, sums[0]);
    }
    fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn scripts_are_read_by_the_shell() {
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts");
    for entry in fs::read_dir(scripts).expect("scripts") {
        let path = entry.expect("an entry").path();
        said("sh", &["-n"], &path);
    }
}

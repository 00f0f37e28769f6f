//! Installation, the first start, the units, a person with a session.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::{Client, account, builder, process, until};

use super::Scene;
use super::scene::{ADDRESS, SECONDS, UNIT, launcher, output, properties, run};
use crate::hardening;
use crate::machine::{PLACE, VERSIONS};

/// The package of a version.
pub(super) fn package(version: &str) -> Result<String> {
    let folder = fs::read_dir(format!("{PLACE}/packages"))?;
    let named = |name: &str| name.starts_with(&format!("portcullis_{version}_")) && name.ends_with(".deb");
    let found = folder.flatten().find(|entry| entry.file_name().to_str().is_some_and(named));
    Ok(found.context("no such package")?.path().display().to_string())
}

/// An administrator's configuration is there before the package: it is rstudio-server's too.
pub(super) fn installed(_: &mut Scene) -> Result<()> {
    let ide = Path::new("/run/portcullis-ide");
    fs::create_dir_all(ide)?;
    let double = builder::own_copy("portcullis-double-ide", ide)?;
    let script = ide.join("jupyter-lab");
    fs::write(&script, builder::script(&double, &[]))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    fs::create_dir_all("/etc/rstudio")?;
    fs::write("/etc/rstudio/rserver.conf", format!("www-address=127.0.0.1\nwww-port={}\n", ADDRESS.1))?;
    fs::write("/etc/rstudio/jupyter.conf", format!("jupyter-exe={}\n", script.display()))?;
    let said = run("dpkg", &["--install", &package(VERSIONS[0])?])?;
    ensure!(!said.contains("could not be started"), "{said}");
    let now = properties()?;
    ensure!(now["ActiveState"] == "active", "it is {}: {said}", now["ActiveState"]);
    ensure!(now["UnitFileState"] == "enabled", "it is {}", now["UnitFileState"]);
    ensure!(now["StatusText"].contains("127.0.0.1:8787"), "it says `{}`", now["StatusText"]);
    run("getent", &["passwd", "portcullis"])?;
    // Whoever asks gets the page without an account.
    let page = Client::new(ADDRESS.into()).request("GET", "/auth-sign-in").send()?;
    ensure!(page.status == 200, "the sign-in page is answered {}", page.status);
    Ok(())
}

pub(super) fn keys(_: &mut Scene) -> Result<()> {
    let listed = run("dpkg", &["--listfiles", "portcullis"])?;
    ensure!(!listed.contains("/var/lib/portcullis"), "the package has state of its own");
    let about = fs::metadata("/var/lib/portcullis/secure-cookie-key")?;
    ensure!(about.mode() & 0o7777 == 0o600 && about.uid() == 0, "the key has mode {:o}", about.mode());
    let folder = fs::metadata("/var/lib/portcullis")?;
    ensure!(folder.mode() & 0o7777 == 0o711, "the state has mode {:o}", folder.mode());
    let kept = run("dpkg-query", &["--show", "--showformat=${Conffiles}", "portcullis"])?;
    for file in ["/etc/pam.d/portcullis", "/etc/rstudio/portcullis.conf"] {
        ensure!(kept.contains(file), "{file} is not kept by an upgrade: {kept}");
    }
    Ok(())
}

pub(super) fn units(_: &mut Scene) -> Result<()> {
    let done = output("systemd-analyze", &["verify", "portcullis.service", "portcullis.socket"])?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    // A word that only a newer systemd knows is ignored by an older one, and said; images leave man pages out. Else nothing.
    let known = |line: &str| line.contains("'DelegateSubgroup'") || line.contains("Command 'man ");
    let wrong: Vec<&str> = said.lines().filter(|line| line.contains("portcullis") && !known(line)).collect();
    ensure!(wrong.is_empty(), "{wrong:?}");
    Ok(())
}

/// What `systemd-analyze security` holds against the launcher is what docs/services.md gives reasons for.
pub(super) fn exposures(_: &mut Scene) -> Result<()> {
    let found = output("systemd-analyze", &["security", "--no-pager", "--json=short", UNIT])?;
    let found: Vec<serde_json::Value> =
        serde_json::from_slice(&found.stdout).context("no list of exposures")?;
    let open = |entry: &&serde_json::Value| {
        // Newer ones write the exposure as a number, older ones as text; what isn't exposed has none.
        let exposure = &entry["exposure"];
        let number = exposure.as_f64().or_else(|| exposure.as_str().and_then(|text| text.parse().ok()));
        entry["set"] != true && number.is_some_and(|number| number > 0.0)
    };
    let open: BTreeSet<String> = found
        .iter()
        .filter(open)
        .filter_map(|entry| Some(entry["json_field"].as_str()?.to_owned()))
        .collect();
    ensure!(open.len() > 10, "only {open:?} is exposed: the list is read wrongly");
    let explained: BTreeSet<String> = hardening::EXPOSURES
        .iter()
        .flat_map(|(names, _)| names.split_whitespace().map(str::to_owned))
        .collect();
    let missing: Vec<_> = open.difference(&explained).collect();
    ensure!(missing.is_empty(), "exposures without a reason: {missing:?}");
    Ok(())
}

pub(super) fn session(scene: &mut Scene) -> Result<()> {
    let person = account::create("pia", &[])?;
    let browser = Client::new(ADDRESS.into());
    let refused = browser.try_sign_in(&person.name, "not her password")?;
    ensure!(refused.status != 303, "a wrong password is answered {}", refused.status);
    browser.sign_in(&person.name, &person.password)?;
    scene.session = browser.start_session(SECONDS)?;
    scene.person = Some(person.clone());
    scene.browser = Some(browser);
    let all = process::all();
    let ide = all.iter().find(|one| one.name() == "portcullis-double-ide").context("no IDE runs")?;
    ensure!(ide.uids.iter().all(|uid| *uid == person.uid), "the IDE runs as {:?}", ide.uids);
    scene.ide = ide.pid;
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", ide.pid))?;
    let own = format!("portcullis-sessions/user-{}/", person.uid);
    ensure!(groups.contains(&own), "it is in no group of its own: {groups}");
    // The kernel's own accounting: what is in the daemon's group is not the session.
    let main = fs::read_to_string(format!("/proc/{}/cgroup", launcher()?))?;
    ensure!(!main.contains("portcullis-sessions"), "the daemon is in a session's group: {main}");
    scene.connect()
}

/// As the kernel says it: see docs/services.md for what the confinement is.
pub(super) fn held(_: &mut Scene) -> Result<()> {
    let main = launcher()?;
    let server = until::some("there is a server", SECONDS, || {
        Ok(process::all().into_iter().find(|one| one.parent == main && one.name() == "portcullis-server"))
    })?;
    let account = account::uid_of("portcullis")?;
    ensure!(server.uids.iter().all(|uid| *uid == account), "it runs as {:?}", server.uids);
    for (name, wanted) in [
        ("CapEff", "0000000000000000"),
        ("CapPrm", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ] {
        let found = server.status.get(name).map(String::as_str).unwrap_or_default();
        ensure!(found == wanted, "its {name} is {found}, not {wanted}");
    }
    Ok(())
}

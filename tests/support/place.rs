//! Where things are inside the namespaces: the built programs, JupyterLab, code-server, folders for worlds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Set by `cargo xtask test` inside its namespaces.
pub fn isolated() -> bool {
    std::env::var_os("PORTCULLIS_ISOLATED").is_some()
}

/// A built program, at a path that every account can reach.
pub fn program(name: &str) -> PathBuf {
    std::env::var_os("PORTCULLIS_PROGRAMS").map_or_else(|| "target/debug".into(), PathBuf::from).join(name)
}

/// The real JupyterLab, when it is installed.
pub fn jupyter_lab() -> Option<PathBuf> {
    let program = PathBuf::from(std::env::var_os("PORTCULLIS_VENV")?).join("bin/jupyter-lab");
    program.is_file().then_some(program)
}

/// The real code-server, when it is installed.
pub fn code_server() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("PORTCULLIS_CODE_SERVER")?);
    let program = folder.join("bin/code-server");
    (folder.join(".complete").is_file() && program.is_file()).then_some(program)
}

/// A Python package as a file (`numpy`), when it was fetched.
pub fn wheel(package: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("PORTCULLIS_WHEELS")?);
    let wheels = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let named =
        |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix(package)?.starts_with('-').then_some(());
    wheels.filter(|path| path.extension().is_some_and(|end| end == "whl")).find(|path| named(path).is_some())
}

/// A number no other world of this process has.
pub fn next_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

//! Describes a world before it starts: configuration texts, PAM service, IDE, certificate.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};

use anyhow::Result;

use crate::book::Book;
use crate::log::Log;
use crate::readiness::Readiness;
use crate::stage::Found;
use crate::tls::{self, Certificate};
use crate::world::{READY_SECONDS, World};
use crate::{account, place, until};

/// Ports for the sessions of one world; worlds run side by side.
const PORTS_PER_WORLD: u32 = 10;

/// PAM as most machines have it, without the delay that makes every wrong password cost seconds: the launcher has its own.
const PAM: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\n\
                   password required pam_unix.so\nsession required pam_unix.so\n";

/// A world being described.
#[derive(Debug)]
pub struct Builder {
    found: Arc<Mutex<Found>>,
    book: Book,
    number: u32,
    settings: BTreeMap<String, Vec<(String, String)>>,
    texts: BTreeMap<String, String>,
    pam: String,
    ide: Ide,
    certificate: Option<Certificate>,
    environment: Vec<(String, String)>,
    programs: Option<PathBuf>,
}

#[derive(Debug)]
enum Ide {
    Double(Vec<String>),
    Jupyter,
    CodeServer,
    Rsession(Vec<String>),
    Program(String),
}

impl Builder {
    pub(crate) fn new(found: Arc<Mutex<Found>>, book: Book) -> Self {
        let number = place::next_number();
        let first = 20_000 + (number * PORTS_PER_WORLD) % 8_000;
        let builder = Self {
            found,
            book,
            number,
            settings: BTreeMap::new(),
            texts: BTreeMap::new(),
            pam: PAM.to_owned(),
            ide: Ide::Double(Vec::new()),
            certificate: None,
            environment: Vec::new(),
            programs: None,
        };
        builder
            .conf("rserver.conf", "www-address=127.0.0.1\nwww-port=0")
            .conf("rsession.conf", &format!("session-port-range={first}-{}", first + PORTS_PER_WORLD - 1))
            .conf("portcullis.conf", &format!("pam-service=pc{number}\nsign-in-failure-seconds=1"))
    }

    /// Sets options of a file, one `name=value` a line; what was set before under the same name is replaced.
    #[must_use]
    pub fn conf(mut self, file: &str, text: &str) -> Self {
        let options = self.settings.entry(file.to_owned()).or_default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            options.retain(|(known, _)| known != name);
            options.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Leaves an option out that a world sets by itself.
    #[must_use]
    pub fn without(mut self, file: &str, name: &str) -> Self {
        if let Some(options) = self.settings.get_mut(file) {
            options.retain(|(known, _)| known != name);
        }
        self
    }

    /// Writes a file as it is (`profiles`, `ip-rules`, `login.html`, or a broken one).
    #[must_use]
    pub fn file(mut self, file: &str, text: &str) -> Self {
        self.texts.insert(file.to_owned(), text.to_owned());
        self
    }

    /// The daemon's programs are those of this folder: another build's.
    #[must_use]
    pub fn programs(mut self, folder: &Path) -> Self {
        self.programs = Some(folder.to_owned());
        self
    }

    /// The PAM service's file.
    #[must_use]
    pub fn pam(mut self, text: &str) -> Self {
        text.clone_into(&mut self.pam);
        self
    }

    /// The double of an IDE, with `--double-…` switches (see its own help).
    #[must_use]
    pub fn double(mut self, switches: &[&str]) -> Self {
        self.ide = Ide::Double(switches.iter().map(|&switch| switch.to_owned()).collect());
        self
    }

    /// The real JupyterLab.
    #[must_use]
    pub fn jupyter(mut self) -> Self {
        self.ide = Ide::Jupyter;
        self
    }

    /// The real code-server; JupyterLab is not offered.
    #[must_use]
    pub fn code_server(mut self) -> Self {
        self.ide = Ide::CodeServer;
        self
    }

    /// The double of RStudio's session, with `--double-…` switches (see its own help), a home for R and a page.
    #[must_use]
    pub fn rsession(mut self, switches: &[&str]) -> Self {
        self.ide = Ide::Rsession(switches.iter().map(|&switch| switch.to_owned()).collect());
        self
    }

    /// Some other program in the IDE's place.
    #[must_use]
    pub fn ide_program(mut self, path: &str) -> Self {
        self.ide = Ide::Program(path.to_owned());
        self
    }

    /// Serves https with a certificate of the test's own.
    ///
    /// # Errors
    /// When there is no certificate to be made.
    pub fn tls(mut self) -> Result<Self> {
        self.certificate = Some(tls::certificate()?);
        Ok(self)
    }

    /// Sets a variable in the launcher's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes everything and starts the launcher.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(self) -> Result<World> {
        let mut world = self.build()?;
        world.launch()?;
        Ok(world)
    }

    /// Writes everything, runs the launcher until it ends, and returns how and with what output.
    ///
    /// # Errors
    /// When it goes on running.
    pub fn start_in_vain(self) -> Result<(ExitStatus, String)> {
        let mut world = self.build()?;
        let mut child = world.spawn()?;
        let status = until::some("the launcher ends", READY_SECONDS, || Ok(child.try_wait()?))?;
        world.over = true;
        world.log.settle();
        world.log.expect("");
        Ok((status, world.log.lines().join("\n")))
    }

    /// Writes everything, but starts nothing.
    ///
    /// # Errors
    /// When a folder can't be made.
    pub fn build(mut self) -> Result<World> {
        account::ensure_service()?;
        let folder = PathBuf::from(format!("/run/w{}", self.number));
        for name in ["conf", "ide"] {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::write(format!("/etc/pam.d/pc{}", self.number), &self.pam)?;
        let program = match &self.ide {
            Ide::Double(switches) => write_double(&folder, switches)?,
            Ide::Jupyter => match place::jupyter_lab() {
                Some(program) => program.display().to_string(),
                None => return crate::stage::skip("JupyterLab is not installed on this machine"),
            },
            Ide::CodeServer => match place::code_server() {
                Some(program) => {
                    self = self.conf("vscode.conf", &format!("exe={}", program.display()));
                    self = self.conf("jupyter.conf", "labs-enabled=0");
                    String::new()
                }
                None => return crate::stage::skip("code-server is not installed on this machine"),
            },
            Ide::Rsession(switches) => {
                let at = write_rsession(&folder, switches)?;
                let text = format!("rsession-path={at}/bin/rsession\nrsession-which-r={at}/R/bin/R");
                self = self.conf("rserver.conf", &text);
                self = self.conf("jupyter.conf", "labs-enabled=0");
                String::new()
            }
            Ide::Program(path) => path.clone(),
        };
        if !program.is_empty()
            && !self
                .settings
                .get("jupyter.conf")
                .is_some_and(|set| set.iter().any(|(name, _)| name == "jupyter-exe"))
        {
            self = self.conf("jupyter.conf", &format!("jupyter-exe={program}"));
        }
        if let Some(certificate) = &self.certificate {
            let (pem, key) = (folder.join("tls.pem"), folder.join("tls.key"));
            fs::write(&pem, &certificate.certificate)?;
            fs::write(&key, &certificate.key)?;
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
            let text = format!(
                "ssl-enabled=1\nssl-certificate={}\nssl-certificate-key={}",
                pem.display(),
                key.display()
            );
            self = self.conf("rserver.conf", &text);
        }
        let world = World {
            database: self.book.open(&folder.join("conf"))?,
            readiness: Readiness::bind(&folder.join("notify"))?,
            log: Log::new()?,
            number: self.number,
            folder,
            found: Arc::clone(&self.found),
            accounts: Mutex::default(),
            certificate: self.certificate.take(),
            environment: self.environment.clone(),
            programs: self.programs.take(),
            launcher: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: Mutex::new(std::mem::take(&mut self.settings)),
            over: false,
        };
        let files: Vec<String> =
            world.settings.lock().expect("nobody panics holding it").keys().cloned().collect();
        for file in &files {
            world.write_settings(file)?;
        }
        for (file, text) in &self.texts {
            fs::write(world.config_dir().join(file), text)?;
        }
        Ok(world)
    }
}

/// The double in JupyterLab's place: a script, because the configuration names a program without arguments.
fn write_double(folder: &Path, switches: &[String]) -> Result<String> {
    let path = folder.join("ide/jupyter-lab");
    fs::write(&path, script(&own_copy("portcullis-double-ide", &folder.join("ide"))?, switches))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path.display().to_string())
}

/// A script that becomes the double with these switches. No shell's: where `allow-shell=0` there is none.
pub fn script(double: &Path, switches: &[String]) -> String {
    format!(
        "#!/usr/bin/python3 -IS\nimport os, sys\nos.execv({double:?}, [{double:?}, *{switches:?}, *sys.argv[1:]])\n"
    )
}

/// A program of the tests' beside an IDE's own, since a session runs no others where `allow-shell=0`.
///
/// # Errors
/// When it can't be copied.
pub fn own_copy(program: &str, folder: &Path) -> Result<PathBuf> {
    // One copy at a time: tests run side by side.
    static COPYING: Mutex<()> = Mutex::new(());
    let _alone = COPYING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let shared = Path::new("/run/portcullis-doubles");
    fs::create_dir_all(shared)?;
    let (once, own) = (shared.join(program), folder.join(program));
    if !once.exists() {
        let begun = shared.join(format!("{program}.{}", std::process::id()));
        fs::copy(place::program(program), &begun)?;
        fs::rename(&begun, &once)?;
    }
    match fs::hard_link(&once, &own) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(own),
    }
}

/// A package with the double as RStudio's session, a page, and the place of an R.
fn write_rsession(folder: &Path, switches: &[String]) -> Result<String> {
    let at = folder.join("rstudio");
    for name in ["bin", "www/rstudio", "www/css", "R/bin/exec", "R/lib"] {
        fs::create_dir_all(at.join(name))?;
    }
    let double = own_copy("portcullis-double-rsession", &at.join("bin"))?;
    let scripts = [("bin/rsession", script(&double, switches)), ("R/bin/exec/R", "#!/bin/sh\n".to_owned())];
    for (name, text) in scripts {
        fs::write(at.join(name), text)?;
        fs::set_permissions(at.join(name), fs::Permissions::from_mode(0o755))?;
    }
    let page = "<html><meta name=\"#csrf_token_meta#\" content=\"#csrf_token#\" />#!head_tags#\
                <script src=\"#!gwt_prefix#rstudio/rstudio.nocache.js\"></script></html>\n";
    fs::write(at.join("www/index.htm"), page)?;
    fs::write(at.join("www/rstudio/rstudio.nocache.js"), "start();\n")?;
    fs::write(at.join("www/rstudio/0123.cache.js"), "page();\n")?;
    fs::write(at.join("www/css/icons.css"), "a{}\n")?;
    fs::write(at.join("secret.txt"), "outside the page\n")?;
    Ok(at.display().to_string())
}

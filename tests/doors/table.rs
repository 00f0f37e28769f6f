//! The doors: from the adapters' tables, by flag.

use std::path::Path;

use portcullis_model::session::Ide;
use portcullis_policy::flag::{self, About};
use portcullis_policy::{Adapters, Capability, Check, Door, Spoken, doors, finer, names_hidden, row_of};

/// What is asked of a door, and what it takes.
pub(crate) struct Knock {
    pub(crate) door: Door,
    needs: Vec<Capability>,
    check: Check,
    /// It names files where they can't be checked.
    hidden: bool,
}

/// A flag and how it stands when it is off.
pub(crate) struct Rule {
    pub(crate) about: &'static About,
    pub(crate) off: String,
}

impl Rule {
    /// Whether it is about which files are named.
    pub(crate) fn is_about_files(&self) -> bool {
        self.about.name == flag::DIRECTORIES.name
    }

    /// Whether it is about how large files are.
    pub(crate) fn is_about_sizes(&self) -> bool {
        self.about.name == flag::UPLOAD_LIMIT.name
    }

    /// Whether these flags shut what takes all of this.
    fn shuts(&self, needs: &[Capability], hidden: bool) -> bool {
        let unknown = |need: &Capability| matches!(need, Capability::Unknown | Capability::PortProxy);
        let restricts = self.about.unheld.is_none();
        needs.iter().any(|need| self.about.takes.contains(need) || (unknown(need) && restricts))
            || (hidden && self.is_about_files())
    }

    /// Whether these flags shut a message.
    pub(crate) fn shuts_message(&self, spoken: &Spoken) -> bool {
        self.shuts(spoken.needs, spoken.hidden)
    }
}

/// The flags of an IDE that take something away, and those that limit without refusing anything.
pub(crate) fn rules(ide: Ide) -> Vec<Rule> {
    let rule = |about: &'static About| {
        let value = if about.name.starts_with("allow-") { 0 } else { 1 };
        Rule { about, off: format!("{}={value}", about.name) }
    };
    let limits = |about: &About| about.unheld.is_some() && about.name.starts_with("limit-");
    let concerned = flag::ALL.iter().filter(|about| about.concerns.includes(ide));
    concerned.filter(|about| about.unheld.is_none() || limits(about)).map(|about| rule(about)).collect()
}

/// How this IDE's requests name a file below a home: JupyterLab counts from its root, which is the home.
pub(crate) fn named(ide: Ide, home: &Path, file: &str) -> String {
    if ide == Ide::Jupyter { file.to_owned() } else { format!("{}/{file}", home.display()) }
}

/// All doors of an IDE, each for a file that its person may have.
pub(crate) fn all(adapters: &Adapters, ide: Ide, file: &str) -> Vec<Knock> {
    let mut all: Vec<Knock> = Vec::new();
    for capability in Capability::ALL {
        for mut door in doors(adapters, ide, capability, Some(file)) {
            if door.path.len() < 2 && capability == Capability::Unknown {
                // A row for everything: a path that no other row has.
                "/some/new/door".clone_into(&mut door.path);
            }
            // RStudio's calls name themselves twice: in the address and in the body.
            if let (Some(call), None) = (door.path.strip_prefix("/rpc/"), &door.body) {
                door.body = Some(format!(
                    r#"{{"method":"{call}","params":[],"kwparams":{{}},"clientId":"","clientVersion":""}}"#
                ));
            }
            if ide == Ide::Rstudio && door.path == "/upload" {
                door.body = portcullis_policy::bringing(adapters, ide, 5)
                    .into_iter()
                    .find_map(|form| if form.path == "/upload" { form.body } else { None });
            }
            // A request that several capabilities are made of takes them all.
            if let Some(known) = all.iter_mut().find(|known| known.door == door) {
                known.needs.push(capability);
                continue;
            }
            let mut knock = Knock::of(adapters, ide, door);
            // An example's query or body says more than its row.
            if !knock.needs.contains(&capability) {
                knock.needs.push(capability);
            }
            match knock.door.path.as_str() {
                // The row behind all rows: a method that none of them names.
                "/rpc/1" => knock.needs.push(Capability::Unknown),
                // Any file, unless it lies where the editor's own pictures are.
                "/vscode-remote-resource" => knock.needs.push(Capability::Download),
                _ => {}
            }
            all.push(knock);
        }
    }
    all
}

impl Knock {
    /// At a door of this row.
    pub(crate) fn of(adapters: &Adapters, ide: Ide, door: Door) -> Self {
        let row = row_of(adapters, ide, &door.ask());
        let (mut needs, check) =
            row.map_or((vec![Capability::Unknown], Check::None), |row| (row.needs.to_vec(), row.check));
        needs.extend(finer(ide, &door.ask()).iter().flat_map(|finer| finer.needs));
        // Sent on in one spelling, which is that of a file below the home: no absolute name can be asked for here.
        let respelt = ide == Ide::Rstudio && door.path.starts_with("/files//");
        let hidden = respelt || names_hidden(adapters, ide, &door.ask());
        Self { door, needs, check, hidden }
    }

    /// Whether a flag that is off shuts it.
    pub(crate) fn is_shut_by(&self, rule: &Rule) -> bool {
        rule.shuts(&self.needs, self.hidden)
            || (self.check == Check::KernelResource && rule.about.takes.contains(&Capability::Download))
    }

    /// It is for another program's port; that nobody listens there shows that it went through.
    pub(crate) fn is_port(&self) -> bool {
        self.needs.contains(&Capability::PortProxy)
    }

    /// Its WebSocket carries a program's messages as they are.
    pub(crate) fn is_plain_socket(&self, ide: Ide) -> bool {
        let read = ide == Ide::CodeServer || self.door.path.ends_with("/channels");
        self.door.upgrade && !read && !self.is_port() && !self.is_last()
    }

    /// The kind of its body.
    pub(crate) fn body_kind(&self) -> &'static str {
        let form = self.door.body.as_deref().is_some_and(|body| body.starts_with("--b\r\n"));
        if form { "multipart/form-data; boundary=b" } else { "application/json" }
    }

    /// It would end the IDE, names a port by a word that only the session knows, or is for R's own children: not asked where
    /// it passes.
    pub(crate) fn is_last(&self) -> bool {
        let path = &self.door.path;
        let hidden = ["/p/", "/p6/", "/rsession-local/"].iter().any(|start| path.starts_with(start));
        hidden || self.needs.contains(&Capability::EndSession) || path.contains("shutdown")
    }
}

//! The doors: from the adapters' tables, by flag.

use portcullis_model::session::Ide;
use portcullis_policy::flag::About;
use portcullis_policy::{Adapters, Capability, Check, Door, doors, flag, row_of};

/// A file as RStudio's page sends it.
const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"targetDirectory\"\r\n\r\n~\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";

/// What is asked of a door, and what it takes.
pub(crate) struct Knock {
    pub(crate) door: Door,
    pub(crate) needs: Vec<Capability>,
    pub(crate) check: Check,
}

/// A flag and how it stands when it is off and when it is on.
pub(crate) struct Rule {
    pub(crate) about: &'static About,
    pub(crate) off: String,
}

/// The flags that take something of this IDE's away.
pub(crate) fn rules(ide: Ide) -> Vec<Rule> {
    let taking = flag::ALL.iter().filter(|about| about.concerns.includes(ide) && !about.takes.is_empty());
    taking.map(|about| Rule { about, off: format!("{}=0", about.name) }).collect()
}

/// All doors of an IDE.
pub(crate) fn all(adapters: &Adapters, ide: Ide) -> Vec<Knock> {
    let mut all: Vec<Knock> = Vec::new();
    for capability in Capability::ALL {
        for mut door in doors(adapters, ide, capability, Some("file.txt")) {
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
                door.body = Some(FORM.to_owned());
            }
            // A request that several capabilities are made of takes them all.
            if let Some(known) = all.iter_mut().find(|known| known.door == door) {
                known.needs.push(capability);
                continue;
            }
            let row = row_of(adapters, ide, &door.ask());
            let (mut needs, check) =
                row.map_or((vec![Capability::Unknown], Check::None), |row| (row.needs.to_vec(), row.check));
            // An example's query or body says more than its row.
            if !needs.contains(&capability) {
                needs.push(capability);
            }
            match door.path.as_str() {
                // The row behind all rows: a method that none of them names.
                "/rpc/1" => needs.push(Capability::Unknown),
                // Any file, unless it lies where the editor's own pictures are.
                "/vscode-remote-resource" => needs.push(Capability::Download),
                _ => {}
            }
            all.push(Knock { door, needs, check });
        }
    }
    all
}

impl Knock {
    /// Whether a flag that is off shuts it.
    pub(crate) fn is_shut_by(&self, about: &About) -> bool {
        let taken = |need: &Capability| about.takes.contains(need);
        let unknown = |need: &Capability| matches!(need, Capability::Unknown | Capability::PortProxy);
        self.needs.iter().any(|need| taken(need) || unknown(need))
            || (self.check == Check::KernelResource && about.takes.contains(&Capability::Download))
    }

    /// It is for another program's port; that nobody listens there shows that it went through.
    pub(crate) fn is_port(&self) -> bool {
        self.needs.contains(&Capability::PortProxy)
    }

    /// The kind of its body.
    pub(crate) fn body_kind(&self) -> &'static str {
        let form = self.door.body.as_deref() == Some(FORM);
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

//! RStudio's calls and addresses as `portcullis explain` shows them.

use super::{Look, rpc};
use crate::Capability;
use crate::doors::{Example, Finer, encoded};
use crate::row::{Check, Row};

/// The calls that take a capability; their bodies are judged beyond that.
pub(super) fn calls(capability: Capability) -> Vec<Example> {
    let taking = rpc::methods().filter(|(_, method)| method.needs.contains(&capability));
    let call = |name| Example { method: "POST", path: format!("/rpc/{name}"), query: None, body: None };
    taking.map(|(_, method)| call(method.name)).collect()
}

/// The query that names a file.
pub(super) fn query(row: &Row, file: &str) -> Option<String> {
    let place = if file.starts_with('/') { encoded(file) } else { format!("~/{}", encoded(file)) };
    match row.check {
        Check::Rstudio(Look::Path(field) | Look::PageWith(field)) => Some(format!("{field}={place}")),
        Check::Rstudio(Look::Export) => {
            let name = file.rsplit('/').next().unwrap_or_default();
            Some(format!("name={}&file={place}", encoded(name)))
        }
        _ => None,
    }
}

/// The method that an address names.
pub(super) fn finer(name: &str) -> Option<Finer> {
    let (source, method) = rpc::methods().find(|(_, method)| method.name == name)?;
    Some(Finer { name: method.name, needs: method.needs, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_is_found_with_its_source() {
        for (source, method) in rpc::methods() {
            let found = finer(method.name).expect(method.name);
            assert_eq!((found.needs, found.source), (method.needs, source), "{}", method.name);
        }
        assert_eq!(finer("no_such_call"), None);
        let shells = calls(Capability::Shell);
        assert!(shells.iter().any(|call| call.path == "/rpc/start_terminal"), "{shells:?}");
    }
}

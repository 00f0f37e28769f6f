//! RStudio's calls and addresses as `portcullis explain` shows them.

use serde_json::{Value, json};

use super::Look;
use super::rpc::{self, Arg, Method};
use crate::Capability;
use crate::doors::{Example, Finer, encoded, zeros};
use crate::row::{Check, Row};

/// The calls that take a capability; their bodies are judged beyond that.
pub(super) fn calls(capability: Capability) -> Vec<Example> {
    let taking = rpc::methods().filter(|(_, method)| method.needs.contains(&capability));
    let call = |name| Example { method: "POST", path: format!("/rpc/{name}"), query: None, body: None };
    taking.map(|(_, method)| call(method.name)).collect()
}

/// Calls that name a file, one for each parameter where one can stand, and the folder of an upload.
pub(super) fn naming(file: &str) -> Vec<Example> {
    let calls = rpc::methods().flat_map(|(_, method)| {
        let named = method.args.iter().filter_map(|arg| Some((arg.index()?, value(*arg, file)?)));
        named.map(|(at, value)| call(method, at, &value))
    });
    calls.chain([form(file, b"hello")]).collect()
}

/// The form of an upload, and the calls that carry a file in base64.
pub(super) fn bringing(bytes: usize) -> Vec<Example> {
    let calls = rpc::methods().flat_map(|(_, method)| {
        let carried = method.args.iter().filter_map(|arg| match arg {
            Arg::Bytes(at) => Some(*at),
            _ => None,
        });
        carried.map(move |at| call(method, at, &json!([zeros(bytes)])))
    });
    [form("~", &vec![b'x'; bytes])].into_iter().chain(calls).collect()
}

fn call(method: &Method, at: u8, value: &Value) -> Example {
    let mut params = vec![Value::Null; usize::from(at)];
    params.push(value.clone());
    let body = json!({
        "method": method.name, "params": params, "kwparams": {}, "clientId": "", "clientVersion": ""
    });
    Example {
        method: "POST",
        path: format!("/rpc/{}", method.name),
        query: None,
        body: Some(body.to_string()),
    }
}

/// The parameter that names this file; `None` where a bare name or nothing of the kind belongs.
fn value(arg: Arg, file: &str) -> Option<Value> {
    Some(match arg {
        Arg::Path(_) | Arg::PathBut(..) | Arg::Tree(_) | Arg::Place(_, "") => json!(file),
        Arg::Each(_) | Arg::Trees(_) => json!([file]),
        Arg::In(_, name) | Arg::Place(_, name) => json!({ name: file }),
        Arg::InEach(_, name) => json!([{ name: file }]),
        Arg::TreesIn(_, name) => json!({ name: [file] }),
        _ => return None,
    })
}

/// What stands between the parts of [`form`].
const BOUNDARY: &str = "b";

/// A file as the page sends it.
fn form(folder: &str, file: &[u8]) -> Example {
    let body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"targetDirectory\"\r\n\r\n{folder}\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
         Content-Type: text/plain\r\n\r\n{}\r\n--{BOUNDARY}--\r\n",
        String::from_utf8_lossy(file)
    );
    Example { method: "POST", path: "/upload".to_owned(), query: None, body: Some(body) }
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

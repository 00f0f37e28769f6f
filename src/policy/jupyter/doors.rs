//! JupyterLab's requests of which only query or body tells what they do, as examples.

use serde_json::json;

use crate::Capability;
use crate::doors::{Example, encoded, zeros};

/// Bytes of a piece of JupyterLab's upload.
const PIECE: usize = 1 << 20;

/// Requests that take a capability.
pub(super) fn examples(capability: Capability, file: &str) -> Vec<Example> {
    let plain = file.trim_start_matches('/');
    let path = contents(plain);
    match capability {
        // The query says that the bytes of any file are meant.
        Capability::Download => {
            let query = Some("type=file&format=base64&content=1".to_owned());
            vec![Example { method: "GET", path, query, body: None }]
        }
        // The body says that a file is brought in: the interface saves by the same request.
        Capability::Upload => vec![upload(plain, "AAEC", None)],
        _ => Vec::new(),
    }
}

/// Requests that name a file in their body.
pub(super) fn naming(file: &str) -> Vec<Example> {
    let plain = file.trim_start_matches('/');
    let with = |method, path, body: serde_json::Value| Example {
        method,
        path,
        query: None,
        body: Some(body.to_string()),
    };
    vec![
        with("POST", contents(""), json!({ "copy_from": plain })),
        with("PATCH", contents("renamed.txt"), json!({ "path": plain })),
    ]
}

/// An upload of so many bytes: whole, and the last piece of one in pieces.
pub(super) fn bringing(bytes: usize) -> Vec<Example> {
    // The number of a piece says how many whole ones came before.
    let (piece, last) = if bytes > PIECE { (2, bytes - PIECE) } else { (1, bytes) };
    vec![upload("whole.bin", &zeros(bytes), None), upload("pieces.bin", &zeros(last), Some(piece))]
}

fn contents(name: &str) -> String {
    let slash = if name.is_empty() { "" } else { "/" };
    format!("/api/contents{slash}{}", encoded(name))
}

fn upload(name: &str, content: &str, chunk: Option<u32>) -> Example {
    let mut model =
        json!({ "type": "file", "format": "base64", "name": name, "path": name, "content": content });
    if let Some(chunk) = chunk {
        model["chunk"] = chunk.into();
    }
    Example { method: "PUT", path: contents(name), query: None, body: Some(model.to_string()) }
}

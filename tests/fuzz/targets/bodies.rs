//! Bodies that are judged: Jupyter's models, RStudio's calls, forms with files; and the ledger that reads them as they pass.

use portcullis_model::session::Ide;
use portcullis_policy::{Counted, Digest, Form, Tally, Verdict, decide, judge_body};

use crate::Target;
use crate::worlds::{ADAPTERS, FLAGS, ask};

/// Models of `api/contents`.
pub(super) const CONTENTS: Target = Target {
    name: "contents",
    run: contents,
    seeds: models,
    words: &[
        "\"content\":",
        "\"format\":",
        "\"base64\"",
        "\"text\"",
        "\"chunk\":",
        "\"name\":",
        "\"type\":",
        "\"notebook\"",
        "{",
        "}",
        "[",
        "]",
        "\\u0061",
        "\\ud83d",
        "\\ude00",
        "\\\"",
        "null",
        "-1",
        "=",
        "\"path\":",
        "\"copy_from\":",
        "../",
    ],
};

/// RStudio's JSON-RPC.
pub(super) const RPC: Target = Target {
    name: "rpc",
    run: rpc,
    seeds: calls,
    words: &[
        "\"method\":",
        "\"params\":",
        "\"kwparams\":",
        "\"clientId\":",
        "\"console_input\"",
        "\"start_terminal\"",
        "\"list_files\"",
        "[",
        "]",
        "{",
        "}",
        "\\u006d",
        "null",
        "~/",
        "../",
        "\"jsonrpc\":\"2.0\"",
        ",",
    ],
};

/// Forms with files.
pub(super) const MULTIPART: Target = Target {
    name: "multipart",
    run: multipart,
    seeds: forms,
    words: &[
        "--b",
        "\r\n",
        "\r\n--b",
        "--b--",
        "Content-Disposition: form-data; ",
        "name=\"file\"",
        "filename=\"a\"",
        "filename*=utf-8''a",
        "targetDirectory",
        "\r\n\r\n",
        "--",
        "Content-Type: ",
        "\"",
        ";",
    ],
};

/// Feeds a body in three ways of cutting; all must come to the same.
fn tally(form: Form, body: &[u8]) -> Counted {
    let of = |width: usize| {
        let mut tally = Tally::new(form, None);
        body.chunks(width).for_each(|piece| tally.update(piece));
        tally.finish()
    };
    let (whole, single, odd) = (of(body.len().max(1)), of(1), of(1 + body.len() % 7));
    assert!(whole == single && whole == odd, "it depends on how the body is cut");
    assert!(whole.sum.bytes <= u64::try_from(body.len()).unwrap_or(u64::MAX).saturating_mul(3));
    whole
}

fn contents(data: &[u8]) {
    let [flags, method, body @ ..] = data else { return };
    let flags = &FLAGS[usize::from(*flags) % FLAGS.len()].1;
    let method = ["PUT", "POST", "PATCH"][usize::from(*method) % 3];
    let ask = ask(method, "/api/contents/a%20b", false);
    let _ = judge_body(&ADAPTERS, Ide::Jupyter, flags, &ask, body);
    let counted = tally(Form::Model { base64: None }, body);
    let mut whole = Digest::new();
    whole.update(body);
    if !counted.file {
        assert_eq!(counted.sum, whole.finish());
        return;
    }
    // A strict parser that reads it must see the same file.
    if let Ok(serde_json::Value::Object(model)) = serde_json::from_slice(body) {
        if let (Some(text), Some("text")) = (model["content"].as_str(), model["format"].as_str()) {
            let mut file = Digest::new();
            file.update(text.as_bytes());
            assert_eq!(counted.sum, file.finish(), "not the model's text");
        }
    }
}

fn rpc(data: &[u8]) {
    let [flags, method, body @ ..] = data else { return };
    let flags = &FLAGS[usize::from(*flags) % FLAGS.len()].1;
    let path = ["/rpc/console_input", "/rpc/list_files", "/rpc/start_terminal", "/rpc/unheard_of"]
        [usize::from(*method) % 4];
    let ask = ask("POST", path, false);
    if let Verdict::Forward(_) = decide(&ADAPTERS, Ide::Rstudio, flags, &ask) {
        let verdict = judge_body(&ADAPTERS, Ide::Rstudio, flags, &ask, body);
        // What names another method in its body than in its address is two calls.
        if let (Verdict::Forward(_), true) = (verdict, flags.restrictive()) {
            if let Ok(serde_json::Value::Object(call)) = serde_json::from_slice(body) {
                let said = call.get("method").and_then(serde_json::Value::as_str);
                assert!(
                    said.is_none_or(|said| path.ends_with(&format!("/{said}"))),
                    "{path} carries {said:?}"
                );
            }
        }
    }
}

fn multipart(data: &[u8]) {
    let [flags, body @ ..] = data else { return };
    let flags = &FLAGS[usize::from(*flags) % FLAGS.len()].1;
    let counted = tally(Form::Multipart, body);
    assert!(counted.sum.bytes <= u64::try_from(body.len()).unwrap_or(u64::MAX));
    let _ = judge_body(&ADAPTERS, Ide::Rstudio, flags, &ask("POST", "/upload", false), body);
}

fn models() -> Vec<Vec<u8>> {
    [
        r#"{"type":"file","format":"base64","name":"up.txt","content":"aGk=","path":"up.txt","chunk":1}"#,
        r#"{"type":"file","format":"text","content":"hi\n\u00e9\ud83d\ude00","path":"a.txt"}"#,
        r#"{"type":"notebook","format":"json","content":{"cells":[{"source":["a\"]}"]}]},"path":"a.ipynb"}"#,
        r#"{"content":"aGk=","format":"base64","chunk":-1}"#,
        r#"{"copy_from":"/a/b.txt"}"#,
        r#"{"path":"a/./b"}"#,
        "null",
    ]
    .iter()
    .enumerate()
    .map(|(at, text)| [&[u8::try_from(at).unwrap_or(0), 0], text.as_bytes()].concat())
    .collect()
}

fn calls() -> Vec<Vec<u8>> {
    [
        r#"{"method":"console_input","params":["1+1","",0],"clientId":"a","clientVersion":""}"#,
        r#"{"method":"list_files","params":["~/",false,false],"kwparams":{}}"#,
        r#"{"jsonrpc":"2.0","method":"start_terminal","params":[{"handle":"a"}]}"#,
    ]
    .iter()
    .enumerate()
    .map(|(at, text)| [&[1, u8::try_from(at).unwrap_or(0)], text.as_bytes()].concat())
    .collect()
}

fn forms() -> Vec<Vec<u8>> {
    let part = |head: &str, content: &str| {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    let target = part("name=\"targetDirectory\"", "~/x");
    let file = part("name=\"file\"; filename=\"a.txt\"", "line\r\n--\r\nx");
    let bodies =
        [format!("{target}{file}--b--\r\n"), format!("{file}{target}--b--"), format!("{file}{file}--b--")];
    bodies.iter().map(|body| [&[2], body.as_bytes()].concat()).collect()
}

//! Files in and out: addresses, forms, sizes.

use anyhow::{Result, ensure};
use portcullis_testing::Stage;
use serde_json::json;

use super::{FORM, form, running};

pub(super) fn downloads(stage: &Stage) -> Result<()> {
    let doors = [
        "/export/x?name=x&file=~/x.txt",
        "/export/x.zip?name=x.zip&parent=~&file0=x.txt",
        "/files/x.txt",
        "/file_show?path=~/x.txt",
    ];
    let ide = running(stage, "allow-file-downloads=0", "cat")?;
    ide.write("x.txt", "of mine")?;
    for door in doors {
        let before = ide.seen().len();
        let answer = ide.get(door)?.expect(403)?;
        ensure!(answer.text().contains("allow-file-downloads=0"), "{door}: {}", answer.text());
        ide.client.request("HEAD", &ide.at(door)).send()?.expect(403)?;
        ensure!(ide.seen().len() == before, "{door} reached the session");
        ensure!(
            ide.direct("GET", door, "", b"")?.contains("of mine"),
            "{door}: the session guards it by itself"
        );
    }
    for spelling in
        ["/%65xport/x?name=x&file=~/x.txt", "//export/x?name=x&file=~/x.txt", "/exportx?name=x&file=~/x.txt"]
    {
        ide.get(spelling)?.expect(403)?;
    }
    ensure!(
        ide.call("get_file_contents", &json!(["~/x.txt", "UTF-8"]))?["result"] == "of mine",
        "an editor opens it"
    );
    drop(ide);
    let ide = running(stage, "allow-file-downloads=1", "cat")?;
    ide.write("x.txt", "of mine")?;
    for door in doors {
        ensure!(ide.get(door)?.expect(200)?.text() == "of mine", "{door}");
    }
    ide.world.await_audit(
        "transfer",
        &[("session", &ide.id), ("direction", "download"), ("path", "~/x.txt")],
        10,
    )?;
    Ok(())
}

pub(super) fn uploads(stage: &Stage) -> Result<()> {
    let ide = running(stage, "allow-file-uploads=0", "dan")?;
    let answer = ide.upload(form("u.txt", b"of theirs", "~"))?;
    let message = answer["error"]["error"]["message"].as_str().unwrap_or_default();
    ensure!(message.contains("allow-file-uploads=0"), "{answer}");
    ide.refused("complete_upload", &json!([{}, true]), "allow-file-uploads=0")?;
    ide.refused("rmd_save_base64_images", &json!([["AAAA"], "~"]), "allow-file-uploads=0")?;
    // Saving is no upload, but for text that nobody types.
    ensure!(ide.call("create_file", &json!(["~/n.txt", "text"]))?["result"].is_null(), "saved");
    let large = ide.call("create_file", &json!(["~/n.txt", "x".repeat(10 << 20)]))?;
    ensure!(
        large["error"]["error"]["message"].as_str().is_some_and(|why| why.contains("allow-file-uploads")),
        "{large}"
    );
    // The control: the session takes it, and asks nobody for a token.
    let taken = ide.direct(
        "POST",
        "/upload",
        &format!("Content-Type: {FORM}\r\n"),
        &form("u.txt", b"of theirs", "~"),
    )?;
    ensure!(taken.contains("uploadedTempFile"), "{taken}");
    drop(ide);
    let ide = running(stage, "allow-file-uploads=1", "dan")?;
    let answer = ide.upload(form("u.txt", b"of theirs", "~"))?;
    ensure!(
        ide.call("complete_upload", &json!([answer["result"]["token"], true]))?["result"].is_null(),
        "{answer}"
    );
    ensure!(std::fs::read(ide.home.join("u.txt"))? == b"of theirs", "it is there");
    ide.world.await_audit("transfer", &[("session", &ide.id), ("direction", "upload")], 10)?;
    Ok(())
}

pub(super) fn sizes(stage: &Stage) -> Result<()> {
    let ide = running(stage, "limit-file-upload-size-mb=1", "eve")?;
    let mb = 1 << 20;
    let answer = ide.upload(form("u.bin", &vec![b'x'; mb], "~"))?;
    ensure!(answer["result"]["token"].is_object(), "{answer}");
    for size in [mb + 1, 3 * mb] {
        let answer = ide.upload(form("u.bin", &vec![b'x'; size], "~"))?;
        let message = answer["error"]["error"]["message"].as_str().unwrap_or_default();
        ensure!(message.contains("limit-file-upload-size-mb=1"), "{size}: {answer}");
    }
    // Without a length, by the bytes that come.
    let mut chunked = Vec::new();
    for piece in form("u.bin", &vec![b'x'; 2 * mb], "~").chunks(100_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let head = format!(
        "POST {} HTTP/1.1\r\n{}Content-Type: {FORM}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        ide.at("/upload"),
        ide.client.head_lines()
    );
    let answer = ide.client.raw(&[head.as_bytes(), &chunked].concat())?;
    let answer = String::from_utf8_lossy(&answer);
    ensure!(answer.contains("limit-file-upload-size-mb=1"), "{answer}");
    let kept = ide.home.join(format!(".local/share/rstudio/uploaded-files/{}.bin", 2 * mb));
    ensure!(!kept.exists(), "the session has none of it");
    Ok(())
}

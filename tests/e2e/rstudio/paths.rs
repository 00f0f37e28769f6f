//! `restrict-directory-view` by every name a file has.

use anyhow::{Result, ensure};
use portcullis_testing::Stage;
use serde_json::json;

use super::{form, running, running_in};

pub(super) fn directories(stage: &Stage) -> Result<()> {
    // The proxy alone: the kernel would shut what the control opens.
    let world = stage.world().rsession(&[]).conf("portcullis.conf", "session-sandbox=off");
    let world = world
        .conf("rsession.conf", "restrict-directory-view=1\ndirectory-view-allow-list=/opt/shared")
        .start()?;
    std::fs::create_dir_all("/opt/shared-not")?;
    std::fs::create_dir_all("/opt/shared")?;
    for name in ["/opt/shared/a.txt", "/opt/shared-not/a.txt"] {
        std::fs::write(name, "shared")?;
    }
    let ide = running_in(world, "gus")?;
    ide.write("x.txt", "of mine")?;
    let link =
        |to: &str, name: &str| -> Result<()> { Ok(std::os::unix::fs::symlink(to, ide.home.join(name))?) };
    link("/etc/hostname", "link")?;
    link("/etc", "etc")?;
    std::fs::create_dir_all(ide.home.join("d"))?;
    link("/etc/hostname", "d/link")?;
    let secret = std::fs::read_to_string("/etc/hostname")?;
    // The control: each of these is open at the session itself, its own check included.
    let open = ide.direct("GET", "/export/x?name=x&file=~/link", "", b"")?;
    ensure!(open.contains(secret.trim()), "{open}");
    let other = format!("{}/..", ide.home.display());
    ensure!(ide.direct_call("list_files", &json!([other]))?["result"]["files"].is_array(), "every home");
    ide.direct_call("open_document", &json!(["/etc/hostname", "text", {}]))?;
    let left = ide.direct_call("get_source_document", &json!(["D1"]))?;
    ensure!(left["result"]["contents"] == secret.as_str(), "open_document goes on after its error: {left}");
    let flag = "restrict-directory-view=1";
    for (method, params) in [
        ("stat", json!(["/etc/hostname"])),
        ("stat", json!(["~/link"])),
        ("stat", json!(["~/etc/passwd"])),
        ("stat", json!(["~/../x"])),
        ("stat", json!(["~root/x"])),
        ("stat", json!(["etc/passwd"])),
        ("list_files", json!(["/home", false, false])),
        ("list_files", json!(["/opt/shared-not", false, false])),
        ("open_document", json!(["/etc/hostname", "text", {}])),
        ("get_file_contents", json!(["~/etc/hostname", "UTF-8"])),
        ("copy_file", json!(["/etc/hostname", "~/stolen", true])),
        ("copy_file", json!(["~/x.txt", "/tmp/x", true])),
        ("delete_files", json!([["~/x.txt", "/etc/hostname"]])),
        ("move_files", json!([["~/x.txt"], "/tmp"])),
        ("save_document", json!(["D1", "/tmp/x", null, null, "", null, "text", false])),
        ("begin_find", json!(["h", "root", false, false, true, "/etc", [], [], false, false])),
        ("render_rmd", json!(["~/x.Rmd", 1, "", "", "", false, 0, "", "/etc", ""])),
        (
            "complete_upload",
            json!([{"filename": "x", "uploadedTempFile": "/etc/hostname", "targetDirectory": "~"}, true]),
        ),
        (
            "complete_upload",
            json!([{"filename": "../x", "uploadedTempFile": "~/t", "targetDirectory": "~"}, true]),
        ),
    ] {
        ide.refused(method, &params, flag)?;
    }
    for path in [
        "/export/x?name=x&file=/etc/hostname",
        "/export/x?name=x&file=%2Fetc%2Fhostname",
        "/export/x?name=x&file=~/link",
        "/export/x?name=x&file=~%2Flink",
        "/export/x?name=x&file=~/x.txt&file=/etc/hostname",
        "/export/x?name=x&parent=/etc&file0=hostname",
        "/export/x?name=x&parent=~&file0=x.txt&file1=link",
        "/export/x?name=x&parent=~&file0=etc/hostname",
        "/export/x?name=x&parent=~&file0=../../etc/hostname",
        "/export/x?name=x&parent=~&file0=d",
        "/files/link",
        "/files/etc/hostname",
        "/files/%2fetc%2fhostname",
        "/files//etc/hostname",
        "/file_show?path=/etc/hostname",
        "/file_show?path=~/etc/hostname",
        "/file_show?path=/opt/shared-not/a.txt",
    ] {
        let answer = ide.get(path)?;
        ensure!(answer.status == 403 || answer.status == 404, "{path}: {}", answer.status);
        ensure!(!answer.text().contains(secret.trim()), "{path}: {}", answer.text());
    }
    ide.audited(flag)?;
    for (path, text) in [
        ("/export/x?name=x&file=~/x.txt", "of mine"),
        ("/export/x?name=x&parent=~&file0=x.txt", "of mine"),
        ("/files/x.txt", "of mine"),
        ("/file_show?path=/opt/shared/a.txt", "shared"),
    ] {
        ensure!(ide.get(path)?.expect(200)?.text() == text, "{path}");
    }
    ensure!(ide.call("stat", &json!(["~/x.txt"]))?["result"]["exists"] == true, "one's own");
    ensure!(ide.call("list_files", &json!(["~", false, false]))?["result"]["files"].is_array(), "one's own");
    ensure!(ide.call("create_file", &json!(["~/new.txt", "x"]))?["result"].is_null(), "a new one");
    Ok(())
}

pub(super) fn upload_directories(stage: &Stage) -> Result<()> {
    let ide = running(stage, "restrict-directory-view=1", "hal")?;
    let taken =
        |size: usize| ide.home.join(format!(".local/share/rstudio/uploaded-files/{size}.bin")).exists();
    for (size, directory) in [(11, "/etc"), (200_013, "/tmp"), (14, "~/../x"), (15, "~root"), (16, "x")] {
        let answer = ide.upload(form("u.txt", &vec![b'x'; size], directory))?;
        ensure!(answer["error"]["error"]["message"].is_string(), "{directory}: {answer}");
        ensure!(!taken(size), "the session has the whole form for {directory}");
    }
    let twice = [
        &form("u.txt", b"1234", "~")[..form("u.txt", b"1234", "~").len() - 8],
        &form("u.txt", b"1234", "/etc"),
    ]
    .concat();
    ensure!(ide.upload(twice)?["error"]["error"]["message"].is_string(), "two directories");
    let answer = ide.upload(form("u.txt", &vec![b'x'; 200_017], "~"))?;
    ensure!(answer["result"]["token"].is_object() && taken(200_017), "{answer}");
    Ok(())
}

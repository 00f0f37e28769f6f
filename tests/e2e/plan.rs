//! What the kernel is to hold: demanded and had, said to the person, proven in the audit log.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Account, Hung, Stage, account, case, place, until};

use crate::starts::await_end_page;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("plan::what_is_demanded_of_the_kernel_is_had_and_said", demanded),
        case("plan::off_is_as_if_there_were_none", off),
        case("plan::a_service_that_starts_anew_stays_out_of_sight", service),
        case("plan::a_listed_folder_that_does_not_answer_stops_nobody", hung),
    ]
}

const STRICT: &str = "allow-shell=0\nallow-package-installation=0\nrestrict-directory-view=1";

fn demanded(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rsession.conf", STRICT)
        .conf(
            "portcullis.conf",
            "session-sandbox=required\nminimum-level=allow-shell:kernel restrict-directory-view:kernel",
        )
        .start()?;
    let (_, client) = world.signed_in("ann")?;
    client.start_session(30)?;
    let page = client.get("/")?.expect(200)?.text();
    ensure!(page.contains("by the kernel inside the session"), "{page}");
    let started = world.await_audit("session-started", &[], 10)?;
    let proof = started["proof"].as_str().unwrap_or_default();
    ensure!(proof.contains("landlock=") && proof.contains("calls=closed"), "{proof}");
    Ok(())
}

fn off(stage: &Stage) -> Result<()> {
    let world =
        stage.world().conf("rsession.conf", STRICT).conf("portcullis.conf", "session-sandbox=off").start()?;
    let (_, client) = world.signed_in("ann")?;
    client.start_session(30)?;
    let page = client.get("/")?.expect(200)?.text();
    ensure!(!page.contains("by the kernel inside the session"), "{page}");
    ensure!(page.contains("Held at the door"), "{page}");
    let started = world.await_audit("session-started", &[], 10)?;
    let proof = started["proof"].as_str().unwrap_or_default();
    ensure!(!proof.contains("calls=closed"), "{proof}");
    Ok(())
}

/// What listens in the machine's `/run`, and whoever connects is let in.
fn serve(folder: &Path) -> Result<UnixListener> {
    std::fs::create_dir_all(folder)?;
    let socket = folder.join("socket");
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// Whether code in this person's session reaches a socket.
fn reaches(account: &Account, folder: &Path) -> Result<bool> {
    let path = account.home.join("work.sock");
    let stream = until::some("the double takes orders", 20, || Ok(UnixStream::connect(&path).ok()))?;
    let script =
        format!("import socket; socket.socket(socket.AF_UNIX).connect('{}/socket')", folder.display());
    (&stream).write_all(format!("run /usr/bin/python3\t-c\t{script}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    ensure!(!answer.is_empty(), "the double gave no answer");
    Ok(!answer.starts_with("error"))
}

fn service(stage: &Stage) -> Result<()> {
    let number = place::next_number();
    let folder = |name: &str| Path::new("/run").join(format!("{name}{number}"));
    let (old, new) = (folder("old"), folder("new"));
    let mut listening = vec![serve(&old)?];
    let world = stage
        .world()
        .file("profiles", "[@walled]\nrestrict-directory-view=1\n")
        .double(&["--double-work"])
        .start()?;
    account::shadow("groupadd", &["--force", "walled"])?;
    let walled = world.account_with("wall", &["--groups", "walled"])?;
    let client = world.client()?;
    client.sign_in(&walled.name, &walled.password)?;
    client.start_session(30)?;
    let (free, other) = world.signed_in("free")?;
    other.start_session(30)?;
    ensure!(reaches(&free, &old)?, "nobody reaches it, so it proves nothing");
    ensure!(!reaches(&walled, &old)?, "it is reached before anything starts anew");
    // As packages and administrators do it: the socket anew in its folder, the folder anew, a service that was never there.
    listening.push(serve(&old)?);
    ensure!(reaches(&free, &old)? && !reaches(&walled, &old)?, "a new socket");
    std::fs::remove_dir_all(&old)?;
    listening.extend([serve(&old)?, serve(&new)?]);
    for (what, folder) in [("a new folder", &old), ("a new service", &new)] {
        ensure!(reaches(&free, folder)?, "{what} can't be reached by anybody");
        ensure!(!reaches(&walled, folder)?, "{what} is in sight");
    }
    Ok(())
}

fn hung(stage: &Stage) -> Result<()> {
    let number = place::next_number();
    let (folder, group) = (format!("/srv/hung{number}"), format!("hung{number}"));
    std::fs::create_dir_all(&folder)?;
    account::shadow("groupadd", &["--force", &group])?;
    let profile = format!("[@{group}]\nrestrict-directory-view=1\ndirectory-view-allow-list={folder}\n");
    let world = stage
        .world()
        .file("profiles", &profile)
        .conf("portcullis.conf", "session-start-timeout-seconds=16\nsession-end-seconds=2")
        .start()?;
    for said in ["did not end in time", "can't be killed", "does not answer", "a keeper ended before"] {
        world.log.expect(said);
    }
    let hung = Hung::over(folder.as_ref())?;
    let account = world.account_with("ann", &["--groups", &group])?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    let id = client.open_session()?;
    // Whoever doesn't have the folder on their list notices nothing.
    let (_, other) = world.signed_in("ben")?;
    other.start_session(30)?;
    let page = client.get(&format!("/sessions/{id}"))?.expect(200)?.text();
    ensure!(page.contains("data-go="), "it was over before: {page}");
    let page = await_end_page(&client, &id, 30).context("the start that hangs")?;
    ensure!(page.contains(&folder) && page.contains("does not answer"), "{page}");
    drop(hung);
    client.start_session(30)?;
    Ok(())
}

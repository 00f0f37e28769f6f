//! A WSGI application on gunicorn: with its prefix and without, files each way, refusals in the client's form.

use std::path::Path;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Account, Client, Stage, World, case, until};

use super::{needs, routes, shared, start};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("apps::wsgi::an_application_that_knows_its_path_keeps_it", keeps),
        case("apps::wsgi::one_that_does_not_is_served_below_it_all_the_same", strips),
        case("apps::wsgi::below_a_root_path_it_is_the_same", below_a_root),
        case("apps::wsgi::flags_hold_for_files_and_sizes", files),
        case("apps::wsgi::a_refusal_is_a_page_json_or_text", forms),
        case("apps::wsgi::who_is_not_root_is_told_what_is_not_seen", routes_of_others),
    ]
}

const ROUTES: &str = "route = GET /files/** download+read file download\nroute = POST /upload upload name upload act\n\
                      route = GET /go ui\nroute = GET /there ui\nroute = GET / ui\n";

/// The line that starts it.
fn command(script: &Path) -> String {
    let folder = script.parent().unwrap_or(script).display();
    format!(
        "command = /usr/bin/gunicorn --bind unix:{{socket}} --workers 1 --worker-tmp-dir /dev/shm --pythonpath {folder} \
         --access-logfile /dev/null page:application\n"
    )
}

fn running(stage: &Stage, flags: &str, more: &str, stem: &str) -> Result<(World, Account, Client, String)> {
    needs("/usr/bin/gunicorn", "gunicorn")?;
    let script = shared("page.py", include_str!("page.py"))?;
    let conf = format!("[app page]\n{}{more}{ROUTES}", command(&script));
    let world = stage.world().conf("rsession.conf", flags).file("adapters.conf", &conf).start()?;
    let (account, client) = world.signed_in(stem)?;
    let id = start(&client, "page")?;
    Ok((world, account, client, id))
}

fn keeps(stage: &Stage) -> Result<()> {
    let more = "prefix = keep\nenvironment = SCRIPT_NAME={base-url}\nenvironment = BASE={base-url}|{home}\nworking-dir = /usr/share\n";
    let (_world, account, client, id) = running(stage, "allow-shell=0", more, "ann")?;
    let at = format!("/s/{id}");
    let answer = client.get(&format!("{at}/"))?.expect(200)?;
    let told = answer.json()?;
    ensure!(told["script"] == at.as_str() && told["prefix"] == "", "{told}");
    ensure!(
        told["base"] == format!("{at}|{}", account.home.display()) && told["cwd"] == "/usr/share",
        "{told}"
    );
    ensure!(told["uid"] == account.uid && told["known"] == true, "{told}");
    let cookie = answer.header("set-cookie").unwrap_or_default().to_owned();
    ensure!(cookie.ends_with(&format!("Path={at}/")), "a cookie for other sessions too: {cookie}");
    let moved = client.get(&format!("{at}/go"))?.expect(302)?;
    ensure!(moved.header("location") == Some(&format!("{at}/there")), "{:?}", moved.headers);
    Ok(())
}

fn strips(stage: &Stage) -> Result<()> {
    let (_world, _, client, id) = running(stage, "allow-shell=0", "", "bea")?;
    let at = format!("/s/{id}");
    let answer =
        client.request("GET", &format!("{at}/")).header("X-Forwarded-Prefix", "/evil").send()?.expect(200)?;
    let told = answer.json()?;
    ensure!(told["script"] == "" && told["prefix"] == at.as_str(), "{told}");
    let cookie = answer.header("set-cookie").unwrap_or_default().to_owned();
    ensure!(cookie.ends_with(&format!("Path={at}/")), "a cookie for other sessions too: {cookie}");
    let moved = client.get(&format!("{at}/go"))?.expect(302)?;
    ensure!(moved.header("location") == Some(&format!("{at}/there")), "{:?}", moved.headers);
    let there = client.get(&format!("{at}/there"))?.expect(200)?.text();
    ensure!(there == "GET /there", "{there}");
    Ok(())
}

fn below_a_root(stage: &Stage) -> Result<()> {
    needs("/usr/bin/gunicorn", "gunicorn")?;
    let script = shared("page.py", include_str!("page.py"))?;
    let conf = format!("[app page]\n{}{ROUTES}", command(&script));
    let world = stage
        .world()
        .conf("rserver.conf", "www-root-path=/deep/ide")
        .conf("rsession.conf", "allow-shell=0")
        .file("adapters.conf", &conf)
        .start()?;
    let (account, client) = (world.account("fay")?, world.client()?);
    let fields =
        [("username", account.name.as_str()), ("password", &account.password), ("appUri", "/deep/ide/")];
    client.post("/deep/ide/auth-do-sign-in", &fields)?.expect(303)?;
    let answer = client.post("/deep/ide/sessions", &[("ide", "page")])?.expect(303)?;
    let id = answer.header("location").and_then(|to| to.rsplit('/').next()).unwrap_or_default().to_owned();
    let at = format!("/deep/ide/s/{id}");
    until::is("it answers below the root path", 60, || {
        client.get(&format!("{at}/there")).is_ok_and(|answer| answer.status == 200)
    })?;
    ensure!(client.get(&format!("{at}/"))?.json()?["prefix"] == at.as_str(), "it is told another place");
    let moved = client.get(&format!("{at}/go"))?.expect(302)?;
    ensure!(moved.header("location") == Some(&format!("{at}/there")), "{:?}", moved.headers);
    ensure!(client.get(&format!("{at}/new/42"))?.status == 403, "a route that is in no line");
    world.await_audit("refused", &[("session", &id), ("path", "/new/42")], 10)?;
    let (lines, json) = routes(&world, &["--app", "page"])?;
    ensure!(lines == ["route = GET /new/* ui"], "{json}");
    Ok(())
}

fn files(stage: &Stage) -> Result<()> {
    let flags = "restrict-directory-view=1\nlimit-file-upload-size-mb=1";
    let (mut world, account, client, id) = running(stage, flags, "", "cat")?;
    std::fs::write(account.home.join("a.txt"), "text of a\n")?;
    std::os::unix::fs::symlink("/etc", account.home.join("away"))?;
    let at = |path: &str| format!("/s/{id}{path}");
    ensure!(client.get(&at("/files/a.txt"))?.expect(200)?.text() == "text of a\n", "not the file");
    for path in
        ["/files/away/passwd", "/files/%61way/passwd", "/files//away/passwd", "/files/../../../etc/passwd"]
    {
        let answer = client.get(&at(path))?;
        ensure!(matches!(answer.status, 400 | 403), "{path}: {} {}", answer.status, answer.text());
    }
    let sent = |bytes: usize| client.request("POST", &at("/upload")).body(vec![b'x'; bytes]).send();
    sent(1000)?.expect(201)?;
    let large = sent(2_000_000)?;
    ensure!(
        large.status == 413 && large.text().contains("limit-file-upload-size-mb"),
        "{} {}",
        large.status,
        large.text()
    );
    world.set("rsession.conf", "restrict-directory-view=0\nlimit-file-upload-size-mb=0\nallow-file-uploads=0\nallow-file-downloads=0")?;
    world.reload()?;
    for (answer, flag) in
        [(client.get(&at("/files/a.txt"))?, "allow-file-downloads"), (sent(10)?, "allow-file-uploads")]
    {
        ensure!(answer.status == 403 && answer.text().contains(flag), "{} {}", answer.status, answer.text());
    }
    world.set("rsession.conf", "allow-file-uploads=1\nallow-file-downloads=1")?;
    world.reload()?;
    client.get(&at("/files/away/passwd"))?.expect(200)?;
    sent(2_000_000)?.expect(201)?;
    world.await_audit("transfer", &[("session", &id), ("direction", "upload"), ("bytes", "2000000")], 10)?;
    Ok(())
}

fn forms(stage: &Stage) -> Result<()> {
    let (_world, _, client, id) = running(stage, "allow-file-downloads=0", "", "dot")?;
    let ask = |name: &str, value: &str| {
        client.request("GET", &format!("/s/{id}/files/a.txt")).header(name, value).send()
    };
    for (name, accept, kind) in [
        ("Accept", "text/html,application/xhtml+xml", "text/html"),
        ("Accept", "application/json", "application/json"),
        ("Accept", "*/*", "text/plain"),
        ("X-Other", "x", "text/plain"),
    ] {
        let answer = ask(name, accept)?.expect(403)?;
        let found = answer.header("content-type").unwrap_or_default().to_owned();
        ensure!(found.starts_with(kind), "{accept}: {found}");
        ensure!(answer.text().contains("allow-file-downloads"), "{accept}: {}", answer.text());
    }
    ensure!(ask("Accept", "application/json")?.json()?["message"].is_string(), "no message");
    Ok(())
}

fn routes_of_others(stage: &Stage) -> Result<()> {
    let (world, account, client, id) = running(stage, "allow-shell=0", "", "eva")?;
    ensure!(client.get(&format!("/s/{id}/new/42"))?.status == 403, "a route that is in no line");
    world.await_audit("refused", &[("session", &id), ("capability", "unknown")], 10)?;
    let (lines, json) = routes(&world, &["--app", "page"])?;
    ensure!(lines == ["route = GET /new/* ui"], "{json}");
    let output = std::process::Command::new("/usr/bin/setpriv")
        .args(["--reuid", &account.uid.to_string(), "--clear-groups"])
        .arg(portcullis_testing::place::program("portcullis"))
        .args(["routes", "--app", "page", "--config-dir"])
        .arg(world.config_dir())
        .arg("--audit")
        .arg(world.state_dir().join("audit/audit.jsonl"))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(
        text.contains("0 of 0 requests") && text.contains("can't be read without root's rights"),
        "{text}"
    );
    Ok(())
}

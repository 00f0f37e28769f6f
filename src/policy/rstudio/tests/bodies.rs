//! Doors by body: what runs is what the body names, and every path in it counts.

use portcullis_conf::ConsoleAudit;

use super::*;

fn files(flags: &Flags, method: &str, params: &str) -> Result<Vec<String>, Refusal> {
    match call(flags, method, params) {
        Verdict::Forward(forward) => {
            Ok(forward.paths.claims().iter().map(|claim| claim.under("/home/a")).collect())
        }
        Verdict::Refuse(refusal) => Err(*refusal),
    }
}

fn judged(flags: &Flags, path: &str, body: &str) -> Verdict {
    judge_body(&Adapters::default(), Ide::Rstudio, flags, &ask("POST", path), body.as_bytes())
}

#[test]
fn the_method_that_runs_is_the_one_that_was_decided_on() {
    for change in ALL {
        let flags = with(change);
        for body in [
            r#"{"method":"start_terminal","params":[{}]}"#,
            r#"{"method":"stat","method":"start_terminal","params":[]}"#,
            r#"{"params":[],"met\u0068od":"start_terminal"}"#,
            r#"{"method":"STAT","params":[]}"#,
            r#"{"method":"stat ","params":[]}"#,
            r#"[{"method":"stat"}]"#,
            r#"{"method":"stat","params":{}}"#,
            "",
            "{",
            r#"{"method":"stat"}{"method":"start_terminal"}"#,
        ] {
            let verdict = judged(&flags, "/rpc/stat", body);
            let Verdict::Refuse(refusal) = verdict else { panic!("{body} was forwarded") };
            assert_eq!(refusal.status, 400, "{body}");
        }
        assert!(judged(&flags, "/rpc/stat", r#"{"method":"st\u0061t","params":["~"]}"#).is_forward());
    }
    // Nothing is looked at while nothing is taken away.
    assert!(judged(&free(), "/rpc/stat", "{").is_forward());
}

#[test]
fn every_path_of_a_call_is_named() {
    let flags = with(DIRECTORIES);
    for (method, params, expected) in [
        ("stat", r#"["/etc/passwd"]"#, vec!["/etc/passwd"]),
        ("stat", r#"["~"]"#, vec![]),
        ("stat", "[]", vec![]),
        ("list_files", r#"["/etc",true,false]"#, vec!["/etc"]),
        ("list_files", r#"["\u002fetc",true,false]"#, vec!["/etc"]),
        ("open_document", r#"["/etc/passwd","text",{}]"#, vec!["/etc/passwd"]),
        ("get_file_contents", r#"["~/x","UTF-8"]"#, vec!["/home/a/x"]),
        ("copy_file", r#"["~/x","/srv/y",true]"#, vec!["/home/a/x", "/srv/y"]),
        ("delete_files", r#"[["~/x","/srv/y","/etc/z"]]"#, vec!["/home/a/x", "/srv/y", "/etc/z"]),
        ("move_files", r#"[["/a"],"/b"]"#, vec!["/a", "/b"]),
        ("save_document", r#"["id",null,"r_source",null,"",null,"text",false]"#, vec![]),
        ("save_document", r#"["id","/etc/x",null,null,"",null,"text",false]"#, vec!["/etc/x"]),
        ("save_document_diff", r#"["id","/etc/x"]"#, vec!["/etc/x"]),
        ("begin_find", r#"["h","x",false,false,true,"/etc",[],[]]"#, vec!["/etc"]),
        ("start_terminal", r#"[{"cwd":"/srv","caption":"x"}]"#, vec!["/srv"]),
        ("preview_html", r#"[{"path":"/etc/x","encoding":""}]"#, vec!["/etc/x"]),
        ("render_rmd", r#"["/a",1,"","","/b",false,0,"/c","/d",""]"#, vec!["/a", "/b", "/c", "/d"]),
        ("run_script_job", r#"[{"path":"/a","working_dir":"/b"}]"#, vec!["/a", "/b"]),
        ("preview_data_import", r#"[{"importLocation":"/etc/passwd"}]"#, vec!["/etc/passwd"]),
        ("preview_data_import", r#"[{"importLocation":"https://a/b.csv","localFiles":null}]"#, vec![]),
        ("download_data_file", r#"["/etc/passwd"]"#, vec!["/etc/passwd"]),
        ("vcs_clone", r#"[{"parent_path":"/srv","directory_name":"x","repo_url":"git@h:x"}]"#, vec!["/srv"]),
        ("vcs_clone", r#"[{"repo_url":"/etc/repo"}]"#, vec!["/etc/repo"]),
        ("git_diff_file", r#"["src/x.R",0,3,false,false]"#, vec![]),
        ("git_diff_file", r#"["/etc/x",0,3,false,false]"#, vec!["/etc/x"]),
        ("git_export_file", r#"["HEAD","x","/srv/y"]"#, vec!["/srv/y"]),
        (
            "rsconnect_publish",
            r#"[{"deploy_dir":"/a","source_file":"/b"},{"deploy_files":["x"]},"u","s"]"#,
            vec!["/a", "/b"],
        ),
        (
            "complete_upload",
            r#"[{"filename":"x","uploadedTempFile":"/home/a/.t","targetDirectory":"/etc","unzipFound":false},true]"#,
            vec!["/home/a/.t", "/etc"],
        ),
        ("quit_session", r#"[true,"none",null,""]"#, vec![]),
        ("quit_session", r#"[true,"/etc/x.Rproj",null,""]"#, vec!["/etc/x.Rproj"]),
        ("create_project", r#"["/a/x.Rproj",{"package_folder":"/b"}]"#, vec!["/a/x.Rproj", "/b"]),
        ("update_breakpoints", r#"[[{"path":"/a"},{"path":"~/b"}],true,true]"#, vec!["/a", "/home/a/b"]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(files(&flags, method, params), Ok(expected), "{method} {params}");
        assert_eq!(files(&free(), method, params), Ok(vec![]), "{method}");
    }
}

#[test]
fn what_cannot_be_checked_is_refused_while_directories_are_restricted() {
    let flags = with(DIRECTORIES);
    for (method, params) in [
        ("stat", r#"["../x"]"#),
        ("stat", r#"["x"]"#),
        ("stat", r#"["~/../b"]"#),
        ("stat", r#"["~root"]"#),
        ("stat", r#"["/home/a/../../etc"]"#),
        ("stat", r#"["/etc\u0000/x"]"#),
        ("stat", "[7]"),
        ("stat", r#"[{"path":"/etc"}]"#),
        ("delete_files", r#"["/etc"]"#),
        ("delete_files", r#"[["~/x",["/etc"]]]"#),
        ("open_document", r#"["file:///etc/passwd","text",{}]"#),
        ("download_data_file", r#"["file:///etc/passwd"]"#),
        (
            "preview_data_import",
            r#"[{"importLocation":"~/x","localFiles":{"importLocation":"/etc/passwd"}}]"#,
        ),
        ("preview_data_import", r#"[{"importLocation":"~/x","importLocation":"/etc/passwd"}]"#),
        ("preview_data_import_clean", "[{}]"),
        ("git_diff_file", r#"["../../etc/x",0,3,false,false]"#),
        ("git_add", r#"[["a","../b"]]"#),
        ("vcs_clone", r#"[{"parent_path":"~","directory_name":"../x"}]"#),
        ("vcs_clone", r#"[{"repo_url":"ext::sh -c id"}]"#),
        ("complete_upload", r#"[{"filename":"../x","uploadedTempFile":"~/t","targetDirectory":"~"},true]"#),
        (
            "complete_upload",
            r#"[{"filename":"x.zip","uploadedTempFile":"~/t","targetDirectory":"~","unzipFound":true},true]"#,
        ),
        ("write_config_json", r#"["../../x.json",{}]"#),
    ] {
        let refusal = files(&flags, method, params).expect_err(params);
        assert!(refusal.status == 403 || refusal.status == 400, "{method} {params}");
        assert!(files(&free(), method, params).is_ok(), "{method} {params}");
    }
    let many = format!("[[{}]]", vec!["\"~/x\""; 300].join(","));
    assert_eq!(files(&flags, "delete_files", &many).expect_err("too many").status, 400);
}

#[test]
fn preferences_and_servers_have_flags_of_their_own() {
    let flags = |change: Change| with(change);
    let cran = flags(|f| f.cran_repos = Setting::at(false, "rsession.conf", 4));
    let refusal =
        files(&cran, "set_user_prefs", r#"[{"cran_mirror":{"url":"http://x"}}]"#).expect_err("it is set");
    assert_eq!(refusal.flag, Some("allow-r-cran-repos-edit"));
    assert!(files(&cran, "set_user_prefs", r#"[{"soft_wrap":true}]"#).is_ok());
    let git = flags(|f| f.vcs_executable = Setting::at(false, "rsession.conf", 4));
    let refusal = files(&git, "set_user_prefs", r#"[{"git_exe_path":"/tmp/git"}]"#).expect_err("it is set");
    assert_eq!(refusal.flag, Some("allow-vcs-executable-edit"));
    let publish = |server: &str| format!(r#"[{{}},{{}},"me","{server}","app"]"#);
    for (server, good) in [
        ("shinyapps.io", false),
        ("https://api.shinyapps.io/v1", false),
        ("SHINYAPPS.IO", false),
        ("connect.posit.cloud", false),
        ("connect.example.org", true),
        ("notshinyapps.io", true),
    ] {
        let verdict = files(&flags(EXTERNAL), "rsconnect_publish", &publish(server));
        assert_eq!(verdict.is_ok(), good, "{server}");
    }
    let public = flags(|f| f.public_folder = Setting::at(false, "rsession.conf", 4));
    for (params, good) in
        [(r#"[["~/Public"]]"#, false), (r#"[["/home/a/Public/"]]"#, false), (r#"[["~/Public/x"]]"#, true)]
    {
        assert_eq!(files(&public, "delete_files", params).is_ok(), good, "{params}");
    }
}

#[test]
fn sizes_are_those_of_uploads() {
    let flags = with(SIZE);
    let picture = |bytes: usize| format!(r#"[["{}"],"~/images"]"#, "A".repeat(bytes / 3 * 4));
    assert!(files(&flags, "rmd_save_base64_images", &picture(1 << 20)).is_ok());
    assert_eq!(
        files(&flags, "rmd_save_base64_images", &picture(3 << 20)).expect_err("too large").status,
        413
    );
    let text = |bytes: usize| format!(r#"["~/x","{}"]"#, "x".repeat(bytes));
    assert!(files(&flags, "create_file", &text(2 << 20)).is_ok(), "text is edited");
    assert_eq!(files(&flags, "create_file", &text(10 << 20)).expect_err("too large").status, 413);
    let BodyRule::Judge { limit } = forwarded(&with(UPLOADS), &ask("POST", "/rpc/create_file")).body else {
        panic!("not judged")
    };
    assert!(limit < 16 << 20, "text of more can't be told from an upload");
}

#[test]
fn what_is_typed_is_recorded_when_consoles_are() {
    let mut flags = free();
    let typed = |flags: &Flags, method: &str, params: &str| match call(flags, method, params) {
        Verdict::Forward(forward) => forward.typed.map(|typed| typed.text),
        Verdict::Refuse(refusal) => panic!("{}", refusal.rule),
    };
    assert_eq!(typed(&flags, "console_input", r#"["1+1","",0]"#), None);
    assert_eq!(forwarded(&flags, &ask("POST", "/rpc/console_input")).body, BodyRule::Stream);
    flags.console.value = ConsoleAudit::Input;
    assert!(matches!(forwarded(&flags, &ask("POST", "/rpc/console_input")).body, BodyRule::Judge { .. }));
    // Whatever the address: what is typed runs by its body.
    for path in ["/rpc/stat", "/rpc/unheard_of", "/rpc//console_input", "/rpc/a/console_input"] {
        let forward = forwarded(&flags, &ask("POST", path));
        assert!(matches!(forward.body, BodyRule::Judge { .. }), "{path}");
        let body = r#"{"method":"console_input","params":["system('id')","",0]}"#;
        assert!(!judged(&flags, path, body).is_forward(), "{path}");
        assert!(judged(&free(), path, body).is_forward(), "{path}: the control");
    }
    assert!(judged(&flags, "/rpc/stat", r#"{"method":"stat","params":["~"]}"#).is_forward());
    for body in [r#"{"method":"console_input","method":"console_input","params":["x"]}"#, "{", ""] {
        assert!(!judged(&flags, "/rpc/console_input", body).is_forward(), "{body}");
    }
    for (method, params, text) in [
        ("console_input", r#"["print(1)\n","",0]"#, "print(1)\n"),
        ("execute_code", r#"["x"]"#, "x"),
        ("process_write_stdin", r#"["h",{"text":"id\n"}]"#, "id\n"),
        ("execute_notebook_chunks", r#"[{"units":[{"code":"a"},{"code":"b"}]}]"#, "a\nb"),
        ("run_script_job", r#"[{"code":"y"}]"#, "y"),
    ] {
        assert_eq!(typed(&flags, method, params).as_deref(), Some(text), "{method}");
    }
}

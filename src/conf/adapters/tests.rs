//! The file as a whole: sections, problems with their lines, what is made of it.

use super::*;
use crate::{Severity, Sources, load};

const GOOD: &str = "# ours
[jupyter]
route = GET /myext/** ui

[app sales]
title = Sales # dashboard
command = /bin/sales --uds {socket}
users = anna
groups = staff, admins
environment = A=1
environment = B={home}
route = GET /live ui socket
route = GET ** ui
";

fn loaded(text: &str) -> crate::Loaded {
    load(&Sources::new("/c", [("adapters.conf".to_owned(), text.to_owned())]))
}

fn problems(text: &str) -> Vec<(u32, Severity, String, String)> {
    let found = loaded(text).problems.into_iter();
    found.map(|p| (p.line, p.severity, p.text, p.hint.unwrap_or_default())).collect()
}

#[test]
fn sections_become_routes_and_applications() {
    let found = loaded(GOOD);
    assert_eq!(found.problems, Vec::new());
    let adapters = &found.settings.adapters;
    let jupyter = adapters.of(Ide::Jupyter).expect("a section");
    assert_eq!(
        jupyter.routes().map(|(line, route)| (line, route.pattern)).collect::<Vec<_>>(),
        [(3, "/myext**".into())]
    );
    assert!(jupyter.app().is_none() && adapters.of(Ide::Rstudio).is_none());
    let sales = adapters.apps().next().expect("an application");
    assert_eq!((sales.to_string().as_str(), sales.line, sales.line_of("title")), ("app sales", 5, 6));
    let app = sales.app().expect("an application");
    assert_eq!(app.title, "Sales");
    assert_eq!(app.command, ["/bin/sales", "--uds", "{socket}"]);
    assert_eq!((app.users, app.groups), (vec!["anna".to_owned()], vec!["staff".into(), "admins".into()]));
    assert_eq!(app.environment, [("A".to_owned(), "1".to_owned()), ("B".into(), "{home}".into())]);
    assert_eq!((app.prefix, app.listen, app.probe.as_str()), (Prefix::Strip, Listen::Unix, "/"));
    assert_eq!(sales.routes().count(), 2);
}

#[test]
fn wrong_sections_are_named_with_the_nearest() {
    for (text, line, says, hint) in [
        ("route = GET /x ui\n", 1, "before the first section", "[app NAME]"),
        ("[jupiter]\n", 1, "no section `[jupiter]`", "did you mean `[jupyter]`?"),
        ("[vscode]\n", 1, "no section `[vscode]`", "[code-server]"),
        ("[app]\n", 1, "can't be the name", "[app NAME]"),
        ("[app Sales]\n", 1, "can't be the name", "lower-case"),
        ("[app jupyter]\n", 1, "can't be the name", "lower-case"),
        ("[jupyter]\n[jupyter]\n", 2, "given twice, in line 1", "one section"),
        ("[jupyter]\ntitle=x\n", 2, "no such option", ""),
        ("[jupyter]\nroutes=GET /x ui\n", 2, "no such option", "did you mean `route`?"),
        ("[jupyter]\nroute=GET /x dowload\n", 2, "`dowload` is no capability", "did you mean `download`?"),
        ("[app x]\ntitle=x\n", 1, "does not say how", "command="),
        ("[app x]\ncommand=/bin/x\n", 2, "not told where to listen", "{socket}"),
        ("[app x]\ncommand=/bin/x --port {port}\n", 2, "TCP port", "{socket}"),
        ("[app x]\ncommand=x {socket}\n", 2, "not the absolute path", "begin it"),
        ("[app x]\ncommand=/bin/x {socket}\nprefix=drop\n", 3, "not one of the words", "`keep`"),
        ("[app x]\ncomand=/bin/x {socket}\n", 2, "no such option", "did you mean `command`?"),
    ] {
        let found = problems(text);
        let (at, severity, what, todo) = found.first().unwrap_or_else(|| panic!("{text}: nothing"));
        assert_eq!((*at, *severity), (line, Severity::Error), "{text}: {what}");
        assert!(what.contains(says), "{text}: {what}");
        assert!(todo.contains(hint), "{text}: {todo}");
    }
}

#[test]
fn all_problems_are_reported_and_lines_below_a_wrong_section_too() {
    let found =
        problems("[jupiter]\nroute=GET /x dowload\n[app x]\ncommand=/bin/x {socket}\nroute=GET x ui\n");
    assert_eq!(found.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [1, 2, 5]);
}

#[test]
fn a_line_that_nothing_reaches_is_warned_of() {
    let found = problems("[jupyter]\nroute=GET /x/** ui\nroute=POST /x/y ui\nroute=GET /x/y download\n");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1), (4, Severity::Warning));
    assert!(found[0].2.contains("line 2 takes all"), "{}", found[0].2);
    // Another IDE's lines are no obstacle.
    assert_eq!(problems("[jupyter]\nroute=GET ** ui\n[rstudio]\nroute=GET /x ui\n"), []);
}

#[test]
fn an_application_on_tcp_is_known_and_not_offered() {
    let text = "[app x]\ncommand=/bin/x --port {port}\nlisten=tcp\n";
    let found = problems(text);
    assert_eq!((found[0].0, found[0].1), (3, Severity::Warning));
    assert!(found[0].2.contains("every account of this machine"), "{}", found[0].2);
    assert!(loaded(text).is_usable());
    // The socket may be told by a variable.
    assert_eq!(problems("[app x]\ncommand=/bin/x\nenvironment=SOCK={socket}\n"), []);
}

use crate::{FileKind, Loaded, Sources, load};

const BASE: &str = "server-address=ldap.example.com\nstart-tls=1\nuser-search-base=ou=people,dc=a\n\
                    user-object-class=person\nusername-attribute=uid\n";
const SERVICE: &str = "bind-dn=cn=s,dc=a\nbind-password-file=/p\n";
const GROUPS: &str =
    "group-search-base=ou=groups,dc=a\ngroup-object-class=groupOfNames\ngroup-name-attribute=cn\n";

fn loaded(on: &str, text: &str) -> Loaded {
    let files = [("portcullis.conf", format!("auth-ldap={on}\n")), ("ldap.conf", text.to_owned())];
    load(&Sources::new("/etc/rstudio", files.map(|(name, text)| (name.to_owned(), text))))
}

/// What is said of a file's text, without lines and hints.
fn said(text: &str) -> Vec<String> {
    loaded("1", text)
        .problems
        .iter()
        .map(|problem| format!("{:?}: {}", problem.severity, problem.text))
        .collect()
}

#[test]
fn sections_keep_their_order_and_their_defaults() {
    let text = format!(
        "[second]\n{BASE}{SERVICE}{GROUPS}permitted-login-group=a\npermitted-login-group=b\n\n[a.1]\n{BASE}{GROUPS}"
    );
    let loaded = loaded("1", &text);
    assert_eq!(loaded.problems, Vec::new());
    let ldap = &loaded.settings.ldap;
    let names: Vec<&str> = ldap.sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["second", "a.1"]);
    let directory = ldap.sections[0].directory();
    assert_eq!(directory.server_address.host, "ldap.example.com");
    assert_eq!(directory.permitted_login_group, ["a", "b"]);
    assert_eq!((directory.unique_id_attribute.as_str(), directory.register_on_first_login), ("DN", true));
    assert!(directory.double_bind() && !ldap.sections[1].directory().double_bind());
    assert!(directory.has_groups());
    assert_eq!(ldap.sections[0].line_of("bind-dn"), 7);
    assert_eq!(ldap.sections[0].line_of("logging"), 1);
}

#[test]
fn what_is_missing_or_in_conflict_is_said() {
    for (lines, wanted) in [
        (String::new(), "Error: it says no `server-address`"),
        (
            BASE.replace("user-object-class=person\n", ""),
            "Error: it says neither `user-object-class` nor `user-filter`",
        ),
        (format!("{BASE}tls=1\n"), "Error: `tls=1` begins with TLS"),
        (BASE.replace("start-tls=1\n", ""), "Error: passwords would travel in the clear"),
        (
            BASE.replace("start-tls=1", "insecure=1"),
            "Warning: whoever is on the way to the directory can read every password: there",
        ),
        (
            format!("{BASE}insecure=1\n"),
            "Warning: whoever is on the way to the directory can read every password: its",
        ),
        (format!("{BASE}insecure=1\nca-file=/c\n"), "Warning: it has no effect: no certificate is checked"),
        (format!("{BASE}bind-dn=cn=s,dc=a\n"), "Error: it has no password"),
        (format!("{BASE}bind-password-file=/p\n"), "Error: it is nobody's password"),
        (format!("{BASE}{SERVICE}anonymous-bind=1\n"), "Error: `bind-dn` is there"),
        (
            format!("{BASE}{SERVICE}user-dn-template=uid={{user}},dc=a\n"),
            "Warning: it has no effect: people are searched for",
        ),
        (format!("{BASE}user-dn-template=uid=user,dc=a\n"), "Error: it must have `{user}` in it once"),
        (format!("{BASE}user-dn-template={{user}}\n"), "Error: it is neither a distinguished name"),
        (format!("{BASE}permitted-login-group=a\n"), "Error: nobody could sign in: the directory's groups"),
        (
            format!("{BASE}group-name-attribute=cn\n"),
            "Error: it has no effect: `group-search-base` says nothing",
        ),
        (
            format!("{BASE}group-search-base=dc=a\n"),
            "Error: it has no effect: `group-name-attribute` says nothing",
        ),
        (
            format!("{BASE}{}", GROUPS.replace("group-object-class=groupOfNames\n", "")),
            "Error: neither `group-object-class`",
        ),
        (format!("{BASE}\n[b]\n{BASE}{GROUPS}"), "Error: it asks for no groups, but `[b]` does"),
        (format!("{BASE}account-prefix=a/b\n"), "Error: no account's name can begin"),
        (format!("{BASE}server-address=b\n"), "Error: it is given twice"),
    ] {
        let found = said(&format!("[a]\n{lines}"));
        assert!(found.iter().any(|text| text.starts_with(wanted)), "{lines}: {found:#?}");
    }
}

#[test]
fn the_file_and_its_switch_belong_together() {
    let [problem] = &loaded("1", "").problems[..] else { panic!("other problems") };
    assert_eq!((problem.file.as_str(), problem.is_error()), ("portcullis.conf", true));
    let [problem] = &loaded("0", &format!("[a]\n{BASE}")).problems[..] else { panic!("other problems") };
    assert_eq!((problem.file.as_str(), problem.is_error()), (FileKind::Ldap.name(), false));
    assert!(loaded("0", "").problems.is_empty());
}

#[test]
fn sections_have_plain_names_once() {
    for (text, wanted) in [
        ("server-address=a\n[a]\n", "before the first section"),
        ("[a b]\n", "can't be the name of a directory"),
        ("[]\n", "can't be the name of a directory"),
        (&format!("[a]\n{BASE}[a]\n{BASE}"), "given twice, in line 1"),
        (&(0..17).map(|at| format!("[a{at}]\n{BASE}")).collect::<String>(), "too many directories"),
    ] {
        assert!(said(text).iter().any(|found| found.contains(wanted)), "{text}: {:?}", said(text));
    }
}

#[test]
fn addresses_are_host_and_port() {
    let address = |text: &str| {
        let loaded = loaded("1", &format!("[a]\n{}", BASE.replace("ldap.example.com", text)));
        let usable = loaded.is_usable();
        let found = loaded.settings.ldap.sections[0].directory().server_address;
        usable.then_some((found.host, found.port))
    };
    for (text, host, port) in [
        ("ldap.example.com", "ldap.example.com", None),
        ("ldap.example.com:10389", "ldap.example.com", Some(10389)),
        ("127.0.0.1:1", "127.0.0.1", Some(1)),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:db8::1]:636", "2001:db8::1", Some(636)),
    ] {
        assert_eq!(address(text), Some((host.to_owned(), port)), "{text}");
    }
    for text in ["ldap://a", "a:0", "a:x", "a:65536", ":389", "[::1", "[a]:1", "::1", "a b", "[::1]x"] {
        assert_eq!(address(text), None, "{text}");
    }
}

#[test]
fn an_accounts_name_has_its_sections_prefix() {
    let text = format!("[a]\n{BASE}[b]\n{BASE}account-prefix=ext-\n");
    let ldap = loaded("1", &text).settings.ldap;
    assert_eq!(ldap.account_name("a", "kim"), "kim");
    assert_eq!(ldap.account_name("b", "kim"), "ext-kim");
    assert_eq!(ldap.account_name("gone", "kim"), "kim");
}

#[test]
fn a_changed_order_is_a_change() {
    let of = |text: &str| loaded("1", text).settings;
    let (one, two) = (format!("[a]\n{BASE}"), format!("[b]\n{BASE}"));
    let before = of(&format!("{one}{two}"));
    assert!(crate::changes::changes(&before, &of(&format!("{one}{two}"))).is_empty());
    assert!(!crate::changes::changes(&before, &of(&format!("{two}{one}"))).is_empty());
    assert_eq!(crate::changes::changes(&before, &of(&format!("{one}logging=1\n{two}"))).len(), 1);
}

#[test]
fn the_generated_sample_is_valid_when_uncommented() {
    let text: String = super::reference::SAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' '))
        .fold(String::new(), |text, line| text + line + "\n");
    assert!(text.starts_with("[company]\n"));
    assert_eq!(said(&text), Vec::<String>::new());
}

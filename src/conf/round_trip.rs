//! `conf show` fed back gives itself, and tells the truth about where values come from.

use crate::{FileKind, Sources, load, show};

fn sources(files: &[(&str, &str)]) -> Sources {
    Sources::new("/etc/rstudio", files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
}

/// Numbers that look random and are the same in every run (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }
}

/// Values worth trying; the ones that an option doesn't take are left out.
const TRIED: [&str; 18] = [
    "0",
    "1",
    "true",
    "No",
    "7",
    "30",
    "59000-59999",
    "/srv/a",
    "/srv:/data",
    "none",
    "lax",
    "a.example b.example",
    "X-A: b # no",
    "staff, admins",
    "auto",
    "TLSv1.3",
    "tcp",
    "10.0.0.1",
];

fn written(kind: FileKind, numbers: &mut Numbers) -> String {
    let names: Vec<_> = kind.options().collect();
    let mut text = String::new();
    for opt in &names {
        for _ in 0..if opt.list { numbers.below(3) } else { usize::from(numbers.below(4) == 0) } {
            let value = TRIED[numbers.below(TRIED.len())];
            if (opt.check)(crate::ini::without_comment(value).trim()).is_ok() {
                text += ["", "\n", "# default\n", "#: default\n", "  "][numbers.below(5)];
                text += &format!("{} = {value}\n", opt.name);
            }
        }
    }
    text
}

/// Every kind of line that the file may have.
const ADAPTERS: &str = "[jupyter]\nroute = GET,POST  /x/** ui # c\nroute=POST /x/* download download name\n\n[app sales]\n  title = Sales \
                        # t\ncommand = /bin/s -e \"f('{socket}')\"  x\nenvironment=A=1\nenvironment=B={home}\nprefix=keep\nlisten=unix\n\
                        probe=/up\nworking-dir=/srv\nusers=anna\ngroups=staff\nroute = GET ** ui\n[app other]\ncommand=/bin/o {socket}\n";

#[test]
fn conf_show_fed_back_gives_itself() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..200 {
        let profiles = format!(
            "[*]\nsession-limit={}\n\n[@staff]\nallow-shell=0\n# c\nmax-processes=9\n[anna]\n",
            numbers.below(9)
        );
        let mut files: Vec<(String, String)> = FileKind::FLAT
            .into_iter()
            .map(|kind| (kind.name().to_owned(), written(kind, &mut numbers)))
            .collect();
        files.push(("profiles".into(), profiles));
        files.push(("adapters.conf".into(), ADAPTERS.into()));
        files.push(("ip-rules".into(), "allow  10.0.0.0/8 # in\n\ndeny all\n".into()));
        let first = load(&Sources::new("/c", files)).settings;
        let shown = |settings| FileKind::ALL.map(|kind| (kind.name().to_owned(), show::text(settings, kind)));
        let once = shown(&first);
        let second = load(&Sources::new("/c", once.clone())).settings;
        assert_eq!(shown(&second), once);
        assert_eq!(second.rserver, first.rserver);
        assert_eq!(second.rsession, first.rsession);
        assert_eq!(second.jupyter, first.jupyter);
        assert_eq!(second.portcullis, first.portcullis);
        for kind in FileKind::ALL.into_iter().filter(|kind| *kind != FileKind::LoginHtml) {
            assert_eq!(
                show::json(&second, kind).to_string().replace(char::is_numeric, ""),
                show::json(&first, kind).to_string().replace(char::is_numeric, "")
            );
        }
    }
}

#[test]
fn conf_show_says_where_values_come_from() {
    let settings = load(&sources(&[("jupyter.conf", "# lab\njupyter-exe=/opt/lab\n")])).settings;
    let shown = "labs-enabled=1\n#: default\njupyter-exe=/opt/lab\n#: jupyter.conf:2 jupyter-exe=/opt/lab\n\
                 lab-args=\n#: default\n";
    assert_eq!(show::text(&settings, FileKind::Jupyter), shown);
    // A line that was changed afterwards does not keep the old line's origin.
    let changed = shown.replacen("=/opt/lab", "=/opt/new", 1).replacen("labs-enabled=1", "labs-enabled=0", 1);
    let settings = load(&sources(&[("jupyter.conf", &changed)])).settings;
    assert_eq!(
        show::text(&settings, FileKind::Jupyter),
        "labs-enabled=0\n#: jupyter.conf:1 labs-enabled=0\njupyter-exe=/opt/new\n#: jupyter.conf:3 jupyter-exe=/opt/new\n\
         lab-args=\n#: default\n"
    );
    assert_eq!(
        show::json(&settings, FileKind::Jupyter).to_string(),
        r#"{"labs-enabled":{"value":"0","origin":"jupyter.conf:1"},"jupyter-exe":{"value":"/opt/new","origin":"jupyter.conf:3"},"lab-args":{"value":"","origin":"default"}}"#
    );
}

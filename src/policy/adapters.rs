//! What a configuration adds to the built-in adapters: an administrator's rows and declared applications.
//!
//! Built once per configuration; a decision only looks. Called by the server for every request, by the launcher for a start,
//! by the administrator's commands.

use std::borrow::Cow;

use portcullis_conf::adapters::{Route, Section, Tail as Word, Way};
use portcullis_conf::{FileKind, Settings};
use portcullis_model::AppName;
use portcullis_model::session::Ide;

use crate::adapter::{self, Prefix};
use crate::generic::{App, default_rows};
use crate::row::{Check, Methods, Row, Tail};
use crate::{Capability, Direction, SocketRule};

/// What stands in place of the releases a built-in row was seen in.
const SEEN: &str = "administrator";

/// Rows and applications of `adapters.conf`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adapters {
    rstudio: Vec<Row>,
    jupyter: Vec<Row>,
    code_server: Vec<Row>,
    apps: Vec<App>,
}

impl Adapters {
    /// Of a configuration.
    pub fn new(settings: &Settings) -> Self {
        let rows = |ide| settings.adapters.of(ide).map(rows_of).unwrap_or_default();
        let app = |section: &Section| {
            let mut rows = rows_of(section);
            if rows.is_empty() {
                rows = default_rows(section);
            }
            App::new(section, rows)
        };
        Self {
            rstudio: rows(Ide::Rstudio),
            jupyter: rows(Ide::Jupyter),
            code_server: rows(Ide::CodeServer),
            apps: settings.adapters.apps().filter_map(app).collect(),
        }
    }

    /// An administrator's rows for an IDE; tried before the built-in ones.
    pub fn rows(&self, ide: Ide) -> &[Row] {
        match ide {
            Ide::Rstudio => &self.rstudio,
            Ide::Jupyter => &self.jupyter,
            Ide::CodeServer => &self.code_server,
            Ide::App(name) => self.app(name).map_or(&[], App::rows),
        }
    }

    /// Whether requests to an IDE keep the session's prefix.
    pub fn prefix(&self, ide: Ide) -> Prefix {
        match ide {
            Ide::App(name) => self.app(name).map_or(Prefix::Keep, App::prefix),
            _ => adapter::of(ide).prefix(),
        }
    }

    /// A declared application.
    pub fn app(&self, name: AppName) -> Option<&App> {
        self.apps.iter().find(|app| app.name() == name)
    }

    /// All declared applications, in the order of the file.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// An administrator's rows whose requests a built-in row covers too, with that row: both hold.
    pub fn overlaps(&self) -> Vec<(&Row, &'static Row)> {
        let of = |ide: Ide| {
            let built_in = adapter::of(ide).tables().iter().flat_map(|table| table.iter());
            let known = built_in.filter(|row| !row.needs.contains(&Capability::Unknown));
            self.rows(ide).iter().filter_map(move |own| {
                let path = crate::doors::example(own);
                let meets = |row: &&Row| row.methods.meets(own.methods) && row.fits(&path).is_some();
                known.clone().find(meets).map(|row| (own, row))
            })
        };
        Ide::BUILT_IN.into_iter().flat_map(of).collect()
    }

    /// Whether they cover the same requests in the same way. Where a row was said doesn't matter.
    pub fn same_rules(&self, other: &Self) -> bool {
        let plain = |rows: &[Row]| -> Vec<Row> {
            rows.iter().map(|row| Row { source: Cow::Borrowed(""), ..row.clone() }).collect()
        };
        let apps = self.apps.iter().map(App::name).eq(other.apps.iter().map(App::name));
        let ides = Ide::BUILT_IN.into_iter().chain(self.apps.iter().map(|app| Ide::App(app.name())));
        apps && ides.into_iter().all(|ide| plain(self.rows(ide)) == plain(other.rows(ide)))
    }

    /// What a person reads as the IDE's name.
    pub fn title<'a>(&'a self, ide: &'a Ide) -> &'a str {
        match ide {
            Ide::App(name) => self.app(*name).map_or(ide.title(), App::title),
            _ => ide.title(),
        }
    }
}

fn rows_of(section: &Section) -> Vec<Row> {
    section.routes().map(|(line, route)| row(line, route)).collect()
}

/// A line as a row.
fn row(line: u32, route: Route) -> Row {
    let named = |all: Methods, word: &str| Methods::named(word).map_or(all, |method| all.or(method));
    let needs: Vec<Capability> =
        // A word that is none of ours was refused by the reader; it would be nobody's to give.
        route.needs.iter().map(|word| Capability::from_word(word).unwrap_or(Capability::Unknown)).collect();
    let check = check(&needs, route.tail);
    Row {
        methods: route.methods.iter().copied().fold(Methods::NONE, named),
        path: Cow::Owned(route.pattern),
        needs: Cow::Owned(needs),
        act: route.act && !route.socket,
        transfer: route.transfer.map(|way| match way {
            Way::Upload => Direction::Upload,
            Way::Download => Direction::Download,
        }),
        tail: match route.tail {
            Word::Route => Tail::Route,
            Word::Name => Tail::Name,
            Word::File => Tail::File,
        },
        socket: route.socket.then_some(if route.act { SocketRule::Opaque } else { SocketRule::None }),
        either: false,
        check,
        source: Cow::Owned(format!("{}:{line}", FileKind::Adapters.name())),
        seen: Cow::Borrowed(SEEN),
    }
}

/// Capabilities that are about files.
const OF_FILES: [Capability; 5] =
    [Capability::Browse, Capability::Read, Capability::Write, Capability::Upload, Capability::Download];

fn check(needs: &[Capability], tail: Word) -> Check {
    if needs.contains(&Capability::PortProxy) {
        return Check::LoopbackPort;
    }
    let of_files = needs.iter().any(|need| OF_FILES.contains(need));
    if of_files && tail == Word::Route { Check::HiddenPaths } else { Check::None }
}

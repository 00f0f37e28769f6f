//! The addresses of RStudio: what rsession's handlers serve, and what rserver answers or passes on by itself.
//!
//! rsession finds a handler by the start of an address, so that `/exportx` exports as well: only what stands here is known.

use super::{Look, Own};
use crate::row::{Check, Methods, Row, Tail};
use crate::{Capability as C, Direction, SocketRule};

const GET: Methods = Methods::GET;
const POST: Methods = Methods::POST;
const BOTH: Methods = Methods::GET.or(Methods::POST);

use super::rpc::SEEN;

const fn on(methods: Methods, path: &'static str, needs: &'static [C], source: &'static str) -> Row {
    Row::new(methods, path, needs, SEEN, source)
}

const fn look(row: Row, look: Look) -> Row {
    row.check(Check::Rstudio(look))
}

/// The page's own files, which rserver serves from its package; rsession doesn't know them.
const fn own(path: &'static str, own: Own) -> Row {
    look(on(GET, path, &[C::Ui], "server/ServerMain.cpp (static files)"), Look::Own(own))
}

/// Served to everybody whose session it is: nothing of the person's is in it, or only what the page itself asked for.
const fn ui(methods: Methods, path: &'static str, source: &'static str) -> Row {
    on(methods, path, &[C::Ui], source)
}

/// A document of the person's as a page, with what belongs to it.
const fn page(path: &'static str, source: &'static str) -> Row {
    look(on(GET, path, &[C::Read], source), Look::Page)
}

pub(super) static CALLS: &[Row] = &[
    look(on(POST, "/rpc/*", &[C::Ui], "SessionHttpMethods.cpp"), Look::Call),
    // A call is whatever begins like this, and its body says which.
    look(on(Methods::ANY, "/rpc/**", &[C::Unknown], "SessionHttpMethods.cpp"), Look::Call),
    ui(POST, "/events/get_events", "SessionClientEventService.cpp"),
];

pub(super) static FILES: &[Row] = &[
    look(
        on(POST, "/upload", &[C::Upload], "modules/SessionFiles.cpp (handleFileUploadRequestAsync)"),
        Look::Upload,
    )
    .act()
    .transfer(Direction::Upload),
    look(
        on(GET, "/export/**", &[C::Download], "modules/SessionFiles.cpp (handleFileExportRequest)"),
        Look::Export,
    )
    .act()
    .tail(Tail::Name)
    .transfer(Direction::Download),
    look(on(GET, "/files/**", &[C::Download], "modules/SessionFiles.cpp (handleFilesRequest)"), Look::Files)
        .act()
        .tail(Tail::Name)
        .transfer(Direction::Download),
    look(
        on(GET, "/file_show", &[C::Download], "modules/SessionWorkbench.cpp (handleFileShow)"),
        Look::Path("path"),
    )
    .act()
    .transfer(Direction::Download),
    look(on(GET, "/view_pdf", &[C::Download], "modules/tex/SessionViewPdf.cpp"), Look::Path("path"))
        .act()
        .transfer(Direction::Download),
    // The page's own, as rserver answers them.
    own("/", Own::Index),
    own("/index.htm", Own::Index),
    own("/rstudio/**", Own::File),
    own("/images/**", Own::File),
    own("/css/**", Own::File),
    own("/js/**", Own::File),
    own("/docs/**", Own::File),
    own("/favicon.ico", Own::File),
    own("/rstudio.css", Own::File),
    own("/webkit.nocache.html", Own::File),
    own("/unsupported_browser.htm", Own::File),
    own("/error.htm", Own::File),
    own("/progress", Own::Progress),
    own("/progress.htm", Own::Progress),
    look(ui(POST, "/log", "core/gwt/GwtLogHandler.cpp"), Look::Own(Own::Null)),
    look(ui(POST, "/meta", "server/ServerMeta.cpp"), Look::Own(Own::Null)),
    look(ui(BOTH, "/auth-sign-out", "server/auth/ServerAuthHandler.cpp"), Look::Own(Own::Home)),
    look(ui(GET, "/auth-sign-in", "server/auth/ServerAuthHandler.cpp"), Look::Own(Own::Session)),
    look(ui(GET, "/auth-refresh-credentials", "server/auth/ServerAuthHandler.cpp"), Look::Own(Own::Session)),
];

pub(super) static PAGES: &[Row] = &[
    ui(GET, "/graphics/plot.png", "modules/SessionPlots.cpp (handlePngRequest)"),
    ui(GET, "/graphics/plot_zoom", "modules/SessionPlots.cpp (handleZoomRequest)"),
    ui(GET, "/graphics/plot_zoom_png", "modules/SessionPlots.cpp (handleZoomPngRequest)"),
    ui(GET, "/graphics/**", "modules/SessionPlots.cpp (handleGraphicsRequest)"),
    page("/content/**", "SessionContentUrls.cpp"),
    page("/content", "SessionContentUrls.cpp"),
    page("/html_preview/**", "modules/SessionHTMLPreview.cpp"),
    page("/rmd_output/**", "modules/rmarkdown/SessionRMarkdown.cpp (handleRmdOutputRequest)"),
    page("/chunk_output/**", "modules/rmarkdown/NotebookOutput.cpp"),
    ui(GET, "/rmd_data/**", "modules/rmarkdown/NotebookData.cpp"),
    look(page("/presentation/**", "modules/presentation/SlideRequestHandler.cpp"), Look::PageWith("file")),
    page("/session/**", "modules/SessionHelp.cpp (handleSessionRequest)"),
    page("/profiles/**", "modules/SessionProfiler.cpp"),
    look(ui(BOTH, "/help/**", "modules/SessionHelp.cpp"), Look::Path("file")),
    look(ui(GET, "/python/**", "modules/SessionHelp.cpp"), Look::Path("file")),
    look(ui(BOTH, "/custom/**", "modules/SessionHelp.cpp"), Look::Path("file")),
    ui(BOTH, "/tutorial/**", "modules/SessionTutorial.cpp"),
    ui(BOTH, "/grid_data", "modules/data/DataViewer.cpp (getGridData)"),
    ui(GET, "/grid_resource/**", "modules/data/DataViewer.cpp (handleGridResReq)"),
    ui(GET, "/profiler_resource/**", "modules/SessionProfiler.cpp"),
    ui(GET, "/connections/**", "modules/connections/SessionConnections.cpp"),
    ui(GET, "/theme/default/**", "modules/SessionThemes.cpp"),
    ui(GET, "/theme/custom/**", "modules/SessionThemes.cpp"),
    ui(GET, "/fonts/**", "modules/SessionFonts.cpp"),
    ui(GET, "/dictionaries/**", "modules/SessionSpelling.cpp"),
    ui(GET, "/pdf_js/**", "modules/tex/SessionViewPdf.cpp"),
    ui(GET, "/mathjax/**", "modules/mathjax/SessionMathJax.cpp"),
    ui(GET, "/quarto/resources/**", "modules/quarto/SessionQuartoResources.cpp"),
    ui(GET, "/quarto-preview.js", "modules/quarto/SessionQuartoResources.cpp"),
];

pub(super) static PORTS: &[Row] = &[
    look(
        on(GET, "/p/*/terminal/*", &[C::Shell, C::TerminalSocket], "SessionConsoleProcessSocket.cpp"),
        Look::Port,
    )
    .socket(SocketRule::RstudioTerminal),
    look(on(Methods::ANY, "/p/*/**", &[C::PortProxy], "server/session/ServerSessionProxy.cpp"), Look::Port)
        .either(SocketRule::Opaque),
    look(on(Methods::ANY, "/p6/*/**", &[C::PortProxy], "server/session/ServerSessionProxy.cpp"), Look::Port6)
        .either(SocketRule::Opaque),
    // What R's own child processes ask of their session, never a browser.
    look(on(Methods::ANY, "/rsession-local/**", &[C::Unknown], "SessionUriHandlers.cpp"), Look::Never),
];

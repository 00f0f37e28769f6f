//! The routes of code-server and of the VS Code server in it, and what each one takes.
//!
//! code-server serves VS Code below `/` and below `/vscode`, VS Code answers below `/stable-<commit>` and without it, and one of
//! its routes on any path: that one is matched by its end, first. Every WebSocket on any path is the editor's.

use crate::row::{Check, Methods, Row};
use crate::{Capability as C, SocketRule};

const GET: Methods = Methods::GET;
const POST: Methods = Methods::POST;
const ANY: Methods = Methods::ANY;

const SERVER: &str = "code-server 4.139.1";
const CODE: &str = "Code 1.139.1";

/// Shorthand: a row as the tables read best.
const fn on(
    methods: Methods,
    path: &'static str,
    needs: &'static [C],
    seen: &'static str,
    source: &'static str,
) -> Row {
    Row::new(methods, path, needs, seen, source)
}

/// The tables.
pub(crate) static TABLES: [&[Row]; 1] = [ROWS];

/// The rows.
static ROWS: &[Row] = &[
    on(ANY, "**/vscode-remote-resource", &[C::Ui], CODE, "RemoteExtensionHostAgentServer.handleRequest")
        .check(Check::RemoteResource),
    on(GET, "/", &[C::Ui], SERVER, "routes/vscode.js").check(Check::Folder),
    on(GET, "/vscode", &[C::Ui], SERVER, "routes/vscode.js").check(Check::Folder),
    on(GET, "/_static**", &[C::Ui], SERVER, "routes/index.js"),
    on(GET, "/stable-*/static**", &[C::Ui], CODE, "WebClientServer.handle"),
    on(GET, "/vscode/stable-*/static**", &[C::Ui], CODE, "WebClientServer.handle"),
    on(GET, "/healthz", &[C::Ui], SERVER, "routes/health.js").socket(SocketRule::None),
    on(GET, "/manifest.json", &[C::Ui], SERVER, "routes/vscode.js"),
    on(GET, "/vscode/manifest.json", &[C::Ui], SERVER, "routes/vscode.js"),
    on(GET, "/robots.txt", &[C::Ui], SERVER, "routes/index.js"),
    on(GET, "/security.txt", &[C::Ui], SERVER, "routes/index.js"),
    on(GET, "/.well-known/security.txt", &[C::Ui], SERVER, "routes/index.js"),
    on(POST, "/mint-key", &[C::Ui], SERVER, "routes/vscode.js"),
    on(POST, "/vscode/mint-key", &[C::Ui], SERVER, "routes/vscode.js"),
    on(GET.or(POST), "/login", &[C::Ui], SERVER, "routes/login.js"),
    on(GET, "/logout", &[C::Ui], SERVER, "routes/logout.js"),
    on(GET, "/update", &[C::Ui], SERVER, "routes/update.js"),
    on(GET, "/update/check", &[C::Ui], SERVER, "routes/update.js"),
    on(GET, "/version", &[C::Ui], CODE, "RemoteExtensionHostAgentServer.handleRequest"),
    on(GET, "/stable-*/version", &[C::Ui], CODE, "RemoteExtensionHostAgentServer.handleRequest"),
    on(GET, "/delay-shutdown", &[C::Ui], CODE, "RemoteExtensionHostAgentServer.handleRequest"),
    on(GET, "/stable-*/delay-shutdown", &[C::Ui], CODE, "RemoteExtensionHostAgentServer.handleRequest"),
    on(GET, "/callback", &[C::Ui], CODE, "WebClientServer.handle"),
    on(GET, "/stable-*/callback", &[C::Ui], CODE, "WebClientServer.handle"),
    // The server fetches a file of the gallery for the browser.
    on(GET, "/stable-*/web-extension-resource**", &[C::InstallPackage], CODE, "WebClientServer.handle"),
    on(GET, "/web-extension-resource**", &[C::InstallPackage], CODE, "WebClientServer.handle"),
    on(ANY, "/proxy**", &[C::PortProxy], SERVER, "routes/pathProxy.js")
        .either(SocketRule::Opaque)
        .check(Check::LoopbackPort),
    on(ANY, "/absproxy**", &[C::PortProxy], SERVER, "routes/pathProxy.js")
        .either(SocketRule::Opaque)
        .check(Check::LoopbackPort),
    // What has no row of its own; code-server's routes match in upper case too.
    on(ANY, "**", &[C::Unknown], CODE, "RemoteExtensionHostAgentServer.handleRequest").check(Check::AnyCase),
    on(GET, "**", &[C::Ui], CODE, "RemoteExtensionHostAgentServer.handleUpgrade")
        .socket(SocketRule::CodeServer)
        .check(Check::EditorSocket),
];

//! Packages, language servers, and the port proxy.

use super::{DELETE, GET, LAB, LSP, POST, PROXY, on};
use crate::row::{Check, Methods, Row};
use crate::{Capability as C, SocketRule};

/// The rows.
pub(super) static ROWS: &[Row] = &[
    // Packages and extensions.
    on(
        GET,
        "/lab/api/extensions",
        &[C::InstallPackage],
        LAB,
        "jupyterlab.handlers.extension_manager_handler.ExtensionHandler",
    ),
    on(
        POST,
        "/lab/api/extensions",
        &[C::InstallPackage],
        LAB,
        "jupyterlab.handlers.extension_manager_handler.ExtensionHandler",
    )
    .act(),
    on(GET, "/lab/api/plugins", &[C::Ui], LAB, "jupyterlab.handlers.plugin_manager_handler.PluginHandler"),
    on(
        POST,
        "/lab/api/plugins",
        &[C::InstallPackage],
        LAB,
        "jupyterlab.handlers.plugin_manager_handler.PluginHandler",
    )
    .act(),
    on(GET, "/lab/api/build", &[C::Ui], LAB, "jupyterlab.handlers.build_handler.BuildHandler"),
    on(
        POST.or(DELETE),
        "/lab/api/build",
        &[C::InstallPackage],
        LAB,
        "jupyterlab.handlers.build_handler.BuildHandler",
    )
    .act(),
    // Language servers: programs that run beside the kernel, at the interface's wish.
    on(GET, "/lsp/status", &[C::Shell], LSP, "jupyter_lsp.handlers.LanguageServersHandler"),
    on(GET, "/lsp/ws/*", &[C::Shell], LSP, "jupyter_lsp.handlers.LanguageServerWebSocketHandler")
        .socket(SocketRule::None),
    // Port proxy.
    on(Methods::ANY, "/proxy**", &[C::PortProxy], PROXY, "jupyter_server_proxy.handlers.LocalProxyHandler")
        .either(SocketRule::Opaque)
        .check(Check::LoopbackPort),
    on(GET, "/server-proxy/servers-info", &[C::Ui], PROXY, "jupyter_server_proxy.api.ServersInfoHandler"),
    on(GET, "/server-proxy/icon/*", &[C::Ui], PROXY, "jupyter_server_proxy.api.IconHandler"),
];

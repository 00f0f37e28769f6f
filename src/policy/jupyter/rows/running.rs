//! Kernels, their sessions, and terminals.

use super::{DELETE, GET, NOTEBOOK, PATCH, POST, SERVER, TERMINALS, on};
use crate::row::{Check, Row};
use crate::{Capability as C, SocketRule};

/// The rows.
pub(super) static ROWS: &[Row] = &[
    // Kernels and sessions: the most frequent requests stand first.
    on(GET, "/api/kernels", &[C::Ui], SERVER, "jupyter_server.services.kernels.handlers.MainKernelHandler"),
    on(
        POST,
        "/api/kernels",
        &[C::ExecuteCode],
        SERVER,
        "jupyter_server.services.kernels.handlers.MainKernelHandler",
    )
    .act(),
    on(GET, "/api/kernels/*", &[C::Ui], SERVER, "jupyter_server.services.kernels.handlers.KernelHandler"),
    on(
        DELETE,
        "/api/kernels/*",
        &[C::ExecuteCode],
        SERVER,
        "jupyter_server.services.kernels.handlers.KernelHandler",
    )
    .act(),
    on(
        POST,
        "/api/kernels/*/restart",
        &[C::ExecuteCode],
        SERVER,
        "jupyter_server.services.kernels.handlers.KernelActionHandler",
    )
    .act(),
    on(
        POST,
        "/api/kernels/*/interrupt",
        &[C::ExecuteCode],
        SERVER,
        "jupyter_server.services.kernels.handlers.KernelActionHandler",
    )
    .act(),
    on(
        GET,
        "/api/kernels/*/channels",
        &[C::ExecuteCode],
        SERVER,
        "jupyter_server.services.kernels.websocket.KernelWebsocketHandler",
    )
    .socket(SocketRule::JupyterKernel),
    on(
        GET,
        "/api/sessions",
        &[C::Ui],
        SERVER,
        "jupyter_server.services.sessions.handlers.SessionRootHandler",
    ),
    on(
        POST,
        "/api/sessions",
        &[C::ExecuteCode],
        SERVER,
        "jupyter_server.services.sessions.handlers.SessionRootHandler",
    )
    .act(),
    on(GET, "/api/sessions/*", &[C::Ui], SERVER, "jupyter_server.services.sessions.handlers.SessionHandler"),
    on(
        PATCH.or(DELETE),
        "/api/sessions/*",
        &[C::ExecuteCode],
        SERVER,
        "jupyter_server.services.sessions.handlers.SessionHandler",
    )
    .act(),
    // Terminals.
    on(
        GET,
        "/api/terminals",
        &[C::Shell],
        TERMINALS,
        "jupyter_server_terminals.api_handlers.TerminalRootHandler",
    ),
    on(
        POST,
        "/api/terminals",
        &[C::Shell],
        TERMINALS,
        "jupyter_server_terminals.api_handlers.TerminalRootHandler",
    )
    .act()
    .check(Check::TerminalBody),
    on(
        GET,
        "/api/terminals/*",
        &[C::Shell],
        TERMINALS,
        "jupyter_server_terminals.api_handlers.TerminalHandler",
    ),
    on(
        DELETE,
        "/api/terminals/*",
        &[C::Shell],
        TERMINALS,
        "jupyter_server_terminals.api_handlers.TerminalHandler",
    )
    .act(),
    on(GET, "/terminals/websocket/*", &[C::Shell], TERMINALS, "jupyter_server_terminals.handlers.TermSocket")
        .socket(SocketRule::JupyterTerminal),
    on(GET, "/terminals/*", &[C::Shell], NOTEBOOK, "notebook.app.TerminalHandler"),
];

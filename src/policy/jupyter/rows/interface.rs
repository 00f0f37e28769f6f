//! The interface's own pages, scripts, settings and state.

use super::{DELETE, GET, LAB, LAB_SERVER, NOTEBOOK, PATCH, POST, PUT, SERVER, on};
use crate::row::{Check, Row, Tail};
use crate::{Capability as C, SocketRule};

/// The rows.
pub(super) static ROWS: &[Row] = &[
    // The interface's own pages, scripts and state.
    on(GET, "/", &[C::Ui], SERVER, "jupyter_server.base.handlers.RedirectWithParams"),
    on(GET, "/lab", &[C::Ui], LAB_SERVER, "jupyterlab_server.handlers.LabHandler"),
    on(GET, "/lab/tree**", &[C::Ui], LAB_SERVER, "jupyterlab_server.handlers.LabHandler").tail(Tail::Name),
    on(GET, "/lab/workspaces/*", &[C::Ui], LAB_SERVER, "jupyterlab_server.handlers.LabHandler"),
    on(GET, "/lab/workspaces/*/tree**", &[C::Ui], LAB_SERVER, "jupyterlab_server.handlers.LabHandler")
        .tail(Tail::Name),
    on(GET, "/doc", &[C::Ui], LAB_SERVER, "jupyterlab_server.handlers.LabHandler"),
    on(GET, "/doc/tree**", &[C::Ui], LAB_SERVER, "jupyterlab_server.handlers.LabHandler").tail(Tail::Name),
    on(GET, "/doc/workspaces/*", &[C::Ui], LAB_SERVER, "jupyterlab_server.handlers.LabHandler"),
    on(GET, "/doc/workspaces/*/tree**", &[C::Ui], LAB_SERVER, "jupyterlab_server.handlers.LabHandler")
        .tail(Tail::Name),
    on(GET, "/static**", &[C::Ui], SERVER, "jupyter_server.base.handlers.FileFindHandler"),
    on(GET, "/lab/extensions**", &[C::Ui], LAB_SERVER, "jupyter_server.base.handlers.FileFindHandler"),
    on(GET, "/favicon.ico", &[C::Ui], SERVER, "jupyter_server.base.handlers.FileFindHandler"),
    on(GET, "/robots.txt", &[C::Ui], SERVER, "jupyter_server.base.handlers.FileFindHandler"),
    on(
        GET,
        "/kernelspecs/*/*",
        &[C::Ui],
        SERVER,
        "jupyter_server.kernelspecs.handlers.KernelSpecResourceHandler",
    )
    .check(Check::KernelResource),
    on(
        GET,
        "/lab/api/settings**",
        &[C::Ui],
        LAB_SERVER,
        "jupyterlab_server.settings_handler.SettingsHandler",
    ),
    on(
        PUT,
        "/lab/api/settings**",
        &[C::Ui],
        LAB_SERVER,
        "jupyterlab_server.settings_handler.SettingsHandler",
    )
    .act(),
    on(
        GET.or(PUT),
        "/lab/api/workspaces**",
        &[C::Ui],
        LAB_SERVER,
        "jupyterlab_server.workspaces_handler.WorkspacesHandler",
    ),
    on(
        DELETE,
        "/lab/api/workspaces**",
        &[C::Ui],
        LAB_SERVER,
        "jupyterlab_server.workspaces_handler.WorkspacesHandler",
    )
    .act(),
    on(GET, "/lab/api/themes**", &[C::Ui], LAB_SERVER, "jupyterlab_server.themes_handler.ThemesHandler"),
    on(
        GET,
        "/lab/api/translations**",
        &[C::Ui],
        LAB_SERVER,
        "jupyterlab_server.translations_handler.TranslationsHandler",
    ),
    on(
        GET,
        "/lab/api/listings/*",
        &[C::Ui],
        LAB_SERVER,
        "jupyterlab_server.listings_handler.ListingsHandler",
    ),
    on(
        GET,
        "/lab/api/licenses**",
        &[C::Ui],
        LAB_SERVER,
        "jupyterlab_server.licenses_handler.LicensesHandler",
    ),
    on(GET, "/lab/api/news", &[C::Ui], LAB, "jupyterlab.handlers.announcements.NewsHandler"),
    on(GET, "/lab/api/update", &[C::Ui], LAB, "jupyterlab.handlers.announcements.CheckForUpdateHandler"),
    on(GET, "/tree**", &[C::Browse], NOTEBOOK, "notebook.app.TreeHandler").tail(Tail::File),
    on(GET, "/notebooks**", &[C::Ui], NOTEBOOK, "notebook.app.NotebookHandler").tail(Tail::Name),
    on(GET, "/edit**", &[C::Ui], NOTEBOOK, "notebook.app.FileHandler").tail(Tail::Name),
    on(GET, "/consoles**", &[C::Ui], NOTEBOOK, "notebook.app.ConsoleHandler").tail(Tail::Name),
    on(GET, "/custom/custom.css", &[C::Ui], NOTEBOOK, "notebook.app.CustomCssHandler"),
    on(GET, "/api", &[C::Ui], SERVER, "jupyter_server.base.handlers.APIVersionHandler"),
    on(GET, "/api/me", &[C::Ui], SERVER, "jupyter_server.services.api.handlers.IdentityHandler"),
    on(PATCH, "/api/me", &[C::Ui], SERVER, "jupyter_server.services.api.handlers.IdentityHandler").act(),
    on(GET, "/api/status", &[C::Ui], SERVER, "jupyter_server.services.api.handlers.APIStatusHandler"),
    on(GET, "/api/spec.yaml", &[C::Ui], SERVER, "jupyter_server.services.api.handlers.APISpecHandler"),
    on(
        GET,
        "/api/kernelspecs",
        &[C::Ui],
        SERVER,
        "jupyter_server.services.kernelspecs.handlers.MainKernelSpecHandler",
    ),
    on(
        GET,
        "/api/kernelspecs/*",
        &[C::Ui],
        SERVER,
        "jupyter_server.services.kernelspecs.handlers.KernelSpecHandler",
    ),
    on(
        GET.or(PUT).or(PATCH),
        "/api/config/*",
        &[C::Ui],
        SERVER,
        "jupyter_server.services.config.handlers.ConfigHandler",
    ),
    on(POST, "/api/events", &[C::Ui], SERVER, "jupyter_server.services.events.handlers.EventHandler"),
    on(
        GET,
        "/api/events/subscribe",
        &[C::Ui],
        SERVER,
        "jupyter_server.services.events.handlers.SubscribeWebsocket",
    )
    .socket(SocketRule::None),
    on(
        POST,
        "/api/security/csp-report",
        &[C::Ui],
        SERVER,
        "jupyter_server.services.security.handlers.CSPReportHandler",
    ),
    on(GET, "/metrics", &[C::Ui], SERVER, "jupyter_server.base.handlers.PrometheusMetricsHandler"),
    on(GET, "/login", &[C::Ui], SERVER, "jupyter_server.auth.login.LoginFormHandler"),
    on(GET, "/logout", &[C::Ui], SERVER, "jupyter_server.auth.logout.LogoutHandler").act(),
    on(POST, "/api/shutdown", &[C::EndSession], SERVER, "jupyter_server.services.shutdown.ShutdownHandler")
        .act(),
];

//! The routes of JupyterLab, Notebook and the extensions people add, and what each one takes.
//!
//! First match wins, so a narrower path stands before a wider one. `testdata/jupyterlab-4.6.6.routes` is the list of all
//! routes of the real program; a test holds the two together. What is not here is `unknown`.

use crate::row::{Check, Methods, Row, Tail};
use crate::{Capability as C, Direction, SocketRule};

const GET: Methods = Methods::GET;
const POST: Methods = Methods::POST;
const PUT: Methods = Methods::PUT;
const PATCH: Methods = Methods::PATCH;
const DELETE: Methods = Methods::DELETE;

const SERVER: &str = "jupyter_server 2.21.1";
const TERMINALS: &str = "jupyter_server_terminals 0.5.4";
const LAB: &str = "jupyterlab 4.6.6";
const LAB_SERVER: &str = "jupyterlab_server 2.28.1";
const NOTEBOOK: &str = "notebook 7.6.5";
const GIT: &str = "jupyterlab-git 0.55.0";
const NBDIME: &str = "nbdime 4.0.4";
const PROXY: &str = "jupyter-server-proxy 4.6.0";
const LSP: &str = "jupyter-lsp 2.3.1";

/// Shorthand: a row as the table reads best.
const fn on(
    methods: Methods,
    path: &'static str,
    needs: &'static [C],
    seen: &'static str,
    source: &'static str,
) -> Row {
    Row::new(methods, path, needs, seen, source)
}

/// The table.
pub const ROWS: &[Row] = &[
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
    .act(),
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
    // Documents and files.
    on(
        GET,
        "/api/contents**/checkpoints",
        &[C::Read],
        SERVER,
        "jupyter_server.services.contents.handlers.CheckpointsHandler",
    )
    .tail(Tail::File),
    on(
        POST,
        "/api/contents**/checkpoints",
        &[C::Write],
        SERVER,
        "jupyter_server.services.contents.handlers.CheckpointsHandler",
    )
    .tail(Tail::File)
    .act(),
    on(
        POST.or(DELETE),
        "/api/contents**/checkpoints/*",
        &[C::Write],
        SERVER,
        "jupyter_server.services.contents.handlers.ModifyCheckpointsHandler",
    )
    .tail(Tail::File)
    .act(),
    on(
        POST,
        "/api/contents**/trust",
        &[C::Write],
        SERVER,
        "jupyter_server.services.contents.handlers.TrustNotebooksHandler",
    )
    .tail(Tail::File)
    .act(),
    on(
        GET,
        "/api/contents**",
        &[C::Read],
        SERVER,
        "jupyter_server.services.contents.handlers.ContentsHandler",
    )
    .tail(Tail::File)
    .check(Check::ContentsQuery),
    on(
        PUT,
        "/api/contents**",
        &[C::Write],
        SERVER,
        "jupyter_server.services.contents.handlers.ContentsHandler",
    )
    .tail(Tail::File)
    .check(Check::ContentsBody)
    .act(),
    on(
        POST,
        "/api/contents**",
        &[C::Write],
        SERVER,
        "jupyter_server.services.contents.handlers.ContentsHandler",
    )
    .tail(Tail::File)
    .check(Check::ContentsBody)
    .act(),
    on(
        PATCH,
        "/api/contents**",
        &[C::Write],
        SERVER,
        "jupyter_server.services.contents.handlers.ContentsHandler",
    )
    .tail(Tail::File)
    .check(Check::ContentsBody)
    .act(),
    on(
        DELETE,
        "/api/contents**",
        &[C::Write],
        SERVER,
        "jupyter_server.services.contents.handlers.ContentsHandler",
    )
    .tail(Tail::File)
    .act(),
    on(
        Methods::ANY,
        "/api/notebooks**",
        &[C::Read],
        SERVER,
        "jupyter_server.services.contents.handlers.NotebooksRedirectHandler",
    )
    .tail(Tail::Name),
    on(
        GET,
        "/api/resolvePath",
        &[C::Browse],
        SERVER,
        "jupyter_server.services.api.handlers.PathResolverHandler",
    )
    .check(Check::HiddenPaths),
    on(GET, "/files**", &[C::Download], SERVER, "jupyter_server.base.handlers.AuthenticatedFileHandler")
        .tail(Tail::File)
        .transfer(Direction::Download)
        .act(),
    on(GET, "/view**", &[C::Download], SERVER, "jupyter_server.view.handlers.ViewHandler")
        .tail(Tail::File)
        .act(),
    on(
        POST,
        "/nbconvert/*",
        &[C::Download],
        SERVER,
        "jupyter_server.nbconvert.handlers.NbconvertPostHandler",
    )
    .transfer(Direction::Download)
    .act(),
    on(
        GET,
        "/nbconvert/***",
        &[C::Download],
        SERVER,
        "jupyter_server.nbconvert.handlers.NbconvertFileHandler",
    )
    .tail(Tail::File)
    .transfer(Direction::Download)
    .act(),
    on(
        GET,
        "/api/nbconvert",
        &[C::Ui],
        SERVER,
        "jupyter_server.services.nbconvert.handlers.NbconvertRootHandler",
    ),
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
    // Version control: what the panel asks by itself.
    on(POST, "/git**/branch", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitBranchHandler").tail(Tail::File),
    on(POST, "/git**/tags", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitTagHandler").tail(Tail::File),
    on(POST, "/git**/status", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitStatusHandler").tail(Tail::File),
    on(POST, "/git**/show_prefix", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitShowPrefixHandler")
        .tail(Tail::File),
    on(POST, "/git**/show_top_level", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitShowTopLevelHandler")
        .tail(Tail::File),
    on(POST, "/git**/upstream", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitUpstreamHandler")
        .tail(Tail::File),
    on(POST, "/git**/changed_files", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitChangedFilesHandler")
        .tail(Tail::File),
    on(POST, "/git**/config", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitConfigHandler").tail(Tail::File),
    on(GET, "/git**/stash", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitStashHandler").tail(Tail::File),
    on(GET, "/git**/submodules", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitSubmodulesHandler")
        .tail(Tail::File),
    on(GET, "/git**/check_notebooks", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitCheckNotebooksHandler")
        .tail(Tail::File),
    on(GET, "/git**/remote/show", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitRemoteDetailsShowHandler")
        .tail(Tail::File),
    on(GET, "/git/settings", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitSettingsHandler"),
    on(GET, "/git/known_hosts", &[C::Vcs], GIT, "jupyterlab_git.handlers.SshHostHandler"),
    // Version control: what a person does.
    on(POST, "/git/known_hosts", &[C::Vcs], GIT, "jupyterlab_git.handlers.SshHostHandler").act(),
    on(POST, "/git**/stash", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitStashHandler")
        .tail(Tail::File)
        .act(),
    on(DELETE, "/git**/stash", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitStashHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/stash_apply", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitStashApplyHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/stash_pop", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitStashPopHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/add", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitAddHandler").tail(Tail::File).act(),
    on(POST, "/git**/add_all_unstaged", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitAddAllUnstagedHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/add_all_untracked", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitAddAllUntrackedHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/branch/delete", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitBranchDeleteHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/checkout", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitCheckoutHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/commit", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitCommitHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/delete_commit", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitDeleteCommitHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/detailed_log", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitDetailedLogHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/log", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitLogHandler").tail(Tail::File).act(),
    on(GET, "/git**/ignore", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitIgnoreHandler").tail(Tail::File),
    on(POST, "/git**/ignore", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitIgnoreHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/init", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitInitHandler").tail(Tail::File).act(),
    on(POST, "/git**/merge", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitMergeHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/rebase", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitRebaseHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/reset", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitResetHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/reset_to_commit", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitResetToCommitHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/strip_notebooks", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitStripNotebooksHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/tag", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitNewTagHandler").tail(Tail::File).act(),
    on(POST, "/git**/tag_checkout", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitTagCheckoutHandler")
        .tail(Tail::File)
        .act(),
    // Version control that moves files or publishes.
    on(POST, "/git**/clone", &[C::Vcs, C::Upload], GIT, "jupyterlab_git.handlers.GitCloneHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/pull", &[C::Vcs, C::Upload], GIT, "jupyterlab_git.handlers.GitPullHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/remote/fetch", &[C::Vcs, C::Upload], GIT, "jupyterlab_git.handlers.GitFetchHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/push", &[C::Vcs, C::PublishExternal], GIT, "jupyterlab_git.handlers.GitPushHandler")
        .tail(Tail::File)
        .act(),
    on(
        POST,
        "/git**/remote/add",
        &[C::Vcs, C::PublishExternal],
        GIT,
        "jupyterlab_git.handlers.GitRemoteAddHandler",
    )
    .tail(Tail::File)
    .act(),
    on(DELETE, "/git**/remote/*", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitRemoteRemoveHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/content", &[C::Vcs, C::Download], GIT, "jupyterlab_git.handlers.GitContentHandler")
        .tail(Tail::File)
        .check(Check::HiddenPaths)
        .act(),
    on(POST, "/git**/diff", &[C::Vcs, C::Download], GIT, "jupyterlab_git.handlers.GitDiffHandler")
        .tail(Tail::File)
        .check(Check::HiddenPaths)
        .act(),
    on(
        POST,
        "/git/diffnotebook",
        &[C::Vcs, C::Download],
        GIT,
        "jupyterlab_git.handlers.GitDiffNotebookHandler",
    )
    .check(Check::HiddenPaths)
    .act(),
    on(Methods::ANY, "/git**", &[C::Vcs, C::Unknown], GIT, "any other route of the extension")
        .tail(Tail::File),
    on(POST, "/nbdime/api/isgit", &[C::Vcs], NBDIME, "nbdime.webapp.nb_server_extension.IsGitHandler")
        .check(Check::HiddenPaths),
    on(
        POST,
        "/nbdime/api/diff",
        &[C::Vcs, C::Download],
        NBDIME,
        "nbdime.webapp.nb_server_extension.ExtensionApiDiffHandler",
    )
    .check(Check::HiddenPaths)
    .act(),
    on(
        POST,
        "/nbdime/api/gitdiff",
        &[C::Vcs, C::Download],
        NBDIME,
        "nbdime.webapp.nb_server_extension.GitDiffHandler",
    )
    .check(Check::HiddenPaths)
    .act(),
    on(
        GET,
        "/nbdime/difftool",
        &[C::Vcs, C::Download],
        NBDIME,
        "nbdime.webapp.nb_server_extension.AuthMainDifftoolHandler",
    )
    .check(Check::HiddenPaths),
    on(
        GET,
        "/nbdime/git-difftool",
        &[C::Vcs, C::Download],
        NBDIME,
        "nbdime.webapp.nb_server_extension.GitDifftoolHandler",
    )
    .check(Check::HiddenPaths),
    on(
        GET,
        "/nbdime/checkpoint-difftool",
        &[C::Vcs, C::Download],
        NBDIME,
        "nbdime.webapp.nb_server_extension.CheckpointDifftoolHandler",
    )
    .check(Check::HiddenPaths),
    on(Methods::ANY, "/nbdime**", &[C::Vcs, C::Unknown], NBDIME, "any other route of the extension"),
];

//! Version control: jupyterlab-git and nbdime.

use super::{DELETE, GET, GIT, NBDIME, POST, on};
use crate::Capability as C;
use crate::row::{Check, Methods, Row, Tail};

/// The rows.
pub(super) static ROWS: &[Row] = &[
    // Version control: the longer ends first, `/git/remote/add` is no `add` in a folder `remote`.
    on(
        POST,
        "/git**/remote/add",
        &[C::Vcs, C::PublishExternal],
        GIT,
        "jupyterlab_git.handlers.GitRemoteAddHandler",
    )
    .tail(Tail::File)
    .act(),
    on(POST, "/git**/branch/delete", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitBranchDeleteHandler")
        .tail(Tail::File)
        .act(),
    on(POST, "/git**/remote/fetch", &[C::Vcs, C::Upload], GIT, "jupyterlab_git.handlers.GitFetchHandler")
        .tail(Tail::File)
        .act(),
    on(GET, "/git**/remote/show", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitRemoteDetailsShowHandler")
        .tail(Tail::File),
    on(DELETE, "/git**/remote/*", &[C::Vcs], GIT, "jupyterlab_git.handlers.GitRemoteRemoveHandler")
        .tail(Tail::File)
        .act(),
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
    on(POST, "/git**/push", &[C::Vcs, C::PublishExternal], GIT, "jupyterlab_git.handlers.GitPushHandler")
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

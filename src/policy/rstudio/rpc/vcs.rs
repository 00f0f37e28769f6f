//! Git and Subversion. Their paths are relative to the project's folder, which was checked when it was opened.

use super::Arg::{In, Path, Tree, Trees};
use super::{Group, group};

pub(super) static GROUPS: &[Group] = &[
    group! { "modules/SessionVCS.cpp":
        vcs_clone [Vcs] act (In(0, "parent_path"), super::Arg::Name(0, "directory_name"), super::Arg::Place(0, "repo_url"));
    },
    group! { "modules/SessionGit.cpp":
        git_add [Vcs] act (Trees(0));
        git_add_remote [Vcs] act (super::Arg::Place(1, ""));
        git_all_status [Vcs];
        git_apply_patch [Vcs] act;
        git_checkout [Vcs] act;
        git_checkout_remote [Vcs] act;
        git_commit [Vcs] act;
        git_create_branch [Vcs] act;
        git_diff_file [Vcs] (Tree(0));
        git_discard [Vcs] act (Trees(0));
        git_export_file [Vcs, Write] act (Tree(1), Path(2));
        git_full_status [Vcs];
        git_get_ignores [Vcs] (Path(0));
        git_github_remote_url [Vcs] (Tree(1));
        git_has_repo [Vcs] (Path(0));
        git_history [Vcs] (Tree(1));
        git_history_count [Vcs] (Tree(1));
        git_init_repo [Vcs] act (Path(0));
        git_list_branches [Vcs];
        git_list_remotes [Vcs];
        git_pull [Vcs] act;
        git_pull_rebase [Vcs] act;
        git_push [Vcs, Publish, PublishExternal] act;
        git_push_branch [Vcs, Publish, PublishExternal] act;
        git_remove [Vcs] act (Trees(0));
        git_revert [Vcs] act (Trees(0));
        git_set_ignores [Vcs] act (Path(0));
        git_show [Vcs];
        git_show_file [Vcs, Read] act (Tree(1));
        git_ssh_public_key [Vcs] (Path(0));
        git_stage [Vcs] act (Trees(0));
        git_unstage [Vcs] act (Trees(0));
    },
    group! { "modules/SessionSVN.cpp":
        svn_add [Vcs] act (Trees(0));
        svn_apply_patch [Vcs] act (Tree(0));
        svn_cleanup [Vcs] act;
        svn_commit [Vcs, Publish, PublishExternal] act (Trees(0));
        svn_delete [Vcs] act (Trees(0));
        svn_diff_file [Vcs] (Tree(0));
        svn_get_ignores [Vcs] (Path(0));
        svn_history [Vcs] (Tree(1));
        svn_history_count [Vcs] (Tree(1));
        svn_resolve [Vcs] act (Trees(1));
        svn_revert [Vcs] act (Trees(0));
        svn_set_ignores [Vcs] act (Path(0));
        svn_show [Vcs];
        svn_show_file [Vcs, Read] act (Tree(1));
        svn_status [Vcs];
        svn_update [Vcs] act;
    },
];

//! Publishing: RPubs and shinyapps.io are outside, Posit Connect can be inside; its methods serve both.

use super::Arg::{In, Path, Server, TreesIn};
use super::{Group, group};

pub(super) static GROUPS: &[Group] = &[
    group! { "modules/SessionRPubs.cpp":
        rpubs_is_published [RpubsPublish] (Path(0));
        rpubs_upload [RpubsPublish] act (Path(2), Path(3));
        terminate_rpubs_upload [RpubsPublish] act;
    },
    group! { "modules/SessionRSConnect.cpp":
        rsconnect_publish [Publish] act (Server(3), In(0, "deploy_dir"), In(0, "deploy_file"), In(0, "source_file"), In(0, "website_dir"), TreesIn(1, "deploy_files"), TreesIn(1, "additional_files"));
        cancel_publish [Publish] act;
        get_rsconnect_deployments [Publish] (Path(0), Path(1));
        get_edit_published_docs [Publish] (Path(0));
        get_rmd_publish_details [Publish] (Path(0));
    },
    group! { "modules/SessionRSConnect.R":
        connect_rsconnect_account [Publish, PublishExternal] act;
        remove_rsconnect_account [Publish] act;
        get_rsconnect_account_list [Publish];
        get_rsconnect_app [Publish];
        get_rsconnect_app_list [Publish];
        get_rsconnect_lint_results [Publish] (Path(0));
        validate_server_url [Publish];
        get_server_urls [Publish];
        get_auth_token [Publish] act (Server(0));
        get_user_from_token [Publish];
        register_user_token [Publish] act (Server(0));
        get_deployment_files [Publish] (Path(0), Path(2));
        get_deployment_env_vars [Publish];
        forget_rsconnect_deployments [Publish] act (Path(0), Path(1));
        generate_app_name [Publish] (Path(1));
        has_orphaned_accounts [Publish];
    },
];

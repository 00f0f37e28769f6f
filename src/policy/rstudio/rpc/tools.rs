//! Packages, dependencies, credentials.

use super::Arg::Path;
use super::{Group, group};

pub(super) static GROUPS: &[Group] = &[
    group! { "modules/SessionPackages.cpp":
        available_packages [InstallPackage];
        get_package_state [Ui];
    },
    group! { "modules/SessionPackages.R":
        is_package_attached [Ui];
        is_package_installed [Ui];
        is_package_hyperlink_safe [Ui];
        get_package_install_context [InstallPackage];
        get_package_news_url [Ui] (Path(1));
        get_package_citations [Ui] (Path(1));
        check_for_package_updates [InstallPackage] act;
        init_default_user_library [InstallPackage] act;
        loaded_package_updates_required [InstallPackage];
        ignore_next_loaded_package_check [Ui];
        get_cran_mirrors [Ui];
        get_cran_actives [Ui];
        get_secondary_repos [Ui];
        validate_cran_repo [InstallPackage];
    },
    group! { "modules/SessionDependencies.cpp":
        unsatisfied_dependencies [Ui];
        install_dependencies [InstallPackage] act;
    },
    group! { "modules/SessionTests.cpp":
        install_shinytest_dependencies [InstallPackage] act;
    },
    group! { "modules/SessionPackrat.cpp":
        install_packrat [InstallPackage] act;
        get_packrat_context [Ui];
        get_packrat_actions [Ui];
        packrat_bootstrap [InstallPackage] act (Path(0));
        get_packrat_prerequisites [Ui];
    },
    group! { "modules/SessionPackrat.R":
        get_packrat_status [Ui] (Path(0));
        get_pending_actions [Ui] (Path(1));
    },
    group! { "modules/SessionRenv.R":
        renv_init [InstallPackage] act (Path(0));
        renv_actions [InstallPackage];
    },
    group! { "modules/SessionUpdates.cpp":
        check_for_updates [Ui];
    },
    group! { "modules/SessionCrypto.cpp":
        get_public_key [Ui];
    },
    group! { "modules/SessionAskPass.cpp":
        askpass_completed [Ui] act;
    },
    group! { "modules/SessionAskSecret.cpp":
        asksecret_completed [Ui] act;
    },
    group! { "modules/RStudioAPI.cpp":
        rstudioapi_show_dialog_completed [Ui] act;
        open_file_dialog_completed [Ui] act (Path(0));
        rstudioapi_response [Ui];
    },
    group! { "modules/SessionSource.cpp (answers)":
        request_document_save_completed [Ui];
        request_document_close_completed [Ui];
    },
    group! { "SessionMain.cpp (answers)":
        choose_file_completed [Ui] act (Path(0));
        locator_completed [Ui] act;
        user_prompt_completed [Ui] act;
        admin_notification_acknowledged [Ui] act;
        handle_unsaved_changes_completed [Ui] act;
    },
    group! { "modules/SessionWorkbench.cpp (answers)":
        edit_completed [Ui] act;
        get_editor_context_completed [Ui];
    },
    group! { "modules/SessionWorkbench.cpp (keys)":
        create_ssh_key [Vcs] act (super::Arg::In(0, "path"));
    },
];

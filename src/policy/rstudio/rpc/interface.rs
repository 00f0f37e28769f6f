//! The page itself: the session's life, its state, settings, dialogues.

use super::Arg::{Keys, PathBut};
use super::{Group, group};

pub(super) static GROUPS: &[Group] = &[
    group! { "SessionClientInit.cpp":
        client_init [Ui];
    },
    group! { "SessionHttpMethods.cpp, http/SessionHttpConnectionUtils.cpp":
        ping [Ui];
        interrupt [ExecuteCode] act;
        abort [EndSession] act (PathBut(0, "none"));
        quit_session [EndSession] act (PathBut(1, "none"));
        suspend_session [EndSession] act;
    },
    group! { "SessionMain.cpp (life)":
        suspend_for_restart [EndSession] act;
        auth_status [Ui];
    },
    group! { "modules/SessionWorkbench.cpp":
        set_client_state [Ui];
        set_workbench_metrics [Ui];
        adapt_to_language [Ui];
        set_user_crash_handler_prompted [Ui] act;
    },
    group! { "prefs/SessionUserPrefs.cpp":
        set_user_prefs [Ui] act (Keys(0));
        set_user_state [Ui];
        edit_user_prefs [Read] act;
        clear_user_prefs [Ui] act;
        view_all_prefs [Ui] act;
    },
    group! { "modules/SessionAbout.cpp":
        get_product_info [Ui];
        get_product_notice [Ui];
        get_rversion_info [Ui];
    },
    group! { "modules/SessionSystemResources.cpp":
        get_memory_usage_report [Ui];
    },
];

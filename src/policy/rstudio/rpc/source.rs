//! Documents in the editor: opening, saving, completing, checking.

use super::Arg::{InEach, Path};
use super::{Group, group};

pub(super) static GROUPS: &[Group] = &[
    group! { "modules/SessionSource.cpp":
        new_document [Write] act;
        open_document [Read] act (Path(0));
        save_document [Write] act (Path(1));
        save_document_diff [Write] act (Path(1));
        check_for_external_edit [Ui];
        ignore_external_edit [Ui];
        close_document [Ui] act;
        close_all_documents [Ui] act;
        get_source_template [Ui];
        create_rd_shell [Ui] act;
        is_read_only_file [Browse] (Path(0));
        get_minimal_source_path [Browse] (Path(0));
        get_script_run_command [Ui] (Path(1));
        set_doc_order [Ui];
        set_source_document_on_save [Ui];
        set_source_document_dirty [Ui];
        get_source_document [Read];
        modify_document_properties [Ui];
        get_document_properties [Ui] (Path(0));
        revert_document [Read] act;
        reopen_with_encoding [Read] act;
        format_document [Write] act (Path(1));
        format_code [Ui] act;
    },
    group! { "modules/SessionSource.R":
        iconvlist [Ui];
        detect_free_vars [Ui] act;
        save_active_document [Write] act;
    },
    group! { "modules/SessionRCompletions.R":
        get_completions [ExecuteCode] act;
        transform_snippet [Ui] act;
    },
    group! { "modules/SessionCodeTools.R":
        get_help_at_cursor [Ui] act;
        execute_r_code [ExecuteCode] act (super::Arg::Input(0));
        is_function [Ui];
        get_args [Ui];
        extract_chunk_options [Ui];
        get_set_class_slots [Ui];
        get_set_generic_call [Ui];
        get_set_method_call [Ui];
        get_set_ref_class_call [Ui];
        discover_package_dependencies [Ui];
        replace_comment_header [Write] act (Path(1));
    },
    group! { "modules/SessionDiagnostics.cpp":
        lint_r_source_document [Read] (Path(1));
    },
    group! { "modules/SessionSql.R":
        sql_get_completions [Ui] act;
    },
    group! { "modules/stan/SessionStan.R":
        stan_get_completions [Ui] act;
        stan_get_arguments [Ui];
        stan_run_diagnostics [Read] (Path(0));
    },
    group! { "modules/SessionReticulate.R":
        python_get_completions [ExecuteCode] act;
        python_go_to_definition [Ui] act;
        python_go_to_help [Ui] act;
    },
    group! { "modules/SessionPythonEnvironments.R":
        python_active_interpreter [Ui];
        python_find_interpreters [Ui];
        python_interpreter_info [ExecuteCode] (Path(0));
    },
    group! { "modules/clang/SessionClang.cpp":
        get_cpp_completions [Read] act (Path(1));
        get_cpp_diagnostics [Read] (Path(0));
        go_to_cpp_definition [Read] act (Path(0));
        find_cpp_usages [Read] act (Path(0));
    },
    group! { "modules/SessionCpp.cpp":
        cpp_project_style [Ui];
    },
    group! { "modules/SessionCpp.R":
        cpp_source_file [ExecuteCode] act (Path(0));
    },
    group! { "modules/SessionSpelling.cpp":
        check_spelling [Ui];
        suggestion_list [Ui];
        get_word_chars [Ui];
        add_custom_dictionary [Read] act (Path(0));
        remove_custom_dictionary [Ui] act;
        install_all_dictionaries [InstallPackage] act;
    },
    group! { "modules/SessionSnippets.cpp":
        save_snippets [Ui];
        get_snippets [Ui];
    },
    group! { "modules/SessionMarkers.cpp":
        markers_tab_closed [Ui];
        update_active_marker_set [Ui];
        clear_active_marker_set [Ui];
    },
    group! { "modules/SessionBreakpoints.cpp":
        get_function_state [Ui] (Path(1));
        set_function_breakpoints [ExecuteCode] act (Path(1));
        update_breakpoints [Ui] (InEach(0, "path"));
        remove_all_breakpoints [Ui] act;
    },
    group! { "modules/SessionBreakpoints.R":
        get_function_steps [Ui] (Path(1));
    },
    group! { "modules/SessionErrors.cpp":
        set_error_management_type [Ui];
    },
    group! { "modules/SessionCopilot.cpp":
        copilot_diagnostics [Ui];
        copilot_generate_completions [Read] act (Path(1));
        copilot_sign_in [Ui] act;
        copilot_sign_out [Ui] act;
        copilot_status [Ui];
        copilot_doc_focused [Ui];
        copilot_did_show_completion [Ui];
    },
];

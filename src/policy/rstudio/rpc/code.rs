//! Running code: the console, jobs, the environment, terminals and other processes.

use super::Arg::{Each, In, Input, InputIn, InputInEach, Path};
use super::{Group, group};

pub(super) static GROUPS: &[Group] = &[
    group! { "SessionMain.cpp":
        console_input [ExecuteCode] act (Input(0));
    },
    group! { "modules/SessionConsole.cpp":
        reset_console_actions [Ui];
    },
    group! { "modules/SessionWorkbench.cpp (code)":
        execute_code [ExecuteCode] act (Input(0));
    },
    group! { "modules/SessionUserCommands.cpp":
        execute_user_command [ExecuteCode] act;
    },
    group! { "modules/SessionRAddins.cpp":
        get_r_addins [Ui];
        execute_r_addin [ExecuteCode] act;
    },
    group! { "modules/SessionRAddins.R":
        prepare_for_addin [Ui];
    },
    group! { "SessionConsoleProcessApi.cpp":
        start_terminal [Shell] act (In(0, "cwd"));
        get_terminal_shells [Shell];
        process_start [Shell] act;
        process_interrupt [Shell] act;
        process_interrupt_child [Shell] act;
        process_reap [Shell];
        process_write_stdin [Shell] act (InputIn(1, "text"));
        process_set_size [Shell];
        process_set_caption [Shell];
        process_set_title [Shell];
        process_erase_buffer [Shell] act;
        process_get_buffer [Shell];
        process_get_buffer_chunk [Shell];
        process_use_rpc [Shell];
        process_test_exists [Shell];
        process_notify_visible [Ui];
    },
    group! { "modules/SessionTerminal.cpp":
        get_terminal_options [Shell];
    },
    group! { "modules/jobs/SessionJobs.cpp":
        get_jobs [Ui];
        job_output [Ui];
        set_job_listening [Ui];
        clear_background_jobs [Ui] act;
        execute_job_action [ExecuteCode] act;
        run_script_job [ExecuteCode] act (In(0, "path"), In(0, "working_dir"), InputIn(0, "code"));
    },
    group! { "modules/environment/SessionEnvironment.cpp":
        list_environment [Ui];
        set_context_depth [Ui] act;
        set_environment [Ui];
        set_environment_frame [Ui];
        get_environment_names [Ui];
        remove_all_objects [ExecuteCode] act;
        remove_objects [ExecuteCode] act;
        get_environment_state [Ui];
        get_object_contents [Ui];
        requery_context [Ui];
        environment_set_language [Ui];
        set_environment_monitoring [Ui];
    },
    group! { "modules/SessionEnvironment.R":
        is_function_masked [Ui];
    },
    group! { "modules/SessionObjectExplorer.R":
        explorer_inspect_object [ExecuteCode] act (Input(1));
        explorer_begin_inspect [ExecuteCode] act;
        explorer_end_inspect [Ui];
    },
    group! { "modules/SessionHistory.cpp":
        get_recent_history [Ui];
        get_history_items [Ui];
        remove_history_items [Ui] act;
        clear_history [Ui] act;
        get_history_archive_items [Ui];
        search_history_archive [Ui] act;
        search_history_archive_by_prefix [Ui] act;
        search_history [Ui] act;
    },
    group! { "modules/SessionProfiler.R":
        start_profiling [ExecuteCode] act (In(0, "fileName"));
        stop_profiling [ExecuteCode] act (In(0, "fileName"));
        open_profile [Read] act (In(0, "fileName"));
        copy_profile [Write] act (Path(0), Path(1));
        clear_profile [Write] act (Path(0), Path(1));
        profile_sources [Read] (Path(0), Path(1));
    },
    group! { "modules/SessionShinyViewer.cpp":
        get_shiny_run_cmd [Ui] (Path(0));
        set_shiny_viewer_type [Ui];
        run_shiny_background_app [ExecuteCode] act (Path(0));
    },
    group! { "modules/SessionShinyViewer.R":
        get_shiny_viewer_type [Ui];
        stop_shiny_app [ExecuteCode] act;
    },
    group! { "modules/SessionPlumberViewer.cpp":
        get_plumber_run_cmd [Ui] (Path(0));
    },
    group! { "modules/SessionPlumberViewer.R":
        get_plumber_viewer_type [Ui];
    },
    group! { "modules/SessionTests.R":
        has_shinytest_dependencies [Ui];
        has_shinytest_results [Browse] (Path(0));
    },
    group! { "modules/connections/SessionConnections.cpp":
        remove_connection [Ui] act;
        connection_disconnect [ExecuteCode] act;
        connection_execute_action [ExecuteCode] act;
        connection_list_objects [ExecuteCode] act;
        connection_list_fields [ExecuteCode] act;
        connection_preview_object [ExecuteCode] act;
        install_odbc_driver [InstallPackage] act (Path(1));
    },
    group! { "modules/SessionConnections.R":
        get_new_connection_context [Ui];
        get_new_odbc_connection_context [Ui];
        connection_test [ExecuteCode] act (Input(0));
        launch_embedded_shiny_connection_ui [ExecuteCode] act;
        connection_add_package [InstallPackage] act;
        uninstall_odbc_driver [InstallPackage] act;
        update_odbc_installers [InstallPackage] act;
    },
    group! { "modules/rmarkdown/NotebookQueue.cpp":
        execute_notebook_chunks [ExecuteCode] act (InputInEach(0, "units"), In(0, "doc_path"));
        update_notebook_exec_queue [ExecuteCode] act (InputIn(0, "code"));
    },
    group! { "modules/rmarkdown/NotebookAlternateEngines.cpp":
        interrupt_chunk [ExecuteCode] act;
    },
    group! { "modules/rmarkdown/NotebookPlotReplay.cpp":
        replay_notebook_plots [Ui];
        replay_notebook_chunk_plots [Ui];
        clean_replay_notebook_chunk_plots [Ui];
    },
    group! { "modules/rmarkdown/SessionRmdNotebook.cpp":
        refresh_chunk_output [Ui] (Path(0));
    },
    group! { "modules/rmarkdown/NotebookCache.cpp":
        extract_rmd_from_notebook [Read] act (Path(0));
        create_notebook_from_cache [Write] (Path(0), Path(1));
    },
    group! { "modules/NotebookData.R":
        default_sql_connection_name [Ui];
    },
    group! { "modules/SessionLists.cpp":
        list_get [Ui];
        list_set_contents [Ui];
        list_prepend_item [Ui];
        list_append_item [Ui];
        list_remove_item [Ui];
        list_update_extra [Ui];
        list_clear [Ui];
    },
    group! { "modules/build/SessionBuild.cpp":
        start_build [ExecuteCode] act;
        terminate_build [ExecuteCode] act;
        get_cpp_capabilities [Ui];
        install_build_tools [InstallPackage] act;
        devtools_load_all_path [Ui];
        get_bookdown_formats [Ui];
    },
    group! { "modules/SessionAuthoring.cpp":
        get_tex_capabilities [Ui];
        get_chunk_options [Ui];
        compile_pdf [ExecuteCode] act (Path(0), In(2, "file"));
        is_compile_pdf_running [Ui];
        terminate_compile_pdf [ExecuteCode] act;
        compile_pdf_closed [Ui];
        is_tex_installed [Ui];
    },
    group! { "modules/tex/SessionSynctex.cpp":
        synctex_forward_search [Browse] act (Path(0), In(1, "file"));
        synctex_inverse_search [Browse] act (In(0, "file"));
        apply_forward_concordance [Browse] act (Path(0), In(1, "file"));
        apply_inverse_concordance [Browse] act (In(0, "file"));
    },
    group! { "modules/presentation/SessionPresentation.cpp (code)":
        presentation_execute_code [PresentationCommands, ExecuteCode] act (Input(0));
    },
    group! { "modules/rmarkdown/SessionRMarkdown.cpp (code)":
        render_rmd [ExecuteCode] act (Path(0), Path(4), Path(7), Path(8));
        render_rmd_source [ExecuteCode] act (Input(0));
        terminate_render_rmd [ExecuteCode] act;
        prepare_for_rmd_chunk_execution [Ui];
    },
    group! { "modules/quarto/SessionQuartoPreview.cpp":
        quarto_preview [ExecuteCode] act (Path(0));
    },
    group! { "modules/SessionHTMLPreview.cpp":
        preview_html [ExecuteCode] act (In(0, "path"));
        terminate_preview_html [ExecuteCode] act;
        get_html_capabilities [Ui];
        create_notebook [Write] act;
    },
    group! { "modules/SessionTutorial.R":
        tutorial_started [Ui];
        tutorial_stop [Ui];
        tutorial_metadata [Ui];
    },
    group! { "modules/rmarkdown/SessionRMarkdown.cpp (files)":
        maybe_copy_website_asset [Write] (Path(0));
        rmd_import_images [Write, Read] act (Each(0), Path(1));
        rmd_save_base64_images [Upload] act (super::Arg::Bytes(0), Path(1));
    },
];

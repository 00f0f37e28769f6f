//! The Files pane, searching in files, projects, and the person's settings as files.

use super::Arg::{Absent, Archive, Each, Hidden, In, Name, Path, Place, Public, Tree};
use super::{Group, group};

pub(super) static GROUPS: &[Group] = &[
    group! { "modules/SessionFiles.cpp":
        stat [Browse] (Path(0));
        is_text_file [Browse] (Path(0));
        is_git_directory [Browse] (Path(0));
        is_package_directory [Browse] (Path(0));
        get_file_contents [Read] act (Path(0));
        list_files [Browse] (Path(0));
        create_file [Write] act (Path(0));
        create_folder [Write] act (Path(0));
        delete_files [Write] act (Each(0), Public(0));
        copy_file [Write] act (Path(0), Path(1));
        move_files [Write] act (Each(0), Path(1), Public(0));
        rename_file [Write] act (Path(0), Path(1), Public(0));
        touch_file [Write] act (Path(0));
        complete_upload [Upload] act (In(0, "uploadedTempFile"), In(0, "targetDirectory"), Name(0, "filename"), Archive(0, "unzipFound"));
        make_project_relative [Browse] (Each(0));
    },
    group! { "modules/SessionFiles.R":
        list_all_files [Browse] (Path(0));
        ensure_file_exists [Write] act (Path(0));
        create_aliased_path [Browse] (Path(0));
        get_issue_url [Ui];
    },
    group! { "modules/SessionFind.cpp":
        begin_find [Browse, Read] act (Path(5));
        stop_find [Ui];
        clear_find_results [Ui];
        preview_replace [Browse, Read] act (Path(5));
        complete_replace [Write] act (Path(5));
        stop_replace [Ui];
    },
    group! { "modules/SessionCodeSearch.cpp":
        search_code [Browse];
        get_function_definition [Read];
        get_search_path_function_definition [Read] act;
        get_method_definition [Read] act;
        find_function_in_search_path [Read] act;
    },
    group! { "modules/SessionSymbolIndex.cpp":
        build_symbol_index [Ui];
        find_symbol [Ui];
        get_all_symbols [Ui];
    },
    group! { "projects/SessionProjects.cpp":
        validate_project_path [Browse] (Path(0));
        get_new_project_context [Ui];
        get_project_file_path [Ui];
        create_project [Write] act (Path(0), In(1, "package_folder"));
        create_project_file [Write] act (Path(0));
        read_project_options [Ui];
        write_project_options [Write] act;
        write_project_config [Write] act;
        write_project_vcs_options [Vcs] act;
        find_project_in_folder [Browse] (Path(0));
    },
    group! { "modules/SessionProjectTemplate.cpp":
        get_project_template_registry [Ui];
    },
    group! { "modules/SessionConfigFile.cpp":
        read_config_json [Ui] (Tree(0));
        write_config_json [Ui] (Tree(0));
    },
    group! { "modules/SessionDiagnostics.R":
        analyze_project [ExecuteCode] act (Path(0));
    },
    group! { "modules/SessionPackages.R (new package)":
        package_skeleton [Write] act (Path(1), Each(2));
    },
    group! { "modules/shiny/SessionShiny.cpp":
        get_shiny_capabilities [Ui];
        create_shiny_app [Write] act (Path(2));
    },
    group! { "modules/plumber/SessionPlumber.cpp":
        create_plumber_api [Write] act (Path(1));
    },
    group! { "modules/SessionDataImport.R":
        get_data_preview [Read] act (Path(0));
        get_output_preview [Read] act (Path(0));
        download_data_file [ExecuteCode] act (Place(0, ""));
    },
    group! { "modules/SessionDataImportV2.R":
        assemble_data_import [Read] (Place(0, "importLocation"), Place(0, "modelLocation"), Absent(0, "localFiles"));
        preview_data_import [Read] act (Place(0, "importLocation"), Place(0, "modelLocation"), Absent(0, "localFiles"));
        preview_data_import_clean [Ui] (Hidden);
    },
    group! { "modules/data/SessionData.cpp":
        preview_data_import_async [Read] act (Place(0, "importLocation"), Place(0, "modelLocation"), Absent(0, "localFiles"));
        preview_data_import_async_abort [Ui];
    },
    group! { "modules/SessionDataPreview.R":
        preview_sql [ExecuteCode] act;
    },
    group! { "modules/data/DataViewer.cpp":
        remove_cached_data [Ui];
    },
];

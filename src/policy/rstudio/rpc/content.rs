//! Pages made of documents: R Markdown, Quarto, presentations, plots, the viewer, the visual editor, help.

use super::Arg::{In, Path, Tree, Trees};
use super::{Group, group};

pub(super) static GROUPS: &[Group] = &[
    group! { "modules/rmarkdown/SessionRMarkdown.cpp":
        get_rmarkdown_context [Ui];
        get_rmd_template [Read] (Path(0));
        create_rmd_from_template [Write] act (Path(0), Path(1));
    },
    group! { "modules/rmarkdown/RMarkdownTemplates.cpp":
        get_rmd_templates [Ui];
    },
    group! { "modules/rmarkdown/SessionRMarkdown.R":
        rmd_output_format [Read] (Path(0));
        get_rmd_output_info [Browse] (Path(0));
        convert_to_yaml [Ui];
        convert_from_yaml [Ui];
        markdown_get_completions [Ui] act;
    },
    group! { "modules/rmarkdown/SessionBookdownXRefs.cpp":
        xref_index_for_file [Read] (Path(0));
        xref_for_id [Read] (Path(0));
    },
    group! { "modules/quarto/SessionQuarto.cpp":
        quarto_capabilities [Ui];
        get_qmd_publish_details [Publish] (Path(0));
        quarto_create_project [Write] act (Path(0), In(1, "venv"));
    },
    group! { "modules/quarto/SessionQuartoXRefs.cpp":
        quarto_xref_index_for_file [Read] (Path(0));
        quarto_xref_for_id [Read] (Path(0));
    },
    group! { "modules/presentation/SessionPresentation.cpp":
        create_standalone_presentation [Write] act (Path(0));
        create_desktop_view_in_browser_presentation [Ui] act;
        create_presentation_rpubs_source [RpubsPublish] act;
        set_presentation_slide_index [Ui];
        create_new_presentation [Write] act (Path(0));
        show_presentation_pane [Read] act (Path(0));
        close_presentation_pane [Ui] act;
        set_working_directory [ExecuteCode] act (Path(0));
        tutorial_quiz_response [Ui] act;
        get_slide_navigation_for_file [Read] (Path(0));
        get_slide_navigation_for_code [Read] (Path(1));
        clear_presentation_cache [Ui];
    },
    group! { "modules/SessionPlots.cpp":
        next_plot [Ui] act;
        previous_plot [Ui] act;
        remove_plot [Ui] act;
        clear_plots [Ui] act;
        refresh_plot [Ui];
        save_plot_as [Write] act (Path(0));
        save_plot_as_pdf [Write] act (Path(0));
        copy_plot_to_clipboard_metafile [Ui] act;
        copy_plot_to_cocoa_pasteboard [Ui] act;
        get_unique_save_plot_stem [Browse] (Path(0));
        get_save_plot_context [Browse] (Path(0));
        set_manipulator_values [ExecuteCode] act;
        manipulator_plot_clicked [ExecuteCode] act;
        plots_create_rpubs_html [RpubsPublish] act;
        get_plot_tempdir [Ui];
    },
    group! { "modules/viewer/SessionViewer.cpp":
        viewer_stopped [Ui];
        viewer_current [Ui];
        viewer_clear_current [Ui] act;
        viewer_clear_all [Ui] act;
        viewer_forward [Ui] act;
        viewer_back [Ui] act;
        get_viewer_export_context [Browse] (Path(0));
        viewer_save_as_web_page [Write] act (Path(0));
        viewer_create_rpubs_html [RpubsPublish] act;
    },
    group! { "SessionContentUrls.cpp":
        remove_content_url [Ui];
    },
    group! { "modules/panmirror/SessionPanmirrorPandoc.cpp":
        pandoc_get_capabilities [Ui];
        pandoc_ast_to_markdown [Ui];
        pandoc_markdown_to_ast [Ui];
        pandoc_list_extensions [Ui];
    },
    group! { "modules/panmirror/SessionPanmirrorBibliography.cpp":
        pandoc_get_bibliography [Read] (Path(0), Trees(1));
        pandoc_add_to_bibliography [Write] act (Tree(0));
        pandoc_citation_html [Read] (Path(0), Tree(2));
    },
    group! { "modules/panmirror/SessionPanmirrorCrossref.cpp":
        crossref_works [Ui] act;
        crossref_doi [Ui];
    },
    group! { "modules/panmirror/SessionPanmirrorDataCite.cpp":
        datacite_search [Ui] act;
    },
    group! { "modules/panmirror/SessionPanmirrorDOI.cpp":
        doi_fetch_csl [Ui];
    },
    group! { "modules/panmirror/SessionPanmirrorPubMed.cpp":
        pubmed_search [Ui] act;
    },
    group! { "modules/zotero/SessionZotero.cpp":
        zotero_get_collections [Read] (Path(0));
        zotero_get_library_names [Ui];
        zotero_get_active_collection_specs [Read] (Path(0));
        zotero_validate_web_api_key [Ui];
        zotero_detect_local_config [Ui];
        zotero_better_bibtex_export [Ui];
    },
    group! { "modules/SessionHelp.R":
        suggest_topics [Ui];
        get_help [Ui];
        get_vignette_title [Ui];
        get_vignette_description [Ui];
        show_vignette [Ui] act;
        get_custom_help [Ui];
        get_custom_parameter_help [Ui];
        show_custom_help_topic [Ui] act;
        show_help_topic [Ui] act;
        follow_help_topic [Ui] act;
        search [Ui] act;
    },
    group! { "modules/SessionThemes.cpp":
        get_themes [Ui];
        add_theme [Read, Write] act (Path(0));
        remove_theme [Ui] act;
        set_computed_theme_colors [Ui];
    },
    group! { "modules/SessionThemes.R":
        get_theme_name [Read] (Path(0));
    },
    group! { "modules/SessionFonts.cpp":
        get_installed_fonts [Ui];
    },
];

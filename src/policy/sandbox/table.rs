//! Which programs a session has where `allow-shell=0`: a row each, with its reason. What the administrator adds stands in
//! `session-programs`, what the IDE itself brings is found by its prefix ([`super::programs`]).
//!
//! None of the rows is a shell, nor a program whose business it is to start others by name. Python, R and node run code of a
//! person's own by design: what they can do to files and network is ruled elsewhere.

use portcullis_model::session::Ide;

/// Who gets a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Every IDE and application.
    Every,
    /// All but RStudio, which has no use for it.
    NotRstudio,
    /// Whoever may use version control, in any IDE.
    Vcs,
}

impl Who {
    /// Whether a session gets it.
    pub(super) const fn includes(self, ide: Ide, vcs: bool) -> bool {
        match self {
            Self::Every => true,
            Self::NotRstudio => !matches!(ide, Ide::Rstudio),
            Self::Vcs => vcs,
        }
    }
}

/// A program, or a folder all of whose files may be executed. A `*` stands for any characters within one name.
#[derive(Debug)]
pub(super) struct Row {
    pub path: &'static str,
    pub who: Who,
    pub why: &'static str,
}

macro_rules! rows {
    ($($who:ident $why:literal: $($path:literal)+;)*) => {
        /// The rows.
        pub(super) const ROWS: &[Row] = &[$($(Row { path: $path, who: Who::$who, why: $why },)+)*];
    };
}

rows! {
    Every "the kernel starts it for every program that is linked dynamically":
        "/lib64/ld-linux-x86-64.so.*" "/lib/ld-linux-aarch64.so.*" "/lib/ld-linux-armhf.so.*" "/lib64/ld64.so.*"
        "/lib/ld-linux-riscv64-*.so.*" "/lib/ld64.so.*" "/lib/ld-musl-*.so.1";
    Every "kernels, language servers, the IDE itself":
        "/usr/bin/python3*" "/usr/local/bin/python3*" "/usr/bin/python" "/usr/local/bin/python";
    Every "programs that bring Python packages which root installed (a language server, a linter)":
        "/usr/lib/python3*" "/usr/local/lib/python3*" "/usr/lib64/python3*";
    Every "R; the script in front of it is read by the stub":
        "/usr/bin/R" "/usr/local/bin/R" "/usr/bin/Rscript" "/usr/local/bin/Rscript"
        "/usr/lib/R/bin" "/usr/lib64/R/bin" "/usr/local/lib/R/bin" "/usr/local/lib64/R/bin" "/opt/R/*/bin" "/opt/R/*/lib/R/bin";
    Every "programs that bring R packages which root installed (processx's supervisor)":
        "/usr/lib/R/library" "/usr/lib/R/site-library" "/usr/lib64/R/library" "/usr/local/lib/R/library"
        "/usr/local/lib/R/site-library" "/opt/R/*/lib/R/library";
    Every "the first line of scripts":
        "/usr/bin/env";
    Every "Python's `platform` and R's `Sys.info` ask it":
        "/usr/bin/uname";
    Every "Python's `ctypes` asks it where libraries are":
        "/usr/sbin/ldconfig" "/sbin/ldconfig";
    Every "documents from notebooks and R Markdown":
        "/usr/bin/pandoc" "/usr/local/bin/pandoc";
    Every "PDF from notebooks and R Markdown":
        "/usr/bin/xelatex" "/usr/bin/pdflatex" "/usr/bin/lualatex" "/usr/bin/bibtex" "/usr/bin/biber" "/usr/bin/kpsewhich"
        "/usr/bin/xdvipdfmx";
    NotRstudio "what pages are built with, and language servers":
        "/usr/bin/node" "/usr/bin/nodejs" "/usr/local/bin/node";
    Vcs "version control":
        "/usr/bin/git" "/usr/local/bin/git" "/usr/bin/git-lfs" "/usr/local/bin/git-lfs"
        "/usr/lib/git-core" "/usr/libexec/git-core" "/usr/local/libexec/git-core" "/usr/local/lib/git-core";
    Vcs "version control over the network":
        "/usr/bin/ssh" "/usr/local/bin/ssh";
}

/// Folders of programs: what of them is on no list is hidden, so that it can't even be read (`ld.so` runs what it can read).
/// Those outside `bin` have shells or run programs for others.
pub(super) const FOLDERS: [&str; 15] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/games",
    "/usr/local/games",
    "/usr/lib/klibc/bin",
    "/usr/lib/initramfs-tools/bin",
    "/usr/lib/busybox",
    "/usr/lib/git-core",
    "/usr/libexec/git-core",
    "/usr/local/libexec/git-core",
    "/snap/bin",
];

/// Names of shells: a folder of programs in which one of them is, isn't given as a whole.
pub(super) const SHELLS: [&str; 15] = [
    "sh", "bash", "dash", "ash", "zsh", "ksh", "ksh93", "mksh", "fish", "csh", "tcsh", "rbash", "busybox",
    "toybox", "xonsh",
];

//! Options of `rsession.conf` about R and the programs beside it, known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, Text};

recognised! { R, "R: recognised, not implemented";
    Info "this is about R; RStudio sessions are not run by this version" {
        /// RStudio's own R code.
        "r-core-source": Text = "";
        /// RStudio's own R modules.
        "r-modules-source": Text = "";
        /// RStudio's own R library.
        "r-session-library": Text = "";
        /// Archives of packages that RStudio brings along.
        "r-session-package-archives": Text = "";
        /// Library of the user.
        "r-libs-user": Text = "";
        /// CRAN mirror.
        "r-cran-repos": Text = "";
        /// File with repositories.
        "r-cran-repos-file": Text = "/etc/rstudio/repos.conf";
        /// Address of a list of repositories.
        "r-cran-repos-url": Text = "";
        /// Read changed sources again.
        "r-auto-reload-source": Bool = "0";
        /// Version of R's graphics engine.
        "r-compatible-graphics-engine-version": Int<0, 4294967295> = "16";
        /// R's resources.
        "r-resources-path": Text = "";
        /// R's home directory.
        "r-home-dir-override": Text = "";
        /// R's documentation.
        "r-doc-dir-override": Text = "";
        /// Restore the workspace: 0 no, 1 yes, 2 as the user says.
        "r-restore-workspace": Int<0, 2> = "2";
        /// Run the R profile: 0 no, 1 yes, 2 as the user says.
        "r-run-rprofile": Int<0, 2> = "2";
    }
}

recognised! { TOOLS, "Programs beside R: recognised, not implemented";
    Info "this is about programs that RStudio brings along; RStudio sessions are not run by this version" {
        /// Program for consoles.
        "external-consoleio-path": Text = "";
        /// The program diff.
        "external-gnudiff-path": Text = "";
        /// The program grep.
        "external-gnugrep-path": Text = "";
        /// The viewer Sumatra.
        "external-sumatra-path": Text = "";
        /// Tools for Windows.
        "external-winutils-path": Text = "";
        /// Dictionaries.
        "external-hunspell-dictionaries-path": Text = "";
        /// The library MathJax.
        "external-mathjax-path": Text = "";
        /// The program pandoc.
        "external-pandoc-path": Text = "";
        /// The program quarto.
        "external-quarto-path": Text = "";
        /// The program of GitHub Copilot.
        "external-copilot-path": Text = "";
        /// The library libclang.
        "external-libclang-path": Text = "";
        /// The library winpty.
        "external-winpty-path": Text = "";
        /// Offer GitHub Copilot.
        "copilot-enabled": Bool = "0";
        /// Proxy for GitHub Copilot.
        "copilot-proxy-url": Text = "";
        /// Who signs in for GitHub Copilot.
        "copilot-auth-provider": Text = "";
        /// Name of the proxy for Kerberos.
        "copilot-proxy-kerberos-service-principal": Text = "";
        /// Certificates for GitHub Copilot.
        "copilot-ssl-certificates-file": Text = "";
        /// Check the proxy's certificate.
        "copilot-proxy-strict-ssl": Bool = "1";
        /// Helper of GitHub Copilot.
        "copilot-helper": Text = "";
    }
}

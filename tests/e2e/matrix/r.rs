//! What people do in R, as cells: each stops when it does not work.

use super::combos::{Action, Combo, Expect};

const NO_SHELL: &[&str] = &["status 126"];
const NO_INSTALL: &[&str] = &["non-zero exit status", "not installed"];
const NO_CLUSTER: &[&str] = &["Cluster setup failed", "126", "failed to connect", "cannot open"];
const NO_FILE: &[&str] = &["cannot open"];
const NO_NETWORK: &[&str] = &["cannot be opened"];

const fn always(_: Combo) -> Expect {
    Expect::Works
}

const fn with_shell(combo: Combo) -> Expect {
    Expect::works_if(combo.shell, NO_SHELL)
}

const fn with_installer(combo: Combo) -> Expect {
    // R installs by a shell script of its own.
    Expect::works_if(combo.shell, NO_INSTALL)
}

const fn with_workers(combo: Combo) -> Expect {
    // Workers are started by a shell.
    Expect::works_if(combo.shell, NO_CLUSTER)
}

const fn with_all_folders(combo: Combo) -> Expect {
    Expect::works_if(!combo.restricted, NO_FILE)
}

const fn with_network(combo: Combo) -> Expect {
    Expect::works_if(combo.network, NO_NETWORK)
}

const fn action(name: &'static str, expect: fn(Combo) -> Expect, code: &'static str) -> Action {
    Action { name, code, expect }
}

/// The cells. `HOME`, `SHARED`, `OUTSIDE` and `PORT` are set before.
pub(super) const ACTIONS: &[Action] = &[
    action(
        "the usual packages are loaded",
        always,
        "stopifnot(all(c('package:utils', 'package:stats', 'package:graphics', 'package:methods') %in% search())); head(mtcars)",
    ),
    action(
        "a linear model",
        always,
        "m <- lm(mpg ~ wt, mtcars); stopifnot(abs(coef(m)[['wt']] + 5.3445) < 1e-3); summary(m)",
    ),
    action(
        "linear algebra and random numbers",
        always,
        "set.seed(1); a <- matrix(rnorm(40000), 200); stopifnot(max(abs(solve(a) %*% a - diag(200))) < 1e-6)",
    ),
    action(
        "a plot as PNG",
        always,
        "f <- file.path(HOME, 'plot.png'); png(f); plot(1:10); invisible(dev.off()); stopifnot(file.size(f) > 1000)",
    ),
    action(
        "plots as PDF and SVG",
        always,
        "for (f in c('p.pdf', 'p.svg')) { f <- file.path(HOME, f); (if (grepl('pdf', f)) pdf else svg)(f); hist(rnorm(100)); \
         invisible(dev.off()); stopifnot(file.size(f) > 1000) }",
    ),
    action("a plot in the notebook", always, "plot(cars)"),
    action(
        "mclapply",
        always,
        "stopifnot(identical(unlist(parallel::mclapply(1:8, function(i) i * 2, mc.cores = 2)), 1:8 * 2))",
    ),
    action(
        "what asks for programs by the way",
        always,
        "invisible(Sys.which('ls')); invisible(Sys.info()); invisible(sessionInfo()); invisible(Sys.timezone()); \
         invisible(parallel::detectCores()); invisible(Sys.time())",
    ),
    action(
        "files, names in Unicode, temporary ones",
        always,
        "f <- file.path(HOME, 'größe.rds'); saveRDS(mtcars, f); stopifnot(identical(readRDS(f), mtcars)); \
         t <- tempfile(); writeLines('x', t); stopifnot(readLines(t) == 'x'); \
         z <- gzfile(file.path(HOME, 'x.gz')); writeLines('x', z); close(z); write.csv(cars, file.path(HOME, 'cars.csv')); \
         stopifnot(nrow(read.csv(file.path(HOME, 'cars.csv'))) == 50)",
    ),
    action(
        "packages with native code of the machine",
        always,
        "library(jsonlite); stopifnot(fromJSON('[1,2]')[2] == 2); library(digest); invisible(digest('x'))",
    ),
    action(
        "the help",
        always,
        "h <- help('lm'); stopifnot(length(h) > 0); invisible(utils:::.getHelpFile(h))",
    ),
    action(
        "the folder that is allowed",
        always,
        "stopifnot(readLines(file.path(SHARED, 'a.txt')) == 'shared')",
    ),
    action(
        "another folder",
        with_all_folders,
        "l <- tryCatch(readLines(file.path(OUTSIDE, 'a.txt')), warning = function(w) stop(conditionMessage(w))); stopifnot(l == 'outside')",
    ),
    action(
        "a server that is not the session's own",
        with_network,
        "c <- tryCatch(socketConnection('127.0.0.1', PORT, blocking = TRUE, open = 'rb', timeout = 20), warning = function(w) stop(conditionMessage(w))); \
         b <- readBin(c, 'raw', 5); close(c); stopifnot(identical(rawToChar(b), 'hello'))",
    ),
    action(
        "a shell by system()",
        with_shell,
        "r <- suppressWarnings(system('echo hello', intern = TRUE)); if (!identical(as.character(r), 'hello')) stop(paste('status', attr(r, 'status')))",
    ),
    action(
        "a package of one's own from its source",
        with_installer,
        "p <- file.path(HOME, 'mine'); dir.create(file.path(p, 'R'), recursive = TRUE, showWarnings = FALSE); \
         writeLines(c('Package: mine', 'Version: 1.0', 'Title: Mine', 'Description: Mine.', 'License: none', 'Author: a', 'Maintainer: a <a@example.org>'), file.path(p, 'DESCRIPTION')); \
         writeLines('export(two)', file.path(p, 'NAMESPACE')); writeLines('two <- function() 2', file.path(p, 'R', 'two.R')); \
         l <- file.path(HOME, 'library'); dir.create(l, showWarnings = FALSE); \
         tryCatch(install.packages(p, lib = l, repos = NULL, type = 'source', quiet = TRUE), warning = function(w) stop(conditionMessage(w))); \
         library(mine, lib.loc = l); stopifnot(two() == 2)",
    ),
    action(
        "a cluster of workers over sockets",
        with_workers,
        "c <- parallel::makePSOCKcluster(1, setup_timeout = 12); s <- parallel::clusterApply(c, 1, function(x) x + 1); parallel::stopCluster(c); stopifnot(s[[1]] == 2)",
    ),
];

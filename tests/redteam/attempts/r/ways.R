# Ways out in R. The last line says what came of it; the status too (0 escaped, 10 held, 20 could not be tried).
leave <- function(word, status, text) {
  cat(word, ": ", text, "\n", sep = "")
  quit("no", status)
}
escaped <- function(text) leave("escaped", 0, text)
held <- function(text) leave("held", 10, paste(text, collapse = " "))

data <- Sys.getenv("RT_DATA")
say <- "echo rt-shell-$((40+2))"
ran <- function(text) if (any(grepl("rt-shell-42", text))) escaped("a command ran") else held(c("no command ran:", text))

ways <- list(
  "read" = function() escaped(sprintf("read `%s`", readLines(file.path(data, "by-r"))[1])),
  "list" = function() {
    names <- list.files(data)
    if (length(names)) escaped(sprintf("%d names", length(names))) else held("no names")
  },
  "write" = function() {
    writeLines("x", file.path(data, "r-written"))
    escaped("wrote a file")
  },
  "copy" = function() {
    from <- tempfile()
    writeLines("x", from)
    if (file.copy(from, file.path(data, "r-copied"))) escaped("copied a file out") else held("not copied")
  },
  "remove" = function() {
    if (file.remove(file.path(data, "r-removed"))) escaped("removed a file") else held("not removed")
  },
  "system" = function() ran(system(say, intern = TRUE)),
  "system2" = function() ran(system2("/bin/bash", c("-c", shQuote(say)), stdout = TRUE)),
  "pipe" = function() {
    one <- pipe(say)
    text <- readLines(one)
    close(one)
    ran(text)
  },
  "socket" = function() {
    one <- socketConnection(Sys.getenv("RT_LOOPBACK"), as.integer(Sys.getenv("RT_BOB_SESSION_PORT")), open = "r+", timeout = 4)
    close(one)
    escaped("connected to another session's port")
  },
  "download" = function() {
    from <- sprintf("http://%s:%s/", Sys.getenv("RT_METADATA"), Sys.getenv("RT_METADATA_PORT"))
    one <- socketConnection(Sys.getenv("RT_METADATA"), as.integer(Sys.getenv("RT_METADATA_PORT")), open = "r+", timeout = 4)
    close(one)
    escaped(paste("reached", from))
  },
  "library" = function() {
    dyn.load(file.path(Sys.getenv("HOME"), "rt/c/uploaded.so"))
    escaped("native code of one's own is loaded")
  },
  "kill" = function() {
    if (tools::pskill(as.integer(Sys.getenv("RT_OUTSIDER")), tools::SIGUSR1)) escaped("sent a signal") else held("no signal was sent")
  }
)

way <- commandArgs(trailingOnly = TRUE)[1]
tryCatch(
  withCallingHandlers(ways[[way]](), warning = function(w) message("warning: ", conditionMessage(w))),
  error = function(e) held(conditionMessage(e))
)
leave("broken", 20, "it told no outcome")

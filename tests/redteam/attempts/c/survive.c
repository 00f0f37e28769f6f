// Ways to be there still when the session has ended. Each leaves a process whose arguments hold RT_MARK and tells of it at once;
// the test then ends the session and looks. Every one of them ends by itself after a minute.
#include "way.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define LIFE 60

static char **name;

static __attribute__((noreturn)) void stay(void) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0), dup2(null, 1), dup2(null, 2);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, 0);
    // What `ps` shows of it: arguments begin where the first one does.
    snprintf(name[0], 64, "%s", target("RT_MARK"));
    for (int left = LIFE; left > 0;) left = (int)sleep((unsigned)left);
    _exit(0);
}

// As daemons do: a session of its own, twice forked.
static void forked_twice(void) {
    pid_t pid = (pid_t)prepare(fork(), "fork");
    if (!pid) {
        setsid();
        if (fork()) _exit(0);
        if (chdir("/")) {}
        stay();
    }
    waitpid(pid, NULL, 0);
    escaped("left a daemon");
}

// Changes its number every 40 milliseconds: whoever ends one after the other always comes too late.
static void jumping(void) {
    if (!prepare(fork(), "fork")) {
        setsid();
        signal(SIGCHLD, SIG_IGN);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0), dup2(null, 1), dup2(null, 2);
        snprintf(name[0], 64, "%s", target("RT_MARK"));
        for (int round = 0; round < LIFE * 25; round++) {
            if (fork()) _exit(0);
            usleep(40000);
        }
        _exit(0);
    }
    escaped("left a process that is always another one");
}

static void stopped(void) {
    if (!prepare(fork(), "fork")) {
        setsid();
        if (fork()) _exit(0);
        snprintf(name[0], 64, "%s", target("RT_MARK"));
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0), dup2(null, 1), dup2(null, 2);
        alarm(LIFE);
        raise(SIGSTOP);
        stay();
    }
    escaped("left a stopped process");
}

static const struct way ways[] = {{"daemon", forked_twice}, {"jumping", jumping}, {"stopped", stopped}};

int main(int argc, char **argv) {
    name = argv;
    char wanted[32] = "";
    if (argc > 1) snprintf(wanted, sizeof wanted, "%s", argv[1]);
    for (size_t at = 0; at < sizeof ways / sizeof ways[0]; at++)
        if (!strcmp(wanted, ways[at].name)) ways[at].try();
    errno = 0;
    broken("no such way");
}

// Ways to processes outside of the session: of the same user, so that ordinary permissions allow each of them.
#include "way.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static pid_t outsider(void) { return (pid_t)number("RT_OUTSIDER"); }

static void signalled(void) {
    must(kill(outsider(), SIGUSR1), "kill");
    escaped("sent a signal to process %d", outsider());
}

static void session_killed(void) {
    // Inside a process namespace it is the first one; outside it is the parent of what serves us.
    pid_t pid = getenv("RT_SESSION_PID_INSIDE") ? (pid_t)number("RT_SESSION_PID_INSIDE") : (pid_t)number("RT_SESSION_PID");
    must(kill(pid, SIGKILL), "kill");
    // The kernel answers nobody's signal to the first process of a namespace with success and does nothing.
    for (int round = 0; round < 100; round++) {
        if (kill(pid, 0) < 0 && errno == ESRCH) escaped("process %d is gone", pid);
        usleep(10000);
    }
    errno = EPERM;
    held("the session's process is still there");
}

static void traced(void) {
    must(ptrace(PTRACE_SEIZE, outsider(), 0, 0), "ptrace");
    escaped("traces process %d", outsider());
}

static void memory_read(void) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)number("RT_OUTSIDER_ADDRESS"), 1};
    must(process_vm_readv(outsider(), &here, 1, &there, 1, 0), "process_vm_readv");
    escaped("read memory of process %d", outsider());
}

static void memory_file(void) {
    char path[64], byte;
    snprintf(path, sizeof path, "/proc/%d/mem", outsider());
    int fd = must(open(path, O_RDWR), "open its memory");
    must(pread(fd, &byte, 1, number("RT_OUTSIDER_ADDRESS")), "read its memory");
    escaped("read memory of process %d", outsider());
}

static void descriptor(void) {
    int handle = must(syscall(SYS_pidfd_open, outsider(), 0), "pidfd_open");
    must(syscall(SYS_pidfd_getfd, handle, number("RT_OUTSIDER_FD"), 0), "pidfd_getfd");
    escaped("took a descriptor out of process %d", outsider());
}

// Needs nothing outside: tracing lets a debugger rewrite a helper of the IDE's, the shell's stub say.
static void tracing_siblings(void) {
    int handle = must(syscall(SYS_pidfd_open, getpid(), 0), "pidfd_open of itself");
    must(syscall(SYS_pidfd_getfd, handle, 0, 0), "pidfd_getfd");
    escaped("descriptors can be taken out of processes");
}

static void priority(void) {
    errno = 0;
    must(setpriority(0, (id_t)outsider(), 19), "setpriority");
    escaped("made process %d slow", outsider());
}

WAYS({"signal", signalled}, {"kill-session", session_killed}, {"trace", traced}, {"memory-call", memory_read},
     {"memory-file", memory_file}, {"descriptor", descriptor}, {"descriptor-inside", tracing_siblings}, {"priority", priority})

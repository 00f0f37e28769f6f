// System calls that no IDE needs and that kernels were broken into with.
#include "way.h"
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void user_namespace(void) {
    must(unshare(CLONE_NEWUSER), "unshare");
    escaped("has a user namespace, and all capabilities in it");
}

static int child(void *unused) {
    (void)unused;
    return 0;
}

static void cloned_namespace(void) {
    static char stack[65536];
    pid_t pid = must(clone(child, stack + sizeof stack, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, NULL), "clone");
    waitpid(pid, NULL, 0);
    escaped("started a process with namespaces of its own");
}

static void cloned_namespace3(void) {
    struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    pid_t pid = (pid_t)must(syscall(SYS_clone3, &args, sizeof args), "clone3");
    if (!pid) _exit(0);
    waitpid(pid, NULL, 0);
    escaped("started a process with a user namespace of its own");
}

static void joined(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/ns/user", number("RT_OUTSIDER_IN_NAMESPACE"));
    int fd = must(open(path, O_RDONLY), "open another process's namespace");
    must(setns(fd, CLONE_NEWUSER), "setns");
    escaped("entered another process's namespace");
}

static void mounted(void) {
    must(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
    must(mount("none", "/mnt", "tmpfs", 0, NULL), "mount");
    escaped("mounted something");
}

static void mounted_anew(void) {
    must(syscall(SYS_open_tree, AT_FDCWD, "/", 0), "open_tree");
    escaped("opened a mount");
}

static struct io_uring_params params;

static int ring(void) { return (int)must(syscall(SYS_io_uring_setup, 4, &params), "io_uring_setup"); }

static void uring(void) {
    ring();
    escaped("has a ring");
}

// Opens a file without any call that a filter of calls would see.
static void uring_open(void) {
    int fd = ring();
    size_t size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    size_t other = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    char *rings = mmap(NULL, size > other ? size : other, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entry = mmap(NULL, params.sq_entries * sizeof *entry, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
    if (rings == MAP_FAILED || (void *)entry == MAP_FAILED) broken("mmap");
    memset(entry, 0, sizeof *entry);
    entry->opcode = IORING_OP_OPENAT;
    entry->fd = AT_FDCWD;
    entry->addr = (unsigned long)outside("by-ring");
    entry->open_flags = O_RDONLY;
    ((unsigned *)(rings + params.sq_off.array))[0] = 0;
    __atomic_store_n((unsigned *)(rings + params.sq_off.tail), 1, __ATOMIC_RELEASE);
    must(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
    struct io_uring_cqe *done = (void *)(rings + params.cq_off.cqes);
    if (done->res < 0) {
        errno = -done->res;
        held("open by a ring");
    }
    escaped("opened a file by a ring");
}

// The 32-bit interface: other numbers for the same calls. Strings must lie below 4 GB.
static char *low(const char *string) {
    char *place = mmap((void *)0x10000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (place == MAP_FAILED) broken("mmap");
    return strcpy(place, string);
}

static long int80(long number, long first, long second, long third) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory", "r8", "r9", "r10", "r11");
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static void i386_open(void) {
    must(int80(5, (long)low(outside("by-i386")), O_RDONLY, 0), "open by int 0x80");
    escaped("opened a file by the 32-bit interface");
}

static void i386_exec(void) {
    char *path = low("/bin/echo");
    unsigned *args = (unsigned *)(path + 4096);
    char *word = path + 2048;
    strcpy(word, "escaped: echo runs by the 32-bit interface");
    args[0] = (unsigned)(long)path;
    args[1] = (unsigned)(long)word;
    args[2] = 0;
    must(int80(11, (long)path, (long)args, 0), "execve by int 0x80");
}

// A call that only the 32-bit interface has under this number (`getuid32`): no file or program is in play.
static void i386_any(void) {
    long uid = must(int80(199, 0, 0, 0), "getuid by int 0x80");
    escaped("the 32-bit interface answers: %ld", uid);
}

static void keys(void) {
    must(syscall(SYS_add_key, "user", "redteam", "x", 1, KEY_SPEC_USER_KEYRING), "add_key");
    escaped("left a key for every process of this user");
}

static void key_control(void) {
    must(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1), "keyctl");
    escaped("reached the user's keys");
}

static void performance(void) {
    struct perf_event_attr wish = {.type = PERF_TYPE_SOFTWARE, .size = sizeof wish, .config = PERF_COUNT_SW_CPU_CLOCK, .exclude_kernel = 1, .exclude_hv = 1};
    must(syscall(SYS_perf_event_open, &wish, 0, -1, -1, 0), "perf_event_open");
    escaped("measures with the kernel's counters");
}

static void page_faults(void) {
    must(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY), "userfaultfd");
    escaped("handles page faults itself");
}

static void other_machine(void) {
    must(socket(AF_VSOCK, SOCK_STREAM, 0), "socket of the hypervisor");
    escaped("has a socket towards the hypervisor");
}

static void person(void) {
    must(personality(READ_IMPLIES_EXEC), "personality");
    escaped("whatever is read is code");
}

static void descriptor_table(void) {
    char text[16] = {0};
    must(syscall(SYS_modify_ldt, 0, text, sizeof text), "modify_ldt");
    escaped("reached the table of segments");
}

// Types into a terminal as if the person had: out of a program that su or the like started.
static void typed(void) {
    int pty = prepare(open("/dev/ptmx", O_RDWR | O_NOCTTY), "open a terminal");
    int unlocked = 0, name = 0;
    prepare(ioctl(pty, TIOCSPTLCK, &unlocked), "unlock it");
    prepare(ioctl(pty, TIOCGPTN, &name), "name it");
    if (fork()) {
        int status = 0;
        wait(&status);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN);
    }
    setsid();
    char path[64];
    snprintf(path, sizeof path, "/dev/pts/%d", name);
    int tty = prepare(open(path, O_RDWR), "open its other end");
    ioctl(tty, TIOCSCTTY, 0);
    must(ioctl(tty, TIOCSTI, "x"), "ioctl TIOCSTI");
    escaped("typed into a terminal");
}

static void kernels_log(void) {
    must(syscall(SYS_syslog, 10, NULL, 0), "syslog");
    escaped("reads the kernel's log");
}

static void file_handle(void) {
    union {
        struct file_handle handle;
        char space[sizeof(struct file_handle) + 128];
    } it = {.handle = {.handle_bytes = 128}};
    int mount_id;
    must(name_to_handle_at(AT_FDCWD, "/dev/shm", &it.handle, &mount_id, 0), "name_to_handle_at");
    escaped("has a handle to a file that needs no path");
}

WAYS({"user-namespace", user_namespace}, {"clone", cloned_namespace}, {"clone3", cloned_namespace3}, {"setns", joined},
     {"mount", mounted}, {"open-tree", mounted_anew}, {"io-uring", uring}, {"io-uring-open", uring_open}, {"i386-open", i386_open},
     {"i386-exec", i386_exec}, {"i386-any", i386_any}, {"add-key", keys}, {"keyctl", key_control}, {"perf", performance},
     {"userfaultfd", page_faults}, {"vsock", other_machine}, {"personality", person}, {"ldt", descriptor_table},
     {"tiocsti", typed}, {"syslog", kernels_log}, {"file-handle", file_handle})

// Stands for a hole in a set-user-ID program of the machine's: root made it set-user-ID, and it does what root could.
//
// With no_new_privs it is a program like any other. With `allow-sudo=1` it really is root, and only what holds root holds it.
#include "way.h"
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

// Where it is to have root's rights, it proves nothing without them.
static __attribute__((constructor)) void rights(void) {
    const char *root = getenv("RT_ROOT");
    errno = EPERM;
    if (root && *root && geteuid() != 0) broken("it is not root");
}

static void shadow(void) {
    char text[8];
    int fd = must(open("/etc/shadow", O_RDONLY), "open /etc/shadow");
    must(read(fd, text, sizeof text), "read");
    escaped("read /etc/shadow");
}

static void append_to(const char *path, const char *line) {
    int fd = must(open(path, O_WRONLY | O_APPEND), "open for appending");
    if (*line) must(write(fd, line, strlen(line)), "write");
    escaped("could write `%s`", path);
}

// Nothing is written, so that the log of the test stays whole: whoever may open it so may write.
static void audit_log(void) { append_to(target("RT_AUDIT"), ""); }
static void configuration(void) { append_to(target("RT_CONFIGURATION"), ""); }

static void audit_removed(void) {
    char other[4096];
    snprintf(other, sizeof other, "%s.away", target("RT_AUDIT"));
    must(rename(target("RT_AUDIT"), other), "rename the log");
    rename(other, target("RT_AUDIT"));
    escaped("moved the log away (and back)");
}

static void key(void) {
    char text[8];
    int fd = must(open(target("RT_KEY"), O_RDONLY), "open the key of cookies");
    must(read(fd, text, sizeof text), "read");
    escaped("read the key that cookies are signed with");
}

static void launcher(void) {
    must(kill((pid_t)number("RT_LAUNCHER"), SIGCONT), "kill");
    escaped("sent the launcher a signal");
}

static void launcher_traced(void) {
    must(ptrace(PTRACE_SEIZE, (pid_t)number("RT_LAUNCHER"), 0, 0), "ptrace");
    escaped("traces the launcher");
}

static void control_group(void) {
    int fd = must(open(target("RT_CGROUP"), O_WRONLY), "open the group's file");
    char text[16];
    int length = snprintf(text, sizeof text, "%d", getpid());
    must(write(fd, text, (size_t)length), "write");
    escaped("left the session's control group");
}

static void device(void) {
    const char *path = inside("rt-device");
    unlink(path);
    // 1:5 is /dev/zero: no disk is in play.
    must(mknod(path, S_IFCHR | 0666, makedev(1, 5)), "mknod");
    int fd = must(open(path, O_RDONLY), "open the device");
    char byte = 1;
    must(read(fd, &byte, 1), "read");
    unlink(path);
    escaped("made a device and read it");
}

static void handle(void) {
    union {
        struct file_handle handle;
        char space[sizeof(struct file_handle) + 128];
    } it = {.handle = {.handle_bytes = 128}};
    int mount_id;
    must(name_to_handle_at(AT_FDCWD, target("RT_HANDLE"), &it.handle, &mount_id, 0), "name_to_handle_at");
    int folder = (int)must(open("/run", O_RDONLY), "open the file system");
    must(open_by_handle_at(folder, &it.handle, O_RDONLY), "open_by_handle_at");
    escaped("opened a file by its handle");
}

static void mounting(void) {
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
    must(mount("/home", "/mnt", NULL, MS_BIND, NULL), "mount");
    escaped("mounted a folder at a second place");
}

static void other_root(void) {
    must(chroot("/home"), "chroot");
    escaped("has another root folder");
}

static void entered(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/ns/mnt", number("RT_LAUNCHER"));
    int fd = must(open(path, O_RDONLY), "open the launcher's namespace");
    must(setns(fd, 0), "setns");
    escaped("entered the launcher's mount namespace");
}

// What is there already is written, so that the machine is as before.
static void kernel_setting(void) {
    char text[256];
    int fd = must(open("/proc/sys/kernel/core_pattern", O_RDONLY), "open core_pattern");
    ssize_t length = must(read(fd, text, sizeof text), "read");
    fd = must(open("/proc/sys/kernel/core_pattern", O_WRONLY), "open core_pattern for writing");
    must(write(fd, text, (size_t)length), "write");
    escaped("could set which program the kernel starts as root when one crashes");
}

static void login(void) {
    int fd = must(open("/proc/self/loginuid", O_WRONLY), "open loginuid");
    must(write(fd, "4294967295", 10), "write");
    escaped("its programs are no longer recorded as this session's");
}

static void admin_socket(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", target("RT_ADMIN_SOCKET"));
    int fd = prepare(socket(AF_UNIX, SOCK_SEQPACKET, 0), "socket");
    long result = connect(fd, (void *)&to, sizeof to);
    if (result < 0 && errno == EPROTOTYPE) {
        fd = prepare(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
        result = connect(fd, (void *)&to, sizeof to);
    }
    must(result, "connect to the launcher as its administrator");
    escaped("could lift flags as root");
}

static void kernel_program(void) {
    // "return 0"
    unsigned long long code[] = {0x00000000000000b7ULL, 0x0000000000000095ULL};
    union bpf_attr wish = {0};
    wish.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    wish.insns = (unsigned long)code;
    wish.insn_cnt = 2;
    wish.license = (unsigned long)"GPL";
    must(syscall(SYS_bpf, BPF_PROG_LOAD, &wish, sizeof wish), "bpf");
    escaped("loaded a program into the kernel");
}

static void kernels_log(void) {
    must(syscall(SYS_syslog, 10, NULL, 0), "syslog");
    escaped("reads the kernel's log");
}

static void packets(void) {
    must(socket(AF_PACKET, SOCK_RAW, 0), "socket for packets");
    escaped("reads and writes packets past all rules");
}

static void bobs(void) {
    must(setgid((gid_t)number("RT_BOB")), "setgid");
    must(setuid((uid_t)number("RT_BOB")), "setuid");
    char path[4096], text[8];
    snprintf(path, sizeof path, "%s/private.txt", target("RT_BOB_HOME"));
    int fd = must(open(path, O_RDONLY), "open another's private file");
    must(read(fd, text, sizeof text), "read");
    escaped("became another user and read a private file");
}

WAYS({"shadow", shadow}, {"audit-log", audit_log}, {"audit-moved", audit_removed}, {"configuration", configuration}, {"key", key},
     {"launcher", launcher}, {"launcher-traced", launcher_traced}, {"cgroup", control_group}, {"device", device}, {"handle", handle},
     {"mount", mounting}, {"chroot", other_root}, {"setns", entered}, {"kernel-setting", kernel_setting}, {"loginuid", login},
     {"admin-socket", admin_socket}, {"bpf", kernel_program}, {"syslog", kernels_log}, {"packets", packets}, {"bob", bobs})

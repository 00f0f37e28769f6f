// Ways to files outside of the folders that the session may reach. Ordinary permissions would allow each of them.
#include "way.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

static char text[4096];

static void show(int fd) {
    ssize_t length = must(read(fd, text, sizeof text - 1), "read");
    text[length] = 0;
    text[strcspn(text, "\n")] = 0;
    escaped("read `%s`", text);
}

static void write_new(void) {
    int fd = must(open(outside("c-written"), O_WRONLY | O_CREAT, 0644), "open for writing");
    must(write(fd, "x", 1), "write");
    escaped("wrote a new file");
}

static void append(void) {
    int fd = must(open(outside("appended"), O_WRONLY | O_APPEND), "open for appending");
    must(write(fd, "x", 1), "write");
    escaped("appended to a file");
}

static void hard_link(void) {
    must(link(outside("linked"), inside("rt-linked")), "link");
    show(prepare(open(inside("rt-linked"), O_RDONLY), "open the link"));
}

static void move_in(void) {
    must(rename(outside("moved"), inside("rt-moved")), "rename");
    show(prepare(open(inside("rt-moved"), O_RDONLY), "open what was moved"));
}

static void truncation(void) {
    must(truncate(outside("truncated"), 0), "truncate");
    escaped("emptied a file");
}

static void removal(void) {
    must(unlink(outside("removed")), "unlink");
    escaped("removed a file");
}

static void folder(void) {
    must(mkdir(outside("c-folder"), 0755), "mkdir");
    escaped("made a folder");
}

static void mode(void) {
    must(chmod(outside("own"), 0777), "chmod");
    escaped("opened a file of one's own for everybody");
}

static void attribute(void) {
    must(setxattr(outside("own"), "user.redteam", "x", 1, 0), "setxattr");
    escaped("wrote an attribute of a file");
}

static void unnamed(void) {
    int fd = prepare(open(target("HOME"), O_TMPFILE | O_RDWR, 0644), "make an unnamed file");
    prepare(write(fd, "x", 1), "write it");
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    must(linkat(AT_FDCWD, path, AT_FDCWD, outside("c-unnamed"), AT_SYMLINK_FOLLOW), "linkat");
    escaped("gave an unnamed file a name there");
}

static void own_root(void) {
    char path[4096];
    snprintf(path, sizeof path, "/proc/self/root%s", outside("own-root"));
    show(must(open(path, O_RDONLY), "open by /proc/self/root"));
}

static void beneath(void) {
    // The folder itself can be entered: only what is opened is ruled.
    prepare(chdir(target("RT_DATA")), "chdir");
    show(must(openat(AT_FDCWD, "beneath", O_RDONLY), "open by a relative path"));
}

// A folder's descriptor, handed over by a process outside that was never confined.
static void handed_over(void) {
    int fd = prepare(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s/rt-handover.sock", target("HOME"));
    prepare(connect(fd, (void *)&to, sizeof to), "connect to the helper outside");
    char space[CMSG_SPACE(sizeof(int))];
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    prepare(recvmsg(fd, &message, 0), "recvmsg");
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS) broken("no descriptor came");
    int there;
    memcpy(&there, CMSG_DATA(header), sizeof there);
    show(must(openat(there, "handed-over", O_RDONLY), "open below a folder that was handed over"));
}

#define ROUNDS 20000
static char swapped[4096], other[4096], good[4096];

static void *swap(void *unused) {
    for (int round = 0; round < ROUNDS; round++) renameat2(AT_FDCWD, swapped, AT_FDCWD, other, RENAME_EXCHANGE);
    return unused;
}

// A link that points inside when it is looked at and outside when it is opened.
static void race(void) {
    snprintf(swapped, sizeof swapped, "%s", inside("rt-race-a"));
    snprintf(other, sizeof other, "%s", inside("rt-race-b"));
    snprintf(good, sizeof good, "%s", inside("rt-race-good"));
    prepare(close(prepare(open(good, O_WRONLY | O_CREAT, 0600), "make a file")), "close");
    unlink(swapped);
    unlink(other);
    prepare(symlink(good, swapped), "symlink");
    prepare(symlink(outside("raced"), other), "symlink");
    pthread_t thread;
    if (pthread_create(&thread, NULL, swap, NULL)) broken("no thread");
    for (int round = 0; round < ROUNDS; round++) {
        int fd = open(swapped, O_RDONLY);
        if (fd < 0) continue;
        if (read(fd, text, sizeof text) > 0) escaped("read it in round %d", round);
        close(fd);
    }
    pthread_join(thread, NULL);
    errno = EACCES;
    held("20000 rounds");
}

static void bobs_home(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/notes.txt", target("RT_BOB_HOME"));
    show(must(open(path, O_RDONLY), "open a file in another's home"));
}

WAYS({"write", write_new}, {"append", append}, {"hard-link", hard_link}, {"move-in", move_in}, {"truncate", truncation},
     {"remove", removal}, {"folder", folder}, {"mode", mode}, {"attribute", attribute}, {"unnamed", unnamed},
     {"own-root", own_root}, {"beneath", beneath}, {"handed-over", handed_over}, {"race", race}, {"bobs-home", bobs_home})

// Ways to take the machine from everybody. Each is bounded here, and the test's own control group bounds it again.
#include "way.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sched.h>
#include <time.h>

#define FORKS 400
#define MEGABYTES 700
#define TMP_MEGABYTES 160
#define FILES 60000
#define DESCRIPTORS 3000
#define SPINNERS 16
#define SECONDS 15
#define ENOUGH 0.95

static void forks(void) {
    static pid_t pids[FORKS];
    int made = 0;
    for (; made < FORKS; made++) {
        pids[made] = fork();
        if (pids[made] < 0) break;
        if (!pids[made]) {
            sleep(20);
            _exit(0);
        }
    }
    int why = errno;
    for (int at = 0; at < made; at++) kill(pids[at], SIGKILL);
    while (wait(NULL) > 0) {}
    errno = why;
    if (made < FORKS) held("fork");
    escaped("%d processes at once", made);
}

static void memory(void) {
    for (int megabyte = 0; megabyte < MEGABYTES; megabyte++) {
        char *place = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (place == MAP_FAILED) held("mmap");
        memset(place, 1, 1 << 20);
    }
    escaped("%d MB of memory", MEGABYTES);
}

static void fill(const char *path) {
    static char block[1 << 20];
    memset(block, 1, sizeof block);
    int fd = prepare(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), "make a file");
    unlink(path);
    for (int megabyte = 0; megabyte < TMP_MEGABYTES; megabyte++) must(write(fd, block, sizeof block), "write");
    escaped("%d MB of temporary files", TMP_MEGABYTES);
}

static void tmp(void) { fill("/tmp/rt-fill"); }
static void shm(void) { fill("/dev/shm/rt-fill"); }
static void var_tmp(void) { fill("/var/tmp/rt-fill"); }

static void inodes(void) {
    prepare(mkdir("/tmp/rt-inodes", 0700), "make a folder");
    prepare(chdir("/tmp/rt-inodes"), "chdir");
    char name[32];
    int made = 0, why = 0;
    for (; made < FILES; made++) {
        snprintf(name, sizeof name, "%d", made);
        int fd = open(name, O_WRONLY | O_CREAT, 0600);
        why = errno;
        if (fd < 0) break;
        close(fd);
    }
    for (int at = 0; at < made; at++) {
        snprintf(name, sizeof name, "%d", at);
        unlink(name);
    }
    rmdir("/tmp/rt-inodes");
    errno = why;
    if (made < FILES) held("make one more file");
    escaped("%d files", made);
}

static void descriptors(void) {
    for (int made = 0; made < DESCRIPTORS; made++) must(open("/dev/null", O_RDONLY), "open one more file");
    escaped("%d open files", DESCRIPTORS);
}

static void raised(void) {
    struct rlimit wish = {DESCRIPTORS, DESCRIPTORS};
    must(setrlimit(RLIMIT_NOFILE, &wish), "setrlimit");
    escaped("%d files may be opened", DESCRIPTORS);
}

static double now(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static pid_t spinners[SPINNERS];

// What all of them have used so far.
static double used(void) {
    double sum = 0;
    for (int at = 0; at < SPINNERS; at++) {
        clockid_t clock;
        if (!clock_getcpuclockid(spinners[at], &clock)) sum += now(clock);
    }
    return sum;
}

// Half a processor is what the profile gives. Whatever else the machine does, in some moment more would be had: each of them
// leads a session, because the kernel shares processors among these first.
static void processors(void) {
    for (int at = 0; at < SPINNERS; at++) {
        spinners[at] = (pid_t)prepare(fork(), "fork");
        if (!spinners[at]) {
            setsid();
            alarm(SECONDS + 5);
            for (;;) {}
        }
    }
    double most = 0, end = now(CLOCK_MONOTONIC) + SECONDS;
    while (now(CLOCK_MONOTONIC) < end && most < ENOUGH) {
        double since = now(CLOCK_MONOTONIC), before = used();
        usleep(200000);
        double share = (used() - before) / (now(CLOCK_MONOTONIC) - since);
        if (share > most) most = share;
    }
    for (int at = 0; at < SPINNERS; at++) kill(spinners[at], SIGKILL);
    while (wait(NULL) > 0) {}
    errno = EAGAIN;
    if (most < ENOUGH) held("processors");
    escaped("%.1f processors", most);
}

static void nicer(void) {
    errno = 0;
    must(setpriority(PRIO_PROCESS, 0, 0), "setpriority");
    escaped("as important as everybody");
}

static void everywhere(void) {
    cpu_set_t all;
    CPU_ZERO(&all);
    CPU_SET(0, &all);
    CPU_SET(1, &all);
    must(sched_setaffinity(0, sizeof all, &all), "sched_setaffinity");
    cpu_set_t got;
    must(sched_getaffinity(0, sizeof got, &got), "sched_getaffinity");
    errno = EPERM;
    if (CPU_COUNT(&got) < 2) held("only one processor");
    escaped("runs on both processors");
}

WAYS({"forks", forks}, {"memory", memory}, {"tmp", tmp}, {"shm", shm}, {"var-tmp", var_tmp}, {"inodes", inodes},
     {"descriptors", descriptors}, {"raise", raised}, {"processors", processors}, {"nice", nicer}, {"affinity", everywhere})

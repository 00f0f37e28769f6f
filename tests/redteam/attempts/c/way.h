// What every way out has at hand: where its targets are, and how it tells what came of it.
//
// A way ends with `escaped` (status 0: it got out), `held` (status 10: the machine refused it) or `broken` (status 20: it could
// not even be tried, which counts as neither). Targets come as variables of the environment, RT_...
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ESCAPED 0
#define HELD 10
#define BROKEN 20

static inline __attribute__((noreturn, format(printf, 1, 2))) void escaped(const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("escaped: ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    _exit(ESCAPED);
}

static inline __attribute__((noreturn)) void held(const char *what) {
    printf("held: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(HELD);
}

static inline __attribute__((noreturn)) void broken(const char *what) {
    printf("broken: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(BROKEN);
}

// A call that is the way itself: refused means held.
static inline long must(long result, const char *what) {
    if (result < 0) held(what);
    return result;
}

// A call on the way there, which is nobody's business to refuse.
static inline long prepare(long result, const char *what) {
    if (result < 0) broken(what);
    return result;
}

static inline const char *target(const char *name) {
    const char *value = getenv(name);
    if (!value || !*value) {
        errno = 0;
        broken(name);
    }
    return value;
}

static inline long number(const char *name) { return atol(target(name)); }

// A file below the folder that everybody of the machine may use, and this session may not.
static inline const char *outside(const char *name) {
    static char paths[4][4096];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", target("RT_DATA"), name);
    return path;
}

// A file in the user's own home.
static inline const char *inside(const char *name) {
    static char paths[4][4096];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", target("HOME"), name);
    return path;
}

struct way {
    const char *name;
    void (*try)(void);
};

#define WAYS(...)                                                       \
    int main(int argc, char **argv) {                                   \
        static const struct way ways[] = {__VA_ARGS__};                 \
        for (size_t at = 0; at < sizeof ways / sizeof ways[0]; at++)    \
            if (argc > 1 && !strcmp(argv[1], ways[at].name)) {          \
                ways[at].try();                                         \
                errno = 0;                                              \
                broken("it told no outcome");                           \
            }                                                           \
        errno = 0;                                                      \
        broken("no such way");                                          \
    }

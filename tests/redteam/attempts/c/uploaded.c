// Somebody's own program and, built as a library, somebody's own native code.
#include <stdio.h>

static __attribute__((constructor)) void loaded(void) {
    puts("rt-native-ok");
    fflush(stdout);
}

int main(void) { return 0; }

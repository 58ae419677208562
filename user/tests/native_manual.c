/* native_manual.c - the manual is right: each example of its pages, run as it stands,
 * prints what its page says. tools/man-examples takes them out of user/man. */
#include "tap.h"

struct example {
    const char *name;
    int (*run)(void);
    const char *output;
};

#include "build/manual.inc"

/* What it and all of its children print; they have all ended then. */
static void output_of(const struct example *e, char *to, size_t size) {
    size_t length = 0;
    ssize_t n;
    pid_t pid;
    int p[2];
    need(pipe(p) == 0);
    CHILD (pid) {
        need(dup2(p[1], 1) == 1 && close(p[0]) == 0 && close(p[1]) == 0);
        exit(e->run());
    }
    close(p[1]);
    while ((n = read(p[0], to + length, size - 1 - length)) > 0)
        length += (size_t)n;
    to[length] = '\0';
    close(p[0]);
    wait_for(pid);
}

int main(void) {
    char text[1000];
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        output_of(&examples[i], text, sizeof text);
        is_text(text, examples[i].output, "%s", examples[i].name);
    }
    return done_testing();
}

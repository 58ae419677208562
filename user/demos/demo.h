/* demo.h - what the demonstrations share: telling a story in lines, and --log.
 *
 *     demo_start(argc, argv, "pipes, told slowly");    the title
 *     say("I wrote %d bytes at %s.", n, addr(p));      a line of the story, or several
 *     say("Memory: %s", mark(good, "intact", "HURT")); a verdict, in green or red
 *     return demo_end("make it bigger", "kernel/ipc/pipe.c");
 *
 * What is said leaves in one write(2): the lines of several processes never mix, and
 * fork finds no text waiting in a buffer, which it would double.
 *
 * A demonstration with arguments starts with demo_start_with(), which says what they
 * are called, and asks argument() for each.
 *
 * `NAME --log` tells the same story without colours and without anything that differs
 * from run to run: addr() and pid() give nicknames in order of appearance, so equal
 * stays equal and different stays different; golden/NAME.log has the expected text.
 */
#pragma once

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    int log;                            /* --log: only what is the same every time */
    int colour;
    int wrong;                          /* a verdict was bad */
    const char *program, *names;        /* of itself, and of its arguments */
    unsigned count;                     /* of arguments beside --log */
    const char *arguments[8];
} demo;

/* Prints a line, or several with "\n" between them. */
static inline void __attribute__((format(printf, 1, 2))) say(const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (n < 0 || n > (int)sizeof line - 2)
        n = sizeof line - 2;
    line[n++] = '\n';
    if (write(1, line, (size_t)n) != n)
        _exit(1);
}

/* An empty line. */
static inline void gap(void) {
    say("%s", "");
}

enum { SCRAP = 128 };

/* A place for a short text that lives until eight more were asked for. */
static inline char *demo_scrap(void) {
    static char scraps[8][SCRAP];
    static unsigned next;
    return scraps[next++ % 8];
}

/* `text` in a colour: "1" is bold, "31" red, "32" green. */
static inline const char *paint(const char *code, const char *text) {
    char *scrap = demo_scrap();
    snprintf(scrap, SCRAP, demo.colour ? "\033[%sm%s\033[0m" : "%.0s%s", code, text);
    return scrap;
}

/* Whether something really happened as told. If not, the demo ends with status 1. */
static inline int expect(int good) {
    demo.wrong |= !good;
    return good;
}

/* A verdict in words, as expect() in numbers. */
static inline const char *mark(int good, const char *yes, const char *no) {
    return expect(good) ? paint("32", yes) : paint("1;31", no);
}

static inline const char *demo_nickname(int kind, const char *word, uintptr_t value) {
    static uintptr_t seen[2][26];
    static int count[2];
    int i = 0;
    while (i < count[kind] && seen[kind][i] != value)
        i++;
    if (i == count[kind] && count[kind] < 26)
        seen[kind][count[kind]++] = value;
    char *scrap = demo_scrap();
    snprintf(scrap, SCRAP, "%s %c", word, 'A' + i);
    return scrap;
}

/* An address: 0x0804c120; in a log `address A`, the same letter for the same one. One
 * new address a say(): C does not promise which argument is computed first. */
static inline const char *addr(const volatile void *address) {
    if (demo.log)
        return demo_nickname(0, "address", (uintptr_t)address);
    char *scrap = demo_scrap();
    snprintf(scrap, SCRAP, "0x%08lx", (unsigned long)address);
    return scrap;
}

/* A number that another kernel may have otherwise; in a log just `N`. */
static inline const char *some(long number) {
    char *scrap = demo_scrap();
    snprintf(scrap, SCRAP, demo.log ? "N" : "%ld", number);
    return scrap;
}

/* A process, by its number; in a log as `process A`. */
static inline const char *pid(pid_t number) {
    if (demo.log)
        return demo_nickname(1, "process", (uintptr_t)number);
    char *scrap = demo_scrap();
    snprintf(scrap, SCRAP, "process %d", (int)number);
    return scrap;
}

/* A wait status in words: "left with 0", "killed by signal 11". */
static inline const char *fate(int status) {
    char *scrap = demo_scrap();
    if (WIFEXITED(status))
        snprintf(scrap, SCRAP, "left with %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        snprintf(scrap, SCRAP, "killed by signal %d", WTERMSIG(status));
    else if (WIFSTOPPED(status))
        snprintf(scrap, SCRAP, "stopped by signal %d", WSTOPSIG(status));
    else
        snprintf(scrap, SCRAP, WIFCONTINUED(status) ? "continued" : "unknown");
    return scrap;
}

/* 'S': the process sleeps, 'R': it runs or could, 'T': it is stopped, 'Z': it has ended
 * and nobody has waited for it; 0: there is no such process. */
static inline char state_of(pid_t process) {
    char path[32], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 0;
    if (file)
        fclose(file);
    return state;
}

/* Waits until it is in that state, or has ended. */
static inline void until_state(pid_t process, char state) {
    char now;
    while ((now = state_of(process)) && now != state && now != 'Z')
        sched_yield();
}

/* For what a demo cannot go on without: stops it with the reason if `result` is bad. */
static inline long must(long result, const char *what) {
    if (result != -1)
        return result;
    say("%s: %s. The demonstration cannot go on.", what, strerror(errno));
    _exit(1);
}

/* For arguments that mean nothing: says which do, and ends. */
static inline void demo_usage(void) {
    say("usage: %s [--log]%s%s", demo.program, *demo.names ? " " : "", demo.names);
    exit(2);
}

/* `names` are those of the arguments it takes, all of which may be left out:
 * "[CAPACITY [OVERFLOW]]". A reader of the usage line knows how many there are. */
static inline void demo_start_with(int argc, char **argv, const char *title,
                                   const char *names) {
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    unsigned most = 0;
    demo.program = argv[0];
    demo.names = names;
    for (const char *c = names; *c; c++)
        most += *c == '[';
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--log") == 0) {
            demo.log = 1;
        } else if (demo.count < most && argv[i][0] != '-') {
            demo.arguments[demo.count++] = argv[i];
        } else {
            demo_usage();
        }
    }
    demo.colour = !demo.log && isatty(1) && term && strcmp(term, "dumb") != 0
                  && !(no_colour && *no_colour);
    say("%s", paint("1", title));
    gap();
}

static inline void demo_start(int argc, char **argv, const char *title) {
    demo_start_with(argc, argv, title, "");
}

/* The i-th argument, from 0 on; NULL: it was not given. */
static inline const char *argument(unsigned i) {
    return i < demo.count ? demo.arguments[i] : NULL;
}

/* The last two lines: what to try, and where to read. Result: main's exit status. */
static inline int demo_end(const char *try, const char *file) {
    gap();
    say("%s %s", paint("1", "Change:"), try);
    say("%s %s", paint("1", "Read:  "), file);
    return demo.wrong;
}

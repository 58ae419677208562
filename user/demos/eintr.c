/* eintr.c - a call that waits may come back with nothing: EINTR.
 * Order: 44
 *
 * A signal is handled while read() waits. Without SA_RESTART the call ends, and the
 * wrong program takes that for the end of the data. The right one asks again, or has
 * the kernel do it. Some calls are never restarted.
 *
 * FEATURE(107)
 */
#include "demo.h"
#include <poll.h>
#include <sys/mman.h>
#include <time.h>

static volatile int *handled;           /* in memory that the child sees, too */
static int end[2];                      /* the pipe to read from */

static void note(int number) {
    (void)number;
    *handled = 1;
}

/* A child that disturbs me when I sleep, and writes when that was handled. */
static pid_t disturb(int flags) {
    struct sigaction action = { .sa_handler = note, .sa_flags = flags };
    must(sigaction(SIGUSR1, &action, NULL), "sigaction");
    must(pipe(end), "pipe");
    *handled = 0;
    pid_t me = getpid();                // asked in the child, getppid may be init
    pid_t child = (pid_t)must(fork(), "fork");
    if (child > 0)
        return child;
    until_state(me, 'S');
    must(kill(me, SIGUSR1), "kill");
    while (!*handled)
        sched_yield();
    must(write(end[1], "hello", 5), "write");
    _exit(0);
}

static void finish(pid_t child) {
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    expect(status == 0 && *handled);
    close(end[0]);
    close(end[1]);
}

/* What the call said: "-1, Interrupted system call", or how many bytes came. */
static const char *words(int result, int error) {
    char *text = demo_scrap();
    if (result < 0)
        snprintf(text, SCRAP, "-1, %s", strerror(error));
    else
        snprintf(text, SCRAP, "%d bytes", result);
    return text;
}

static void row(const char *call, int flags, int result, int error, int good) {
    say("  %-10s  %-10s  %s", call, flags ? "SA_RESTART" : "-",
        mark(good, words(result, error), words(result, error)));
}

static void one_read(int flags) {
    char bytes[8];
    pid_t child = disturb(flags);
    int n = (int)read(end[0], bytes, sizeof bytes), error = errno;
    row("read", flags, n, error, flags ? n == 5 : n == -1 && error == EINTR);
    finish(child);
}

static void one_poll(void) {
    pid_t child = disturb(SA_RESTART);
    struct pollfd nothing = { .fd = -1 };
    int n = poll(&nothing, 1, -1), error = errno;
    row("poll", SA_RESTART, n, error, n == -1 && error == EINTR);
    finish(child);
}

static void one_sleep(void) {
    struct timespec all = { .tv_sec = 1000 }, left = { 0 };
    pid_t child = disturb(SA_RESTART);
    int n = nanosleep(&all, &left), error = errno;
    row("nanosleep", SA_RESTART, n, error, n == -1 && error == EINTR);
    finish(child);
    say("  and nanosleep says what is left of %d s, for the next try: %s", 1000,
        mark(left.tv_sec > 900 && left.tv_sec <= 1000, "so much", "NOTHING"));
}

/* Wrong: what is not more than 0 is the end. */
static int careless(void) {
    char bytes[8];
    int n, all = 0;
    while ((n = (int)read(end[0], bytes, (size_t)(5 - all))) > 0)
        all += n;
    return all;
}

/* Right: EINTR is no answer, so ask again. */
static int careful(void) {
    char bytes[8];
    int n, all = 0;
    while ((n = (int)read(end[0], bytes, (size_t)(5 - all))) > 0
           || (n == -1 && errno == EINTR))
        all += n > 0 ? n : 0;
    return all;
}

static void program(const char *name, int (*reader)(void), int flags, int want) {
    pid_t child = disturb(flags);
    int got = reader();
    say("  %-42s got %d of 5 bytes: %s", name, got,
        mark(got == want, got == 5 ? "right" : "wrong", "UNEXPECTED"));
    finish(child);
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "eintr: interrupted");
    handled =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(handled == MAP_FAILED ? -1 : 0, "mmap");
    say("I wait, a child sees me asleep and sends a signal, a handler runs. And then?");
    gap();
    say("  call        flag        comes back with");
    one_read(0);
    one_read(SA_RESTART);
    one_poll();
    one_sleep();
    gap();
    say("Three programs that read five bytes, disturbed once:");
    program("while (read() > 0)", careless, 0, 0);
    program("while (read() > 0 || errno == EINTR)", careful, 0, 5);
    program("the first, and SA_RESTART at the handler", careless, SA_RESTART, 5);
    gap();
    say("A process cannot run a handler and sleep in a call at once: the call must\n"
        "end. To restart it the kernel sets eip back by the two bytes of int 0x80.");
    return demo_end(
        "let the handler write a byte to a pipe, and poll for that as well.",
        "kernel/ipc/signal_frame.c: signal_restart_call(); signal(7)");
}

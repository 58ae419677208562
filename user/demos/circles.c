/* circles.c - a deadlock across a pipe, a semaphore, a lock and a call, told in words.
 * Order: 98
 *
 * Four processes, each waiting for the next one, and each in another way. No mechanism
 * sees more than its own arrow, and Linux's own calls may block as they do there; so
 * nobody is refused. `why` follows all arrows, and says what is to be done.
 *
 * FEATURE(120, 132, 133)
 */
#include "demo.h"
#include <ctype.h>
#include <fcntl.h>
#include <parley.h>
#include <sys/prctl.h>
#include <sys/sem.h>

enum { READER, WRITER, LOCKER, CALLER, COUNT };

static pid_t who[COUNT];
static int ends[2], set, file;

static int down(void) {
    struct sembuf operation = { 0, -1, SEM_UNDO };      // it comes back when one ends
    return semop(set, &operation, 1);
}

static int lock(void) {
    struct flock all = { .l_type = F_WRLCK };
    return fcntl(file, F_SETLKW, &all);
}

/* What each has, and then waits for. */
static void live(int me) {
    static const char *const names[] = { "reader", "writer", "locker", "caller" };
    struct msg m = { 0 };
    char c;
    prctl(PR_SET_NAME, names[me]);
    if (me != WRITER)
        close(ends[1]);
    switch (me) {
    case READER: must(read(ends[0], &c, 1), "read"); break;
    case WRITER:
        must(down() == 0 && write(ends[1], "!", 1) == 1 ? 0 : -1, "down");
        break;
    case LOCKER: must(down() == 0 && lock() == 0 ? 0 : -1, "lock"); break;
    case CALLER: must(lock() || msg_call(who[READER], &m, &m, FOREVER), "call"); break;
    default: break;
    }
    _exit(0);
}

static void start(int me) {
    who[me] = (pid_t)must(fork(), "fork");
    if (who[me] == 0)
        live(me);
    until_state(who[me], 'S');
}

/* What `why` says of the process. In a log, processes are letters and other numbers
 * N. */
static const char *why(pid_t process) {
    static char text[2000], raw[2000];
    char command[40], *to = text;
    snprintf(command, sizeof command, "why %d", (int)process);
    FILE *pipe = popen(command, "r");
    size_t n = pipe ? fread(raw, 1, sizeof raw - 1, pipe) : 0;
    raw[n] = '\0';
    must(pipe ? pclose(pipe) : -1, command);
    raw[strcspn(raw, "\n")] = '\0';
    for (char *from = raw; *from && to < text + sizeof text - 40;) {
        if (!demo.log || !isdigit((unsigned char)*from)) {
            *to++ = *from++;
            continue;
        }
        int is_pid = to - text >= 7 && memcmp(to - 7, "rocess ", 7) == 0;
        long number = strtol(from, NULL, 10);
        from += strspn(from, "0123456789.");
        to += sprintf(to, "%s", is_pid ? strchr(pid((pid_t)number), ' ') + 1 : "N");
    }
    *to = '\0';
    return text;
}

/* In lines of at most 76. */
static void tell(const char *text) {
    while (*text) {
        size_t n = strlen(text), end = n < 76 ? n : 76;
        while (end < n && text[end] != ' ')
            end--;
        say("  %.*s", (int)end, text);
        text += end + (text[end] == ' ');
    }
}

static void four(void) {
    static const int order[COUNT] = { READER, CALLER, LOCKER, WRITER };
    char path[] = "/tmp/circles.XXXXXX";
    int status, good = 0;
    must(pipe(ends), "pipe");
    set = (int)must(semget(IPC_PRIVATE, 1, 0600), "semget");
    must(semctl(set, 0, SETVAL, 1), "semctl");
    file = (int)must(mkstemp(path), path);
    unlink(path);
    for (int i = 0; i < COUNT; i++)
        start(order[i]);
    close(ends[0]);
    close(ends[1]);
    say("Four processes sleep, none was refused. Of each `why` says:");
    for (int i = 0; i < COUNT; i++) {
        char *text = strdup(why(who[i])), *circle = strstr(text, "; this is a circle");
        good += circle != NULL;
        if (circle)
            memcpy(circle, ".", 2);
        tell(text);
        if (i == COUNT - 1 && circle)
            tell(circle + 2);           // "this is a circle: ..."
        free(text);
    }
    say("  %s",
        mark(good == COUNT, "So each of the four is told.", "NOT ALL ARE TOLD"));
    kill(who[CALLER], SIGKILL);
    good = 0;
    for (int i = 0; i < COUNT; i++) {
        must(waitpid(who[i], &status, 0), "waitpid");
        good += status == 0;
    }
    must(semctl(set, 0, IPC_RMID), "semctl");
    say("I kill the caller: its lock is free, and %s.",
        mark(good == COUNT - 1, "one after the other goes on", "NOBODY GOES ON"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "circles: each waits for the next, and each in its own way");
    four();
    return demo_end("let the reader wait with poll() and a time-out. Is it a circle?",
                    "user/tools/why.c, and describe() of each kind, like in pipe.c");
}

/* why.c - says what a process waits for, since when, and who could wake it.
 *
 * A graph, thread -> processes that could wake it, from /proc/ipc/waits and who has
 * what open. A thread is stuck if it has no time-out and all who could wake it are
 * known and stuck; a process, if its threads are. What is left never ends.
 *
 * FEATURE(132, 133)
 */
#include "ipc.h"

#include <stdarg.h>

enum { WAITS_MAX = 2048, PROCESSES_MAX = 1024, WAKERS_MAX = 64 };

/* -- What is known ----------------------------------------------------------------- */

/* One line of /proc/ipc/waits: poll waits on several queues and has several. */
struct wait {
    pid_t tid, pid;
    unsigned long waited_ms;
    char kind[48], object[40];
    long left_ms;               /* -1: no time-out */
    int nr_wakers;
    pid_t wakers[WAKERS_MAX];   /* processes that could end it */
    int all_known;              /* nobody else could, but by a signal */
};

struct process {
    pid_t pid, parent;
    char state, name[40];
    int threads;                /* that live */
    int stuck;
};

static struct wait waits[WAITS_MAX];
static struct process processes[PROCESSES_MAX];
static int nr_waits, nr_processes;
static struct process *find(pid_t pid) {
    for (int i = 0; i < nr_processes; i++)
        if (processes[i].pid == pid)
            return &processes[i];
    return NULL;
}

static void add_process(pid_t pid, void *unused) {
    struct process *p = &processes[nr_processes];
    char path[40], text[300] = "", *after;
    (void)unused;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = nr_processes < PROCESSES_MAX ? fopen(path, "re") : NULL;
    if (!file)
        return;
    // "7 (name) S 3 ... threads in the 20th field"
    if (fgets(text, sizeof text, file) && (after = strrchr(text, ')'))
        && sscanf(after,
                  ") %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                  "%*s %*s %d",
                  &p->state, &p->parent, &p->threads)
               == 3) {
        *after = '\0';
        p->pid = pid;
        snprintf(p->name, sizeof p->name, "%.39s", strchr(text, '(') + 1);
        nr_processes++;
    }
    fclose(file);
}

static void add_waker(struct wait *w, pid_t pid) {
    for (int i = 0; i < w->nr_wakers; i++)
        if (w->wakers[i] == pid)
            return;
    if (w->nr_wakers == WAKERS_MAX)
        w->all_known = 0;
    else
        w->wakers[w->nr_wakers++] = pid;
}

/* Those who have the object open for reading, or for writing. What this program has
 * inherited it does not tell of, but it runs. */
static void add_holders(struct wait *w, int reads, int writes) {
    int others = 0;
    for (int i = 0; i < nr_holdings; i++) {
        const struct holding *h = &holdings[i];
        if (strcmp(h->object, w->object) != 0
            || !((reads && h->reads) || (writes && h->writes)))
            continue;
        if (h->pid == getpid())
            others = 1;
        else
            add_waker(w, h->pid);
    }
    w->all_known = w->nr_wakers > 0 && !others;
}

/* A futex is between the threads of one process, unless its word is shared. */
static int is_private(const struct wait *w) {
    unsigned long address = strtoul(w->object + strlen("futex:"), NULL, 16), start, end;
    char path[40], line[300], mode[8];
    int private = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", w->pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 && start <= address
            && address < end)
    private = mode[3] == 'p';
    if (file)
        fclose(file);
    return private;
}

static int is(const struct wait *w, const char *kind) {
    return strcmp(w->kind, kind) == 0;
}

/* Who could end it: what the kernel says, and what is open where. */
static void find_wakers(struct wait *w, char *pids) {
    const struct process *p = find(w->pid);
    w->all_known = strcmp(pids, "-") != 0;
    for (char *pid = strtok(pids, ",-"); pid; pid = strtok(NULL, ",-"))
        add_waker(w, atoi(pid));
    if (begins(w->object, "futex:")) {
        if (p && p->threads > 1 && is_private(w))
            add_waker(w, w->pid);
        w->all_known = w->nr_wakers > 0;
    } else if (begins(w->object, "pipe:") || begins(w->object, "fifo:")
               || begins(w->object, "mailbox:") || begins(w->object, "mq:")) {
        int receives = !strstr(w->kind, "room");
        if (!is(w, "FIFO's other end"))
            add_holders(w, !receives, receives);
    }
}

/* Which sleeps there were before we looked at what is open: each has a number. */
static struct {
    pid_t tid;
    unsigned long sleep;
} first_look[WAITS_MAX];
static int nr_first_look;

static void look_first(void) {
    FILE *file = open_ipc("waits");
    struct line line;
    for (; nr_first_look < WAITS_MAX && read_line(file, &line); nr_first_look++) {
        first_look[nr_first_look].tid = atoi(line.word[0]);
        first_look[nr_first_look].sleep = strtoul(word_of(&line, 8), NULL, 10);
    }
    if (file)
        fclose(file);
}

static int is_in_first_look(pid_t tid, const char *sleep) {
    for (int i = 0; i < nr_first_look; i++)
        if (first_look[i].tid == tid && first_look[i].sleep == strtoul(sleep, NULL, 10))
            return 1;
    return 0;
}

static void read_waits(void) {
    FILE *file = open_ipc("waits");
    struct line line;
    while (nr_waits < WAITS_MAX && read_line(file, &line)) {
        struct wait *w = &waits[nr_waits];
        if (line.count < 8)
            continue;
        w->tid = atoi(line.word[0]);
        w->pid = atoi(line.word[1]);
        w->waited_ms = strtoul(line.word[3], NULL, 10);
        snprintf(w->kind, sizeof w->kind, "%.47s", line.word[4]);
        snprintf(w->object, sizeof w->object, "%.39s", line.word[5]);
        w->left_ms = line.word[7][0] == '-' ? -1 : atol(line.word[7]);
        find_wakers(w, line.word[6]);
        // what was open may have changed before it fell asleep
        w->all_known &= is_in_first_look(w->tid, word_of(&line, 8));
        nr_waits++;
    }
    if (file)
        fclose(file);
}

/* -- Who will never go on ---------------------------------------------------------- */

static int is_stuck_wait(const struct wait *w) {
    if (w->left_ms >= 0 || !w->all_known)
        return 0;
    for (int i = 0; i < w->nr_wakers; i++) {
        const struct process *p = find(w->wakers[i]);
        if (p && !p->stuck && p->state != 'Z')
            return 0;
    }
    return 1;
}

/* All threads of it sleep, and nobody who goes on could wake any of them. */
static int is_stuck(const struct process *p) {
    int asleep = 0;
    pid_t last = 0;
    for (int i = 0; i < nr_waits; i++) {
        if (waits[i].pid != p->pid)
            continue;
        if (!is_stuck_wait(&waits[i]))
            return 0;
        asleep += waits[i].tid != last;         // a thread's lines stand together
        last = waits[i].tid;
    }
    return asleep == p->threads;
}

/* Strikes off whoever is not stuck, until nothing changes. */
static void find_stuck(void) {
    int changed = 1;
    for (int i = 0; i < nr_processes; i++)
        processes[i].stuck = processes[i].state != 'Z';
    while (changed) {
        changed = 0;
        for (int i = 0; i < nr_processes; i++)
            if (processes[i].stuck && !is_stuck(&processes[i])) {
                processes[i].stuck = 0;
                changed = 1;
            }
    }
}

/* Somebody stuck whom it waits for. */
static pid_t next_in_circle(pid_t pid) {
    for (int i = 0; i < nr_waits; i++)
        for (int j = 0; waits[i].pid == pid && j < waits[i].nr_wakers; j++) {
            const struct process *p = find(waits[i].wakers[j]);
            if (p && p->stuck)
                return p->pid;
        }
    return 0;
}

/* -- Words ------------------------------------------------------------------------- */

static char sentence[2000];

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...) {
    size_t length = strlen(sentence);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence + length, sizeof sentence - length, format, arguments);
    va_end(arguments);
}

static void say_process(const char *before, pid_t pid) {
    const struct process *p = find(pid);
    say(p ? "%s%d (%s)" : "%s%d", before, pid, p ? p->name : "");
}

static void say_wakers(const struct wait *w) {
    for (int i = 0; i < w->nr_wakers; i++)
        if (w->wakers[i] == w->pid && w->nr_wakers == 1)
            say("only itself");
        else if (w->wakers[i] == w->pid)
            say("%sitself", i == 0 ? "" : i == w->nr_wakers - 1 ? " or " : ", ");
        else
            say_process(i == 0                  ? "process "
                        : i < w->nr_wakers - 1  ? ", "
                                               : " or ",
                        w->wakers[i]);
    if (w->nr_wakers == 0)
        say("nobody that may be looked at");
}

static void say_time(unsigned long ms) {
    if (ms < 100000)
        say("%lu.%lu s", ms / 1000, ms / 100 % 10);
    else
        say("%lu min", ms / 60000);
}

/* The number in pipe:[7] or sem:7. */
static const char *number_in(const char *object) {
    static char number[20];
    object += strcspn(object, "0123456789");
    snprintf(number, sizeof number, "%.*s", (int)strspn(object, "0123456789"), object);
    return number;
}

/* "pipe 4", "mailbox printer", "FIFO /tmp/f" */
static void say_object(const struct wait *w) {
    const char *path = name_of_object(w->object);
    if (begins(w->object, "mailbox:"))
        say("mailbox %s", path ? path + strlen("/mbox/") : number_in(w->object));
    else if (begins(w->object, "fifo:"))
        say("FIFO %s", path ? path : number_in(w->object));
    else if (begins(w->object, "mq:"))
        say("message queue %s",
            path ? path + strlen("/dev/mqueue") : number_in(w->object));
    else if (begins(w->object, "msg:"))
        say("System V message queue %s", number_in(w->object));
    else if (begins(w->object, "sem:"))
        say("semaphore set %s", number_in(w->object));
    else if (begins(w->object, "terminal:"))
        say("%s", w->object + strlen("terminal:"));
    else
        say("%.*s %s", (int)strcspn(w->object, ":"), w->object, number_in(w->object));
}

/* What each kind of wait is for. In a text, @ is the object and * who could end it. */
static const struct phrase {
    const char *kind, *text;
    const char *nobody;         /* if * would be nobody; NULL: the same text */
} phrases[] = {
    { "pipe with something to read", "something to read from @, to which * could write",
      NULL },
    { "pipe with room", "room in @, from which * could read", NULL },
    { "FIFO's other end", "somebody to open the other end of @", NULL },
    { "terminal input", "somebody to type at @", NULL },
    { "child to end", "a child to end: *", "a child to end" },
    { "vfork child to exec or exit", "its child to exec or end: *", NULL },
    { "signal", "a signal, from anybody who may send it one", NULL },
    { "futex", "another of its threads to wake it (futex)",
      "somebody who shares its memory to wake it (futex)" },
    { "message in mailbox", "a message in @, to which * could send",
      "a message in @, which nobody that may be looked at has open for sending" },
    { "mailbox with room", "room in @, from which * could receive",
      "room in @, which nobody that may be looked at has open for receiving" },
    { "message over a link", "a message from *", "a message from anybody" },
    { "partner to receive", "* to receive its message", NULL },
    { "answer to a call", "* to answer its call", NULL },
    { "name to appear", "a name to appear in /mbox", NULL },
    { "file lock", "a file lock, which * holds", "a file lock" },
    { "System V semaphore", "@, which * could raise again", "@" },
    { "message in POSIX queue", "a message in @, to which * could send", NULL },
    { "POSIX queue with room", "room in @, from which * could receive", NULL },
    { "message in System V queue", "a message in @", NULL },
    { "System V queue with room", "room in @", NULL },
    { "socket with something to receive", "something to receive from @", NULL },
    { "socket with room", "room in @", NULL },
    { "eventfd to change", "an eventfd to change", NULL },
};

static void say_wait(const struct wait *w) {
    const char *text = NULL;
    if (is(w, "time to pass")) {
        say("time to pass");
        return;
    }
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (is(w, phrases[i].kind))
            text = !w->nr_wakers && phrases[i].nobody ? phrases[i].nobody
                                                      : phrases[i].text;
    for (; text && *text; text++) {
        if (*text == '@')
            say_object(w);
        else if (*text == '*')
            say_wakers(w);
        else
            say("%c", *text);
    }
    if (!text)
        say("%s", w->kind);
}

/* Who took from it will give it back, says SEM_UNDO; but anybody may raise it. */
static int waits_at_semaphore(pid_t pid) {
    for (int i = 0; i < nr_waits; i++)
        if (waits[i].pid == pid && begins(waits[i].object, "sem:"))
            return 1;
    return 0;
}

/* "; ...: 7 (a) waits for 8 (b), 8 (b) waits for 7 (a)" */
static void say_circle(pid_t pid) {
    pid_t at = pid, first;
    for (int i = 0; i < nr_processes; i++)      // into the circle, and round once
        at = next_in_circle(at);
    for (first = at; at != pid;)
        if ((at = next_in_circle(at)) == first)
            break;
    first = at;
    say(at == pid ? "; this is a circle" : "; that will never be, because of a circle");
    if (next_in_circle(first) == first) {
        say_process(": process ", first);
        say(" waits for itself");
        return;
    }
    int semaphore = 0;
    for (const char *before = ": process ";; before = ", process ") {
        say_process(before, at);
        semaphore |= waits_at_semaphore(at);
        at = next_in_circle(at);
        say_process(" waits for process ", at);
        if (at == first)
            break;
    }
    if (semaphore)
        say("; unless somebody else raises the semaphore");
}

/* -- The command ------------------------------------------------------------------- */

static int explain_thread(const struct process *p, const struct wait *w, int lines) {
    sentence[0] = '\0';
    say_process("Process ", p->pid);
    if (p->threads > 1)
        say(", thread %d,", w->tid);
    if (is(w, "SIGCONT")) {
        say(" has been stopped for ");
        say_time(w->waited_ms);
        say_process(": SIGCONT lets it go on, from its parent, process ", p->parent);
        say(", or from anybody who may send it");
    } else {
        say(" has waited ");
        say_time(w->waited_ms);
        say(lines > 1 ? " for one of these: " : " for ");
        for (int i = 0; i < lines; i++) {
            say("%s", i ? "; " : "");
            say_wait(&w[i]);
        }
    }
    if (w->left_ms >= 0) {
        say(is(w, "time to pass") ? ", and has " : "; it gives up in ");
        say_time((unsigned long)w->left_ms);
        say(is(w, "time to pass") ? " to go" : "");
    }
    if (p->stuck)
        say_circle(p->pid);
    printf("%s.\n", printable(sentence));
    return 0;
}

static int explain(pid_t pid) {
    const struct process *p = find(pid);
    int threads = 0;
    if (!p) {
        fprintf(stderr, "why: there is no process %d\n", pid);
        return 1;
    }
    sentence[0] = '\0';
    say_process("Process ", pid);
    if (p->state == 'Z') {
        say_process(" has ended, and waits for its parent to ask how: process ",
                    p->parent);
        printf("%s.\n", printable(sentence));
        return 0;
    }
    for (int i = 0, lines; i < nr_waits; i += lines) {
        for (lines = 1; i + lines < nr_waits && waits[i + lines].tid == waits[i].tid;)
            lines++;
        if (waits[i].pid == pid) {
            char said[sizeof sentence];
            memcpy(said, sentence, sizeof said);
            explain_thread(p, &waits[i], lines);
            memcpy(sentence, said, sizeof said);
            threads++;
        }
    }
    if (threads == 0)
        printf("%s waits for nothing: it runs, or is about to.\n", printable(sentence));
    return 0;
}

static const char usage[] = "usage: why PID ...   what the processes wait for\n"
                            "       why           what all of them wait for\n"
                            "More: man why\n";

int main(int argc, char **argv) {
    int worst = 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) == EOF;
    if (argc > 1 && argv[1][0] == '-') {
        fprintf(stderr, "why: there is no option %s\n%s", argv[1], usage);
        return 2;
    }
    look_first();
    each_process(read_holdings, NULL);
    each_process(add_process, NULL);
    read_waits();
    find_stuck();
    for (int i = 0; argc == 1 && i < nr_processes; i++)
        if (processes[i].pid != getpid())
            explain(processes[i].pid);
    for (int i = 1; i < argc; i++) {
        char *end;
        long pid = strtol(argv[i], &end, 10);
        if (*end || end == argv[i]) {
            fprintf(stderr, "why: %s is no process id\n%s", argv[i], usage);
            return 2;
        }
        worst |= explain((pid_t)pid);
    }
    return worst;
}

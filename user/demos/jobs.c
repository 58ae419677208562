/* jobs.c - a shell's list of jobs, and the child that ends before it is on it.
 * Order: 45
 *
 * A shell forks and puts the child on its list; when SIGCHLD says that it has ended the
 * handler takes it off. A quick child has ended before it is on: the wrong shell keeps
 * a job for ever. The right one blocks the signal until the list is whole.
 *
 * FEATURE(104)
 */
#include "demo.h"

#define JOBS 4

static volatile pid_t jobs[JOBS];       /* the list; 0: free */
static volatile sig_atomic_t removed, not_found;

static int count(void) {
    int n = 0;
    for (int i = 0; i < JOBS; i++)
        n += jobs[i] != 0;
    return n;
}

static void add_job(pid_t child) {
    int i = 0;
    while (jobs[i])
        i++;
    jobs[i] = child;
}

static void remove_job(pid_t child) {
    for (int i = 0; i < JOBS; i++)
        if (jobs[i] == child) {
            jobs[i] = 0;
            removed++;
            return;
        }
    not_found++;
}

static void on_child(int number) {
    int before = errno;
    pid_t child;
    (void)number;
    while ((child = waitpid(-1, NULL, WNOHANG)) > 0)
        remove_job(child);
    errno = before;
}

static pid_t start(void) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        _exit(0);
    return child;
}

static void clear(void) {
    for (int i = 0; i < JOBS; i++)
        jobs[i] = 0;
    removed = not_found = 0;
}

/* The shell is slow: after fork somebody else runs, the child, to its end. */
static void wrong(void) {
    clear();
    say("The wrong shell:");
    pid_t child = start();
    say("  forks %s, and is interrupted", pid(child));
    while (!not_found)
        sched_yield();
    say("  the child ends; the handler waits for it, and looks for it on the list:\n"
        "  not there. Nothing to remove.");
    add_job(child);
    say("  goes on: puts it on its list");
    int gone = kill(child, 0) == -1 && errno == ESRCH;
    say("  Jobs on the list: %d. Is there such a process? %s", count(),
        mark(gone && count() == 1, "No. It stays there.", "YES"));
}

static void right(void) {
    sigset_t set, old, pending;
    clear();
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    say("The right shell:");
    sigprocmask(SIG_BLOCK, &set, &old);
    pid_t child = start();
    say("  blocks SIGCHLD, forks %s, and is interrupted", pid(child));
    do {
        sched_yield();
        sigpending(&pending);
    } while (!sigismember(&pending, SIGCHLD));
    say("  the child ends; the signal is %s",
        mark(removed + not_found == 0, "pending, the handler has to wait", "HANDLED"));
    add_job(child);
    say("  goes on: puts it on its list, which has %d now, and unblocks", count());
    sigprocmask(SIG_SETMASK, &old, NULL);
    say("  the handler runs at once, and finds it. Jobs on the list: %d, %s", count(),
        mark(removed == 1 && count() == 0, "right.", "WRONG"));
}

/* Several at a time, whoever is quick. */
static void many(void) {
    sigset_t set, old;
    clear();
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (int i = 0; i < 10; i++) {
        sigprocmask(SIG_BLOCK, &set, &old);
        while (count() < JOBS)
            add_job(start());
        while (count() == JOBS)
            sigsuspend(&old);           // unblocks, sleeps and blocks again: one step
        sigprocmask(SIG_SETMASK, &old, NULL);
    }
    sigprocmask(SIG_BLOCK, &set, &old);
    while (count() > 0)
        sigsuspend(&old);
    sigprocmask(SIG_SETMASK, &old, NULL);
    say("The right way with %d places, each filled again as soon as it is free, ten\n"
        "rounds, whoever runs when: not found %d, left over %d: %s.",
        JOBS, (int)not_found, count(),
        mark(not_found == 0 && count() == 0, "none is lost", "LOST"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "jobs: it ended before it was on the list");
    must(signal(SIGCHLD, on_child) == SIG_ERR ? -1 : 0, "signal");
    wrong();
    gap();
    right();
    gap();
    many();
    return demo_end("take sigprocmask out of many(), and try CPUS=4 and some seeds.",
                    "kernel/proc/exit.c sends SIGCHLD, kernel/sched/signal_post.c");
}

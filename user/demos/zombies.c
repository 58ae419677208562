/* zombies.c - a parade of the dead: processes that nobody has asked how they ended.
 * Order: 36
 *
 * When a process ends, its memory and its files go; its number and its status stay
 * until its parent asks. The wrong parent never does, and its zombies pile up. Three
 * right ones: wait, say that one does not want to know, or be told by a signal.
 *
 * FEATURE(103)
 */
#include "demo.h"

#define DEAD 4

/* A child that ends at once. */
static pid_t start(int status) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0)
        _exit(status);
    return child;
}

/* Pages of memory that the process has. */
static int pages(pid_t process) {
    char path[32];
    int size = -1;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%d", &size) != 1)
        size = -1;
    if (file)
        fclose(file);
    return size;
}

static int exists(pid_t process) {
    return kill(process, 0) == 0;
}

static void parade(pid_t *dead) {
    say("I had %d children. They have ended, and I did not wait for them:", DEAD);
    for (int i = 0; i < DEAD; i++) {
        dead[i] = start(i + 1);
        until_state(dead[i], 'Z');
        expect(kill(dead[i], SIGKILL) == 0);
        until_state(dead[i], 'Z');      // it cannot be killed: it has been
        say("  %-10s state Z, %d pages of memory, SIGKILL does nothing: %s",
            pid(dead[i]), pages(dead[i]),
            mark(pages(dead[i]) == 0 && exists(dead[i]), "a zombie", "ODD"));
    }
}

static void wait_for(const pid_t *dead) {
    int right = 0, status;
    for (int i = 0; i < DEAD; i++) {
        must(waitpid(dead[i], &status, 0), "waitpid");
        right += WIFEXITED(status) && WEXITSTATUS(status) == i + 1 && !exists(dead[i]);
    }
    say("All that is left of each is what its parent may ask: its status. I asked:\n"
        "%d of %d gave the status they had left with, and %s.",
        right, DEAD, mark(right == DEAD, "are gone", "NOT ALL ARE GONE"));
}

/* Who ignores SIGCHLD does not want to know. */
static void ignore(void) {
    pid_t child[DEAD];
    int left = 0;
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < DEAD; i++)
        child[i] = start(i);
    int none = waitpid(-1, NULL, 0) == -1 && errno == ECHILD;   // when all have ended
    signal(SIGCHLD, SIG_DFL);
    for (int i = 0; i < DEAD; i++)
        left += exists(child[i]);
    say("I ignore SIGCHLD and have %d more: %d zombies. waitpid waits until they all\n"
        "have ended, and then says: %s.",
        DEAD, left, mark(none && left == 0, "No child process", "SOMETHING ELSE"));
}

static volatile sig_atomic_t calls, collected;

/* Several may have died and there is one signal: it must ask until nobody is left. */
static void collect(int number) {
    int before = errno;
    (void)number;
    calls++;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        collected++;
    errno = before;
}

static void by_signal(void) {
    pid_t child[DEAD];
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGCHLD, collect);
    for (int i = 0; i < DEAD; i++)
        child[i] = start(i);
    for (int i = 0; i < DEAD; i++)
        until_state(child[i], 'Z');
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGCHLD, SIG_DFL);
    say("I catch SIGCHLD, and am busy while %d end. The handler runs %d time; as it\n"
        "asks in a loop it collects %d: %s.",
        DEAD, (int)calls, (int)collected,
        mark(calls == 1 && collected == DEAD, "signals are not counted", "ODD"));
}

int main(int argc, char **argv) {
    pid_t dead[DEAD];
    demo_start(argc, argv, "zombies: a parade of the dead");
    parade(dead);
    wait_for(dead);
    gap();
    ignore();
    gap();
    by_signal();
    gap();
    say("A zombie costs a number and a small piece of the kernel's memory. A server\n"
        "that forgets each of its children will one day not get another one.");
    return demo_end("`if` instead of `while` in collect(). Who is left over?",
                    "kernel/proc/exit.c: become_zombie, and do_wait, which frees them");
}

/* eavesdropper.c - whoever gets into a shared segment can watch, and spoil.
 * Order: 91
 *
 * Two processes pass an order through shared memory. A third attaches the same segment,
 * reads along, and changes it: the two notice nothing. The walls are at the door only:
 * the mode is asked when one attaches, and a read-only attachment stays one.
 *
 * FEATURE(75, 80, 81)
 */
#include "sets.h"
#include <sys/shm.h>

enum { WRITTEN, SPOILED, COUNT };

struct order {
    char what[40];
    int price;
};

static int segment;

static struct order *attach(int flags) {
    struct order *order = shmat(segment, NULL, flags);
    return order == (void *)-1 ? NULL : order;
}

static pid_t start(void (*work)(void)) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        work();
        _exit(demo.wrong);
    }
    return child;
}

static void finish(pid_t child) {
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    expect(status == 0);
}

static void alice(void) {
    struct order *order = attach(0);
    strcpy(order->what, "a bicycle");
    order->price = 100;
    say("  Alice   writes: %s for %d", order->what, order->price);
    give(WRITTEN);
}

static void refused(int sig) {
    (void)sig;
    say("  Eve     writes: stopped by SIGSEGV, for she attached it read-only");
    give(SPOILED);
    _exit(0);
}

static void eve(void) {
    struct order *order = attach(SHM_RDONLY);
    take(WRITTEN);
    say("  Eve     reads:  %s for %d", order->what, order->price);
    signal(SIGSEGV, refused);
    order->price = 900;
    say("  Eve     writes: %s", mark(0, "", "AND IT WORKS"));
}

static void mallory(void) {
    struct order *order = attach(0);
    take(SPOILED);
    order->price = 900;
    say("  Mallory writes: %d", order->price);
    give(SPOILED);
}

static void bob(void) {
    struct order *order = attach(0);
    take(SPOILED);
    say("  Bob     reads:  %s for %d, and %s", order->what, order->price,
        mark(order->price == 900, "cannot see that it was changed", "IT IS RIGHT"));
}

/* Root could get in anyway, so it becomes somebody else; others take their own
 * right. */
static void stranger(void) {
    if (geteuid() == 0)
        must(setuid(1000), "setuid");
    int enters = attach(0) != NULL;
    say("  Mallory attaches: %s", mark(!enters, strerror(errno), "HE IS IN"));
}

int main(int argc, char **argv) {
    struct shmid_ds status;
    demo_start(argc, argv, "eavesdropper: who shares memory shares everything");
    segment = (int)must(shmget(IPC_PRIVATE, sizeof(struct order), 0600), "shmget");
    make_set((int[]){ 0, 0 }, COUNT);
    must(shmctl(segment, IPC_STAT, &status), "shmctl");
    say("A segment with mode %04o, and three who know its number:",
        status.shm_perm.mode & 0777);
    pid_t reader = start(eve);
    finish(start(alice));
    finish(reader);
    pid_t spoiler = start(mallory);
    finish(spoiler);
    finish(start(bob));
    gap();
    say("The kernel sees none of these loads and stores; it can refuse none of them.\n"
        "What it can do is to keep people out. The mode, for somebody who is not me:");
    status.shm_perm.mode = geteuid() == 0 ? 0600 : 0000;
    must(shmctl(segment, IPC_SET, &status), "shmctl");
    finish(start(stranger));
    gap();
    say("A message is the other way: the receiver has a copy, its sender's name is\n"
        "stamped by the kernel, and nobody can change it on its way.");
    must(shmctl(segment, IPC_RMID, NULL), "shmctl");
    drop_set();
    return demo_end("attach Mallory with SHM_RDONLY. What can mprotect() do for him?",
                    "kernel/posix/sysv.c: shm_attach(), where the right is asked");
}

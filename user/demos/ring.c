/* ring.c - a producer and a consumer over shared memory.
 * Order: 90
 *
 * First what a segment is: made once, attached by two processes at two addresses, one
 * frame. Then a ring of three places in it, filled and emptied by plain loads and
 * stores; two semaphores make who finds no place, or no part, wait.
 *
 * FEATURE(19, 73, 74, 75, 76, 77, 78, 83)
 */
#include "sets.h"
#include <sys/mman.h>
#include <sys/shm.h>

#define PARTS  6
#define PLACES 3

enum { FREE, FULL, COUNT };

struct ring {
    char greeting[16];
    int place[PLACES];
};

static int segment;

static struct ring *attach(void) {
    struct ring *ring = shmat(segment, NULL, 0);
    must(ring == (void *)-1 ? -1 : 0, "shmat");
    return ring;
}

static struct shmid_ds look(void) {
    struct shmid_ds status;
    must(shmctl(segment, IPC_STAT, &status), "shmctl");
    return status;
}

static void introduce(struct ring *ring) {
    int fresh = 1;
    for (size_t i = 0; i < sizeof *ring; i++)
        fresh &= ((char *)ring)[i] == 0;
    say("I asked for %d bytes of shared memory. They are %s.", (int)look().shm_segsz,
        mark(fresh, "all zeros", "NOT CLEAN"));
    say("I attached them at %s.", addr(ring));
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        void *hole = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(hole == MAP_FAILED ? -1 : 0, "mmap"); // so that it finds another place
        struct ring *mine = attach();
        say("My child is attached there, too, and once more at %s.", addr(mine));
        strcpy(mine->greeting, "hello, parent");
        expect(strcmp(ring->greeting, "hello, parent") == 0);
        _exit(demo.wrong);
    }
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    expect(status == 0);
    say("It stored a word there, I load from mine: \"%s\". Attached now: %d.",
        ring->greeting, (int)look().shm_nattch);
    expect(strcmp(ring->greeting, "hello, parent") == 0 && look().shm_nattch == 1);
}

/* Each value is stored once and loaded once: no call, no copy by the kernel. */
static void produce(struct ring *ring) {
    for (int part = 1; part <= PARTS; part++) {
        take(FREE);
        ring->place[part % PLACES] = part * part;
        say("  producer: %2d into place %d", part * part, part % PLACES);
        give(FULL);
    }
}

/* Until the producer waits for a place (1), or has made all parts. */
static int watch(int taken) {
    while (waiting(FREE) == 0 && value(FULL) < PARTS - taken)
        sched_yield();
    return waiting(FREE) > 0;
}

static void consume(struct ring *ring) {
    int good = 0;
    for (int part = 1; part <= PARTS; part++) {
        int waits = watch(part - 1);
        take(FULL);
        int got = ring->place[part % PLACES];
        good += got == part * part;
        say("         I: %2d from place %d%s", got, part % PLACES,
            waits ? "; the producer waits for a place" : "");
        give(FREE);
    }
    say("All %d parts came over, %s.", PARTS,
        mark(good == PARTS, "each once and in order", "BUT NOT IN ORDER"));
}

int main(int argc, char **argv) {
    demo_start(argc, argv, "ring: producer and consumer in shared memory");
    segment = (int)must(shmget(IPC_PRIVATE, sizeof(struct ring), 0600), "shmget");
    struct ring *ring = attach();
    introduce(ring);
    make_set((int[]){ PLACES, 0 }, COUNT);
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        produce(ring);
        _exit(0);
    }
    consume(ring);
    must(waitpid(child, NULL, 0), "waitpid");
    must(shmctl(segment, IPC_RMID, NULL), "shmctl");
    drop_set();
    say("I removed the segment; it stays until I detach: attached %d.",
        (int)look().shm_nattch);
    must(shmdt(ring), "shmdt");
    return demo_end("PLACES 1. Then leave out take(FREE): what does the consumer get?",
                    "kernel/posix/sysv.c, and show() in kernel/mm/fault.c");
}

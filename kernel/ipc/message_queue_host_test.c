/* message_queue_host_test.c - the shipped queue core under a schedule explorer
 * (tools/model/explorer.h).
 *
 * Exhaustive: two senders, two receivers, two messages each, capacities 0, 1 and 2,
 * with two deadlines that pass, a kill and the end of the queue at any moment. Random:
 * a million seeds in larger settings with priorities, receipts, selective receivers,
 * two channels, every overflow policy, changes of capacity, failing memory, pollers.
 *
 * After every step message_queue_check holds, and all counts agree with books kept
 * beside them; a message is received once, by who wants it, in order; what a sender is
 * told is what happened; who waits has a reason to. In the end everybody is released
 * and nothing is left. A failure prints its row, which replays in words:
 *
 *      build/host/kernel/ipc/message_queue_host_test capacity 1 0,0,3,1,...
 *      build/host/kernel/ipc/message_queue_host_test seed 4711
 */
#include "ipc/message_queue.c"
#include "tools/model/explorer.h"
#include "tools/model/queue_world.h"

/* -- What may happen --------------------------------------------------------------- */

static struct actor *actor_create(enum role role, unsigned steps) {
    unsigned number = world.nr_actors++;
    struct actor *a = &world.actors[number];

    *a = (struct actor){ .role = role, .steps = steps, .may_wait = true,
                         .wanted = UINT32_MAX, .got = -1,
                         .channel = &world.channels[0] };
    thread_create(&a->thread, number, act);
    return a;
}

static void world_create(unsigned capacity, enum overflow overflow) {
    static const struct message_queue_classes classes;

    memset(&world, 0, sizeof(world));
    message_queue_init(&world.queue, &classes);
    message_channel_init(&world.channels[0], &world.queue, capacity, overflow);
    world.nr_channels = 1;
    row.count = 0;
}

/* Threads that do the same begin one after the other: which is first does not
 * matter. */
static bool may_begin(const struct actor *a) {
    return a->thread.has_run || a == world.actors || a[-1].thread.has_run
           || a[-1].role != a->role || world.fail_one_in;
}

struct event {
    enum { RUN, EXPIRE, KILL, DESTROY, RESIZE } what;
    struct actor *actor;
};

/* What can happen now, in events: how much. */
static unsigned list_events(struct event *events) {
    unsigned count = 0;

    for (struct actor *a = world.actors; a < world.actors + world.nr_actors; a++) {
        if (a->thread.state == DONE || !may_begin(a)) continue;
        if (a->thread.state == READY) events[count++] = (struct event){ RUN, a };
        if (a->thread.state == ASLEEP && world.timeouts)
            events[count++] = (struct event){ EXPIRE, a };
        if (!a->thread.killed && world.kills)
            events[count++] = (struct event){ KILL, a };
    }
    // at random the end should not come at once
    if (!world.destroyed && (!row.seed || count == 0 || random_below(8) == 0))
        events[count++] = (struct event){ DESTROY, NULL };
    if (!world.destroyed && world.resizes)
        events[count++] = (struct event){ RESIZE, NULL };
    return count;
}

static void resize(unsigned capacity) {
    message_channel_set_capacity(&world.channels[0], capacity);
    require(world.channels[0].capacity == capacity, "the capacity is not %u", capacity);
    say("the capacity is now %u", capacity);
}

static void happen(const struct event *event) {
    static const char *const words[] = { "runs", "times out", "is killed" };
    struct actor *a = event->actor;

    if (a) say("thread %u %s", a->thread.number, words[event->what]);
    switch (event->what) {
    case RUN: thread_run(&a->thread); break;
    case EXPIRE:
        world.timeouts--;
        thread_interrupt(&a->thread, -ETIMEDOUT);
        break;
    case KILL:
        world.kills--;
        thread_kill(&a->thread);
        break;
    case DESTROY:
        say("the queue is destroyed");
        world.destroyed = true;
        message_discard_all(&world.queue, NULL, -EPIPE);
        break;
    case RESIZE: resize(random_below(4)); break;
    }
}

/* One step of a run, by choice. false: nothing is left to happen. */
static bool step(void) {
    struct event events[THREADS * 3 + 2];
    unsigned count = list_events(events);

    if (count == 0) return false;
    happen(&events[choose(count)]);
    judge();
    return true;
}

/* Frees what a run that was broken off left in the queue. */
static void clear(void) {
    struct message *m, *next;
    struct list *lists[] = { &world.queue.messages, &world.queue.pending };

    for (unsigned i = 0; i < 2; i++)
        list_for_each_safe (m, next, lists[i], node)
            free(container_of(m, struct test_message, base));
}

/* -- Exhaustive -------------------------------------------------------------------- */

/* All that decides what can still happen. */
static uint64_t state_now(void) {
    uint64_t hash = world.timeouts | world.kills << 4 | (uint64_t)world.destroyed << 8;
    const struct message *m;
    const struct waiter *w;

    for (unsigned i = 0; i < world.nr_actors; i++) {
        const struct actor *a = &world.actors[i];
        hash =
            mix(hash, a->thread.state | a->step << 4 | (uint64_t)a->thread.killed << 8
                          | (uint64_t)(uint32_t)a->thread.result << 16
                          | (uint64_t)a->thread.has_run << 9
                          | (uint64_t)(uint8_t)a->got << 48);
    }
    for (unsigned i = 0; i < world.nr_arrivals; i++)
        hash = mix(hash, world.arrivals[i]);
    for (unsigned i = 0; i < THREADS * MESSAGES; i++)
        hash = mix(hash, world.fate[i]);
    for (unsigned i = 0; i < 2; i++)
        list_for_each (m, i ? &world.queue.pending : &world.queue.messages, node)
            hash = mix(hash, container_of(m, struct test_message, base)->id
                                 | (uint64_t)m->place << 8 | (uint64_t)!m->sending << 16
                                 | (uint64_t)(i + 1) << 24);
    list_for_each (w, &world.queue.receivers.waiters, node)
        hash = mix(hash, (uint64_t)w->thread->number << 32);
    return hash;
}

static void run_setting(unsigned capacity) {
    world_create(capacity, OVERFLOW_BLOCK);
    world.timeouts = 2;
    world.kills = 1;
    for (unsigned i = 0; i < 4; i++)
        actor_create(i < 2 ? SENDER : RECEIVER, 2);
    bool open = true;
    while (open && step())
        open = row.count < row.replayed || is_new(state_now());
    if (open) judge_end();
    clear();
}

static unsigned explore(unsigned capacity) {
    unsigned runs = 0;

    sprintf(setting, "capacity %u", capacity);
    forget_states();
    row.replayed = 0;
    do {
        run_setting(capacity);
        runs++;
    } while (next_row());
    return runs;
}

/* -- Random ------------------------------------------------------------------------ */

static void run_seed(uint64_t seed) {
    static const unsigned capacities[] = { 0, 0, 1, 2, 3, CAPACITY_UNLIMITED };

    sprintf(setting, "seed %llu", (unsigned long long)seed);
    row.replayed = 0;
    seed_row(seed);
    unsigned capacity = capacities[random_below(6)];
    world_create(capacity, capacity ? random_below(4) : OVERFLOW_BLOCK);
    if (random_below(2)) {
        message_channel_init(&world.channels[1], &world.queue, random_below(3),
                             OVERFLOW_BLOCK);
        world.nr_channels = 2;
    }
    world.fail_one_in = 2000 >> random_below(8);
    if (world.channels[0].overflow == OVERFLOW_BLOCK && random_below(2))
        world.channels[0].bytes_max = 60;
    world.timeouts = random_below(6);
    world.kills = random_below(3);
    world.resizes = world.channels[0].overflow == OVERFLOW_BLOCK && random_below(2);
    unsigned senders = 1 + random_below(4), receivers = 1 + random_below(3);
    for (unsigned i = 0; i < senders + receivers; i++) {
        struct actor *a =
            actor_create(i < senders ? SENDER : RECEIVER, 1 + random_below(MESSAGES));
        a->may_wait = random_below(4) > 0;
        if (i < senders)
            a->wanted = random_below(16);       // of which it wants a receipt
        else if (random_below(2))
            a->wanted = 1 + random_below(7);    // types
        a->channel = &world.channels[i < senders ? random_below(world.nr_channels) : 0];
    }
    if (random_below(2)) actor_create(READ_POLLER, 3);
    if (random_below(2)) actor_create(WRITE_POLLER, 3);
    while (step())
        continue;
    judge_end();
}

int main(int argc, char **argv) {
    unsigned long long seeds =
        argc == 3 && !strcmp(argv[1], "seeds") ? strtoull(argv[2], NULL, 0) : 1000000;

    if (argc == 3 && !strcmp(argv[1], "seed")) {
        row.aloud = true;
        run_seed(strtoull(argv[2], NULL, 0));
        return 0;
    }
    if (argc == 4 && !strcmp(argv[1], "capacity")) {
        row.aloud = true;
        for (char *at = strtok(argv[3], ","); at; at = strtok(NULL, ","))
            row.taken[row.replayed++] = (unsigned)atoi(at);
        run_setting((unsigned)atoi(argv[2]));
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..4\n");
    for (unsigned capacity = 0; capacity < 3; capacity++) {
        unsigned runs = explore(capacity);
        printf("ok %u - capacity %u: all %u runs, %u states\n", capacity + 1, capacity,
               runs, nr_seen);
    }
    for (unsigned long long seed = 0; seed < seeds; seed++)
        run_seed(seed);
    printf("ok 4 - %llu random seeds\n", seeds);
    return 0;
}

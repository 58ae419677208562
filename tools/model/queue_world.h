/* queue_world.h - a message queue with a few senders, receivers and pollers, for the
 * explorer: what the threads do, the books that are kept of every message, and what
 * must hold after each step. For kernel/ipc/message_queue_host_test.c, which includes
 * the queue's .c file first.
 */
#pragma once

#include "tools/model/explorer.h"

enum { MESSAGES = 4 };                  /* of one sender, at most */
enum role { SENDER, RECEIVER, READ_POLLER, WRITE_POLLER };
enum fate { UNSENT, ON_ITS_WAY, RECEIVED, LOST, FAILED };

struct actor {
    struct thread thread;
    enum role role;
    bool may_wait;
    unsigned step, steps;
    uint32_t wanted;            /* receiver: types, a bit each; sender: receipts */
    int got;                    /* receiver: the message it has now; -1: none */
    struct message_channel *channel;
};

struct test_message {
    struct message base;
    unsigned id;                /* its sender's number * MESSAGES + count */
    bool is_kept;
};

struct test_receiver {
    struct receiver base;
    struct actor *actor;
};

static struct world {
    struct message_queue queue;
    struct message_channel channels[2];
    struct actor actors[THREADS];
    unsigned nr_actors, nr_channels, timeouts, kills, resizes, nr_kept;
    unsigned fail_one_in;       /* of memory and copies; 0: never */
    bool destroyed;
    uint8_t fate[THREADS * MESSAGES];
    pid_t receiver_of[THREADS * MESSAGES];
    const struct message_channel *numbered_by[THREADS * MESSAGES];  /* accepted once */
    unsigned nr_received[2];
    unsigned arrivals[THREADS * MESSAGES], nr_arrivals;    /* ids, oldest first */
} world;

/* Exhaustive runs have memory always; random ones by the seed. */
static bool fails_now(void) {
    return world.fail_one_in && random_below(world.fail_one_in) == 0;
}

/* -- A face of the queue that keeps books ------------------------------------------ */

struct message *message_keep(struct message *message, int *error) {
    struct test_message *m = fails_now() ? NULL : malloc(sizeof(*m));

    *error = -ENOMEM;
    if (!m) return NULL;
    *m = *container_of(message, struct test_message, base);
    m->is_kept = true;
    m->base.sending = NULL;
    world.nr_kept++;
    return &m->base;
}

int message_accept(struct message *message) {
    if (!fails_now()) return 0;
    world.fate[container_of(message, struct test_message, base)->id] = FAILED;
    return -ENOMEM;
}

static bool wants_type(const struct receiver *receiver, const struct message *message) {
    const struct test_receiver *r = container_of(receiver, struct test_receiver, base);

    return r->actor->wanted >> message->type & 1;
}

static void forget_arrival(unsigned id) {
    unsigned kept = 0;

    for (unsigned i = 0; i < world.nr_arrivals; i++)
        if (world.arrivals[i] != id) world.arrivals[kept++] = world.arrivals[i];
    world.nr_arrivals = kept;
}

/* No other message that the receiver wants should have come first: none of a higher
 * priority that is in the queue, none of the same that came earlier by the channel. */
static void judge_order(const struct test_message *m, const struct test_receiver *r) {
    const struct message *other;

    list_for_each (other, &world.queue.messages, node) {
        const struct test_message *o =
            container_of(other, const struct test_message, base);
        if (o == m || !wants(&r->base, other) || message_is_withdrawn(other)) continue;
        require(m->base.place != MESSAGE_PENDING, "a pending message came first");
        require(other->priority <= m->base.priority, "a lower priority came first");
        if (other->priority < m->base.priority || other->channel != m->base.channel)
            continue;
        for (unsigned i = 0; world.arrivals[i] != m->id; i++)
            require(world.arrivals[i] != o->id, "%u came before %u", o->id, m->id);
    }
}

int message_deliver(struct message *message, struct receiver *receiver, int *error) {
    struct test_message *m = container_of(message, struct test_message, base);
    struct test_receiver *r = container_of(receiver, struct test_receiver, base);

    require(wants(receiver, message), "not wanted");
    require(world.fate[m->id] == ON_ITS_WAY, "%u has had its fate", m->id);
    require(r->actor->got < 0, "a second message for one receive");
    require(&r->actor->thread == running || r->actor->thread.state == ASLEEP,
            "nobody receives");
    judge_order(m, r);
    if (fails_now()) return -EFAULT;
    if (message->place != MESSAGE_ACCEPTED && fails_now()) {
        *error = -EFAULT;
        world.fate[m->id] = FAILED;
        return MESSAGE_UNFIT;
    }
    require(message->place == MESSAGE_ACCEPTED
                || message->sequence == message->channel->sequence + 1,
            "%u has the wrong number", m->id);
    world.fate[m->id] = RECEIVED;
    world.numbered_by[m->id] = message->channel;
    world.nr_received[message->channel - world.channels]++;
    world.receiver_of[m->id] = r->base.pid;
    forget_arrival(m->id);
    r->actor->got = (int)m->id;
    say("    thread %u has message %u", (unsigned)(r->actor - world.actors), m->id);
    return 0;
}

void message_discard(struct message *message) {
    struct test_message *m = container_of(message, struct test_message, base);

    require(m->is_kept, "discarded what was not kept");
    if (world.fate[m->id] == ON_ITS_WAY) world.fate[m->id] = LOST;
    forget_arrival(m->id);
    world.nr_kept--;
    free(m);
}

/* -- What the threads do ----------------------------------------------------------- */

/* What the sender is told against what happened to its message. */
static void settle(const struct test_message *m, long result) {
    uint8_t fate = world.fate[m->id];
    bool may_be_lost =
        world.destroyed || m->base.channel->overflow >= OVERFLOW_DROP_OLDEST;

    say("    sending %u: %ld", m->id, result);
    if (result < 0) {
        require(fate != RECEIVED, "%u was received, its sender told %ld", m->id,
                result);
        world.fate[m->id] = FAILED;
        forget_arrival(m->id);
    } else if (m->base.until == UNTIL_RECEIVED) {
        require(fate == RECEIVED && result == world.receiver_of[m->id],
                "the receipt for %u is wrong: %ld", m->id, result);
    } else {
        require(fate == RECEIVED || fate == ON_ITS_WAY || (fate == LOST && may_be_lost),
                "%u is lost", m->id);
    }
}

static void send_one(struct actor *a) {
    struct sending s;
    struct test_message m = { .id = a->thread.number * MESSAGES + a->step };

    if (world.fail_one_in) {
        m.base.priority = m.id * 7 % 3;
        m.base.type = m.id * 5 % 3;
        m.base.length = m.id * 3 % 40;
        m.base.until = a->wanted >> a->step & 1 ? UNTIL_RECEIVED : UNTIL_ACCEPTED;
    }
    world.fate[m.id] = ON_ITS_WAY;
    world.arrivals[world.nr_arrivals++] = m.id;
    waiter_init_for(&s.waiter, &world.queue.senders, &a->thread);
    uint64_t dropped = a->channel->dropped;
    long result = world.destroyed
                      ? -EPIPE
                      : message_post(a->channel, &m.base, a->may_wait ? &s : NULL);
    if (result == -EINPROGRESS) {
        require(a->may_wait, "asked to wait, though it may not");
        result = message_wait(&s, DEADLINE_NEVER);
    } else if (result == 0 && a->channel->overflow == OVERFLOW_DROP_NEWEST
               && a->channel->dropped > dropped) {
        world.fate[m.id] = LOST;
        forget_arrival(m.id);
    }
    settle(&m, result);
}

static void receive_one(struct actor *a) {
    struct test_receiver r = { .base = { .pid = 100 + (pid_t)a->thread.number,
                                         .wants = wants_type }, .actor = a };

    a->got = -1;
    waiter_init_for(&r.base.waiter, &world.queue.receivers, &a->thread);
    long result = world.destroyed ? -EPIPE : message_take(&world.queue, &r.base);
    if (result == -EAGAIN && a->may_wait)
        result = message_receive_wait(&r.base, DEADLINE_NEVER);
    require(result <= 0 && (result == 0) == (a->got >= 0), "told %ld, but has %d",
            result, a->got);
}

/* Whether a poller would find something now. */
static bool is_ready(struct actor *a) {
    struct test_receiver r = { .base = { .wants = wants_type }, .actor = a };

    if (world.destroyed) return true;
    return a->role == READ_POLLER ? message_find(&world.queue, &r.base) != NULL
                                  : message_has_room(a->channel);
}

static void poll_once(struct actor *a) {
    struct message_queue *q = &world.queue;
    struct waiter waiter;

    if (is_ready(a)) return;
    waiter_init_for(&waiter, a->role == READ_POLLER ? &q->can_receive : &q->can_send,
                    &a->thread);
    waiter.shared = true;
    (void)!wait_sleep_past_stops(&waiter, DEADLINE_NEVER);
}

static void act(struct thread *t) {
    struct actor *a = container_of(t, struct actor, thread);

    while (a->step < a->steps && !t->killed) {
        if (a->role == SENDER)
            send_one(a);
        else if (a->role == RECEIVER)
            receive_one(a);
        else
            poll_once(a);
        if (++a->step < a->steps && !t->killed) leave();
    }
}

/* -- What must hold ---------------------------------------------------------------- */

/* A sender has stopped waiting and will make room when it runs. */
static bool room_is_near(void) {
    const struct message *m;

    list_for_each (m, &world.queue.pending, node)
        if (message_is_withdrawn(m)) return true;
    return false;
}

/* One message that is in the queue or behind it. */
static void judge_message(const struct message *m) {
    const struct message_channel *c = m->channel;
    unsigned id = container_of(m, const struct test_message, base)->id;
    bool is_accepted = m->place == MESSAGE_ACCEPTED;

    require(world.fate[id] == ON_ITS_WAY, "%u has had its fate and is here", id);
    require(!is_accepted || m->sequence <= c->sequence, "%u: its number is to come",
            id);
    require(!is_accepted || !m->sending || m->until != UNTIL_ACCEPTED,
            "%u is accepted, and its sender not told", id);
    require(is_accepted || message_is_withdrawn(m) || room_is_near()
                || !message_fits(c, m->length) || m->place == MESSAGE_PENDING,
            "%u waits though there is room", id);
    if (is_accepted) world.numbered_by[id] = c;
}

static void judge_channel(const struct message_channel *c) {
    unsigned numbered = c->overflow == OVERFLOW_DROP_NEWEST ? (unsigned)c->dropped : 0;

    message_channel_check(c);
    for (unsigned i = 0; i < THREADS * MESSAGES; i++)
        numbered += world.numbered_by[i] == c;
    require(c->bytes <= c->bytes_max && (world.resizes || c->queued <= c->capacity),
            "more than its capacity");
    require(c->sequence == numbered, "%u numbers given to %u messages",
            (unsigned)c->sequence, numbered);
    require(c->received == world.nr_received[c - world.channels], "received is wrong");
}

static void judge_queue(void) {
    const struct message *m;
    unsigned kept = 0;

    for (unsigned i = 0; i < 2; i++)
        list_for_each (m, i ? &world.queue.pending : &world.queue.messages, node) {
            judge_message(m);
            kept++;
        }
    require(kept == world.nr_kept, "a message leaked");
    for (unsigned i = 0; i < world.nr_channels; i++)
        judge_channel(&world.channels[i]);
}

/* As kernel/core/check.c has it: what message_queue_check has to say. */
bool check_that(bool is_so, const char *format, ...) {
    char fault[100];
    va_list arguments;

    if (is_so) return true;
    va_start(arguments, format);
    vsnprintf(fault, sizeof(fault), format, arguments);
    va_end(arguments);
    fail("%s", fault);
    return false;
}

bool check_counted(const void *object, const char *what, uint32_t counted,
                   uint32_t there) {
    return check_that(counted == there, "%p has %u %s", object, there, what);
}

bool check_list(const struct list *list) {
    return check_that(list_is_consistent(list), "a broken list");
}

static void judge(void) {
    message_queue_check(&world.queue, 0);
    judge_queue();
    for (struct actor *a = world.actors; a < world.actors + world.nr_actors; a++) {
        if (a->thread.state != ASLEEP) continue;
        require(!world.destroyed, "thread %u sleeps for ever", a->thread.number);
        require(a->role < READ_POLLER || !is_ready(a)
                    || (a->role == WRITE_POLLER && room_is_near()),
                "poller %u was not told", a->thread.number);
    }
}

static void judge_end(void) {
    require(world.nr_kept == 0, "%u messages are left", world.nr_kept);
    for (unsigned i = 0; i < THREADS * MESSAGES; i++)
        require(world.fate[i] != ON_ITS_WAY, "message %u is nowhere", i);
}

/* native_mbox_storm.c - many processes do anything to a few mailboxes, in no order.
 * IPC(9.1): "What must never happen: a kernel crash, a hang of a process not concerned,
 * a byte of kernel or foreign memory in a message, ... a lost wake-up, a message lost,
 * doubled or out of order, a leak after everyone has exited: whatever the arguments,
 * the order of events, the moment of a kill, the number of CPUs". IPC(1.6): "A send
 * that fails is never delivered ... A send that succeeded is received once or is
 * discarded with its queue."
 *
 * Each message says who has sent it, as which number, and is filled with bytes that
 * follow from these two. What is sent and what is received is kept in shared memory.
 */
/* FEATURE(127): no message is lost or doubled, on any number of CPUs */
#include "mailbox.h"
#include "memory.h"

#include <poll.h>

enum { WORKERS = 5, BOXES = 5, ROUNDS = 60, EACH = 12, KILLS = 25,
       LONGEST = 3000 };

static const struct mbox_attr kinds[BOXES] = {
    { .capacity = CAPACITY_ZERO },
    { .capacity = 2 },
    { .capacity = 3, .overflow = MBOX_REJECT },
    { .capacity = 3, .overflow = MBOX_DROP_OLDEST },
    { .capacity = CAPACITY_UNBOUNDED },
};

static struct shared {
    struct {
        int sent, got, box;
    } message[WORKERS][ROUNDS];
    int wrong;                          /* messages that cannot be */
} * shared;

static int box[BOXES];
static uint32_t last[WORKERS][BOXES][2][2];     /* seen, by type and priority */
static uint32_t random_state;

static uint32_t any(uint32_t below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % below;
}

struct label {
    uint32_t worker, number, box;
};

static unsigned char pattern(const struct label *label, uint32_t i) {
    return (unsigned char)(label->worker * 71 + label->number * 13 + i * 7);
}

static uint32_t make_body(unsigned char *to, const struct label *label) {
    uint32_t length = (uint32_t)sizeof *label + any(LONGEST);
    memcpy(to, label, sizeof *label);
    for (uint32_t i = sizeof *label; i < length; i++)
        to[i] = pattern(label, i);
    return length;
}

/* Notes a received message; what it has seen of the same kind must be older. */
static void judge(const struct msg *m, const unsigned char *text, uint32_t from) {
    struct label label;
    int good = m->length >= sizeof label;
    if (good) {
        memcpy(&label, text, sizeof label);
        good = label.worker < WORKERS && label.number < ROUNDS && label.box == from
               && m->type < 2 && m->priority < 2;
    }
    for (uint32_t i = sizeof label; good && i < m->length; i++)
        good = text[i] == pattern(&label, i);
    if (good) {
        uint32_t *before = &last[label.worker][label.box][m->type][m->priority];
        good = label.number + 1 > *before;
        *before = label.number + 1;
        __sync_fetch_and_add(&shared->message[label.worker][label.number].got, 1);
    }
    if (!good)
        __sync_fetch_and_add(&shared->wrong, 1);
}

static void send_one(uint32_t worker, uint32_t number) {
    struct label label = { worker, number, any(BOXES) };
    unsigned char *text = map_anonymous(1, PROT_READ | PROT_WRITE);
    struct msg m = { .type = any(2), .priority = any(2), .body = text };
    int flags = any(4) == 0 ? MSG_SYNC : 0, p[2] = { -1, -1 };
    m.length = make_body(text, &label);
    shared->message[worker][number].box = (int)label.box;
    if (any(5) == 0 && pipe(p) == 0) {
        m.nfds = 2;
        m.fds = p;
    }
    if (any(6) == 0) {
        flags |= MSG_MOVE;                              // the rest goes, too
        for (uint32_t i = m.length; i < PAGE; i++)
            text[i] = pattern(&label, i);
        m.length = PAGE;
    }
    int result = mbox_send(box[label.box], &m, flags, any(2) ? NOWAIT : (int)any(4));
    if (result >= 0)
        shared->message[worker][number].sent = 1;
    else
        need(errno == EAGAIN || errno == ETIMEDOUT || errno == ENOBUFS
             || errno == EIDRM);
    close(p[0]), close(p[1]);
    if (result < 0 || !(flags & MSG_MOVE))
        munmap(text, PAGE);
}

/* Whether there was anything. */
static int receive_one(uint32_t from, int timeout) {
    static unsigned char *text;
    int files[MSG_FDS_MAX] = { -1, -1, -1, -1 };
    struct msg m = { .room = any(4) ? 2 * PAGE : any(LONGEST), .type = any(2) };
    int flags = (any(4) ? 0 : MSG_TYPE) | (any(3) ? 0 : MSG_MOVE);
    if (!text)
        text = map_anonymous(2, PROT_READ | PROT_WRITE);
    m.body = text;
    if (any(2))
        m.fds = files;
    int error = error_of(mbox_receive(box[from], &m, flags, timeout));
    for (int i = 0; i < MSG_FDS_MAX; i++)
        close(files[i]);
    if (!error)
        judge(&m, text, from);
    else
        need(error == EAGAIN || error == ETIMEDOUT || error == EMSGSIZE
             || error == EIDRM);
    return !error || error == EMSGSIZE;
}

/* Sends the messages from `first` on, up to `end`, and does other things. */
static void work(uint32_t worker, uint32_t first, uint32_t end) {
    random_state = 2463534242u + worker * 7919 + first * 104729;
    for (uint32_t number = first; number < end; number++) {
        send_one(worker, number);
        for (uint32_t k = any(3); k > 0; k--)
            receive_one(any(BOXES), any(3) ? NOWAIT : (int)any(3));
        struct pollfd f = { .fd = box[any(BOXES)], .events = POLLIN | POLLOUT };
        if (any(8) == 0)
            need(poll(&f, 1, (int)any(2)) >= 0);
        if (any(8) == 0)
            sched_yield();
    }
}

static void open_boxes(void) {
    char name[8];
    for (int i = 0; i < BOXES; i++) {
        snprintf(name, sizeof name, "storm%d", i);
        box[i] = named_box(name, &kinds[i]);
    }
    memset(shared, 0, sizeof *shared);
    memset(last, 0, sizeof last);
}

static void close_boxes(void) {
    char name[8];
    for (int i = 0; i < BOXES; i++) {
        snprintf(name, sizeof name, "storm%d", i);
        need(mbox_unlink(name) == 0 || errno == ENOENT);
        close(box[i]);
    }
}

/* Takes what is left. */
static void drain(void) {
    random_state = 1;
    for (uint32_t i = 0; i < BOXES; i++)
        for (int quiet = 0; quiet < 20; quiet++)        // it may ask for little
            while (receive_one(i, NOWAIT))
                quiet = 0;
}

static void undisturbed(void) {
    pid_t pid[WORKERS];
    int lost = 0, doubled = 0, failed = 0, sent = 0;
    uint64_t dropped = 0, received = 0;
    open_boxes();
    for (uint32_t w = 0; w < WORKERS; w++)
        CHILD (pid[w])
            work(w, 0, ROUNDS);
    for (int w = 0; w < WORKERS; w++)
        need(wait_for(pid[w]) == 0);
    drain();
    for (int w = 0; w < WORKERS; w++) {
        for (int n = 0; n < ROUNDS; n++) {
            int times = shared->message[w][n].got;
            if (shared->message[w][n].sent)
                sent++, lost += !times;
            else
                failed += times;
            doubled += times > 1;
        }
    }
    for (int i = 0; i < BOXES; i++) {
        struct mbox_stat st = look(box[i]);
        dropped += st.dropped;
        received += st.received;
        need(st.queued == 0 && st.bytes == 0 && !st.waiting_senders
             && !st.waiting_receivers);
    }
    note("%d sent, %llu received, %llu dropped", sent, (unsigned long long)received,
         (unsigned long long)dropped);
    is_int(shared->wrong, 0, "every byte, every order is right");
    is_int(doubled, 0, "no message comes twice");
    is_int(failed, 0, "none that its sender was told has failed");
    ok(lost <= (int)dropped && sent - lost == (int)received,
       "no message is lost or doubled, on any number of CPUs");
    close_boxes();
}

/* The same, while workers are killed at any moment and start again, and mailboxes are
 * destroyed under them. */
static void disturbed(void) {
    pid_t pid[WORKERS] = { 0 };
    int doubled = 0, restarted = 0;
    open_boxes();
    for (uint32_t round = 0; round < KILLS; round++) {
        uint32_t w = round % WORKERS, first = round / WORKERS * EACH;
        if (pid[w]) {
            for (uint32_t k = (round * 7919) % 40; k > 0; k--)
                sched_yield();
            kill(pid[w], SIGKILL);
            need(waitpid(pid[w], NULL, 0) == pid[w]);
            restarted++;
        }
        CHILD (pid[w])
            work(w, first, first + EACH);
        if (round == KILLS - 3)
            need(mbox_destroy(box[1]) == 0 && mbox_destroy(box[4]) == 0);
    }
    for (int w = 0; w < WORKERS; w++)
        need(waitpid(pid[w], NULL, 0) == pid[w]);
    drain();
    for (int i = 0; i < BOXES; i++) {
        struct mbox_stat st;
        if (mbox_stat(box[i], &st) == 0)
            need(st.queued == 0 && !st.waiting_senders && !st.waiting_receivers);
    }
    for (int w = 0; w < WORKERS; w++)
        for (int n = 0; n < ROUNDS; n++)
            doubled += shared->message[w][n].got > 1;
    note("%d were killed and started again", restarted);
    is_int(shared->wrong, 0, "kills at any moment: every byte, every order is right");
    is_int(doubled, 0, "and no message comes twice");
    close_boxes();
}

int main(void) {
    shared = shared_memory(sizeof *shared);
    undisturbed();
    disturbed();
    return done_testing();
}

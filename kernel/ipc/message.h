/* message.h - the native message: struct msg of <parley.h>, on its way from one
 * process's memory to another's. Links, calls and mailboxes use it. IPC.md 1 and 5.
 */
#pragma once

#include "fs/passed_files.h"
#include "ipc/message_queue.h"
#include "ipc/window.h"

#define MSG_MAX          65536u
#define MSG_PRIORITY_MAX 31
#define MSG_MOVE_MAX     (64u << 20)
#define MSG_NOTIFICATION 0xffffffffu
#define MSG_ANY          (-1)
#define FOREVER          (-1)      /* timeout_ms; less is -EINVAL */
#define NOWAIT           0

enum message_flags { MSG_SYNC = 1, MSG_MOVE = 2, MSG_TYPE = 4 };

#define CAPACITY_DEFAULT 0u             /* as programs write them */
#define CAPACITY_ZERO    0xfffffffeu

/* Makes it what the queue has, where 0 is rendezvous. False: it is none. */
static inline must_check bool capacity_read(uint32_t *capacity, uint32_t standard) {
    if (*capacity > 65535 && *capacity < CAPACITY_ZERO) return false;
    if (*capacity == CAPACITY_DEFAULT) *capacity = standard;
    else if (*capacity == CAPACITY_ZERO) *capacity = 0;
    return true;
}

/* As programs have it. */
struct user_message {
    uint32_t type, priority;
    pid_t sender, caller, receiver;
    uint32_t mailbox;
    uint64_t sequence;
    uint32_t length, room, nfds, bits;
    uptr_t body, fds;
};
static_assert(sizeof(struct user_message) == 56, "<parley.h>");

struct call;
struct mailbox_file;

struct native_message {
    struct message base;
    pid_t sender;
    pid_t caller;               /* who waits for msg_reply, or 0 */
    struct call *call;          /* its wait; NULL: nobody's, or received */
    uint32_t mailbox;           /* id, or 0 */
    uint32_t bits;
    struct address_space *space; /* where body is; NULL: in the kernel */
    vaddr_t body;
    struct account *payer;      /* the sender's account */
    struct moved_pages *pages;  /* those that have left their space */
    bool is_short;              /* kept, at most NATIVE_SHORT bytes and nothing else,
                                   UNTIL_ACCEPTED */
    bool moves;                 /* MSG_MOVE: whole pages, from here on or to come */
    uint8_t nr_files;
    struct passed_files *files; /* NULL until it is kept; its sender's are: */
    int fds[MSG_FDS_MAX];       /* only with nr_files */
};

struct native_receiver {
    struct receiver base;
    struct process *process;
    uptr_t message;             /* its struct msg; null: it wants the body alone */
    uptr_t body, fds;           /* what that says */
    uint32_t room;
    struct user_message *message_seen;  /* of an exchange (fast_path.h): `message` in
                                   the kernel's memory */
    char *body_seen;            /* the same for the page of `body`, or NULL */
    uint32_t fast, fast_calls;  /* of its `in` or its answer: shorter ones go to
                                   body_seen at once; 0 */
    bool is_read_late;          /* `message` is read when a message comes */
    void *buffer;               /* kernel memory in place of body, or NULL */
    const struct message_channel *channel;  /* takes only what comes this way; NULL */
    uint32_t type;              /* by_type: what it wants; afterwards: of what it got */
    bool by_type;
    bool moves;                 /* MSG_MOVE */
    bool cuts;                  /* takes the beginning of a body that is too long */
    pid_t sender;               /* of what it got, as the next two */
    uint32_t priority, length;
    struct mailbox_file *open;  /* a mailbox's receiver: what it receives through */
    struct link_end *from;      /* a link's, that got something: the end it came to */
};

/* A kept message with a body up to here takes one of the heap's small blocks, and its
 * queue keeps one as a spare. */
#define NATIVE_SHORT (256 - 8 - sizeof(struct native_message))

/* A plain message of the current process: what write(2) sends. */
void native_message_init(struct native_message *m, vaddr_t body, uint32_t length);

/* A receiver that wants bodies only, as read(2) does. One by one is half as many steps
 * as the compiler's own way. */
static inline void native_body_receiver_init(struct native_receiver *r, uptr_t body,
                                             uint32_t room, struct wait_queue *queue) {
    struct thread *t = current();

    waiter_init_for(&r->base.waiter, queue, t);
    r->process = t->process;
    r->base.pid = r->process->pid;
    r->base.wants = NULL;
    r->body = body;
    r->room = room;
    r->message = r->fds = uptr(0);
    r->buffer = NULL;
    r->fast = r->fast_calls = r->type = 0;
    r->channel = NULL;
    r->is_read_late = r->by_type = r->moves = r->cuts = false;
}

/* Reads and judges the struct msg at `from` for a send of the current process.
 * -EFAULT, -EINVAL, -EMSGSIZE, -EBADF. flags: those this send knows. */
must_check int native_message_read(struct native_message *m, uptr_t from, int flags);

/* The same for a receive; the receiver's waiter is left to the caller. */
must_check int native_receiver_init(struct native_receiver *r, uptr_t message,
                                    int flags, struct wait_queue *queue);

/* What a receiver's `wants` is: by channel and type. */
bool native_wants(const struct receiver *receiver, const struct message *m);

/* The moment at which a wait that begins now ends. */
static inline nanoseconds_t deadline_of(int timeout_ms) {
    return timeout_ms == FOREVER ? DEADLINE_NEVER
                                 : time_deadline((uint64_t)timeout_ms * MILLISECOND);
}

/* Only what waits for ever starts again by itself after a signal. */
static inline long restartable(long result, int timeout_ms) {
    return result == -EINTR && timeout_ms == FOREVER ? -ERESTART : result;
}

/* SLEEPS until a message has been handed over: its sender, or -errno as above. */
static inline long native_receive_wait(struct native_receiver *r, int timeout_ms) {
    long result = message_receive_wait(&r->base, deadline_of(timeout_ms));

    return result ? restartable(result, timeout_ms) : r->sender;
}

/* SLEEPS. Sends m and waits as it must: until it has gone, is received or, in its call,
 * answered. Who received it, if anybody has; 0, or -errno; -EDEADLK where a wait for
 * ever would close a circle of links; -ERESTART when a signal came first. */
long native_message_send(struct message_channel *channel, struct native_message *m,
                         int timeout_ms) SLEEPS;

/* A message of so many bytes stays in the kernel. False: over the user's limit. */
static inline must_check bool message_charge(struct account *account, uint32_t bytes) {
    if (!account_charge(account, ACCOUNT_MESSAGES, 1)) return false;
    if (account_charge(account, ACCOUNT_MESSAGE_BYTES, bytes)) return true;
    account_release(account, ACCOUNT_MESSAGES, 1);
    return false;
}

static inline void message_release(struct account *account, uint32_t bytes) {
    account_release(account, ACCOUNT_MESSAGES, 1);
    account_release(account, ACCOUNT_MESSAGE_BYTES, bytes);
}

/* memcpy: in few instructions what is short, by the FPU's registers what is not. */
static inline void body_copy(void *to, const void *from, uint32_t size) {
    if (unlikely(size >= FPU_COPY)) {
        uint32_t wide = size & ~(FPU_COPY - 1);
        fpu_copy(to, from, wide);
        to = (char *)to + wide;
        from = (const char *)from + wide;
        size -= wide;
    }
    uint32_t words = size >> 2;
    if (unlikely(size & 3)) memcpy(to, from, size);
    else __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/* Writes m into the receiver's memory. 0 or -errno of the receiver; MESSAGE_UNFIT and
 * *error of the sender. */
must_check int native_deliver(struct native_message *m, struct native_receiver *r,
                              int *error);

/* Two parts of that: some of the body; what is not the body. */
must_check int write_body(struct native_receiver *r, size_t offset, const void *from,
                          size_t size);
must_check int deliver_rest(struct native_message *m, struct native_receiver *r,
                            int *error);

/* -- Bodies that travel as page-table entries (move_pages.c) ----------------------- */

/* Do the pages of m exist, and may they move? 0, -EINVAL, -EFAULT for a hole. */
must_check int moved_pages_check(const struct native_message *m);

/* Takes the pages of m out of their space: m->pages holds them. Nothing is changed when
 * it fails. */
must_check int moved_pages_leave(struct native_message *m);
void moved_pages_free(struct moved_pages *pages);
void moved_pages_count(const struct moved_pages *pages);        /* for kcheck */

/* Can r have m's pages as pages? Else it gets a copy. */
bool moved_pages_fit(const struct native_message *m, const struct native_receiver *r);

/* As native_deliver, for a message that moves. */
must_check int moved_pages_deliver(struct native_message *m, struct native_receiver *r,
                                   int *error);

/* mechanisms.h - for demonstrations: every way from a producer to a consumer, by one
 * face.
 *
 *     mechanisms_open();                               before the fork
 *     part = make(PIPE);  ...  put(PIPE, part);        in the child
 *     part = get(PIPE, child);  ...  done(PIPE, part); in its parent
 *
 * A part has `size` bytes. make() is where the producer makes it and get() where the
 * consumer finds it: in the ring of the shared memory that is one place.
 */
#pragma once

#include "demo.h"
#include <fcntl.h>
#include <mqueue.h>
#include <parley.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/socket.h>

enum { PLACES = 3, PAGE = 4096 };
enum how { PIPE, SOCKET, POSIX, SYSTEM_V, MAILBOX, LINK, MOVED, SHARED, KINDS };

static const char *const names[KINDS] = {
    "pipe", "socket (packets)", "POSIX queue", "System V queue", "mailbox",
    "link (no queue)", "mailbox, pages moved", "shared memory",
};

static struct shared {
    sem_t go, free, full;               /* start, end; places and parts in the ring */
    volatile uint64_t ended;            /* when the producer had made all */
    unsigned made, used;
    char place[PLACES][PAGE];
} * shared;

static unsigned size = PAGE;
static pid_t me;
static int ends[2], pair[2], queue, box;
static mqd_t mq;
static struct {
    long type;
    char part[PAGE];
} out = { 1, "" }, in;                  /* what is sent, and what arrives */

/* Where the producer makes its next part. */
static inline char *make(enum how how) {
    if (how == MOVED) {
        char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return must(page == MAP_FAILED ? -1 : 0, "mmap"), page;
    }
    if (how == SHARED)
        return sem_wait(&shared->free), shared->place[shared->made++ % PLACES];
    return out.part;
}

static inline void put(enum how how, char *part) {
    struct msg m = { .body = part, .length = how == MOVED ? PAGE : size };
    long result = 0;
    switch (how) {
    case PIPE: result = write(ends[1], part, size); break;
    case SOCKET: result = send(pair[1], part, size, 0); break;
    case POSIX: result = mq_send(mq, part, size, 0); break;
    case SYSTEM_V: result = msgsnd(queue, &out, size, 0); break;
    case MAILBOX: result = mbox_send(box, &m, 0, FOREVER); break;
    case LINK: result = msg_send(me, &m, 0, FOREVER); break;
    case MOVED: result = mbox_send(box, &m, MSG_MOVE, FOREVER); break;
    default: sem_post(&shared->full);
    }
    must(result, names[how]);
}

/* The next part, where the consumer has it; done(): it is not needed any more. */
static inline char *get(enum how how, pid_t from) {
    struct msg m = { .body = in.part, .room = PAGE };
    long result = 0;
    switch (how) {
    case PIPE: result = read(ends[0], in.part, size); break;
    case SOCKET: result = recv(pair[0], in.part, size, 0); break;
    case POSIX: result = mq_receive(mq, in.part, PAGE, NULL); break;
    case SYSTEM_V: result = msgrcv(queue, &in, PAGE, 0, 0); break;
    case MAILBOX: result = mbox_receive(box, &m, 0, FOREVER); break;
    case LINK: result = msg_receive(from, &m, 0, FOREVER); break;
    case MOVED:
        m.body = NULL;
        result = mbox_receive(box, &m, MSG_MOVE, FOREVER);
        break;
    default:
        sem_wait(&shared->full);
        m.body = shared->place[shared->used++ % PLACES];
    }
    must(result, names[how]);
    return m.body;
}

static inline void done(enum how how, char *part) {
    if (how == MOVED)
        munmap(part, PAGE);
    if (how == SHARED)
        sem_post(&shared->free);
}

static inline void mechanisms_open(void) {
    struct mq_attr attr = { .mq_maxmsg = PLACES, .mq_msgsize = PAGE };
    me = getpid();
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared == MAP_FAILED ? -1 : 0, "mmap");
    sem_init(&shared->go, 1, 0);
    sem_init(&shared->free, 1, PLACES);
    sem_init(&shared->full, 1, 0);
    must(pipe(ends), "pipe");
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
    mq = (mqd_t)must(mq_open("/compare", O_RDWR | O_CREAT, 0600, &attr), "mq_open");
    must(mq_unlink("/compare"), "mq_unlink");
    queue = (int)must(msgget(IPC_PRIVATE, 0600), "msgget");
    box = (int)must(mbox_create(NULL), "mbox_create");
}

/* The one object that would stay. */
static inline void mechanisms_close(void) {
    must(msgctl(queue, IPC_RMID, NULL), "msgctl");
}

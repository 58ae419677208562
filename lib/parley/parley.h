/* parley.h - the native interface: messages over links and through mailboxes.
 *
 * [N.M] names the sentence of the contract that a line implements.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct msg {
    uint32_t type;              /* in/out  the sender's choice */
    uint32_t priority;          /* in/out  0 .. 31, higher first */
    pid_t sender;               /* out     whose bytes these are */
    pid_t caller;               /* out     who waits for msg_reply; 0: nobody */
    pid_t receiver;             /* out     the process it was delivered to */
    uint32_t mailbox;           /* out     id of the mailbox; 0: over a link */
    uint64_t sequence;          /* out     1, 2, 3 ...; in: which call is answered */
    uint32_t length;            /* in, sending: bytes in body; out: bytes received */
    uint32_t room;              /* in, receiving: bytes that fit; never written */
    uint32_t nfds;              /* in: descriptors to pass; out: received */
    uint32_t bits;              /* out     notification bits */
    void *body;
    int *fds;                   /* NULL, or MSG_FDS_MAX places */
};

#define MSG_NOTIFICATION 0xffffffffu

enum {
    MSG_MAX = 65536, MSG_FDS_MAX = 4, FOREVER = -1, NOWAIT = 0, MSG_ANY = -1,
    MSG_SYNC = 1, MSG_MOVE = 2, MSG_TYPE = 4
};

#define CAPACITY_DEFAULT   0u   /* links: zero; mailboxes: 16 */
#define CAPACITY_ZERO      0xfffffffeu
#define CAPACITY_UNBOUNDED 0xffffffffu

int msg_send(pid_t to, const struct msg *m, int flags, int timeout_ms);
pid_t msg_receive(pid_t from, struct msg *m, int flags, int timeout_ms);
int msg_call(pid_t to, const struct msg *request, struct msg *reply, int timeout_ms);
int msg_reply(pid_t caller, const struct msg *m);
pid_t msg_reply_receive(pid_t caller, const struct msg *reply, struct msg *next,
                        int timeout_ms);
int msg_forward(pid_t caller, pid_t to, const struct msg *m, int timeout_ms);
enum { MSG_SAME_USER = 0, MSG_ANYONE = 1 };
int msg_accept(int who);
int msg_fd(void);
int msg_notify(pid_t to, uint32_t bits);

struct link_attr {
    uint32_t capacity, refuse;
};
struct link_side {
    uint32_t capacity, refuse, queued, bytes;
    uint64_t accepted, received;
    uint32_t waiting_senders, waiting_receivers;
};
struct link_stat {
    pid_t peer;
    uint32_t calls;
    struct link_side in, out;
};

int link_open(pid_t peer, const struct link_attr *attr);
int link_close(pid_t peer);
int link_stat(pid_t peer, struct link_stat *out);

enum { MBOX_BLOCK = 0, MBOX_REJECT = 1, MBOX_DROP_OLDEST = 2, MBOX_DROP_NEWEST = 3 };
enum { MBOX_SHARED = 0, MBOX_EXCLUSIVE = 1, MBOX_BROADCAST = 2 };

struct mbox_attr {
    uint32_t capacity;
    uint32_t max_length;
    uint32_t overflow;
    uint32_t receivers;
};
struct mbox_stat {
    uint32_t id;
    uid_t owner;
    gid_t group;
    mode_t mode;
    struct mbox_attr attr;
    uint32_t queued, bytes, senders, receivers, waiting_senders, waiting_receivers;
    pid_t exclusive;
    uint64_t accepted, received, dropped;
};

int mbox_open(const char *name, int oflag, ...);
int mbox_lookup(const char *name, int oflag, int timeout_ms);
int mbox_create(const struct mbox_attr *attr);
int mbox_send(int mbox, const struct msg *m, int flags, int timeout_ms);
pid_t mbox_receive(int mbox, struct msg *m, int flags, int timeout_ms);
int mbox_stat(int mbox, struct mbox_stat *out);
int mbox_destroy(int mbox);
int mbox_unlink(const char *name);

void msg_explain(const char *what);

#ifdef __cplusplus
}
#endif

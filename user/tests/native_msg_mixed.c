/* native_msg_mixed.c - threads that use the same headers for calls, notifications and
 * mailboxes: what the kernel keeps about them for one is not used wrongly for another.
 * IPC(9.1): "a message lost, doubled or out of order". */
#include "native.h"

enum { PAGE = 4096 };

static char *pages;

/* One message to the mailbox and back, a bit and its echo, a call: the same few headers
 * for all, whose bodies move, and come and go, between any two. */
enum { WAYS = 3, ROUNDS = 60 };

static void next_place(struct msg *m, int round) {
    int page = round * 5 % 7 + 1;
    m->body = pages + page * PAGE + round % 3 * 8;
    if (round % 4 == 0)
        need(mmap(pages + page * PAGE, PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
             != MAP_FAILED);
    m->room = m->length = 40;
}

static void partner_of_all_ways(pid_t peer, int box, int back) {
    struct msg *m = (void *)pages, *reply = m + 1;
    for (int i = 0; i < ROUNDS; i++) {
        next_place(m, i / WAYS);
        if (i % WAYS == 0) {
            need(mbox_receive(box, m, 0, FOREVER) == peer && m->length == 40);
            need(mbox_send(back, m, 0, FOREVER) == 0);
        } else if (i % WAYS == 1) {
            need(msg_receive(peer, m, 0, FOREVER) == peer && m->bits == (uint32_t)i);
            need(msg_notify(peer, m->bits) == 0);
        } else {
            need(msg_reply_receive(0, reply, m, FOREVER) == peer && m->length == 40);
            *reply = *m;
            need(msg_reply(peer, reply) == 0);
        }
    }
}

static void all_ways(void) {
    pages = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                 -1, 0);
    need(pages != MAP_FAILED);
    int box = mbox_create(NULL), back = mbox_create(NULL), right = 1;
    pid_t self = getpid(), pid;
    need(box >= 0 && back >= 0);
    CHILD (pid)
        partner_of_all_ways(self, box, back);
    struct msg *q = (void *)pages, *a = q + 1;
    for (int i = 0; i < ROUNDS; i++) {
        next_place(q, i);
        next_place(a, i + 1);
        a->body = (char *)a->body + 256;
        memset(q->body, i, 40);
        if (i % WAYS == 0) {
            need(mbox_send(box, q, 0, FOREVER) == 0);
            need(mbox_receive(back, a, 0, FOREVER) == pid);
        } else if (i % WAYS == 1) {
            need(msg_notify(pid, (uint32_t)i) == 0);
            need(msg_receive(pid, a, 0, FOREVER) == pid);
            right &= a->type == MSG_NOTIFICATION && a->bits == (uint32_t)i;
            continue;
        } else {
            need(msg_call(pid, q, a, FOREVER) == 0);
        }
        right &= a->length == 40 && memcmp(a->body, q->body, 40) == 0;
    }
    is_exit(wait_for(pid), 0, "one struct msg for every way");
    ok(right, "with bodies that move");
    close(box);
    close(back);
}

/* An address that can be none does not pass for the one that was tried before. */
static void no_address(void) {
    struct msg m = { 0 };
    pid_t self = getpid(), pid;
    CHILD (pid) {
        for (int i = 0; i < 3; i++)
            need(msg_reply_receive(0, (void *)-1, &m, FOREVER) == self && !m.caller);
        need(error_of(msg_reply_receive(self, (void *)-1, &m, FOREVER)) == EFAULT);
        need(error_of(msg_reply_receive(0, &m, (void *)-1, FOREVER)) == EFAULT);
        need(error_of(msg_reply_receive(0, &m, (void *)-1, FOREVER)) == EFAULT);
    }
    for (int i = 0; i < 3; i++)
        need(msg_send(pid, &m, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0, "a reply and a message at 0xffffffff");
}

int main(void) {
    all_ways();
    no_address();
    return done_testing();
}

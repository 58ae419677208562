/* mailbox.h - for tests of mailboxes: messages in one line, and waiting for waiters.
 *
 *     int box = make_box(4, MBOX_REJECT);         without a name
 *     works(mbox_send(box, TEXT("hello"), 0, NOWAIT), "...");
 *     is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(), "...");
 *     ok(got_text("hello"), "...");               what NEXT received: `got`, `body`
 *
 * Every call under test stands in the test itself; nothing here sends or receives.
 */
#pragma once

#include "native.h"

/* Messages to send. */
#define BYTES(from, size)                                                              \
    (&(struct msg){ .body = (void *)(uintptr_t)(from), .length = (size) })
#define TEXT(string) BYTES(string, (uint32_t)strlen(string))
#define EMPTY BYTES(NULL, 0)
#define TYPED(string, kind)                                                            \
    (&(struct msg){ .body = (void *)(uintptr_t)(string),                               \
                    .length = (uint32_t)strlen(string), .type = (kind) })
#define URGENT(string, level)                                                          \
    (&(struct msg){ .body = (void *)(uintptr_t)(string),                               \
                    .length = (uint32_t)strlen(string), .priority = (level) })

/* The last received message, and its bytes. */
static struct msg got;
static char body[MSG_MAX + 1];

/* A header to receive into, with whatever stood there before. */
static TAP_UNUSED struct msg *next_message(uint32_t room) {
    memset(&got, 0xa5, sizeof got);
    memset(body, 0x5a, sizeof body < room + 1 ? sizeof body : room + 1);
    got.room = room;
    got.body = body;
    got.fds = NULL;
    return &got;
}

#define NEXT next_message(256)
#define NEXT_OF(room) next_message(room)

/* What was received is exactly this, and nothing was written behind it. */
static int TAP_UNUSED got_text(const char *text) {
    size_t length = strlen(text);
    if (got.length == length && memcmp(body, text, length) == 0 && body[length] == 0x5a)
        return 1;
    note("got %u bytes: %.*s", got.length, (int)(got.length > 80 ? 80 : got.length),
         body);
    return 0;
}

#define ATTR(...) (&(struct mbox_attr){ __VA_ARGS__ })

static int TAP_UNUSED make_box(uint32_t capacity, uint32_t overflow) {
    int box = mbox_create(ATTR(.capacity = capacity, .overflow = overflow));
    need(box >= 0);
    return box;
}

/* A new mailbox with a name: with that, nobody ever hangs up on the other side. */
static int TAP_UNUSED named_box(const char *name, const struct mbox_attr *attr) {
    int box = mbox_open(name, O_RDWR | O_CREAT | O_EXCL, 0666, attr);
    need(box >= 0);
    return box;
}

static struct mbox_stat TAP_UNUSED look(int box) {
    struct mbox_stat st;
    need(mbox_stat(box, &st) == 0);
    return st;
}

/* Yield until that many wait at the mailbox: who waits has really gone to sleep. */
static void TAP_UNUSED until_receiving(int box, unsigned waiting) {
    while (look(box).waiting_receivers != waiting)
        sched_yield();
}

static void TAP_UNUSED until_sending(int box, unsigned waiting) {
    while (look(box).waiting_senders != waiting)
        sched_yield();
}

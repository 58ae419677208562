/* arguments.c - which argument of a failed call is wrong, for EINVAL, EFAULT and EBADF.
 *
 * The kernel says only that one is; here they are judged again, in its order.
 */
#include "explain.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* -- EINVAL ------------------------------------------------------------------------ */

static void judge_call(struct line *line, const struct about *a) {
    int unknown = a->flags & ~a->shape->known_flags;

    if (a->timeout_ms < FOREVER)
        parley_add(line, "timeout_ms is %d; it is FOREVER (-1), NOWAIT (0) or above",
                   a->timeout_ms);
    else if (unknown)
        parley_add(line, "flags has 0x%x, which %s does not know", (unsigned)unknown,
                   a->shape->name);
    else if (a->shape->partner && a->partner <= 0 && a->partner != MSG_ANY)
        parley_add(line, "%d is no process's id", a->partner);
    else if (a->call == CALL(MSG_ACCEPT))
        parley_add(line, "who is %ld; it is MSG_SAME_USER (0) or MSG_ANYONE (1)",
                   a->failure.argument[0]);
}

static void judge_message(struct line *line, const struct about *a) {
    const struct msg *m = &a->sent;

    if (!a->has_sent) return;
    if (m->priority > 31)
        parley_add(line, "the message's priority is %u, and 31 is the highest",
                   m->priority);
    else if (m->type == MSG_NOTIFICATION)
        parley_add(line, "the message's type is MSG_NOTIFICATION, the kernel's own");
    else if (m->nfds > MSG_FDS_MAX)
        parley_add(line, "nfds is %u, and a message takes at most 4 descriptors",
                   m->nfds);
}

/* MSG_SYNC and MSG_MOVE, where they cannot be done. */
static void judge_flags(struct line *line, const struct about *a) {
    const struct msg *m = a->has_sent ? &a->sent : &a->received;
    bool broadcast = a->has_mailbox && a->mailbox.attr.receivers == MBOX_BROADCAST;

    if (broadcast && a->flags & MSG_SYNC)
        parley_add(line, "MSG_SYNC cannot wait for the many readers of a broadcast");
    else if (broadcast && a->flags & MSG_MOVE)
        parley_add(line, "MSG_MOVE cannot move pages to the many readers of a "
                         "broadcast");
    else if (!(a->flags & MSG_MOVE))
        return;
    else if ((uintptr_t)m->body & 4095 || (a->has_sent && m->length & 4095))
        parley_add(line, "MSG_MOVE moves whole pages, and the body is at %p, %u bytes",
                   m->body, a->has_sent ? m->length : m->room);
    else if (a->has_sent)
        parley_add(line,
                   "MSG_MOVE moves private anonymous memory, and that at %p is "
                   "something else",
                   m->body);
}

static bool judge_capacity(struct line *line, uint32_t capacity) {
    if (capacity <= 65535 || capacity >= CAPACITY_ZERO) return true;
    parley_add(line, "capacity is %u; it is 1 to 65535, or CAPACITY_...", capacity);
    return false;
}

static void judge_mailbox(struct line *line, const struct about *a) {
    const struct mbox_attr *attr = &a->mbox_attr;
    bool ring = attr->receivers == MBOX_BROADCAST;

    if (!a->has_mbox_attr || !judge_capacity(line, attr->capacity)) return;
    if (attr->overflow > MBOX_DROP_NEWEST)
        parley_add(line, "overflow is %u; MBOX_BLOCK ... MBOX_DROP_NEWEST are 0 to 3",
                   attr->overflow);
    else if (attr->receivers > MBOX_BROADCAST)
        parley_add(line, "receivers is %u; MBOX_SHARED ... MBOX_BROADCAST are 0 to 2",
                   attr->receivers);
    else if (ring && attr->overflow != MBOX_DROP_OLDEST && attr->overflow != MBOX_BLOCK)
        parley_add(line, "MBOX_BROADCAST goes with MBOX_DROP_OLDEST only");
    else if (ring && attr->capacity >= CAPACITY_ZERO)
        parley_add(line, "MBOX_BROADCAST is a ring: its capacity is 1 to 65535");
    else if (attr->overflow >= MBOX_DROP_OLDEST && attr->capacity == CAPACITY_ZERO)
        parley_add(line, "with CAPACITY_ZERO there is nothing to drop");
    else if (attr->max_length > 64 << 20)
        parley_add(line, "max_length is %u, and nothing is longer than 64 MiB",
                   attr->max_length);
}

static void judge_link(struct line *line, const struct about *a) {
    if (a->has_link_attr && judge_capacity(line, a->link_attr.capacity)
        && a->link_attr.refuse > 1)
        parley_add(line, "refuse is %u; it is 0 or 1", a->link_attr.refuse);
}

static void judge_name(struct line *line, const struct about *a) {
    long oflag = a->call == CALL(MBOX_UNLINK) ? 0 : a->failure.argument[1];
    long known =
        O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_NONBLOCK | O_CLOEXEC | O_LARGEFILE;

    if (!a->shape->text) return;
    if (a->name[0] == '\0')
        parley_add(line, "the name is empty");
    else if (strchr(a->name, '/'))
        parley_add(line, "the name %s has a slash; \"printer\" is /mbox/printer",
                   a->name);
    else if (!strcmp(a->name, ".") || !strcmp(a->name, ".."))
        parley_add(line, "%s is no name of a mailbox", a->name);
    else if (a->call == CALL(MBOX_LOOKUP) && oflag & (O_CREAT | O_EXCL))
        parley_add(line, "mbox_lookup makes no mailbox: no O_CREAT, no O_EXCL");
    else if ((oflag & O_ACCMODE) == O_ACCMODE)
        parley_add(line, "oflag is none of O_RDONLY, O_WRONLY and O_RDWR");
    else if (oflag & ~known)
        parley_add(line, "oflag has 0x%x, which %s does not know",
                   (unsigned)(oflag & ~known), a->shape->name);
}

void parley_judge(struct line *line, const struct about *a) {
    static void (*const judges[])(struct line *, const struct about *) = {
        judge_call, judge_message, judge_flags, judge_name, judge_mailbox, judge_link,
    };
    size_t before = line->length;

    for (size_t i = 0; i < sizeof judges / sizeof judges[0]; i++)
        if (line->length == before) judges[i](line, a);
}

/* -- EFAULT ------------------------------------------------------------------------ */

/* Says so and gives true when that is the address that is bad. */
static bool judge_address(struct line *line, const char *what, const void *start,
                          size_t size) {
    if (parley_is_readable(start, size)) return false;
    parley_add(line, "%s, %zu bytes at %p, is not in memory that you may read", what,
               size, start);
    return true;
}

static bool judge_header(struct line *line, const char *what, const struct msg *m,
                         uint32_t length, uint32_t nfds) {
    char whose[40];

    snprintf(whose, sizeof whose, "the body of %s", what);
    if (judge_address(line, whose, m->body, length)) return true;
    snprintf(whose, sizeof whose, "fds of %s", what);
    return judge_address(line, whose, m->fds, nfds * sizeof(int));
}

void parley_judge_addresses(struct line *line, const struct about *a) {
    static const struct {
        size_t place;           /* of the argument's place in struct shape */
        size_t size;
        const char *what;
    } arguments[] = {
        { offsetof(struct shape, text), 1, "the name" },
        { offsetof(struct shape, sent), sizeof(struct msg), "the message" },
        { offsetof(struct shape, received), sizeof(struct msg), "the message" },
        { offsetof(struct shape, link_attr), sizeof(struct link_attr), "attr" },
        { offsetof(struct shape, mbox_attr), sizeof(struct mbox_attr), "attr" },
        { offsetof(struct shape, link_out), sizeof(struct link_stat), "out" },
        { offsetof(struct shape, mbox_out), sizeof(struct mbox_stat), "out" },
    };

    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++) {
        uint8_t place = ((const uint8_t *)a->shape)[arguments[i].place];
        if (place
            && judge_address(line, arguments[i].what,
                             (const void *)a->failure.argument[place - 1],
                             arguments[i].size))
            return;
    }
    if (a->has_sent
        && judge_header(line, "the message", &a->sent, a->sent.length, a->sent.nfds))
        return;
    if (a->has_received
        && judge_header(line, "the message", &a->received, a->received.room,
                        a->received.fds ? MSG_FDS_MAX : 0))
        return;
    parley_add(line, "the place for what %s writes may be read, but not written",
               a->shape->name);
}

/* -- EBADF ------------------------------------------------------------------------- */

void parley_judge_descriptors(struct line *line, const struct about *a) {
    const int *fds = a->sent.fds;

    for (uint32_t i = 0; a->has_sent && i < a->sent.nfds && i < MSG_FDS_MAX; i++)
        if (parley_is_readable(&fds[i], sizeof(int)) && fcntl(fds[i], F_GETFD) == -1) {
            parley_add(line, "fds[%u] is %d, which is no open descriptor", i, fds[i]);
            return;
        }
    parley_add(line, "one of the descriptors to pass is not open");
}

/* explain.c - msg_explain: a failure as one sentence about this very object.
 *
 * calls.c keeps the failed call's number and arguments and nothing else. All the rest
 * is found out here, afterwards: the state of the mailbox or link, names of processes,
 * the caller's own message. sentences.c has the words.
 *
 * Nothing that the caller passed is trusted: the kernel is asked whether a pointer can
 * be read before it is.
 */
#include "explain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -- The call ---------------------------------------------------------------------- */

#define SHAPE(call) [CALL_##call - CALL_MSG_SEND]

static const struct shape shapes[] = {
    SHAPE(MSG_SEND) = { "msg_send", .partner = 1, .sent = 2, .flags = 3, .timeout = 4,
                        .known_flags = MSG_SYNC | MSG_MOVE },
    SHAPE(MSG_RECEIVE) = { "msg_receive", .partner = 1, .received = 2, .flags = 3,
                           .timeout = 4, .known_flags = MSG_MOVE | MSG_TYPE },
    SHAPE(MSG_CALL) = { "msg_call", .partner = 1, .sent = 2, .received = 3,
                        .timeout = 4 },
    SHAPE(MSG_REPLY) = { "msg_reply", .caller = 1, .sent = 2 },
    SHAPE(MSG_REPLY_RECEIVE) = { "msg_reply_receive", .caller = 1, .sent = 2,
                                 .received = 3, .timeout = 4 },
    SHAPE(MSG_FORWARD) = { "msg_forward", .caller = 1, .partner = 2, .sent = 3,
                           .timeout = 4 },
    SHAPE(MSG_ACCEPT) = { .name = "msg_accept" },
    SHAPE(MSG_FD) = { .name = "msg_fd" },
    SHAPE(MSG_NOTIFY) = { "msg_notify", .partner = 1 },
    SHAPE(LINK_OPEN) = { "link_open", .partner = 1, .link_attr = 2 },
    SHAPE(LINK_CLOSE) = { "link_close", .partner = 1 },
    SHAPE(LINK_STAT) = { "link_stat", .partner = 1, .link_out = 2 },
    SHAPE(MBOX_OPEN) = { "mbox_open", .text = 1, .mbox_attr = 4 },
    SHAPE(MBOX_LOOKUP) = { "mbox_lookup", .text = 1, .timeout = 3 },
    SHAPE(MBOX_CREATE) = { "mbox_create", .mbox_attr = 1 },
    SHAPE(MBOX_SEND) = { "mbox_send", .fd = 1, .sent = 2, .flags = 3, .timeout = 4,
                         .known_flags = MSG_SYNC | MSG_MOVE },
    SHAPE(MBOX_RECEIVE) = { "mbox_receive", .fd = 1, .received = 2, .flags = 3,
                            .timeout = 4, .known_flags = MSG_MOVE | MSG_TYPE },
    SHAPE(MBOX_STAT) = { "mbox_stat", .fd = 1, .mbox_out = 2 },
    SHAPE(MBOX_DESTROY) = { "mbox_destroy", .fd = 1 },
    SHAPE(MBOX_UNLINK) = { "mbox_unlink", .text = 1 },
};

static long argument(const struct about *a, unsigned place, long none) {
    return place ? a->failure.argument[place - 1] : none;
}

/* Can the page be read? rt_sigprocmask looks at the set before it looks at what to do
 * with it, and what it is told to do here it refuses. */
static bool page_is_readable(uintptr_t address) {
    return address > 4095       // NULL would mean: no set
           && (syscall(SYS_rt_sigprocmask, -1, address & ~4095ul, NULL, 8) == 0
               || errno != EFAULT);
}

bool parley_is_readable(const void *start, size_t size) {
    uintptr_t at = (uintptr_t)start, end = at + size;

    if (end < at) return false;
    for (; at < end; at = (at | 4095) + 1)
        if (!page_is_readable(at)) return false;
    return true;
}

/* Copies what an argument points to. False: there is no such argument, it is NULL, or
 * it leads nowhere. */
static bool copy_argument(const struct about *a, unsigned place, void *to,
                          size_t size) {
    const void *from = (const void *)argument(a, place, 0);

    if (!from || !parley_is_readable(from, size)) return false;
    memcpy(to, from, size);
    return true;
}

static void copy_name(struct about *a) {
    const char *from = (const char *)argument(a, a->shape->text, 0);

    for (size_t i = 0; from && i < sizeof a->name - 1; i++)
        if (!parley_is_readable(from + i, 1) || !(a->name[i] = from[i])) return;
}

static void gather(struct about *a) {
    const struct shape *shape = &shapes[a->failure.number - CALL_MSG_SEND];
    struct failure kept = a->failure;

    a->shape = shape;
    a->call = 1u << (kept.number - CALL_MSG_SEND);
    a->partner = (pid_t)argument(a, shape->partner, 0);
    a->caller = (pid_t)argument(a, shape->caller, 0);
    a->fd = (int)argument(a, shape->fd, -1);
    a->flags = (int)argument(a, shape->flags, 0);
    a->timeout_ms = (int)argument(a, shape->timeout, FOREVER);
    a->has_sent = copy_argument(a, shape->sent, &a->sent, sizeof a->sent);
    a->has_received =
        copy_argument(a, shape->received, &a->received, sizeof a->received);
    a->has_link_attr =
        copy_argument(a, shape->link_attr, &a->link_attr, sizeof a->link_attr);
    a->has_mbox_attr =
        copy_argument(a, shape->mbox_attr, &a->mbox_attr, sizeof a->mbox_attr);
    copy_name(a);
    a->has_link = a->partner > 0 && link_stat(a->partner, &a->link) == 0;
    a->has_mailbox = a->fd >= 0 && mbox_stat(a->fd, &a->mailbox) == 0;
    parley_last_failure = kept;     // those two may have failed as well
}

/* -- The sentence ------------------------------------------------------------------ */

void parley_add(struct line *line, const char *format, ...) {
    size_t room = sizeof line->text - line->length;
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line->text + line->length, room, format, arguments);
    va_end(arguments);
    line->length += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

static const char *error_name(int error) {
    static const struct {
        int error;
        const char *name;
    } names[] = {
        { EACCES, "EACCES" }, { EAGAIN, "EAGAIN" },
        { EBADF, "EBADF" }, { EBUSY, "EBUSY" }, { ECANCELED, "ECANCELED" },
        { EDEADLK, "EDEADLK" }, { EDQUOT, "EDQUOT" }, { EEXIST, "EEXIST" },
        { EFAULT, "EFAULT" }, { EIDRM, "EIDRM" }, { EINTR, "EINTR" },
        { EINVAL, "EINVAL" }, { EMFILE, "EMFILE" }, { EMSGSIZE, "EMSGSIZE" },
        { ENAMETOOLONG, "ENAMETOOLONG" }, { ENFILE, "ENFILE" },
        { ENOBUFS, "ENOBUFS" }, { ENOENT, "ENOENT" }, { ENOMEM, "ENOMEM" },
        { ENOSYS, "ENOSYS" }, { EPERM, "EPERM" }, { EPIPE, "EPIPE" },
        { ESRCH, "ESRCH" }, { ETIMEDOUT, "ETIMEDOUT" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].error == error) return names[i].name;
    return "an error";
}

/* The sentence's text, with its words filled in. */
static void add_text(struct line *line, const struct about *a, const char *text) {
    while (*text) {
        size_t plain = strcspn(text, "{");
        parley_add(line, "%.*s", (int)plain, text);
        text += plain;
        if (*text == '{') {
            size_t word = strcspn(text, "}");
            parley_add_word(line, a, text + 1, word - 1);
            text += word + 1;
        }
    }
}

static void add_sentence(struct line *line, const struct about *a) {
    const struct sentence *s = parley_sentences;

    while (s->error
           && !(s->calls & a->call && s->error == a->failure.error
                && (!s->holds || s->holds(a))))
        s++;
    if (s->error)
        add_text(line, a, s->text);
    else
        parley_add(line, "%s failed: %s", a->shape->name, strerror(a->failure.error));
}

void msg_explain(const char *what) {
    int saved = errno;
    struct about about = { .failure = parley_last_failure };
    struct line line = { .length = 0 };

    if (what && *what) parley_add(&line, "%.200s: ", what);
    if (about.failure.error) {
        gather(&about);
        parley_add(&line, "%s, ", error_name(about.failure.error));
        add_sentence(&line, &about);
    } else {
        parley_add(&line, "no call has failed");
    }
    fprintf(stderr, "%s\n", line.text);
    errno = saved;
}

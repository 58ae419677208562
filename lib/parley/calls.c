/* calls.c - the system calls behind parley.h, one line each.
 *
 * None has more than four arguments.
 */
#include "parley.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"
#include "numbers.h"
#include "parley_in_place.h"

__thread struct failure parley_last_failure;

/* Keeps what msg_explain will want; only a failure pays for that. */
__attribute__((cold)) long parley_failed(long result, long number, long a, long b,
                                         long c, long d) {
    parley_last_failure = (struct failure){ (int)-result, number, { a, b, c, d } };
    errno = (int)-result;
    return -1;
}

int msg_send(pid_t to, const struct msg *m, int flags, int timeout_ms) {
    return (int)parley_call(CALL_MSG_SEND, to, (long)m, flags, timeout_ms);
}

pid_t msg_receive(pid_t from, struct msg *m, int flags, int timeout_ms) {
    return (pid_t)parley_call(CALL_MSG_RECEIVE, from, (long)m, flags, timeout_ms);
}

int msg_call(pid_t to, const struct msg *request, struct msg *reply, int timeout_ms) {
    return (int)parley_call(CALL_MSG_CALL, to, (long)request, (long)reply, timeout_ms);
}

int msg_reply(pid_t caller, const struct msg *m) {
    return (int)parley_call(CALL_MSG_REPLY, caller, (long)m, 0, 0);
}

pid_t msg_reply_receive(pid_t caller, const struct msg *reply, struct msg *next,
                        int timeout_ms) {
    return (pid_t)parley_call(CALL_MSG_REPLY_RECEIVE, caller, (long)reply, (long)next,
                              timeout_ms);
}

int msg_forward(pid_t caller, pid_t to, const struct msg *m, int timeout_ms) {
    return (int)parley_call(CALL_MSG_FORWARD, caller, to, (long)m, timeout_ms);
}

int msg_accept(int who) { return (int)parley_call(CALL_MSG_ACCEPT, who, 0, 0, 0); }

int msg_fd(void) { return (int)parley_call(CALL_MSG_FD, 0, 0, 0, 0); }

int msg_notify(pid_t to, uint32_t bits) {
    return (int)parley_call(CALL_MSG_NOTIFY, to, (long)bits, 0, 0);
}

int link_open(pid_t peer, const struct link_attr *attr) {
    return (int)parley_call(CALL_LINK_OPEN, peer, (long)attr, 0, 0);
}

int link_close(pid_t peer) { return (int)parley_call(CALL_LINK_CLOSE, peer, 0, 0, 0); }

int link_stat(pid_t peer, struct link_stat *out) {
    return (int)parley_call(CALL_LINK_STAT, peer, (long)out, 0, 0);
}

int mbox_open(const char *name, int oflag, ...) {
    mode_t mode = 0;
    const struct mbox_attr *attr = NULL;

    if (oflag & O_CREAT) {
        va_list arguments;
        va_start(arguments, oflag);
        mode = va_arg(arguments, mode_t);
        attr = va_arg(arguments, const struct mbox_attr *);
        va_end(arguments);
    }
    return (int)parley_call(CALL_MBOX_OPEN, (long)name, oflag, (long)mode, (long)attr);
}

int mbox_lookup(const char *name, int oflag, int timeout_ms) {
    return (int)parley_call(CALL_MBOX_LOOKUP, (long)name, oflag, timeout_ms, 0);
}

int mbox_create(const struct mbox_attr *attr) {
    return (int)parley_call(CALL_MBOX_CREATE, (long)attr, 0, 0, 0);
}

int mbox_send(int mbox, const struct msg *m, int flags, int timeout_ms) {
    return (int)parley_call(CALL_MBOX_SEND, mbox, (long)m, flags, timeout_ms);
}

pid_t mbox_receive(int mbox, struct msg *m, int flags, int timeout_ms) {
    return (pid_t)parley_call(CALL_MBOX_RECEIVE, mbox, (long)m, flags, timeout_ms);
}

int mbox_stat(int mbox, struct mbox_stat *out) {
    return (int)parley_call(CALL_MBOX_STAT, mbox, (long)out, 0, 0);
}

int mbox_destroy(int mbox) {
    return (int)parley_call(CALL_MBOX_DESTROY, mbox, 0, 0, 0);
}

/* A name is a file, so its removal is unlink(2). */
int mbox_unlink(const char *name) {
    char path[sizeof("/mbox/") + NAME_MAX];
    int error = 0;

    if (access(name, F_OK) == -1 && errno == EFAULT)
        error = EFAULT;         // the kernel looks at the pointer first
    else if (*name == '\0' || strchr(name, '/') || strcmp(name, ".") == 0
             || strcmp(name, "..") == 0)
        error = EINVAL;
    else if (strlen(name) > NAME_MAX)
        error = ENAMETOOLONG;
    else if (unlink(strcat(strcpy(path, "/mbox/"), name)) == -1)
        error = errno;
    return error ? (int)parley_failed(-error, CALL_MBOX_UNLINK, (long)name, 0, 0, 0)
                 : 0;
}

/* numbers.h - Parley's own system calls; the same numbers as in kernel/syscall.def. */
#pragma once

enum {
    CALL_MSG_SEND = 1024, CALL_MSG_RECEIVE, CALL_MSG_CALL, CALL_MSG_REPLY,
    CALL_MSG_REPLY_RECEIVE, CALL_MSG_FORWARD, CALL_MSG_ACCEPT, CALL_MSG_FD,
    CALL_MSG_NOTIFY, CALL_LINK_OPEN, CALL_LINK_CLOSE, CALL_LINK_STAT,
    CALL_MBOX_OPEN, CALL_MBOX_LOOKUP, CALL_MBOX_CREATE, CALL_MBOX_SEND,
    CALL_MBOX_RECEIVE, CALL_MBOX_STAT, CALL_MBOX_DESTROY,
    CALL_MBOX_UNLINK            /* no call of the kernel: unlink(2) does it */
};

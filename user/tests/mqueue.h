/* mqueue.h - for tests of POSIX message queues: a name of our own, and text messages.
 *
 *     mqd_t q = queue_open(O_RDWR | O_CREAT, 4, 16);     4 messages of 16 bytes
 *     is_int(queue_send(q, "hello", 3), 0, "...");       priority 3
 *     is_text(queue_receive(q), "3:hello", "...");
 *     queue_close(q);                                    and the name goes, too
 */
#pragma once

#include "scratch.h"

#include <mqueue.h>

static char queue_name[40] = "";

/* A name that no other test has. */
static TAP_UNUSED const char *own_name(void) {
    if (!queue_name[0])
        snprintf(queue_name, sizeof queue_name, "/test.%d", (int)getpid());
    return queue_name;
}

static mqd_t TAP_UNUSED queue_open(int flags, long messages, long size) {
    struct mq_attr attr = { .mq_maxmsg = messages, .mq_msgsize = size };
    mqd_t queue = mq_open(own_name(), flags, 0600, messages ? &attr : NULL);
    need(queue != -1);
    return queue;
}

static int TAP_UNUSED queue_send(mqd_t queue, const char *text, unsigned priority) {
    return mq_send(queue, text, strlen(text), priority);
}

/* What mq_receive gives, as "priority:text"; what errno says if it fails. */
static TAP_UNUSED const char *queue_receive(mqd_t queue) {
    static char result[9000], text[8192];
    unsigned priority = 99999;
    ssize_t n = mq_receive(queue, text, sizeof text, &priority);
    if (n < 0)
        return strerror(errno);
    snprintf(result, sizeof result, "%u:%.*s", priority, (int)n, text);
    return result;
}

static struct mq_attr TAP_UNUSED queue_attr(mqd_t queue) {
    struct mq_attr attr;
    need(mq_getattr(queue, &attr) == 0);
    return attr;
}

static void TAP_UNUSED queue_close(mqd_t queue) {
    need(mq_close(queue) == 0 && mq_unlink(own_name()) == 0);
}

/* native.h - for tests of the native interface: headers filled in, and knowing when
 * the other one waits. Nothing here makes the call that a test is about.
 *
 *     struct msg m = text_msg("hello");        to send
 *     struct msg r = room_msg(buf, sizeof buf);   to receive into
 *     CHILD (pid)
 *         _exit(error_of(msg_send(getppid(), &m, 0, FOREVER)));
 *     until_senders(pid, 1);                   the child waits to send to us
 *     is_int(msg_receive(pid, &r, 0, FOREVER), pid, "...");
 *     ok(has_body(&r, "hello"), "...");
 *     is_exit(wait_for(pid), 0, "...");        or is_exit(..., EPIPE, "...")
 */
#pragma once

#include "tap.h"

#include <parley.h>
#include <sys/mman.h>

/* 0, or the errno of a call that gives -1: to be a child's exit status. */
#define error_of(call) ((call) == -1 ? errno : 0)

/* A header that sends this text, without its final 0. */
static struct msg TAP_UNUSED text_msg(const char *text) {
    return (struct msg){ .body = (void *)(uintptr_t)text,
                         .length = (uint32_t)strlen(text) };
}

/* A header that receives into `room` bytes. */
static struct msg TAP_UNUSED room_msg(void *body, size_t room) {
    return (struct msg){ .body = body, .room = (uint32_t)room };
}

/* The message received has exactly this text. */
static int TAP_UNUSED has_body(const struct msg *m, const char *text) {
    return m->length == strlen(text) && memcmp(m->body, text, m->length) == 0;
}

/* The state of the link with this process, all 0 if there is none. */
static struct link_stat TAP_UNUSED link_of(pid_t peer) {
    struct link_stat stat = { 0 };
    need(link_stat(peer, &stat) == 0 || errno == ENOENT || errno == ESRCH);
    return stat;
}

/* The capacity of what we receive from this process. */
static void TAP_UNUSED set_capacity(pid_t peer, uint32_t capacity) {
    struct link_attr attr = { .capacity = capacity };
    need(link_open(peer, &attr) == 0);
}

/* Yields until so many threads of the process wait to send to us ... */
static void TAP_UNUSED until_senders(pid_t peer, unsigned count) {
    while (link_of(peer).in.waiting_senders != count)
        sched_yield();
}

/* ... until so many wait to receive from us by our number ... */
static void TAP_UNUSED until_receivers(pid_t peer, unsigned count) {
    while (link_of(peer).out.waiting_receivers != count)
        sched_yield();
}

/* ... until so many of its messages to us are in the queue. */
static void TAP_UNUSED until_queued(pid_t peer, unsigned count) {
    while (link_of(peer).in.queued != count)
        sched_yield();
}

/* Sends the child a signal whenever it sleeps, until it has ended: for what a signal
 * has to hit during a call. Gives its wait status. */
static int TAP_UNUSED signal_to_the_end(pid_t pid, int sig) {
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        until_asleep(pid);
        kill(pid, sig);
        sched_yield();
    }
    return status;
}

/* Memory, all 0, that the children made from now on share with us. */
static TAP_UNUSED void *shared_memory(size_t size) {
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(memory != MAP_FAILED);
    return memory;
}

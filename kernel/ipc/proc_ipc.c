/* proc_ipc.c - /proc/ipc: mailboxes, limits, and who waits for what.
 *
 * Lines of words, one line an object; `-`: nothing to say.
 *
 *      mailboxes   mailbox:[id] name owner group mode capacity overflow receivers
 *                  queued bytes accepted received dropped senders=pid,pid
 *                  receivers=pid,pid               a POSIX queue: mq:[id]
 *      limits      uid messages used limit bytes used limit mailboxes used limit
 *      waits       tid pid name waited_ms "kind" object pids left_ms sleep
 *                  7 7 sh 3102 "child to end" child 9,10 - 57
 *                  9 9 cat 12 "pipe with something to read" pipe:[4] - - 3
 *
 * waits has a line for each queue that a sleeping thread is on. pids: who is known to
 * be able to end it; left_ms: until the time-out; sleep: which of the thread's sleeps
 * it is. Senders and receivers are those who wait. The other files of /proc/ipc are
 * made where their objects are.
 * Sleeps: never.
 * Tests: user/tests/native_proc_ipc.c
 */
#include "fs/procfs.h"
#include "ipc/mailbox.h"

static void text_capacity(struct text *text, uint32_t capacity) {
    text_printf(text, capacity == CAPACITY_UNLIMITED ? " unbounded" : " %u", capacity);
}

static void show_mailboxes(struct text *text) {
    static const char *const overflows[] = { "block", "reject", "drop-oldest",
                                             "drop-newest" };
    static const char *const takers[] = { "shared", "exclusive", "broadcast" };
    const struct mailbox *mb;

    list_for_each (mb, &all_mailboxes, node) {
        const struct message_channel *c = &mb->channel;
        const struct inode *inode = mb->inode;
        ssize_t length = inode->links ? path_of_inode(mb->inode) : 0;
        const char *name = path_buffer + PATH_MAX - 1;
        while (length > 0 && name[-1] != '/') name--;
        text_printf(text, "%s:[%u]", mb->kind->name, mb->id);
        text_word(text, length > 0 ? name : "");
        text_printf(text, " %u %u %04o", inode->uid, inode->gid, inode->mode & 07777);
        text_capacity(text, c->capacity);
        text_printf(text, " %s %s %u %u %llu %llu %llu", overflows[c->overflow],
                    takers[mb->attributes.receivers], c->queued, c->bytes, c->sequence,
                    c->received, c->dropped);
        text_waiters(text, "senders", &mb->queue.senders, NULL, NULL);
        text_waiters(text, "receivers", &mb->queue.receivers, NULL, NULL);
        text_add(text, "\n", 1);
    }
}

static void show_limits(struct text *text) {
    static const char *const names[ACCOUNT_KINDS] = {
        [ACCOUNT_MESSAGES] = "messages", [ACCOUNT_MESSAGE_BYTES] = "bytes",
        [ACCOUNT_MAILBOXES] = "mailboxes"
    };

    for (const struct account *a = accounts; a < accounts + ACCOUNTS_MAX; a++) {
        if (!account_is_used(a)) continue;
        text_printf(text, "%u", a->uid);
        for (unsigned i = 0; i < ACCOUNT_KINDS; i++) {
            if (!names[i]) continue;
            text_printf(text, " %s %u", names[i], a->used[i]);
            text_capacity(text, a->limit[i]);
        }
        text_add(text, "\n", 1);
    }
}

/* -- Waits ------------------------------------------------------------------------- */

/* waiter NULL: it waits for its time-out or a signal only. */
static void show_wait(struct text *text, const struct thread *t,
                      const struct waiter *waiter) {
    const struct timer *timer = &t->wait_timer;
    nanoseconds_t slept = tsc_to_nanoseconds(timestamp_counter() - t->switched);
    nanoseconds_t now = time_now(), left = max(timer->deadline, now) - now;
    char about[128] = "- -";

    if (waiter) waiter_describe(waiter, about, sizeof(about));
    text_printf(text, "%d %d", t->tid, t->process->pid);
    text_word(text, t->name);
    text_printf(text, " %llu \"%s\" %s", divide_u64(slept, MILLISECOND, NULL),
                waiter ? waiter->queue->class->name : "time to pass", about);
    text_printf(text, timer->armed ? " %llu" : " -",
                divide_u64(left, MILLISECOND, NULL));
    text_printf(text, " %u\n", t->switches_voluntary);
}

static void show_waits(struct text *text) {
    const struct thread *t;

    list_for_each (t, &all_threads, all_node) {
        if (t->state != THREAD_BLOCKED) continue;
        for (unsigned i = 0; i < t->nr_waiters; i++) show_wait(text, t, &t->waiters[i]);
        if (t->nr_waiters == 0) show_wait(text, t, NULL);
    }
}

static const struct proc_entry entries[] PROC_TABLE = {
    { .name = "ipc/mailboxes", .show = show_mailboxes },
    { .name = "ipc/limits", .show = show_limits },
    { .name = "ipc/waits", .show = show_waits },
};

/* proc_ipc.c - /proc/ipc/waits: who waits for what, for how long, and who could end it.
 *
 * One line for each queue that a sleeping thread is on:
 *
 *      tid pid name waited_ms "kind" object pids left_ms
 *      7 7 sh 3102 "child to end" child 9,10 -
 *      9 9 cat 12 "pipe with something to read" pipe:[4] - -
 *
 * pids: who is known to be able to end it; left_ms: until the time-out. `-`: nothing to
 * say. The other files of /proc/ipc are made where their objects are.
 * Sleeps: never.
 * Tests: user/tests/native_proc_ipc.c
 */
#include "ipc/proc_ipc.h"

#include "arch/x86/timer_device.h"
#include "sched/process.h"

void text_word(struct text *text, const char *name)
{
    text_printf(text, *name ? " " : " -");
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        text_printf(text, c <= ' ' || c == '\\' || c == 127 ? "\\%03o" : "%c", c);
    }
}

void text_waiters(struct text *text, const char *label, const struct wait_queue *queue)
{
    const struct waiter *waiter;
    const char *before = "=";

    text_printf(text, " %s", label);
    list_for_each (waiter, &queue->waiters, node) {
        if (waiter->shared)
            continue;
        text_printf(text, "%s%d", before, waiter->thread->process->pid);
        before = ",";
    }
    text_printf(text, *before == '=' ? "=-" : "");
}

static uint64_t milliseconds(nanoseconds_t time)
{
    return divide_u64(time, (uint32_t)MILLISECOND, NULL);
}

/* waiter NULL: it waits for its time-out or a signal only. */
static void show_wait(struct text *text, const struct thread *t,
                      const struct waiter *waiter)
{
    const struct timer *timer = &t->wait_timer;
    uint64_t since = waiter ? waiter->since : t->switched_in;
    nanoseconds_t now = time_now();
    char about[128] = "- -";

    if (waiter)
        waiter_describe(waiter, about, sizeof(about));
    text_printf(text, "%d %d", t->tid, t->process->pid);
    text_word(text, t->name);
    text_printf(text, " %llu \"%s\" %s ",
                milliseconds(tsc_to_nanoseconds(timestamp_counter() - since)),
                waiter ? waiter->queue->class->name : "time to pass", about);
    if (timer->armed)
        text_printf(text, "%llu\n",
                    milliseconds(timer->node.key > now ? timer->node.key - now : 0));
    else
        text_printf(text, "-\n");
}

static void show_waits(struct text *text, struct process *process)
{
    const struct thread *t;

    (void)process;
    list_for_each (t, &all_threads, all_node) {
        if (t->state != THREAD_BLOCKED)
            continue;
        for (unsigned i = 0; i < t->nr_waiters; i++)
            show_wait(text, t, &t->waiters[i]);
        if (t->nr_waiters == 0)
            show_wait(text, t, NULL);
    }
}

void proc_ipc_init(void)
{
    static struct proc_entry entry = { .name = "ipc/waits", .show = show_waits };

    proc_entry_register(&entry);
}

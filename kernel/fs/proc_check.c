/* proc_check.c - what the kernel says about its own health: /proc/check, /proc/trace.
 *
 * /proc/check: `ok` or `bad: ...`, then the ledger, `name number` a line: all that has
 * been taken and must be given back. Two readings by the same program with nothing in
 * between are equal: the text has room for all before the first number is printed. What
 * is 0 is left out, and so are the heap's own frames, because the same objects may need
 * more or fewer of them.
 *
 * /proc/trace: the rings of core/trace.h, one event a line, oldest first:
 *      SEQUENCE CPU TIME TID EVENT A B C
 * EVENT is a system call's name, or one of core/trace.def in capitals. TIME (the low
 * word of the TSC) and A B C are hexadecimal.
 * Sleeps: never.
 */
#include "core/panic.h"
#include "core/trace.h"
#include "fs/procfs.h"
#include "mm/account.h"
#include "mm/frame_alloc.h"
#include "mm/heap.h"
#include "sched/process.h"

#define ROOM (4 * PAGE_SIZE)

static void show_line(struct text *text, const char *kind, const char *name,
                      uint32_t number) {
    if (name && number) text_printf(text, "%s-%s %u\n", kind, name, number);
}

static void show_accounts(struct text *text) {
    static const char *const kinds[ACCOUNT_KINDS] = {
        [ACCOUNT_HEAP] = "heap", [ACCOUNT_PROCESSES] = "processes",
        [ACCOUNT_FILES] = "files", [ACCOUNT_SIGNALS] = "signals",
        [ACCOUNT_MESSAGES] = "messages", [ACCOUNT_MESSAGE_BYTES] = "message-bytes",
        [ACCOUNT_MAILBOXES] = "mailboxes", [ACCOUNT_SYSV] = "sysv",
    };
    const struct account *account;

    list_for_each (account, &all_accounts, node) {
        char name[24];
        format(name, sizeof(name), "user-%u", account->uid);
        for (unsigned kind = 0; kind < ACCOUNT_KINDS; kind++)
            show_line(text, name, kinds[kind], account->used[kind]);
    }
}

static void show_ledger(struct text *text) {
    static const char *const uses[FRAME_USES] = {
        [FRAME_STACK] = "stacks", [FRAME_PAGE_TABLE] = "page-tables",
        [FRAME_USER] = "user", [FRAME_OBJECT] = "objects", [FRAME_BUFFER] = "buffers",
    };
    uint32_t frames = 0, bytes = 0;

    for (unsigned use = 0; use < FRAME_USES; use++)
        frames += uses[use] ? frames_used[use] : 0;
    for (unsigned type = 0; type < HEAP_TYPES; type++)
        bytes += heap_bytes[type];
    text_printf(text, "frames-used %u\nheap-bytes %u\nopen-files %u\n", frames, bytes,
                nr_open_files);
    text_printf(text, "threads %u\nprocesses %u\n", list_length(&all_threads),
                list_length(&all_processes));
    for (unsigned use = 0; use < FRAME_USES; use++)
        show_line(text, "frames", uses[use], frames_used[use]);
    for (unsigned type = 0; type < HEAP_TYPES; type++) {
        show_line(text, "objects", heap_type_names[type], heap_objects[type]);
        show_line(text, "bytes", heap_type_names[type], heap_bytes[type]);
    }
}

static void show_check(struct text *text) {
    char why[160] = "";

    if (!text_make_room(text, ROOM)) return;
    text_printf(text, kcheck(why, sizeof(why)) ? "ok\n" : "bad: %s\n", why);
    show_ledger(text);
    show_accounts(text);
}

static void show_trace(struct text *text) {
    const struct trace_event *e = NULL;
    char line[120];

    while ((e = trace_after(e))) {
        trace_format(e, line, sizeof(line));
        text_printf(text, "%llu %s\n", e->time, line);
    }
}

void proc_check_init(void) {
    static struct proc_entry entries[] = {
        { .name = "check", .show = show_check },
        { .name = "trace", .mode = S_IFREG | 0400, .show = show_trace },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
        proc_entry_register(&entries[i]);
}

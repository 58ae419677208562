/* native_msg_memory.c - a receiver's memory changes while it waits. The message goes
 * where its addresses lead when it comes, or the wait ends with EFAULT; it never goes
 * into a page that has become somebody else's. IPC(9.1): "a byte of kernel or foreign
 * memory in a message", IPC(1.7), IPC(2.12).
 */
#include "native.h"

#include <pthread.h>
#include <sys/syscall.h>

enum { PAGE = 4096, OTHERS = 200 };

static pid_t parent;

/* What happens to the page, in another thread of the waiting process. */
static void stays(char *page) { (void)page; }

static void is_unmapped(char *page) { need(munmap(page, PAGE) == 0); }

static void is_read_only(char *page) { need(mprotect(page, PAGE, PROT_READ) == 0); }

static void is_shut(char *page) { need(mprotect(page, PAGE, PROT_NONE) == 0); }

static char *map_page(char *at) {
    char *page = mmap(at, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
    need(page != MAP_FAILED);
    return page;
}

static char *others[OTHERS];                    /* who may get its frame */

/* Its frame is free, and others take all that they can. */
static void is_reused(char *page) {
    need(munmap(page, PAGE) == 0);
    for (int i = 0; i < OTHERS; i++) {
        others[i] = map_page(NULL);
        memset(others[i], 'o', PAGE);
    }
}

/* The same address, but another page with the same words in it. */
static void is_replaced(char *page) {
    static char copy[PAGE];
    memcpy(copy, page, PAGE);
    is_reused(page);
    memcpy(map_page(page), copy, PAGE);
}

static int fork_report[2];

/* A child shares it, copy on write, and looks at its own later. */
static void is_shared_by_fork(char *page) {
    pid_t pid;
    CHILD (pid) {
        char c, copy[PAGE];
        memcpy(copy, page, PAGE);
        close(fork_report[1]);
        need(read(fork_report[0], &c, 1) == 0);         // the message has come
        need(memcmp(copy, page, PAGE) == 0);
    }
}

/* Somebody else wrote to it before: it is not the page that it was. */
static void is_copied(char *page) {
    pid_t pid;
    CHILD (pid)
        page[PAGE - 1] = 'c';
    need(wait_for(pid) == 0);
    page[PAGE - 1] = 'p';
}

static const struct change {
    const char *name;
    void (*change)(char *page);
    int error;
} changes[] = {
    { "it stays", stays, 0 },
    { "it is unmapped", is_unmapped, EFAULT },
    { "it is made read-only", is_read_only, EFAULT },
    { "it is made inaccessible", is_shut, EFAULT },
    { "its frame goes to others", is_reused, EFAULT },
    { "it is replaced", is_replaced, 0 },
    { "it is shared by fork", is_shared_by_fork, 0 },
    { "it was copied on write", is_copied, 0 },
};
enum { CHANGES = sizeof changes / sizeof *changes };

/* One thread waits, with its header or its body in a page of its own. */
struct wait {
    struct msg *m;
    int calls;                                  /* else it receives */
    volatile int tid;
    int error;
};

static void *waits(void *argument) {
    struct wait *w = argument;
    struct msg q = text_msg("question");
    w->tid = (int)syscall(SYS_gettid);
    w->error = error_of(w->calls ? msg_call(parent, &q, w->m, FOREVER)
                                 : msg_receive(parent, w->m, 0, FOREVER));
    return NULL;
}

static void check(const struct change *change, struct wait *w, const char *body) {
    if (w->error != change->error)
        note("%s: got %s", change->name, strerror(w->error));
    need(w->error == change->error);
    if (w->error == 0)
        need(w->m->length == 7 && memcmp(body, "message", 7) == 0);
    for (int i = 0; i < OTHERS && others[i]; i++)
        for (int k = 0; k < PAGE; k++)
            need(others[i][k] == 'o');
}

/* The process whose thread waits: `where` tells what is in the page. */
enum where { BODY, HEADER };

static void waiting_process(const struct change *change, enum where where, int calls,
                            struct gate *changed) {
    static char place[64];
    static struct msg header;
    char *area = map_page(NULL), *page = map_page(area + PAGE);
    struct wait w = { .calls = calls };
    pthread_t thread;
    w.m = where == HEADER ? (struct msg *)(void *)page : &header;
    char *body = where == BODY ? page + 100 : place;
    *w.m = room_msg(body, 64);
    need(pipe(fork_report) == 0);
    need(pthread_create(&thread, NULL, waits, &w) == 0);
    while (w.tid == 0)
        sched_yield();
    until_asleep(w.tid);
    change->change(page);
    gate_open(changed);
    need(pthread_join(thread, NULL) == 0);
    close(fork_report[0]);
    close(fork_report[1]);
    check(change, &w, body);
    if (w.error && !calls) {                            // then the message stayed
        struct msg m = room_msg(place, sizeof place);
        need(msg_receive(parent, &m, 0, FOREVER) == parent && has_body(&m, "message"));
    }
    int status;
    while (wait(&status) > 0)
        need(status == 0);
}

static void try_all(enum where where, int calls, const char *how) {
    for (int i = 0; i < CHANGES; i++) {
        struct gate changed;
        struct msg message = text_msg("message");
        char text[64];
        pid_t pid;
        gate_init(&changed);
        CHILD (pid)
            waiting_process(&changes[i], where, calls, &changed);
        if (calls) {
            struct msg m = room_msg(text, sizeof text);
            need(msg_receive(pid, &m, 0, FOREVER) == pid);
        }
        gate_wait(&changed);
        need((calls ? msg_reply(pid, &message) : msg_send(pid, &message, 0, FOREVER))
             == 0);
        is_exit(wait_for(pid), 0, "%s: %s while one waits", how, changes[i].name);
        gate_close(&changed);
    }
}

/* A body over the end of what is there: nothing, or all of it. */
static void over_the_end(void) {
    pid_t pid;
    CHILD (pid) {
        char *area = map_page(NULL);
        char *page = map_page(area - 64 * PAGE), place[64];
        munmap(page + PAGE, PAGE);
        struct msg m = room_msg(page + PAGE - 3, 64);
        need(msg_receive(parent, &m, 0, FOREVER) == -1 && errno == EFAULT);
        m = room_msg(place, sizeof place);
        need(msg_receive(parent, &m, 0, FOREVER) == parent && has_body(&m, "message"));
    }
    struct msg message = text_msg("message");
    need(msg_send(pid, &message, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0, "a body over the end of a page: the message stays");
}

/* Pages that were only read are one page of zeros, for everybody. */
static void zeros(void) {
    pid_t pid;
    CHILD (pid) {
        volatile char *page = map_page(NULL), *other = map_page(NULL);
        need(page[0] == 0 && other[0] == 0);
        struct msg m = room_msg((void *)(uintptr_t)page, PAGE);
        need(msg_receive(parent, &m, 0, FOREVER) == parent && has_body(&m, "message"));
        need(other[0] == 0 && *(volatile char *)map_page(NULL) == 0);
        for (int i = 7; i < PAGE; i++)
            need(page[i] == 0);
    }
    struct msg message = text_msg("message");
    until_receivers(pid, 1);
    need(msg_send(pid, &message, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0,
            "a page that was only read before becomes the receiver's");
}

/* A thread changes header and body all the time: whatever is read, it is read once. */
static volatile int stop;

static void *flips(void *argument) {
    struct msg *m = argument;
    static char *const bodies[] = { NULL, (char *)0xc0100000, (char *)0xfffffff0 };
    for (unsigned i = 0; !stop; i++) {
        *(volatile uint32_t *)&m->length = i % 3 ? 8 : 0xfffffff0;
        *(char *volatile *)&m->body = i % 4 ? (char *)(m + 1) : bodies[i / 4 % 3];
        *(volatile uint32_t *)&m->priority = i % 5 ? 3 : 99;
        *(volatile uint32_t *)&m->room = i % 7 ? 64 : 0;
        *(volatile uint32_t *)&m->nfds = i % 2 ? 0 : 77;
        if (i % 61 == 0)
            sched_yield();
    }
    return NULL;
}

static void changed_meanwhile(void) {
    pid_t pid;
    CHILD (pid) {
        struct msg m = { 0 };
        char text[64];
        m = room_msg(text, sizeof text);
        while (msg_receive(parent, &m, 0, FOREVER) == parent && m.type != 1) {
            need(m.priority == 3 && m.length == 8 && m.nfds == 0);
            if (m.caller)
                need(msg_reply(m.caller, &m) == 0);
        }
    }
    pthread_t thread;
    struct msg *m = (struct msg *)(void *)map_page(NULL), end = { .type = 1 };
    int sent = 0;
    *m = (struct msg){ .priority = 3, .length = 8, .room = 64, .body = m + 1 };
    need(pthread_create(&thread, NULL, flips, m) == 0);
    for (int i = 0; i < 20000 && (sent < 1000 || i < 2 * sent); i++) {
        int result =
            i % 2 ? msg_send(pid, m, 0, FOREVER) : msg_call(pid, m, m, FOREVER);
        need(result == 0 || errno == EINVAL || errno == EMSGSIZE || errno == EFAULT);
        sent += result == 0;
        if (i % 7 == 0)
            sched_yield();
    }
    stop = 1;
    pthread_join(thread, NULL);
    note("%d were sent", sent);
    need(msg_send(pid, &end, 0, FOREVER) == 0);
    is_exit(wait_for(pid), 0, "a header that changes under the call is read once");
    munmap(m, PAGE);
}

int main(void) {
    parent = getpid();
    try_all(BODY, 0, "receive, body");
    try_all(HEADER, 0, "receive, header");
    try_all(BODY, 1, "call, body");
    try_all(HEADER, 1, "call, header");
    over_the_end();
    zeros();
    changed_meanwhile();
    return done_testing();
}

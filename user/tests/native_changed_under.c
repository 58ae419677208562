/* native_changed_under.c - memory that changes while its owner waits to receive there.
 * IPC(1.7): a message is handed to a waiting receiver directly; if that has a bad
 * address by then, it "ends with EFAULT and the same message goes to the next waiter at
 * once, or stays".
 * IPC(9.1): no byte of foreign memory changes, whatever the order of events.
 *
 * A thread waits with its body, or its header, on a page of its own. Another thread
 * changes what is at that address, and then a message comes: from this process, or from
 * another one. And a process sends from an address where something else was before.
 */
#include "mailbox.h"
#include "memory.h"

#include <pthread.h>

enum { NOTHING, UNMAPPED, READ_ONLY, REPLACED, FORKED, MOVED_AWAY, AND_BACK,
       DISCARDED, TRUNCATED, CHANGES };

static const struct {
    const char *what;
    int error;                          /* of the receiver */
} changes[CHANGES] = { { "nothing changes", 0 },
                       { "it is unmapped", EFAULT },
                       { "it becomes read-only", EFAULT },
                       { "other memory is mapped there", 0 },
                       { "it is shared with a child by fork", 0 },
                       { "it is moved away by MSG_MOVE", EFAULT },
                       { "it is protected, and is not again", 0 },
                       { "it is moved away, and comes back", 0 },
                       { "its file is cut short", EFAULT } };

static int box, side, file;             /* side: where pages go */
static char *page;                      /* what changes */
static struct msg *header;              /* of the receiver, on it or elsewhere */
static char *text;

struct outcome {
    pid_t from;
    int error;
};

static void *receive_there(void *result) {
    struct outcome *o = result;
    o->from = mbox_receive(box, header, 0, FOREVER);
    o->error = o->from == -1 ? errno : 0;
    return NULL;
}

static void take_back(void *place) {
    struct msg m = { .body = place, .room = PAGE };
    need(mbox_receive(side, &m, MSG_MOVE, NOWAIT) == getpid());
}

static void change(int how) {
    struct msg away = { .body = page, .length = PAGE };
    switch (how) {
    case UNMAPPED:
        need(munmap(page, PAGE) == 0);
        break;
    case READ_ONLY:
        need(mprotect(page, PAGE, PROT_READ) == 0);
        break;
    case REPLACED:
        need(mmap(page, PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
             == page);
        break;
    case MOVED_AWAY:
        need(mbox_send(side, &away, MSG_MOVE, NOWAIT) == 0);
        take_back(page + 8 * PAGE);
        break;
    case AND_BACK:
        need(mprotect(page, PAGE, PROT_NONE) == 0);
        need(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
        break;
    case DISCARDED:
        need(mbox_send(side, &away, MSG_MOVE, NOWAIT) == 0);
        take_back(page);
        break;
    case TRUNCATED:
        need(ftruncate(file, 0) == 0);
        break;
    default:
        break;
    }
}

/* 16 pages: number 0 changes, number 4 stays. */
static void map_page(int how) {
    page = map_anonymous(16, PROT_READ | PROT_WRITE);
    if (how == TRUNCATED) {
        need(ftruncate(file, PAGE) == 0);
        need(mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0)
             == page);
    }
    memset(page, 'p', PAGE);
}

/* The page of a process that was forked while we waited: what it was. */
static pid_t start_witness(struct gate *look_now) {
    static char before[PAGE];
    pid_t pid;
    memcpy(before, page, PAGE);
    CHILD (pid) {
        gate_wait(look_now);
        need(memcmp(page, before, PAGE) == 0);
    }
    return pid;
}

static int arrived(const struct outcome *o, pid_t sender, int how) {
    if (changes[how].error)
        return o->from == -1 && o->error == changes[how].error;
    return o->from == sender && header->length == 5 && header->sender == sender
           && memcmp(text, "hello", 5) == 0;
}

static void try(int how, int header_there, int by_other) {
    struct gate go, look_now;
    struct outcome outcome = { 0 };
    pthread_t thread;
    pid_t sender = getpid(), witness = 0;
    map_page(how);
    header = (struct msg *)(page + (header_there ? 0 : 4) * PAGE + 64);
    text = page + (header_there ? 4 : 0) * PAGE + 1000;
    *header = (struct msg){ .body = text, .room = 100 };
    gate_init(&go);
    gate_init(&look_now);
    if (by_other) {
        CHILD (sender) {
            gate_wait(&go);
            need(mbox_send(box, TEXT("hello"), 0, NOWAIT) == 0);
        }
    }
    need(!pthread_create(&thread, NULL, receive_there, &outcome));
    until_receiving(box, 1);
    if (how == FORKED)
        witness = start_witness(&look_now);
    change(how);
    if (by_other) {
        gate_open(&go);
        need(wait_for(sender) == 0);
    } else {
        need(mbox_send(box, TEXT("hello"), 0, NOWAIT) == 0);
    }
    need(!pthread_join(thread, NULL));
    ok(arrived(&outcome, sender, how), "%s waits, %s, the message comes from %s",
       header_there ? "a header" : "a body", changes[how].what,
       by_other ? "another process" : "its own");
    if (witness) {
        gate_open(&look_now);
        is_exit(wait_for(witness), 0, "and the child's copy is as it was");
    }
    if (changes[how].error) {
        need(mbox_receive(box, NEXT, 0, NOWAIT) == sender);
        ok(got_text("hello"), "the message stays, for another receiver");
    }
    gate_close(&go);
    gate_close(&look_now);
    munmap(page, 16 * PAGE);
}

/* A page that was never written, only read, or never touched at all. */
static void never_written(void) {
    for (int seen = 0; seen < 2; seen++) {
        pid_t pid;
        char *fresh = map_anonymous(2, PROT_READ | PROT_WRITE);
        if (seen)
            need(fresh[0] == 0 && fresh[PAGE] == 0);
        CHILD (pid) {
            until_receiving(box, 1);
            need(mbox_send(box, TEXT("hello"), 0, NOWAIT) == 0);
        }
        struct msg m = { .body = fresh + PAGE - 2, .room = 5 };
        is_int(mbox_receive(box, &m, 0, FOREVER), pid, "onto two pages that were %s",
               seen ? "only read" : "not touched");
        ok(memcmp(fresh + PAGE - 2, "hello", 5) == 0 && fresh[0] == 0
               && other_bytes(fresh + PAGE + 3, PAGE - 3, 0) == 0,
           "the bytes, and no others");
        wait_for(pid);
        munmap(fresh, 2 * PAGE);
        fresh = map_anonymous(2, PROT_READ);
        is_int(other_bytes(fresh, 2 * PAGE, 0), 0,
               "a page of zeros elsewhere stays one");
        munmap(fresh, 2 * PAGE);
    }
}

static void *move_there(void *place) {
    struct msg m = { .body = place, .room = 4 * PAGE };
    return (void *)(long)(mbox_receive(box, &m, MSG_MOVE, FOREVER) == getpid() ? 0
                                                                               : errno);
}

/* Pages onto themselves: a thread waits for them where another one sends them from.
 * Either it gets them, or it is told that the address is bad and they stay. */
static void onto_itself(void) {
    static const int offset[] = { 0, 1, -1, 2 };
    for (int i = 0; i < 4; i++) {
        char *p = map_anonymous(8, PROT_READ | PROT_WRITE), *from = p + 2 * PAGE;
        char *to = from + offset[i] * PAGE;
        pthread_t thread;
        void *error;
        memset(from, 'a', PAGE), memset(from + PAGE, 'b', PAGE);
        need(!pthread_create(&thread, NULL, move_there, to));
        until_receiving(box, 1);
        is_int(mbox_send(box, BYTES(from, 2 * PAGE), MSG_MOVE, NOWAIT), 0,
               "pages move by %d", offset[i]);
        need(!pthread_join(thread, &error));
        if (error) {
            need((long)error == EFAULT);
            struct msg m = { .body = to, .room = 4 * PAGE };
            need(mbox_receive(box, &m, MSG_MOVE, NOWAIT) == getpid());
        }
        ok(other_bytes(to, PAGE, 'a') == 0 && other_bytes(to + PAGE, PAGE, 'b') == 0,
           "and are there afterwards");
        munmap(p, 8 * PAGE);
    }
}

/* The sender's side: what is at the address now is sent, not what was. */
static void send_from(int how, int header_there) {
    struct gate look_now;
    pid_t witness = 0;
    gate_init(&look_now);
    map_page(how);
    header = (struct msg *)(page + (header_there ? 0 : 4) * PAGE + 64);
    text = page + (header_there ? 4 : 0) * PAGE + 1000;
    *header = (struct msg){ .body = text, .length = 5, .type = 1 };
    memcpy(text, "first", 5);
    for (int i = 0; i < 2; i++)
        need(mbox_send(box, header, 0, NOWAIT) == 0);
    if (how == FORKED)
        witness = start_witness(&look_now);
    change(how);
    if (how == REPLACED && header_there)
        *header = (struct msg){ .body = text, .length = 5 };
    if (how == NOTHING || how == FORKED || how == AND_BACK || how == DISCARDED)
        header->type = 2;
    if (how != READ_ONLY && !changes[how].error)
        memcpy(text, "other", 5);
    int result = mbox_send(box, header, 0, NOWAIT);
    for (int i = 0; i < 2; i++)
        need(mbox_receive(box, NEXT, 0, NOWAIT) > 0 && got_text("first")
             && got.type == 1);
    const char *where = header_there ? "a header" : "a body";
    if (how != READ_ONLY && changes[how].error) {
        ok(result == -1 && mbox_receive(box, NEXT, 0, NOWAIT) == -1,
           "%s is to be sent, and %s: nothing is", where, changes[how].what);
    } else {
        need(result == 0 && mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
        ok(got_text(how == READ_ONLY ? "first" : "other")
               && got.type
                      == (how == REPLACED    ? (header_there ? 0 : 1)
                          : how == READ_ONLY ? 1
                                             : 2),
           "%s is sent, and then %s: what is there is sent", where, changes[how].what);
    }
    if (witness) {
        gate_open(&look_now);
        is_exit(wait_for(witness), 0, "and the child's copy is as it was");
    }
    gate_close(&look_now);
    munmap(page, 16 * PAGE);
}

/* A page of zeros that was sent from becomes a page of its own when it is written. */
static void sent_from_zeros(void) {
    char *p = map_anonymous(1, PROT_READ | PROT_WRITE);
    need(mbox_send(box, BYTES(p, 5), 0, NOWAIT) == 0);
    memcpy(p, "12345", 5);
    need(mbox_send(box, BYTES(p, 5), 0, NOWAIT) == 0);
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got.length == 5 && memcmp(body, "\0\0\0\0\0", 5) == 0, "an untouched page");
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("12345"), "what was written there later");
    need(mbox_send(box, TEXT("67890"), 0, NOWAIT) == 0);
    need(mbox_receive(box, &(struct msg){ .body = p, .room = 5 }, 0, NOWAIT) > 0);
    need(mbox_send(box, BYTES(p, 5), 0, NOWAIT) == 0);
    need(mbox_receive(box, NEXT, 0, NOWAIT) == getpid());
    ok(got_text("67890"), "what was received there is sent from there");
    munmap(p, PAGE);
}

int main(void) {
    char path[] = "/tmp/under.XXXXXX";
    need((file = mkstemp(path)) >= 0 && unlink(path) == 0);
    box = named_box("under", NULL);
    side = named_box("side", NULL);
    for (int how = 0; how < CHANGES; how++)
        for (int k = 0; k < 4; k++)
            try(how, k & 1, k / 2);
    for (int how = 0; how < CHANGES; how++)
        for (int header_there = 0; header_there < 2; header_there++)
            send_from(how, header_there);
    sent_from_zeros();
    never_written();
    onto_itself();
    need(mbox_unlink("under") == 0 && mbox_unlink("side") == 0);
    return done_testing();
}

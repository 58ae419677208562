/* passed_files_test.c - files inside messages: circles end, and nothing else does. */
#include "base/string.h"
#include "core/check.h"
#include "fs/inode.h"
#include "fs/passed_files.h"
#include "kernel_test.h"
#include "mm/heap.h"

/* Something that is a file and queues messages with files, as a mailbox does. */
#define MESSAGES 4

struct box {
    struct file_holder holder;
    unsigned opens;             /* files that are open for it */
    unsigned nr_messages;
    struct passed_files *messages[MESSAGES];
};

static unsigned nr_boxes;

static struct file_holder *box_holder(struct file *file) {
    return &((struct box *)file->object)->holder;
}

static void box_release(struct file *file) {
    struct box *box = file->object;

    if (--box->opens) return;
    for (unsigned i = 0; i < box->nr_messages; i++) passed_free(box->messages[i]);
    heap_free(box);
    nr_boxes--;
}

static const struct file_operations box_operations = {
    .name = "box", .holder = box_holder, .release = box_release,
};

static struct file *box_open(struct box *box) {
    struct file *file =
        file_create(&box_operations, O_RDWR, inode_nameless(S_IFSOCK | 0600), box);

    CHECK(file != NULL);
    box->opens++;
    return file;
}

static struct file *box_create(void) {
    struct box *box = heap_new(HEAP_BUFFER, struct box);

    file_holder_init(&box->holder);
    nr_boxes++;
    return box_open(box);
}

/* A message with a (and b) in it enters the queue of `to`. */
static void send(struct file *to, struct file *a, struct file *b) {
    struct box *box = to->object;
    struct passed_files *m = passed_create(2);

    file_get(a);
    if (b) file_get(b);
    m->files[0] = a;
    m->files[1] = b;
    m->count = b ? 2 : 1;
    passed_queue(m, &box->holder);
    box->messages[box->nr_messages++] = m;
}

KTEST(passed_files_end_with_their_queue) {
    struct file *a = box_create(), *b = box_create();

    send(a, b, NULL);
    passed_drop(b);
    CHECK(nr_boxes == 2 && b->refs == 1 && b->inflight == 1);
    passed_drop(a);
    CHECK(nr_boxes == 0 && kcheck() == NULL);
}

KTEST(passed_circles_are_collected) {
    struct file *a = box_create(), *b, *c;

    send(a, a, NULL);           // in its own queue
    send(a, a, a);
    passed_drop(a);
    CHECK(nr_boxes == 0);
    a = box_create(), b = box_create(), c = box_create();
    send(a, b, c);              // two circles that share a, and c hangs on
    send(b, a, c);
    send(b, c, b);
    passed_drop(c);
    passed_drop(a);
    CHECK(nr_boxes == 3 && kcheck() == NULL);
    passed_drop(b);
    CHECK(nr_boxes == 0 && kcheck() == NULL);
}

KTEST(passed_circles_live_while_there_is_a_way_in) {
    struct file *a = box_create(), *b = box_create(), *way = box_create();

    send(a, b, NULL);
    send(b, a, NULL);
    send(way, b, NULL);         // from a queue that somebody can read
    passed_drop(a);
    passed_drop(b);
    CHECK(nr_boxes == 3 && kcheck() == NULL);
    struct box *box = way->object;
    passed_unqueue(box->messages[0]);
    box->nr_messages = 0;       // received: by one who closes it again
    CHECK(nr_boxes == 3);
    passed_free(box->messages[0]);
    CHECK(nr_boxes == 1);
    passed_drop(way);
    CHECK(nr_boxes == 0 && kcheck() == NULL);
}

/* An object with a name, and with several open files. */
KTEST(passed_circles_know_names_and_second_files) {
    struct file *a = box_create();
    struct box *box = a->object;

    send(a, a, NULL);
    box->holder.is_named = true;
    passed_drop(a);
    CHECK(nr_boxes == 1);
    box->holder.is_named = false;
    passed_collect();
    CHECK(nr_boxes == 0);

    a = box_create();
    struct file *b = box_create();
    struct file *second = box_open(b->object);
    send(b, a, b);
    send(a, b, NULL);
    passed_drop(a);
    passed_drop(b);
    CHECK(nr_boxes == 2 && kcheck() == NULL);
    passed_drop(second);
    CHECK(nr_boxes == 0 && kcheck() == NULL);
}

/* A ring and a chain as long as the stack could never follow. */
KTEST(passed_files_need_no_stack) {
    enum { LONG = 3000 };

    for (int is_ring = 0; is_ring <= 1; is_ring++) {
        struct file *first = box_create(), *last = first;
        for (unsigned i = 1; i < LONG; i++) {
            struct file *next = box_create();
            send(last, next, NULL);
            if (last != first) passed_drop(last);
            last = next;
        }
        if (is_ring) send(last, first, NULL);
        passed_drop(last);
        CHECK(nr_boxes == LONG && kcheck() == NULL);
        passed_drop(first);
        CHECK(nr_boxes == 0 && kcheck() == NULL);
    }
}

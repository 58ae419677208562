/* passed_files.c - open files on their way inside messages, and the end of circles.
 *
 * Shape: holders --> holder --> holder ...       those with something queued
 *                      |          |
 *                    queued     queued           messages that carry files
 *                      |
 *                   [ files ]                    file->inflight: how often it is here
 *
 * Invariants: a holder is on `holders` while its queue is not empty; file->inflight is
 * how many places of queued messages name the file, and never more than its references.
 * Linux: the number of files in messages is not limited by itself (ETOOMANYREFS): each
 * of them counts for the user who opened it, and each message for its sender.
 * Tests: passed_files_test.c; user/tests/scm_rights.c
 */
#include "fs/passed_files.h"

#include "core/check.h"
#include "mm/heap.h"

static struct list holders = LIST_INIT(holders);
static bool is_collecting;

struct passed_files *passed_create(unsigned most) {
    return heap_alloc(HEAP_PASSED_FILES,
                      sizeof(struct passed_files) + most * sizeof(struct file *));
}

int passed_add(struct passed_files *passed, int fd) {
    struct file *file = fd_get(fd);

    if (!file) return -EBADF;
    passed->files[passed->count++] = file;
    return 0;
}

void passed_free(struct passed_files *passed) {
    if (!passed) return;
    passed_unqueue(passed);
    while (passed->count) passed_drop(passed->files[--passed->count]);
    heap_free(passed);
}

void passed_queue(struct passed_files *passed, struct file_holder *holder) {
    assert(!passed->holder);
    if (passed->count == 0) return;
    if (list_is_empty(&holder->queued)) list_push_back(&holders, &holder->node);
    list_push_back(&holder->queued, &passed->node);
    passed->holder = holder;
    for (unsigned i = 0; i < passed->count; i++) passed->files[i]->inflight++;
}

void passed_unqueue(struct passed_files *passed) {
    struct file_holder *holder = passed->holder;

    if (!holder) return;
    for (unsigned i = 0; i < passed->count; i++) passed->files[i]->inflight--;
    list_remove(&passed->node);
    passed->holder = NULL;
    if (list_is_empty(&holder->queued)) {
        list_remove(&holder->node);
        holder->is_reached = false;
    }
}

static struct file_holder *holder_of(struct file *file) {
    return file->operations->holder ? file->operations->holder(file) : NULL;
}

/* -- The collector ----------------------------------------------------------------- */

/* Moves the holder to the end of the list, where those are that can be reached; where
 * nothing is queued nothing lies behind. */
static void reach(struct file_holder *holder) {
    if (!holder || holder->is_reached || list_is_empty(&holder->queued)) return;
    holder->is_reached = true;
    list_remove(&holder->node);
    list_push_back(&holders, &holder->node);
}

/* Those found are also those still to be looked into: no recursion, no memory. Each put
 * may free the holder, the message and the array in it; what was left in them then
 * leaves the lists by the usual way. So one file at a time, and nothing is looked at
 * again behind a put. */
void passed_collect(void) {
    struct file_holder *holder, *next;
    struct passed_files *passed;
    struct file *file;

    if (is_collecting || list_is_empty(&holders)) return;
    is_collecting = true;
    list_for_each_safe (holder, next, &holders, node)
        if (holder->is_named) reach(holder);
    list_for_each (file, &all_files, all_node)
        if (file->refs > file->inflight) reach(holder_of(file));
    list_for_each (holder, &holders, node)
        list_for_each (passed, &holder->queued, node)
            for (unsigned i = 0; holder->is_reached && i < passed->count; i++)
                reach(holder_of(passed->files[i]));
    while ((holder = list_first_entry(&holders, struct file_holder, node))
           && !holder->is_reached) {
        passed = list_first_entry(&holder->queued, struct passed_files, node);
        file = passed->files[--passed->count];
        if (passed->count == 0) passed_unqueue(passed);
        file->inflight--;
        file_put(file);
    }
    list_for_each (holder, &holders, node) holder->is_reached = false;
    is_collecting = false;
}

void passed_drop(struct file *file) {
    struct file_holder *holder = holder_of(file);
    bool may_be_circle = holder && !list_is_empty(&holder->queued);

    if (file->operations->closed) file->operations->closed(file);
    file_put(file);
    if (may_be_circle) passed_collect();
}

/* -- Checking ---------------------------------------------------------------------- */

static void passed_count(void) {
    const struct passed_files *passed;

    heap_for_each(passed, HEAP_PASSED_FILES) {
        for (unsigned i = 0; i < passed->count; i++) passed->files[i]->counted++;
    }
}

/* Both ways of counting agree: over the files, and over the queues. */
static void passed_check(void) {
    const struct file_holder *holder;
    const struct passed_files *passed;
    const struct file *file;
    uint32_t in_queues = 0, in_files = 0;

    list_for_each (holder, &holders, node) {
        check_that(!list_is_empty(&holder->queued) && !holder->is_reached,
                   "the holder at %p is empty or left marked", holder);
        list_for_each (passed, &holder->queued, node) in_queues += passed->count;
    }
    list_for_each (file, &all_files, all_node) in_files += file->inflight;
    check_counted(NULL, "passed files", in_files, in_queues);
}

static const struct checker checker CHECKER = { "passed files", passed_count,
                                                passed_check };

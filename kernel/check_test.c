/* check_test.c - kcheck sees what is broken: each case breaks one thing, expects the
 * sentence about it, and mends it. */
#include "arch/x86/paging.h"
#include "base/string.h"
#include "core/check.h"
#include "core/log.h"
#include "fs/inode.h"
#include "ipc/mailbox.h"
#include "kernel_test.h"
#include "mm/heap.h"
#include "mm/address_space.h"
#include "posix/socket.h"
#include "sched/scheduler.h"

#define PAGE 0x100000u          /* a user address */

static bool says(const char *sentence) {
    const char *fault = kcheck();

    if (fault && strncmp(fault, sentence, strlen(sentence)) == 0) return true;
    log_printf("# kcheck says: %s\n", fault ? fault : "nothing");
    return false;
}

/* The place has the wrong value for a moment. */
#define BREAKS(sentence, place, wrong)            \
    do {                                          \
        __typeof__(place) right_ = (place);       \
        (place) = (__typeof__(place))(wrong);     \
        CHECK(says(sentence));                    \
        (place) = right_;                         \
        CHECK(kcheck() == NULL);                  \
    } while (0)

KTEST(kcheck_sees_a_miscounted_frame) {
    struct frame *free = NULL, *frame = frame_alloc(FRAME_OBJECT, 0);

    CHECK(says("frames: "));    // nobody holds it
    frame_put(frame);
    while ((free = frame_next(free)) && free->use != FRAME_FREE) {
    }
    BREAKS("frames: ", free->refs, 1);
    BREAKS("frames: ", free->node.next->prev, &frames[0].node);
    BREAKS("frames: ", frames_free, frames_free + 1);
}

KTEST(kcheck_sees_a_wrong_charge) {
    for (unsigned kind = 0; kind < ACCOUNT_KINDS; kind++)
        BREAKS("accounts: user 0", root_account.used[kind],
               root_account.used[kind] + 1);
}

KTEST(kcheck_sees_a_broken_heap) {
    uint8_t *used = heap_alloc(HEAP_BUFFER, 20), *freed = heap_alloc(HEAP_BUFFER, 20);

    heap_free(freed);
    BREAKS("heap: frame at", freed[-8], 0);     // its magic
    BREAKS("accounts: user 0 is charged", used[-8], 0);
    BREAKS("heap: ", used[-7], HEAP_TYPES);     // its type
    heap_free(used);
}

KTEST(kcheck_sees_a_miscounted_memory_object) {
    struct memory_object *object = object_create(4);

    CHECK(object_page(object, 1, true) != NULL);
    BREAKS("memory objects: ", object->nr_pages, 0);
    BREAKS("memory objects: ", object->refs, 100);
    object_put(object);
}

static const struct region four_pages = { .start = PAGE, .end = PAGE + 4 * PAGE_SIZE,
                                          .protection = PROT_READ | PROT_WRITE };

KTEST(kcheck_sees_a_broken_space) {
    struct address_space *space = space_create();

    CHECK(space_map(space, &four_pages) == 0);
    struct region *region = space_find(space, PAGE);
    CHECK(space_fault(space, PAGE, PROT_WRITE) == FAULT_OK);
    pte_t *entry = pte_at(space, PAGE, false);
    CHECK(kcheck() == NULL);
    BREAKS("spaces: the page at 00100000 has other rights", *entry, *entry & ~PTE_USER);
    if (pte_no_execute)
        BREAKS("spaces: the page at 00100000 has other rights", *entry,
               *entry & ~PTE_NO_EXECUTE);
    BREAKS("spaces: the page at 00100000 is writable", region->protection, PROT_READ);
    region->start += PAGE_SIZE, region->end += PAGE_SIZE;
    CHECK(says("spaces: the page at 00100000 is in no region"));
    region->start -= PAGE_SIZE, region->end -= PAGE_SIZE;
    BREAKS("spaces: the region at", region->end, PAGE + 5);
    BREAKS("spaces: ", region->end, PAGE + PAGE_SIZE);
    BREAKS("spaces: ", space->nr_regions, 0);
    BREAKS("spaces: ", space->refs, 100);
    BREAKS("frames: ", pte_frame(*entry)->refs, 2);
    space_put(space);
}

KTEST(kcheck_sees_what_a_page_must_not_show) {
    struct address_space *space = space_create(), *copy;
    struct frame *free = NULL;

    CHECK(space_map(space, &four_pages) == 0);
    CHECK(space_fault(space, PAGE, PROT_WRITE) == FAULT_OK);
    pte_t *entry = pte_at(space, PAGE, false), rights = *entry & ~PTE_ADDRESS;
    while ((free = frame_next(free)) && free->use != FRAME_FREE) {
    }
    BREAKS("spaces: the page at 00101000 shows free", entry[1],
           rights | frame_paddr(free));
    BREAKS("spaces: the page at 00101000 shows free", entry[1], rights | PTE_ADDRESS);
    BREAKS("spaces: the page at 00101000 shows the kernel", entry[1],
           rights | kernel_to_paddr(kernel_directory));
    copy = space_fork(space);
    BREAKS("spaces: the page at 00100000 is writable and not", *entry,
           *entry | PTE_WRITABLE);
    space_put(copy);
    space_put(space);
}

KTEST(kcheck_sees_kernel_pages_with_wrong_rights) {
    pte_t *large = &kernel_directory[directory_index(KERNEL_BASE + 16 * LARGE_PAGE)];

    BREAKS("kernel: the page at c2000000", *large, *large | PTE_USER);
    if (pte_no_execute)
        BREAKS("kernel: the page at c2000000", *large, *large & ~PTE_NO_EXECUTE);
}

KTEST(kcheck_sees_a_miscounted_file) {
    struct file_table *table = file_table_create(NULL);
    struct file *file;

    CHECK(inode_open(inode_nameless(S_IFIFO), O_RDWR, &file) == 0);
    inode_put(file->inode);
    table->places[3].file = file;
    CHECK(kcheck() == NULL);
    BREAKS("open files: ", file->refs, 100);
    BREAKS("open files: ", file->refs, 0);
    BREAKS("open files: ", file->all_node.prev, &file->all_node);
    BREAKS("passed files: ", file->inflight, 1);
    BREAKS("open files: ", table->refs, 100);
    BREAKS("open files: ", table->places[4].file, file);
    BREAKS("pipes: ", file->flags, O_WRONLY);
    BREAKS("pipes: ", file->flags, O_RDONLY);
    file_table_put(table);
}

KTEST(kcheck_sees_threads_and_processes_out_of_place) {
    struct process *p = process_create(NULL), *child = process_create(p);
    struct thread *t = thread_create(p, NULL);
    struct thread *u = thread_create(child, NULL);
    struct waiter waiter;
    uint32_t guard = ((uint32_t)t & ~(STACK_SLOT - 1)) + PAGE_SIZE;

    process_publish(p, t->tid);
    process_publish(child, u->tid);
    CHECK(kcheck() == NULL);
    BREAKS("processes: thread ", t->magic, 0);
    BREAKS("processes: thread ", t->state, THREAD_RUNNING);
    waiter_init(&waiter, &p->child_wait);
    waiter.thread = t, t->waiters = &waiter, t->nr_waiters = 1;
    BREAKS("processes: thread ", t->state, THREAD_BLOCKED);      // on no queue
    BREAKS("processes: thread ", t->tid, u->tid);
    BREAKS("scheduler: 1 threads are ready", t->state, THREAD_READY);
    BREAKS("processes: ", child->pid, p->pid);
    BREAKS("accounts: user 0", p->is_zombie, true);
    BREAKS("processes: ", p->nr_threads, 0);
    BREAKS("processes: ", p->nr_threads, 2);
    BREAKS("processes: ", u->process, p);
    BREAKS("processes: ", child->parent, NULL);
    BREAKS("processes: ", p->children.head.prev, &p->sibling_node);
    pte_t entry = kernel_directory[directory_index(guard)];
    pte_t *table = paddr_to_kernel((paddr_t)(entry & PTE_ADDRESS));
    BREAKS("stacks: the guard page", table[table_index(guard)], PTE_PRESENT);
    thread_free(u);
    thread_free(t);
    process_free(child);
    process_free(p);
}

static bool wants_all(const struct receiver *receiver, const struct message *message) {
    (void)receiver, (void)message;
    return true;
}

KTEST(kcheck_sees_a_broken_mailbox) {
    struct mailbox_attributes attributes = { .capacity = 2 };
    struct inode *inode = inode_nameless(S_IFREG);
    struct receiver r = { .wants = wants_all };
    struct sending s = { .waiter.thread = current() };
    struct message_channel other = { .queue = NULL };
    struct message m;

    CHECK(mailbox_create(inode, &mailbox_kind, &attributes) == 0);
    struct mailbox *mb = inode->data;
    m = (struct message){ .channel = &mb->channel, .place = MESSAGE_OFFERED,
                          .sending = &s };
    list_push_back(&mb->queue.messages, &m.node);
    mb->queue.nr_there = 1;
    BREAKS("mailboxes: ", mb->queue.nr_there, 0);
    BREAKS("mailboxes: a message of another queue", m.channel, &other);
    BREAKS("mailboxes: a message without a sender", m.sending, NULL);
    BREAKS("mailboxes: a message in the wrong place", m.place, MESSAGE_PENDING);
    list_remove(&m.node);
    mb->queue.nr_there = 0;
    BREAKS("mailboxes: ", mb->channel.queued, 1);
    BREAKS("mailboxes: ", mb->channel.bytes, 1);
    m.place = MESSAGE_ACCEPTED;
    list_push_back(&mb->queue.messages, &m.node);
    mb->queue.nr_there = 1;
    waiter_init(&r.waiter, &mb->queue.receivers);
    waiter_add(&r.waiter);
    s.message = &m;
    m.sending = NULL;
    CHECK(says("mailboxes: a receiver left waiting"));
    list_remove(&r.waiter.node);
    list_remove(&m.node);
    mb->queue.nr_there = 0;
    list_push_back(&mb->channel.accepted, &m.age_node);
    CHECK(says("mailboxes: a message out of sequence"));
    list_remove(&m.age_node);
    CHECK(kcheck() == NULL);
    inode_put(inode);
}

KTEST(kcheck_sees_a_socket_without_its_peer) {
    struct file *file = socket_make(SOCK_STREAM), *other = socket_make(SOCK_STREAM);
    struct socket *socket = file->object;

    BREAKS("sockets: ", socket->peer, other->object);
    BREAKS("sockets: ", socket->queued, 1);
    file_put(file);
    file_put(other);
}

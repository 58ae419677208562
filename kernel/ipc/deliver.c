/* deliver.c - writing a message into its receiver's memory, be it awake or asleep.
 *
 * Everything that may fail comes before anything that cannot be undone: a message that
 * could not be delivered is as it was, and the next receiver gets it.
 *
 * Sleeps: never.
 * Tests: user/tests/native_msg_handover.c, native_move.c.
 * See: IPC.md 1.3, 1.7, 1.10, 5.3.
 */
#include "ipc/message.h"

#include "base/string.h"
#include "ipc/move_pages.h"
#include "sched/process.h"

int write_body(struct native_receiver *r, size_t offset, const void *from,
               size_t size) {
    if (!r->buffer)
        return space_write(r->process->space, uptr_add(r->body, offset), from, size);
    memcpy((char *)r->buffer + offset, from, size);
    return 0;
}

/* From the memory of the current process into another's, page by page. */
int copy_to_process(struct process *process, uptr_t to, uptr_t from, size_t size,
                    int *error) {
    while (size > 0) {
        size_t piece = min(size, (size_t)(PAGE_SIZE - (to.address & PAGE_MASK)));
        void *page = space_page(process->space, to.address, PROT_WRITE);
        if (!page) return -EFAULT;
        if ((*error = copy_from_user(page, from, piece))) return MESSAGE_UNFIT;
        to = uptr_add(to, piece);
        from = uptr_add(from, piece);
        size -= piece;
    }
    return 0;
}

static int deliver_body(struct native_message *m, struct native_receiver *r,
                        int *error) {
    size_t size = min(m->base.length, r->room);

    if (m->moves) return moved_pages_copy(m, r, error);
    if (size == 0) return 0;
    if (!m->space) return write_body(r, 0, (const void *)m->body, size);
    if (!r->buffer)
        return copy_to_process(r->process, r->body, uptr(m->body), size, error);
    *error = copy_from_user(r->buffer, uptr(m->body), size);
    return *error ? MESSAGE_UNFIT : 0;
}

/* Descriptors that are still the sender's become the message's. */
int native_take_files(struct native_message *m) {
    if (m->nr_files == 0 || m->has_files) return 0;
    int error = passed_take(m->files, m->fds, m->nr_files);
    if (error) return error;
    m->passed = (struct passed_files){ .count = m->nr_files, .files = m->files };
    m->has_files = true;
    return 0;
}

void native_drop_files(struct native_message *m) {
    if (!m->has_files) return;
    passed_unqueue(&m->passed);
    passed_discard(m->files, m->passed.count);
    m->has_files = false;
}

/* Installs them in the receiver's table. A receiver without a place for them gets none.
 * Nothing fails behind fd_install_all: the array was written before, and nobody has run
 * since. */
static int deliver_files(struct native_message *m, struct native_receiver *r,
                         int *error) {
    int fds[MSG_FDS_MAX] = { -1, -1, -1, -1 };
    size_t size = m->nr_files * sizeof(int);
    bool were_senders = !m->has_files;

    if (uptr_is_null(r->fds)) return 0;
    if (space_write(r->process->space, r->fds, fds, size)) return -EFAULT;
    if ((*error = native_take_files(m))) return MESSAGE_UNFIT;
    passed_unqueue(&m->passed);
    int result = fd_install_all(r->process, m->files, m->passed.count, false, fds);
    if (result) {
        if (were_senders) native_drop_files(m);
        else if (m->holder) passed_queue(&m->passed, m->holder);
        return result;
    }
    m->has_files = false;
    return space_write(r->process->space, r->fds, fds, size);
}

/* `room` is never written, so not even with what was read. */
static inline void fill_header(struct user_message *u, const struct native_message *m,
                               const struct native_receiver *r) {
    u->type = m->base.type;
    u->priority = m->base.priority;
    u->sender = m->sender;
    u->caller = m->caller;
    u->receiver = r->process->pid;
    u->mailbox = m->mailbox;
    u->sequence = m->base.sequence;
    u->length = m->base.length;
    u->nfds = uptr_is_null(r->fds) ? 0 : m->nr_files;
    u->bits = m->bits;
}

static __attribute__((noinline)) int write_header(const struct native_message *m,
                                                  struct native_receiver *r) {
    enum { ROOM = offsetof(struct user_message, room), REST = ROOM + 4 };
    struct user_message u = { .body = r->body, .fds = r->fds };

    if (uptr_is_null(r->message))
        return 0;               // read(2) wants the body alone
    fill_header(&u, m, r);
    if (space_write(r->process->space, r->message, &u, ROOM)) return -EFAULT;
    return space_write(r->process->space, uptr_add(r->message, REST), (char *)&u + REST,
                       sizeof(u) - REST);
}

static inline int deliver_header(const struct native_message *m,
                                 struct native_receiver *r) {
    if (unlikely(!r->message_seen || r->version != r->process->space->version))
        return write_header(m, r);
    fill_header(r->message_seen, m, r);
    if (r->body_was_null) r->message_seen->body = r->body;
    return 0;
}

/* Too long for the receiver: it learns how long. */
static int too_long(const struct native_message *m, struct native_receiver *r) {
    uptr_t length = uptr_add(r->message, offsetof(struct user_message, length));

    if (!uptr_is_null(r->message)
        && space_write(r->process->space, length, &m->base.length, 4))
        return -EFAULT;
    return -EMSGSIZE;
}

/* Everything that can fail comes first; only then do pages go anywhere. */
static int deliver(struct native_message *m, struct native_receiver *r, int *error) {
    bool are_senders = m->moves && !m->pages, as_pages = moved_pages_fit(m, r);

    if (are_senders && (*error = moved_pages_reserve(m))) return MESSAGE_UNFIT;
    int result = as_pages ? moved_pages_prepare(m, r) : deliver_body(m, r, error);
    bool is_prepared = as_pages && result == 0;
    if (result == 0) result = deliver_header(m, r);
    if (result == 0 && m->nr_files) result = deliver_files(m, r, error);
    if (result && is_prepared) moved_pages_unprepare(m, r);
    if (result == 0 && are_senders) moved_pages_take(m);
    if (result == 0 && as_pages) {
        moved_pages_give(m, r);
    } else if (m->moves && (result == 0 || are_senders)) {
        moved_pages_free(m->pages);     // r has a copy of them, or they have not left
        m->pages = NULL;
    }
    return result;
}

/* Pages that would arrive where they leave from: for another thread of their sender. */
static bool is_onto_itself(const struct native_message *m,
                           const struct native_receiver *r) {
    vaddr_t to = r->body.address;

    return !m->pages && m->space == r->process->space && to < m->body + m->base.length
           && m->body < to + m->base.length;
}

/* What the receiver's struct msg says, if it has not been read yet. */
static int read_late(struct native_receiver *r) {
    struct user_message u;

    if (likely(!r->is_read_late)) return 0;
    if (space_read(r->process->space, &u, r->message, sizeof(u))) return -EFAULT;
    r->room = u.room;
    r->fds = u.fds;
    if (r->body.address == u.body.address) return 0;
    r->body = u.body;
    r->fast = r->fast_calls = 0;        // they were for another
    r->base.waiter.thread->attention |= ATTENTION_SLOW;
    return 0;
}

int native_deliver_header(const struct native_message *m, struct native_receiver *r) {
    if (read_late(r)) return -EFAULT;
    r->sender = m->sender;      // not looked at should this fail
    return deliver_header(m, r);
}

int native_deliver(struct native_message *m, struct native_receiver *r, int *error) {
    if (read_late(r)) return -EFAULT;
    if (unlikely(m->moves && is_onto_itself(m, r))) return -EFAULT;
    if (m->base.length > r->room && !r->cuts && !moved_pages_fit(m, r))
        return too_long(m, r);
    int result = deliver(m, r, error);
    if (result == 0) {
        r->sender = m->sender;
        r->type = m->base.type;
        r->priority = m->base.priority;
        r->length = m->base.length;
    }
    return result;
}

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

int write_to_process(struct process *process, uptr_t to, const void *from,
                     size_t size) {
    if (process == current_process()) return copy_to_user(to, from, size);
    return space_write(process->space, to, from, size);
}

int write_body(struct native_receiver *r, size_t offset, const void *from,
               size_t size) {
    if (!r->buffer)
        return write_to_process(r->process, uptr_add(r->body, offset), from, size);
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

/* Where `size` bytes of body can be written at once, or NULL. */
static void *body_place(const struct native_receiver *r, size_t size) {
    if (r->buffer) return r->buffer;
    if (r->version != r->process->space->version
        || (r->body.address & PAGE_MASK) + size > PAGE_SIZE)
        return NULL;
    return r->body_seen;
}

static int deliver_body(struct native_message *m, struct native_receiver *r,
                        int *error) {
    size_t size = m->base.length;

    if (m->moves) return moved_pages_copy(m, r, error);
    if (size == 0) return 0;
    void *place = body_place(r, size);
    if (likely(place)) {
        if (!m->space)
            memcpy(place, (const void *)m->body, size);
        else if ((*error = copy_from_user(place, uptr(m->body), size)))
            return MESSAGE_UNFIT;
        return 0;
    }
    if (!user_range_ok(r->body, size)) return -EFAULT;
    if (!m->space) return write_body(r, 0, (const void *)m->body, size);
    return copy_to_process(r->process, r->body, uptr(m->body), size, error);
}

/* Descriptors that are still the sender's become the message's. */
int native_take_files(struct native_message *m) {
    int error;

    if (m->nr_files == 0 || m->has_files) return 0;
    error = passed_take(m->files, m->fds, m->nr_files);
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
    if (write_to_process(r->process, r->fds, fds, size)) return -EFAULT;
    if ((*error = native_take_files(m))) return MESSAGE_UNFIT;
    passed_unqueue(&m->passed);
    int result = fd_install_all(r->process, m->files, m->passed.count, false, fds);
    if (result) {
        if (were_senders)
            native_drop_files(m);
        else if (m->holder)
            passed_queue(&m->passed, m->holder);
        return result;
    }
    m->has_files = false;
    return write_to_process(r->process, r->fds, fds, size);
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
    if (write_to_process(r->process, r->message, &u, ROOM)) return -EFAULT;
    return write_to_process(r->process, uptr_add(r->message, REST), (char *)&u + REST,
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
        && write_to_process(r->process, length, &m->base.length, 4))
        return -EFAULT;
    return -EMSGSIZE;
}

/* Pages that the receiver has seen, or a copy of them, leave their sender. */
static void end_move(struct native_message *m, bool are_senders) {
    if (are_senders) moved_pages_take(m);
    moved_pages_free(m->pages);
    m->pages = NULL;
}

static int deliver_copy(struct native_message *m, struct native_receiver *r,
                        int *error) {
    bool are_senders = m->moves && !m->pages;
    int result;

    if (are_senders && (*error = moved_pages_reserve(m))) return MESSAGE_UNFIT;
    result = deliver_body(m, r, error);
    if (result == 0) result = deliver_header(m, r);
    if (result == 0) result = m->nr_files ? deliver_files(m, r, error) : 0;
    if (m->moves && result == 0) {
        end_move(m, are_senders);
    } else if (are_senders) {
        moved_pages_free(m->pages);     // still empty
        m->pages = NULL;
    }
    return result;
}

/* The pages themselves; everything that can fail comes first. */
static int deliver_pages(struct native_message *m, struct native_receiver *r,
                         int *error) {
    bool are_senders = !m->pages;
    int result;

    if (are_senders && (*error = moved_pages_reserve(m))) return MESSAGE_UNFIT;
    result = moved_pages_prepare(m, r);
    if (result == 0) {
        result = deliver_header(m, r);
        if (result == 0) result = m->nr_files ? deliver_files(m, r, error) : 0;
        if (result) moved_pages_unprepare(m, r);
    }
    if (result == 0) {
        if (are_senders) moved_pages_take(m);
        moved_pages_give(m, r);
    } else if (are_senders) {
        moved_pages_free(m->pages);     // still empty
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

int native_deliver_header(const struct native_message *m, struct native_receiver *r) {
    r->sender = m->sender;      // not looked at should this fail
    return deliver_header(m, r);
}

int native_deliver(struct native_message *m, struct native_receiver *r, int *error) {
    int result;

    if (unlikely(m->moves && is_onto_itself(m, r))) return -EFAULT;
    if (unlikely(m->moves) && moved_pages_fit(m, r))
        result = deliver_pages(m, r, error);
    else if (m->base.length > r->room)
        return too_long(m, r);
    else
        result = deliver_copy(m, r, error);
    if (result == 0) {
        r->sender = m->sender;
        r->length = m->base.length;
    }
    return result;
}

/* move_pages.c - a body that is too big to copy travels as page-table entries.
 *
 *      sender's table  --->  moved_pages  --->  receiver's table
 *      region and entries    one word each      a region of its own, or what was there
 *      are gone                                 replaced
 *
 * A page that was never touched travels as nothing, one that is shared copy-on-write as
 * what it is. No byte is copied: entries go a table at a time, two words each.
 *
 * Invariants: entries of `pages` hold the references that the sender's table held; they
 * stay charged to who paid for them until a receiver takes them over.
 * Tests: user/tests/native_move.c.
 * See: IPC.md 5.
 */
#include "ipc/message.h"
#include "mm/heap.h"

struct moved_pages {
    uint32_t count;             /* entries; 0: they have not left their space yet */
    pte_t entries[];            /* readable, writable or copy-on-write; 0: untouched */
};

#define TABLE_SPAN (1u << 21)   /* what one page table maps */

int moved_pages_check(const struct native_message *m) {
    vaddr_t end = m->body + m->base.length;

    if ((m->body | end) & PAGE_MASK) return -EINVAL;
    for (vaddr_t at = m->body; at < end;) {
        const struct region *region = space_find(m->space, at);
        if (!region) return -EFAULT;
        if (region->object || region->owner || region->flags & ~REGION_GROWS_DOWN)
            return -EINVAL;
        at = region->end;
    }
    return 0;
}

/* Room for the pages of m, whose region ends where they do: after this take cannot
 * fail. Two steps, so that others can fail between them. Nothing is changed when it
 * fails. */
static int reserve(struct native_message *m) {
    uint32_t count = m->base.length >> PAGE_SHIFT;
    int error = moved_pages_check(m);

    if (error) return error;
    struct moved_pages *pages =
        heap_alloc_raw(HEAP_MESSAGE_BODY, sizeof(*pages) + count * sizeof(pte_t));
    if (!pages) return -ENOMEM;
    if (count && space_cut(m->space, m->body, m->body + m->base.length)) {
        heap_free(pages);
        return -ENOMEM;
    }
    pages->count = 0;
    m->pages = pages;
    return 0;
}

/* The part of [at, end) that one page table maps: its entries, or NULL, and how
 * many. */
static pte_t *run_of(struct address_space *space, vaddr_t at, vaddr_t end,
                     uint32_t *count) {
    *count = (min(end, round_down(at, TABLE_SPAN) + TABLE_SPAN) - at) >> PAGE_SHIFT;
    return pte_at(space, at, false);
}

/* Takes the pages of m out of their space. */
static void take(struct native_message *m) {
    struct moved_pages *pages = m->pages;
    struct address_space *space = m->space;
    vaddr_t end = m->body + m->base.length;
    pte_t *to = pages->entries;
    struct region *region;
    uint32_t count;

    if (m->base.length == 0) return;
    pages->count = m->base.length >> PAGE_SHIFT;
    for (vaddr_t at = m->body; at < end; at += count << PAGE_SHIFT, to += count) {
        pte_t *from = run_of(space, at, end, &count);
        if (from) body_copy(to, from, count * sizeof(*to));
        memset(from ? from : to, 0, count * sizeof(*to));
    }
    space_flush(space, m->body, end);
    while ((region = space_find_above(space, m->body)) && region->start < end) {
        bool is_plain = region->protection == (PROT_READ | PROT_WRITE);
        // what was not readable and writable becomes so
        for (pte_t *e = pages->entries; !is_plain && e < to; e++)
            if (pte_has_frame(*e))
                *e = (*e & (PTE_ADDRESS | PTE_WRITABLE))
                     | pte_bits(PROT_READ | PROT_WRITE);
        space->nr_mapped_pages -= region_pages(region);
        region_free(region);
    }
}

int moved_pages_leave(struct native_message *m) {
    int error = reserve(m);

    if (!error) take(m);
    return error;
}

void moved_pages_free(struct moved_pages *pages) {
    for (uint32_t i = 0; i < pages->count; i++)
        if (pages->entries[i]) frame_put(pte_frame(pages->entries[i]));
    heap_free(pages);
}

void moved_pages_count(const struct moved_pages *pages) {
    for (uint32_t i = 0; i < pages->count; i++)
        if (pages->entries[i]) frame_of_paddr(pages->entries[i])->counted++;
}

bool moved_pages_fit(const struct native_message *m, const struct native_receiver *r) {
    vaddr_t body = r->body.address;

    return m->moves && r->moves
           && (!body
               || ((body & PAGE_MASK) == 0 && r->room >= m->base.length
                   && user_range_ok(r->body, m->base.length)));
}

/* An empty region where r wants m's pages, or where the kernel chooses. */
static int make_region(struct address_space *space, struct native_receiver *r,
                       uint32_t size) {
    vaddr_t start = r->body.address;

    if (!start) start = space_find_gap(space, 0, size);
    if (start < USER_START) return -ENOMEM;
    for (vaddr_t at = start; at < start + size;
         at = round_down(at, TABLE_SPAN) + TABLE_SPAN)
        if (!pte_at(space, at, true)) return -ENOMEM;
    const struct region wanted = { .start = start, .end = start + size,
                                   .protection = PROT_READ | PROT_WRITE };
    const struct region *there = space_find(space, start);
    if (there && there->end >= wanted.end && !there->object && !there->owner
        && there->flags == 0 && there->protection == wanted.protection)
        space_unmap_pages(space, start, wanted.end);
    else if (space_unmap(space, start, size) || space_map(space, &wanted))
        return -ENOMEM;
    r->body = uptr(start);
    return 0;
}

/* Who receives from another user is charged for all pages beforehand. */
static void release_charge(const struct native_message *m, struct account *account) {
    if (account != m->payer)
        account_release(account, ACCOUNT_FRAMES, m->base.length >> PAGE_SHIFT);
}

/* Makes room for them: r->body says where. 0, -ENOMEM. */
static int prepare(const struct native_message *m, struct native_receiver *r) {
    struct account *account = r->process->account;
    uint32_t count = m->base.length >> PAGE_SHIFT;

    if (count == 0) return 0;
    if (account != m->payer && !account_charge(account, ACCOUNT_FRAMES, count))
        return -ENOMEM;
    this_cpu()->account = account;      // its memory is the receiver's, whoever runs
    int error = make_region(r->process->space, r, m->base.length);
    this_cpu()->account = current_process()->account;
    if (error) release_charge(m, account);
    return error;
}

static bool is_within(uptr_t p, size_t size, vaddr_t start, vaddr_t end) {
    return p.address < end && p.address + size > start;
}

/* Puts them there. The receiver pays from now on, and was charged for all; those that
 * others hold, too, stay with whoever paid first. */
static void give(struct native_message *m, struct native_receiver *r) {
    struct moved_pages *pages = m->pages;
    struct address_space *space = r->process->space;
    struct account *account = r->process->account;
    vaddr_t at = r->body.address, end = at + m->base.length;
    const pte_t *from = pages->entries;
    uint32_t count;

    m->pages = NULL;
    // what was written to the place since it was emptied goes
    if (unlikely(is_within(r->message, sizeof(struct user_message), at, end)
                 || is_within(r->fds, MSG_FDS_MAX * sizeof(int), at, end)))
        space_unmap_pages(space, at, end);
    for (; at < end; at += count << PAGE_SHIFT, from += count) {
        pte_t *to = run_of(space, at, end, &count);
        body_copy(to, from, count * sizeof(*to));
    }
    for (uint32_t i = 0; account != m->payer && i < pages->count; i++) {
        struct frame *frame = pages->entries[i] ? pte_frame(pages->entries[i]) : NULL;
        if (!frame || frame->refs > 1 || frame->account == account->number)
            account_release(account, ACCOUNT_FRAMES, 1);
        else
            frame_recharge(frame, account);
    }
    heap_free(pages);
}

/* Copies them into r's body. */
static int copy(struct native_message *m, struct native_receiver *r, int *error) {
    static const uint8_t zeros[PAGE_SIZE];
    const struct moved_pages *pages = m->pages;

    for (uint32_t i = 0; i < m->base.length >> PAGE_SHIFT; i++) {
        const void *page = zeros;
        if (pages->count == 0)
            page = space_page(m->space, m->body + i * PAGE_SIZE, PROT_READ);
        else if (pages->entries[i])
            page = frame_address(pte_frame(pages->entries[i]));
        if (!page) {
            *error = -EFAULT;
            return MESSAGE_UNFIT;
        }
        if (write_body(r, i * PAGE_SIZE, page, PAGE_SIZE)) return -EFAULT;
    }
    return 0;
}

/* Everything that can fail comes first; only then do pages go anywhere. */
int moved_pages_deliver(struct native_message *m, struct native_receiver *r,
                        int *error) {
    bool are_senders = !m->pages, as_pages = moved_pages_fit(m, r);
    vaddr_t to = r->body.address;

    // they would arrive where they leave from, for another thread of their sender
    if (are_senders && m->space == r->process->space && to < m->body + m->base.length
        && m->body < to + m->base.length)
        return -EFAULT;
    if (are_senders && (*error = reserve(m))) return MESSAGE_UNFIT;
    int result = as_pages ? prepare(m, r) : copy(m, r, error);
    bool is_prepared = as_pages && result == 0;
    if (result == 0) result = deliver_rest(m, r, error);
    if (result && is_prepared && m->base.length) {      // nothing will come after all
        release_charge(m, r->process->account);
        if (!to) {              // `body` may have been written already
            uptr_t at = uptr_add(r->message, offsetof(struct user_message, body));
            (void)!space_unmap(r->process->space, r->body.address, m->base.length);
            r->body = uptr(0);
            (void)!space_write(r->process->space, at, &r->body, sizeof(r->body));
        }
    }
    if (result == 0 && are_senders) take(m);
    if (result == 0 && as_pages) {
        give(m, r);
    } else if (result == 0 || are_senders) {
        moved_pages_free(m->pages);     // r has a copy of them, or they have not left
        m->pages = NULL;
    }
    return result;
}

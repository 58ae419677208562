/* move_pages.c - a body that is too big to copy travels as page-table entries.
 *
 *      sender's table  --->  moved_pages  --->  receiver's table
 *      region and entries    one word each      a region of its own, or what was there
 *      are gone                                 replaced
 *
 * A page that was never touched travels as nothing, one that is shared copy-on-write as
 * what it is. No byte is copied, and none of the loops does more than a few steps for
 * a page.
 *
 * Invariants: entries of `pages` hold the references that the sender's table held; they
 * stay charged to who paid for them until a receiver takes them over.
 * Tests: user/tests/native_move.c.
 * See: IPC.md 5.
 */
#include "ipc/move_pages.h"

#include "base/string.h"
#include "core/panic.h"
#include "mm/account.h"
#include "mm/heap.h"
#include "mm/page_table.h"

struct moved_pages {
    uint32_t count;
    bool taken;
    uint32_t entries[];         /* physical address and PTE_WRITABLE; 0: untouched */
};

#define TABLE_SPAN (1u << 21)   /* what one page table maps */

int moved_pages_check(struct address_space *space, vaddr_t start, uint32_t size) {
    vaddr_t end = start + size;

    if ((start | size) & PAGE_MASK) return -EINVAL;
    for (vaddr_t at = start; at < end;) {
        const struct region *region = space_find(space, at);
        if (!region) return -EFAULT;
        if (region->object || region->owner || region->flags & ~REGION_GROWS_DOWN)
            return -EINVAL;
        at = region->end;
    }
    return 0;
}

int moved_pages_reserve(struct native_message *m) {
    uint32_t count = m->base.length >> PAGE_SHIFT;
    int error = moved_pages_check(m->space, m->body, m->base.length);

    if (error) return error;
    struct moved_pages *pages =
        heap_alloc_raw(HEAP_MESSAGE_BODY, sizeof(*pages) + count * sizeof(uint32_t));
    if (!pages) return -ENOMEM;
    if (count && space_cut(m->space, m->body, m->body + m->base.length)) {
        heap_free(pages);
        return -ENOMEM;
    }
    pages->count = count;
    pages->taken = false;       // and its entries are nothing yet
    m->pages = pages;
    return 0;
}

/* Of one page table: takes `count` entries out of it. How many hold a frame. */
static uint32_t take_entries(pte_t *from, uint32_t *to, uint32_t count) {
    uint32_t untouched = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t low = (uint32_t)from[i];
        if (unlikely(!pte_has_frame(low))) {
            to[i] = 0;
            untouched++;
            continue;
        }
        to[i] = low & ((uint32_t)PTE_ADDRESS | PTE_WRITABLE);
        from[i] = 0;
    }
    return count - untouched;
}

void moved_pages_take(struct native_message *m) {
    struct moved_pages *pages = m->pages;
    struct address_space *space = m->space;
    vaddr_t end = m->body + m->base.length;
    uint32_t *to = pages->entries;

    pages->taken = true;
    if (pages->count == 0) return;
    for (vaddr_t at = m->body; at < end;) {
        vaddr_t table_end = min(end, round_down(at, TABLE_SPAN) + TABLE_SPAN);
        uint32_t count = (table_end - at) >> PAGE_SHIFT;
        pte_t *entry = pte_find(space, at);
        if (entry)
            space->nr_resident -= take_entries(entry, to, count);
        else
            memset(to, 0, count * sizeof(*to));
        to += count;
        at = table_end;
    }
    space_flush(space, m->body, end);
    if (space_unmap(space, m->body, m->base.length))
        panic("pages moved out of a region that could not be unmapped");
}

void moved_pages_free(struct moved_pages *pages) {
    for (uint32_t i = 0; i < pages->count && pages->taken; i++)
        if (pages->entries[i]) frame_put(frame_of_paddr(pages->entries[i]));
    heap_free(pages);
}

bool moved_pages_fit(const struct native_message *m, const struct native_receiver *r) {
    vaddr_t body = r->body.address;

    return m->moves && r->moves
           && (!body
               || ((body & PAGE_MASK) == 0 && r->room >= m->base.length
                   && user_range_ok(r->body, m->base.length)));
}

/* Memory for the receiver is charged to the receiver, whoever runs now. */
static struct account *charge_to(struct account *account) {
    struct account *before = this_cpu()->account;

    this_cpu()->account = account;
    return before;
}

static bool make_tables(struct address_space *space, vaddr_t start, vaddr_t end) {
    for (vaddr_t at = start; at < end; at = round_down(at, TABLE_SPAN) + TABLE_SPAN)
        if (!pte_make(space, at)) return false;
    return true;
}

static bool is_plain_memory(struct address_space *space, vaddr_t start, vaddr_t end) {
    const struct region *region = space_find(space, start);

    return region && region->end >= end && !region->object && !region->owner
           && region->flags == 0 && region->protection == (PROT_READ | PROT_WRITE);
}

/* An empty region at the place, or at one that the kernel chooses. */
static int make_region(struct address_space *space, struct native_receiver *r,
                       uint32_t size) {
    vaddr_t start = r->body.address;

    if (!start && !(start = space_find_gap(space, 0, size))) return -ENOMEM;
    if (start < USER_START || !make_tables(space, start, start + size)) return -ENOMEM;
    if (is_plain_memory(space, start, start + size)) {
        space_discard(space, start, size);
    } else {
        if (space_unmap(space, start, size)) return -ENOMEM;
        if (space_map(space, start, size, PROT_READ | PROT_WRITE, 0, NULL, 0, NULL))
            return -ENOMEM;
    }
    r->body = uptr(start);
    return 0;
}

/* Who receives from another user is charged for all pages beforehand. */
static void release_charge(const struct native_message *m, struct account *account) {
    if (account != m->payer)
        account_release(account, ACCOUNT_FRAMES, m->base.length >> PAGE_SHIFT);
}

int moved_pages_prepare(const struct native_message *m, struct native_receiver *r) {
    struct account *account = r->process->account;
    uint32_t count = m->base.length >> PAGE_SHIFT;

    if (count == 0) return 0;
    if (account != m->payer && !account_charge(account, ACCOUNT_FRAMES, count))
        return -ENOMEM;
    struct account *before = charge_to(account);
    r->body_was_null = !r->body.address;
    int error = make_region(r->process->space, r, m->base.length);
    charge_to(before);
    if (error) release_charge(m, account);
    return error;
}

void moved_pages_unprepare(const struct native_message *m, struct native_receiver *r) {
    uint32_t size = m->base.length;

    if (size == 0) return;
    release_charge(m, r->process->account);
    if (!r->body_was_null) return;
    (void)!space_unmap(r->process->space, r->body.address, size);
    r->body = uptr(0);
}

/* The receiver pays from now on; it was charged for `count` pages beforehand. Pages
 * that others hold, too, stay with whoever paid first. */
static void recharge(const struct moved_pages *pages, struct account *to) {
    uint32_t taken_over = 0;

    for (uint32_t i = 0; i < pages->count; i++) {
        struct frame *frame =
            pages->entries[i] ? frame_of_paddr(pages->entries[i]) : NULL;
        if (!frame || frame->refs > 1 || frame->account == to->number) continue;
        account_release(account_by_number(frame->account), ACCOUNT_FRAMES, 1);
        frame->account = to->number;
        taken_over++;
    }
    account_release(to, ACCOUNT_FRAMES, pages->count - taken_over);
}

/* Of one page table: puts `count` entries into it, which are empty. How many hold a
 * frame. */
static uint32_t give_entries(pte_t *to, const uint32_t *from, uint32_t count) {
    pte_t bits = pte_bits(PROT_READ | PROT_WRITE);
    uint32_t untouched = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (likely(from[i]))
            to[i] = from[i] | bits;
        else
            untouched++;
    }
    return count - untouched;
}

static bool is_within(uptr_t p, size_t size, vaddr_t start, vaddr_t end) {
    return p.address < end && p.address + size > start;
}

void moved_pages_give(struct native_message *m, struct native_receiver *r) {
    struct moved_pages *pages = m->pages;
    struct address_space *space = r->process->space;
    vaddr_t at = r->body.address, end = at + m->base.length;
    const uint32_t *from = pages->entries;

    m->pages = NULL;
    // what was written to the place since it was emptied goes
    if (unlikely(is_within(r->message, sizeof(struct user_message), at, end)
                 || is_within(r->fds, MSG_FDS_MAX * sizeof(int), at, end)))
        space_discard(space, at, end - at);
    while (at < end) {
        vaddr_t table_end = min(end, round_down(at, TABLE_SPAN) + TABLE_SPAN);
        uint32_t count = (table_end - at) >> PAGE_SHIFT;
        space->nr_resident += give_entries(pte_find(space, at), from, count);
        from += count;
        at = table_end;
    }
    if (pages->count && m->payer != r->process->account)
        recharge(pages, r->process->account);
    heap_free(pages);
}

int moved_pages_copy(struct native_message *m, struct native_receiver *r, int *error) {
    static const uint8_t zeros[PAGE_SIZE];
    const struct moved_pages *pages = m->pages;

    for (uint32_t i = 0; i < pages->count; i++) {
        const void *page = zeros;
        if (!pages->taken)
            page = space_page(m->space, m->body + i * PAGE_SIZE, PROT_READ);
        else if (pages->entries[i])
            page = frame_address(frame_of_paddr(pages->entries[i]));
        if (!page) {
            *error = -EFAULT;
            return MESSAGE_UNFIT;
        }
        if (write_body(r, i * PAGE_SIZE, page, PAGE_SIZE)) return -EFAULT;
    }
    return 0;
}

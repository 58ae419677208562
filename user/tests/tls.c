/* tls.c - set_thread_area(2): "sets an entry in the current thread's Thread Local
 * Storage (TLS) array"; "When set_thread_area() is passed an entry_number of -1, it
 * searches for a free TLS entry"; EINVAL, EFAULT, "ESRCH: A free TLS entry could not be
 * located". The C library uses one entry; Parley has just that one, Linux three.
 */
#include "fault.h"
#include "raw.h"

struct descriptor {
    uint32_t entry, base, limit, flags;
};

enum {
    SEG_32BIT = 1,
    CONTENTS = 6,
    READ_ONLY = 8,
    PAGES = 16,
    NOT_PRESENT = 32,
    USEABLE = 64
};

static uint32_t own_entry, own_base;

static long set(struct descriptor *d) {
    return raw(SYS_set_thread_area, (long)d);
}

/* The thread's descriptor as the C library has set it. */
static struct descriptor own(void) {
    return (struct descriptor){ own_entry, own_base, 0xfffff,
                                SEG_32BIT | PAGES | USEABLE };
}

static void find_own(void) {
    uint16_t gs;
    __asm__("movw %%gs, %0; movl %%gs:0, %1" : "=r"(gs), "=r"(own_base));
    own_entry = gs >> 3;
    is_int(gs & 7, 3, "GS holds a selector of the GDT with RPL 3");
}

/* Words in memory and through GS with another base; GS is put right again. */
static void bases(void) {
    static uint32_t words[4] = { 0xaaaa0001, 0xaaaa0002, 0xaaaa0003, 0xaaaa0004 };
    struct descriptor other = own(), good = own();
    uint32_t got, again;
    other.base = (uint32_t)(uintptr_t)words;
    long a = set(&other);
    __asm__ volatile("movl %%gs:8, %0" : "=r"(got));
    long b = set(&good);
    __asm__ volatile("movl %%gs:0, %0" : "=r"(again));
    is_int(a, 0, "an entry in use can be changed");
    is_int(got, 0xaaaa0003, "GS reads from the new base at once");
    is_int(b, 0, "and changed back");
    is_int(again, own_base, "at once");
}

/* Puts the entry and GS right; for a handler, which may make no other call before. */
static void repair(void) {
    struct descriptor good = own();
    uint16_t selector = (uint16_t)(own_entry << 3 | 3);
    set(&good);
    __asm__ volatile("movw %0, %%gs" : : "r"(selector));
}

static uint32_t load_through_gs(uint32_t base, uint32_t offset) {
    struct descriptor other = own(), good = own();
    uint32_t value;
    other.base = base;
    set(&other);
    __asm__ volatile("movl %%gs:(%1), %0" : "=r"(value) : "r"(offset));
    set(&good);
    return value;
}

static void wild(void *base) {
    load_through_gs((uint32_t)(uintptr_t)base, 0);
}

/* A base anywhere gives no access that paging does not give. */
static void wild_bases(void) {
    static const uint32_t where[] = { 0,          16,         0xc0000000,
                                      0xc0100000, 0xfffff000, 0xffffffff };
    struct fault f;
    for (int i = 0; i < 6; i++)
        ok(faults(wild, (void *)(uintptr_t)where[i], &f) && f.signo == SIGSEGV,
           "base 0x%x: a read through GS is SIGSEGV", where[i]);
    uint32_t word = 0x12345678;
    is_int(load_through_gs((uint32_t)(uintptr_t)&word + 0x1000, 0xfffff000), 0x12345678,
           "base plus offset wraps at 4 GiB");
}

/* Every combination of the flag bits for a harmless base: taken if it describes a
 * present 32-bit data segment, or is the empty descriptor; else EINVAL. */
static void flag_bits(void) {
    int bad = 0;
    for (uint32_t flags = 0; flags < 128; flags++) {
        struct descriptor d = own();
        d.flags = flags;
        int data = !(flags & 4),
            right = (flags & SEG_32BIT) && data && !(flags & NOT_PRESENT);
        long r = set(&d);
        repair();
        if (r != (right ? 0 : -EINVAL))
            note("flags 0x%x gave %ld", flags, r), bad++;
    }
    is_int(bad, 0, "128 combinations of flags: present 32-bit data, or EINVAL");
}

static void empty(void *unused) {
    struct descriptor d = { own_entry, 0, 0, READ_ONLY | NOT_PRESENT };
    uint16_t before, after, selector = (uint16_t)(own_entry << 3 | 3);
    (void)unused;
    long r = set(&d);
    __asm__ volatile("movw %%gs, %0" : "=r"(before));
    raw(SYS_sched_yield);
    __asm__ volatile("movw %%gs, %0" : "=r"(after));
    repair();
    need(r == 0 && (before == selector || before == 0) && after <= selector);
}

static void load_emptied(void *unused) {
    struct descriptor d = { own_entry, 0, 0, READ_ONLY | NOT_PRESENT };
    uint16_t selector = (uint16_t)(own_entry << 3 | 3);
    (void)unused;
    set(&d);
    __asm__ volatile("movw %0, %%gs; movl %%gs:0, %%eax" : : "r"(selector) : "eax");
}

static void errors(void) {
    static const uint32_t entry[] = { 0, 1,   2,    3,          4,
                                      5, 100, 8191, 0x80000000, 0xfffffffe };
    int right = 0;
    for (int i = 0; i < 10; i++) {
        struct descriptor d = own();
        d.entry = entry[i];
        right += set(&d) == -EINVAL;
    }
    is_int(right, 10, "EINVAL: entries that are not for TLS");
    is_int(set((void *)16), -EFAULT, "EFAULT: a bad address");
    is_int(set((void *)0xfffffff8), -EFAULT,
           "EFAULT: one that runs out of the address space");
    long r = 0;
    int got = 0;
    uint32_t last = own_entry;
    while (got < 5) {
        struct descriptor d = own();
        d.entry = (uint32_t)-1;
        if ((r = set(&d)) != 0)
            break;
        if (d.entry == last)
            note("entry %u was given twice", d.entry), got = 9;
        last = d.entry;
        got++;
    }
    is_int(r, -ESRCH, "ESRCH: no free entry");
    ok(got <= 2, "after at most two more (%d)", got);
}

static void in_a_child(void *unused) {
    static uint32_t words[2] = { 1, 2 };
    struct descriptor d = own(), good = own();
    uint32_t value;
    (void)unused;
    pid_t pid = tap_fork();                             // the parent's GS stays
    if (pid == 0) {
        d.base = (uint32_t)(uintptr_t)words;
        set(&d);
        for (int i = 0; i < 20; i++)
            raw(SYS_sched_yield);
        __asm__ volatile("movl %%gs:4, %0" : "=r"(value));
        set(&good);
        _exit(value == 2 ? 0 : 1);
    }
    for (int i = 0; i < 20; i++) {
        raw(SYS_sched_yield);
        __asm__ volatile("movl %%gs:0, %0" : "=r"(value));
        need(value == own_base);
    }
    need(wait_for(pid) == 0);
}

int main(void) {
    struct fault f;
    fault_hook = repair;
    find_own();
    bases();
    wild_bases();
    flag_bits();
    is_exit(in_child(empty, NULL), 0,
            "an emptied entry that GS holds: the kernel lives");
    ok(faults(load_emptied, NULL, &f) && f.signo == SIGSEGV,
       "a load of an emptied entry is SIGSEGV");
    is_exit(in_child(in_a_child, NULL), 0, "each process has its own entries");
    errors();
    return done_testing();
}

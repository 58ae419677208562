/* lock.h - the big kernel lock. kernel/README.md's contract says who may call this.
 *
 * A test-and-set lock, not a ticket lock: under an emulator a waiting CPU's host thread
 * may not be running, and with tickets everybody behind it would wait for it. It
 * belongs to the CPU, not to a thread, so a context switch carries it along. A spinning
 * CPU answers TLB and halt requests, or the one who waits for its answer would wait for
 * ever.
 */
#pragma once

#include "arch/x86/cpu.h"

extern struct cpu *volatile bkl_owner;  /* [ipi] NULL: free */

struct cpu *bkl_acquire_slow(struct cpu *me);

static inline bool bkl_is_held_by(const struct cpu *cpu) { return bkl_owner == cpu; }

/* `me` is this_cpu(), for who has it at hand; it is also the result. */
static inline struct cpu *bkl_acquire_for(struct cpu *me) {
    if (unlikely(!__sync_bool_compare_and_swap(&bkl_owner, NULL, me)))
        me = bkl_acquire_slow(me);
    return me;
}

static inline void bkl_acquire(void) { bkl_acquire_for(this_cpu()); }

/* x86 stores are not reordered with earlier stores or loads, so a plain store that the
 * compiler may not move releases the lock. */
static inline void bkl_release(void) {
    __atomic_store_n(&bkl_owner, NULL, __ATOMIC_RELEASE);
}

/* lock.c - the big kernel lock's slow path.
 *
 * Why a waiter answers requests: CPU 0 holds the lock and waits for CPU 1 to flush its
 * TLB; CPU 1 has just entered the kernel with interrupts off and waits for the lock. If
 * it only spun, neither would ever move.
 */
#include "arch/x86/lock.h"

struct cpu *volatile bkl_owner;

struct cpu *bkl_acquire_slow(struct cpu *me) {
    while (bkl_owner || !__sync_bool_compare_and_swap(&bkl_owner, NULL, me)) {
        if (me->requests) cpu_answer_requests();
        cpu_relax();
    }
    return me;
}

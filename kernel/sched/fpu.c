/* fpu.c - the floating point unit's state follows its thread, when it is used.
 *
 * A thread that never computes with it pays nothing: CR0.TS makes the first use trap
 * (#NM), which loads the thread's state. At switch-out a thread that used it saves it
 * and sets TS again, so nothing of it stays reachable on the CPU.
 */
#include "arch/x86/io.h"
#include "sched/thread.h"

enum { CR0_TS = 8 };

uint32_t fpu_mxcsr_mask;

static void set_ts(void) { write_register(cr0, read_register(cr0) | CR0_TS); }

static void save(struct fpu_image *to) { __asm__ volatile("fxsave %0" : "=m"(*to)); }

void fpu_save(struct thread *t) {
    if (fpu_is_used(t)) save(&t->fpu_state);
}

void fpu_replace(struct thread *t, bool valid) {
    t->fpu_valid = valid;
    if (fpu_is_used(t)) {
        t->attention &= ~(uint32_t)ATTENTION_FPU;
        set_ts();
    }
}

void fpu_switch_out(struct thread *t) {
    fpu_save(t);
    fpu_replace(t, true);
}

void fpu_load(void) {
    static const struct fpu_image fresh = { .control = 0x37f, .mxcsr = 0x1f80 };
    struct thread *t = current();

    __asm__ volatile("clts");
    __asm__ volatile("fxrstor %0" : : "m"(*(t->fpu_valid ? &t->fpu_state : &fresh)));
    t->attention |= ATTENTION_FPU;
    t->fpu_valid = true;
}

/* The MXCSR bits this CPU has: FXSAVE tells; 0 means the first SSE processors' set. */
void fpu_init(void) {
    struct fpu_image image;

    __asm__ volatile("clts");
    save(&image);
    set_ts();
    fpu_mxcsr_mask = image.mxcsr_mask ? image.mxcsr_mask : 0xffbf;
}

/* The eight registers from operand 1 + i, to operand 2 + i, or both; operand 0 is an
 * offset. */
#define WIDE(load, store, i)                                                           \
    load(0, i) load(1, i) load(2, i) load(3, i) load(4, i) load(5, i) load(6, i)       \
    load(7, i) store(0, i) store(1, i) store(2, i) store(3, i) store(4, i)             \
    store(5, i) store(6, i) store(7, i)
#define FROM(n, i) "movups " #i "+" #n "*16(%1,%0), %%xmm" #n "\n"
#define TO(n, i)   "movups %%xmm" #n ", " #i "+" #n "*16(%2,%0)\n"
#define NONE(n, i)

void fpu_copy(void *to, const void *from, size_t size) {
    bool is_used = fpu_is_used(current());
    int32_t at = -(int32_t)size;
    char kept[8 * 16];

    if (is_used)
        __asm__ volatile(WIDE(NONE, TO, 0) : : "r"(0), "r"(0), "r"(kept) : "memory");
    else
        __asm__ volatile("clts");
    __asm__ volatile("1:\n" WIDE(FROM, TO, 0) WIDE(FROM, TO, 128) WIDE(FROM, TO, 256)
                     WIDE(FROM, TO, 384) "addl %3, %0\n jnz 1b"
                     : "+r"(at)
                     : "r"((const char *)from + size), "r"((char *)to + size),
                       "i"(FPU_COPY)
                     : "memory");
    if (is_used) __asm__ volatile(WIDE(FROM, NONE, 0) : : "r"(0), "r"(kept) : "memory");
    else set_ts();
}

/* fpu.c - the floating point unit's state follows its thread, when it is used.
 *
 * A thread that never computes with it pays nothing: CR0.TS makes the first use trap
 * (#NM), which loads the thread's state. At switch-out a thread that used it saves it
 * and sets TS again, so nothing of it stays reachable on the CPU.
 */
#include "arch/x86/io.h"
#include "base/string.h"
#include "sched/thread.h"

enum { CR0_TS = 8 };

uint32_t fpu_mxcsr_mask;

static void set_ts(void) { write_cr0(read_cr0() | CR0_TS); }

static void save(struct thread *t) {
    __asm__ volatile("fxsave %0" : "=m"(t->fpu_state));
    t->fpu_valid = true;
}

void fpu_switch_out(struct thread *t) {
    save(t);
    t->fpu_used = false;
    set_ts();
}

void fpu_save(struct thread *t) {
    if (t->fpu_used) save(t);
}

void fpu_replace(struct thread *t, bool valid) {
    t->fpu_valid = valid;
    if (t->fpu_used) {
        t->fpu_used = false;
        set_ts();
    }
}

static void fpu_initial_image(uint8_t state[512]) {
    memset(state, 0, 512);
    state[0] = 0x7f;            // FCW 0x037f
    state[1] = 0x03;
    state[24] = 0x80;           // MXCSR 0x1f80
    state[25] = 0x1f;
}

/* The MXCSR bits this CPU has: FXSAVE tells; 0 means the first SSE processors' set. */
void fpu_init(void) {
    static uint8_t image[512] __attribute__((aligned(16)));
    uint32_t mask;

    __asm__ volatile("clts");
    __asm__ volatile("fxsave %0" : "=m"(image));
    set_ts();
    memcpy(&mask, image + 28, sizeof(mask));
    fpu_mxcsr_mask = mask ? mask : 0xffbf;
}

/* The eight registers from operand 1, to operand 2, or both; operand 0 is an offset. */
#define WIDE(load, store)                                                              \
    load(0) load(1) load(2) load(3) load(4) load(5) load(6) load(7)                    \
    store(0) store(1) store(2) store(3) store(4) store(5) store(6) store(7)
#define FROM(n) "movups " #n "*16(%1,%0), %%xmm" #n "\n"
#define TO(n)   "movups %%xmm" #n ", " #n "*16(%2,%0)\n"
#define NONE(n)

void fpu_copy(void *to, const void *from, size_t size) {
    bool is_used = current()->fpu_used;
    int32_t at = -(int32_t)size;
    char kept[FPU_COPY];

    if (is_used)
        __asm__ volatile(WIDE(NONE, TO) : : "r"(0), "r"(0), "r"(kept) : "memory");
    else
        __asm__ volatile("clts");
    __asm__ volatile("1:\n" WIDE(FROM, TO) "addl %3, %0\n jnz 1b"
                     : "+r"(at)
                     : "r"((const char *)from + size), "r"((char *)to + size),
                       "i"(FPU_COPY)
                     : "memory");
    if (is_used)
        __asm__ volatile(WIDE(FROM, NONE) : : "r"(0), "r"(kept) : "memory");
    else
        set_ts();
}

void fpu_load(void) {
    struct thread *t = current();

    __asm__ volatile("clts");
    if (!t->fpu_valid) fpu_initial_image(t->fpu_state);
    __asm__ volatile("fxrstor %0" : : "m"(t->fpu_state));
    t->fpu_used = true;
    t->fpu_valid = true;
}

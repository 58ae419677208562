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

static void set_ts(void)
{
    write_cr0(read_cr0() | CR0_TS);
}

static void save(struct thread *t)
{
    __asm__ volatile("fxsave %0" : "=m"(t->fpu_state));
    t->fpu_valid = true;
}

void fpu_switch_out(struct thread *t)
{
    save(t);
    t->fpu_used = false;
    set_ts();
}

void fpu_save(struct thread *t)
{
    if (t->fpu_used)
        save(t);
}

void fpu_reset(struct thread *t)
{
    t->fpu_valid = false;
    if (t->fpu_used) {
        t->fpu_used = false;
        set_ts();
    }
}

void fpu_reload(struct thread *t)
{
    t->fpu_valid = true;
    if (t->fpu_used) {
        t->fpu_used = false;
        set_ts();
    }
}

void fpu_initial_image(uint8_t state[512])
{
    memset(state, 0, 512);
    state[0] = 0x7f;            // FCW 0x037f
    state[1] = 0x03;
    state[24] = 0x80;           // MXCSR 0x1f80
    state[25] = 0x1f;
}

/* The MXCSR bits this CPU has: FXSAVE tells; 0 means the first SSE processors' set. */
void fpu_init(void)
{
    static uint8_t image[512] __attribute__((aligned(16)));
    uint32_t mask;

    __asm__ volatile("clts");
    __asm__ volatile("fxsave %0" : "=m"(image));
    set_ts();
    memcpy(&mask, image + 28, sizeof(mask));
    fpu_mxcsr_mask = mask ? mask : 0xffbf;
}

void fpu_load(void)
{
    struct thread *t = current();

    __asm__ volatile("clts");
    if (!t->fpu_valid)
        fpu_initial_image(t->fpu_state);
    __asm__ volatile("fxrstor %0" : : "m"(t->fpu_state));
    t->fpu_used = true;
    t->fpu_valid = true;
}

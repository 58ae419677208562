/* attack_fpu.c - no register of the x87 and SSE units shows what another process had in
 * it. Processes that keep all of them full of a pattern run beside others that execute
 * this program again and look: a new program finds the initial state (the processor's
 * FNINIT and MXCSR 0x1f80, all data zero), whatever was there before.
 */
#include "tap.h"

#include <sys/syscall.h>

enum { HOGS = 3, LOOKS = 25 };

/* Fills every register with 0x5a and yields, for ever. */
static void hog(void) {
    static unsigned char pattern[16] __attribute__((aligned(16)));
    static double value;
    memset(pattern, 0x5a, sizeof pattern);
    memset(&value, 0x5a, sizeof value);
    for (;;) {
        long nr = SYS_sched_yield;
        __asm__ volatile("fninit; fldl %2; fldl %2; fldl %2; fldl %2\n\t"
                         "fldl %2; fldl %2; fldl %2; fldl %2\n\t"
                         "movaps %1, %%xmm0; movaps %1, %%xmm1; movaps %1, %%xmm2\n\t"
                         "movaps %1, %%xmm3; movaps %1, %%xmm4; movaps %1, %%xmm5\n\t"
                         "movaps %1, %%xmm6; movaps %1, %%xmm7\n\t"
                         "int $0x80"
                         : "+a"(nr) : "m"(pattern), "m"(value) : "memory");
    }
}

/* The whole state as FXSAVE shows it. 0: nothing but the initial state. */
static int look(void) {
    static unsigned char image[512] __attribute__((aligned(16)));
    __asm__ volatile("fxsave %0" : "=m"(image));
    if (image[0] != 0x7f || image[1] != 0x03)
        return 1;                                       // control word 0x37f
    if (image[2] || image[3] || image[4])
        return 2;                                       // status, tags: empty
    if (image[24] != 0x80 || image[25] != 0x1f)
        return 3;                                       // MXCSR 0x1f80
    for (int i = 32; i < 288; i++)                      // x87 registers, XMM0 to XMM7
        if (image[i])
            return 4;
    return 0;
}

int main(int argc, char **argv) {
    char *self = self_path();
    pid_t pid[HOGS], looker;
    int right = 0;
    (void)argv;
    if (argc > 1)
        return look();
    for (int i = 0; i < HOGS; i++)
        CHILD (pid[i])
            hog();
    for (int i = 0; i < LOOKS; i++) {
        CHILD (looker) {
            execl(self, self, "look", NULL);
            _exit(97);
        }
        int status = wait_for(looker);
        right += status == 0;
        if (status)
            note("look %d: status 0x%x", i, status);
    }
    is_int(right, LOOKS, "a new program finds no register of another process, %d times",
           LOOKS);
    for (int i = 0; i < HOGS; i++) {
        kill(pid[i], SIGKILL);
        is_killed(wait_for(pid[i]), SIGKILL, "hog %d ran to its end", i);
    }
    return done_testing();
}

/* attack_registers.c - syscall(2), "Architecture calling conventions", i386: the result
 * is in EAX; all other registers, the flags and the segment registers are preserved.
 * Compared bit by bit, by calls that succeed, fail, sleep, switch and fork, by both
 * ways in: int 0x80 and the routine that AT_SYSINFO names. After exec a program finds
 * no other's values.
 */
#include "tap.h"

#include <sys/syscall.h>

/* Registers and flags around a call, in the order that call_all uses. */
static struct {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp, eflags, esp;
    uint32_t segment[6];        /* cs ss ds es fs gs */
} in, out __attribute__((used));

static uint32_t saved_esp __attribute__((used)), entry __attribute__((used));

void call_all(void);

/* Loads `in`, enters the kernel by int 0x80, or by calling `entry` if that is not 0,
 * and stores everything in `out`. */
__asm__("call_all:\n\t"
        "pushal; pushfl\n\t"
        "movl %esp, saved_esp\n\t"
        "pushl in+28; popfl\n\t"
        "movl in, %eax; movl in+4, %ebx; movl in+8, %ecx; movl in+12, %edx\n\t"
        "movl in+16, %esi; movl in+20, %edi; movl in+24, %ebp\n\t"
        "movl %esp, in+32\n\t"
        "movw %cs, in+36; movw %ss, in+40; movw %ds, in+44; movw %es, in+48\n\t"
        "movw %fs, in+52; movw %gs, in+56\n\t"
        "cmpl $0, entry; jne 1f\n\t"
        "pushl in+28; popfl\n\t"
        "int $0x80; jmp 2f\n"
        "1: pushl in+28; popfl\n\t"
        "call *entry\n"
        "2: movl %esp, out+32\n\t"
        "pushfl; popl out+28\n\t"
        "movl %eax, out; movl %ebx, out+4; movl %ecx, out+8; movl %edx, out+12\n\t"
        "movl %esi, out+16; movl %edi, out+20; movl %ebp, out+24\n\t"
        "movw %cs, out+36; movw %ss, out+40; movw %ds, out+44; movw %es, out+48\n\t"
        "movw %fs, out+52; movw %gs, out+56\n\t"
        "movl saved_esp, %esp\n\t"
        "cld; popfl; popal; ret");

static void load(uint32_t nr, uint32_t a, uint32_t b, uint32_t c) {
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.eax = nr;
    in.ebx = a, in.ecx = b, in.edx = c;
    in.esi = 0x51515151, in.edi = 0xd1d1d1d1, in.ebp = 0xb9b9b9b9;
    in.eflags = 0x202 | 1 | 4 | 16 | 128 | 2048;        // CF PF AF SF OF
}

/* All but EAX as before? The flags are only promised by int 0x80. */
static int preserved(void) {
    uint32_t eflags = in.eflags;
    int bad = 0;
    const uint32_t *a = &in.ebx, *b = &out.ebx;
    for (int i = 0; i < 6; i++)
        if (a[i] != b[i])
            note("register %d was 0x%x is 0x%x", i + 1, a[i], b[i]), bad++;
    if (in.esp != out.esp || memcmp(in.segment, out.segment, sizeof in.segment) != 0)
        note("esp or a segment register has changed"), bad++;
    if (!entry && out.eflags != eflags)
        note("flags were 0x%x are 0x%x", eflags, out.eflags), bad++;
    return bad == 0;
}

static void simple(const char *way) {
    char text[] = "hello", got[8];
    int p[2];
    need(pipe(p) == 0);
    load(SYS_getpid, 0x11111111, 0x22222222, 0x33333333);
    call_all();
    ok(preserved() && (pid_t)out.eax == getpid(), "%s: getpid", way);
    load(SYS_write, (uint32_t)p[1], (uint32_t)(uintptr_t)text, 5);
    call_all();
    ok(preserved() && out.eax == 5, "%s: write", way);
    load(SYS_read, (uint32_t)p[0], (uint32_t)(uintptr_t)got, 5);
    call_all();
    ok(preserved() && out.eax == 5, "%s: read", way);
    load(SYS_read, 9999, 16, 5);
    call_all();
    ok(preserved() && (int)out.eax == -EBADF, "%s: a call that fails", way);
    load(SYS_read, (uint32_t)p[0], 16, 5);
    need(write(p[1], "x", 1) == 1);
    call_all();
    ok(preserved() && (int)out.eax == -EFAULT, "%s: a call that faults", way);
    load(0x7fffffff, 1, 2, 3);
    call_all();
    ok(preserved() && (int)out.eax == -ENOSYS, "%s: a call that there is not", way);
    load(SYS_sched_yield, 1, 2, 3);
    call_all();
    ok(preserved() && out.eax == 0, "%s: sched_yield", way);
    close(p[0]);
    close(p[1]);
}

static void handler(int sig) {
    __asm__ volatile("movl $-1, %%eax; movl %%eax, %%ecx; movl %%eax, %%edx; stc"
                     : : : "eax", "ecx", "edx", "cc");
    (void)sig;
}

static void sleeping(const char *way) {
    char got[8];
    int p[2];
    pid_t pid, parent = getpid();
    need(pipe(p) == 0);
    struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    CHILD (pid) {
        until_asleep(parent);
        kill(parent, SIGUSR1);                          // the call is restarted once
        sched_yield();
        until_asleep(parent);
        need(write(p[1], "y", 1) == 1);
    }
    load(SYS_read, (uint32_t)p[0], (uint32_t)(uintptr_t)got, 5);
    call_all();
    ok(preserved() && out.eax == 1, "%s: a read that sleeps and is restarted", way);
    wait_for(pid);
    load(SYS_kill, (uint32_t)getpid(), SIGUSR1, 0x77777777);
    call_all();
    ok(preserved() && out.eax == 0, "%s: a call that ends in a signal handler", way);
    close(p[0]);
    close(p[1]);
}

static void forking(const char *way) {
    pid_t me = getpid();
    load(SYS_fork, 0x1f1f1f1f, 0x2f2f2f2f, 0x3f3f3f3f);
    call_all();
    if (getpid() != me)
        _exit(preserved() && out.eax == 0 ? 7 : 8);
    ok(preserved() && (int)out.eax > 0, "%s: fork, in the parent", way);
    is_exit(wait_for((pid_t)out.eax), 7, "%s: and in the child", way);
}

int main(void) {
    simple("int 0x80");
    sleeping("int 0x80");
    forking("int 0x80");
    entry = (uint32_t)getauxval(AT_SYSINFO);
    if (entry) {
        simple("AT_SYSINFO");
        sleeping("AT_SYSINFO");
        forking("AT_SYSINFO");
    } else {
        skip(11, "there is no AT_SYSINFO");
    }
    return done_testing();
}

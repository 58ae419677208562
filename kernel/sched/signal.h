/* signal.h - numbers, sets and posting of signals: what every sleeper must see is that
 * one is pending. What it does to who takes it is kernel/ipc/signal_*.c.
 */
#pragma once

#include "base/list.h"

enum signal_number {
    SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6,
    SIGBUS = 7, SIGFPE = 8, SIGKILL = 9, SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12,
    SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGSTKFLT = 16, SIGCHLD = 17,
    SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGURG = 23,
    SIGXCPU = 24, SIGXFSZ = 25, SIGVTALRM = 26, SIGPROF = 27, SIGWINCH = 28, SIGIO = 29,
    SIGPWR = 30, SIGSYS = 31, SIGRTMIN = 32, SIGNALS = 64,
};

typedef uint64_t sigset_t;      /* bit n - 1 for signal n */

#define sigset_of(signal) ((sigset_t)1 << ((signal) - 1))

/* The same as & and |, in an instruction: the processor finds the bit in memory. */
static inline bool sigset_has(const sigset_t *set, int signal) {
    bool has;

    __asm__("btl %2, %1" : "=@ccc"(has) : "m"(*set), "r"(signal - 1));
    return has;
}

static inline void sigset_add(sigset_t *set, int signal) {
    __asm__("btsl %1, %0" : "+m"(*set) : "r"(signal - 1) : "cc");
}

static inline void sigset_remove(sigset_t *set, int signal) {
    __asm__("btrl %1, %0" : "+m"(*set) : "r"(signal - 1) : "cc");
}

#define SIGSET_UNBLOCKABLE (sigset_of(SIGKILL) | sigset_of(SIGSTOP))
#define SIGSET_STOPS \
    (sigset_of(SIGSTOP) | sigset_of(SIGTSTP) | sigset_of(SIGTTIN) | sigset_of(SIGTTOU))

enum signal_code {
    SI_USER = 0, SI_KERNEL = 0x80, SI_TIMER = -2, SI_MESGQ = -3, SI_TKILL = -6,
    ILL_ILLOPN = 2, FPE_INTDIV = 1, FPE_FLTDIV = 3, FPE_FLTOVF = 4, FPE_FLTUND = 5,
    FPE_FLTRES = 6, FPE_FLTINV = 7, SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRALN = 1,
    BUS_ADRERR = 2, TRAP_TRACE = 2, CLD_EXITED = 1, CLD_KILLED = 2, CLD_STOPPED = 5,
    CLD_CONTINUED = 6,
};

/* siginfo_t as far as it is used. User programs see 96 more bytes, which are zero. */
struct siginfo {
    int32_t signal, error, code;
    union {
        struct {                /* kill, sigqueue, SIGCHLD */
            pid_t pid;
            uid_t uid;
            int32_t status_or_value;
            int32_t user_time, system_time; /* SIGCHLD, clock ticks */
        };
        struct {                /* timers */
            int32_t timer, overrun, timer_value;
        };
        uint32_t address;       /* faults */
    };
};
static_assert(sizeof(struct siginfo) == 32, "Linux/i386 ABI");
#define SIGINFO_ZEROES 96u

struct queued_signal {
    struct list_node node;
    struct siginfo info;
    struct pending_signals *in; /* with `taken`: where it was queued last */
    struct account *account;    /* who pays for it, if it is from the heap; NULL */
    /* Not NULL: it is part of something that hears so that it is taken, and may add to
     * `info` what is known only now. */
    void (*taken)(struct queued_signal *queued);
};

struct pending_signals {
    sigset_t set;
    struct list queue;          /* struct queued_signal, in order of arrival */
    struct queued_signal place; /* for one of them: most often there is only one */
};

enum signal_disposition { SIG_DFL = 0, SIG_IGN = 1 };     /* handler, else an address */
enum signal_action_flags {
    SA_NOCLDSTOP = 1, SA_NOCLDWAIT = 2, SA_SIGINFO = 4, SA_RESTORER = 0x04000000,
    SA_ONSTACK = 0x08000000, SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000,
};
#define SA_RESETHAND 0x80000000u

/* As rt_sigaction(2) passes it. */
struct signal_action {
    uint32_t handler, flags, restorer;
    sigset_t mask;
} packed;
static_assert(sizeof(struct signal_action) == 20, "Linux/i386 ABI");

struct thread;
struct process;

/* Would the process ignore it now? init ignores what it does not handle. */
bool signal_is_ignored(const struct process *process, int signal);

/* What wait4(2) reports of a child that stopped or goes on; and of any such status,
 * what SIGCHLD and waitid(2) say. */
enum { STATUS_STOPPED = 0x7f, STATUS_CONTINUED = 0xffff };
struct siginfo siginfo_of_child(const struct process *child, int status);

/* Tells the parent that its child stopped, continued or ended: SIGCHLD, and whoever
 * waits. */
void parent_notify(struct process *child, int status);

/* The default action of a stop: all threads, but where no shell could undo it. */
void process_stop(struct process *process, int signal);

/* Posts a signal to a thread, or to a process: then `thread` is NULL and any thread
 * that does not block it may take it. Signals that are ignored are dropped here. own:
 * what `info` is part of, with `taken`; NULL: the details are kept if there is room,
 * else lost. That is -EAGAIN for a real-time signal that kill(2) has not sent. */
int signal_post(struct process *process, struct thread *thread,
                const struct siginfo *info, struct queued_signal *own);

/* Takes it out of the queue that it is in, if any. */
void signal_withdraw(struct queued_signal *queued);

/* Sends one from the kernel itself: to a process, to all of a group. */
void signal_kernel(struct process *process, int signal);
void signal_group(pid_t group, int signal);

/* A fault of the running thread: posted so that it cannot be blocked or ignored. */
void signal_fault(int signal, int code, uint32_t address);

/* Recomputes whether the thread has something to deliver (thread->attention). */
void signal_update(struct thread *thread);
/* The slow half of signal_set_mask. */
void signal_change_mask(struct thread *thread, sigset_t mask);

/* Takes the next signal that is not in `blocked` out of the pending sets: SIGKILL, then
 * the lowest number. False when there is none. */
bool signal_take(struct thread *thread, sigset_t blocked, struct siginfo *info);

/* What is pending of these is forgotten, for the process and all its threads. They may
 * find out later that there is nothing to deliver. */
void signal_forget(struct process *process, sigset_t which);

void pending_init(struct pending_signals *pending);
void pending_clear(struct pending_signals *pending, sigset_t which);

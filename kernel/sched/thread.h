/* thread.h - a thread: what the scheduler runs.
 *
 * Its struct lies at the top of its own kernel stack (cpu.h has the picture), so one
 * allocation makes both and the stack pointer finds the running one.
 *
 *      NEW -> READY <-> RUNNING -> BLOCKED -> READY ...
 *                          |
 *                          +----> DEAD (its stack is freed by the next thread to run)
 *
 * Invariant: a thread is in exactly one of: running on one CPU, on a run queue, asleep
 * with waiters on queues, dead. sched_check() proves it.
 */
#pragma once

#include "arch.h"
#include "sched/signal.h"
#include "sched/wait.h"

enum thread_state {
    THREAD_NEW, THREAD_BLOCKED, THREAD_READY, THREAD_RUNNING, THREAD_DEAD
};

enum attention {                /* why a thread must not simply return to user mode */
    ATTENTION_RESCHEDULE = 1,   /* somebody better wants this CPU */
    ATTENTION_SIGNAL = 2,       /* a signal to deliver */
    ATTENTION_STOP = 4,         /* the process is stopped */
    ATTENTION_EXIT = 8,         /* the process exits, or execs in another thread */
    ATTENTION_RESTORE_MASK = 16,/* saved_mask comes back after sigsuspend and its kin */
    ATTENTION_INTERRUPTED = 32, /* a sleep was cut short: the call may be restarted */
    ATTENTION_ANY = 63,
    /* no reasons to attend, but for the fast path of messages to look twice: */
    ATTENTION_SLOW = 64,        /* it is not for this thread, or its buffers changed */
    ATTENTION_BOUND = 128,      /* not all CPUs will do */
    ATTENTION_FPU = 256,        /* the FPU holds its state: save it at switch-out */
    ATTENTION_TOLD = 512,       /* ready, still in msg_receive (ipc/fast_path.c) */
};

enum {
    WAKE_PAST_STOPS = ATTENTION_SIGNAL | ATTENTION_EXIT,
    WAKE_ON_ANY = WAKE_PAST_STOPS | ATTENTION_STOP
};

enum priority {                 /* run-queue levels */
    PRIORITY_IDLE = 0,          /* SCHED_IDLE */
    PRIORITY_NORMAL = 1,        /* SCHED_OTHER, SCHED_BATCH */
    PRIORITY_REALTIME = 1,      /* + 1 .. 99: SCHED_FIFO, SCHED_RR */
    PRIORITIES = 101
};

enum sched_policy { SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3,
                    SCHED_IDLE = 5 };

struct fpu_image {              /* as FXSAVE writes it */
    uint16_t control, status;
    uint8_t tags, unused;       /* a bit for each register that is not empty */
    uint16_t opcode;
    uint32_t ip, cs, data, ds;
    uint32_t mxcsr, mxcsr_mask;
    struct {
        uint8_t value[10], unused[6];
    } st[8];
    uint8_t xmm[8][16], rest[224];
} __attribute__((aligned(16)));
static_assert(sizeof(struct fpu_image) == 512, "as the CPU writes it");

#define THREAD_MAGIC 0x54687264u
#define EXCHANGE_SIZE 328

struct thread {
    struct cpu *cpu;         /* first: this_cpu() reads it. Where it runs or last ran */
    uint32_t esp;               /* saved stack pointer while not running */
    uint32_t attention;         /* enum attention bits */
    uint32_t steps_left;        /* system calls until the next preemption choice */
    uint32_t magic;             /* THREAD_MAGIC: this is a thread */
    struct process *process;    /* NULL: an idle thread */
    struct address_space *space; /* what it runs in; NULL: kernel only */
    pid_t tid;
    uint8_t state;              /* enum thread_state; these three in one word */
    uint8_t wake_on;            /* attention bits that end its sleep */
    uint16_t nr_waiters;        /* while BLOCKED: of waiters[] */
    uint8_t priority;           /* run-queue level it has now */
    bool fpu_valid;             /* its state is not a fresh one */
    bool exiting;
    struct list_node run_node;  /* run queue */
    struct list_node process_node; /* process->threads */
    struct list_node all_node;  /* all_threads */

    /* while BLOCKED */
    struct waiter *waiters;     /* array on its stack, or NULL */
    long wait_result;
    struct timer wait_timer;
    nanoseconds_t restart_deadline; /* of a sleep that a stop interrupted; 0: none */

    /* signals */
    sigset_t saved_mask;        /* with ATTENTION_RESTORE_MASK */
    sigset_t waited_for;        /* by sigtimedwait; 0: none */
    struct pending_signals pending;
    bool fault_pending;         /* `fault` is to be delivered before all else */
    struct siginfo fault;

    /* From here to `fs` what a new thread has as the one that makes it. */
    sigset_t blocked;
    uint32_t alternate_stack, alternate_stack_size; /* sigaltstack; size 0: none */
    uint8_t base_priority;      /* without what others lend it */
    uint8_t policy;             /* enum sched_policy */
    uint8_t affinity;           /* CPUs it may run on, a bit each */
    int8_t nice;                /* -20 .. 19: scales the time slice */
    uint64_t tls_descriptor;    /* global descriptor table entry TLS_SELECTOR */
    char name[16];

    /* user mode's own */
    uint16_t fs, gs;
    uint32_t clear_child_tid;   /* user address: zeroed and futex-woken at exit */
    uint32_t robust_list;       /* user address */

    /* time */
    uint64_t switched;          /* when it got the CPU, or lost it; these count ticks */
    uint64_t run_ticks;         /* had a CPU; less the present time while it has one */
    uint64_t system_ticks;      /* in the kernel; the same while it runs in there */
    uint32_t switches_voluntary, switches_forced, faults;

    struct futex_word {         /* posix/futex.c: a word of user memory */
        uint32_t address;       /* what was looked up, and by which call */
        int operation;
        uint64_t version;       /* of the space when it was found; 0: of no use */
        const volatile uint32_t *seen;  /* where the kernel sees it; NULL: nowhere */
        struct wait_queue *queue;
        const void *object;     /* the memory object, or the address space, */
        uint32_t offset;        /* and the byte in it, or the address */
        uint32_t bits;          /* FUTEX_WAIT_BITSET */
    } waited_word, woken_word;  /* by its last calls */

    /* messages: kernel/ipc */
    struct window {             /* user memory where the kernel sees it: ipc/window.h */
        vaddr_t user;
        uint64_t version;       /* of the space, when it was looked up */
        char *kernel;
    } windows[5];
    uint8_t exchange[EXCHANGE_SIZE] __attribute__((aligned(8)));  /* ipc/fast_path.h */
    struct call *call;          /* the answer it waits for, or NULL */

    struct fpu_image fpu_state;
};
static_assert(sizeof(struct thread) <= THREAD_AREA, "grow THREAD_AREA");

extern struct list all_threads;

/* What its last entry from user mode saved: always at the top of its stack. */
static inline struct trap_frame *thread_frame(struct thread *thread) {
    return (struct trap_frame *)thread - 1;
}

static inline struct thread *current(void) { return current_thread_base(); }

/* A new thread in `process`, on no queue; NULL without memory or over the limit. It
 * will start in entry. */
must_check struct thread *thread_create(struct process *process, void (*entry)(void));
void thread_free(struct thread *thread);        /* one that never ran, or is dead */
void thread_detach(struct thread *thread);      /* the running one, about to die */
struct thread *thread_find(pid_t tid);
extern pid_t last_tid;                           /* the newest */

/* Gives it one more reason to attend to something before it goes to user mode, and sees
 * to it that it soon comes there: from its sleep, unless only others may end that, or
 * from user mode on another CPU. */
void thread_call(struct thread *thread, enum attention why);

/* -- Floating point state (fpu.c) -------------------------------------------------- */

static inline bool fpu_is_used(const struct thread *thread) {
    return thread->attention & ATTENTION_FPU;
}

void fpu_init(void);
extern uint32_t fpu_mxcsr_mask;                 /* [const] MXCSR bits that exist */
void fpu_load(void);                            /* #NM: the running thread wants it */
void fpu_switch_out(struct thread *thread);     /* saves; the next use traps again */
void fpu_save(struct thread *thread);           /* fpu_state is up to date after this */
/* What the FPU holds is not its state any more: fpu_state is, or a fresh start. */
void fpu_replace(struct thread *thread, bool valid);

/* memcpy by its registers, whoever's they are: much in few instructions. size is a
 * multiple of FPU_COPY and not 0; both are the kernel's memory. */
#define FPU_COPY 512u
void fpu_copy(void *to, const void *from, size_t size);

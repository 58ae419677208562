/* process.h - a process: threads that share an address space, files, signal actions.
 *
 * Only the objects and their tables are here; life and death are kernel/proc/.
 */
#pragma once

#include "mm/account.h"
#include "mm/address_space.h"
#include "sched/thread.h"

enum resource_limit {           /* RLIMIT_*, as Linux numbers them */
    LIMIT_CPU, LIMIT_FSIZE, LIMIT_DATA, LIMIT_STACK, LIMIT_CORE, LIMIT_RSS, LIMIT_NPROC,
    LIMIT_NOFILE, LIMIT_MEMLOCK, LIMIT_AS, LIMIT_LOCKS, LIMIT_SIGPENDING,
    LIMIT_MSGQUEUE, LIMIT_NICE, LIMIT_RTPRIO, LIMIT_RTTIME, LIMITS
};
#define LIMIT_INFINITY UINT64_MAX

struct limit {
    uint64_t soft, hard;
};

#define GROUPS_MAX 32
enum { USER, GROUP };

struct credentials {
    union {
        struct ids {
            uint32_t real, effective, saved;
        } ids[2];               /* USER's and GROUP's: the same as */
        struct {
            uid_t uid, euid, suid;
            gid_t gid, egid, sgid;
        };
    };
    uint32_t nr_groups;
    gid_t groups[GROUPS_MAX];
};

/* Time used by a thread, a process, or its waited-for children. */
struct usage {
    nanoseconds_t user_time, system_time;
    uint32_t minor_faults, switches_voluntary, switches_forced;
    uint32_t largest_resident;  /* pages */
};

struct process {
    pid_t pid;                  /* [const] */
    struct list_node all_node;  /* all_processes, by pid */
    struct process *hash_next;  /* by pid */
    struct process *parent;     /* NULL only for init */
    struct list children;       /* struct process, by sibling_node, oldest first */
    struct list_node sibling_node;
    struct list threads;        /* struct thread, by process_node */
    unsigned nr_threads;

    /* From here to `space` a child starts with the same. */
    pid_t group, session;       /* the pid of who made it */
    char name[16];              /* what ps prints: the program's name */
    mode_t umask;
    struct credentials credentials;
    struct account *account;    /* of the real user: pays for all it causes */
    struct limit limits[LIMITS];
    struct signal_action actions[SIGNALS];      /* signal n's at n - 1 */
    uint32_t arguments_start, arguments_end;    /* user addresses, for /proc */

    struct address_space *space;    /* NULL: exited */
    struct file_table *files;       /* kernel/fs */
    struct inode *directory;        /* working directory */
    struct inode *executable;

    struct pending_signals pending;

    /* end */
    bool is_zombie;             /* all threads gone, status not yet collected */
    bool exiting;               /* exit_group or a fatal signal: every thread must go */
    bool execed;                /* since fork: setpgid by the parent is refused */
    bool stopped;               /* by a signal */
    int exit_status;            /* as wait4 reports it */
    int exit_signal;            /* what the parent gets: SIGCHLD, or 0 */
    struct wait_queue exec_wait;    /* a thread, until the others are gone */
    struct wait_queue child_wait;   /* its threads in wait4 and waitid */
    struct wait_queue vfork_done;   /* the parent's thread */
    struct wait_queue stop_wait;    /* its threads while stopped */
    int report;                 /* wait status of a stop, or of a going on, that nobody
                                   has been told yet; 0: none */

    struct usage usage;         /* of threads that are gone */
    struct usage children_usage;
    nanoseconds_t started;

    struct list posix_timers;       /* kernel/posix/clock.c */
    int next_timer_id;

    struct endpoint *endpoint;  /* kernel/ipc/link.c: links and calls, or NULL */
    uint8_t lent_priority;      /* the highest of those who wait for its answers */
};

extern struct list all_processes;
extern struct process *init_process;

static inline struct process *current_process(void) { return current()->process; }
static inline bool is_root(void) { return current_process()->credentials.euid == 0; }

/* A process without threads; references to files, space and the like are the caller's
 * to add. NULL without memory or over the user's limit. */
must_check struct process *process_create(struct process *parent);
/* Gives it its pid: it is listed, findable, and its parent's child from now on. */
void process_publish(struct process *process, pid_t pid);
void process_free(struct process *process);     /* after the zombie was collected */
void processes_init(void);
struct process *process_find(pid_t pid);        /* zombies included; NULL: nobody */
bool process_is_alive(pid_t pid);

/* Some process of the group, zombies included; NULL: there is no such group. */
struct process *group_member(pid_t group);
/* No member has a parent in another group of the same session: nobody could continue
 * it. */
bool group_is_orphaned(pid_t group);

/* What the thread blocks from now on. */
static inline void signal_set_mask(struct thread *t, sigset_t mask) {
    mask &= ~SIGSET_UNBLOCKABLE;
    if (unlikely(t->pending.set | t->process->pending.set)) {
        signal_change_mask(t, mask);
        return;
    }
    t->blocked = mask;
    if (likely(!t->fault_pending)) t->attention &= ~(uint32_t)ATTENTION_SIGNAL;
}

/* What kill(2) and its kin tell the receiver of who sent the signal. */
static inline struct siginfo siginfo_from_here(int signal, int code) {
    const struct process *p = current_process();

    return (struct siginfo){ signal, .code = code, .pid = p->pid,
                             .uid = p->credentials.uid };
}

/* May the running process send signals and messages to `to`? As kill(2). */
bool process_may_signal(const struct process *to, int signal);
bool credentials_in_group(const struct credentials *c, gid_t gid);

/* Time used so far; a process's is that of all its threads, living and gone. */
struct usage thread_usage(const struct thread *thread);
struct usage process_usage(const struct process *process);
void usage_add(struct usage *to, struct usage more);
static inline nanoseconds_t usage_time(struct usage usage) {
    return usage.user_time + usage.system_time;
}

/* life.h - how processes come, change and go. */
#pragma once

#include "sched/scheduler.h"
#include "syscall.h"

/* Does what current()->attention asks for until nothing is left; then the thread may
 * enter user mode. Never returns when the thread must end. SLEEPS. */
void attend(struct trap_frame *frame) SLEEPS;

/* A new thread's first function: enters user mode with its frame. */
void user_thread_start(void);

/* Every thread of the process must go; the status is as wait4 reports it. The first
 * caller's status counts. */
void process_exit_group(struct process *process, int status);
no_return void thread_exit(void);
/* Lets memory, descriptors and directories go: at the end, or before the beginning. */
void process_give_back(struct process *process);

void exec_init(void);           /* makes the system call page */

extern const struct limit limits_of_first[LIMITS];      /* a first process's */
/* Tells a space, the process's own or a new one, what limits there are. */
void limits_apply(const struct process *process, struct address_space *space);
must_check int usage_to_user(uptr_t to, const struct usage *usage);

/* status: how the machine's run went. */
no_return void machine_off(int status);

/* -- What calls that differ in little have in common: see syscall.def -------------- */

enum clone_flags {              /* fork.c */
    CLONE_SIGNAL = 0xff, CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400,
    CLONE_SIGHAND = 0x800, CLONE_VFORK = 0x4000, CLONE_THREAD = 0x10000,
    CLONE_SYSVSEM = 0x40000, CLONE_SETTLS = 0x80000, CLONE_PARENT_SETTID = 0x100000,
    CLONE_CHILD_CLEARTID = 0x200000, CLONE_DETACHED = 0x400000,
    CLONE_CHILD_SETTID = 0x1000000,
};

/* credentials.c: set(e)uid, setreuid, setresuid, getresuid, and the same for groups. */
long ids_set(struct ids *ids, uint32_t id);
long ids_set_two(struct ids *ids, uint32_t real, uint32_t effective);
long ids_set_three(struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved);
long ids_get(const struct ids *ids, uptr_t real, uptr_t effective, uptr_t saved);

long group_or_session(pid_t pid, bool session);    /* getpgid, getsid */

/* limits.c: sched_setscheduler, and sched_setparam with policy -1; 0, or `realtime`
 * for a policy that has priorities, or -EINVAL. */
enum { SCHED_RESET_ON_FORK = 0x40000000 };
long scheduling_change(pid_t pid, int policy, uptr_t param);
long scheduling_priority(int policy, int realtime);
/* setpriority; and getpriority, wanted NULL, whose answer is 20 - nice. */
long scheduling_nice(int which, pid_t who, const int *wanted);

/* life.h - how processes come, change and go. */
#pragma once

#include "sched/process.h"

/* -- Return to user mode (return.c) ------------------------------------------------ */

/* Does what current()->attention asks for until nothing is left; then the thread may
 * enter user mode. Never returns when the thread must end. SLEEPS. */
void attend(struct trap_frame *frame) SLEEPS;

/* A new thread's first function: enters user mode with its frame. */
void user_thread_start(void *unused);

/* -- End (exit.c) ------------------------------------------------------------------ */

/* Every thread of the current process must go; the status is as wait4 reports it. The
 * first caller's status counts. */
void process_exit_group(struct process *process, int status);
no_return void thread_exit(void);
void process_stop(int signal);
/* Ends all threads but the current one and waits until they are gone. False: this one
 * must end too. SLEEPS. */
must_check bool end_other_threads(void) SLEEPS;
void vfork_release(struct process *process);

/* Unlists and frees a zombie, after adding its times to its parent's. */
void process_reap(struct process *zombie);

static inline int exit_status_of(int code) { return (code & 0xff) << 8; }

/* -- Programs (exec.c, elf.c, exec_arguments.c) ------------------------------------ */

/* Replaces the current process's program. Strings are kernel strings; NULL-terminated
 * arrays. Used for init only; everybody else calls execve. SLEEPS. */
must_check int exec_from_kernel(const char *path, const char *const *arguments,
                                const char *const *environment) SLEEPS;

void exec_init(void);           /* makes the system call page */

must_check int usage_to_user(uptr_t to, const struct usage *usage);

/* status: how the machine's run went. */
no_return void machine_off(int status);

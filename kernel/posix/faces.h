/* faces.h - what the rest of the kernel calls of this folder. */
#pragma once

#include "sched/process.h"

/* Of struct sigevent: how somebody is told. */
enum { SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD_ID = 4 };

/* Once at boot; /dev is there. */
void mqueues_init(void);

/* A thread ends: marks the robust locks it holds, zeroes clear_child_tid and wakes who
 * waits for that. Its space is still there. */
void futex_thread_exit(struct thread *thread);

/* SLEEPS. fcntl with locks. */
enum { F_GETLK = 12, F_SETLKW = 14 };
long file_lock(int fd, int command, uptr_t lock) SLEEPS;

/* SLEEPS. poll(2), until the deadline. */
long poll_until(uptr_t fds, uint32_t count, nanoseconds_t deadline) SLEEPS;

/* timer_settime, and setitimer, whose timers have ids below 0 (and microseconds). */
long timer_set(int64_t id, int flags, uptr_t value, uptr_t old);
long timer_tell(int64_t id, uptr_t value);  /* getitimer */

/* RLIMIT_CPU was set or inherited: SIGXCPU comes at the soft limit and every second
 * after it, SIGKILL at the hard one. -ENOMEM. */
must_check int timer_limit(struct process *process);

/* The process ends: what it did with SEM_UNDO is undone. */
void semaphores_end(struct process *process);

/* The process ends (all go) or execs (POSIX timers do, those of setitimer stay). */
void timers_end(struct process *process, bool all);

/* lock.pml - the design of the big lock: one CPU executes the kernel, and the lock goes
 * along when it changes from one thread's stack to another's.
 *
 * Stands for kernel/arch/x86/lock.h and smp.c, kernel/sched/scheduler.c (run,
 * switch_to, thread_begin, bury, cpu_idle) and kernel/sched/wait.c (block, thread_ready).
 * Threads 0 and 1 produce ROUNDS items each, 2 and 3 consume as many and sleep while
 * there is none; then they end, and whoever runs next frees the stack that they left.
 * Any thread may be preempted, and with FLUSHES it asks the other CPU to flush its TLB.
 */
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef FLUSHES
#define FLUSHES 1
#endif
#ifndef MISTAKE
#define MISTAKE 0
#endif
#define CPUS    2
#define THREADS 4
#define NOBODY  255
#define other(c) (1 - (c))

mtype = { fresh, ready, running, blocked, dead, freed };

mtype state[THREADS] = fresh;
byte stack_user[THREADS] = NOBODY;  /* the CPU on it */
byte left[THREADS] = ROUNDS;
byte flushes = FLUSHES;
byte items;

byte lock = NOBODY;                 /* the CPU that has it */
bool idling[CPUS], halted[CPUS], interrupted[CPUS], asked[CPUS];

chan queue    = [THREADS] of { byte };      /* READY threads */
chan sleepers = [THREADS] of { byte };      /* consumers that wait for an item */

inline acquire(c) {
    do
    :: atomic { lock == NOBODY -> lock = c; break }
#if MISTAKE != 1    /* who waits for the lock is deaf to other CPUs */
    :: atomic { asked[c] -> asked[c] = false }
#endif
    od
}

inline release(c) {
    assert(lock == c);
    lock = NOBODY
}

/* thread_ready: rings for an idle CPU. */
inline make_ready(c, t) {
    state[t] = ready;
    queue!t;
#if MISTAKE != 2    /* an idle CPU is not told that there is work */
    if
    :: idling[other(c)] -> idling[other(c)] = false; interrupted[other(c)] = true
    :: else
    fi
#endif
    skip
}

inline stack_enter(c, t) {
    assert(state[t] != freed && stack_user[t] == NOBODY);
    stack_user[t] = c
}

proctype cpu(byte c) {
#if MISTAKE == 6
    bool saw_none;
#endif
    byte t = NOBODY, next = NOBODY, previous = NOBODY;  /* NOBODY: the idle thread */

    acquire(c);
idle:
    atomic {
        if
        :: queue?next; previous = t; goto switching
        :: empty(queue)
        fi
    }
    idling[c] = true;
    release(c);                         /* from here on "sti; hlt" is one step */
#if MISTAKE == 3    /* interrupts are let in before the halt, and not with it */
    if
    :: atomic { interrupted[c] -> interrupted[c] = false }
    :: skip
    fi;
#endif
    halted[c] = true;
end_halted:
    do
    :: atomic { interrupted[c] -> interrupted[c] = false; halted[c] = false; break }
    :: atomic { asked[c] -> asked[c] = false }
    od;
    acquire(c);
    idling[c] = false;
    goto idle;

switching:                              /* with the lock, from previous to next */
#if MISTAKE == 4    /* the lock is given back before the stack has been left */
    release(c);
#endif
    atomic {
        if
        :: next != NOBODY -> stack_enter(c, next)
        :: else
        fi;
        if
        :: previous != NOBODY -> stack_user[previous] = NOBODY
        :: else
        fi;
        t = next
    };
#if MISTAKE == 4
    acquire(c);
#endif
    atomic {                            /* bury */
        if
        :: previous != NOBODY && state[previous] == dead -> state[previous] = freed
        :: else
        fi;
        previous = NOBODY; next = NOBODY;
        if
        :: t == NOBODY -> goto idle
        :: else
        fi
    }
#if MISTAKE == 5    /* a thread's first function forgets that it came with the lock */
    if
    :: atomic { left[t] == ROUNDS && t < 2 -> state[t] = running; goto user }
    :: else
    fi;
#endif
    state[t] = running;

leave:
    release(c);
user:
#if MISTAKE == 6    /* the condition is looked at before the lock is taken */
    saw_none = items == 0;
#endif
    do
    :: atomic { asked[c] -> asked[c] = false }
    :: atomic { interrupted[c] -> interrupted[c] = false }
    :: break                            /* a system call */
    :: acquire(c);                      /* the end of its turn */
        if
        :: atomic { nempty(queue) -> make_ready(c, t); queue?next; previous = t;
                    goto switching }
        :: empty(queue) -> goto leave
        fi
    od;
    acquire(c);
    if
    :: flushes > 0 ->                   /* smp: ask, and wait for the answer */
        flushes--;
        asked[other(c)] = true;
        !asked[other(c)]
    :: flushes >= 0
    fi;
    if
    :: atomic { left[t] == 0 -> state[t] = dead; previous = t; goto choose }
    :: atomic { left[t] > 0 && t < 2 ->
                items++; left[t]--;
                if
                :: sleepers?next -> make_ready(c, next); next = NOBODY
                :: empty(sleepers)
                fi;
                goto leave }
#if MISTAKE == 6
    :: atomic { left[t] > 0 && t >= 2 && !saw_none && items > 0 ->
                items--; left[t]--; goto leave }
    :: atomic { left[t] > 0 && t >= 2 && (saw_none || items == 0) ->
#else
    :: atomic { left[t] > 0 && t >= 2 && items > 0 -> items--; left[t]--; goto leave }
    :: atomic { left[t] > 0 && t >= 2 && items == 0 ->
#endif
                state[t] = blocked; sleepers!t; previous = t; goto choose }
    fi;
choose:                                 /* schedule */
    atomic {
        if
        :: queue?next
        :: empty(queue) -> next = NOBODY
        fi;
        goto switching
    }
}

/* No CPU sleeps on while there is work and nobody has called it. */
#define is_forgotten(c) (halted[c] && !interrupted[c] && nempty(queue) && lock == NOBODY)
active proctype watch() {
end:
    atomic { is_forgotten(0) || is_forgotten(1) -> assert(false) }
}

/* When nothing can happen any more, everything has happened. */
active proctype judge() {
    timeout ->
        assert(state[0] == freed && state[1] == freed && state[2] == freed
               && state[3] == freed && lock == NOBODY)
}

init {
    atomic {
        queue!0; queue!1; queue!2; queue!3;
        run cpu(0); run cpu(1)
    }
}

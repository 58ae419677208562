/* queue.pml - the design of kernel/ipc/message_queue.c: hand-over.
 *
 * Each atomic block is one kernel section under the big lock, named after the function
 * that it stands for. NS senders send K messages each to NR receivers through a channel
 * of CAP messages (0: rendezvous); T deadlines pass, one thread is killed and the queue
 * is destroyed, all at any moment.
 *
 * Each MISTAKE is one that somebody makes when writing such a queue; the checks below
 * must find it. tools/model/run goes through them.
 */
#ifndef CAP
#define CAP 1
#endif
#ifndef T
#define T 2
#endif
#define NS 2
#define NR 2
#define K  2
#define MESSAGES (NS * K)
#define NONE 255

mtype = { running, asleep };                        /* a thread */
mtype = { unsent, offered, accepted, pending, received, failed, dropped }; /* a message */
mtype = { fine, expired, killed, gone };            /* the result of a wait */

mtype state[NS + NR] = running;
mtype result[NS + NR] = fine;
bool doomed[NS + NR];           /* killed: ends when its call returns */
mtype place[MESSAGES] = unsent;
bool depends[MESSAGES];         /* message->sending: its sender's result depends on it */
byte got[NR] = NONE;
bool destroyed;

chan queue     = [MESSAGES] of { byte };    /* offered and accepted, by arrival */
chan behind    = [MESSAGES] of { byte };    /* pending */
chan receivers = [NR] of { byte };          /* asleep, longest wait first */
chan arrivals  = [MESSAGES] of { byte };    /* what is on its way, by arrival */
byte queued;                                /* accepted messages */
byte x, y, i, r, seen;                      /* within one section only, else 0 */

#define sender_of(m)    ((m) / K)
#define is_withdrawn(m) (depends[m] && state[sender_of(m)] != asleep)

inline forget() { x = 0; y = 0; i = 0; r = 0; seen = 0 }

inline wake(t, why) {
    assert(state[t] == asleep);
    result[t] = why;
    state[t] = running
}

/* The first message of a list that nobody has withdrawn, in x; NONE. */
inline first_of(list) {
    x = NONE;
    i = len(list);
    do
    :: i > 0 ->
        list?y; list!y; i--;
        if
#if MISTAKE == 1    /* a message whose sender has just timed out is still taken */
        :: x == NONE -> x = y
#else
        :: x == NONE && !is_withdrawn(y) -> x = y
#endif
        :: else
        fi
    :: else -> break
    od
}

inline take_out(m) {
    if
    :: place[m] == pending -> behind??eval(m)
    :: place[m] == accepted -> queue??eval(m); queued--
    :: place[m] == offered -> queue??eval(m)
    :: else
    fi
}

inline tell_sender(m, why) {
    if
    :: depends[m] ->
        depends[m] = false;
        if
        :: state[sender_of(m)] == asleep -> wake(sender_of(m), why)
        :: else
        fi
    :: else
    fi
}

/* m goes to receiver r, who is running or will be woken: once, and in order - those
 * that arrived earlier and are still on their way have been withdrawn. */
inline deliver(m, r) {
    assert(place[m] != received && place[m] != failed && got[r] == NONE);
    i = len(arrivals);
    seen = 0;
    do
    :: i > 0 ->
        arrivals?y; arrivals!y; i--;
        seen = seen || y == m;
        assert(seen == 1 || is_withdrawn(y))
    :: else -> break
    od;
    assert(seen == 1);
    arrivals??eval(m);
    got[r] = m
}

/* message_channel_refill */
inline refill() {
#if MISTAKE != 2    /* room, and nobody tells the sender that waits for it */
    do
    :: queued < CAP ->
        first_of(behind);
        if
        :: x == NONE -> break
        :: else ->
            behind??eval(x); queue!x; queued++;
            place[x] = accepted;
            tell_sender(x, fine)
        fi
    :: else -> break
    od
#endif
    skip
}

proctype sender(byte me) {
    byte m, last = me * K + K;

    m = me * K;
    do
    :: m < last && !doomed[me] ->
        d_step {                                    /* message_post */
            result[me] = fine;
            if
            :: destroyed -> result[me] = gone; place[m] = failed
            :: else ->
                arrivals!m;
                first_of(behind);
                if
                :: len(receivers) > 0 ->
                    receivers?r;
                    deliver(m, r);
                    place[m] = received;
                    wake(NS + r, fine)
                :: len(receivers) == 0 && queued < CAP && x == NONE ->
                    queue!m; queued++;
                    place[m] = accepted
                :: else ->
                    if
                    :: CAP == 0 -> queue!m; place[m] = offered
                    :: else -> behind!m; place[m] = pending
                    fi;
                    depends[m] = true;
                    state[me] = asleep
                fi
            fi;
            forget()
        }
        d_step {                                    /* message_wait, after the sleep */
            state[me] == running ->
            if
            :: depends[m] ->
#if MISTAKE != 3    /* a send that failed leaves its message behind */
                take_out(m);
                arrivals??eval(m);
                place[m] = failed;
#endif
                depends[m] = false;
                refill()
            :: else
            fi;
            assert(result[me] == fine || place[m] != received);
            assert(result[me] != fine || place[m] == received || place[m] == accepted
                   || (destroyed && place[m] == dropped));
#if MISTAKE == 3
            assert(result[me] == fine || place[m] == failed || place[m] == dropped)
#endif
            result[me] = fine;
            m++;
            forget()
        }
    :: else -> break
    od
}

proctype receiver(byte me) {
    byte n;

    do
    :: n < K && !doomed[NS + me] ->
        d_step {                                    /* message_take, or to sleep */
            got[me] = NONE;
            result[NS + me] = fine;
            if
            :: destroyed -> result[NS + me] = gone
            :: else ->
                first_of(queue);
                if
                :: x == NONE -> first_of(behind)
                :: else
                fi;
                if
                :: x != NONE ->
                    deliver(x, me);
                    take_out(x);
                    tell_sender(x, fine);
                    place[x] = received;
                    refill()
                :: else ->
                    receivers!me;
                    state[NS + me] = asleep
                fi
            fi;
            forget()
        }
        d_step {
            state[NS + me] == running ->
            assert((result[NS + me] == fine) == (got[me] != NONE));
            got[me] = NONE; result[NS + me] = fine;
            n++
        }
    :: else -> break
    od
}

/* thread_interrupt: the wait of t ends from outside, at once and on all lists. */
inline interrupt(t, why) {
    if
    :: t >= NS ->
#if MISTAKE != 4    /* a receiver whose wait is over is still handed a message */
        receivers??eval(t - NS)
#endif
        skip
    :: else
    fi;
    wake(t, why)
}

proctype clock() {
    byte left = T;

end:
    do
    :: d_step { left > 0 && state[0] == asleep -> interrupt(0, expired); left-- }
    :: d_step { left > 0 && state[1] == asleep -> interrupt(1, expired); left-- }
    :: d_step { left > 0 && state[2] == asleep -> interrupt(2, expired); left-- }
    :: d_step { left > 0 && state[3] == asleep -> interrupt(3, expired); left-- }
    :: left == 0 -> break
    od
}

/* Who is killed is asleep, or sees it when the call returns. */
proctype killer() {
end:
    if
    :: d_step { state[0] == asleep -> doomed[0] = true; interrupt(0, killed) }
    :: d_step { state[NS] == asleep -> doomed[NS] = true; interrupt(NS, killed) }
    :: doomed[0] = true
    :: doomed[NS] = true
    fi
}

/* message_discard_all */
proctype destroyer() {
    byte m;

    d_step {
        destroyed = true;
        do
        :: queue?m ->
            if
            :: place[m] == accepted -> queued--
            :: else
            fi;
            place[m] = dropped; arrivals??eval(m);
            tell_sender(m, gone)
        :: behind?m -> place[m] = dropped; arrivals??eval(m); tell_sender(m, gone)
        :: empty(queue) && empty(behind) -> break
        od;
        do
        :: receivers?r -> wake(NS + r, gone)
#if MISTAKE == 5    /* the end of the queue releases one receiver only */
            ; break
#endif
        :: empty(receivers) -> break
        od;
        forget()
    }
}

/* Holds between all sections: no receiver sleeps while there is something to take, no
 * sender while there is room, and after the end nobody does. */
#define takeable(m) ((place[m] == accepted || place[m] == offered || place[m] == pending) \
                     && !is_withdrawn(m))
#define waits(m)    (place[m] == pending && !is_withdrawn(m))
#define one_takeable (takeable(0) || takeable(1) || takeable(2) || takeable(3))
#define one_waits    (waits(0) || waits(1) || waits(2) || waits(3))
#define is_wrong ((len(receivers) > 0 && one_takeable) || (queued < CAP && one_waits) \
                  || queued > CAP || (destroyed && one_sleeps))

#define one_sleeps   (state[0] == asleep || state[1] == asleep || state[2] == asleep \
                      || state[3] == asleep)

active proctype judge() {
end:
    atomic { is_wrong -> assert(false) }
}

init {
    atomic {
        run sender(0); run sender(1);
        run receiver(0); run receiver(1);
        run clock(); run killer(); run destroyer()
    }
}

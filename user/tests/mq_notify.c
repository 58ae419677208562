/* mq_notify.c - POSIX mq_notify(): "the calling process shall be registered for
 * notification of message arrival at an empty message queue".
 */
#include "mqueue.h"

static volatile sig_atomic_t arrived;
static siginfo_t last;

static void on_message(int sig, siginfo_t *info, void *context) {
    (void)sig, (void)context;
    last = *info;
    arrived++;
}

static int ask(mqd_t q, int value) {
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    event.sigev_value.sival_int = value;
    return mq_notify(q, &event);
}

/* "when ... a message arrives at an empty message queue"; "the existing registration
 * ... shall be removed". */
static void once(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 4, 8192);
    pid_t pid;
    is_int(ask(q, 77), 0, "mq_notify");
    CHILD (pid)
        need(queue_send(q, "a", 0) == 0);
    need(wait_for(pid) == 0);
    is_int(arrived, 1, "a message arrives: a signal");
    ok(last.si_code == SI_MESGQ && last.si_value.sival_int == 77,
       "SI_MESGQ, with the value asked for");
    ok(last.si_pid == pid && last.si_uid == getuid(), "and who sent it");
    need(queue_send(q, "b", 0) == 0);
    queue_receive(q), queue_receive(q);
    need(queue_send(q, "c", 0) == 0);
    is_int(arrived, 1, "once only");
    need(ask(q, 78) == 0 && queue_send(q, "d", 0) == 0);
    is_int(arrived, 1, "not for a message that joins others");
    queue_receive(q), queue_receive(q);
    need(queue_send(q, "e", 0) == 0);
    is_int(arrived, 2, "but when it comes to an empty queue again");
    is_int(last.si_value.sival_int, 78, "with the new value");
    queue_receive(q);
    need(ask(q, 79) == 0);
    is_int(mq_notify(q, NULL), 0, "mq_notify(NULL)");
    need(queue_send(q, "f", 0) == 0);
    is_int(arrived, 2, "ends the registration");
    is_int(mq_notify(q, NULL), 0, "without one it does nothing");
    queue_close(q);
}

/* "[EBUSY] A process is already registered". */
static void one_at_a_time(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 4, 8192);
    struct gate ready, go;
    pid_t pid;
    gate_init(&ready), gate_init(&go);
    need(ask(q, 1) == 0);
    is_errno(ask(q, 2), EBUSY, "EBUSY: by the process itself");
    CHILD (pid) {
        need(ask(q, 3) == -1 && errno == EBUSY);
        need(mq_notify(q, NULL) == 0);                  // not its own: nothing happens
        need(ask(q, 3) == -1 && errno == EBUSY);
        need(mq_close(q) == 0);
    }
    is_exit(wait_for(pid), 0, "EBUSY: by another, who cannot end it either");
    arrived = 0;
    need(queue_send(q, "x", 0) == 0);
    is_int(arrived, 1, "nor by closing its descriptor");
    queue_receive(q);
    CHILD (pid) {
        need(ask(q, 4) == 0);
        gate_open(&ready);
        gate_wait(&go);
    }
    gate_wait(&ready);
    is_errno(ask(q, 5), EBUSY, "EBUSY: a child has registered");
    gate_open(&go);
    need(wait_for(pid) == 0);
    is_int(ask(q, 5), 0, "its end frees the place");
    mqd_t again = mq_open(own_name(), O_RDWR);
    need(mq_close(again) == 0);
    is_int(ask(q, 6), 0, "closing any descriptor of the queue does, too");
    gate_close(&ready), gate_close(&go);
    queue_close(q);
}

/* "If ... some thread is blocked in mq_receive() ... the arriving message shall satisfy
 * the appropriate mq_receive() ... as if no notification [were registered]". */
static void receivers_first(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 4, 8192);
    pid_t pid;
    arrived = 0;
    need(ask(q, 1) == 0);
    CHILD (pid)
        need(strcmp(queue_receive(q), "0:x") == 0);
    until_asleep(pid);
    need(queue_send(q, "x", 0) == 0);
    is_exit(wait_for(pid), 0, "a receiver that waits gets the message");
    is_int(arrived, 0, "and there is no signal");
    need(queue_send(q, "y", 0) == 0);
    is_int(arrived, 1, "the registration stands");
    queue_close(q);
}

static void refusals(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 4, 8192);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65 };
    is_errno(mq_notify(q, &event), EINVAL, "EINVAL: no such signal");
    event.sigev_notify = 77;
    is_errno(mq_notify(q, &event), EINVAL, "EINVAL: no such kind of notification");
    is_errno(mq_notify(1, NULL), EBADF, "EBADF: no queue");
    is_errno(mq_notify(77, NULL), EBADF, "EBADF: not open");
    event.sigev_notify = SIGEV_NONE;
    is_int(mq_notify(q, &event), 0, "SIGEV_NONE");
    is_errno(ask(q, 1), EBUSY, "takes the place");
    arrived = 0;
    need(queue_send(q, "x", 0) == 0);
    is_int(arrived, 0, "and notifies nobody");
    is_int(ask(q, 1), 0, "but is over then");
    queue_close(q);
}

int main(void) {
    struct sigaction sa = { .sa_sigaction = on_message, .sa_flags = SA_SIGINFO };
    need(sigaction(SIGUSR1, &sa, NULL) == 0);
    once();
    one_at_a_time();
    receivers_first();
    refusals();
    return done_testing();
}

/* mq_wait.c - POSIX mq_receive(), mq_send(): "shall block until a message is enqueued
 * ... or until ... interrupted by a signal"; "until space becomes available"; many
 * processes on one queue.
 */
#include "mqueue.h"

#include <poll.h>
#include <time.h>

static void receiver_waits(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 4, 8192);
    pid_t pid;
    CHILD (pid)
        need(strcmp(queue_receive(q), "7:hello") == 0);
    until_asleep(pid);
    is_int(waitpid(pid, NULL, WNOHANG), 0, "a receiver waits at an empty queue");
    need(queue_send(q, "hello", 7) == 0);
    is_exit(wait_for(pid), 0, "and gets what is sent, with its priority");
    is_int(queue_attr(q).mq_curmsgs, 0, "which was in no queue");
    CHILD (pid) {
        char small[100];
        struct timespec far = { 2000000000, 0 };
        need(mq_timedreceive(q, small, sizeof small, NULL, &far) == -1);
        _exit(errno);
    }
    is_exit(wait_for(pid), EMSGSIZE, "EMSGSIZE comes before waiting");
    queue_close(q);
}

static void sender_waits(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 2, 8192);
    pid_t pid;
    need(queue_send(q, "a", 1) == 0 && queue_send(q, "b", 1) == 0);
    CHILD (pid)
        need(queue_send(q, "c", 9) == 0);
    until_asleep(pid);
    is_int(waitpid(pid, NULL, WNOHANG), 0, "a sender waits at a full queue");
    struct pollfd fd = { q, POLLIN | POLLOUT, 0 };
    need(poll(&fd, 1, 0) == 1);
    is_int(fd.revents, POLLIN, "which polls as full");
    is_text(queue_receive(q), "1:a", "its message is not there yet: another is first");
    is_exit(wait_for(pid), 0, "now there is room for it");
    is_text(queue_receive(q), "9:c", "in front, by its priority");
    is_text(queue_receive(q), "1:b", "and the other one behind");
    queue_close(q);
}

static void on_signal(int sig) {
    (void)sig;
}

/* signal(7): "Message queue interfaces ... mq_receive, mq_send" are restarted with
 * SA_RESTART. */
static void interrupted(void) {
    for (int kind = 0; kind < 4; kind++) {
        int sends = kind & 1, restarts = kind & 2;
        mqd_t q = queue_open(O_RDWR | O_CREAT, 1, 8192);
        struct gate ready;
        pid_t pid;
        gate_init(&ready);
        need(!sends || queue_send(q, "full", 0) == 0);
        CHILD (pid) {
            struct sigaction sa = { .sa_handler = on_signal };
            sa.sa_flags = restarts ? SA_RESTART : 0;
            need(sigaction(SIGUSR1, &sa, NULL) == 0);
            gate_open(&ready);
            char text[8192];
            int result = sends ? queue_send(q, "x", 0)
                               : (int)mq_receive(q, text, sizeof text, NULL);
            _exit(result < 0 ? errno : 0);
        }
        gate_wait(&ready);
        until_asleep(pid);
        for (int i = 0; restarts ? i < 20 : state_of(pid) != 'Z'; i++)
            kill(pid, SIGUSR1), sched_yield();
        if (restarts) {
            need(sends ? *queue_receive(q) == '0' : queue_send(q, "x", 0) == 0);
            is_exit(wait_for(pid), 0, "SA_RESTART: %s goes on waiting",
                    sends ? "mq_send" : "mq_receive");
        } else {
            is_exit(wait_for(pid), EINTR, "EINTR: %s",
                    sends ? "mq_send" : "mq_receive");
            is_int(queue_attr(q).mq_curmsgs, sends, "it has done nothing");
        }
        gate_close(&ready);
        queue_close(q);
    }
}

/* The death of a waiter takes nothing along and leaves nothing behind. */
static void killed(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 1, 8192);
    pid_t pid[3];
    for (int i = 0; i < 3; i++) {
        CHILD (pid[i])
            queue_receive(q);
        until_asleep(pid[i]);
    }
    need(kill(pid[0], SIGKILL) == 0 && kill(pid[2], SIGKILL) == 0);
    wait_for(pid[0]), wait_for(pid[2]);
    need(queue_send(q, "x", 0) == 0);
    is_exit(wait_for(pid[1]), 0, "of three receivers two are killed, one gets it");
    need(queue_send(q, "first", 0) == 0);
    for (int i = 0; i < 3; i++) {
        CHILD (pid[i])
            queue_send(q, i == 1 ? "alive" : "dead", 5);
        until_asleep(pid[i]);
    }
    need(kill(pid[0], SIGKILL) == 0 && kill(pid[2], SIGKILL) == 0);
    wait_for(pid[0]), wait_for(pid[2]);
    is_text(queue_receive(q), "0:first", "of three senders two are killed");
    is_text(queue_receive(q), "5:alive", "the third one's message arrives");
    need(wait_for(pid[1]) == 0);
    is_int(queue_attr(q).mq_curmsgs, 0, "those of the dead do not");
    queue_close(q);
}

/* "mq_unlink ... the queue is ... destroyed when all open descriptors are closed". */
static void unlinked(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 1, 8192);
    pid_t pid;
    CHILD (pid)
        need(strcmp(queue_receive(q), "0:late") == 0);
    until_asleep(pid);
    need(mq_unlink(own_name()) == 0);
    is_int(waitpid(pid, NULL, WNOHANG), 0, "a waiter does not mind the name's end");
    need(queue_send(q, "late", 0) == 0);
    is_exit(wait_for(pid), 0, "and gets what is sent afterwards");
    mq_close(q);
}

enum { PAIRS = 3, EACH = 40 };

/* Every message goes to one receiver. */
static void traffic(void) {
    mqd_t q = queue_open(O_RDWR | O_CREAT, 4, 64);
    pid_t producer[PAIRS], consumer[PAIRS];
    struct gate sums;
    int good = 0, sum = 0;
    gate_init(&sums);
    for (int p = 0; p < PAIRS; p++) {
        CHILD (producer[p])
            for (int i = 1; i <= EACH; i++)
                need(mq_send(q, (char *)&i, sizeof i, (unsigned)p) == 0);
        CHILD (consumer[p]) {
            int got = 0, number;
            char text[64];
            for (int i = 1; i <= EACH; i++) {
                need(mq_receive(q, text, 64, NULL) == sizeof number);
                memcpy(&number, text, sizeof number);
                got += number;
            }
            need(write(sums.fd[1], &got, sizeof got) == sizeof got);
        }
    }
    for (int p = 0; p < PAIRS; p++)
        good += (wait_for(producer[p]) == 0) + (wait_for(consumer[p]) == 0);
    for (int p = 0, got; p < PAIRS; p++) {
        need(read(sums.fd[0], &got, sizeof got) == sizeof got);
        sum += got;
    }
    is_int(good, 2 * PAIRS, "%d producers, %d consumers, a queue of 4", PAIRS, PAIRS);
    is_int(sum, PAIRS * EACH * (EACH + 1) / 2, "each message arrives once");
    gate_close(&sums);
    queue_close(q);
}

int main(void) {
    receiver_waits();
    sender_waits();
    interrupted();
    killed();
    unlinked();
    traffic();
    return done_testing();
}

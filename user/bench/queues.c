/* queues.c - what message queues and semaphores of POSIX and System V cost.
 *
 *     queues [--check]        as costs
 */
#include "bench.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/msg.h>
#include <sys/sem.h>

#define BYTES 64

static mqd_t to_partner, from_partner;
static int queue, set;
static char body[BYTES];

static struct {
    long type;
    char text[BYTES];
} letter;

enum { PING = 1, PONG = 2 };            /* types, and semaphores 0 and 1 */

static void posix_pass(mqd_t from, mqd_t to) {
    must(mq_receive(from, body, BYTES, NULL) == BYTES, "mq_receive");
    must(mq_send(to, body, BYTES, 0) == 0, "mq_send");
}

static void posix_forever(void) {
    for (;;)
        posix_pass(to_partner, from_partner);
}

static void posix_turn(void) {
    must(mq_send(to_partner, body, BYTES, 0) == 0, "mq_send");
    must(mq_receive(from_partner, body, BYTES, NULL) == BYTES, "mq_receive");
}

static void posix_alone(void) {
    must(mq_send(to_partner, body, BYTES, 0) == 0, "mq_send");
    must(mq_receive(to_partner, body, BYTES, NULL) == BYTES, "mq_receive");
}

static void send_letter(long type) {
    letter.type = type;
    must(msgsnd(queue, &letter, BYTES, 0) == 0, "msgsnd");
}

static void receive_letter(long type) {
    must(msgrcv(queue, &letter, BYTES, type, 0) == BYTES, "msgrcv");
}

static void sysv_forever(void) {
    for (;; send_letter(PONG))
        receive_letter(PING);
}

static void sysv_turn(void) {
    send_letter(PING);
    receive_letter(PONG);
}

static void sysv_alone(void) {
    send_letter(PING);
    receive_letter(PING);
}

static void change(int number, int by) {
    struct sembuf operation = { (unsigned short)(number - 1), (short)by, 0 };
    must(semop(set, &operation, 1) == 0, "semop");
}

static void semop_forever(void) {
    for (;; change(PONG, 1))
        change(PING, -1);
}

static void semop_turn(void) {
    change(PING, 1);
    change(PONG, -1);
}

static const struct figure figures[] = {
    { .name = "mqueue-rt", .what = "POSIX queue, 64 bytes there and back",
      .target = 1600, .rounds = MANY, .round = posix_turn, .partner = posix_forever },
    { .name = "mqueue-alone", .what = "mq_send, mq_receive by one process",
      .rounds = MANY, .round = posix_alone },
    { .name = "msgqueue-rt", .what = "System V queue, 64 bytes there and back",
      .target = 1600, .rounds = MANY, .round = sysv_turn, .partner = sysv_forever },
    { .name = "msgqueue-alone", .what = "msgsnd, msgrcv by one process",
      .rounds = MANY, .round = sysv_alone },
    { .name = "semop-rt", .what = "semop, there and back", .rounds = MANY,
      .round = semop_turn, .partner = semop_forever },
};

static mqd_t open_queue(const char *name) {
    struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = BYTES };
    mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    must(q != -1 && mq_unlink(name) == 0, "mq_open");
    return q;
}

int main(int argc, char **argv) {
    int check = argc == 2 && strcmp(argv[1], "--check") == 0;
    to_partner = open_queue("/bench.1");
    from_partner = open_queue("/bench.2");
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 2, 0600);
    must(queue >= 0 && set >= 0, "msgget, semget");
    int result = report_all(figures, sizeof figures / sizeof figures[0], check);
    must(msgctl(queue, IPC_RMID, NULL) == 0 && semctl(set, 0, IPC_RMID) == 0,
         "IPC_RMID");
    return result;
}

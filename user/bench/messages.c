/* messages.c - what messages cost, in guest instructions.
 *
 *     messages            prints the figures, and copying against moving by size
 *     messages --check    and ends with status 1 if a figure has grown
 *
 * As costs.c; bench.h says how it is counted. A round trip is a request and its answer
 * between two processes with an address space each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <parley.h>
#include <sys/mman.h>

#include "bench.h"

#define PAGE    4096u
#define LARGEST (1u << 20)

static pid_t self;
static char *room;                      /* LARGEST bytes */
static int box, back;                   /* mailboxes: to the partner, and back */

/* --- links ------------------------------------------------------------------------ */

static struct msg outgoing, incoming;  /* as a program has them: made once */

static void prepare(void) {
    outgoing = (struct msg){ .body = room, .length = (uint32_t)message };
    incoming = (struct msg){ .body = room, .room = MSG_MAX };
}

static void call_partner(void) {
    must(msg_call(partner, &outgoing, &incoming, FOREVER) == 0, "msg_call");
}

static void answer_forever(void) {
    struct msg m = { .body = room, .room = MSG_MAX };
    pid_t who = 0;
    for (;;)
        who = msg_reply_receive(who, &m, &m, FOREVER);
}

static void notify_partner(void) {
    must(msg_notify(partner, 1) == 0, "msg_notify");
    must(msg_receive(partner, &incoming, 0, FOREVER) == partner, "msg_receive");
}

static void notify_forever(void) {
    struct msg m = { .room = 0 };
    for (;;) {
        msg_receive(self, &m, 0, FOREVER);
        msg_notify(self, 1);
    }
}

/* --- mailboxes -------------------------------------------------------------------- */

static void send(int to) {
    must(mbox_send(to, &outgoing, 0, FOREVER) == 0, "mbox_send");
}

static void receive(int from) {
    must(mbox_receive(from, &incoming, 0, FOREVER) > 0, "mbox_receive");
}

static void queue_and_take(void) {
    send(box);
    receive(box);
}

static void mailbox_turn(void) {
    send(box);
    receive(back);
}

static void mailbox_forever(void) {
    prepare();
    for (;;) {
        receive(box);
        send(back);
    }
}

/* --- moving ----------------------------------------------------------------------- */

static void fill(void) {
    prepare();
    room = mmap(room, LARGEST, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | (room ? MAP_FIXED : 0), -1, 0);
    must(room != MAP_FAILED, "mmap");
    for (size_t i = 0; i < message; i += PAGE)
        room[i] = 1;
}

static void move(void) {
    struct msg m = { .body = room, .length = (uint32_t)message };
    must(mbox_send(box, &m, MSG_MOVE, FOREVER) == 0, "mbox_send");
    m = (struct msg){ .body = room, .room = LARGEST };
    must(mbox_receive(box, &m, MSG_MOVE, FOREVER) > 0, "mbox_receive");
}

static void copy(void) {
    send(box);
    receive(box);
}

/* One line a size; the first at which moving is cheaper is marked. */
static void compare_by_size(void) {
    int won = 0;
    printf("\n%8s %10s %10s   one process sends and receives\n", "bytes", "copied",
           "moved");
    for (message = PAGE; message <= MSG_MAX; message *= 2) {
        struct figure f = { .rounds = FEW, .round = copy, .before = fill };
        uint64_t copied = median(&f);
        f.round = move;
        uint64_t moved = median(&f);
        printf("%8zu %10llu %10llu%s\n", message, (unsigned long long)copied,
               (unsigned long long)moved,
               !won && moved < copied ? "   <- from here on moving wins" : "");
        won |= moved < copied;
    }
}

static const struct figure figures[] = {
    { .name = "call-16", .what = "msg_call and reply, 16 bytes", .target = 450,
      .rounds = MANY, .before = prepare, .round = call_partner,
      .partner = answer_forever, .message = 16 },
    { .name = "call-64", .what = "msg_call and reply, 64 bytes", .target = 600,
      .rounds = MANY, .before = prepare, .round = call_partner,
      .partner = answer_forever, .message = 64 },
    { .name = "call-4k", .what = "msg_call and reply, 4 KiB", .target = 1600,
      .rounds = MANY, .before = prepare, .round = call_partner,
      .partner = answer_forever, .message = 4096 },
    { .name = "mailbox-queue", .what = "mailbox, 64 bytes in and out, one process",
      .target = 600, .rounds = MANY, .before = prepare, .round = queue_and_take,
      .message = 64 },
    { .name = "mailbox-rt", .what = "mailbox, 64 bytes there and back",
      .target = 1200, .rounds = MANY, .before = prepare, .round = mailbox_turn,
      .partner = mailbox_forever, .message = 64 },
    { .name = "notify-rt", .what = "msg_notify and receive, there and back",
      .target = 700, .rounds = MANY, .before = prepare, .round = notify_partner,
      .partner = notify_forever },
    { .name = "move-first", .what = "MSG_MOVE of one page: the constant",
      .rounds = FEW, .round = move, .before = fill, .message = PAGE },
    { .name = "move-page", .what = "MSG_MOVE of 1 MiB, each page beyond the first",
      .target = 20, .rounds = FEW, .units = LARGEST / PAGE - 1, .round = move,
      .before = fill, .message = LARGEST, .less = PAGE },
};

int main(int argc, char **argv) {
    int check = argc == 2 && strcmp(argv[1], "--check") == 0;
    if (argc > 1 && !check) {
        fprintf(stderr, "usage: messages [--check]\n");
        return 2;
    }
    struct mbox_attr attr = { .capacity = 4 };
    self = getpid();
    message = LARGEST;
    fill();
    box = mbox_open("bench", O_CREAT | O_RDWR, 0600, &attr);
    back = mbox_open("bench-back", O_CREAT | O_RDWR, 0600, &attr);
    must(box >= 0 && back >= 0, "mbox_open");
    int status = report_all(figures, sizeof figures / sizeof figures[0], check);
    compare_by_size();
    mbox_unlink("bench");
    mbox_unlink("bench-back");
    return status;
}

/* socket_race.c - sockets under fire: many at once, threads that close what others use,
 * kills at any moment. unix(7) promises reliable, ordered delivery; close(2) and
 * kill(2) must end waits and leave nothing behind. What remains is checked by counting
 * here, and in Parley by the kernel's ledger.
 */
#include "scratch.h"
#include "socket.h"

#include <poll.h>
#include <pthread.h>

enum { BYTES = 60000 };

static int p[2];
static struct address server;

/* A lock-step conversation: question, answer, many times, several pairs at once. */
static void conversations(int type, const char *name) {
    enum { PAIRS = 4, TURNS = 200 };
    pid_t pid[2 * PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        pair(type, p);
        for (int end = 0; end < 2; end++)
            CHILD (pid[2 * i + end]) {
                int n = 0;
                close(p[1 - end]);
                for (int turn = 0; turn < TURNS; turn++) {
                    if (turn % 2 == end)
                        need(write(p[end], &turn, sizeof turn) == sizeof turn);
                    else
                        need(read(p[end], &n, sizeof n) == sizeof n && n == turn);
                }
            }
        drop(p);
    }
    int all = 1;
    for (int i = 0; i < 2 * PAIRS; i++)
        all &= wait_for(pid[i]) == 0;
    ok(all, "%s: %d conversations of %d turns at once", name, PAIRS, TURNS);
}

/* Several write and several read one stream: each byte arrives once. */
static void crowd(void) {
    enum { EACH = 3 };
    pid_t writer[EACH], reader[EACH];
    int sums[2];
    need(pipe(sums) == 0);
    pair(SOCK_STREAM, p);
    for (int i = 0; i < EACH; i++)
        CHILD (writer[i]) {
            char b[1000];
            memset(b, i + 1, sizeof b);
            for (int sent = 0; sent < BYTES; sent += (int)sizeof b)
                need(write(p[0], b, sizeof b) == sizeof b);
        }
    for (int i = 0; i < EACH; i++)
        CHILD (reader[i]) {
            char b[777];
            int count[EACH + 1] = { 0 };
            close(p[0]);
            for (ssize_t n; (n = read(p[1], b, sizeof b)) > 0;)
                for (int k = 0; k < n; k++)
                    count[(int)b[k]]++;
            need(write(sums[1], count, sizeof count) == sizeof count);
        }
    close(p[0]);
    int all = 1, total[EACH + 1] = { 0 }, count[EACH + 1];
    for (int i = 0; i < EACH; i++)
        all &= wait_for(writer[i]) == 0;
    for (int i = 0; i < EACH; i++)
        all &= wait_for(reader[i]) == 0;
    for (int i = 0; i < EACH; i++) {
        need(read(sums[0], count, sizeof count) == sizeof count);
        for (int k = 1; k <= EACH; k++)
            total[k] += count[k];
    }
    for (int k = 1; k <= EACH; k++)
        all &= total[k] == BYTES;
    ok(all, "%d writers and %d readers of one stream: every byte once", EACH, EACH);
    close(sums[0]), close(sums[1]), close(p[1]);
}

/* A server of a child for each client, clients that come all at once. */
static void many_clients(void) {
    enum { CLIENTS = 12 };
    pid_t pid[CLIENTS];
    int at = listener(SOCK_STREAM, &server, 2), all = 1;
    for (int i = 0; i < CLIENTS; i++)
        CHILD (pid[i]) {
            int n = i, fd = dial(SOCK_STREAM, &server);
            need(write(fd, &n, sizeof n) == sizeof n);
            need(read(fd, &n, sizeof n) == sizeof n && n == i * i);
        }
    for (int i = 0; i < CLIENTS; i++) {
        int n, fd = accept(at, NULL, NULL);
        need(fd >= 0 && read(fd, &n, sizeof n) == sizeof n);
        n *= n;
        need(write(fd, &n, sizeof n) == sizeof n);
        close(fd);
    }
    for (int i = 0; i < CLIENTS; i++)
        all &= wait_for(pid[i]) == 0;
    ok(all, "%d clients and a backlog of 2: each is served", CLIENTS);
    close(at);
}

/* --- threads that close what others sleep on -------------------------------------- */

static void *read_end(void *unused) {
    char c;
    ssize_t n = read(p[0], &c, 1);
    (void)unused;
    return (void *)(intptr_t)n;
}

static void *fill_up(void *unused) {
    static char b[70000];
    (void)unused;
    while (send(p[0], b, sizeof b, MSG_NOSIGNAL) > 0)
        ;
    return (void *)(intptr_t)errno;
}

/* close(2): "it is probably unwise to close file descriptors while they may be in use
 * by system calls in other threads"; on Linux the call in progress goes on with the
 * open file. So it ends when the peer does. */
static void closed_under_way(void) {
    pthread_t thread;
    void *result;
    pair(SOCK_STREAM, p);
    need(pthread_create(&thread, NULL, read_end, NULL) == 0);
    for (int i = 0; i < 50; i++)
        sched_yield();
    int mine = p[0];
    need(write(p[1], "x", 1) == 1);
    pthread_join(thread, &result);
    is_int((intptr_t)result, 1, "a read in one thread, a write in another");
    need(pthread_create(&thread, NULL, fill_up, NULL) == 0);
    for (int i = 0; i < 50; i++)
        sched_yield();
    close(p[1]);
    pthread_join(thread, &result);
    int error = (int)(intptr_t)result;
    ok(error == EPIPE || error == ECONNRESET,
       "a writer ends when another thread closes the reading side");
    close(mine);
}

static volatile int last_listens;

/* Says hello wherever somebody listens; its result: how often, ten times at least. */
static void *connect_all(void *unused) {
    intptr_t connected = 0;
    (void)unused;
    while (!last_listens || connected < 10) {
        int fd = sock(SOCK_STREAM);
        if (connect_to(fd, &server) == 0) {
            connected++;
            (void)!write(fd, "hi", 2);
        } else {
            need(errno == ECONNREFUSED);
            sched_yield();
        }
        close(fd);
    }
    return (void *)connected;
}

static int accepted, greeted;

/* Takes the connections that wait, `most` at most, and what their clients say. */
static void accept_all(int at, int most) {
    char b[8];
    for (int fd; most-- > 0 && (fd = accept(at, NULL, NULL)) >= 0; close(fd)) {
        accepted++;
        greeted += read(fd, b, sizeof b) == 2 && read(fd, b, sizeof b) == 0;
    }
}

/* Listeners come and go while two threads connect. */
static void moving_target(void) {
    pthread_t thread[2];
    void *result;
    int connected = 0;
    for (int i = 0; i < 2; i++)
        need(pthread_create(&thread[i], NULL, connect_all, NULL) == 0);
    for (int i = 0; i < 10; i++) {
        int at = listener(SOCK_STREAM, &server, 1);
        need(fcntl(at, F_SETFL, O_NONBLOCK) == 0);
        for (int k = 0; k < 3; k++) {
            accept_all(at, 1);
            sched_yield();
        }
        close(at);
    }
    int at = listener(SOCK_STREAM, &server, 100);
    last_listens = 1;
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], &result);
        connected += (int)(intptr_t)result;
    }
    need(fcntl(at, F_SETFL, O_NONBLOCK) == 0);
    accept_all(at, connected);
    note("%d connected, %d were accepted", connected, accepted);
    ok(accepted <= connected && accept(at, NULL, NULL) == -1 && errno == EAGAIN,
       "listeners come and go while others connect: no connection too many");
    is_int(greeted, accepted, "and each that was accepted says what it had to say");
    connection(SOCK_STREAM, at, &server, p);
    need(write(p[0], "last", 4) == 4);
    ok(gets_text(p[1], "last"), "the last listener still serves");
    drop(p), close(at);
}

/* --- kills ------------------------------------------------------------------------ */

/* Children in every kind of wait, and in the middle of everything, are killed. */
static void kills(void) {
    enum { VICTIMS = 8 };
    pid_t pid[VICTIMS];
    int q[2], all = 1, at = listener(SOCK_STREAM, &server, 0);
    pair(SOCK_STREAM, p);
    pair(SOCK_DGRAM, q);
    for (int i = 0; i < VICTIMS; i++)
        CHILD (pid[i]) {
            char b[64] = "";
            struct pollfd f[2] = { { p[0], POLLIN, 0 }, { q[0], POLLIN, 0 } };
            for (;;)
                switch (i) {
                case 0: (void)!read(p[0], b, 64); break;
                case 1: (void)!write(p[0], b, 64); break;
                case 2: (void)!recv(q[0], b, 64, 0); break;
                case 3: (void)!send(q[0], b, 64, 0); break;
                case 4: poll(f, 2, -1); break;
                case 5: close(accept(at, NULL, NULL)); break;
                default: close(dial(SOCK_STREAM, &server)); break;
                }
        }
    for (int i = 0; i < 200; i++) {
        char b[64];
        (void)!recv(p[1], b, sizeof b, MSG_DONTWAIT);
        (void)!send(p[1], b, i % 64 + 1u, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)!recv(q[1], b, sizeof b, MSG_DONTWAIT);
        (void)!send(q[1], b, 1, MSG_DONTWAIT);
        sched_yield();
    }
    for (int i = 0; i < VICTIMS; i++) {
        kill(pid[i], SIGKILL);
        sched_yield();
    }
    for (int i = 0; i < VICTIMS; i++)
        all &= wait_for(pid[i]) == SIGKILL;
    ok(all, "killed in read, write, send, recv, poll, accept and connect");
    static char rest[70000];
    while (recv(p[0], rest, sizeof rest, MSG_DONTWAIT) > 0)
        ;
    while (recv(q[0], rest, sizeof rest, MSG_DONTWAIT) >= 0)
        ;
    need(send(p[1], "after", 5, MSG_DONTWAIT) == 5);
    need(send(q[1], "after", 5, MSG_DONTWAIT) == 5);
    ok(gets_text(p[0], "after") && gets_text(q[0], "after"),
       "and the sockets still work");
    need(fcntl(at, F_SETFL, O_NONBLOCK) == 0);
    for (int fd; (fd = accept(at, NULL, NULL)) >= 0;)
        close(fd);
    drop(p);
    connection(SOCK_STREAM, at, &server, p);
    need(write(p[0], "after", 5) == 5);
    ok(gets_text(p[1], "after"), "and so does the listener");
    drop(p), drop(q), close(at);
}

/* An ordinary user fills as many queues as he can; others notice nothing. Where a limit
 * is met the call fails, and nothing else. */
static void greed(void) {
    enum { PAIRS = 100 };
    pid_t pid;
    struct gate full, go;
    gate_init(&full), gate_init(&go);
    CHILD (pid) {
        static char b[60000];
        become(STUDENT);
        for (int i = 0, q[2]; i < PAIRS; i++) {
            if (socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, q) != 0)
                break;
            for (int end = 0; end < 2; end++) {
                while (send(q[end], b, sizeof b, MSG_DONTWAIT) > 0)
                    ;
                need(errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM);
            }
        }
        gate_open(&full);
        gate_wait(&go);
    }
    gate_wait(&full);
    pair(SOCK_SEQPACKET, p);
    need(write(p[0], "x", 1) == 1);
    ok(gets_text(p[1], "x"), "others can talk while a user has filled all he may");
    drop(p);
    gate_open(&go);
    is_exit(wait_for(pid), 0, "and who meets his limit is told so");
    gate_close(&full), gate_close(&go);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    server = address("@race");
    conversations(SOCK_STREAM, "stream");
    conversations(SOCK_DGRAM, "dgram");
    conversations(SOCK_SEQPACKET, "seqpacket");
    crowd();
    many_clients();
    closed_under_way();
    moving_target();
    kills();
    greed();
    return done_testing();
}

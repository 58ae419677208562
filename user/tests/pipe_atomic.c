/* pipe_atomic.c - POSIX write() to a pipe: "Write requests of {PIPE_BUF} bytes or less
 * shall not be interleaved with data from other processes doing writes on the same
 * pipe"; with O_NONBLOCK such a request "shall either ... transfer all the data ... or
 * transfer no data and return -1 with errno set to [EAGAIN]", at every fill level.
 */
#include "tap.h"

#include <poll.h>
#include <sys/uio.h>

static int p[2];
static char text[131072];

static long drain(void) {
    long total = 0;
    ssize_t n;
    while ((n = read(p[0], text, sizeof text)) > 0)
        total += n;
    return total;
}

static long try_write(size_t size, long *total) {
    ssize_t n = write(p[1], text, size);
    if (n > 0)
        *total += n;
    return n < 0 && errno == EAGAIN ? 0 : n;
}

/* At each of many fill levels a request of each size is written whole or not at all. */
static void all_or_nothing(void) {
    static const size_t size[] = { 1, 2, 100, 2047, 2048, 2049, 4000, 4095, 4096 };
    enum { SIZES = sizeof size / sizeof *size };
    long total = 0, capacity, torn = 0, tries = 0, wrong = 0, promise = 0;
    struct pollfd f = { .events = POLLOUT };
    need(pipe2(p, O_NONBLOCK) == 0);
    f.fd = p[1];
    while (try_write(4096, &total) > 0)
        ;
    capacity = drain();
    for (int i = 0; i < SIZES; i++)
        for (long fill = capacity - 2 * 4096 - 3; fill <= capacity; fill += 509) {
            total = 0;
            if (fill > 0 && try_write((size_t)fill, &total) < 0)
                wrong++;
            int room = poll(&f, 1, 0) == 1 && (f.revents & POLLOUT);
            for (int again = 0; again < 3; again++) {
                long n = try_write(size[i], &total);
                torn += n != 0 && n != (long)size[i];
                promise += again == 0 && room && n == 0;
                tries++;
            }
            wrong += drain() != total;
        }
    is_int(torn, 0, "O_NONBLOCK: %ld requests at many fill levels are all or nothing",
           tries);
    is_int(wrong, 0, "the pipe holds what was written, after EAGAIN too");
    is_int(promise, 0, "after POLLOUT a write of PIPE_BUF bytes or less succeeds");
    close(p[0]);
    close(p[1]);
}

/* A record is a letter repeated: any mixture shows. */
static void write_records(char letter, size_t size, int count, int vectors) {
    char record[4096];
    memset(record, letter, size);
    struct iovec v[2] = { { record, size / 3 },
                          { record + size / 3, size - size / 3 } };
    while (count-- > 0)
        need((vectors ? writev(p[1], v, 2) : write(p[1], record, size))
             == (ssize_t)size);
}

/* Letters come in multiples of the record, whatever pieces the reader takes. */
static void no_mixture(size_t size, int vectors) {
    enum { WRITERS = 4, BYTES = 40000 };
    pid_t pid[WRITERS];
    int count = BYTES / (int)size > 100 ? 100 : BYTES / (int)size;
    long run = 0, total = 0, torn = 0;
    char last = 0;
    ssize_t n;
    need(pipe(p) == 0);
    for (int i = 0; i < WRITERS; i++)
        CHILD (pid[i]) {
            close(p[0]);
            write_records((char)('a' + i), size, count, vectors);
        }
    close(p[1]);
    for (size_t piece = 1; (n = read(p[0], text, piece)) > 0;
         piece = piece * 5 % 5003 + 1) {
        for (ssize_t i = 0; i < n; i++) {
            if (text[i] != last) {
                torn += run % (long)size != 0;
                run = 0;
                last = text[i];
            }
            run++;
        }
        total += n;
    }
    torn += run % (long)size != 0;
    is_int(torn, 0, "%s of %zu bytes by %d processes are not interleaved",
           vectors ? "writev" : "write", size, WRITERS);
    is_int(total, WRITERS * count * (long)size, "and all arrive");
    for (int i = 0; i < WRITERS; i++)
        need(wait_for(pid[i]) == 0);
    close(p[0]);
}

int main(void) {
    static const size_t size[] = { 2, 7, 100, 511, 1000, 2049, 4095, 4096 };
    all_or_nothing();
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        no_mixture(size[i], 0);
    no_mixture(4096, 1);
    no_mixture(100, 1);
    return done_testing();
}

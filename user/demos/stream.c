/* stream.c - a pipe carries bytes: where a message ends the reader must find out.
 * Order: 32
 *
 * Three words go into a pipe. Who takes each read() for one message is wrong in two
 * ways; who marks the ends of messages can be given the bytes in pieces of any size.
 * Then a channel that keeps the borders itself, and what a pipe is: a file.
 *
 * FEATURE(89, 95)
 */
#include "demo.h"
#include <sys/socket.h>
#include <sys/stat.h>

enum { WORDS = 3, SIZE = 64 };

static const char *const words[WORDS] = { "apple", "kiwi", "banana" };

static void put(int to, const char *bytes, size_t length) {
    must(write(to, bytes, length) == (ssize_t)length ? 0 : -1, "write");
}

static size_t get(int from, char *bytes, size_t room) {
    return (size_t)must(read(from, bytes, room), "read");
}

/* For this reader each read() is a message. */
static void wrong(const int *end) {
    char got[SIZE];
    for (int i = 0; i < WORDS; i++)
        put(end[1], words[i], strlen(words[i]));
    size_t n = get(end[0], got, sizeof got);
    say("Three writes: \"%s\", \"%s\", \"%s\". The first read gets %d bytes:", words[0],
        words[1], words[2], (int)n);
    say("  \"%.*s\": %s", (int)n, got,
        mark(n > strlen(words[0]), "three messages in one", "JUST ONE"));
    put(end[1], "bana", 4);
    n = get(end[0], got, sizeof got);
    put(end[1], "na", 2);
    say("\"banana\" in two writes, and a reader who is quick: \"%.*s\", then \"%.*s\".",
        (int)n, got, (int)get(end[0], got + n, sizeof got - n), got + n);
}

struct parser {
    char kept[SIZE];                    /* what came and is not a whole message yet */
    size_t length;
    int messages, good;                 /* taken out, and those that were right */
};

/* A message is a byte with its length, and then so many bytes. */
static void parse(struct parser *p) {
    while (p->length > 0 && p->length > (size_t)p->kept[0]) {
        size_t size = (size_t)p->kept[0];
        const char *want = words[p->messages++ % WORDS];
        p->good += size == strlen(want) && memcmp(p->kept + 1, want, size) == 0;
        p->length -= size + 1;
        memmove(p->kept, p->kept + size + 1, p->length);
    }
}

/* All the words, with their lengths, in pieces of so many bytes. */
static int in_pieces(const int *end, size_t piece) {
    struct parser p = { .length = 0 };
    char stream[SIZE];
    size_t all = 0;
    for (int i = 0; i < WORDS; i++)
        all += (size_t)sprintf(stream + all, "%c%s", (int)strlen(words[i]), words[i]);
    for (size_t at = 0; at < all; at += piece) {
        put(end[1], stream + at, piece < all - at ? piece : all - at);
        p.length += get(end[0], p.kept + p.length, sizeof p.kept - p.length);
        parse(&p);
    }
    return p.good == WORDS && p.messages == WORDS && p.length == 0;
}

static void right(const int *end) {
    int good = 0, ways = 18;
    for (int piece = 1; piece <= ways; piece++)
        good += in_pieces(end, (size_t)piece);
    say("Now each word has its length before it, and the reader keeps what is not\n"
        "whole. The 18 bytes came in pieces of 1, 2, 3 ... 18. Three words each time?\n"
        "  In %d of %d ways: %s",
        good, ways,
        mark(good == ways, "it does not matter how they are cut", "NOT ALWAYS"));
}

/* A channel of the other kind: it knows messages. */
static void with_borders(void) {
    char got[SIZE];
    int end[2], good = 0;
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, end), "socketpair");
    for (int i = 0; i < WORDS; i++)
        put(end[1], words[i], strlen(words[i]));
    for (int i = 0; i < WORDS; i++)
        good += get(end[0], got, sizeof got) == strlen(words[i]);
    say("The same three writes into a socket of packets: three reads, %s.",
        mark(good == WORDS, "each one word", "BUT OTHER WORDS"));
    close(end[0]);
    close(end[1]);
}

static void what_a_pipe_is(const int *end) {
    struct stat in, out;
    char path[32], name[32] = "", want[32];
    must(fstat(end[0], &in), "fstat");
    must(fstat(end[1], &out), "fstat");
    snprintf(path, sizeof path, "/proc/self/fd/%d", end[0]);
    must(readlink(path, name, sizeof name - 1), "readlink");
    snprintf(want, sizeof want, "pipe:[%lu]", (unsigned long)in.st_ino);
    say("And what is it? fstat says of both ends: %s, inode %s, %s.",
        mark(S_ISFIFO(in.st_mode), "a FIFO", "SOMETHING ELSE"), some((long)in.st_ino),
        mark(in.st_ino == out.st_ino && in.st_dev == out.st_dev, "one and the same",
             "BUT TWO FILES"));
    say("A file in memory, in no folder. /proc calls it pipe:[its inode]: %s.",
        mark(strcmp(name, want) == 0, "so it does", "IT DOES NOT"));
    int refused = lseek(end[0], 0, SEEK_SET) == -1 && errno == ESPIPE;
    say("What was read is gone for good. To seek back to it: %s.",
        mark(refused, "Invalid seek", "IT WORKED"));
}

int main(int argc, char **argv) {
    int end[2];
    demo_start(argc, argv, "stream: bytes without borders");
    must(pipe(end), "pipe");
    wrong(end);
    gap();
    right(end);
    with_borders();
    gap();
    what_a_pipe_is(end);
    return demo_end("send a word of 200 letters. Why does its length arrive wrong?",
                    "kernel/ipc/pipe.c: nothing in the ring says where a write ended");
}

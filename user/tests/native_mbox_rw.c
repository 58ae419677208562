/* native_mbox_rw.c - mailboxes for programs that know nothing of them.
 * IPC(4.3): "read and write (writev too) receive and send one body; a read that is too
 * small is EMSGSIZE; an empty message reads as 0. `echo hello > /mbox/printer` and
 * `cat /mbox/printer` work."
 */
/* FEATURE(24): a body of any length up to MSG_MAX, byte for byte */
/* FEATURE(55): cat does not care that a mailbox is at the other end */
#include "mailbox.h"
#include "raw.h"

#include <sys/stat.h>
#include <sys/uio.h>

static char large[MSG_MAX + 8], text[MSG_MAX + 8];

static void one_body_each(void) {
    int box = named_box("plain", NULL);
    is_int(write(box, "hello", 5), 5, "write gives what it has sent");
    is_int(write(box, "you", 3), 3, "twice");
    is_int(look(box).queued, 2, "two messages");
    is_int(read(box, text, sizeof text), 5, "a read gives one body");
    ok(memcmp(text, "hello", 5) == 0, "the first");
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(),
           "mbox_receive takes the other");
    ok(got_text("you") && got.type == 0 && got.priority == 0 && got.nfds == 0
           && got.caller == 0 && got.sequence == 2,
       "which has a plain header");
    need(mbox_send(box, URGENT("late but urgent", 31), 0, NOWAIT) == 0);
    need(write(box, "x", 1) == 1);
    is_int(read(box, text, sizeof text), 15, "read takes the first in line");
    is_int(read(box, text, 1), 1, "a buffer of just the size will do");
    need(mbox_unlink("plain") == 0 && close(box) == 0);
}

static void too_small(void) {
    int box = named_box("small", NULL);
    struct iovec v[2] = { { text, 2 }, { text + 100, 2 } };
    need(write(box, "12345", 5) == 5);
    memset(text, '-', 200);
    is_errno(read(box, text, 4), EMSGSIZE, "EMSGSIZE: a read that is too small");
    is_errno(read(box, text, 0), EMSGSIZE, "of no bytes at all");
    is_errno(readv(box, v, 2), EMSGSIZE, "a readv that is too small in all");
    is_int(look(box).queued, 1, "and the message is still there");
    v[1].iov_len = 3;
    is_int(readv(box, v, 2), 5, "readv that is just large enough");
    ok(memcmp(text, "12", 2) == 0 && memcmp(text + 100, "345", 3) == 0,
       "gets it in pieces");
    ok(text[2] == '-' && text[99] == '-' && text[103] == '-', "and nothing beside");
    v[1].iov_base = (void *)16;
    need(write(box, "12345", 5) == 5);
    is_errno(readv(box, v, 2), EFAULT, "EFAULT: readv into a bad second piece");
    is_int(look(box).queued, 1, "and the message is still there");
    is_errno(writev(box, v, 2), EFAULT, "EFAULT: writev from one");
    is_int(look(box).queued, 1, "and nothing was sent");
    is_int(read(box, text, 5), 5, "the message can be read");
    need(mbox_unlink("small") == 0 && close(box) == 0);
}

static void empty(void) {
    int box = named_box("empty", NULL);
    is_int(write(box, "", 0), 0, "a write of nothing");
    is_int(look(box).queued, 1, "is a message");
    is_int(read(box, text, 10), 0, "that reads as 0");
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    is_int(read(box, text, 0), 0, "even by a read of 0 bytes");
    is_int(look(box).queued, 0, "which takes it");
    need(writev(box, NULL, 0) == 0 || errno == EINVAL);
    need(mbox_unlink("empty") == 0 && close(box) == 0);
}

static void gathered(void) {
    int box = make_box(1, 0);
    struct iovec v[4] = { { "one ", 4 }, { "", 0 }, { "message ", 8 }, { "only", 4 } };
    is_int(writev(box, v, 4), 16, "writev sends its pieces");
    is_int(look(box).queued, 1, "as one message");
    is_int(mbox_receive(box, NEXT, 0, NOWAIT), getpid(), "with one body");
    ok(got_text("one message only"), "of all of them");
    close(box);
}

static void lengths(void) {
    static const size_t sizes[] = { 1, 63, 64, 65, 1023, 1024, 1025, 4095, 4096,
                                    4097, 32768, MSG_MAX - 1, MSG_MAX };
    int box = make_box(2, 0), right = 1;
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 13 + i / 253);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(text, '-', sizeof text);
        need(write(box, large + i % 5, sizes[i]) == (ssize_t)sizes[i]);
        right &= look(box).bytes == sizes[i];
        right &= read(box, text + i % 3, sizeof text - 3) == (ssize_t)sizes[i];
        right &= memcmp(large + i % 5, text + i % 3, sizes[i]) == 0;
        right &= text[i % 3 + sizes[i]] == '-';
    }
    ok(right, "a body of any length up to MSG_MAX, byte for byte");
    is_errno(write(box, large, MSG_MAX + 1), EMSGSIZE, "EMSGSIZE: over MSG_MAX");
    is_errno(mbox_send(box, BYTES(large, MSG_MAX + 1), 0, NOWAIT), EMSGSIZE,
             "from mbox_send, too");
    is_errno(mbox_send(box, BYTES(large, UINT32_MAX), 0, NOWAIT), EMSGSIZE,
             "EMSGSIZE: 4 GiB less one");
    close(box);
    box = mbox_create(ATTR(.max_length = 10));
    is_int(write(box, large, 10), 10, "max_length is the longest body");
    is_errno(write(box, large, 11), EMSGSIZE, "EMSGSIZE: one byte more");
    is_errno(mbox_send(box, BYTES(large, 11), 0, FOREVER), EMSGSIZE, "at the sender");
    struct iovec v[2] = { { large, 6 }, { large, 5 } };
    is_errno(writev(box, v, 2), EMSGSIZE, "by writev");
    is_int(look(box).queued, 1, "none of them is queued");
    close(box);
}

static void bad_buffers(void) {
    int box = named_box("bad", NULL);
    need(write(box, "keep", 4) == 4);
    is_int(raw(SYS_read, box, 16, 4), -EFAULT, "EFAULT: read to nowhere");
    is_int(raw(SYS_read, box, (long)0xfffff000, 4), -EFAULT, "EFAULT: to the kernel");
    is_int(raw(SYS_read, box, (long)lengths, 4), -EFAULT, "EFAULT: to the text");
    is_int(raw(SYS_write, box, 16, 4), -EFAULT, "EFAULT: write from nowhere");
    is_int(raw(SYS_write, box, (long)0xfffff000, 4), -EFAULT,
           "EFAULT: from the kernel");
    long both = raw(SYS_write, box, 0xbffffffe, 0x7fffffff);
    ok(both == -EMSGSIZE || both == -EFAULT,
       "EMSGSIZE or EFAULT: too long, from there");
    is_int(look(box).queued, 1, "nothing was added");
    is_int(read(box, text, 4), 4, "or lost");
    need(memcmp(text, "keep", 4) == 0 && mbox_unlink("bad") == 0 && close(box) == 0);
}

static void shell(void) {
    struct stat st;
    int p[2];
    pid_t pid;
    need(mbox_unlink("printer") == 0 || errno == ENOENT);
    is_int(system("echo hello > /mbox/printer"), 0, "echo hello > /mbox/printer");
    need(stat("/mbox/printer", &st) == 0);
    is_int(system("echo again > /mbox/printer"), 0, "once more");
    int box = mbox_open("printer", O_RDWR);
    need(box >= 0 && pipe(p) == 0);
    is_int(look(box).queued, 2, "a name keeps the queue while nobody has it open");
    CHILD (pid) {
        need(dup2(p[1], 1) == 1 && close(p[0]) == 0);
        execlp("cat", "cat", "/mbox/printer", (char *)NULL);
        need(!"cat");
    }
    close(p[1]);
    until_receiving(box, 1);
    is_int(look(box).queued, 0, "cat /mbox/printer takes both and waits for more");
    need(mbox_send(box, TEXT("third\n"), 0, NOWAIT) == 0);
    until_receiving(box, 1);
    need(mbox_send(box, EMPTY, 0, NOWAIT) == 0);
    is_exit(wait_for(pid), 0, "an empty message ends it");
    size_t done = 0;
    for (ssize_t n; (n = read(p[0], text + done, 100)) > 0; done += (size_t)n)
        ;
    ok(done == 18 && memcmp(text, "hello\nagain\nthird\n", 18) == 0,
       "cat does not care that a mailbox is at the other end");
    close(p[0]);
    is_int(system("ls -l /mbox | grep -q ' printer$'"), 0, "ls -l shows the name");
    is_int(system("chmod 600 /mbox/printer && rm /mbox/printer"), 0, "chmod and rm");
    is_errno(mbox_open("printer", O_RDWR), ENOENT, "and it is gone");
    close(box);
}

int main(void) {
    one_body_each();
    too_small();
    empty();
    gathered();
    lengths();
    bad_buffers();
    shell();
    return done_testing();
}

/* native_move.c - moving pages instead of bytes.
 * IPC(5.1): "With MSG_MOVE in msg_send and mbox_send, body and length are whole pages
 * (else EINVAL), at most 64 MiB. The pages leave the sender's address space when the
 * message is accepted; touching the range afterwards is SIGSEGV."
 * IPC(5.2): "Only private anonymous memory moves (else EINVAL; a hole is EFAULT);
 * copy-on-write and untouched pages travel as what they are. No byte is copied."
 * IPC(5.3): "A receiver that passes MSG_MOVE gets them at `body` if that is a
 * page-aligned address with `room`, replacing what was there; if `body` is NULL, where
 * the kernel chooses, written to `body`. Readable and writable, never executable,
 * charged to it (ENOMEM: the message stays). A receiver without MSG_MOVE gets a copy
 * under [1.3]."
 */
/* FEATURE(118): a megabyte by its page tables: no byte is copied */
#include "mailbox.h"
#include "memory.h"
#include "scratch.h"

#include <sys/resource.h>

enum { MIB = 1 << 20 };

static int box;

static char *pages(unsigned count, int byte) {
    char *p = map_anonymous(count, PROT_READ | PROT_WRITE);
    memset(p, byte, count * PAGE);
    return p;
}

static int moves(const void *from, size_t size) {
    return mbox_send(box, BYTES(from, (uint32_t)size), MSG_MOVE, NOWAIT);
}

/* A header to receive pages with. */
static struct msg *at(void *place, size_t room) {
    memset(&got, 0xa5, sizeof got);
    got.body = place;
    got.room = (uint32_t)room;
    got.fds = NULL;
    return &got;
}

/* The pages of this process: mapped, and there, of /proc/self/statm. */
struct statm {
    long mapped, resident;
};

static struct statm statm(void) {
    struct statm now;
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY);
    need(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
    need(sscanf(text, "%ld %ld", &now.mapped, &now.resident) == 2);
    return now;
}

static long resident(void) {
    return statm().resident;
}

static void moved(void) {
    char *from = pages(4, 'm');
    is_int(moves(from, 4 * PAGE), 0, "4 pages are sent");
    ok(touch_read(from) == SIGSEGV && touch_write(from + 4 * PAGE - 1) == SIGSEGV,
       "and touching them afterwards is SIGSEGV");
    is_int(touched.code, SEGV_MAPERR, "for nothing is there any more");
    is_int(look(box).queued, 1, "one message");
    is_int(look(box).bytes, 4 * PAGE, "of 16 KiB");
    is_int(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT), getpid(), "body NULL");
    char *to = got.body;
    ok(to && ((uintptr_t)to & (PAGE - 1)) == 0, "the kernel chooses, and says where");
    ok(got.length == 4 * PAGE && got.room == 0, "and how much");
    is_int(other_bytes(to, 4 * PAGE, 'm'), 0, "byte for byte");
    is_int(touch_write(to), 0, "writable");
    is_int(touch_execute(to), SIGSEGV, "not executable");
    is_int(munmap(to, 4 * PAGE), 0, "it is ordinary memory: munmap");

    char *around = pages(6, 'k');
    is_int(moves(around + PAGE, 4 * PAGE), 0, "from the middle of a mapping");
    ok(touch_read(around + PAGE) == SIGSEGV
           && touch_read(around + 5 * PAGE - 1) == SIGSEGV,
       "only these are gone");
    ok(other_bytes(around, PAGE, 'k') == 0
           && other_bytes(around + 5 * PAGE, PAGE, 'k') == 0,
       "what is around them stays");
    is_int(mbox_receive(box, at(around + PAGE, 4 * PAGE), MSG_MOVE, NOWAIT), getpid(),
           "received into the hole");
    ok(got.body == around + PAGE && other_bytes(around, 6 * PAGE, 'k') == 0,
       "and all is as before");
    munmap(around, 6 * PAGE);
    char *none = pages(1, 'z');
    is_int(moves(none, 0), 0, "no pages at all are whole pages");
    is_int(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT), getpid(), "an empty body");
    is_int(got.length, 0, "of length 0");
    is_int(touch_read(none), 0, "nothing was moved");
    munmap(none, PAGE);
}

/* At `body`, replacing what was there, whatever it was. */
static void replacing(void) {
    for (int kind = 0; kind < 5; kind++) {
        static const char *const name[] = { "memory in use", "memory to read only",
                                            "a shared mapping", "half mapped, half not",
                                            "untouched memory" };
        char *to = kind == 2 ? map_shared(4)
                             : map_anonymous(4, kind == 1 ? PROT_READ
                                                          : PROT_READ | PROT_WRITE);
        if (kind == 0 || kind == 2)
            memset(to, 'o', 4 * PAGE);
        if (kind == 3)
            need(munmap(to, 2 * PAGE) == 0);
        need(moves(pages(3, 'n'), 3 * PAGE) == 0);
        is_int(mbox_receive(box, at(to, 4 * PAGE), MSG_MOVE, NOWAIT), getpid(),
               "replaces %s", name[kind]);
        ok(got.body == to && got.length == 3 * PAGE
               && other_bytes(to, 3 * PAGE, 'n') == 0,
           "at `body`");
        ok(touch_write(to) == 0 && touch_write(to + 3 * PAGE - 1) == 0,
           "readable and writable");
        is_int(touch_execute(to), SIGSEGV, "never executable");
        if (kind == 0 || kind == 2)
            is_int(other_bytes(to + 3 * PAGE, PAGE, 'o'), 0,
                   "behind it nothing changes");
        munmap(to, 4 * PAGE);
    }
}

static void refused_to_send(void) {
    char *p = pages(4, 'p'), *shared = map_shared(2), path[] = "/tmp/move.XXXXXX";
    int fd = mkstemp(path);
    need(fd >= 0 && ftruncate(fd, 2 * PAGE) == 0);
    char *file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    need(file != MAP_FAILED && private != MAP_FAILED);
    memset(private, 'x', 2 * PAGE);
    is_errno(moves(p + 1, PAGE), EINVAL, "EINVAL: not at a page");
    is_errno(moves(p, PAGE - 1), EINVAL, "EINVAL: not a whole page");
    is_errno(moves(p, PAGE + 1), EINVAL, "EINVAL: a page and a byte");
    is_errno(moves(shared, PAGE), EINVAL, "EINVAL: shared memory");
    is_errno(moves(file, PAGE), EINVAL, "EINVAL: a shared file");
    is_errno(moves(private, PAGE), EINVAL, "EINVAL: a private file, though written to");
    uintptr_t text = (uintptr_t)refused_to_send & -(uintptr_t)PAGE;
    is_errno(moves((void *)text, PAGE), EINVAL, "EINVAL: the program's text");
    need(munmap(p + 2 * PAGE, PAGE) == 0);
    is_errno(moves(p, 4 * PAGE), EFAULT, "EFAULT: a hole in the middle");
    is_errno(moves(p + 2 * PAGE, 2 * PAGE), EFAULT, "EFAULT: a hole at the start");
    is_errno(moves(p + PAGE, 2 * PAGE), EFAULT, "EFAULT: a hole at the end");
    is_errno(moves(NULL, PAGE), EFAULT, "EFAULT: page 0");
    is_errno(moves((void *)0xc0000000, PAGE), EFAULT, "EFAULT: the kernel's memory");
    is_errno(moves((void *)0xbffff000, 2 * PAGE), EFAULT,
             "EFAULT: partly the kernel's");
    is_errno(moves((void *)0xfffff000, 2 * PAGE), EFAULT, "EFAULT: around zero");
    is_errno(moves(p, 64u * MIB + PAGE), EMSGSIZE, "EMSGSIZE: over 64 MiB");
    is_errno(moves(p, 0xfffff000), EMSGSIZE, "EMSGSIZE: 4 GiB less a page");
    is_int(look(box).queued, 0, "none of them was sent");
    ok(other_bytes(p, 2 * PAGE, 'p') == 0 && other_bytes(p + 3 * PAGE, PAGE, 'p') == 0
           && other_bytes(private, 2 * PAGE, 'x') == 0,
       "and every page is where it was");
    struct msg bad = { .body = p, .length = PAGE, .nfds = 1, .fds = (int[]){ 1000 } };
    is_errno(mbox_send(box, &bad, MSG_MOVE, NOWAIT), EBADF, "EBADF: a descriptor");
    is_errno(mbox_send(box, &(struct msg){ .body = p, .length = PAGE, .priority = 32 },
                       MSG_MOVE, NOWAIT),
             EINVAL, "EINVAL: the priority");
    is_int(other_bytes(p, PAGE, 'p'), 0, "and the page stays");
    int small = mbox_create(ATTR(.max_length = PAGE));
    is_errno(mbox_send(small, BYTES(p, 2 * PAGE), MSG_MOVE, NOWAIT), EMSGSIZE,
             "EMSGSIZE: over the mailbox's max_length");
    is_int(mbox_send(small, BYTES(p, PAGE), MSG_MOVE, NOWAIT), 0, "up to it is right");
    close(small), close(fd), unlink(path);
    munmap(p, 4 * PAGE), munmap(shared, 2 * PAGE);
    munmap(file, 2 * PAGE), munmap(private, 2 * PAGE);
}

/* A send that fails has moved nothing. */
static void failed_sends(void) {
    char *p = pages(2, 'f');
    int full = make_box(1, MBOX_BLOCK), reject = make_box(1, MBOX_REJECT);
    int meet = make_box(CAPACITY_ZERO, 0), newest = make_box(1, MBOX_DROP_NEWEST);
    struct msg *m = BYTES(p, 2 * PAGE);
    need(mbox_send(full, EMPTY, 0, NOWAIT) == 0);
    need(mbox_send(reject, EMPTY, 0, NOWAIT) == 0);
    need(mbox_send(newest, EMPTY, 0, NOWAIT) == 0);
    is_errno(mbox_send(full, m, MSG_MOVE, NOWAIT), EAGAIN, "EAGAIN: full");
    is_errno(mbox_send(full, m, MSG_MOVE, 2), ETIMEDOUT, "ETIMEDOUT: full");
    is_errno(mbox_send(meet, m, MSG_MOVE, NOWAIT), EAGAIN, "EAGAIN: nobody to meet");
    is_errno(mbox_send(meet, m, MSG_MOVE, 2), ETIMEDOUT, "ETIMEDOUT: nobody came");
    is_errno(mbox_send(reject, m, MSG_MOVE, NOWAIT), ENOBUFS, "ENOBUFS: rejected");
    is_int(other_bytes(p, 2 * PAGE, 'f'), 0, "and the pages are still ours");
    is_int(mbox_send(newest, m, MSG_MOVE, NOWAIT), 0, "DROP_NEWEST says it is sent");
    int gone = touch_read(p);
    ok(gone == 0 || gone == SIGSEGV, "whether the pages went or not");
    close(full), close(reject), close(meet), close(newest);
    munmap(p, 2 * PAGE);
}

/* While a sender waits for room its pages are its own; they go when there is. */
static void waiting_sender(void) {
    pid_t pid;
    int full = named_box("full", ATTR(.capacity = 1));
    struct gate sent;
    gate_init(&sent);
    need(mbox_send(full, EMPTY, 0, NOWAIT) == 0);
    CHILD (pid) {
        char *p = pages(2, 'w');
        need(mbox_send(full, BYTES(p, 2 * PAGE), MSG_MOVE, FOREVER) == 0);
        need(touch_read(p) == SIGSEGV && touch_read(p + PAGE) == SIGSEGV);
    }
    until_sending(full, 1);
    need(mbox_receive(full, NEXT, 0, NOWAIT) == getpid());
    is_exit(wait_for(pid), 0, "the pages go when the message is accepted");
    need(mbox_receive(full, at(NULL, 0), MSG_MOVE, NOWAIT) == pid);
    is_int(other_bytes(got.body, 2 * PAGE, 'w'), 0, "and outlive their sender");
    munmap(got.body, 2 * PAGE);

    int meet = named_box("meet", ATTR(.capacity = CAPACITY_ZERO));
    CHILD (pid) {
        char *p = pages(2, 'v');
        need(mbox_send(meet, BYTES(p, 2 * PAGE), MSG_MOVE, FOREVER) == 0);
        need(touch_read(p) == SIGSEGV);
    }
    until_sending(meet, 1);
    need(mbox_receive(meet, at(NULL, 0), MSG_MOVE, NOWAIT) == pid);
    is_exit(wait_for(pid), 0, "at a rendezvous, too");
    is_int(other_bytes(got.body, 2 * PAGE, 'v'), 0, "byte for byte");
    munmap(got.body, 2 * PAGE);
    char *both = pages(2, 'o');
    CHILD (pid) {
        memset(both, 'c', PAGE);
        need(mbox_send(meet, BYTES(both, PAGE), MSG_MOVE, FOREVER) == 0);
        need(touch_read(both) == SIGSEGV);
    }
    until_sending(meet, 1);
    is_int(mbox_receive(meet, at(both + PAGE, PAGE), 0, NOWAIT), pid,
           "without MSG_MOVE: a copy from one who waits");
    ok(other_bytes(both + PAGE, PAGE, 'c') == 0 && other_bytes(both, PAGE, 'o') == 0,
       "of what is there in the sender's memory");
    is_exit(wait_for(pid), 0, "which loses it");
    munmap(both, 2 * PAGE);
    CHILD (pid) {
        need(mbox_receive(meet, at(NULL, 0), MSG_MOVE, FOREVER) == getppid());
        need(got.length == 3 * PAGE && other_bytes(got.body, 3 * PAGE, 'h') == 0);
        need(touch_write(got.body) == 0);
    }
    until_receiving(meet, 1);
    char *p = pages(3, 'h');
    is_int(mbox_send(meet, BYTES(p, 3 * PAGE), MSG_MOVE | MSG_SYNC, NOWAIT), pid,
           "handed to one who waits");
    is_int(touch_read(p), SIGSEGV, "they are gone at once");
    is_exit(wait_for(pid), 0, "and there");
    gate_close(&sent);
    need(mbox_unlink("full") == 0 && mbox_unlink("meet") == 0);
    close(full), close(meet);
}

/* Pages that another process has as well travel as what they are: what one writes the
 * other does not see. */
static void copy_on_write(void) {
    pid_t pid;
    struct gate go;
    int way = named_box("way", NULL);
    char *p = pages(3, 'c');
    gate_init(&go);
    CHILD (pid) {
        gate_wait(&go);
        need(other_bytes(p, 3 * PAGE, 'c') == 0);
        memset(p, 'd', 3 * PAGE);
        need(mbox_send(way, EMPTY, 0, FOREVER) == 0);
        gate_try(&go);
        need(other_bytes(p, 3 * PAGE, 'd') == 0);
    }
    is_int(moves(p, 3 * PAGE), 0, "pages shared with a child by fork");
    is_int(touch_read(p), SIGSEGV, "leave");
    need(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT) == getpid());
    char *to = got.body;
    is_int(other_bytes(to, 3 * PAGE, 'c'), 0, "and arrive");
    to[0] = 'e';
    gate_open(&go);
    need(mbox_receive(way, NEXT, 0, FOREVER) == pid);
    ok(to[0] == 'e' && other_bytes(to + 1, 3 * PAGE - 1, 'c') == 0,
       "the child's writes are not seen there");
    memset(to, 'f', 3 * PAGE);
    gate_close(&go);
    is_exit(wait_for(pid), 0, "nor the receiver's by the child");
    munmap(to, 3 * PAGE);
    need(mbox_unlink("way") == 0 && close(way) == 0);
}

/* Untouched pages take no memory on their way, and are zero when they are touched. */
static void untouched(void) {
    char *p = map_anonymous(2048, PROT_READ | PROT_WRITE);      // 8 MiB
    long before = resident();
    p[5 * PAGE] = 'u';
    is_int(moves(p, 2048 * PAGE), 0, "8 MiB, of which one page was touched");
    need(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT) == getpid());
    char *to = got.body;
    ok(resident() <= before + 40, "travel as one page");
    ok(to[5 * PAGE] == 'u' && to[5 * PAGE + 1] == 0, "with what is in it");
    ok(to[0] == 0 && to[2047 * PAGE] == 0, "the others are zero");
    is_int(touch_write(to + 100 * PAGE), 0, "and can be written");
    munmap(to, 2048 * PAGE);

    p = map_anonymous(4, PROT_READ | PROT_WRITE);
    need(p[0] == 0 && p[PAGE] == 0);                    // read, so the zero page
    need(moves(p, 4 * PAGE) == 0);
    need(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT) == getpid());
    to = got.body;
    memset(to, 'x', 4 * PAGE);
    char *other = map_anonymous(4, PROT_READ | PROT_WRITE);
    is_int(other_bytes(other, 4 * PAGE, 0), 0,
           "a page of zeros that was moved stays one");
    munmap(other, 4 * PAGE), munmap(to, 4 * PAGE);

    p = map_anonymous(2, PROT_READ | PROT_WRITE);
    memset(p, 'r', 2 * PAGE);
    need(mprotect(p, 2 * PAGE, PROT_READ) == 0 && moves(p, 2 * PAGE) == 0);
    need(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT) == getpid());
    is_int(touch_write(got.body), 0, "what was read-only arrives writable");
    munmap(got.body, 2 * PAGE);
}

static void refused_to_receive(void) {
    char *to = pages(4, 't');
    need(moves(pages(3, 's'), 3 * PAGE) == 0);
    is_errno(mbox_receive(box, at(to, 2 * PAGE), MSG_MOVE, NOWAIT), EMSGSIZE,
             "EMSGSIZE: `body` with room for two of three pages");
    is_int(got.length, 3 * PAGE, "length says what is needed");
    is_errno(mbox_receive(box, at(to, 3 * PAGE - 1), MSG_MOVE, NOWAIT), EMSGSIZE,
             "EMSGSIZE: a byte too little");
    is_errno(mbox_receive(box, at(NULL, 0), 0, NOWAIT), EMSGSIZE,
             "EMSGSIZE: no room, and no MSG_MOVE");
    is_errno(mbox_receive(box, at((void *)0xbffff000, 3 * PAGE), MSG_MOVE, NOWAIT),
             EFAULT, "EFAULT: into the kernel");
    is_errno(mbox_receive(box, at((void *)0xfffff000, 3 * PAGE), MSG_MOVE, NOWAIT),
             EFAULT, "EFAULT: around zero");
    is_int(other_bytes(to, 4 * PAGE, 't'), 0, "what is there is as before");
    is_int(look(box).queued, 1, "and the message stays");
    is_int(mbox_receive(box, at(to, 4 * PAGE), 0, NOWAIT), getpid(),
           "without MSG_MOVE: a copy");
    ok(other_bytes(to, 3 * PAGE, 's') == 0
           && other_bytes(to + 3 * PAGE, PAGE, 't') == 0,
       "of exactly its length");
    need(moves(pages(1, 'a'), PAGE) == 0);
    is_int(mbox_receive(box, at(to + 100, 2 * PAGE), MSG_MOVE, NOWAIT), getpid(),
           "at an odd address: a copy");
    ok(other_bytes(to + 100, PAGE, 'a') == 0 && to[99] == 's', "in its place");
    need(mbox_send(box, TEXT("a plain message"), 0, NOWAIT) == 0);
    is_int(mbox_receive(box, NEXT, MSG_MOVE, NOWAIT), getpid(),
           "MSG_MOVE takes a plain message as well");
    ok(got_text("a plain message"), "as a copy");
    munmap(to, 4 * PAGE);
    struct msg m = { .body = pages(1, 'f'), .length = PAGE, .nfds = 1,
                     .fds = (int[]){ box } };
    need(mbox_send(box, &m, MSG_MOVE, NOWAIT) == 0);
    at(NULL, 0)->fds = (int *)8;
    is_errno(mbox_receive(box, &got, MSG_MOVE, NOWAIT), EFAULT,
             "EFAULT: no place for descriptors");
    ok(!got.body, "`body` is NULL as before");
    got.fds = NULL;
    is_int(mbox_receive(box, &got, MSG_MOVE, NOWAIT), getpid(),
           "so the same struct msg receives it");
    ok(other_bytes(got.body, PAGE, 'f') == 0, "where the kernel chooses");
    munmap(got.body, PAGE);
}

/* ENOMEM: no room in the receiver's address space. The message stays. */
static void no_memory(void) {
    pid_t pid;
    int way = named_box("way", NULL);
    char *p = pages(256, 'z');
    need(mbox_send(way, BYTES(p, MIB), MSG_MOVE, NOWAIT) == 0);
    CHILD (pid) {
        struct rlimit limit;
        need(getrlimit(RLIMIT_AS, &limit) == 0);
        limit.rlim_cur = (rlim_t)statm().mapped * PAGE + MIB / 2;
        need(setrlimit(RLIMIT_AS, &limit) == 0);
        _exit(error_of(mbox_receive(way, at(NULL, 0), MSG_MOVE, NOWAIT)));
    }
    is_exit(wait_for(pid), ENOMEM, "ENOMEM: over the receiver's RLIMIT_AS");
    is_int(look(way).queued, 1, "the message stays");
    need(mbox_receive(way, at(NULL, 0), MSG_MOVE, NOWAIT) == getpid());
    is_int(other_bytes(got.body, MIB, 'z'), 0, "for another receiver, whole");
    munmap(got.body, MIB);
    need(mbox_unlink("way") == 0 && close(way) == 0);
}

static void large(void) {
    char *p = pages(256, 'L');
    for (unsigned i = 0; i < 256; i++)
        memcpy(p + i * PAGE, &i, sizeof i);
    long before = resident();
    need(moves(p, MIB) == 0);
    ok(resident() <= before - 250, "1 MiB on its way is not the sender's");
    need(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT) == getpid());
    int right = 1;
    for (unsigned i = 0; i < 256; i++)
        right &= memcmp((char *)got.body + i * PAGE, &i, sizeof i) == 0;
    ok(right, "a megabyte by its page tables: no byte is copied");
    ok(resident() >= before - 10, "but the receiver's");
    munmap(got.body, MIB);
    char *huge = map_anonymous(64 * 256, PROT_READ | PROT_WRITE);
    huge[0] = 'b';
    huge[64u * MIB - 1] = 'e';
    is_int(moves(huge, 64u * MIB), 0, "64 MiB");
    is_int(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT), getpid(), "arrive");
    char *to = got.body;
    ok(got.length == 64u * MIB && to[0] == 'b' && to[64u * MIB - 1] == 'e', "whole");
    munmap(to, 64u * MIB);
    int newest = make_box(1, MBOX_DROP_OLDEST);
    before = resident();
    for (int i = 0; i < 20; i++)
        need(mbox_send(newest, BYTES(pages(256, i), MIB), MSG_MOVE, NOWAIT) == 0);
    need(mbox_receive(newest, at(NULL, 0), MSG_MOVE, NOWAIT) == getpid());
    is_int(other_bytes(got.body, MIB, 19), 0, "the last of 20 is kept");
    munmap(got.body, MIB);
    ok(resident() <= before + 10, "and those that were dropped are freed");
    close(newest);
}

/* From one user to another, again and again: 160 MiB in all, more than either may have,
 * and than there is. What each of them pays is given back, untouched pages included. */
static void between_users(void) {
    enum { ROUNDS = 20, LENGTH = 8 * MIB };
    pid_t sender, receiver;
    int way = named_box("way", ATTR(.capacity = 2));
    need(fchmod(way, 0666) == 0);
    CHILD (sender) {
        become(STUDENT);
        for (int i = 0; i < ROUNDS; i++) {
            char *p = map_anonymous(LENGTH / PAGE, PROT_READ | PROT_WRITE);
            memset(p, i, 16 * PAGE);
            need(mbox_send(way, BYTES(p, LENGTH), MSG_MOVE, FOREVER) == 0);
        }
    }
    CHILD (receiver) {
        become(GUEST);
        for (int i = 0; i < ROUNDS; i++) {
            need(mbox_receive(way, at(NULL, 0), MSG_MOVE, FOREVER) == sender);
            need(got.length == LENGTH && other_bytes(got.body, 16 * PAGE, i) == 0);
            ((char *)got.body)[LENGTH - 1] = 'x';
            need(munmap(got.body, LENGTH) == 0);
        }
    }
    is_exit(wait_for(sender), 0, "one user moves 160 MiB");
    is_exit(wait_for(receiver), 0, "to another, who pays for what it has only");
    need(mbox_unlink("way") == 0 && close(way) == 0);
}

/* Onto the receiver's own header, and the sender's own stack. */
static void strange_places(void) {
    char *p = pages(2, 0);
    struct msg *m = (struct msg *)(p + 100);
    need(moves(pages(2, 'q'), 2 * PAGE) == 0);
    *m = (struct msg){ .body = p, .room = 2 * PAGE };
    is_int(mbox_receive(box, m, MSG_MOVE, NOWAIT), getpid(), "onto one's own header");
    ok(p[99] == 'q' && p[100 + 56] == 'q', "puts the pages there");
    *m = (struct msg){ .body = p, .length = 2 * PAGE };
    is_int(mbox_send(box, m, MSG_MOVE, NOWAIT), 0, "from under one's own header");
    is_int(touch_read(m), SIGSEGV, "which is gone with it");
    need(mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT) == getpid());
    munmap(got.body, 2 * PAGE);
    pid_t pid;
    CHILD (pid) {
        uintptr_t here = (uintptr_t)__builtin_frame_address(0) & -(uintptr_t)PAGE;
        mbox_send(box, BYTES(here, PAGE), MSG_MOVE, NOWAIT);
        _exit(0);                                       // it has no stack to get here
    }
    int status = wait_for(pid);
    ok((status & ~0x80) == SIGSEGV || status == 0,
       "a stack that moves away is no panic");
    while (mbox_receive(box, at(NULL, 0), MSG_MOVE, NOWAIT) > 0)
        ;
}

int main(void) {
    box = named_box("moves", NULL);
    moved();
    replacing();
    refused_to_send();
    failed_sends();
    waiting_sender();
    copy_on_write();
    untouched();
    refused_to_receive();
    no_memory();
    large();
    between_users();
    strange_places();
    need(mbox_unlink("moves") == 0);
    return done_testing();
}

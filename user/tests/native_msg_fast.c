/* native_msg_fast.c - calls between two processes that know each other, the server in
 * msg_reply_receive, the client in msg_call: the kernel has a short way for these. It
 * must do exactly what the long one does, wherever headers and bodies lie: over the end
 * of a page, in pages that are read-only, shared or not there. IPC(2.13), IPC(2.15),
 * IPC(9.1): "a byte of kernel or foreign memory". */
#include "native.h"

enum { PAGE = 4096, MOST = 200, PAGES = 16 };

/* Where something lies. */
enum place { GOOD, ODD, ENDING, CROSSING, FRESH, READ_BEFORE, SHARED, COPIED, READ_ONLY,
             OVER, SHUT, NOWHERE, KERNEL, PLACES };
static const char *const places[] = {
    "good", "odd", "at the end of a page", "over two pages", "in a fresh page",
    "in a page only read", "shared with a child", "copied for a child", "read-only",
    "over the end", "in a page that is shut", "nowhere", "in the kernel" };

/* What it is. */
enum what { REQUEST, REQUEST_BODY, NEXT, NEXT_BODY, REPLY, REPLY_BODY, ANSWER,
            ANSWER_BODY, WHATS };
static const char *const whats[] = { "request", "request's body", "next request",
                                     "next request's body", "reply", "reply's body",
                                     "answer", "answer's body" };

static int is_written(enum what what) {
    return what == NEXT || what == NEXT_BODY || what == ANSWER || what == ANSWER_BODY;
}

static int is_header(enum what what) {
    return what % 2 == 0;
}

/* The error of using such a place. */
static int error_at(enum what what, enum place place, size_t size) {
    if (size == 0)
        return place == KERNEL && !is_written(what) ? EFAULT : 0;
    if (place == READ_ONLY)
        return is_written(what) ? EFAULT : 0;
    return place >= OVER ? EFAULT : 0;
}

static char *pages;

/* Fresh pages, one kind for each place, with a page of 0xee in front and behind. */
static void new_pages(void) {
    if (pages)
        munmap(pages, PAGES * PAGE);
    pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(pages != MAP_FAILED);
    for (int i = 0; i < PAGES; i++)
        if (i != 7)                                     // that one is FRESH
            memset(pages + i * PAGE, 0xee, PAGE);
    need(munmap(pages + 4 * PAGE, PAGE) == 0 && munmap(pages + 12 * PAGE, PAGE) == 0);
    char *zero = mmap(pages + 12 * PAGE, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    need(zero == pages + 12 * PAGE && *(volatile char *)zero == 0);
}

/* An address there for `size` bytes, at most MOST. What is to be read lies there
 * already; for what is read-only it is put there before. */
static void *at(enum place place, const void *from, size_t size) {
    char *address;
    switch (place) {
    case GOOD: address = pages + PAGE + 64; break;
    case ODD: address = pages + PAGE + 1025; break;
    case ENDING: address = pages + 4 * PAGE - size; break;
    case CROSSING: address = pages + 6 * PAGE - size / 2; break;
    case FRESH: address = pages + 7 * PAGE + 16; break;
    case SHARED: address = pages + 9 * PAGE + 16; break;
    case COPIED: address = pages + 10 * PAGE + 16; break;
    case READ_ONLY: address = pages + 11 * PAGE + 16; break;
    case READ_BEFORE: address = pages + 12 * PAGE + 16; break;
    case SHUT: address = pages + 14 * PAGE + 16; break;
    case OVER: return pages + 4 * PAGE - (size + 1) / 2 + (size == 1);
    case NOWHERE: return NULL;
    default: return (void *)0xc0100000u;
    }
    memcpy(address, from, size);
    if (place == READ_ONLY)
        need(mprotect(pages + 11 * PAGE, PAGE, PROT_READ) == 0);
    if (place == SHUT)
        need(mprotect(pages + 14 * PAGE, PAGE, PROT_NONE) == 0);
    if (place == SHARED || place == COPIED) {
        pid_t pid;
        CHILD (pid)
            if (place == SHARED)
                pause();
        if (place == COPIED)
            need(wait_for(pid) == 0);
        *(volatile pid_t *)(void *)pages = pid;
    }
    return address;
}

static void *place_of(enum place place, const void *from, size_t size) {
    new_pages();
    *(volatile pid_t *)(void *)pages = 0;
    return at(place, from, size);
}

/* The child that shares is not needed any more. */
static void alone(enum place place) {
    if (place == SHARED) {
        kill(*(pid_t *)(void *)pages, SIGKILL);
        wait_for(*(pid_t *)(void *)pages);
    }
}

static void pattern(char *to, size_t size, unsigned seed) {
    for (size_t i = 0; i < size; i++)
        to[i] = (char)(seed + i * 13);
}

/* --- the server --------------------------------------------------------------------
 * A request's type says what of the server's lies where next time, and its priority
 * nothing. It answers with the request's bytes plus one each, in an answer whose type
 * is the error that it met meanwhile. */

#define TYPE(what, place) ((uint32_t)(what) << 8 | (uint32_t)(place))
enum { STOP = 1 << 16 };

static struct server {
    char in[MOST], out[MOST];
    struct msg next, reply;
    int error;
} server;

static void add_one(const struct msg *m) {
    for (uint32_t i = 0; i < m->length; i++)
        server.out[i] = (char)(((char *)m->body)[i] + 1);
}

/* One msg_reply_receive with one of its four things at that place. After an error the
 * same again with nothing special. Gives what was received. */
static struct msg *reply_receive(pid_t who, uint32_t length, enum what what,
                                 enum place place) {
    struct msg *reply = &server.reply, *next = &server.next;
    server.reply = (struct msg){ .body = server.out, .length = length,
                                 .type = (uint32_t)server.error, .priority = 2 };
    server.next = room_msg(server.in, sizeof server.in);
    server.error = 0;
    if (what == REPLY_BODY)
        reply->body = place_of(place, server.out, length);
    else if (what == NEXT_BODY)
        next->body = place_of(place, server.in, sizeof server.in);
    else if (what == REPLY)
        reply = place_of(place, reply, sizeof *reply);
    else if (what == NEXT)
        next = place_of(place, next, sizeof *next);
    pid_t from = msg_reply_receive(who, reply, next, FOREVER);
    alone(place);
    if (from > 0)
        return next;
    server.error = errno;
    need(server.error == EFAULT);
    server.next = room_msg(server.in, sizeof server.in);
    server.reply.body = server.out;
    server.reply.type = (uint32_t)server.error;
    // if the reply was not delivered before, it tells of the error, else the next one
    from = msg_reply_receive(who, &server.reply, &server.next, FOREVER);
    if (from > 0)
        server.error = 0;
    else
        need(errno == EPERM && msg_reply_receive(0, NULL, &server.next, FOREVER) > 0);
    return &server.next;
}

static void serve(void) {
    struct msg *m = reply_receive(0, 0, REQUEST, GOOD);
    while (m->type != STOP) {
        uint32_t type = m->type;
        need(m->priority == 7 && m->sender == m->caller && m->nfds == 0);
        add_one(m);
        m = reply_receive(m->caller, m->length, type >> 8, type & 0xff);
    }
}

/* --- the client ------------------------------------------------------------------- */

static pid_t to;

/* A call with one of its four things at that place; `type` is for the server's next
 * turn. Gives the error, or 0 when the answer is right; *met is the server's error. */
static int call(uint32_t type, enum what what, enum place place, uint32_t length,
                int *met) {
    static unsigned seed;
    char out[MOST], in[MOST];
    struct msg q = { .body = out, .length = length, .type = type, .priority = 7 };
    struct msg a = room_msg(in, sizeof in), *request = &q, *answer = &a;
    pattern(out, length, ++seed);
    if (what == REQUEST_BODY)
        q.body = place_of(place, out, length);
    else if (what == ANSWER_BODY)
        a.body = place_of(place, in, a.room);
    else if (what == REQUEST)
        request = place_of(place, &q, sizeof q);
    else if (what == ANSWER)
        answer = place_of(place, &a, sizeof a);
    int error = error_of(msg_call(to, request, answer, FOREVER));
    alone(place);
    if (error)
        return error;
    for (uint32_t i = 0; i < length; i++)
        out[i]++;
    need(answer->length == length && memcmp(answer->body, out, length) == 0);
    need(answer->sender == to && answer->caller == 0 && answer->priority == 2);
    *met = (int)answer->type;
    return 0;
}

/* The client's own things. */
static int client_side(enum what what, enum place place, uint32_t length) {
    int met = 0, none = 0;
    size_t size = is_header(what) ? sizeof(struct msg) : length;
    // answers go to as many places as there is room
    int want = error_at(what, place, size);
    if (what == ANSWER_BODY && place == OVER)
        want = length > MOST / 2 ? EFAULT : 0;
    int got = call(0, what, place, length, &met);
    if (got != want || met)
        note("%s %s, %u bytes: got %d, server met %d", whats[what], places[place],
             length, got, met);
    return got == want && met == 0 && call(0, REQUEST, GOOD, length, &none) == 0
           && none == 0;
}

/* The server's: it is told what to do in its next turn, and tells later how it went. */
static int server_side(enum what what, enum place place, uint32_t length) {
    int met = 0, none = 0;
    size_t size = is_header(what) ? sizeof(struct msg) : length;
    int want = error_at(what, place, size);
    if (what == NEXT_BODY && place == OVER)
        want = length > MOST / 2 ? EFAULT : 0;
    need(call(TYPE(what, place), REQUEST, GOOD, length, &met) == 0);
    int first = met;                                    // of a reply: this very one
    need(call(0, REQUEST, GOOD, length, &met) == 0);
    int got = first ? first : met;
    if (got != want)
        note("%s %s, %u bytes: server met %d", whats[what], places[place], length, got);
    return got == want && call(0, REQUEST, GOOD, length, &none) == 0 && none == 0;
}

/* Nothing around the places was written to, except in them. */
static void all_places(enum what what) {
    static const uint32_t lengths[] = { 0, 1, 3, 16, 63, 64, 65, 200 };
    for (enum place place = GOOD; place < PLACES; place++) {
        int right = 1;
        for (int i = 0; i < 8; i++) {
            uint32_t length = lengths[i];
            if (is_header(what) && length != 16 && length != 64)
                continue;
            right &=
                what == NEXT || what == NEXT_BODY || what == REPLY || what == REPLY_BODY
                    ? server_side(what, place, length)
                    : client_side(what, place, length);
        }
        ok(right, "the %s is %s", whats[what], places[place]);
    }
}

/* Everything in pages that a fork has shared, and which this process has not written to
 * since: the answer's place becomes its own first, and what is sent may lie there too.
 * `which` says, bit by bit, which of four pages each thing is in. */
struct four {
    struct msg *q, *a;
    char *out, *in;
};

static void calls_from_shared_pages(const struct four *f) {
    for (int i = 0; i < 4; i++) {
        need(msg_call(to, f->q, f->a, FOREVER) == 0);
        need(f->a->length == 16 && f->a->body == f->in);
        for (int k = 0; k < 16; k++)
            need(f->in[k] == (char)(f->out[k] + 1));
        if (i > 0)                                      // at first nothing is written
            memset(f->out, 'a' + i, 16);
        if (i > 1)
            f->q->priority = 7;
    }
}

static void shared_by_fork(unsigned which) {
    struct {
        char bytes[4][PAGE];
    } * page, *before;
    pid_t pid;
    page = mmap(NULL, 2 * sizeof *page, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED);
    before = page + 1;
    struct four f = { (struct msg *)(void *)page->bytes[which & 3],
                      (struct msg *)(void *)(page->bytes[which >> 2 & 3] + 256),
                      page->bytes[which >> 4 & 3] + 512,
                      page->bytes[which >> 6 & 3] + 768 };
    memset(page, 'p', sizeof *page);
    *f.q = (struct msg){ .body = f.out, .length = 16, .priority = 7 };
    *f.a = room_msg(f.in, 16);
    *before = *page;
    CHILD (pid) {
        int met = 0;
        need(call(0, REQUEST, GOOD, 16, &met) == 0);    // now they know each other
        calls_from_shared_pages(&f);
    }
    int status = wait_for(pid);
    need(memcmp(before, page, sizeof *page) == 0);      // ours is as it was
    if (status)
        note("pages %x", which);
    ok(status == 0, "buffers shared by fork, pages %u %u %u %u", which & 3,
       which >> 2 & 3, which >> 4 & 3, which >> 6 & 3);
    munmap(page, 2 * sizeof *page);
}

/* A server that knows us, but listens to somebody else, or for another type, or waits
 * in a way that moves pages: our call waits until it listens to us. */
static void busy_servers(void) {
    static const char *const how[] = { "to another process", "for another type" };
    for (int i = 0; i < 2; i++) {
        pid_t parent = getpid(), other, busy;
        struct gate go;
        gate_init(&go);
        CHILD (other) {
            struct msg m = text_msg("other");
            struct msg who = { 0 };
            need(msg_receive(parent, &who, 0, FOREVER) == parent);
            gate_wait(&go);
            m.type = 5;
            need(msg_send((pid_t)who.type, &m, 0, FOREVER) == 0);
        }
        CHILD (busy) {
            char in[64];
            struct msg m = room_msg(in, sizeof in);
            need(msg_reply_receive(0, NULL, &m, FOREVER) == parent);
            need(msg_reply_receive(parent, &m, &m, FOREVER) == parent);
            need(msg_reply(parent, &m) == 0);           // now we know each other
            m.type = 5;
            need(msg_receive(i == 0 ? other : MSG_ANY, &m, i == 0 ? 0 : MSG_TYPE,
                             FOREVER)
                 == other);
            need(has_body(&m, "other") && m.caller == 0);
            m = room_msg(in, sizeof in);
            need(msg_receive(MSG_ANY, &m, 0, FOREVER) == parent && m.caller == parent);
            need(msg_reply(parent, &m) == 0);
        }
        char in[64];
        struct msg q = text_msg("call"), a = room_msg(in, sizeof in);
        struct msg who = { .type = (uint32_t)busy };
        need(msg_send(other, &who, 0, FOREVER) == 0);
        need(msg_call(busy, &q, &a, FOREVER) == 0
             && msg_call(busy, &q, &a, FOREVER) == 0);
        until_asleep(busy);
        pid_t opener;
        CHILD (opener) {
            until_asleep(parent);
            gate_open(&go);
        }
        is_int(msg_call(busy, &q, &a, FOREVER), 0, "a server that listens %s", how[i]);
        ok(has_body(&a, "call"), "is asked when it listens to us");
        is_exit(wait_for(busy), 0, "and first hears whom it listens to");
        wait_for(opener);
        wait_for(other);
        gate_close(&go);
    }
}

/* The eight wide registers, as a program that computes has them. */
struct wide {
    char bytes[8][16];
};

static void wide_load(const struct wide *w) {
    __asm__ volatile("movups (%0), %%xmm0; movups 16(%0), %%xmm1;"
                     "movups 32(%0), %%xmm2; movups 48(%0), %%xmm3;"
                     "movups 64(%0), %%xmm4; movups 80(%0), %%xmm5;"
                     "movups 96(%0), %%xmm6; movups 112(%0), %%xmm7" ::"r"(w)
                     : "memory");
}

static void wide_store(struct wide *w) {
    __asm__ volatile("movups %%xmm0, (%0); movups %%xmm1, 16(%0);"
                     "movups %%xmm2, 32(%0); movups %%xmm3, 48(%0);"
                     "movups %%xmm4, 64(%0); movups %%xmm5, 80(%0);"
                     "movups %%xmm6, 96(%0); movups %%xmm7, 112(%0)"
                     :
                     : "r"(w)
                     : "memory");
}

/* Does the call, and are the registers what they were? */
static int keeps_wide(int computes, long (*call)(void *), void *context) {
    struct wide before, after;
    pattern((char *)&before, sizeof before, (unsigned)getpid());
    if (!computes)
        return call(context) >= 0;
    wide_load(&before);
    long result = call(context);
    wide_store(&after);
    return result >= 0 && memcmp(&before, &after, sizeof before) == 0;
}

static struct msg big_out, big_in;
static pid_t big_caller;

static long big_call(void *server) {
    return msg_call(*(pid_t *)server, &big_out, &big_in, FOREVER);
}

static long big_turn(void *unused) {
    (void)unused;
    big_caller = msg_reply_receive(big_caller, &big_out, &big_in, FOREVER);
    return big_caller;
}

/* Answers with the same bytes from another place until it gets none. */
static void big_server(int computes) {
    char *in = pages + 5 * PAGE, *out = pages + 8 * PAGE + 3;
    for (;;) {
        big_in = room_msg(in, 3 * PAGE);
        need(keeps_wide(computes, big_turn, NULL));
        if (big_in.length == 0)
            break;
        memcpy(out, in, big_in.length);
        big_out = (struct msg){ .body = out, .length = big_in.length };
    }
    need(msg_reply(big_caller, &big_in) == 0);
}

/* Bodies of up to a page and more, anywhere in it, of processes that use the wide
 * registers or do not: they arrive whole, and the registers stay. */
static void big_bodies(int client_computes, int server_computes) {
    static const uint32_t lengths[] = { 511, 512, 513, 640, 3333, 4095, 4096, 4097 };
    static const uint32_t offsets[] = { 0, 1, 700, 3600 };
    int right = 1;
    pid_t server;
    new_pages();
    CHILD (server)
        big_server(server_computes);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 4; k++) {
            char *out = pages + PAGE + offsets[k],
                 *in = pages + 8 * PAGE + offsets[3 - k];
            memset(pages + 7 * PAGE, 0xee, 4 * PAGE);
            pattern(out, lengths[i], i * 4u + (unsigned)k);
            big_out = (struct msg){ .body = out, .length = lengths[i] };
            big_in = room_msg(in, lengths[i]);
            right &= keeps_wide(client_computes, big_call, &server)
                     && big_in.length == lengths[i] && memcmp(in, out, lengths[i]) == 0
                     && in[-1] == (char)0xee && in[lengths[i]] == (char)0xee;
        }
    big_out.length = 0;
    right &= msg_call(server, &big_out, &big_in, FOREVER) == 0;
    ok(right && wait_for(server) == 0, "bodies of about a page; the client %s, %s",
       client_computes ? "computes" : "does not",
       server_computes ? "so does the server" : "the server does not");
}

int main(void) {
    for (int i = 0; i < 4; i++)
        big_bodies(i & 1, i & 2);
    CHILD (to)
        serve();
    for (enum what what = REQUEST; what < WHATS; what++)
        all_places(what);
    for (unsigned which = 0; which < 256; which += which % 5 ? 3 : 1)
        shared_by_fork(which);
    struct msg end = { .type = STOP };
    need(msg_send(to, &end, 0, FOREVER) == 0);
    is_exit(wait_for(to), 0, "the server has seen nothing wrong");
    busy_servers();
    munmap(pages, PAGES * PAGE);
    return done_testing();
}

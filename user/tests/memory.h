/* memory.h - for tests of memory: map, and touch what may not be there.
 *
 *     char *p = map_anonymous(2, PROT_READ);
 *     is_int(touch_write(p), SIGSEGV, "...");      0: the byte could be written
 *     ok(touched.address == p, "...");
 */
#pragma once

#include "tap.h"

#include <setjmp.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static struct {
    sigjmp_buf back;
    void *volatile address;     /* si_addr of the last fault */
    volatile int code;          /* si_code of the last fault */
} touched;

static void TAP_UNUSED touch_handler(int sig, siginfo_t *info, void *context) {
    (void)context;
    touched.address = info->si_addr;
    touched.code = info->si_code;
    siglongjmp(touched.back, sig);
}

static void TAP_UNUSED touch_prepare(void) {
    struct sigaction sa = { .sa_sigaction = touch_handler, .sa_flags = SA_SIGINFO };
    sigemptyset(&sa.sa_mask);
    need(sigaction(SIGSEGV, &sa, NULL) == 0 && sigaction(SIGBUS, &sa, NULL) == 0);
    touched.address = NULL;
    touched.code = 0;
}

static void TAP_UNUSED touch_done(void) {
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
}

/* Reads the byte; gives 0 or the signal that this raised. */
static int TAP_UNUSED touch_read(const volatile void *p) {
    touch_prepare();
    int sig = sigsetjmp(touched.back, 1);
    if (sig == 0)
        (void)*(const volatile char *)p;
    touch_done();
    return sig;
}

/* Writes a byte; gives 0 or the signal that this raised. */
static int TAP_UNUSED touch_write(volatile void *p) {
    touch_prepare();
    int sig = sigsetjmp(touched.back, 1);
    if (sig == 0)
        *(volatile char *)p = 'w';
    touch_done();
    return sig;
}

/* Calls the code at p, which must return at once; gives 0 or the signal. */
static int TAP_UNUSED touch_execute(const volatile void *p) {
    touch_prepare();
    int sig = sigsetjmp(touched.back, 1);
    if (sig == 0)
        ((void (*)(void))(uintptr_t)p)();
    touch_done();
    return sig;
}

static TAP_UNUSED void *map_anonymous(size_t pages, int prot) {
    void *p = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(p != MAP_FAILED);
    return p;
}

static TAP_UNUSED void *map_shared(size_t pages) {
    void *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(p != MAP_FAILED);
    return p;
}

/* How many of the bytes differ from `byte`. */
static size_t TAP_UNUSED other_bytes(const void *from, size_t size, int byte) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((const unsigned char *)from)[i] != byte;
    return count;
}

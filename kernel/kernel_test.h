/* kernel_test.h - tests that run inside the kernel, in the test image only.
 *
 *      KTEST(pipe_wraps) { CHECK(pipe_used(p) == 0); }
 *
 * Bodies are gathered by a linker section; `ktest` on the command line runs them all
 * and prints TAP.
 */
#pragma once

#include "base/types.h"

struct kernel_test {
    const char *name;
    void (*body)(void);
};

#define KTEST(test_name)                                                               \
    static void test_name(void);                                                       \
    static const struct kernel_test test_name##_entry                                  \
        __attribute__((section(".kernel_tests"), used)) = { #test_name, test_name };   \
    static void test_name(void)

/* Fails the running test, once, and goes on. */
void kernel_test_failed(const char *what, const char *file, int line);

#define CHECK(condition) \
    ((condition) ? (void)0 : kernel_test_failed(#condition, __FILE__, __LINE__))

/* The nth allocation from now fails, and all behind it; 0: none. See inject_test.c. */
void allocations_fail_from(uint32_t n);

/* Runs all tests in the image and switches the machine off. */
no_return void kernel_tests_run(void);

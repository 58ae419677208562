/* kernel_test.c - runs the tests gathered in section .kernel_tests, printing TAP. */
#include "kernel_test.h"

#include "arch.h"
#include "core/check.h"
#include "core/log.h"
#include "mm/frame_alloc.h"
#include "mm/heap.h"
extern const struct kernel_test kernel_tests_start[], kernel_tests_end[];

static unsigned failures;       /* of the running test */

void kernel_test_failed(const char *what, const char *file, int line) {
    failures++;
    log_printf("# %s:%d: %s is not true\n", file, line, what);
}

static uint32_t all_objects(void) {
    uint32_t sum = 0;

    for (unsigned type = 0; type < HEAP_TYPES; type++)
        sum += heap_objects[type];
    return sum;
}

/* The body, then the structures, then the ledger: what it took it must have given
 * back. */
static bool run(const struct kernel_test *test) {
    (void)kcheck();             // counts
    uint32_t frames_before = frames_free, objects_before = all_objects();

    failures = 0;
    test->body();
    const char *fault = kcheck();
    if (fault) kernel_test_failed(fault, "kcheck", 0);
    if (frames_free != frames_before || all_objects() != objects_before)
        kernel_test_failed("everything was given back", test->name, 0);
    return failures == 0;
}

void kernel_tests_run(void) {
    unsigned number = 0, failed = 0;

    // a stack stays mapped for the next thread, and that is no test's fault
    uint32_t stacks[2] = { stack_alloc(), stack_alloc() };
    stack_free(stacks[0]);
    stack_free(stacks[1]);
    log_is_quiet = false;
    log_printf("TAP version 13\n1..%u\n",
               (unsigned)(kernel_tests_end - kernel_tests_start));
    for (const struct kernel_test *t = kernel_tests_start; t < kernel_tests_end; t++) {
        bool ok = run(t);
        failed += !ok;
        log_printf("%s %u - %s\n", ok ? "ok" : "not ok", ++number, t->name);
    }
    log_printf("exit status %u\n", failed ? 1 : 0);
    arch_power_off(EXIT_POWER_OFF);
}

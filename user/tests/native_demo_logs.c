/* native_demo_logs.c - the same for the demonstrations that use Parley's own interface:
 * what they tell with --log is, on any number of CPUs and under any seed, what their
 * golden file says.
 */
#include "demo_logs.h"

int main(void) {
    static char text[TEXT_MAX];
    check_logs("native");
    is_exit(run_demo("producer,many", text), 2, "a capacity that is none is told so");
    is_exit(run_demo("producer,3,often", text), 2, "and so is an unknown answer");
    return done_testing();
}

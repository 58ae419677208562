/* native_demo_logs.c - the same for the demonstrations that use Parley's own interface:
 * what they tell with --log is, on any number of CPUs and under any seed, what their
 * golden file says.
 */
#include "demo_logs.h"

int main(void) {
    check_logs("native");
    return done_testing();
}

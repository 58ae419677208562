/* demo_logs.c - every demonstration tells with --log exactly what its golden file says.
 *
 * The demonstrations tell what POSIX and the manual promise, with what really happened
 * put in. So this holds the kernel to all of that at once, and the demonstrations to
 * being the same on every run.
 */
#include "demo_logs.h"

int main(void) {
    check_logs("");
    return done_testing();
}

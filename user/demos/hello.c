/* hello.c - the smallest program: copy it, change it, run it.
 *
 * A program is one file in user/demos/. Copy this one to user/demos/mine.c, then
 *
 *     make run PROG="mine one two"
 *
 * builds it, boots Parley, runs it, prints what it printed, and ends with its exit
 * status. It is ordinary C with the ordinary library: it also runs on Linux.
 */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    printf("Hello from process %d.\n", (int)getpid());
    for (int i = 1; i < argc; i++)
        printf("Argument %d is %s.\n", i, argv[i]);
    return 0;
}

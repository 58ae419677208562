/* start.c - how far it is from the machine's reset to the first program.
 *
 *     tools/vm --icount --append init=/bench/start /bench/start [--check]
 *
 * It is that program itself, and must be: firmware, kernel and the unpacking of the
 * files are counted, and some thousand instructions of the C library before main.
 */
#include "bench.h"

int main(int argc, char **argv) {
    struct figure reset = { .name = "reset",
                            .what = "from reset to init",
                            .target = 20000000,
                            .counted = read_counter() };
    if (getpid() != 1) {
        fputs("start: this is not the first program. To make it that:\n"
              "tools/vm --icount --append init=/bench/start /bench/start\n",
              stderr);
        return 1;
    }
    return report_all(&reset, 1, argc > 1 && strcmp(argv[1], "--check") == 0);
}

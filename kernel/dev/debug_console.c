/* debug_console.c - port 0xE9: what is written there ends in a file of QEMU's.
 *
 * `quiet` does not silence it: tools/vm finds the log's tail and the exit status here.
 */
#include "dev/debug_console.h"

#include "arch/x86/io.h"
#include "core/log.h"

#define DEBUG_PORT 0xe9         /* reads as itself when it is there */

static void debug_console_write(const char *text, size_t length) {
    __asm__ volatile("rep outsb"
                     : "+S"(text), "+c"(length)
                     : "d"(DEBUG_PORT)
                     : "memory");
}

static struct log_sink debug_console_sink = {
    .name = "debug console", .write = debug_console_write
};

void debug_console_init(void) {
    if (in8(DEBUG_PORT) == DEBUG_PORT) log_sink_register(&debug_console_sink);
}

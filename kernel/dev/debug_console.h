/* debug_console.h - QEMU's debug console, port 0xE9: the log as tools read it. */
#pragma once

/* Makes it a sink of the log when it exists. Needs nothing. */
void debug_console_init(void);

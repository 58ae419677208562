/* serial.h - the serial line COM1: where the log goes first, and terminal ttyS0; QEMU's
 * debug console, port 0xE9: the log as tools read it. */
#pragma once

#include "dev/terminal.h"

extern struct terminal serial_terminal;

/* Finds both, programs the line and makes them sinks of the log. Needs nothing: may be
 * the first call of the kernel. */
void serial_early_init(void);
bool serial_is_present(void);

/* From here on typed bytes arrive by interrupt. */
void serial_start(void);

/* serial.h - the serial line COM1: where the log goes first, and terminal ttyS0. */
#pragma once

#include "dev/terminal.h"

extern struct terminal serial_terminal;

/* Finds and programs the line and makes it a sink of the log. Needs nothing: may be the
 * first call of the kernel. False: there is no serial line. */
bool serial_early_init(void);
bool serial_is_present(void);

/* From here on typed bytes arrive by interrupt. */
void serial_start(void);

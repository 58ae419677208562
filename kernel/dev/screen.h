/* screen.h - the screen: VGA text or a framebuffer. A sink of the log, and tty1. */
#pragma once

#include "dev/terminal.h"

extern struct terminal screen_terminal;

struct boot_info;

/* Finds a screen and makes it a sink of the log. After kernel_map_init. */
void screen_init(const struct boot_info *boot);
bool screen_is_present(void);

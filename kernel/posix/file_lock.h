/* file_lock.h - advisory locks on files. */
#pragma once

/* Tells kernel/fs about them; once at boot. */
void file_locks_init(void);

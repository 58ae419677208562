/* mqueue.h - POSIX message queues. */
#pragma once

/* Mounts /dev/mqueue; once at boot, when /dev is there. */
void mqueues_init(void);

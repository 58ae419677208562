/* devfs.h - /dev: devices, which are terminals or no hardware at all. */
#pragma once

#include "fs/inode.h"

/* Mounts /dev with null, zero, full, random and urandom in it. */
void devfs_init(void);

/* Makes a node below /dev. number: major << 8 | minor, as on Linux; mode: its
 * permissions. Never undone. */
void device_make(const char *name, uint32_t number, mode_t mode);

/* Makes every terminal there is a device, and /dev/tty and /dev/console, which is the
 * screen if there is one and it is wanted. A terminal's size is the driver's of now. */
void tty_init(bool console_on_screen);

/* As inode_operations' open, for all devices, and for terminals; -ENXIO when it is none
 * of them. */
int device_open(struct file *file);
int tty_open(struct file *file);

/* Ends what the session has with its terminal, because its leader exits: SIGHUP to the
 * foreground group; files opened so far read end of file and cannot be written. */
void tty_hangup_session(pid_t session);

/* The number of a session's terminal, and its foreground group; 0 and -1 without. */
uint32_t tty_of_session(pid_t session, pid_t *foreground);

/* tmpfs.h - the file system in memory: /, /tmp, /dev, /dev/shm, and with a make_special
 * of their own /mbox and /dev/mqueue.
 */
#pragma once

#include "fs/inode.h"

/* Mounts a new, empty tmpfs; at boot. A regular file created in it is handed to
 * make_special when that is not NULL (it may set operations, data and type; its error
 * undoes the creation). */
struct file_system *tmpfs_mount(const char *where, const char *type, mode_t mode,
                                int (*make_special)(struct inode *inode));

/* Takes all of the inode's names out of a directory. */
void tmpfs_forget(struct inode *directory, struct inode *inode);
extern const struct inode_operations tmpfs_regular_operations;  /* tmpfs_file.c */

/* Unpacks a newc archive under the root. Frees the archive's frames as it goes. Returns
 * false and says why in `why` when it is damaged. */
bool initramfs_unpack(paddr_t base, uint32_t length, char *why, size_t size);

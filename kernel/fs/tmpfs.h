/* tmpfs.h - the file system in memory: /, /tmp, /dev/shm, and with a `create` of their
 * own /mbox and /dev/mqueue.
 */
#pragma once

#include "fs/inode.h"

/* A new, empty tmpfs; NULL without memory. When make_special is not NULL a regular file
 * created in it is handed to that (it may set operations, data and type; its error
 * undoes the creation), and nothing else can be made there. */
struct file_system *tmpfs_create(const char *type, mode_t mode,
                                 int (*make_special)(struct inode *inode));

/* Woken whenever something gets a name in fs. */
struct wait_queue *tmpfs_new_names(struct file_system *fs);

/* Takes all of the inode's names out of a directory. */
void tmpfs_forget(struct inode *directory, struct inode *inode);

/* Unpacks a newc archive under the root. Frees the archive's frames as it goes. Returns
 * false and says why in `why` when it is damaged. */
bool initramfs_unpack(paddr_t base, uint32_t length, char *why, size_t size);

/* -- Between the files of tmpfs ---------------------------------------------------- */

extern const struct inode_operations tmpfs_directory_operations;    /* tmpfs_dir.c */
extern const struct inode_operations tmpfs_regular_operations;      /* tmpfs_file.c */

/* A node without a name, as it comes to be in `directory`: owner, group and
 * set-group-id bit follow from there. With one reference. NULL: no memory. */
must_check struct inode *tmpfs_node_create(struct inode *directory, mode_t mode,
                                           uint32_t device);
must_check struct inode *tmpfs_link_create(struct inode *directory, const char *target);

/* What the file system does with a new node. 0 or -errno. */
must_check int tmpfs_make_special(struct inode *inode);

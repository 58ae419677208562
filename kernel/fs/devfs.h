/* devfs.h - /dev: character devices register a name, numbers and how they open. */
#pragma once

#include "fs/inode.h"

struct device {
    struct list_node node;
    const char *name;           /* below /dev */
    uint32_t number;            /* major << 8 | minor, as on Linux */
    mode_t mode;                /* permission bits */
    const struct file_operations *operations;
    /* SLEEPS. In place of operations: makes the open file itself. */
    int (*open)(struct device *device, struct inode *inode, uint32_t flags,
                struct file **out) SLEEPS;
};

/* Mounts /dev with null, zero, full, random, urandom and the usual links in it. */
void devfs_init(void);

/* Makes the device openable, and its node. Never undone. */
void device_register(struct device *device);

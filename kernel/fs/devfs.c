/* devfs.c - /dev: an ordinary tmpfs with device nodes in it; and the devices that are
 * no hardware; getrandom.
 *
 *      open("/dev/null") -> node, S_IFCHR 1:3 -> soft_devices has it -> `soft`
 *
 * A node is only a number; mknod makes more of them anywhere, and chmod works on them,
 * as on Linux.
 * Sleeps: never.
 * Linux: what is written to the random devices is dropped; they need no more.
 * Tests: user/tests/devices.c
 * See: null(4), full(4), random(4).
 */
#include "fs/devfs.h"

#include "dev/random.h"
#include "syscall.h"

static struct file_system *devfs;

void device_make(const char *name, uint32_t number, mode_t mode) {
    const struct new_node node = { .mode = S_IFCHR | mode, .device = number };
    struct inode *root = devfs->root, *made;

    if (root->operations->make(root, name_of(name), &node, &made))
        panic("cannot make /dev/%s", name);
    inode_put(made);
}

/* -- Devices that are no hardware -------------------------------------------------- */

enum { SOFT = 0x100, DEV_NULL = SOFT + 3, DEV_FULL = SOFT + 7 };

static const char *const soft_devices[] = {     // behind SOFT
    [3] = "null", [5] = "zero", [7] = "full", [8] = "random", [9] = "urandom"
};

#define RANDOM_MAX (256u << 10)     /* what one read gives at most */

static ssize_t give_random(struct io *io) {
    size_t size = min(io->left, RANDOM_MAX);
    uint8_t chunk[128];

    for (size_t given = 0, n; given < size; given += n) {
        n = min(size - given, sizeof(chunk));
        random_bytes(chunk, n);
        if (io_give(io, chunk, n)) return given ? (ssize_t)given : -EFAULT;
    }
    return (ssize_t)size;
}

long sys_getrandom(uptr_t buffer, size_t size, uint32_t flags) {
    enum { GRND_RANDOM = 2, GRND_INSECURE = 4, GRND_ALL = 7 };
    struct io io;

    if (flags & ~GRND_ALL || (flags & GRND_RANDOM && flags & GRND_INSECURE))
        return -EINVAL;
    return io_init(&io, buffer, min(size, RANDOM_MAX)) ? -EFAULT : give_random(&io);
}

static ssize_t soft_read(struct file *file, struct io *io) {
    uint32_t device = file->inode->device;
    size_t size = io->left;

    if (device == DEV_NULL) return 0;
    if (device != DEV_ZERO && device != DEV_FULL) return give_random(io);
    return io_give(io, NULL, size) ? -EFAULT : (ssize_t)size;
}

static ssize_t soft_write(struct file *file, struct io *io) {
    return file->inode->device == DEV_FULL ? -ENOSPC : (ssize_t)io->left;
}

int device_open(struct file *file) {
    static const struct file_operations soft = {
        .name = "device", .read = soft_read, .write = soft_write, .has_places = true,
    };
    uint32_t place = file->inode->device - SOFT;

    if (place >= ARRAY_SIZE(soft_devices) || !soft_devices[place])
        return tty_open(file);
    file->operations = &soft;
    return 0;
}

void devfs_init(void) {
    devfs = tmpfs_mount("/dev", "devtmpfs", 0755, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(soft_devices); i++)
        if (soft_devices[i]) device_make(soft_devices[i], SOFT + i, 0666);
}

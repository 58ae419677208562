/* devfs.c - /dev: an ordinary tmpfs with device nodes in it; and the devices that are
 * no hardware; getrandom.
 *
 *      open("/dev/null") -> node, S_IFCHR 1:3 -> devices: number 1:3 -> its operations
 *
 * A node is only a number; mknod makes more of them anywhere, and chmod works on them,
 * as on Linux. Which numbers there are is decided by device_register.
 * Sleeps: opening may, when the device's own open does.
 * Linux: what is written to the random devices is dropped; they need no more.
 * Tests: user/tests/devices.c
 * See: null(4), full(4), random(4).
 */
#include "fs/devfs.h"

#include "core/panic.h"
#include "dev/random.h"
#include "syscall.h"

static struct list devices = LIST_INIT(devices);
static struct file_system *devfs;

static int device_open(struct inode *inode, uint32_t flags, struct file **out) {
    struct device *device;

    list_for_each (device, &devices, node) {
        if (device->number != inode->device) continue;
        if (device->open) return device->open(device, inode, flags, out);
        *out = file_create(device->operations, flags, inode_get(inode), NULL);
        return *out ? 0 : -ENFILE;
    }
    return -ENXIO;
}

static void make(const char *name, const struct new_node *node) {
    struct inode *root = devfs->root, *made;

    if (root->operations->make(root, name_of(name), node, &made))
        panic("cannot make /dev/%s", name);
    inode_put(made);
}

void device_register(struct device *device) {
    list_push_back(&devices, &device->node);
    make(device->name, &(struct new_node){ .mode = S_IFCHR | device->mode,
                                           .device = device->number });
}

/* -- Devices that are no hardware -------------------------------------------------- */

enum { DEV_NULL = 0x103, DEV_ZERO = 0x105, DEV_FULL = 0x107, DEV_RANDOM = 0x108,
       DEV_URANDOM = 0x109 };

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

enum { GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4, GRND_ALL = 7 };

long sys_getrandom(uptr_t buffer, size_t size, uint32_t flags) {
    struct io io;

    if (flags & ~GRND_ALL || (flags & GRND_RANDOM && flags & GRND_INSECURE))
        return -EINVAL;
    io_init(&io, buffer, min(size, RANDOM_MAX));
    return user_range_ok(buffer, io.left) ? give_random(&io) : -EFAULT;
}

static ssize_t soft_read(struct file *file, struct io *io, uint64_t *offset) {
    size_t size = io->left;

    (void)offset;
    switch (file->inode->device) {
    case DEV_NULL: return 0;
    case DEV_ZERO:
    case DEV_FULL: return io_give(io, NULL, size) ? -EFAULT : (ssize_t)size;
    default: return give_random(io);
    }
}

static ssize_t soft_write(struct file *file, struct io *io, uint64_t *offset) {
    (void)offset;
    return file->inode->device == DEV_FULL ? -ENOSPC : (ssize_t)io->left;
}

/* There is nowhere to go, and that always works. */
static int64_t soft_seek(struct file *file, int64_t offset, int whence) {
    (void)file, (void)offset, (void)whence;
    return 0;
}

/* No object: a mapping of /dev/zero is anonymous memory. */
static int soft_map(struct file *file, struct memory_object **object) {
    *object = NULL;
    return file->inode->device == DEV_ZERO ? 0 : -ENODEV;
}

void devfs_init(void) {
    static const struct file_operations soft = {
        .name = "device", .read = soft_read, .write = soft_write, .seek = soft_seek,
        .map = soft_map,
    };
    static struct device soft_devices[] = {
        { .name = "null", .number = DEV_NULL }, { .name = "zero", .number = DEV_ZERO },
        { .name = "full", .number = DEV_FULL },
        { .name = "random", .number = DEV_RANDOM },
        { .name = "urandom", .number = DEV_URANDOM },
    };
    static const char *const links[][2] = {
        { "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" },
        { "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
    };

    devfs = tmpfs_mount("/dev", "devtmpfs", 0755, NULL);
    special_open_register(S_IFCHR, device_open);
    for (unsigned i = 0; i < ARRAY_SIZE(links); i++)
        make(links[i][0],
             &(struct new_node){ .mode = S_IFLNK | 0777, .target = links[i][1] });
    for (unsigned i = 0; i < ARRAY_SIZE(soft_devices); i++) {
        soft_devices[i].mode = 0666;
        soft_devices[i].operations = &soft;
        device_register(&soft_devices[i]);
    }
}

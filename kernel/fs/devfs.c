/* devfs.c - /dev: an ordinary tmpfs with device nodes in it.
 *
 *      open("/dev/null") -> node, S_IFCHR 1:3 -> devices: number 1:3 -> its operations
 *
 * A node is only a number; mknod makes more of them anywhere, and chmod works on them,
 * as on Linux. Which numbers there are is decided by device_register.
 * Sleeps: opening may, when the device's own open does.
 */
#include "fs/devfs.h"

#include "base/string.h"
#include "core/panic.h"
#include "fs/tmpfs.h"

static struct list devices = LIST_INIT(devices);
static struct file_system *devfs;

static struct device *device_find(uint32_t number)
{
    struct device *device;

    list_for_each (device, &devices, node)
        if (device->number == number)
            return device;
    return NULL;
}

static int device_open(struct inode *inode, uint32_t flags, struct file **out)
{
    struct device *device = device_find(inode->device);

    if (!device)
        return -ENXIO;
    if (device->open)
        return device->open(device, inode, flags, out);
    *out = file_create(device->operations, flags, inode_get(inode), device->data);
    return *out ? 0 : -ENFILE;
}

static void make_node(const char *name, mode_t mode, uint32_t number)
{
    struct inode *root = devfs->root, *node;

    if (root->operations->create(root, name, strlen(name), mode, number, &node))
        panic("cannot make /dev/%s", name);
    inode_put(node);
}

static void make_link(const char *name, const char *target)
{
    struct inode *root = devfs->root;

    if (root->operations->symlink(root, name, strlen(name), target))
        panic("cannot make /dev/%s", name);
}

void device_register(struct device *device)
{
    list_push_back(&devices, &device->node);
    make_node(device->name, S_IFCHR | device->mode, device->number);
}

void devfs_init(void)
{
    devfs = tmpfs_create("devtmpfs", 0755, NULL);
    if (!devfs)
        panic("no memory for /dev");
    file_system_mount(devfs, "/dev");
    special_open_register(S_IFCHR, device_open);
    make_link("fd", "/proc/self/fd");
    make_link("stdin", "/proc/self/fd/0");
    make_link("stdout", "/proc/self/fd/1");
    make_link("stderr", "/proc/self/fd/2");
    make_node("shm", S_IFDIR | 01777, 0);
}

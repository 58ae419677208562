/* initramfs.c - the first files: unpacks the archive that the boot loader left.
 *
 * Shape: the archive is eaten from the front. What has been unpacked is given back to
 * the pool, so that a machine needs little more memory than the files themselves and
 * the largest of them a second time:
 *
 *      base          freed        offset             base + length
 *      |  given back   |  < a page  | still to be unpacked |
 *
 * Invariants: nothing below `offset` is read again.
 * Sleeps: never; runs at boot, as root.
 * Linux: a folder's time is when it was filled, not the archive's; no hard links.
 * Tests: kernel/fs/cpio_host_test.c; every boot
 */
#include "base/format.h"
#include "fs/cpio.h"
#include "fs/inode.h"

/* A folder that is there already becomes the new one. NULL, or what is wrong. */
static const char *unpack(const uint8_t *archive, const struct cpio_entry *e) {
    const struct new_node node = { .mode = e->mode, .target = path_buffer,
                                   .device = e->node_major << 8 | e->node_minor };
    mode_t type = e->mode & S_IFMT;
    const char *why = NULL;
    struct path path;

    if (type == S_IFREG && e->links > 1)
        return "it has several names, which is not supported";
    if (type == S_IFLNK) {
        if (e->size == 0 || e->size >= PATH_MAX)
            return "the symbolic link's target is empty or too long";
        memcpy(path_buffer, archive + e->data, e->size);
        path_buffer[e->size] = '\0';
    }
    if (path_walk(root_inode, e->name, NAME_ITSELF, &path))
        return "its folder is not there";
    if (!path.inode) why = path_make(&path, &node) ? "it cannot be made" : NULL;
    else if (type != S_IFDIR || !inode_is(path.inode, S_IFDIR))
        why = "its name is there already";
    struct inode *inode = path.inode;
    if (!why && type == S_IFREG) {
        inode->size = e->size;
        inode->object->size_pages = (e->size + PAGE_MASK) >> PAGE_SHIFT;
        if (object_write(inode->object, 0, archive + e->data, e->size) < e->size)
            why = "not enough memory for its contents";
    }
    if (!why) {
        inode->mode = type | (e->mode & 07777);
        inode->uid = e->uid;
        inode->gid = e->gid;
        inode->accessed = inode->modified = inode->changed = e->mtime * SECOND;
    }
    path_release(&path);
    return why;
}

bool initramfs_unpack(paddr_t base, uint32_t length, char *why, size_t size) {
    const uint8_t *archive = paddr_to_kernel(base);
    paddr_t freed = round_up(base, PAGE_SIZE);
    bool complete = true;       // no archive has been begun and not ended
    struct cpio_entry entry;
    const char *fault;
    uint32_t offset, next = 0;

    do {
        offset = next;
        fault = cpio_next(archive, length, &next, &entry);
        if (!fault && entry.name) {
            complete = strcmp(entry.name, CPIO_TRAILER) == 0;
            if (!complete) fault = unpack(archive, &entry);
        }
        paddr_t end = max(freed, round_down(base + next, PAGE_SIZE));
        if (!fault) frames_free_range(freed, end);
        freed = end;
    } while (!fault && entry.name);
    if (!fault && !complete) fault = "the archive ends without its trailer";
    if (fault) format(why, size, "initramfs, byte %u: %s", offset, fault);
    return !fault;
}

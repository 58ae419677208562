/* tmpfs_file.c - what regular files hold.
 *
 * Shape: the bytes lie in the pages of a memory object, which is also what mmap maps: a
 * read, a write and a mapping see the same bytes. Pages that were never written do not
 * exist and read as zeros. The object is made when it is first needed.
 *
 *      inode->object --> page 0 [....] , page 7 [....]      size = 8 pages, 6 are holes
 *
 * Invariants: size <= FILE_MAX. What a mapping left behind the end never becomes part
 * of the file: cut_off clears it before the file grows over it.
 * Sleeps: never: all is in memory, and user copies do not sleep.
 * Tests: user/tests/read_write.c, truncate.c, mmap_file.c
 */
#include "fs/tmpfs.h"
#include "mm/memory_object.h"

#define FILE_MAX ((uint64_t)(OBJECT_PAGES_MAX - 1) * PAGE_SIZE)

static uint32_t page_of(uint64_t offset) { return (uint32_t)(offset >> PAGE_SHIFT); }

/* Bytes from offset on, at most `left`, that lie in one page. */
static size_t within_page(uint64_t offset, uint64_t left) {
    return (size_t)min(left, (uint64_t)(PAGE_SIZE - (offset & PAGE_MASK)));
}

/* How far a file may grow: the least of what RLIMIT_FSIZE and we ourselves allow. */
static uint64_t size_limit(void) {
    return min(limit_soft(current_process(), LIMIT_FSIZE), FILE_MAX);
}

/* Says no to growing; the user's own limit is told by a signal too. */
static int refuse_growth(void) {
    if (size_limit() < FILE_MAX) signal_kernel(current_process(), SIGXFSZ);
    return -EFBIG;
}

static bool make_object(struct inode *inode) {
    if (!inode->object) inode->object = object_create(page_of(inode->size + PAGE_MASK));
    return inode->object;
}

static void set_size(struct inode *inode, uint64_t size) {
    inode->size = size;
    if (inode->object) inode->object->size_pages = page_of(size + PAGE_MASK);
    if (unlikely(inode->mode & (S_ISUID | S_ISGID)) && current_credentials()->euid != 0)
        inode->mode = inode_plain_mode(inode);
    inode_touch_modified(inode);
}

/* Makes everything from `at` on read as zeros. What lies behind the end of a file may
 * come from a mapping: it must be gone before the file grows over it. */
static void cut_off(struct inode *inode, uint64_t at) {
    struct frame *frame = NULL;

    if (!inode->object) return;
    object_truncate(inode->object, page_of(at + PAGE_MASK));
    if (at & PAGE_MASK) frame = object_page(inode->object, page_of(at), false);
    if (frame)
        memset((char *)frame_address(frame) + (at & PAGE_MASK), 0,
               PAGE_SIZE - (at & PAGE_MASK));
}

/* -- Operations -------------------------------------------------------------------- */

static ssize_t regular_read(struct file *file, struct io *io, uint64_t *offset) {
    struct inode *inode = file->inode;
    uint64_t start = *offset, at = start, end;
    const struct frame *frame = NULL;
    int error = 0;

    if (start >= inode->size || io->left == 0) return 0;
    end = start + min((uint64_t)io->left, inode->size - start);
    for (size_t size; at < end; at += size) {
        size = within_page(at, end - at);
        if (inode->object) frame = object_page(inode->object, page_of(at), false);
        error = io_give(
            io, frame ? (char *)frame_address(frame) + (at & PAGE_MASK) : NULL, size);
        if (error) break;
    }
    *offset = at;
    inode_touch_accessed(inode);
    return at > start ? (ssize_t)(at - start) : error;
}

static ssize_t regular_write(struct file *file, struct io *io, uint64_t *offset) {
    struct inode *inode = file->inode;
    uint64_t start = file->flags & O_APPEND ? inode->size : *offset, at = start, end;
    int error = 0;

    if (io->left == 0) return 0;
    if (start >= size_limit()) return refuse_growth();
    if (!make_object(inode)) return -ENOSPC;
    if (start > inode->size) cut_off(inode, inode->size);
    end = start + min((uint64_t)io->left, size_limit() - start);
    for (size_t size; at < end; at += size) {
        const struct frame *frame = object_page(inode->object, page_of(at), true);
        size = within_page(at, end - at);
        error = frame
                    ? io_take(io, (char *)frame_address(frame) + (at & PAGE_MASK), size)
                    : -ENOSPC;
        if (error) break;
    }
    if (at == start) return error;
    *offset = at;
    set_size(inode, max(inode->size, at));
    return (ssize_t)(at - start);
}

static int regular_truncate(struct inode *inode, uint64_t size) {
    if (size > inode->size && size > size_limit()) return refuse_growth();
    cut_off(inode, min(size, inode->size));
    set_size(inode, size);
    return 0;
}

static int regular_map(struct file *file, struct memory_object **object) {
    if (!make_object(file->inode)) return -ENOMEM;
    *object = file->inode->object;
    return 0;
}

static const struct file_operations regular_files = {
    .name = "regular file", .read = regular_read, .write = regular_write,
    .seek = file_seek, .map = regular_map,
};

const struct inode_operations tmpfs_regular_operations = {
    .truncate = regular_truncate,
    .files = &regular_files,
};

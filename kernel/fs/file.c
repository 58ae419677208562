/* file.c - open files: their life, and the buffers that reads and writes move through.
 *
 * Shape: an io walks over the pieces of one read or write:
 *
 *      base, piece          more[0]        more[1]      nr_more = 2
 *      [........####]       [#########]    [####]       # is still to be moved: left
 *
 * Invariants: every open file is on all_files, nr_open_files counts them, and each is
 * charged to the account that pays for its memory. left is the sum of all pieces.
 * Sleeps: file_read and file_write, in the operations only; file_put never.
 * Tests: user/tests/open.c, lseek.c, vectors.c
 */
#include "fs/file.h"

#include "base/string.h"
#include "core/panic.h"
#include "fs/inode.h"
#include "mm/account.h"
#include "mm/heap.h"

struct list all_files = LIST_INIT(all_files);
uint32_t nr_open_files;

static struct list closing = LIST_INIT(closing);    // their release is still to run
static bool is_closing;                             // somebody further up is at it
static uint32_t last_number;

/* -- Buffers ----------------------------------------------------------------------- */

/* How many of the next `size` bytes lie in one piece; makes that piece the current. */
static size_t io_piece(struct io *io, size_t size)
{
    while (io->piece == 0) {
        assert(io->nr_more > 0);
        io->base = io->more->base;
        io->piece = io->more->length;
        io->more++;
        io->nr_more--;
    }
    return min(size, io->piece);
}

static void io_advance(struct io *io, size_t size)
{
    io->base += size;
    io->piece -= size;
    io->left -= size;
}

int io_take(struct io *io, void *to, size_t size)
{
    assert(size <= io->left);
    while (size) {
        size_t part = io_piece(io, size);
        if (io->kernel)
            memcpy(to, (const void *)io->base, part);
        else if (copy_from_user(to, uptr(io->base), part))
            return -EFAULT;
        io_advance(io, part);
        to = (char *)to + part;
        size -= part;
    }
    return 0;
}

int io_give(struct io *io, const void *from, size_t size)
{
    assert(size <= io->left);
    while (size) {
        size_t part = io_piece(io, size);
        if (io->kernel)
            memcpy((void *)io->base, from, part);
        else if (copy_to_user(uptr(io->base), from, part))
            return -EFAULT;
        io_advance(io, part);
        from = (const char *)from + part;
        size -= part;
    }
    return 0;
}

int io_give_zeros(struct io *io, size_t size)
{
    assert(size <= io->left);
    while (size) {
        size_t part = io_piece(io, size);
        if (io->kernel)
            memset((void *)io->base, 0, part);
        else if (clear_user(uptr(io->base), part))
            return -EFAULT;
        io_advance(io, part);
        size -= part;
    }
    return 0;
}

/* -- Life -------------------------------------------------------------------------- */

#define FLAGS_OF_OPENING (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

struct file *file_create(const struct file_operations *operations, uint32_t flags,
                         struct inode *inode, void *object)
{
    struct account *account = account_current();
    struct file *file;

    if (!account_charge(account, ACCOUNT_FILES, 1))
        goto fail;
    file = heap_new(HEAP_FILE, struct file);
    if (!file)
        goto fail_charged;
    file->refs = 1;
    file->operations = operations;
    file->flags = flags & ~FLAGS_OF_OPENING;
    file->inode = inode;
    file->object = object;
    file->number = ++last_number;
    list_push_back(&all_files, &file->all_node);
    nr_open_files++;
    return file;

fail_charged:
    account_release(account, ACCOUNT_FILES, 1);
fail:
    if (inode)
        inode_put(inode);
    return NULL;
}

static void file_destroy(struct file *file)
{
    struct account *account = heap_account(file);

    if (file->operations->release)
        file->operations->release(file);
    if (file->inode && file->inode->locks)
        file_lock_end(file->inode, file);
    if (file->inode)
        inode_put(file->inode);
    heap_free(file);
    account_release(account, ACCOUNT_FILES, 1);
}

/* A release may drop the last reference to another file: descriptors that lay in a
 * message of this one, and in that one's messages more of them. So the files queue up
 * here and the first caller works them off, or a long chain would use up the stack. */
void file_free(struct file *file)
{
    list_remove(&file->all_node);
    list_push_back(&closing, &file->all_node);
    nr_open_files--;
    if (is_closing)
        return;
    is_closing = true;
    while ((file = list_first_entry(&closing, struct file, all_node))) {
        list_remove(&file->all_node);
        file_destroy(file);
    }
    is_closing = false;
}

/* -- What every kind of file does the same way ------------------------------------- */

static ssize_t no_operation(const struct file *file)
{
    return file->inode && inode_is(file->inode, S_IFDIR) ? -EISDIR : -EBADF;
}

ssize_t file_read(struct file *file, struct io *io, uint64_t *offset)
{
    if (!file_is_readable(file))
        return -EBADF;
    if (!file->operations->read)
        return no_operation(file);
    return file->operations->read(file, io, offset);
}

ssize_t file_write(struct file *file, struct io *io, uint64_t *offset)
{
    if (!file_is_writable(file))
        return -EBADF;
    if (!file->operations->write)
        return no_operation(file);
    return file->operations->write(file, io, offset);
}

unsigned file_poll(struct file *file, struct poll_table *table)
{
    if (file->operations->poll)
        return file->operations->poll(file, table);
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

enum { SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, SEEK_DATA = 3, SEEK_HOLE = 4 };

/* A file counts as data all through, as Linux allows: the only hole is its end. */
int64_t file_seek(struct file *file, int64_t offset, int whence)
{
    int64_t size = (int64_t)file->inode->size, from = 0, result;

    switch (whence) {
    case SEEK_SET: break;
    case SEEK_CUR: from = (int64_t)file->offset; break;
    case SEEK_END: from = size; break;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (offset < 0 || offset >= size)
            return -ENXIO;
        if (whence == SEEK_HOLE)
            offset = size;
        break;
    default: return -EINVAL;
    }
    if (__builtin_add_overflow(from, offset, &result) || result < 0)
        return -EINVAL;
    file->offset = (uint64_t)result;
    return result;
}

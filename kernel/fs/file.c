/* file.c - open files: their life, and the buffers that reads and writes move through.
 *
 * Shape: an io walks over the pieces of one read or write:
 *
 *      base, piece          more[0]        more[1]
 *      [........####]       [#########]    [####]       # is still to be moved: left
 *
 * Invariants: every open file is on all_files, nr_open_files counts them, and each is
 * charged to the account that pays for its memory. left is the sum of all pieces.
 * Sleeps: file_read and file_write, in the operations only; file_put never.
 * Tests: user/tests/open.c, lseek.c, vectors.c
 */
#include "fs/file.h"

#include "core/panic.h"
#include "fs/inode.h"
#include "mm/account.h"
#include "mm/heap.h"

struct list all_files = LIST_INIT(all_files);
uint32_t nr_open_files;

static struct list closing = LIST_INIT(closing);    // their release is still to run
static bool is_closing;                             // somebody further up is at it

/* -- Buffers ----------------------------------------------------------------------- */

int io_move_pieces(struct io *io, void *memory, size_t size, bool give) {
    assert(size <= io->left);
    for (size_t part; size; size -= part) {
        while (io->piece == 0) {
            io->base = io->more->base;
            io->piece = io->more->length;
            io->more++;
        }
        part = min(size, io->piece);
        void *user = (void *)io->base;
        if (!memory ? clear_user(uptr(io->base), part) != 0
                    : user_copy(give ? user : memory, give ? memory : user, part) != 0)
            return -EFAULT;
        if (memory) memory = (char *)memory + part;
        io_advance(io, part);
    }
    return 0;
}

/* -- Life -------------------------------------------------------------------------- */

#define FLAGS_OF_OPENING (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

struct file *file_create(const struct file_operations *operations, uint32_t flags,
                         struct inode *inode, void *object) {
    struct account *account = account_current();
    struct file *file;

    if (!inode) return NULL;
    if (!account_charge(account, ACCOUNT_FILES, 1)) goto fail;
    file = heap_new(HEAP_FILE, struct file);
    if (!file) goto fail_charged;
    file->refs = 1;
    file->operations = operations;
    file->flags = flags & ~FLAGS_OF_OPENING;
    file->inode = inode;
    file->object = object;
    list_push_back(&all_files, &file->all_node);
    nr_open_files++;
    return file;

fail_charged:
    account_release(account, ACCOUNT_FILES, 1);
fail:
    inode_put(inode);
    return NULL;
}

static void file_destroy(struct file *file) {
    struct account *account = heap_account(file);

    if (file->operations->release) file->operations->release(file);
    if (file->inode && file->inode->locks) file_lock_end(file->inode, file);
    inode_put(file->inode);
    heap_free(file);
    account_release(account, ACCOUNT_FILES, 1);
}

/* A release may drop the last reference to another file: descriptors that lay in a
 * message of this one, and in that one's messages more of them. So the files queue up
 * here and the first caller works them off, or a long chain would use up the stack. */
void file_free(struct file *file) {
    list_remove(&file->all_node);
    list_push_back(&closing, &file->all_node);
    nr_open_files--;
    if (is_closing) return;
    is_closing = true;
    while ((file = list_first_entry(&closing, struct file, all_node))) {
        list_remove(&file->all_node);
        file_destroy(file);
    }
    is_closing = false;
}

/* -- What every kind of file does the same way ------------------------------------- */

unsigned file_poll(struct file *file, struct poll_table *table) {
    if (file->operations->poll) return file->operations->poll(file, table);
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

ssize_t directory_read(struct file *file, struct io *io, uint64_t *offset) {
    (void)file, (void)io, (void)offset;
    return -EISDIR;
}

int64_t file_seek(struct file *file, int64_t offset, int whence) {
    const int64_t from[] = { 0, (int64_t)file->offset, (int64_t)file->inode->size };
    int64_t result;

    if ((unsigned)whence >= ARRAY_SIZE(from)        // SEEK_SET, SEEK_CUR, SEEK_END
        || __builtin_add_overflow(from[whence], offset, &result) || result < 0)
        return -EINVAL;
    file->offset = (uint64_t)result;
    return result;
}

/* file.c - open files: their life, and the calls that move bytes.
 *
 * Shape: an io walks over the pieces of one read or write:
 *
 *      base, piece          more[0]        more[1]
 *      [........####]       [#########]    [####]       # is still to be moved: left
 *
 * A call holds a reference to its file while it runs: another thread may close the
 * descriptor meanwhile, and the operation may sleep.
 *
 * Invariants: every open file is on all_files, nr_open_files counts them, and each is
 * charged to the account that pays for its memory. left is the sum of all pieces.
 * Sleeps: read, write and their kin, in the operations only; file_put never.
 * Linux: a vector whose lengths add up to more than SSIZE_MAX is EINVAL, as POSIX wants
 *        it; Linux cuts it short. There is no sendfile (ENOSYS): programs copy.
 * Tests: user/tests/open.c, read_write.c, vectors.c, lseek.c
 */
#include "fs/inode.h"
#include "mm/heap.h"
#include "syscall.h"

struct list all_files = LIST_INIT(all_files);
uint32_t nr_open_files;

static struct list closing = LIST_INIT(closing);    // their release is still to run
static bool is_closing;                             // somebody further up is at it

/* -- Life -------------------------------------------------------------------------- */

#define FLAGS_OF_OPENING (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

struct file *file_create(const struct file_operations *operations, uint32_t flags,
                         struct inode *inode, void *object) {
    struct account *account = account_current();
    struct file *file = inode ? heap_new(HEAP_FILE, struct file) : NULL;

    if (!file || !account_charge(account, ACCOUNT_FILES, 1)) {
        heap_free(file);
        inode_put(inode);
        return NULL;
    }
    *file = (struct file){ .refs = 1, .operations = operations,
                           .flags = flags & ~FLAGS_OF_OPENING, .inode = inode,
                           .object = object };
    list_push_back(&all_files, &file->all_node);
    nr_open_files++;
    return file;
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
        struct account *account = heap_account(file);
        list_remove(&file->all_node);
        if (file->operations->release) file->operations->release(file);
        if (file->inode->locks) file_lock_end(file->inode, file);
        inode_put(file->inode);
        heap_free(file);
        account_release(account, ACCOUNT_FILES, 1);
    }
    is_closing = false;
}

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

int io_init_vector(struct io *io, uptr_t vector, unsigned count) {
    size_t size = count * sizeof(struct iovec);
    int error = 0;

    if (count > IOV_MAX) return -EINVAL;
    io->many = count > ARRAY_SIZE(io->few) ? heap_alloc(HEAP_BUFFER, size) : NULL;
    struct iovec *pieces = count > ARRAY_SIZE(io->few) ? io->many : io->few;
    if (!pieces) return -ENOMEM;
    io->more = pieces;
    io->base = io->piece = io->left = 0;
    if (copy_from_user(pieces, vector, size)) error = -EFAULT;
    for (unsigned i = 0; !error && i < count; i++) {
        if (pieces[i].length > SSIZE_MAX - io->left) error = -EINVAL;
        else if (!user_range_ok(uptr(pieces[i].base), pieces[i].length))
            error = -EFAULT;
        io->left += pieces[i].length;
    }
    if (error) io_release(io);
    return error;
}

void io_release(struct io *io) { heap_free(io->many); }

/* -- System calls ------------------------------------------------------------------ */

/* SLEEPS. Inline: read and write are cases of their own. */
static inline __attribute__((always_inline)) long transfer(int fd, uptr_t memory,
                                                           size_t size, unsigned how,
                                                           uint64_t at) {
    struct io io;
    long result;

    if ((how & PLACED) && (int64_t)at < 0) return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    if ((how & PLACED) && !file->operations->has_places) result = -ESPIPE;
    else if (how & VECTOR) result = io_init_vector(&io, memory, size);
    else result = size > SSIZE_MAX ? -EINVAL : io_init(&io, memory, size);
    if (!result) {
        bool may = how & WRITES ? file_is_writable(file) : file_is_readable(file);
        ssize_t (*move)(struct file *, struct io *) =
            how & WRITES ? file->operations->write : file->operations->read;
        io.offset = how & PLACED ? &at : &file->offset;
        if (likely(may && move)) result = move(file, &io);
        else result = may && inode_is(file->inode, S_IFDIR) ? -EISDIR : -EBADF;
        if (how & VECTOR) io_release(&io);
    }
    file_put(file);
    return result;
}

long file_transfer(int fd, uptr_t memory, size_t size, unsigned how, uint64_t at) {
    return transfer(fd, memory, size, how, at);
}

long sys_read(int fd, uptr_t buffer, size_t size) {
    return transfer(fd, buffer, size, 0, 0);
}

long sys_write(int fd, uptr_t buffer, size_t size) {
    return transfer(fd, buffer, size, WRITES, 0);
}

long sys__llseek(int fd, uint32_t high, uint32_t low, uptr_t result, int whence) {
    struct file *file = fd_peek(fd);
    int64_t offset = (int64_t)join_words(low, high);

    if (!file) return -EBADF;
    if (!file->operations->has_places) return -ESPIPE;
    const int64_t from[] = { 0, (int64_t)file->offset, (int64_t)file->inode->size };
    if (inode_is(file->inode, S_IFCHR)) offset = 0;     // a device is always at 0
    else if ((unsigned)whence >= ARRAY_SIZE(from)       // SEEK_SET, SEEK_CUR, SEEK_END
             || __builtin_add_overflow(from[whence], offset, &offset) || offset < 0)
        return -EINVAL;
    file->offset = (uint64_t)offset;
    return copy_to_user(result, &offset, sizeof(offset));
}

/* Everything is in memory: there is nothing to wait for. */
long sys_fsync(int fd) {
    const struct file *file = fd_peek(fd);

    if (!file) return -EBADF;
    if (!inode_is(file->inode, S_IFREG) && !inode_is(file->inode, S_IFDIR))
        return -EINVAL;
    return 0;
}

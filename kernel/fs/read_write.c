/* read_write.c - the calls that move bytes.
 *
 * All of them are one: find the file, find out where in user memory the bytes are, let
 * the file move them. Each holds a reference to its file while it runs: another thread
 * may close the descriptor meanwhile, and the operation may sleep.
 *
 * Sleeps: read, write and their kin.
 * Linux: a vector whose lengths add up to more than SSIZE_MAX is EINVAL, as POSIX wants
 *        it; Linux cuts it short. There is no sendfile (ENOSYS): programs copy.
 * Tests: user/tests/read_write.c, vectors.c, lseek.c
 */
#include "fs/inode.h"
#include "mm/heap.h"
#include "syscall.h"

typedef ssize_t (*mover)(struct file *file, struct io *io, uint64_t *offset);

int io_init_vector(struct io *io, struct io_vector *copy, uptr_t vector,
                   unsigned count) {
    size_t size = count * sizeof(struct iovec);
    int error = 0;

    if (count > IOV_MAX) return -EINVAL;
    copy->pieces = count > IOV_SHORT ? heap_alloc(HEAP_IO, size) : copy->few;
    if (!copy->pieces) return -ENOMEM;
    *io = (struct io){ .more = copy->pieces };
    if (copy_from_user(copy->pieces, vector, size)) error = -EFAULT;
    for (unsigned i = 0; !error && i < count; i++) {
        const struct iovec *piece = &copy->pieces[i];
        if (piece->length > SSIZE_MAX - io->left) error = -EINVAL;
        else if (!user_range_ok(uptr(piece->base), piece->length)) error = -EFAULT;
        io->left += piece->length;
    }
    if (error) io_vector_release(copy);
    return error;
}

void io_vector_release(struct io_vector *copy) {
    if (copy->pieces != copy->few) heap_free(copy->pieces);
}

static inline int io_init_buffer(struct io *io, uptr_t buffer, size_t size) {
    io_init(io, buffer, size);
    if (size > SSIZE_MAX) return -EINVAL;
    return user_range_ok(buffer, size) ? 0 : -EFAULT;
}

/* SLEEPS. `memory` is one buffer, or a vector of `size` of them; `at` is a place of the
 * call's own, or NULL: where the file is. Inline, so that every call is its own
 * case. */
static inline __attribute__((always_inline)) long transfer(int fd, uptr_t memory,
                                                           size_t size, bool is_vector,
                                                           uint64_t *at, mover move) {
    struct io_vector copy;
    struct io io;
    long result;

    if (at && (int64_t)*at < 0) return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    if (at && !file->operations->seek)
        result = -ESPIPE;
    else
        result = is_vector ? io_init_vector(&io, &copy, memory, size)
                           : io_init_buffer(&io, memory, size);
    if (!result) {
        result = move(file, &io, at ? at : &file->offset);
        if (is_vector) io_vector_release(&copy);
    }
    file_put(file);
    return result;
}

long sys_read(int fd, uptr_t buffer, size_t size) {
    return transfer(fd, buffer, size, false, NULL, file_read);
}

long sys_write(int fd, uptr_t buffer, size_t size) {
    return transfer(fd, buffer, size, false, NULL, file_write);
}

long sys_readv(int fd, uptr_t vector, int count) {
    return transfer(fd, vector, (size_t)count, true, NULL, file_read);
}

long sys_writev(int fd, uptr_t vector, int count) {
    return transfer(fd, vector, (size_t)count, true, NULL, file_write);
}

long sys_pread64(int fd, uptr_t buffer, size_t size, uint32_t low, uint32_t high) {
    return transfer(fd, buffer, size, false, &(uint64_t){ join_words(low, high) },
                    file_read);
}

long sys_pwrite64(int fd, uptr_t buffer, size_t size, uint32_t low, uint32_t high) {
    return transfer(fd, buffer, size, false, &(uint64_t){ join_words(low, high) },
                    file_write);
}

long sys_preadv(int fd, uptr_t vector, int count, uint32_t low, uint32_t high) {
    return transfer(fd, vector, (size_t)count, true,
                    &(uint64_t){ join_words(low, high) }, file_read);
}

long sys_pwritev(int fd, uptr_t vector, int count, uint32_t low, uint32_t high) {
    return transfer(fd, vector, (size_t)count, true,
                    &(uint64_t){ join_words(low, high) }, file_write);
}

/* -- Without moving any ------------------------------------------------------------ */

long sys__llseek(int fd, uint32_t high, uint32_t low, uptr_t result, int whence) {
    struct file *file = fd_peek(fd);
    int64_t offset = (int64_t)join_words(low, high);

    if (!file) return -EBADF;
    if (!file->operations->seek) return -ESPIPE;
    offset = file->operations->seek(file, offset, whence);
    return offset < 0 ? (long)offset : copy_to_user(result, &offset, sizeof(offset));
}

/* Everything is in memory: there is nothing to wait for. */
long sys_fsync(int fd) {
    const struct file *file = fd_peek(fd);

    if (!file) return -EBADF;
    if (!inode_is(file->inode, S_IFREG) && !inode_is(file->inode, S_IFDIR))
        return -EINVAL;
    return 0;
}

long sys_sync(void) { return 0; }

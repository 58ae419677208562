/* read_write.c - the calls that move bytes, and those on any open file.
 *
 * Each holds a reference to its file while it runs: another thread may close the
 * descriptor meanwhile, and the operation may sleep.
 *
 * Sleeps: read, write and their kin, ioctl.
 * Linux: a vector whose lengths add up to more than SSIZE_MAX is EINVAL, as POSIX wants
 *        it; Linux cuts it short. sendfile's source must be a regular file.
 * Tests: user/tests/read_write.c, vectors.c, lseek.c
 */
#include "fs/inode.h"
#include "mm/frame_alloc.h"
#include "mm/heap.h"
#include "syscall.h"

#define SSIZE_MAX  0x7fffffff
#define MOVE_MAX   0x7ffff000u  /* one call moves at most this much, as on Linux */

/* -- One buffer -------------------------------------------------------------------- */

/* Prepares io for a user's buffer. 0, -EFAULT, -EINVAL. */
static int prepare(struct io *io, uptr_t buffer, size_t size)
{
    if (!user_range_ok(buffer, size))
        return -EFAULT;
    if (size > SSIZE_MAX)
        return -EINVAL;
    io_init_user(io, buffer, min(size, MOVE_MAX));
    return 0;
}

long sys_read(int fd, uptr_t buffer, size_t size)
{
    struct file *file = fd_get(fd);
    struct io io;
    long result;

    if (!file)
        return -EBADF;
    result = prepare(&io, buffer, size);
    if (result == 0)
        result = file_read(file, &io, &file->offset);
    file_put(file);
    return result;
}

long sys_write(int fd, uptr_t buffer, size_t size)
{
    struct file *file = fd_get(fd);
    struct io io;
    long result;

    if (!file)
        return -EBADF;
    result = prepare(&io, buffer, size);
    if (result == 0)
        result = file_write(file, &io, &file->offset);
    file_put(file);
    return result;
}

/* -- A buffer and a place ---------------------------------------------------------- */

typedef ssize_t (*mover)(struct file *file, struct io *io, uint64_t *offset);

/* SLEEPS. pread and pwrite: the file's own offset stays where it is. */
static long move_at(int fd, uptr_t buffer, size_t size, uint64_t offset, mover move)
{
    struct file *file;
    struct io io;
    long result;

    if ((int64_t)offset < 0)
        return -EINVAL;
    file = fd_get(fd);
    if (!file)
        return -EBADF;
    result = prepare(&io, buffer, size);
    if (!file->operations->seek && !(file->flags & O_PATH))
        result = -ESPIPE;
    if (result == 0)
        result = move(file, &io, &offset);
    file_put(file);
    return result;
}

long sys_pread64(int fd, uptr_t buffer, size_t size, uint32_t low, uint32_t high)
{
    return move_at(fd, buffer, size, (uint64_t)high << 32 | low, file_read);
}

long sys_pwrite64(int fd, uptr_t buffer, size_t size, uint32_t low, uint32_t high)
{
    return move_at(fd, buffer, size, (uint64_t)high << 32 | low, file_write);
}

/* -- Several buffers --------------------------------------------------------------- */

int io_init_vector(struct io *io, struct io_vector *copy, uptr_t vector, unsigned count)
{
    size_t total = 0, size = count * sizeof(struct iovec);
    int error = -EINVAL;

    if (count > IOV_MAX)
        return -EINVAL;
    copy->pieces = count > IOV_SHORT ? heap_alloc(HEAP_IO, size) : copy->few;
    if (!copy->pieces)
        return -ENOMEM;
    if (copy_from_user(copy->pieces, vector, size)) {
        error = -EFAULT;
        goto fail;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct iovec *piece = &copy->pieces[i];
        if (piece->length > SSIZE_MAX - total)
            goto fail;
        if (!user_range_ok(uptr(piece->base), piece->length)) {
            error = -EFAULT;
            goto fail;
        }
        total += piece->length;
    }
    *io = (struct io){ .more = copy->pieces, .nr_more = count, .left = total };
    return 0;

fail:
    io_vector_release(copy);
    return error;
}

void io_vector_release(struct io_vector *copy)
{
    if (copy->pieces != copy->few)
        heap_free(copy->pieces);
}

/* SLEEPS. offset is the file's own, or a call's. */
static long move_vector(struct file *file, uptr_t vector, int count, uint64_t *offset,
                        mover move)
{
    struct io_vector copy;
    struct io io;
    long result = io_init_vector(&io, &copy, vector, (unsigned)count);

    if (result)
        return result;
    result = move(file, &io, offset);
    io_vector_release(&copy);
    return result;
}

static long move_vector_fd(int fd, uptr_t vector, int count, mover move)
{
    struct file *file = fd_get(fd);
    long result;

    if (!file)
        return -EBADF;
    result = move_vector(file, vector, count, &file->offset, move);
    file_put(file);
    return result;
}

long sys_readv(int fd, uptr_t vector, int count)
{
    return move_vector_fd(fd, vector, count, file_read);
}

long sys_writev(int fd, uptr_t vector, int count)
{
    return move_vector_fd(fd, vector, count, file_write);
}

static long move_vector_at(int fd, uptr_t vector, int count, uint64_t offset,
                           mover move)
{
    struct file *file;
    long result;

    if ((int64_t)offset < 0)
        return -EINVAL;
    file = fd_get(fd);
    if (!file)
        return -EBADF;
    if (!file->operations->seek && !(file->flags & O_PATH))
        result = -ESPIPE;
    else
        result = move_vector(file, vector, count, &offset, move);
    file_put(file);
    return result;
}

long sys_preadv(int fd, uptr_t vector, int count, uint32_t low, uint32_t high)
{
    return move_vector_at(fd, vector, count, (uint64_t)high << 32 | low, file_read);
}

long sys_pwritev(int fd, uptr_t vector, int count, uint32_t low, uint32_t high)
{
    return move_vector_at(fd, vector, count, (uint64_t)high << 32 | low, file_write);
}

/* -- From file to file ------------------------------------------------------------- */

/* SLEEPS. At most a page, through `page`. *offset moves on by what was written, so what
 * was read and did not fit is read again next time. Bytes, 0 at the end, -errno. */
static ssize_t send_page(struct file *to, struct file *from, uint64_t *offset,
                         void *page, size_t size)
{
    uint64_t at = *offset;
    struct io io;
    ssize_t moved;

    io_init_kernel(&io, page, size);
    moved = file_read(from, &io, &at);
    if (moved <= 0)
        return moved;
    io_init_kernel(&io, page, (size_t)moved);
    moved = file_write(to, &io, &to->offset);
    if (moved > 0)
        *offset += (uint32_t)moved;
    return moved;
}

/* SLEEPS. Bytes written; an error only when there are none. */
static ssize_t send(struct file *to, struct file *from, uint64_t *offset, size_t size)
{
    struct frame *page = frame_alloc(FRAME_BUFFER, 0);
    ssize_t total = 0, moved = 0;

    if (!page)
        return -ENOMEM;
    while (size > 0) {
        size_t part = min(size, PAGE_SIZE);
        moved = send_page(to, from, offset, frame_address(page), part);
        if (moved <= 0)
            break;
        total += moved;
        size -= (size_t)moved;
        if ((size_t)moved < part)
            break;
    }
    frame_put(page);
    return total ? total : moved;
}

/* SLEEPS. With user_offset the source's own offset is neither used nor moved. */
static long send_from(struct file *to, struct file *from, uptr_t user_offset,
                      size_t size)
{
    uint64_t offset = from->offset;
    ssize_t result;

    if (!file_is_readable(from) || !file_is_writable(to))
        return -EBADF;
    if (!from->inode || !inode_is(from->inode, S_IFREG) || (to->flags & O_APPEND))
        return -EINVAL;
    if (!uptr_is_null(user_offset)
        && copy_from_user(&offset, user_offset, sizeof(offset)))
        return -EFAULT;
    if ((int64_t)offset < 0 || size > SSIZE_MAX)
        return -EINVAL;
    result = send(to, from, &offset, min(size, MOVE_MAX));
    if (uptr_is_null(user_offset))
        from->offset = offset;
    else if (copy_to_user(user_offset, &offset, sizeof(offset)))
        return -EFAULT;
    return result;
}

long sys_sendfile64(int to_fd, int from_fd, uptr_t offset, size_t size)
{
    struct file *to = fd_get(to_fd), *from = fd_get(from_fd);
    long result = to && from ? send_from(to, from, offset, size) : -EBADF;

    if (to)
        file_put(to);
    if (from)
        file_put(from);
    return result;
}

/* -- Other calls on any open file -------------------------------------------------- */

long sys__llseek(int fd, uint32_t high, uint32_t low, uptr_t result, int whence)
{
    struct file *file = fd_peek(fd);
    int64_t offset = (int64_t)((uint64_t)high << 32 | low);

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (!file->operations->seek)
        return -ESPIPE;
    offset = file->operations->seek(file, offset, whence);
    if (offset < 0)
        return (long)offset;
    return copy_to_user(result, &offset, sizeof(offset));
}

enum { FIONREAD = 0x541b, FIONBIO = 0x5421, FIONCLEX = 0x5450, FIOCLEX = 0x5451 };

static long set_nonblocking(struct file *file, uptr_t argument)
{
    uint32_t on;

    if (u32_from_user(&on, argument))
        return -EFAULT;
    file->flags = on ? file->flags | O_NONBLOCK : file->flags & ~O_NONBLOCK;
    return 0;
}

/* The requests of one kind of file. For a regular one FIONREAD is what lies ahead. */
static long ask_file(struct file *file, uint32_t request, uptr_t argument)
{
    if (file->operations->ioctl)
        return file->operations->ioctl(file, request, argument);
    if (request != FIONREAD || !file->inode || !inode_is(file->inode, S_IFREG))
        return -ENOTTY;
    return u32_to_user(argument, (uint32_t)(file->inode->size - file->offset));
}

long sys_ioctl(int fd, uint32_t request, uptr_t argument)
{
    struct file *file = fd_peek(fd);
    long result;

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    switch (request) {
    case FIOCLEX:
    case FIONCLEX: fd_set_close_on_exec(fd, request == FIOCLEX); return 0;
    case FIONBIO: return set_nonblocking(file, argument);
    }
    file_get(file);
    result = ask_file(file, request, argument);
    file_put(file);
    return result;
}

/* Everything is in memory: there is nothing to wait for. */
long sys_fsync(int fd)
{
    const struct file *file = fd_peek(fd);

    if (!file || (file->flags & O_PATH))
        return -EBADF;
    if (!file->inode
        || !(inode_is(file->inode, S_IFREG) || inode_is(file->inode, S_IFDIR)))
        return -EINVAL;
    return 0;
}

long sys_fdatasync(int fd)
{
    return sys_fsync(fd);
}

long sys_sync(void)
{
    return 0;
}

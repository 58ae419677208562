/* file.c - open files, the numbers by which a process names them, and the calls that
 * move bytes.
 *
 * Shape: an io walks over the pieces of one read or write:
 *
 *      base, piece          more[0]        more[1]
 *      [........####]       [#########]    [####]       # is still to be moved: left
 *
 * A call holds a reference to its file while it runs: another thread may close the
 * descriptor meanwhile, and the operation may sleep.
 *
 * Invariants: every open file is on all_files, and is charged to the account that pays
 * for its memory. left is the sum of all pieces. A descriptor table only grows; from
 * finding a free place to filling it, no sleep.
 * Sleeps: read, write and their kin, ioctl, in the operations only; file_put never.
 * Linux: a vector whose lengths add up to more than SSIZE_MAX is EINVAL, as POSIX wants
 *        it; Linux cuts it short. There is no sendfile (ENOSYS): programs copy. F_SETFL
 *        changes O_APPEND, O_NONBLOCK and O_DIRECT only; no owners (F_SETOWN), leases,
 *        or seals; a pipe's size is what it is.
 * Tests: user/tests/open.c, read_write.c, vectors.c, lseek.c, dup.c, fcntl.c
 */
#include "core/check.h"
#include "fs/inode.h"
#include "fs/passed_files.h"
#include "mm/heap.h"
#include "syscall.h"

struct list all_files = LIST_INIT(all_files);
void (*file_lock_end)(struct inode *inode, const void *owner);

static struct list closing = LIST_INIT(closing);    // their release is still to run
static bool is_closing;                             // somebody further up is at it

/* -- Life -------------------------------------------------------------------------- */

struct file *file_create(const struct file_operations *operations, uint32_t flags,
                         struct inode *inode, void *object) {
    struct account *account = this_cpu()->account;
    struct file *file = inode ? heap_new(HEAP_FILE, struct file) : NULL;

    if (!file || !account_charge(account, ACCOUNT_FILES, 1)) {
        heap_free(file);
        inode_put(inode);
        return NULL;
    }
    *file = (struct file){ .refs = 1, .operations = operations, .flags = flags,
                           .inode = inode, .object = object };
    list_push_back(&all_files, &file->all_node);
    return file;
}

/* A release may drop the last reference to another file: descriptors that lay in a
 * message of this one, and in that one's messages more of them. So the files queue up
 * here and the first caller works them off, or a long chain would use up the stack. */
void file_free(struct file *file) {
    list_remove(&file->all_node);
    list_push_back(&closing, &file->all_node);
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

/* How much of `size` is in the piece that io is at, or in the next one with bytes. */
static size_t in_one_piece(struct io *io, size_t size) {
    while (io->piece == 0) {
        io->base = io->more->base;
        io->piece = io->more->length;
        io->more++;
    }
    return min(size, io->piece);
}

int io_move_pieces(struct io *io, void *memory, size_t size, bool give) {
    const vaddr_t base = io->base;
    const size_t piece = io->piece, left = io->left;
    const struct iovec *more = io->more;

    assert(size <= io->left);
    for (size_t part; size; size -= part) {
        part = in_one_piece(io, size);
        void *user = (void *)io->base;
        if (!memory
                ? clear_user(uptr(io->base), part) != 0
                : user_copy(give ? user : memory, give ? memory : user, part) != 0) {
            io->base = base;
            io->piece = piece;
            io->left = left;
            io->more = more;
            return -EFAULT;
        }
        if (memory) memory = (char *)memory + part;
        io_advance(io, part);
    }
    return 0;
}

int io_make_writable(struct io io, size_t size) {
    for (size_t n; size; size -= n) {
        n = min(in_one_piece(&io, size), (size_t)(PAGE_SIZE - (io.base & PAGE_MASK)));
        if (space_fault(current()->space, io.base, PROT_WRITE)) return -EFAULT;
        io_advance(&io, n);
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

/* -- Moving bytes ------------------------------------------------------------------ */

/* SLEEPS. Inline: read and write are cases of their own. */
in_line long transfer(int fd, uptr_t memory, size_t size, unsigned how, uint64_t at) {
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
    const int64_t from[] = { 0, (int64_t)file->offset, (int64_t)file->inode->size };
    if ((unsigned)whence >= ARRAY_SIZE(from)) return -EINVAL;   // SEEK_SET, _CUR, _END
    if (!file->operations->has_places) return -ESPIPE;
    if (inode_is(file->inode, S_IFCHR)) offset = 0;     // a device is always at 0
    else if (__builtin_add_overflow(from[whence], offset, &offset) || offset < 0)
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

/* -- Tables ------------------------------------------------------------------------ */

/* Makes room for `size` places at least. False without memory. */
static bool table_grow(struct file_table *table, unsigned size) {
    struct descriptor *places;

    if (size <= table->size) return true;
    size = max(size, 2 * table->size);
    places = heap_alloc(HEAP_DESCRIPTORS, size * sizeof(*places));
    if (!places) return false;
    memcpy(places, table->places, table->size * sizeof(*places));
    heap_free(table->places);
    table->places = places;
    table->size = size;
    return true;
}

struct file_table *file_table_create(const struct file_table *from) {
    struct file_table *table = heap_new(HEAP_FILE_TABLE, struct file_table);

    if (!table || !table_grow(table, from ? from->size : 16)) {
        heap_free(table);
        return NULL;
    }
    table->refs = 1;
    for (unsigned fd = 0; from && fd < from->size; fd++) {
        table->places[fd] = from->places[fd];
        if (table->places[fd].file) file_get(table->places[fd].file);
    }
    return table;
}

static void table_clear(struct file_table *table, struct descriptor *place) {
    struct file *file = place->file;

    place->file = NULL;
    // any close of a file ends all the process's locks on it
    if (file->inode->locks && !(file->flags & O_PATH))
        file_lock_end(file->inode, table);
    passed_drop(file);
}

void file_table_close_on_exec(struct file_table *table) {
    for (struct descriptor *d = table->places; d < table->places + table->size; d++)
        if (d->file && d->close_on_exec) table_clear(table, d);
}

void file_table_put(struct file_table *table) {
    if (--table->refs) return;
    for (struct descriptor *d = table->places; d < table->places + table->size; d++)
        if (d->file) table_clear(table, d);
    heap_free(table->places);
    heap_free(table);
    passed_collect();
}

/* -- Descriptors of the current process -------------------------------------------- */

static struct file_table *own_table(void) { return current_process()->files; }

/* How many descriptors the process may have: all are below this number. */
static unsigned descriptor_limit(const struct process *process) {
    return (unsigned)min(process->limits[LIMIT_NOFILE].soft, (uint64_t)FILES_MAX);
}

/* The lowest free descriptor >= fd, with a place in the table. -EMFILE, -ENOMEM. */
static int find_free(const struct process *process, unsigned fd) {
    struct file_table *table = process->files;

    while (fd < table->size && table->places[fd].file) fd++;
    if (fd >= descriptor_limit(process)) return -EMFILE;
    return fd < table->size || table_grow(table, fd + 1) ? (int)fd : -ENOMEM;
}

int fd_room(void) {
    int fd = find_free(current_process(), 0);

    return fd < 0 ? fd : 0;
}

int fd_install(struct file *file, bool close_on_exec) {
    int fd = file ? find_free(current_process(), 0) : -ENFILE;

    if (fd >= 0) own_table()->places[fd] = (struct descriptor){ file, close_on_exec };
    else if (file) file_put(file);
    return fd;
}

int fd_install_all(struct process *to, struct file *const *files, unsigned count,
                   bool close_on_exec, uptr_t out) {
    struct account *payer = this_cpu()->account;
    int fds[MSG_FDS_MAX], fd = 0;

    assert(count <= ARRAY_SIZE(fds));
    this_cpu()->account = to->account;  // a table that grows is its owner's
    for (unsigned i = 0; i < count && fd >= 0; i++)
        fds[i] = fd = find_free(to, (unsigned)fd + (i > 0));
    this_cpu()->account = payer;
    if (fd < 0) return fd;
    if (space_write(to->space, out, fds, count * sizeof(int))) return -EFAULT;
    /* --- commit: nothing below fails or sleeps --- */
    for (unsigned i = 0; i < count; i++) {
        file_get(files[i]);
        to->files->places[fds[i]] = (struct descriptor){ files[i], close_on_exec };
    }
    return 0;
}

int fd_install_pair(struct file *const files[2], bool close_on_exec, uptr_t out) {
    int error = -ENFILE;

    if (files[0] && files[1])
        error = fd_install_all(current_process(), files, 2, close_on_exec, out);
    for (unsigned i = 0; i < 2; i++)
        if (files[i]) file_put(files[i]);
    return error;
}

/* -- System calls on descriptors --------------------------------------------------- */

long sys_close(int fd) {
    if (!fd_place(fd)) return -EBADF;
    table_clear(own_table(), &own_table()->places[fd]);
    return 0;
}

/* A second descriptor for the same open file: `to`, if that is no error. */
static long duplicate(struct file *file, int to, bool close_on_exec) {
    if (to < 0) return to;
    file_get(file);
    own_table()->places[to] = (struct descriptor){ file, close_on_exec };
    return to;
}

long sys_dup(int fd) {
    struct file *file = fd_place(fd);

    return file ? duplicate(file, find_free(current_process(), 0), false) : -EBADF;
}

/* What was there is closed. */
long sys_dup3(int fd, int to, int flags) {
    struct file_table *table = own_table();
    struct file *file = fd_place(fd);

    if (fd == to || ((uint32_t)flags & ~O_CLOEXEC)) return -EINVAL;
    if (!file || to < 0 || (unsigned)to >= descriptor_limit(current_process()))
        return -EBADF;
    if (!table_grow(table, (unsigned)to + 1)) return -ENOMEM;
    if (table->places[to].file) table_clear(table, &table->places[to]);
    return duplicate(file, to, flags);
}

long sys_dup2(int fd, int to) {
    return fd != to ? sys_dup3(fd, to, 0) : fd_place(fd) ? fd : -EBADF;
}

enum fcntl_command {
    F_DUPFD = 0, F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4,
    F_DUPFD_CLOEXEC = 1030, F_SETPIPE_SZ = 1031, F_GETPIPE_SZ = 1032, FD_CLOEXEC = 1,
};

long fd_control(int fd, int command, uint32_t argument) {
    struct descriptor *place = &own_table()->places[fd];
    struct file *file = fd_place(fd);

    if (!file
        || ((file->flags & O_PATH) && command > F_GETFL && command != F_DUPFD_CLOEXEC))
        return -EBADF;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (argument >= descriptor_limit(current_process())) return -EINVAL;
        return duplicate(file, find_free(current_process(), argument),
                         command == F_DUPFD_CLOEXEC);
    case F_GETFD: return place->close_on_exec ? FD_CLOEXEC : 0;
    case F_SETFD: place->close_on_exec = argument & FD_CLOEXEC; return 0;
    case F_GETFL:
        return file->flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
    case F_SETFL:
        file->flags ^= (file->flags ^ argument) & (O_APPEND | O_NONBLOCK | O_DIRECT);
        return 0;
    case F_SETPIPE_SZ:          // fcntl(2): a larger one than asked for is fine
    case F_GETPIPE_SZ:
        if (file->operations->pipe_size == 0) return -EBADF;
        if (command == F_SETPIPE_SZ && argument > file->operations->pipe_size)
            return -EPERM;
        return (long)file->operations->pipe_size;
    }
    return -EINVAL;
}

long sys_ioctl(int fd, uint32_t request, uptr_t argument) {
    enum { FIONBIO = 0x5421, FIONCLEX = 0x5450, FIOCLEX = 0x5451 };
    struct file *file = fd_get(fd);
    long result = -ENOTTY;
    uint32_t on;

    if (!file) return -EBADF;
    if (request == FIONCLEX || request == FIOCLEX) {
        result = fd_control(fd, F_SETFD, request == FIOCLEX ? FD_CLOEXEC : 0);
    } else if (request == FIONBIO) {
        result = u32_from_user(&on, argument);
        if (!result) file->flags = (file->flags & ~O_NONBLOCK) | (on ? O_NONBLOCK : 0);
    } else if (file->operations->ioctl) {
        result = file->operations->ioctl(file, request, argument);
    }
    file_put(file);
    return result;
}

/* -- Checking ---------------------------------------------------------------------- */

static void files_count(void) {
    const struct file_table *table;
    const struct inode *inode;
    const struct file *file;

    heap_for_each(file, HEAP_FILE) heap_account(file)->counted[ACCOUNT_FILES]++;
    heap_for_each(table, HEAP_FILE_TABLE) {
        for (unsigned fd = 0; fd < table->size; fd++)
            if (table->places[fd].file) table->places[fd].file->counted++;
    }
    heap_for_each(inode, HEAP_INODE) object_found(inode->object);
}

static void files_check(void) {
    const struct file_table *table;
    const struct process *p;
    struct file *file;

    if (check_list(&all_files))
        check_counted(&all_files, "files", list_length(&all_files),
                      heap_objects[HEAP_FILE]);
    heap_for_each(file, HEAP_FILE) check_references(file, file->refs, &file->counted);
    heap_for_each(table, HEAP_FILE_TABLE) {
        uint32_t users = 0;
        list_for_each (p, &all_processes, all_node) users += p->files == table;
        check_references(table, table->refs, &users);
    }
}

static const struct checker checker CHECKER = { "open files", files_count,
                                                files_check };

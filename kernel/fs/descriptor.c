/* descriptor.c - the small numbers by which a process names its open files.
 *
 * Shape: table->files[fd] is a struct file with a reference, or NULL when fd is free.
 * Bit 0 of the pointer is set for close-on-exec, so one word says it all.
 *
 * Invariants: no place below lowest_free is free. The table only grows. Between finding
 * a free place and filling it nothing sleeps.
 * Linux: F_SETFL changes O_APPEND, O_NONBLOCK and O_DIRECT only; no owners (F_SETOWN),
 *        leases or seals.
 * Tests: user/tests/dup.c, fcntl.c
 */
#include "base/format.h"
#include "base/string.h"
#include "core/panic.h"
#include "fs/inode.h"
#include "fs/passed_files.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "syscall.h"

#define FIRST_SIZE    16u
#define CLOSE_ON_EXEC 1u

long (*file_lock_hook)(int fd, struct file *file, int command, uptr_t lock);
void (*file_lock_end)(struct inode *inode, const void *owner);

static struct file *entry_file(struct file *entry)
{
    return (struct file *)((uintptr_t)entry & ~(uintptr_t)CLOSE_ON_EXEC);
}

static struct file *entry_make(struct file *file, bool close_on_exec)
{
    return (struct file *)((uintptr_t)file | (close_on_exec ? CLOSE_ON_EXEC : 0));
}

static struct file_table *own_table(void)
{
    return current_process()->files;
}

/* How many descriptors the process may have: all are below this number. */
static unsigned descriptor_limit(const struct process *process)
{
    uint64_t limit = limit_soft(process, LIMIT_NOFILE);

    return limit < FILES_MAX ? (unsigned)limit : FILES_MAX;
}

static unsigned own_limit(void)
{
    return descriptor_limit(current_process());
}

/* -- Tables ------------------------------------------------------------------------ */

/* Makes room for `size` places at least. False without memory. */
static bool table_grow(struct file_table *table, unsigned size)
{
    unsigned new_size = max(table->size, FIRST_SIZE);
    struct file **files;

    while (new_size < size)
        new_size *= 2;
    if (new_size <= table->size)
        return true;
    files = heap_alloc(HEAP_FILE_TABLE, new_size * sizeof(*files));
    if (!files)
        return false;
    if (table->files)
        memcpy(files, table->files, table->size * sizeof(*files));
    heap_free(table->files);
    table->files = files;
    table->size = new_size;
    return true;
}

struct file_table *file_table_create(void)
{
    struct file_table *table = heap_new(HEAP_FILE_TABLE, struct file_table);

    if (!table)
        return NULL;
    table->refs = 1;
    if (!table_grow(table, FIRST_SIZE)) {
        heap_free(table);
        return NULL;
    }
    return table;
}

struct file_table *file_table_copy(const struct file_table *from)
{
    struct file_table *table = file_table_create();

    if (!table)
        return NULL;
    if (!table_grow(table, from->size)) {
        file_table_put(table);
        return NULL;
    }
    for (unsigned fd = 0; fd < from->size; fd++) {
        table->files[fd] = from->files[fd];
        if (table->files[fd])
            file_get(entry_file(table->files[fd]));
    }
    table->lowest_free = from->lowest_free;
    return table;
}

/* Empties the place and drops the file that was there. */
static void table_clear(struct file_table *table, unsigned fd)
{
    struct file *file = entry_file(table->files[fd]);

    table->files[fd] = NULL;
    table->lowest_free = min(table->lowest_free, fd);
    // any close of a file ends all the process's locks on it
    if (file->inode && file->inode->locks && !(file->flags & O_PATH))
        file_lock_end(file->inode, table);
    passed_drop(file);
}

void file_table_put(struct file_table *table)
{
    if (--table->refs)
        return;
    for (unsigned fd = 0; fd < table->size; fd++)
        if (table->files[fd])
            table_clear(table, fd);
    heap_free(table->files);
    heap_free(table);
    passed_collect();
}

bool file_table_has(const struct file_table *table,
                    bool (*is)(const struct file *file, const void *context),
                    const void *context)
{
    for (unsigned fd = 0; fd < table->size; fd++)
        if (table->files[fd] && is(entry_file(table->files[fd]), context))
            return true;
    return false;
}

void file_table_close_on_exec(struct file_table *table)
{
    for (unsigned fd = 0; fd < table->size; fd++)
        if ((uintptr_t)table->files[fd] & CLOSE_ON_EXEC)
            table_clear(table, fd);
}

/* -- Descriptors ------------------------------------------------------------------- */

struct file *fd_peek(int fd)
{
    const struct file_table *table = own_table();

    return (unsigned)fd < table->size ? entry_file(table->files[fd]) : NULL;
}

struct file *fd_get(int fd)
{
    struct file *file = fd_peek(fd);

    if (file)
        file_get(file);
    return file;
}

bool fd_close_on_exec(int fd)
{
    return (uintptr_t)own_table()->files[fd] & CLOSE_ON_EXEC;
}

void fd_set_close_on_exec(int fd, bool on)
{
    struct file **entry = &own_table()->files[fd];

    *entry = entry_make(entry_file(*entry), on);
}

/* The lowest free descriptor >= from, with a place in the table. -EMFILE, -ENOMEM. */
static int find_free(const struct process *process, unsigned from)
{
    struct file_table *table = process->files;
    unsigned fd = max(from, table->lowest_free);

    while (fd < table->size && table->files[fd])
        fd++;
    if (fd >= descriptor_limit(process))
        return -EMFILE;
    if (fd >= table->size && !table_grow(table, fd + 1))
        return -ENOMEM;
    return (int)fd;
}

static void fill(struct file_table *table, int fd, struct file *file,
                 bool close_on_exec)
{
    assert(!table->files[fd]);
    table->files[fd] = entry_make(file, close_on_exec);
    if (table->lowest_free == (unsigned)fd)
        table->lowest_free++;
}

int fd_room(void)
{
    int fd = find_free(current_process(), 0);

    return fd < 0 ? fd : 0;
}

int fd_install(struct file *file, int from, bool close_on_exec)
{
    int fd = find_free(current_process(), (unsigned)from);

    if (fd >= 0)
        fill(own_table(), fd, file, close_on_exec);
    return fd;
}

int fd_install_new(struct file *file, bool close_on_exec)
{
    int fd = file ? fd_install(file, 0, close_on_exec) : -ENFILE;

    if (file && fd < 0)
        file_put(file);
    return fd;
}

int fd_install_all(struct process *to, struct file *const *files, unsigned count,
                   bool close_on_exec, int *fds)
{
    struct account *payer = this_cpu()->account;
    int fd = -1;

    this_cpu()->account = to->account;  // a table that grows is its owner's
    for (unsigned i = 0; i < count && (i == 0 || fd >= 0); i++)
        fds[i] = fd = find_free(to, (unsigned)(fd + 1));
    this_cpu()->account = payer;
    if (count && fd < 0)
        return fd;
    for (unsigned i = 0; i < count; i++)
        fill(to->files, fds[i], files[i], close_on_exec);
    return 0;
}

int fd_replace(int fd, struct file *file, bool close_on_exec)
{
    struct file_table *table = own_table();

    if (fd < 0 || (unsigned)fd >= own_limit())
        return -EBADF;
    if ((unsigned)fd >= table->size && !table_grow(table, (unsigned)fd + 1))
        return -ENOMEM;
    if (table->files[fd])
        table_clear(table, (unsigned)fd);
    fill(table, fd, file, close_on_exec);
    return fd;
}

int fd_close(int fd)
{
    if (!fd_peek(fd))
        return -EBADF;
    table_clear(own_table(), (unsigned)fd);
    return 0;
}

/* -- System calls ------------------------------------------------------------------ */

long sys_close(int fd)
{
    return fd_close(fd);
}

/* A second descriptor for the same open file. */
static long duplicate(struct file *file, int from, bool close_on_exec)
{
    int fd = fd_install(file, from, close_on_exec);

    if (fd >= 0)
        file_get(file);
    return fd;
}

long sys_dup(int fd)
{
    struct file *file = fd_peek(fd);

    return file ? duplicate(file, 0, false) : -EBADF;
}

static long duplicate_to(int fd, int to, bool close_on_exec)
{
    struct file *file = fd_get(fd);
    int result;

    if (!file)
        return -EBADF;
    result = fd_replace(to, file, close_on_exec);
    if (result < 0)
        file_put(file);
    return result;
}

long sys_dup2(int fd, int to)
{
    if (fd == to)
        return fd_peek(fd) ? fd : -EBADF;
    return duplicate_to(fd, to, false);
}

long sys_dup3(int fd, int to, int flags)
{
    if (fd == to || ((uint32_t)flags & ~O_CLOEXEC))
        return -EINVAL;
    return duplicate_to(fd, to, (uint32_t)flags & O_CLOEXEC);
}

enum fcntl_command {
    F_DUPFD = 0, F_GETFD = 1, F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, F_GETLK = 12,
    F_SETLK = 13, F_SETLKW = 14, F_OFD_GETLK = 36, F_OFD_SETLKW = 38,
    F_DUPFD_CLOEXEC = 1030, F_SETPIPE_SZ = 1031, F_GETPIPE_SZ = 1032,
};
#define FD_CLOEXEC       1u
#define CHANGEABLE_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT)

static long set_flags(struct file *file, uint32_t flags)
{
    file->flags = (file->flags & ~CHANGEABLE_FLAGS) | (flags & CHANGEABLE_FLAGS);
    return 0;
}

/* SLEEPS (F_SETLKW). The commands that concern the open file's kind. */
static long control(int fd, struct file *file, int command, uint32_t argument)
{
    long result = -EINVAL;

    file_get(file);
    if ((command >= F_GETLK && command <= F_SETLKW)
        || (command >= F_OFD_GETLK && command <= F_OFD_SETLKW)) {
        if (file_lock_hook)
            result = file_lock_hook(fd, file, command, uptr(argument));
    } else if (file->operations->control) {
        result = file->operations->control(file, command, argument);
    } else if (command == F_SETPIPE_SZ || command == F_GETPIPE_SZ) {
        result = -EBADF;
    }
    file_put(file);
    return result;
}

long sys_fcntl64(int fd, int command, uint32_t argument)
{
    struct file *file = fd_peek(fd);

    if (!file)
        return -EBADF;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (argument >= own_limit())
            return -EINVAL;
        return duplicate(file, (int)argument, command == F_DUPFD_CLOEXEC);
    case F_GETFD: return fd_close_on_exec(fd) ? FD_CLOEXEC : 0;
    case F_SETFD: fd_set_close_on_exec(fd, argument & FD_CLOEXEC); return 0;
    case F_GETFL: return file->flags;
    case F_SETFL: return file->flags & O_PATH ? -EBADF : set_flags(file, argument);
    default:
        return file->flags & O_PATH ? -EBADF : control(fd, file, command, argument);
    }
}

/* -- Checking ---------------------------------------------------------------------- */

/* How many descriptors of all processes stand for file. */
static unsigned count_descriptors(const struct file *file)
{
    const struct process *process;
    unsigned count = 0;

    list_for_each (process, &all_processes, all_node) {
        const struct file_table *table = process->files;
        if (!table || table->refs > 1)      // shared: it would count twice
            continue;
        for (unsigned fd = 0; fd < table->size; fd++)
            count += entry_file(table->files[fd]) == file;
    }
    return count;
}

/* Calls in progress and messages hold references too, so a file may have more of them
 * than descriptors, never fewer. */
static bool files_check(char *why, size_t size)
{
    const struct file *file;

    if (!list_is_consistent(&all_files) || list_length(&all_files) != nr_open_files) {
        format(why, size, "the list of open files does not hold all %u", nr_open_files);
        return false;
    }
    list_for_each (file, &all_files, all_node)
        if (file->refs == 0 || count_descriptors(file) + file->inflight > file->refs) {
            format(why, size, "a %s has %u references, %u descriptors, %u in messages",
                   file->operations->name, file->refs, count_descriptors(file),
                   file->inflight);
            return false;
        }
    return passed_check(why, size);
}

void files_init(void)
{
    static struct checker checker = { .name = "open files", .check = files_check };

    checker_register(&checker);
}

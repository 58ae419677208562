/* descriptor.c - the small numbers by which a process names its open files.
 *
 * Invariants: the table only grows. From finding a free place to filling it, no sleep.
 * Sleeps: ioctl.
 * Linux: F_SETFL changes O_APPEND, O_NONBLOCK and O_DIRECT only; no owners (F_SETOWN),
 *        leases, seals or pipe sizes.
 * Tests: user/tests/dup.c, fcntl.c
 */
#include "core/check.h"
#include "fs/inode.h"
#include "fs/passed_files.h"
#include "mm/heap.h"
#include "syscall.h"

#define FIRST_SIZE 16u

void (*file_lock_end)(struct inode *inode, const void *owner);

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

    if (!table || !table_grow(table, from ? from->size : FIRST_SIZE)) {
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
    int fds[MSG_FDS_MAX], fd = -1;

    assert(count <= ARRAY_SIZE(fds));
    this_cpu()->account = to->account;  // a table that grows is its owner's
    for (unsigned i = 0; i < count && (i == 0 || fd >= 0); i++)
        fds[i] = fd = find_free(to, (unsigned)(fd + 1));
    this_cpu()->account = payer;
    if (count && fd < 0) return fd;
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

/* -- System calls ------------------------------------------------------------------ */

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
    F_DUPFD_CLOEXEC = 1030,
};
#define FD_CLOEXEC       1u
#define CHANGEABLE_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT)

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
    case F_GETFL: return file->flags;
    case F_SETFL:
        file->flags ^= (file->flags ^ argument) & CHANGEABLE_FLAGS;
        return 0;
    }
    return -EINVAL;
}

long sys_ioctl(int fd, uint32_t request, uptr_t argument) {
    struct file *file = fd_get(fd);
    long result = -ENOTTY;

    if (!file) return -EBADF;
    if (file->operations->ioctl)
        result = file->operations->ioctl(file, request, argument);
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
        check_counted(&all_files, "files", nr_open_files, list_length(&all_files));
    heap_for_each(file, HEAP_FILE) check_references(file, file->refs, &file->counted);
    heap_for_each(table, HEAP_FILE_TABLE) {
        uint32_t users = 0;
        list_for_each (p, &all_processes, all_node) users += p->files == table;
        check_references(table, table->refs, &users);
    }
}

static const struct checker checker CHECKER = { "open files", files_count,
                                                files_check };

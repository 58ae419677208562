/* procfs.h - /proc: text made when it is read.
 *
 * A file's whole text is made when it is read from its start and kept with the open
 * file, so that a reader with a small buffer sees one moment and not several.
 */
#pragma once

#include "base/format.h"
#include "fs/inode.h"

/* A growing text. */
struct text {
    char *bytes;
    size_t length, size;
    pid_t id;                   /* the process or thread it is about; 0: the machine */
    bool is_cut;                /* there was no memory for all of it */
};

void text_printf(struct text *text, const char *format, ...) printf_like(2, 3);
void text_add(struct text *text, const char *bytes, size_t size);

struct process;
struct thread;

/* One file under /proc, or under /proc/PID when per_process. A name may hold slashes:
 * "sys/kernel/hostname" makes the directories. */
struct proc_entry {
    const char *name;
    mode_t mode;                /* permission bits; 0: 0444 */
    bool per_process;
    bool owner_only;            /* only who could signal the process may open it */
    /* NULL: cannot be read, or written. */
    void (*show)(struct text *text, struct process *process);
    /* One write(2) of at most 255 bytes, NUL-terminated, without the newline at its
     * end. 0 or -errno. */
    int (*store)(const char *value, struct process *process);
    unsigned place;             /* set by proc_entry_register */
    struct list_node node;
};

/* Mounts /proc. command_line: what the kernel was given; it must stay. */
void procfs_init(const char *command_line);
void proc_entry_register(struct proc_entry *entry);

/* What was written to /proc/exit_status: how the machine's run went. */
extern int machine_exit_status;

#define PARLEY_VERSION "0.1.0"

extern char host_name[65];      /* NUL-terminated; uname(2) has it too */

/* -- Between the files of /proc ---------------------------------------------------- */

/* What an inode of /proc stands for; its number holds all of it. */
enum node_kind { NODE_ENTRY, NODE_DIRECTORY, NODE_DESCRIPTORS, NODE_DESCRIPTOR,
                 NODE_TASKS, NODE_SELF, NODE_CWD, NODE_EXE, NODE_ROOT };

struct node {
    enum node_kind kind;
    pid_t id;                   /* process or thread; 0: not below one */
    unsigned index;             /* descriptor, or place of the entry; with prefix 0 it
                                   tells /proc/PID (0) from task/TID (1) */
    unsigned prefix;            /* how much of the entry's name the directory is */
};

struct node node_of(const struct inode *inode);
uint64_t node_number(struct node node);

/* The inode of a node, owned by its process. -ENOENT without that, -ENOMEM. */
must_check int node_create(struct inode *directory, struct node node, mode_t mode,
                           struct inode **out);

/* "." and ".." while file->offset is below 2. What emit said. */
int emit_dots(struct file *file, directory_emit emit, void *context);

/* A name that is a number, without zeros in front; false when it is none. */
bool name_to_number(const char *name, size_t length, uint32_t *number);

struct proc_entry *proc_entry_at(unsigned place);

extern const struct inode_operations proc_directory_operations;
extern const struct inode_operations proc_entry_operations;         /* proc_text.c */
extern const struct inode_operations proc_descriptors_operations;   /* proc_links.c */
extern const struct inode_operations proc_tasks_operations;
extern const struct inode_operations proc_link_operations;

/* The process an id belongs to, be it a thread's; NULL: gone. */
struct process *proc_process(pid_t id);

/* Its thread of that id, else its first; NULL: a zombie. */
struct thread *proc_thread(const struct process *process, pid_t id);

/* The path of a file that is not of /proc, NUL-terminated: its length. -ENOENT,
 * -ERANGE. */
ssize_t proc_path_of(struct inode *inode, char *to, size_t size);

/* May the current process look into that one? */
bool proc_may_inspect(const struct process *process);

void proc_process_init(void);
void proc_system_init(const char *command_line);
void proc_check_init(void);

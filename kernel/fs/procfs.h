/* procfs.h - /proc: text made when it is read.
 *
 * A file's whole text is made when it is read from its start and kept with the inode,
 * so that a reader with a small buffer sees one moment and not several.
 */
#pragma once

#include "base/format.h"
#include "fs/inode.h"

struct text {
    struct inode *inode;        /* what is written becomes its contents */
    struct process *process;    /* whom it is about; NULL: the machine */
    struct address_space *space;        /* of it; an empty one in a zombie */
    const struct thread *thread;        /* of it: that with the id, or the first; all
                                           zero in a zombie */
    pid_t id;                   /* the process's or the thread's */
    bool is_cut;                /* there was no memory for all of it */
};

/* 767 bytes at most; whatever may be longer goes by text_add. */
void text_printf(struct text *text, const char *format, ...) printf_like(2, 3);
void text_add(struct text *text, const char *bytes, size_t size);
/* A blank and a name as one word: blanks, control characters and backslashes as \ooo;
 * "-" when it is empty. */
void text_word(struct text *text, const char *name);
/* A blank and the number; "unbounded" for UINT32_MAX. */
void text_capacity(struct text *text, uint32_t capacity);
/* " label=5,7": the processes that sleep on the queue, longest wait first, pollers left
 * out, and those who are not what `is`, if not NULL, asks; " label=-": nobody. */
void text_waiters(struct text *text, const char *label, const struct wait_queue *queue,
                  bool (*is)(const struct waiter *waiter, const void *context),
                  const void *context);

/* One name in /proc. What is NULL cannot be done. */
struct proc_entry {
    const char *name;           /* "stat"; "ipc/pipes" is in the directory "ipc", and
                                   "PID/stat" in that of every process */
    mode_t mode;                /* 0: a file that all may read; else with its type. A
                                   process's file of mode 0400 is only for who has all
                                   its user ids, and root */
    void (*show)(struct text *text);
    size_t link;                /* S_IFLNK: where struct process has the inode that it
                                   leads to */
};

/* `static const struct proc_entry entries[] PROC_TABLE = ...` is all it takes: the
 * linker puts such tables one behind the other. */
#define PROC_TABLE __attribute__((section(".proc_entries"), used, aligned(4)))

/* Mounts /proc. command_line: what the kernel was given; it must stay. */
void procfs_init(const char *command_line);

#define PARLEY_VERSION "0.1.0"

extern const char *proc_command_line;

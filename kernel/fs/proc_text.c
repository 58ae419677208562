/* proc_text.c - files of /proc: their text, made when it is read, and what is written.
 *
 * Sleeps: never.
 * Tests: user/tests/proc_pid.c, proc_system.c
 */
#include "base/string.h"
#include "fs/procfs.h"
#include "mm/heap.h"
#include "sched/process.h"

static bool text_make_room(struct text *text, size_t size)
{
    size_t wanted = text->size ? text->size : 504;  // with the heap's header: 512
    char *bytes;

    if (text->length + size <= text->size)
        return true;
    while (wanted < text->length + size)
        wanted = 2 * wanted + 8;
    bytes = heap_alloc(HEAP_TEXT, wanted);
    if (!bytes) {
        text->is_cut = true;
        return false;
    }
    memcpy(bytes, text->bytes, text->length);
    heap_free(text->bytes);
    text->bytes = bytes;
    text->size = wanted;
    return true;
}

void text_add(struct text *text, const char *bytes, size_t size)
{
    if (!text_make_room(text, size))
        return;
    memcpy(text->bytes + text->length, bytes, size);
    text->length += size;
}

static void text_put(void *context, char c)
{
    struct text *text = context;

    if (text->length < text->size)
        text->bytes[text->length++] = c;
    else
        text_add(text, &c, 1);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_to(text_put, text, format, arguments);
    va_end(arguments);
}

/* -- Files ------------------------------------------------------------------------- */

/* Makes the text of an entry. 0, -ESRCH, -ENOMEM, -EIO when it cannot be read. */
static int make_text(const struct inode *inode, struct text *text)
{
    struct node node = node_of(inode);
    const struct proc_entry *entry = proc_entry_at(node.index);
    struct process *process = node.id ? proc_process(node.id) : NULL;

    if (node.id && !process)
        return -ESRCH;
    if (!entry->show)
        return -EIO;
    heap_free(text->bytes);
    *text = (struct text){ .id = node.id };
    entry->show(text, process);
    return text->is_cut ? -ENOMEM : 0;
}

static ssize_t entry_read(struct file *file, struct io *io, uint64_t *offset)
{
    struct text *text = file->object;
    bool is_made = *offset != 0 && text->bytes;
    int error = is_made ? 0 : make_text(file->inode, text);
    size_t n;

    if (error)
        return error;
    if (*offset >= text->length)
        return 0;
    n = min(io->left, text->length - (size_t)*offset);
    if (io_give(io, text->bytes + *offset, n))
        return -EFAULT;
    *offset += n;
    return (ssize_t)n;
}

static ssize_t entry_write(struct file *file, struct io *io, uint64_t *offset)
{
    struct node node = node_of(file->inode);
    const struct proc_entry *entry = proc_entry_at(node.index);
    struct process *process = node.id ? proc_process(node.id) : NULL;
    char value[256];
    size_t n = io->left;
    int error;

    (void)offset;
    if (!entry->store)
        return -EIO;
    if (n >= sizeof(value))
        return -EINVAL;
    if (node.id && !process)
        return -ESRCH;
    if (io_take(io, value, n))
        return -EFAULT;
    value[n] = '\0';
    if (n && value[n - 1] == '\n')
        value[n - 1] = '\0';
    error = entry->store(value, process);
    return error ? error : (ssize_t)n;
}

static void entry_close(struct file *file)
{
    struct text *text = file->object;

    heap_free(text->bytes);
    heap_free(text);
}

static const struct file_operations entry_files = {
    .name = "file of /proc",
    .read = entry_read,
    .write = entry_write,
    .seek = file_seek,
    .release = entry_close,
};

static int entry_open(struct inode *inode, uint32_t flags, struct file **out)
{
    struct node node = node_of(inode);
    const struct process *process = node.id ? proc_process(node.id) : NULL;
    struct text *text;

    if (process && proc_entry_at(node.index)->owner_only && !proc_may_inspect(process))
        return -EACCES;
    text = heap_new(HEAP_TEXT, struct text);
    if (!text)
        return -ENOMEM;
    *out = file_create(&entry_files, flags, inode_get(inode), text);
    if (*out)
        return 0;
    heap_free(text);
    return -ENFILE;
}

const struct inode_operations proc_entry_operations = { .open = entry_open };

/* exec.c - replacing a process's program.
 *
 * Two phases. First the whole new address space is built beside the old one; every
 * error is found here and the old program goes on. Then, behind the commit line, the
 * process moves over: other threads are gone, descriptors marked close-on-exec are
 * closed, handlers are reset, registers cleared.
 *
 * Sleeps: while the other threads end.
 * Tests: user/tests/exec*.c.
 * See: execve(2).
 */
#include "arch.h"
#include "arch/x86/features.h"
#include "arch/x86/segments.h"
#include "arch/x86/system_page.h"
#include "base/string.h"
#include "core/panic.h"
#include "core/trace.h"
#include "fs/inode.h"
#include "mm/heap.h"
#include "posix/futex.h"
#include "posix/timer.h"
#include "proc/elf.h"
#include "proc/exec_arguments.h"
#include "proc/life.h"
#include "sched/scheduler.h"
#include "syscall.h"

#define STACK_TOP SYSTEM_PAGE
#define STACK_INITIAL (32 * PAGE_SIZE)  /* mapped at once; it grows from there */
#define SCRIPT_DEPTH 4
#define HEADER_SIZE 512

struct program {                /* all of an exec until its commit */
    struct inode *inode;
    char *path;                 /* a page */
    struct exec_arguments arguments;
    struct elf_plan plan;
    struct address_space *space;
    struct stack_image stack;
    struct credentials credentials;
    bool secure;                /* runs with more rights than the caller has */
};

static struct memory_object *system_page;       /* the same page in every space */

/* -- Finding the file -------------------------------------------------------------- */

static int open_program(struct program *p) {
    struct path path;
    int error = path_walk(NULL, p->path, 0, &path);

    if (error) return error;
    p->inode = inode_get(path.inode);
    path_release(&path);
    if (!inode_is(p->inode, S_IFREG)) return -EACCES;
    return inode_permission(p->inode, MAY_EXECUTE);
}

static size_t read_start(const struct inode *inode, char header[HEADER_SIZE]) {
    size_t size = (size_t)min(inode->size, (uint64_t)HEADER_SIZE);

    if (inode->object)
        object_read(inode->object, 0, header, size);
    else
        memset(header, 0, size);
    return size;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* "#!interpreter [option]": the script's path becomes an argument of the
 * interpreter. */
static int use_script(struct program *p, char *line, size_t size) {
    char *end = memchr(line, '\n', size), *name = line + 2, *option;

    if (!end) return -ENOEXEC;
    while (end > name && is_blank(end[-1]))
        end--;
    *end = '\0';
    while (is_blank(*name))
        name++;
    for (option = name; *option && !is_blank(*option);)
        option++;
    while (is_blank(*option))
        *option++ = '\0';
    if (!*name) return -ENOEXEC;
    int error =
        exec_arguments_prepend(&p->arguments, name, *option ? option : NULL, p->path);
    if (error) return error;
    string_copy(p->path, name, PATH_MAX);
    inode_put(p->inode);
    p->inode = NULL;
    return 0;
}

/* Follows scripts to a program file and judges its headers. */
static int find_image(struct program *p) {
    char header[HEADER_SIZE + 1];

    for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
        int error = open_program(p);
        if (error) return error;
        size_t size = read_start(p->inode, header);
        if (size < 2 || header[0] != '#' || header[1] != '!')
            return elf_check(header, size, &p->plan);
        header[size] = '\0';
        error = use_script(p, header, size);
        if (error) return error;
    }
    return -ELOOP;
}

/* -- Building the new space -------------------------------------------------------- */

/* In place of what was there. */
static int map(struct program *p, vaddr_t start, vaddr_t end, int protection,
               struct memory_object *object, uint32_t first_page) {
    struct region *region;
    bool done = !space_unmap(p->space, start, end - start)
                && !space_map(p->space, start, end - start, protection, 0, object,
                              first_page, object ? &region : NULL);

    return done ? 0 : -ENOMEM;
}

/* The part that the file fills is mapped, and copied when written. Behind it, the last
 * page's rest and fresh pages are zero. */
static int map_segment(struct program *p, const struct elf_segment *s) {
    vaddr_t start = round_down(s->address, PAGE_SIZE),
            end = s->address + s->memory_size;
    vaddr_t file_end = s->address + s->file_size;
    vaddr_t page_end = s->file_size ? round_up(file_end, PAGE_SIZE) : start;

    if (s->file_size) {
        if (map(p, start, page_end, s->protection, p->inode->object,
                s->offset >> PAGE_SHIFT))
            return -ENOMEM;
        space_prefault(p->space, start, page_end);
    }
    if (end > page_end
        && map(p, page_end, round_up(end, PAGE_SIZE), s->protection, NULL, 0))
        return -ENOMEM;
    if (file_end == page_end || end == file_end || !s->file_size) return 0;
    if (!(s->protection & PROT_WRITE)) return -ENOEXEC;
    char *rest = space_page(p->space, file_end, PROT_WRITE);
    if (!rest) return -ENOMEM;
    memset(rest, 0, page_end - file_end);
    return 0;
}

static int map_program(struct program *p) {
    for (unsigned i = 0; i < p->plan.nr_segments; i++) {
        int error = map_segment(p, &p->plan.segments[i]);
        if (error) return error;
    }
    struct region *region;
    int error = space_map(p->space, SYSTEM_PAGE, PAGE_SIZE, PROT_READ | PROT_EXEC,
                          REGION_SYSTEM | REGION_SHARED, system_page, 0, &region);
    if (error) return error;
    return space_map(p->space, STACK_TOP - STACK_INITIAL, STACK_INITIAL,
                     PROT_READ | PROT_WRITE, REGION_GROWS_DOWN, NULL, 0, &region);
}

static int place_arguments(struct program *p) {
    const struct credentials *c = &p->credentials;
    struct auxiliary auxiliary[] = {
        { AT_SYSINFO, SYSTEM_PAGE },
        { AT_HWCAP, cpu_features.edx },
        { AT_PAGESZ, PAGE_SIZE },
        { AT_CLKTCK, 100 },
        { AT_PHDR, p->plan.headers },
        { AT_PHENT, 32 },
        { AT_PHNUM, p->plan.nr_headers },
        { AT_BASE, 0 },
        { AT_FLAGS, 0 },
        { AT_ENTRY, p->plan.entry },
        { AT_UID, c->uid },
        { AT_EUID, c->euid },
        { AT_GID, c->gid },
        { AT_EGID, c->egid },
        { AT_SECURE, p->secure },
        { AT_RANDOM, 0 },
        { AT_EXECFN, 0 },
        { AT_PLATFORM, 0 },
        { AT_NULL, 0 },
    };
    // without sysenter the page's int 0x80 serves
    if (!cpu_features.sysenter) auxiliary[0].value = SYSTEM_PAGE_INT80;
    return exec_arguments_place(&p->arguments, p->space, STACK_TOP, p->path, auxiliary,
                                ARRAY_SIZE(auxiliary), &p->stack);
}

static void choose_credentials(struct program *p) {
    struct credentials *c = &p->credentials;

    *c = current_process()->credentials;
    if (p->inode->mode & S_ISUID) c->euid = p->inode->uid;
    if ((p->inode->mode & (S_ISGID | 010)) == (S_ISGID | 010)) c->egid = p->inode->gid;
    c->suid = c->euid;
    c->sgid = c->egid;
    p->secure = c->euid != c->uid || c->egid != c->gid;
}

static int build(struct program *p) {
    int error = find_image(p);

    if (error) return error;
    choose_credentials(p);
    p->space = space_create();
    if (!p->space) return -ENOMEM;
    limits_apply(current_process(), p->space);
    error = map_program(p);
    if (!error) error = place_arguments(p);
    p->space->heap_start = p->space->heap_end = p->plan.end;
    return error;
}

/* -- Moving over ------------------------------------------------------------------- */

static void reset_signals(struct process *process) {
    struct thread *t = current();

    for (int i = 0; i < SIGNALS; i++) {
        struct signal_action *action = &process->actions->of[i];
        if (action->handler != SIG_IGN) action->handler = SIG_DFL;
        action->flags = 0;
        action->mask = 0;
    }
    t->alternate_stack = t->alternate_stack_size = 0;
    t->attention &= ~(uint32_t)ATTENTION_RESTORE_MASK;
}

static void reset_registers(const struct program *p) {
    struct thread *t = current();
    struct trap_frame *f = thread_frame(t);

    *f = (struct trap_frame){ .eip = p->plan.entry, .cs = USER_CS, .esp = p->stack.esp,
                              .ss = USER_DS, .ds = USER_DS, .es = USER_DS,
                              .eflags = EFLAGS_IF | EFLAGS_ALWAYS,
                              .vector = VECTOR_CHANGED };
    fpu_replace(t, false);
    t->tls_descriptor = 0;
    this_cpu()->gdt[TLS_SELECTOR / 8] = 0;
    load_fs(0);
    load_gs(0);
}

static void rename_program(struct process *process, const char *path) {
    const char *slash = strrchr(path, '/');

    string_copy(process->name, slash ? slash + 1 : path, sizeof(process->name));
    string_copy(current()->name, process->name, sizeof(current()->name));
}

static void move_over(struct program *p) {
    struct process *process = current_process();
    struct thread *t = current();
    struct address_space *old = process->space;

    if (old)
        futex_thread_exit(t);   // robust locks of the old program
    process->space = t->space = p->space;
    p->space = NULL;
    space_activate(this_cpu(), process->space);
    if (old) space_put(old);
    vfork_release(process);
    if (process->executable) inode_put(process->executable);
    process->executable = p->inode;
    p->inode = NULL;
    process->credentials = p->credentials;
    process->arguments_start = p->stack.arguments;
    process->arguments_end = process->environment_start = p->stack.arguments_end;
    process->environment_end = p->stack.environment_end;
    process->execed = true;
    timers_exec(process);
    file_table_close_on_exec(process->files);
    reset_signals(process);
    reset_registers(p);
    rename_program(process, p->path);
    t->clear_child_tid = t->robust_list = 0;
    thread_take_id(t, process->pid);
    trace_record(TRACE_EXEC, t->tid, p->plan.entry, 0, 0);
}

static void program_release(struct program *p) {
    if (p->space) space_put(p->space);
    if (p->inode) inode_put(p->inode);
    exec_arguments_release(&p->arguments);
    heap_free(p->path);
    heap_free(p);
}

static struct program *program_create(void) {
    struct program *p = heap_new(HEAP_EXEC, struct program);

    if (!p) return NULL;
    p->path = heap_alloc(HEAP_EXEC, PATH_MAX);
    uint32_t limit =
        (uint32_t)min(limit_soft(current_process(), LIMIT_STACK) / 4, 2ull << 20);
    if (!p->path || exec_arguments_init(&p->arguments, max(limit, 131072u))) {
        program_release(p);
        return NULL;
    }
    return p;
}

/* SLEEPS. Builds the program unless there was an error, moves over, gives p back. */
static int run(struct program *p, int error) {
    if (!error) error = build(p);
    if (!error && current_process()->nr_threads > 1 && !end_other_threads())
        error = -EINTR;         // this thread must end too
    if (!error) {
        /* --- commit: nothing below fails or sleeps --- */
        move_over(p);
    }
    program_release(p);
    return error;
}

long sys_execve(uptr_t path, uptr_t arguments, uptr_t environment) {
    struct program *p = program_create();

    if (!p) return -ENOMEM;
    struct exec_arguments *a = &p->arguments;
    ssize_t length = string_from_user(p->path, path, PATH_MAX);
    int error = length < 0 ? (int)length : 0;
    if (!error) error = exec_arguments_add_user(a, arguments, &a->nr_arguments);
    if (!error) error = exec_arguments_add_user(a, environment, &a->nr_environment);
    // an empty vector would let a program read its environment as arguments
    if (!error && a->nr_arguments == 0) {
        error = a->nr_environment ? -EINVAL : exec_arguments_add(a, "");
        a->nr_arguments = 1;
    }
    return run(p, error);
}

int exec_from_kernel(const char *path, const char *const *arguments,
                     const char *const *environment) {
    struct program *p = program_create();
    int error = 0;

    if (!p) return -ENOMEM;
    string_copy(p->path, path, PATH_MAX);
    for (; !error && *arguments; arguments++, p->arguments.nr_arguments++)
        error = exec_arguments_add(&p->arguments, *arguments);
    for (; !error && *environment; environment++, p->arguments.nr_environment++)
        error = exec_arguments_add(&p->arguments, *environment);
    return run(p, error);
}

void exec_init(void) {
    size_t size = (size_t)(system_page_code_end - system_page_code);

    system_page = object_create(1);
    assert(system_page && object_write(system_page, 0, system_page_code, size) == size);
}

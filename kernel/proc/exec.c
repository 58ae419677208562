/* exec.c - replacing a process's program.
 *
 * Two phases. First the whole new address space is built beside the old one; every
 * error is found here and the old program goes on. Then, behind the commit line, the
 * process moves over: other threads are gone, descriptors marked close-on-exec are
 * closed, handlers are reset, registers cleared.
 *
 * Programs are static ELF32 for i386: ET_EXEC, or ET_DYN without an interpreter (static
 * PIE), which is placed at PIE_BASE.
 * Sleeps: while the other threads end.
 * Tests: user/tests/exec*.c.
 * See: execve(2); System V ABI, chapters 4 and 5.
 */
#include "arch/x86/processor.h"
#include "core/check.h"
#include "core/trace.h"
#include "dev/random.h"
#include "fs/inode.h"
#include "ipc/fast_path.h"
#include "mm/heap.h"
#include "posix/faces.h"
#include "proc/life.h"

#define STACK_TOP SYSTEM_PAGE
#define STACK_INITIAL (32 * PAGE_SIZE)  /* mapped at once; it grows from there */
#define STRING_MAX (128 * 1024) /* one string, as on Linux */
#define SCRIPT_DEPTH 4
#define HEADER_SIZE 512
#define FRONT_MAX 16            /* each script adds three strings at most, less one */
#define PIE_BASE 0x08000000u

enum { AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6,
       AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12, AT_GID = 13, AT_EGID = 14,
       AT_HWCAP = 16, AT_CLKTCK = 17, AT_SECURE = 23, AT_RANDOM = 25, AT_EXECFN = 31,
       AT_SYSINFO = 32 };

enum { ET_EXEC = 2, ET_DYN = 3, EM_386 = 3, PT_LOAD = 1, PT_INTERP = 3,
       PF_X = 1, PF_W = 2, PF_R = 4 };

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, program_headers, section_headers, flags;
    uint16_t size, program_header_size, nr_program_headers;
    uint16_t section_header_size, nr_section_headers, names;
};

struct program_header {
    uint32_t type, offset, address, physical, file_size, memory_size, flags, align;
};

struct strings {                /* an argument or environment vector on its way */
    uptr_t user;                /* the caller's array; null: empty */
    unsigned count;
};

struct program {                /* all of an exec until its commit */
    struct inode *inode;
    const char *file;           /* path, or the last script's interpreter */
    char lines[SCRIPT_DEPTH + 1][HEADER_SIZE + 1];      /* the files' first bytes */
    const char *places[FRONT_MAX], **front;     /* scripts' arguments: the last ones */
    struct strings arguments, environment;      /* behind them, and the other one */
    struct address_space *space;
    vaddr_t base, entry, end;   /* added to all addresses; end: behind the last page */
    vaddr_t headers;            /* user address of the program headers, or 0 */
    uint32_t nr_headers;
    uint8_t random[16];         /* AT_RANDOM */
    vaddr_t esp, argument_strings, environment_strings, strings_end;
    struct credentials credentials;
    bool secure;                /* runs with more rights than the caller has */
    char path[];                /* PATH_MAX: as execve had it */
};

static struct memory_object *system_page;       /* the same page in every space */

/* -- Building the new space -------------------------------------------------------- */

/* In place of what was there. */
static int map(struct program *p, vaddr_t start, vaddr_t end, int protection,
               struct memory_object *object, uint32_t first_page) {
    const struct region region = { .start = start, .end = end, .object = object,
                                   .first_page = first_page,
                                   .protection = (uint8_t)protection };
    bool done =
        !space_unmap(p->space, start, end - start) && !space_map(p->space, &region);

    return done ? 0 : -ENOMEM;
}

/* The part that the file fills is mapped, and copied when written. Behind it, the last
 * page's rest and fresh pages are zero. */
static int load_segment(struct program *p, const struct program_header *s) {
    uint64_t address = (uint64_t)s->address + p->base;
    int protection = (s->flags & PF_R ? PROT_READ : 0)
                     | (s->flags & PF_W ? PROT_WRITE : 0)
                     | (s->flags & PF_X ? PROT_EXEC : 0);

    // a file that is cut short is not refused: what is missing is SIGBUS when touched
    if (s->memory_size < s->file_size || (s->offset ^ (uint32_t)address) & PAGE_MASK)
        return -ENOEXEC;
    if (address < USER_START || address + s->memory_size > USER_END - 0x1000000)
        return -ENOMEM;
    vaddr_t start = round_down((vaddr_t)address, PAGE_SIZE);
    vaddr_t file_end = (vaddr_t)address + s->file_size;
    vaddr_t page_end = s->file_size ? round_up(file_end, PAGE_SIZE) : start;
    vaddr_t end = round_up((vaddr_t)address + s->memory_size, PAGE_SIZE);
    if (s->file_size) {
        if (map(p, start, page_end, protection, p->inode->object,
                s->offset >> PAGE_SHIFT))
            return -ENOMEM;
        space_prefault(p->space, start, page_end);
    }
    if (end > page_end && map(p, page_end, end, protection, NULL, 0)) return -ENOMEM;
    p->end = max(p->end, end);
    if (!s->file_size || s->memory_size == s->file_size || file_end == page_end)
        return 0;
    if (!(protection & PROT_WRITE)) return -ENOEXEC;
    char *rest = space_page(p->space, file_end, PROT_WRITE);
    if (!rest) return -ENOMEM;
    memset(rest, 0, page_end - file_end);
    return 0;
}

static bool header_ok(const struct elf_header *h, size_t size) {
    static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };

    return size >= sizeof(*h) && memcmp(h->ident, ident, sizeof(ident)) == 0
           && (h->type == ET_EXEC || h->type == ET_DYN) && h->machine == EM_386
           && h->program_header_size == sizeof(struct program_header)
           && h->nr_program_headers > 0 && h->program_headers <= size
           && h->nr_program_headers
                  <= (size - h->program_headers) / sizeof(struct program_header);
}

/* Of an ELF file, whose first bytes these are. The program headers may lie in a
 * segment: AT_PHDR. A segment of no size is none. */
static int load_segments(struct program *p, const void *start, size_t size) {
    const struct elf_header *h = start;

    if (!header_ok(h, size)) return -ENOEXEC;
    uint32_t at = h->program_headers;
    const struct program_header *s = (const void *)((const char *)start + at);
    p->base = h->type == ET_DYN ? PIE_BASE : 0;
    p->entry = h->entry + p->base;
    p->nr_headers = h->nr_program_headers;
    for (const struct program_header *last = s + p->nr_headers; s < last; s++) {
        if (s->type == PT_INTERP)
            return -ENOEXEC;    // there is no dynamic linker
        if (s->type != PT_LOAD || s->memory_size == 0) continue;
        int error = load_segment(p, s);
        if (error) return error;
        if (at >= s->offset && at - s->offset < s->file_size)
            p->headers = s->address + p->base + (at - s->offset);
    }
    return p->end ? 0 : -ENOEXEC;
}

/* The space of a program file: all but what is on the stack. */
static int load(struct program *p, const void *start, size_t size) {
    const struct region system = { .start = SYSTEM_PAGE, .end = SYSTEM_PAGE + PAGE_SIZE,
                                   .protection = PROT_READ | PROT_EXEC,
                                   .flags = REGION_SYSTEM | REGION_SHARED,
                                   .object = system_page };
    const struct region stack = { .start = STACK_TOP - STACK_INITIAL, .end = STACK_TOP,
                                  .protection = PROT_READ | PROT_WRITE,
                                  .flags = REGION_GROWS_DOWN };

    p->space = space_create();
    if (!p->space) return -ENOMEM;
    limits_apply(current_process(), p->space);
    int error = load_segments(p, start, size);
    if (!error) error = space_map(p->space, &system);
    if (!error) error = space_map(p->space, &stack);
    p->space->heap_start = p->space->heap_end = p->end;
    return error;
}

/* -- Finding the file -------------------------------------------------------------- */

static int open_program(struct program *p) {
    struct path path;
    int error = path_walk(NULL, p->file, 0, &path);

    if (error) return error;
    p->inode = inode_get(path.inode);
    path_release(&path);
    if (!inode_is(p->inode, S_IFREG)) return -EACCES;
    return inode_permission(p->inode, MAY_EXECUTE);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static void push_front(struct program *p, const char *string) {
    assert(p->front > p->places);
    *--p->front = string;
}

static bool has_front(const struct program *p) {
    return p->front < p->places + FRONT_MAX;
}

/* "#!interpreter [option]": these two and the script's path become the first arguments,
 * instead of the first one. */
static int use_script(struct program *p, char *line, size_t size) {
    char *end = memchr(line, '\n', size), *name = line + 2, *option;

    if (!end) return -ENOEXEC;
    while (end > name && is_blank(end[-1])) end--;
    *end = '\0';
    while (is_blank(*name)) name++;
    for (option = name; *option && !is_blank(*option);) option++;
    while (is_blank(*option)) *option++ = '\0';
    if (!*name) return -ENOEXEC;
    if (has_front(p)) p->front++;
    else p->arguments.user = uptr_add(p->arguments.user, 4);
    push_front(p, p->file);
    if (*option) push_front(p, option);
    push_front(p, name);
    p->file = name;
    inode_put(p->inode);
    p->inode = NULL;
    return 0;
}

/* Follows scripts to a program file and loads it. */
static int find_and_load(struct program *p) {
    for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
        char *line = p->lines[depth];
        int error = open_program(p);
        if (error) return error;
        size_t size = (size_t)min(p->inode->size, (uint64_t)HEADER_SIZE);
        if (p->inode->object) object_read(p->inode->object, 0, line, size);
        if (size < 2 || line[0] != '#' || line[1] != '!') return load(p, line, size);
        error = use_script(p, line, size);
        if (error) return error;
    }
    return -ELOOP;
}

/* -- The first stack --------------------------------------------------------------- */

struct stack_image {            /* is written upwards */
    struct address_space *space;        /* NULL: nothing is written, only measured */
    vaddr_t limit;              /* E2BIG above */
    vaddr_t vector, at;         /* where the next word goes, and the next string */
    int error;                  /* the first one: then nothing is done any more */
};

/* Puts bytes at *at, which is `vector` or `at`, and moves it on. */
static void put(struct stack_image *s, vaddr_t *at, const void *bytes, size_t size) {
    if (s->error) return;
    if (*at > s->limit || size > s->limit - *at)
        s->error = -E2BIG;
    else if (s->space && space_write(s->space, uptr(*at), bytes, size))
        s->error = -ENOMEM;
    *at += size;
}

/* In pieces that end at multiples of their size: none reaches into a page in which the
 * string has nothing. */
static void put_user_string(struct stack_image *s, uptr_t from) {
    char piece[256];

    for (size_t done = 0, size; !s->error; done += size) {
        uptr_t at = uptr_add(from, done);
        size = sizeof(piece) - (at.address & (sizeof(piece) - 1));
        if (done >= STRING_MAX) s->error = -E2BIG;
        if (copy_from_user(piece, at, size)) s->error = -EFAULT;
        size_t length = strnlen(piece, size);
        put(s, &s->at, piece, min(length + 1, size));
        if (length < size) return;
    }
}

/* All strings, and the vector of their addresses with a NULL. The first time, when it
 * only measures, it counts them; the second time there must be as many, for others can
 * change them. */
static void put_strings(struct stack_image *s, struct strings *strings) {
    uint32_t string = 0, end = 0;

    for (unsigned i = 0; !s->error && !uptr_is_null(strings->user); i++) {
        if (s->space && i == strings->count) break;
        if (u32_from_user(&string, uptr_add(strings->user, 4 * i))) s->error = -EFAULT;
        if (!s->space) strings->count = i;
        if (!s->space && !string) break;
        put(s, &s->vector, &s->at, sizeof(s->at));
        put_user_string(s, uptr(string));
    }
    put(s, &s->vector, &end, sizeof(end));
}

/* The new stack, as the System V ABI wants it (musl's _start):
 *
 *      top ->  strings: arguments, environment; random bytes, path
 *              auxiliary vector ... AT_NULL
 *              environment pointers, NULL
 *              argument pointers, NULL
 *      esp ->  argument count                      16-byte aligned
 */
static void put_all(struct program *p, struct stack_image *s) {
    const struct credentials *c = &p->credentials;
    const char **front = p->front, **front_end = p->places + FRONT_MAX;
    uint32_t count = (uint32_t)(front_end - front) + p->arguments.count;

    put(s, &s->vector, &count, sizeof(count));
    p->argument_strings = s->at;
    for (; front < front_end; front++) {
        put(s, &s->vector, &s->at, sizeof(s->at));
        put(s, &s->at, *front, strlen(*front) + 1);
    }
    put_strings(s, &p->arguments);
    p->environment_strings = s->at;
    put_strings(s, &p->environment);
    p->strings_end = s->at;
    put(s, &s->at, p->random, sizeof(p->random));
    const uint32_t auxiliary[][2] = {
        // without sysenter the page's int 0x80 serves
        { AT_SYSINFO, cpu_features.sysenter ? SYSTEM_PAGE : SYSTEM_PAGE_INT80 },
        { AT_HWCAP, cpu_features.edx }, { AT_PAGESZ, PAGE_SIZE }, { AT_CLKTCK, 100 },
        { AT_PHDR, p->headers }, { AT_PHENT, sizeof(struct program_header) },
        { AT_PHNUM, p->nr_headers }, { AT_ENTRY, p->entry }, { AT_UID, c->uid },
        { AT_EUID, c->euid }, { AT_GID, c->gid }, { AT_EGID, c->egid },
        { AT_SECURE, p->secure }, { AT_RANDOM, p->strings_end }, { AT_EXECFN, s->at },
        { AT_NULL, 0 },
    };
    put(s, &s->at, p->file, strlen(p->file) + 1);
    put(s, &s->vector, auxiliary, sizeof(auxiliary));
}

/* First it measures, then it writes. */
static int place_arguments(struct program *p) {
    uint64_t quarter = limit_soft(current_process(), LIMIT_STACK) / 4;
    uint32_t limit = max((uint32_t)min(quarter, 2ull << 20), 131072u);
    struct stack_image s = { .limit = limit };

    random_bytes(p->random, sizeof(p->random));
    put_all(p, &s);
    if (s.error) return s.error;
    if (s.vector + s.at > limit) return -E2BIG;
    p->esp = round_down(STACK_TOP - s.vector - s.at, 16);
    s = (struct stack_image){ p->space, STACK_TOP, p->esp, p->esp + s.vector, 0 };
    put_all(p, &s);
    return s.error;
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
    uint32_t first = 0;

    if (!uptr_is_null(p->arguments.user) && u32_from_user(&first, p->arguments.user))
        return -EFAULT;
    if (!first) {               // or it would read its environment as arguments
        p->arguments.user = uptr(0);
        push_front(p, "");
    }
    int error = find_and_load(p);
    if (error) return error;
    choose_credentials(p);
    return place_arguments(p);
}

/* -- Moving over ------------------------------------------------------------------- */

static void reset_signals(struct process *process) {
    struct thread *t = current();

    for (int i = 0; i < SIGNALS; i++) {
        struct signal_action *action = &process->actions[i];
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

    *f = (struct trap_frame){ .eip = p->entry, .cs = USER_CS, .esp = p->esp,
                              .ss = USER_DS, .ds = USER_DS, .es = USER_DS,
                              .eflags = EFLAGS_IF | EFLAGS_ALWAYS,
                              .vector = VECTOR_CHANGED };
    fpu_replace(t, false);
    t->tls_descriptor = 0;
    this_cpu()->gdt[TLS_SELECTOR / 8] = 0;
    load_fs(0);
    load_gs(0);
}

static void move_over(struct program *p) {
    struct process *process = current_process();
    struct thread *t = current();
    struct address_space *old = process->space;

    futex_thread_exit(t);       // robust locks of the old program
    exchange_end(t);
    process->space = t->space = p->space;
    p->space = NULL;
    space_activate(this_cpu(), process->space);
    space_put(old);
    vfork_release(process);
    if (process->executable) inode_put(process->executable);
    process->executable = p->inode;
    p->inode = NULL;
    process->credentials = p->credentials;
    links_forget_rights(process);
    process->arguments_start = p->argument_strings;
    process->arguments_end = p->environment_strings;
    process->execed = true;
    timers_end(process, false);
    file_table_close_on_exec(process->files);
    reset_signals(process);
    reset_registers(p);
    const char *slash = strrchr(p->file, '/');
    string_copy(process->name, slash ? slash + 1 : p->file, sizeof(process->name));
    string_copy(t->name, process->name, sizeof(t->name));
    t->clear_child_tid = t->robust_list = 0;
    thread_take_id(t, process->pid);
    trace_record(TRACE_EXEC, t->tid, p->entry, 0, 0);
}

long sys_execve(uptr_t path, uptr_t arguments, uptr_t environment) {
    struct program *p = heap_alloc_raw(HEAP_EXEC, sizeof(*p) + PATH_MAX);

    if (!p) return -ENOMEM;
    memset(p, 0, sizeof(*p));
    p->file = p->path;
    p->front = p->places + FRONT_MAX;
    p->arguments.user = arguments;
    p->environment.user = environment;
    ssize_t error = string_from_user(p->path, path, PATH_MAX);
    if (error >= 0) error = build(p);
    if (!error && current_process()->nr_threads > 1 && !end_other_threads())
        error = -EINTR;         // this thread must end too
    if (!error) {
        /* --- commit: nothing below fails or sleeps --- */
        move_over(p);
    }
    if (p->space) space_put(p->space);
    if (p->inode) inode_put(p->inode);
    heap_free(p);
    return error;
}

/* Those whose other threads have not ended yet, and what no process holds. */
static void programs_count(void) {
    const struct program *p;

    heap_for_each(p, HEAP_EXEC) if (p->space) p->space->counted++;
    object_found(system_page);
}

static const struct checker checker CHECKER = { "exec", programs_count, NULL };

void exec_init(void) {
    size_t size = (size_t)(system_page_code_end - system_page_code);

    system_page = object_create(1);
    assert(system_page && object_write(system_page, 0, system_page_code, size) == size);
}

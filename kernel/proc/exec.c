/* exec.c - replacing a process's program.
 *
 * Programs are static ELF32 for i386: ET_EXEC, or ET_DYN without an interpreter (static
 * PIE), which is placed at PIE_BASE. The two phases: README.md.
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

struct program {                /* all of an exec until its commit */
    struct inode *inode;
    const char *file;           /* path, or the last script's interpreter */
    char lines[SCRIPT_DEPTH + 1][HEADER_SIZE + 1];      /* the files' first bytes */
    const char *front[FRONT_MAX];       /* scripts' arguments, the first one last */
    unsigned nr_front;
    struct strings {            /* the caller's array, null: empty; how many they are */
        uptr_t user;
        unsigned count;
    } arguments, environment;   /* behind `front`; the other one */
    struct address_space *space;
    vaddr_t base, entry;        /* base is added to all addresses */
    vaddr_t headers;            /* user address of the program headers, or 0 */
    uint32_t nr_headers;
    uint8_t random[16];         /* AT_RANDOM */
    /* The first stack, which is written upwards. */
    vaddr_t esp;                /* 0: nothing is written, only measured */
    vaddr_t limit;              /* E2BIG above */
    vaddr_t vector, at;         /* where the next word goes, and the next string */
    vaddr_t argument_strings, environment_strings;
    int error;                  /* the first one: then nothing is put any more */
    struct credentials credentials;
    char path[];                /* PATH_MAX: as execve had it */
};

static struct memory_object *system_page;       /* the same page in every space */

/* -- Building the new space -------------------------------------------------------- */

/* In place of what was there. False: no memory. */
static bool map(struct program *p, const struct region *region) {
    return !space_unmap(p->space, region->start, region->end - region->start)
           && !space_map(p->space, region);
}

/* The part that the file fills is mapped, and copied when written. Behind it, the last
 * page's rest and fresh pages are zero. */
static int load_segment(struct program *p, const struct program_header *s) {
    uint64_t address = (uint64_t)s->address + p->base;
    uint8_t protection = (s->flags & PF_R ? PROT_READ : 0)
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
    const struct region filled = { .start = start, .end = page_end,
                                   .object = p->inode->object,
                                   .first_page = s->offset >> PAGE_SHIFT,
                                   .protection = protection };
    const struct region zero = { .start = page_end, .end = end,
                                 .protection = protection };
    if ((s->file_size && !map(p, &filled)) || (end > page_end && !map(p, &zero)))
        return -ENOMEM;
    if (s->file_size) space_prefault(p->space, start, page_end);
    p->space->heap_end = max(p->space->heap_end, end);
    if (file_end >= page_end || s->memory_size == s->file_size) return 0;
    if (!(protection & PROT_WRITE)) return -ENOEXEC;
    char *rest = space_page(p->space, file_end, PROT_WRITE);
    if (rest) memset(rest, 0, page_end - file_end);
    return rest ? 0 : -ENOMEM;
}

/* The space of an ELF file, whose first bytes these are: all but what is on the stack.
 * The program headers may lie in a segment: AT_PHDR. A segment of no size is none. */
static int load(struct program *p, const void *start, size_t size) {
    static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 1, 1, 1 };
    const struct region system = { .start = SYSTEM_PAGE, .end = SYSTEM_PAGE + PAGE_SIZE,
                                   .protection = PROT_READ | PROT_EXEC,
                                   .flags = REGION_SYSTEM | REGION_SHARED,
                                   .object = system_page };
    const struct region stack = { .start = STACK_TOP - STACK_INITIAL, .end = STACK_TOP,
                                  .protection = PROT_READ | PROT_WRITE,
                                  .flags = REGION_GROWS_DOWN };
    const struct elf_header *h = start;
    uint32_t at = h->program_headers;
    const struct program_header *s = (const void *)((const char *)start + at);

    if (size < sizeof(*h) || memcmp(h->ident, ident, sizeof(ident)) != 0
        || (h->type != ET_EXEC && h->type != ET_DYN) || h->machine != EM_386
        || h->program_header_size != sizeof(*s) || h->nr_program_headers == 0
        || at > size || h->nr_program_headers > (size - at) / sizeof(*s))
        return -ENOEXEC;
    p->space = space_create();
    if (!p->space) return -ENOMEM;
    limits_apply(current_process(), p->space);
    p->base = h->type == ET_DYN ? PIE_BASE : 0;
    p->entry = h->entry + p->base;
    p->nr_headers = h->nr_program_headers;
    for (const struct program_header *last = s + p->nr_headers; s < last; s++) {
        if (s->type == PT_INTERP) return -ENOEXEC;      // there is no dynamic linker
        if (s->type != PT_LOAD || s->memory_size == 0) continue;
        int error = load_segment(p, s);
        if (error) return error;
        if (at >= s->offset && at - s->offset < s->file_size)
            p->headers = s->address + p->base + (at - s->offset);
    }
    p->space->heap_start = p->space->heap_end;
    if (!p->space->heap_end) return -ENOEXEC;
    return space_map(p->space, &system) || space_map(p->space, &stack) ? -ENOMEM : 0;
}

/* -- Finding the file -------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* "#!interpreter [option]": these two and the script's path become the first arguments,
 * instead of the first one. */
static int use_script(struct program *p, char *line, size_t size) {
    char *end = memchr(line, '\n', size), *name = line + 2, *option;

    if (!end && size == HEADER_SIZE) return -ENOEXEC;
    if (!end) end = line + size;
    while (end > name && is_blank(end[-1])) end--;
    *end = '\0';
    while (is_blank(*name)) name++;
    for (option = name; *option && !is_blank(*option);) option++;
    while (is_blank(*option)) *option++ = '\0';
    if (!*name) return -ENOEXEC;
    assert(p->nr_front + 2 <= FRONT_MAX);
    if (p->nr_front) p->nr_front--;
    else p->arguments.user = uptr_add(p->arguments.user, 4);
    p->front[p->nr_front++] = p->file;
    if (*option) p->front[p->nr_front++] = option;
    p->front[p->nr_front++] = p->file = name;
    inode_put(p->inode);
    p->inode = NULL;
    return 0;
}

/* Follows scripts to a program file and loads it. */
static int find_and_load(struct program *p) {
    for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
        char *line = p->lines[depth];
        struct path path;
        int error = path_walk(NULL, p->file, 0, &path);
        if (error) return error;
        p->inode = inode_get(path.inode);
        path_release(&path);
        if (!inode_is(p->inode, S_IFREG)) return -EACCES;
        error = inode_permission(p->inode, MAY_EXECUTE);
        if (error) return error;
        size_t size = (size_t)min(p->inode->size, (uint64_t)HEADER_SIZE);
        const char *bytes =
            p->inode->object ? object_bytes(p->inode->object, 0, &size, false) : NULL;
        if (bytes) memcpy(line, bytes, size);
        if (size < 2 || line[0] != '#' || line[1] != '!') return load(p, line, size);
        error = use_script(p, line, size);
        if (error) return error;
    }
    return -ELOOP;
}

/* -- The first stack --------------------------------------------------------------- */

/* Puts bytes at *at, which is `vector` or `at`, and moves it on. */
static void put(struct program *p, vaddr_t *at, const void *bytes, size_t size) {
    if (p->error) return;
    if (*at > p->limit || size > p->limit - *at) p->error = -E2BIG;
    else if (p->esp && space_write(p->space, uptr(*at), bytes, size))
        p->error = -ENOMEM;
    *at += size;
}

/* All strings, and the vector of their addresses with a NULL. The first time, when it
 * only measures, it counts them; the second time there must be as many, for others can
 * change them. A string comes in pieces that end at multiples of their size: none
 * reaches into a page in which the string has nothing. */
static void put_strings(struct program *p, struct strings *strings) {
    uint32_t string = 0, end = 0;
    char piece[256];

    for (unsigned i = 0; !p->error && !uptr_is_null(strings->user); i++) {
        if (p->esp && i == strings->count) break;
        if (u32_from_user(&string, uptr_add(strings->user, 4 * i))) p->error = -EFAULT;
        if (!p->esp) strings->count = i;
        if (!p->esp && !string) break;
        put(p, &p->vector, &p->at, sizeof(p->at));
        for (size_t done = 0, length = 0, size = 0; !p->error && length == size;) {
            uptr_t at = uptr(string + done);
            size = sizeof(piece) - (at.address & (sizeof(piece) - 1));
            if (done >= STRING_MAX) p->error = -E2BIG;
            if (copy_from_user(piece, at, size)) p->error = -EFAULT;
            length = strnlen(piece, size);
            put(p, &p->at, piece, min(length + 1, size));
            done += size;
        }
    }
    put(p, &p->vector, &end, sizeof(end));
}

/* The new stack, as the System V ABI wants it (musl's _start); first it is measured:
 *
 *      top ->  strings: arguments, environment; random bytes, path
 *              auxiliary vector ... AT_NULL
 *              environment pointers, NULL
 *              argument pointers, NULL
 *      esp ->  argument count                      16-byte aligned
 */
static void put_all(struct program *p) {
    const struct credentials *c = &p->credentials;
    uint32_t count = p->nr_front + p->arguments.count;

    put(p, &p->vector, &count, sizeof(count));
    p->argument_strings = p->at;
    for (unsigned i = p->nr_front; i-- > 0;) {
        put(p, &p->vector, &p->at, sizeof(p->at));
        put(p, &p->at, p->front[i], strlen(p->front[i]) + 1);
    }
    put_strings(p, &p->arguments);
    p->environment_strings = p->at;
    put_strings(p, &p->environment);
    vaddr_t random = p->at;
    put(p, &p->at, p->random, sizeof(p->random));
    const uint32_t auxiliary[][2] = {
        // without sysenter the page's int 0x80 serves
        { AT_SYSINFO,
          cpu_features.edx & CPUID_SYSENTER ? SYSTEM_PAGE : SYSTEM_PAGE_INT80 },
        { AT_HWCAP, cpu_features.edx }, { AT_PAGESZ, PAGE_SIZE }, { AT_CLKTCK, 100 },
        { AT_PHDR, p->headers }, { AT_PHENT, sizeof(struct program_header) },
        { AT_PHNUM, p->nr_headers }, { AT_ENTRY, p->entry }, { AT_UID, c->uid },
        { AT_EUID, c->euid }, { AT_GID, c->gid }, { AT_EGID, c->egid },
        { AT_SECURE, c->euid != c->uid || c->egid != c->gid }, { AT_RANDOM, random },
        { AT_EXECFN, p->at }, { AT_NULL, 0 },
    };
    put(p, &p->at, p->file, strlen(p->file) + 1);
    put(p, &p->vector, auxiliary, sizeof(auxiliary));
}

static int build(struct program *p) {
    struct credentials *c = &p->credentials;
    uint32_t first = 0;

    if (!uptr_is_null(p->arguments.user) && u32_from_user(&first, p->arguments.user))
        return -EFAULT;
    if (!first) {               // or it would read its environment as arguments
        p->arguments.user = uptr(0);
        p->front[p->nr_front++] = "";
    }
    int error = find_and_load(p);
    if (error) return error;
    *c = current_process()->credentials;
    if (p->inode->mode & S_ISUID) c->euid = p->inode->uid;
    if ((p->inode->mode & (S_ISGID | 010)) == (S_ISGID | 010)) c->egid = p->inode->gid;
    c->suid = c->euid;
    c->sgid = c->egid;
    uint64_t quarter = current_process()->limits[LIMIT_STACK].soft / 4;
    p->limit = max((uint32_t)min(quarter, 2ull << 20), 131072u);
    random_bytes(p->random, sizeof(p->random));
    put_all(p);
    if (!p->error && p->vector + p->at > p->limit) p->error = -E2BIG;
    if (p->error) return p->error;
    p->limit = STACK_TOP;
    p->esp = round_down(STACK_TOP - p->vector - p->at, 16);
    p->at = p->esp + p->vector;
    p->vector = p->esp;
    put_all(p);
    return p->error;
}

/* -- Moving over ------------------------------------------------------------------- */

/* Ends all threads but the current one and waits until they are gone. -EINTR: this one
 * must end too. SLEEPS. */
static int end_other_threads(struct process *p) {
    struct thread *t;

    if (current()->attention & ATTENTION_EXIT) return -EINTR;
    list_for_each (t, &p->threads, process_node)
        if (t != current()) thread_call(t, ATTENTION_EXIT);
    while (p->nr_threads > 1)
        if (wait_sleep_killable(&p->exec_wait)) return -EINTR;
    return 0;
}

/* The thread has nothing left of the old program but its times and its signal mask. */
static void begin_anew(struct thread *t, const struct program *p) {
    *thread_frame(t) =
        (struct trap_frame){ .eip = p->entry, .cs = USER_CS, .esp = p->esp,
                             .ss = USER_DS, .ds = USER_DS, .es = USER_DS,
                             .eflags = EFLAGS_IF | EFLAGS_ALWAYS,
                             .vector = VECTOR_CHANGED };
    fpu_replace(t, false);
    t->tls_descriptor = this_cpu()->gdt[TLS_SELECTOR / 8] = 0;
    load_selector(fs, 0);
    load_selector(gs, 0);
    t->alternate_stack = t->alternate_stack_size = 0;
    t->attention &= ~(uint32_t)ATTENTION_RESTORE_MASK;
    t->clear_child_tid = t->robust_list = 0;
    string_copy(t->name, t->process->name, sizeof(t->name));
    t->tid = t->process->pid;   // the only thread left takes over its id
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
    wait_wake_all(&process->vfork_done, 0);
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
    for (int i = 0; i < SIGNALS; i++) {
        bool ignored = process->actions[i].handler == SIG_IGN;
        process->actions[i] =
            (struct signal_action){ .handler = ignored ? SIG_IGN : SIG_DFL };
    }
    const char *name = p->file;         // behind the last slash
    for (const char *slash; (slash = strchr(name, '/'));) name = slash + 1;
    string_copy(process->name, name, sizeof(process->name));
    begin_anew(t, p);
    trace_record(TRACE_EXEC, t->tid, p->entry, 0, 0);
}

long sys_execve(uptr_t path, uptr_t arguments, uptr_t environment) {
    struct program *p = heap_alloc_raw(HEAP_EXEC, sizeof(*p) + PATH_MAX);

    if (!p) return -ENOMEM;
    memset(p, 0, sizeof(*p));
    p->file = p->path;
    p->arguments.user = arguments;
    p->environment.user = environment;
    ssize_t error = string_from_user(p->path, path, PATH_MAX);
    if (error >= 0) error = build(p);
    if (!error) error = end_other_threads(current_process());
    if (!error) move_over(p);   // the commit: nothing from here on fails or sleeps
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

/* main.c - from the loader's hands to the first program.
 *
 * Order: log, processor, memory, scheduler, interrupts and clocks, devices, file
 * systems, the other CPUs, init. Each step needs only what stands before it.
 */
#include "core/log.h"
#include "dev/random.h"
#include "dev/terminal.h"
#include "fs/devfs.h"
#include "fs/procfs.h"
#include "ipc/mailbox.h"
#include "ipc/pipe.h"
#include "kernel_test.h"
#include "mm/heap.h"
#include "multiboot.h"
#include "posix/faces.h"
#include "proc/life.h"

#define MINIMUM_FRAMES 500      /* free after the kernel and its archives */

/* -- The command line --------------------------------------------------------------
 *
 * key=value words, separated by blanks. A word nobody knows stops the boot: a typing
 * mistake that is silently ignored costs an evening.
 */

#define TEXT_MAX 128

/* What the first process has in its memory when it calls execve. */
#define INIT_ARGUMENTS 16
#define AT(member)     (USER_START + offsetof(struct init_memory, member))
static struct init_memory {
    vaddr_t arguments[INIT_ARGUMENTS + 1], environment[3];
    char path[TEXT_MAX], home[16], search[32];
    char words[BOOT_CMDLINE_MAX];       /* the command line, its words ended by NULs */
} init_memory = { .arguments = { AT(path) }, .environment = { AT(home), AT(search) },
                  .path = "/init", .home = "HOME=/root",
                  .search = "PATH=/bin:/demos:/tests:/bench" };
static_assert(sizeof(init_memory) <= PAGE_SIZE, "run_init maps a page");

static struct {
    uint32_t sched_seed;
    uint32_t time_limit;        /* limit=SECONDS of guest time; 0: none */
    uint32_t rows, columns;     /* of the serial terminal */
    uint32_t cpus;              /* at most */
    uint32_t quiet, run_kernel_tests, no_apic, no_acpi, screen_console;
} command_line = { .rows = 24, .columns = 80, .cpus = CPU_MAX };

static const struct word {
    const char *name;           /* all of it, or up to its = */
    uint32_t *number;           /* NULL: init's path */
    uint32_t low, high;         /* made to fit; a word without = means `low` */
} words[] = {
    { "init=", NULL, 0, 0 },
    { "sched_seed=", &command_line.sched_seed, 0, UINT32_MAX },
    { "limit=", &command_line.time_limit, 0, UINT32_MAX },
    { "rows=", &command_line.rows, 2, 500 },
    { "cols=", &command_line.columns, 10, 500 },
    { "cpus=", &command_line.cpus, 1, CPU_MAX },
    { "console=screen", &command_line.screen_console, 1, 1 },
    { "console=serial", &command_line.screen_console, 0, 0 },
    { "quiet", &command_line.quiet, 1, 1 },
    { "ktest", &command_line.run_kernel_tests, 1, 1 },
    { "noapic", &command_line.no_apic, 1, 1 },
    { "noacpi", &command_line.no_acpi, 1, 1 },
};

static void take_word(const char *word) {
    for (const struct word *w = words; w < words + ARRAY_SIZE(words); w++) {
        size_t length = strlen(w->name);
        const char *s = word + length;
        bool is_whole = w->name[length - 1] != '=';
        if (strncmp(word, w->name, length + is_whole) != 0) continue;
        if (!w->number) string_copy(init_memory.path, s, TEXT_MAX);
        else *w->number = w->low;
        if (!w->number || is_whole) return;
        uint32_t number = 0;
        do {
            uint32_t digit = (uint32_t)*s - '0';
            if (digit > 9 || __builtin_mul_overflow(number, 10, &number)
                || __builtin_add_overflow(number, digit, &number))
                boot_refuse("a word of its command line needs a number: %s", word);
        } while (*++s);
        *w->number = min(max(number, w->low), w->high);
        return;
    }
    boot_refuse("it does not know a word of its command line. It knows init= "
                "sched_seed= limit= rows= cols= cpus= console= quiet ktest noapic "
                "noacpi; words for init follow ' -- '. The word: %s",
                word);
}

/* Takes the next word off the text and ends it with a NUL; an empty one is the last. */
static char *next_word(char **text) {
    char *word = *text;

    while (*word == ' ') word++;
    for (*text = word; **text && **text != ' ';) ++*text;
    if (**text) *(*text)++ = '\0';
    return word;
}

static void take_command_line(const char *given) {
    char *text = init_memory.words, *word;

    string_copy(text, given, BOOT_CMDLINE_MAX);
    // QEMU puts the kernel's path in front
    word = next_word(&text);
    if (strchr(word, '/') && !strchr(word, '=')) word = next_word(&text);
    for (; *word && strcmp(word, "--") != 0; word = next_word(&text)) take_word(word);
    for (unsigned i = 1; i < INIT_ARGUMENTS && *(word = next_word(&text)); i++)
        init_memory.arguments[i] = AT(words) + (word - init_memory.words);
}

/* -- Files ------------------------------------------------------------------------- */

static void start_file_systems(const struct boot_info *boot) {
    char why[160];

    tmpfs_mount("/", "tmpfs", 0755, NULL);
    if (boot->nr_modules == 0)
        boot_refuse("there is no initial file system. Start QEMU with "
                    "-initrd build/initramfs.cpio, or use make qemu.");
    for (const struct boot_module *m = boot->module;
         m < boot->module + boot->nr_modules; m++)
        if (!initramfs_unpack(m->base, m->length, why, sizeof(why)))
            boot_refuse("the initial file system '%s' is damaged: %s.", m->name, why);
    devfs_init();
    procfs_init(boot->command_line);
    tmpfs_mount("/dev/shm", "tmpfs", 01777, NULL);
    serial_terminal.rows = (uint16_t)command_line.rows;
    serial_terminal.columns = (uint16_t)command_line.columns;
    tty_init(command_line.screen_console);
    pipe_init();
    mailboxes_init();
    mqueues_init();
}

/* -- The first process ------------------------------------------------------------- */

/* The first process's first kernel code: with a space that has only what execve wants,
 * it becomes a program like everybody else. */
static void run_init(void) {
    const struct region region = { .start = USER_START, .end = USER_START + PAGE_SIZE,
                                   .protection = PROT_READ | PROT_WRITE };

    for (int fd = 0; fd < 3; fd++) {
        struct file *console;
        if (path_open(NULL, "/dev/console", O_RDWR | O_NOCTTY, 0, &console)
            || fd_install(console, false) != fd)
            boot_refuse("/dev/console cannot be opened.");
    }
    struct address_space *space = space_create();
    assert(space && !space_map(space, &region));
    current()->space = current_process()->space = space;
    space_activate(this_cpu(), space);
    long error = copy_to_user(uptr(USER_START), &init_memory, sizeof(init_memory));
    if (!error)
        error = sys_execve(uptr(AT(path)), uptr(AT(arguments)), uptr(AT(environment)));
    if (error)
        boot_refuse(
            "the first program %s cannot be started (error %d). It must be in the "
            "initial file system and be a static i386 ELF program.",
            init_memory.path, (int)-error);
    user_thread_start();
}

static void start_init(void) {
    struct process *p = init_process = process_create(NULL);

    assert(p);
    p->directory = inode_get(root_inode);
    p->files = file_table_create(NULL);
    p->umask = 022;
    memcpy(p->limits, limits_of_first, sizeof(p->limits));
    assert(p->files);
    struct thread *t = thread_create(p, run_init);
    assert(t);
    process_publish(p, t->tid);
    p->group = p->session = p->pid;
    thread_ready(t);
}

/* -- Start ------------------------------------------------------------------------- */

static void time_is_up(struct timer *timer) {
    (void)timer;
    log_is_quiet = false;
    log_printf(
        "\nthe limit of %u seconds of guest time is reached; who waits for what:\n",
        command_line.time_limit);
    panic_print_reports();
    arch_power_off(EXIT_TIME_LIMIT);
}

void kmain(uint32_t magic, uint32_t address);

void kmain(uint32_t magic, uint32_t address) {
    static struct timer limit;

    *(struct cpu **)current_thread_base() = &cpus[0];
    serial_early_init();
    const struct boot_info *boot = boot_info_take(magic, address);
    if (!boot)
        boot_refuse("the loader is neither multiboot nor Parley's own (magic %08x).",
                    magic);
    take_command_line(boot->command_line);
    log_is_quiet = command_line.quiet;
    arch_init_boot_cpu();
    bkl_acquire();
    screen_init(boot);
    frames_init(boot);
    accounts_init(frame_count);
    heap_init();
    stacks_init();
    if (frames_free < MINIMUM_FRAMES)
        boot_refuse("there are only %u KiB of free memory. Give the machine at least "
                    "8 MiB (MEM=8), more for a large archive.",
                    frames_free * (PAGE_SIZE / 1024));
    sched_init(command_line.sched_seed);
    (void)!sched_create_idle(this_cpu()); // this is it already
    fpu_init();
    processes_init();
    arch_init_devices(boot->rsdp, !command_line.no_acpi, !command_line.no_apic);
    time_init();
    if (command_line.time_limit) {
        timer_init(&limit, time_is_up);
        timer_start(&limit, time_deadline(command_line.time_limit * SECOND));
    }
    random_init(command_line.sched_seed);
    system_calls_init();
    exec_init();
    start_file_systems(boot);
    serial_start();
    keyboard_start();
    log_printf("Parley %s: %u MiB, %u KiB free, TSC %u MHz\n", PARLEY_VERSION,
               frame_count / 256, frames_free * 4, tsc_kilohertz / 1000);
    // they spin for the lock we hold until we are idle
    arch_start_other_cpus(command_line.cpus, sched_create_idle, cpu_idle);
    if (command_line.run_kernel_tests) kernel_tests_run();
    start_init();
    cpu_idle();
}

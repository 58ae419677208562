/* attack_elf.c - executes programs whose headers are wrong. execve(2): ENOEXEC, EINVAL,
 * ENOMEM while the old program is still there; later "the process is killed". A small
 * correct program is built here byte by byte; then every byte of its headers is changed
 * to several values, and known tricks are tried one by one. Whatever happens, it
 * happens to the new program only.
 */
#include "tap.h"

#include <elf.h>
#include <sys/stat.h>
#include <sys/time.h>

enum { PAGE = 4096, BASE = 0x08048000, CODE = BASE + PAGE, ENTRY = CODE + 0x80 };

static char path[] = "/tmp/elf.XXXXXX";

static struct image {
    Elf32_Ehdr e;
    Elf32_Phdr p[3];
    unsigned char fill[PAGE - sizeof(Elf32_Ehdr) - 3 * sizeof(Elf32_Phdr)];
    unsigned char code[PAGE];
} good, bad;

/* The program exits with 42 if all registers but ESP are 0 at its start, else with 43.
 * The code is padded with int3 and is harmless from every byte of it. */
static const unsigned char program[] = {
    0x09, 0xd8, 0x09, 0xc8, 0x09, 0xd0,         /* or eax, ebx; ecx; edx      */
    0x09, 0xf0, 0x09, 0xf8, 0x09, 0xe8,         /* or eax, esi; edi; ebp      */
    0xbb, 0x2b, 0x00, 0x00, 0x00,               /* mov ebx, 43                */
    0x85, 0xc0, 0x75, 0x01, 0x4b,               /* test eax; jnz +1; dec ebx  */
    0xb8, 0x01, 0x00, 0x00, 0x00, 0xcd, 0x80,   /* exit(ebx)                  */
    0x0f, 0x0b,                                 /* ud2                        */
};

static void build(void) {
    static const unsigned char ident[] = { 0x7f, 'E', 'L', 'F', 1, 1, 1, 0 };
    memcpy(good.e.e_ident, ident, sizeof ident);
    good.e.e_type = ET_EXEC;
    good.e.e_machine = EM_386;
    good.e.e_version = 1;
    good.e.e_entry = ENTRY;
    good.e.e_phoff = sizeof(Elf32_Ehdr);
    good.e.e_ehsize = sizeof(Elf32_Ehdr);
    good.e.e_phentsize = sizeof(Elf32_Phdr);
    good.e.e_phnum = 2;
    good.p[0] =
        (Elf32_Phdr){ PT_LOAD, PAGE, CODE, CODE, PAGE, PAGE, PF_R | PF_X, PAGE };
    good.p[1] = (Elf32_Phdr){ PT_GNU_STACK, 0, 0, 0, 0, 0, PF_R | PF_W, 16 };
    memset(good.code, 0xcc, sizeof good.code);
    memcpy(good.code + (ENTRY - CODE), program, sizeof program);
}

enum { REFUSED = 100 };

/* Writes `bad` to the file and executes it; gives the wait status, REFUSED << 8 when
 * exec gave an error. The alarm ends what would run for ever. */
static int run(size_t size) {
    int fd = open(path, O_WRONLY);
    need(fd >= 0 && write(fd, &bad, size) == (ssize_t)size);
    need(ftruncate(fd, (off_t)size) == 0 && close(fd) == 0);
    char *argv[] = { path, NULL }, *envp[] = { NULL };
    pid_t pid = vfork();
    if (pid == 0) {
        struct itimerval limit = { .it_value = { .tv_sec = 60 } };
        setitimer(ITIMER_REAL, &limit, NULL);
        execve(path, argv, envp);
        _exit(errno > 0 && errno < 134 ? REFUSED : 1);
    }
    need(pid > 0);
    return wait_for(pid);
}

static int is_death(int status) {
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return sig == SIGSEGV || sig == SIGKILL || sig == SIGBUS || sig == SIGILL
           || sig == SIGTRAP || sig == SIGFPE;
}

static void every_byte(void) {
    size_t headers = sizeof(Elf32_Ehdr) + 2 * sizeof(Elf32_Phdr);
    int refused = 0, died = 0, ran = 0, strange = 0;
    for (size_t i = 0; i < headers; i++) {
        unsigned char old = ((unsigned char *)&good)[i];
        unsigned char to[] = { (unsigned char)(old ^ 1), (unsigned char)(old ^ 0x80),
                               0xff, 0 };
        for (size_t j = 0; j < sizeof to; j++) {
            if (to[j] == old)
                continue;
            bad = good;
            ((unsigned char *)&bad)[i] = to[j];
            int status = run(sizeof bad);
            refused += status == REFUSED << 8;
            died += is_death(status);
            ran += status == 42 << 8;
            if (status != REFUSED << 8 && status != 42 << 8 && !is_death(status))
                note("byte %zu = 0x%02x: status 0x%x", i, to[j], status), strange++;
        }
    }
    is_int(strange, 0,
           "every byte of the headers: refused, killed, or the program runs");
    note("%d refused, %d killed, %d ran", refused, died, ran);
    ok(refused > 20 && ran > 20, "some of each");
}

/* --- tricks: change `bad`, and say whether the program may still run -------------- */

static void vaddr_in_kernel(void) {
    bad.p[0].p_vaddr = 0xfffff000;
}

static void vaddr_wraps(void) {
    bad.p[0].p_vaddr = 0xfffff000;
    bad.p[0].p_memsz = 0x2000;
}

static void memsz_4g(void) {
    bad.p[0].p_memsz = 0xffffffff;
}

static void memsz_3g(void) {
    bad.p[0].p_flags = PF_R | PF_W | PF_X;
    bad.p[0].p_memsz = 0xf8000000;
}

static void filesz_above_memsz(void) {
    bad.p[0].p_memsz = 16;
}

static void filesz_huge(void) {
    bad.p[0].p_filesz = bad.p[0].p_memsz = 0x7fffffff;
}

static void offset_past_end(void) {
    bad.p[0].p_offset = 0x10000000;
}

static void offset_wraps(void) {
    bad.p[0].p_offset = 0xfffff000;
}

static void misaligned(void) {
    bad.p[0].p_vaddr += 1;
}

static void no_headers(void) {
    bad.e.e_phnum = 0;
}

static void many_headers(void) {
    bad.e.e_phnum = 0xffff;
}

static void phentsize(void) {
    bad.e.e_phentsize = 31;
}

static void phentsize_64(void) {
    bad.e.e_phentsize = 56;
}

static void phoff_past_end(void) {
    bad.e.e_phoff = 0x7ffffff0;
}

static void phoff_wraps(void) {
    bad.e.e_phoff = 0xffffffe0;
}

static void entry_in_kernel(void) {
    bad.e.e_entry = 0xfffff080;
}

static void entry_zero(void) {
    bad.e.e_entry = 0;
}

static void not_executable(void) {
    bad.p[0].p_type = PT_NULL;
}

static void interpreter(void) {
    bad.p[1] =
        (Elf32_Phdr){ PT_INTERP, sizeof(Elf32_Ehdr) + 64, 0, 0, 16, 16, PF_R, 1 };
    memcpy((char *)&bad + bad.p[1].p_offset, "/no/such/ld.so\0", 16);
}

static void interpreter_without_end(void) {
    bad.p[1] =
        (Elf32_Phdr){ PT_INTERP, sizeof(Elf32_Ehdr) + 64, 0, 0, 16, 16, PF_R, 1 };
    memset((char *)&bad + bad.p[1].p_offset, 'i', 16);
}

static void interpreter_huge(void) {
    bad.p[1] = (Elf32_Phdr){ PT_INTERP, 0, 0, 0, 0x7fffffff, 16, PF_R, 1 };
}

static void overlapping(void) {
    bad.e.e_phnum = 3;
    bad.p[2] = bad.p[0];
    bad.p[2].p_offset = 0;
    bad.p[2].p_flags = PF_R;
}

static void two_bss(void) {
    bad.p[1] =
        (Elf32_Phdr){ PT_LOAD, 0, CODE + PAGE, 0, 0, 3 * PAGE, PF_R | PF_W, PAGE };
}

static void machine_64(void) {
    bad.e.e_machine = EM_X86_64;
}

static void class_64(void) {
    bad.e.e_ident[EI_CLASS] = ELFCLASS64;
}

static void big_endian(void) {
    bad.e.e_machine = 0x0300;
    bad.e.e_type = 0x0200;
}

static void relocatable(void) {
    bad.e.e_type = ET_REL;
}

static void core_file(void) {
    bad.e.e_type = ET_CORE;
}

enum { NEVER_RUNS, MAY_RUN };

static const struct {
    const char *name;
    void (*change)(void);
    int may;
} trick[] = {
    { "a segment at the end of the address space", vaddr_in_kernel, NEVER_RUNS },
    { "a segment that wraps around", vaddr_wraps, NEVER_RUNS },
    { "memsz 4 GiB - 1", memsz_4g, NEVER_RUNS },
    { "memsz that ends in the kernel", memsz_3g, NEVER_RUNS },
    { "filesz above memsz", filesz_above_memsz, NEVER_RUNS },
    { "filesz 2 GiB", filesz_huge, MAY_RUN },
    { "an offset past the end of the file", offset_past_end, NEVER_RUNS },
    { "an offset near 4 GiB", offset_wraps, NEVER_RUNS },
    { "an address that does not fit the offset", misaligned, NEVER_RUNS },
    { "no program headers", no_headers, NEVER_RUNS },
    { "65535 program headers", many_headers, NEVER_RUNS },
    { "program headers of 31 bytes", phentsize, NEVER_RUNS },
    { "program headers of 56 bytes", phentsize_64, NEVER_RUNS },
    { "program headers past the end", phoff_past_end, NEVER_RUNS },
    { "program headers near 4 GiB", phoff_wraps, NEVER_RUNS },
    { "entry in the kernel", entry_in_kernel, NEVER_RUNS },
    { "entry 0", entry_zero, NEVER_RUNS },
    { "no segment to load", not_executable, NEVER_RUNS },
    { "an interpreter that is missing", interpreter, NEVER_RUNS },
    { "an interpreter's name without an end", interpreter_without_end, NEVER_RUNS },
    { "an interpreter's name of 2 GiB", interpreter_huge, NEVER_RUNS },
    { "a segment over another one", overlapping, MAY_RUN },
    { "a segment without bytes in the file", two_bss, MAY_RUN },
    { "a 64-bit machine", machine_64, NEVER_RUNS },
    { "64-bit class, 32-bit headers", class_64, MAY_RUN },
    { "the wrong byte order", big_endian, NEVER_RUNS },
    { "a relocatable file", relocatable, NEVER_RUNS },
    { "a core file", core_file, NEVER_RUNS },
};

static void tricks(void) {
    for (size_t i = 0; i < sizeof trick / sizeof *trick; i++) {
        bad = good;
        trick[i].change();
        int status = run(sizeof bad);
        int right = status == REFUSED << 8 || is_death(status)
                    || (trick[i].may && status == 42 << 8);
        ok(right, "%s: refused or killed%s", trick[i].name,
           trick[i].may ? ", or runs" : "");
        if (!right)
            note("status 0x%x", status);
    }
}

static void cut_short(void) {
    static const size_t size[] = { 1, 4, 16, 51, 52, 60, 83, 84, 116, 4095, 4096 };
    int right = 0;
    bad = good;
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        int status = run(size[i]);
        right += status == REFUSED << 8 || is_death(status);
        if (status != REFUSED << 8 && !is_death(status))
            note("%zu bytes: status 0x%x", size[i], status);
    }
    is_int(right, (int)(sizeof size / sizeof *size),
           "a file cut short is refused or killed");
    is_exit(run(PAGE + 0x80 + sizeof program), 42, "one cut behind its code runs");
}

int main(void) {
    int fd = mkstemp(path);
    need(fd >= 0 && fchmod(fd, 0700) == 0 && close(fd) == 0);
    build();
    bad = good;
    is_exit(run(sizeof bad), 42,
            "the program runs, and all its registers are 0 at the start");
    tricks();
    cut_short();
    every_byte();
    bad = good;
    is_exit(run(sizeof bad), 42, "after all this it still runs");
    unlink(path);
    return done_testing();
}

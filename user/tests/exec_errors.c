/* exec_errors.c - POSIX exec: "If one of the exec functions returns to the calling
 * process image, an error has occurred; the return value shall be -1, and errno shall
 * be set", and the calling process is as it was. execve(2) ERRORS names the numbers.
 */
#include "tap.h"

#include <sys/mman.h>
#include <sys/stat.h>

static char *self;
static char *const no_args[] = { "x", NULL };
static char *const no_env[] = { NULL };

static void make_file(char *path, const void *bytes, size_t size, mode_t mode) {
    int fd = mkstemp(path);
    need(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0);
    close(fd);
}

static void paths(void) {
    char dir[] = "/tmp/exec.XXXXXX", file[] = "/tmp/exec.XXXXXX", path[64],
         longest[5000];
    need(mkdtemp(dir));
    make_file(file, "#!/bin/sh\n", 10, 0600);
    is_errno(execve("/tmp/no such file", no_args, no_env), ENOENT,
             "ENOENT: a component of path does not name an existing file");
    is_errno(execve("", no_args, no_env), ENOENT, "ENOENT: path is an empty string");
    snprintf(path, sizeof path, "%s/x", file);
    is_errno(execve(path, no_args, no_env), ENOTDIR,
             "ENOTDIR: a component of the prefix is not a directory");
    is_errno(execve(dir, no_args, no_env), EACCES, "EACCES: a directory");
    is_errno(execve("/dev/null", no_args, no_env), EACCES,
             "EACCES: not a regular file");
    is_errno(execve(file, no_args, no_env), EACCES,
             "EACCES: no execute permission, for root neither when nobody has it");
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = 0;
    is_errno(execve(longest, no_args, no_env), ENAMETOOLONG,
             "ENAMETOOLONG: a path of 4999");
    longest[300] = 0;
    is_errno(execve(longest, no_args, no_env), ENAMETOOLONG,
             "ENAMETOOLONG: a name of 299");
    snprintf(path, sizeof path, "%s/loop", dir);
    need(symlink(path, path) == 0);
    is_errno(execve(path, no_args, no_env), ELOOP, "ELOOP: a symbolic link to itself");
    unlink(path);
    rmdir(dir);
    unlink(file);
}

/* "[ENOEXEC] The new process image file has the appropriate access permission but has
 * an unrecognized format." */
static void formats(void) {
    static const struct {
        const char *bytes;
        size_t size;
        const char *name;
    } file[] = {
        { "", 0, "an empty file" },
        { "\177", 1, "a file of one byte" },
        { "hello\n", 6, "text without #!" },
        { "\177ELF\1\1\1", 7, "the first 7 bytes of an ELF file" },
        { "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
          "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
          64, "an ELF header without segments for another machine" },
        { "#!\n", 3, "#! without an interpreter" },
    };
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        char path[] = "/tmp/exec.XXXXXX";
        make_file(path, file[i].bytes, file[i].size, 0700);
        is_errno(execve(path, no_args, no_env), ENOEXEC, "ENOEXEC: %s", file[i].name);
        unlink(path);
    }
    char path[] = "/tmp/exec.XXXXXX";
    make_file(path, "#!/no/such/interpreter\n", 23, 0700);
    is_errno(execve(path, no_args, no_env), ENOENT,
             "ENOENT: the interpreter is missing");
    unlink(path);
    char loop[] = "/tmp/exec.XXXXXX", text[40];
    int fd = mkstemp(loop);
    need(fd >= 0);
    int n = snprintf(text, sizeof text, "#!%s\n", loop);
    need(write(fd, text, (size_t)n) == n && fchmod(fd, 0700) == 0 && close(fd) == 0);
    is_errno(execve(loop, no_args, no_env), ELOOP,
             "ELOOP: a script that interprets itself");
    unlink(loop);
}

/* execve(2): "E2BIG: The total number of bytes in the environment (envp) and argument
 * list (argv) is too large, an argument or environment string is too long". 100,000
 * bytes fit: {ARG_MAX} of the C library is 131,072. */
static void sizes(void) {
    enum { POINTERS = 4096, STRING = 8192 };
    char *string = malloc(STRING), **argv = malloc((POINTERS + 1) * sizeof *argv);
    char *big =
        mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid;
    need(string && argv && big != MAP_FAILED);
    memset(string, 's', STRING - 1);
    string[STRING - 1] = 0;
    for (int i = 0; i < POINTERS; i++)
        argv[i] = string;
    argv[POINTERS] = NULL;
    is_errno(execve(self, argv, no_env), E2BIG, "E2BIG: 32 MiB of arguments");
    is_errno(execve(self, no_args, argv), E2BIG, "E2BIG: 32 MiB of environment");
    memset(big, 'b', (1 << 20) - 1);
    char *one[] = { big, NULL };
    is_errno(execve(self, one, no_env), E2BIG, "E2BIG: one string of 1 MiB");
    CHILD (pid) {
        argv[0] = self;
        argv[1] = "count";
        argv[12] = NULL;
        execve(self, argv, no_env);
        _exit(97);
    }
    is_exit(wait_for(pid), 12, "80 KiB of arguments are not too much");
    free(string);
    free(argv);
    munmap(big, 1 << 20);
}

/* "EFAULT: pathname or one of the pointers in the vectors argv or envp points outside
 * your accessible address space." */
static void pointers(void) {
    char *hole =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(hole != MAP_FAILED && munmap(hole + 4096, 4096) == 0);
    char *end = hole + 4096, **vector = (char **)end - 1;
    char *bad[] = { "x", end, NULL }, *kernel[] = { (char *)0xfffff000, NULL };
    is_errno(execve(end, no_args, no_env), EFAULT, "EFAULT: the path is unmapped");
    is_errno(execve((char *)0xfffff000, no_args, no_env), EFAULT,
             "EFAULT: a kernel path");
    end[-1] = '/';
    is_errno(execve(end - 1, no_args, no_env), EFAULT,
             "EFAULT: the path runs into a hole");
    *vector = "x";
    is_errno(execve(self, vector, no_env), EFAULT, "EFAULT: argv runs into a hole");
    is_errno(execve(self, no_args, vector), EFAULT, "EFAULT: envp runs into a hole");
    is_errno(execve(self, bad, no_env), EFAULT, "EFAULT: an argument is unmapped");
    is_errno(execve(self, no_args, kernel), EFAULT, "EFAULT: a kernel string in envp");
    is_errno(execve(self, (char **)0xfffff000, no_env), EFAULT,
             "EFAULT: argv in the kernel");
    munmap(hole, 4096);
}

static void handler(int sig) {
    (void)sig;
}

/* Nothing of the caller changes when exec fails. */
static void unharmed(void) {
    struct sigaction sa = { .sa_handler = handler }, got;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int *map =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(fd >= 0 && map != MAP_FAILED && sigaction(SIGUSR1, &sa, NULL) == 0);
    *map = 77;
    pid_t pid = getpid();
    char *bad[] = { (char *)16, NULL };
    is_errno(execve(self, bad, no_env), EFAULT, "an exec that fails late");
    works(fcntl(fd, F_GETFD), "leaves close-on-exec descriptors open");
    ok(sigaction(SIGUSR1, NULL, &got) == 0 && got.sa_handler == handler,
       "and handlers set");
    is_int(*map, 77, "and the memory as it was");
    is_int(getpid(), pid, "and the process ID");
    close(fd);
    munmap(map, 4096);
}

/* exec(3p): "The arguments ... shall be null-terminated strings", and what the new
 * program gets is whole even if somebody rewrites them during the call: or it fails. */
static void rewritten(void) {
    enum { SIZE = 16384, ROUNDS = 100 };
    char *text =
        mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char **vector =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *start[] = { self, "whole", text, text + 1, text + 2 };
    pid_t writer, pid;
    int good = 0;
    need(text != MAP_FAILED && vector != MAP_FAILED);
    memset(text, 't', SIZE - 1);
    memcpy(vector, start, sizeof start);
    CHILD (writer)
        for (unsigned i = 0;; i++) {
            text[i * 61 % (SIZE - 1)] ^= 't';
            ((char *volatile *)vector)[2 + i % 3] = i & 8 ? text + i % 5 : NULL;
        }
    for (int i = 0; i < ROUNDS; i++) {
        CHILD (pid) {
            execve(self, vector, vector);
            _exit(97);
        }
        int status = wait_for(pid);
        good += WIFEXITED(status)
                && (WEXITSTATUS(status) == 66 || WEXITSTATUS(status) == 97);
    }
    kill(writer, SIGKILL);
    wait_for(writer);
    is_int(good, ROUNDS, "vectors that change during execve");
    munmap(text, SIZE), munmap(vector, 4096);
}

/* Are both vectors what they should be? */
static int whole(int argc, char **argv) {
    size_t length = 0;
    for (int i = 0; i < argc; i++)
        length += strlen(argv[i]);
    char **end = argv + argc + 1;
    for (; *end; end++)
        length += strlen(*end);
    return argv[argc] == NULL && length && getauxval(AT_PAGESZ) == 4096 ? 66 : 1;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "whole") == 0)
        return whole(argc, argv);
    if (argc > 1)
        return argc;
    self = self_path();
    paths();
    formats();
    sizes();
    pointers();
    rewritten();
    unharmed();
    return done_testing();
}

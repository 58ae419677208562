/* sweep.c - lets every step of a program go wrong once, and looks what is left behind.
 *
 * For n = 1, 2, ...: the program runs, and at its nth point of a kind the test kernel
 * injects a fault (kernel/inject_test.c). Then its process group is ended and
 * collected, and /proc/check must be as it was before. Until a run has fewer than n
 * points.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PR_INJECT = 0x50494e4a, LEDGER_MAX = 8192, KINDS = 6, PATIENCE = 2000,
       STILL = 3, LONG = 30 };

/* In the order of kernel/inject_test.c; a signal is a kill with another number. */
enum { KILL = 1, EXPIRE = 4, SIGNAL = 5, PANIC = 5 };
static const char *const kinds[KINDS] = { "nothing", "kill", "memory", "copy", "expire",
                                          "signal" };

static char ledger_before[LEDGER_MAX], ledger_after[LEDGER_MAX];
static int ended;                       /* runs after which somebody had to be ended */

static void read_ledger(char *text) {
    int fd = open("/proc/check", O_RDONLY | O_CLOEXEC);
    ssize_t n, length = 0;
    while (fd >= 0 && (n = read(fd, text + length, LEDGER_MAX - 1 - length)) > 0)
        length += n;
    text[length] = '\0';
    close(fd);
}

/* Orders the fault, then becomes the program. */
static _Noreturn void be_program(int kind, unsigned nth, char **argv) {
    int out = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    dup2(out, 0);
    dup2(out, 1);
    dup2(out, 2);
    prctl(PR_INJECT, kind == SIGNAL ? KILL : kind, nth,
          kind == SIGNAL ? SIGUSR1 : SIGKILL);
    execv(argv[0], argv);
    _exit(127);
}

static void empty_folder(const char *path) {
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        const char *name = entry->d_name;
        char inside[PATH_MAX];
        snprintf(inside, sizeof inside, "%s/%s", path, name);
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlink(inside) == 0)
            continue;
        empty_folder(inside);
        rmdir(inside);
    }
    if (folder)
        closedir(folder);
}

/* Each line of /proc/ipc/sysv begins with kind:id. */
static void remove_objects(void) {
    char line[200];
    int id;
    FILE *file = fopen("/proc/ipc/sysv", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "shm:%d", &id) == 1)
            shmctl(id, IPC_RMID, NULL);
        else if (sscanf(line, "sem:%d", &id) == 1)
            semctl(id, 0, IPC_RMID);
        else if (sscanf(line, "msg:%d", &id) == 1)
            msgctl(id, IPC_RMID, NULL);
    }
    if (file)
        fclose(file);
}

/* What has a name outlives its processes: that is no leak. */
static int remove_named(pid_t group) {
    (void)group;
    remove_objects();
    empty_folder("/dev/shm");
    empty_folder("/dev/mqueue");
    empty_folder("/mbox");
    empty_folder("/tmp");
    return 0;
}

/* In a child: this process must have as many pages afterwards as before. */
static int in_child(int (*function)(pid_t group), pid_t group) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(function(group));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WEXITSTATUS(status);
}

/* Does everybody in the group sleep? */
static int all_asleep(pid_t group) {
    int asleep = 1;
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char path[32], state;
        int its_group;
        snprintf(path, sizeof path, "/proc/%.10s/stat", entry->d_name);
        FILE *file = atoi(entry->d_name) > 0 ? fopen(path, "re") : NULL;
        if (!file)
            continue;
        if (fscanf(file, "%*d (%*[^)]) %c %*d %d", &state, &its_group) == 2
            && its_group == group && state == 'R')
            asleep = 0;
        fclose(file);
    }
    if (folder)
        closedir(folder);
    return asleep;
}

static void alarm_rang(int signal) {
    (void)signal;
}

/* Until the program ends. A fault may have left it waiting for what never comes: it is
 * ended when everybody sleeps STILL times in a row, and, should it ask again and again,
 * at the LONGth time. */
static void collect(pid_t pid) {
    struct itimerval often = { { 0, 100000 }, { 0, 100000 } }, never = { 0 };
    int still = 0, looks = 0;
    setitimer(ITIMER_REAL, &often, NULL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        still = in_child(all_asleep, pid) ? still + 1 : 0;
        if (still == STILL || ++looks == LONG)
            kill(-pid, SIGKILL);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    ended += still >= STILL || looks >= LONG;
}

/* Lets the others of the group come to their end, ends who does not, and returns when
 * init has collected them. */
static void clear(pid_t group) {
    for (int i = 0; i < PATIENCE && kill(-group, 0) == 0; i++)
        sched_yield();
    ended += kill(-group, SIGKILL) == 0;
    while (kill(-group, 0) == 0)
        sched_yield();
    in_child(remove_named, group);
}

/* One run. Result: how many points it had; -1: something was left behind. */
static long run_once(int kind, unsigned nth, char **argv) {
    read_ledger(ledger_before);
    pid_t pid = fork();
    if (pid == 0)
        be_program(kind, nth, argv);
    if (pid < 0)
        return -1;
    setpgid(pid, pid);
    collect(pid);
    long points = prctl(PR_INJECT, 0, 0, 0);
    clear(pid);
    read_ledger(ledger_after);
    return strcmp(ledger_before, ledger_after) == 0
                   && strncmp(ledger_after, "ok\n", 3) == 0
               ? points
               : -1;
}

/* A leak happens each time; what this program itself takes for once does not. */
static long run(int kind, unsigned nth, char **argv) {
    long points = run_once(kind, nth, argv);
    return points >= 0 ? points : run_once(kind, nth, argv);
}

static void show_difference(void) {
    char *b, *a, *save_b, *save_a;
    char *line = strtok_r(ledger_before, "\n", &save_b);
    char *now = strtok_r(ledger_after, "\n", &save_a);
    for (b = line, a = now; a; a = strtok_r(NULL, "\n", &save_a)) {
        if (!b || strcmp(a, b) != 0)
            printf("#   %s, before: %s\n", a, b ? b : "nothing");
        b = b ? strtok_r(NULL, "\n", &save_b) : NULL;
    }
}

/* All n, or as many as runs allows, spread evenly. Result: nothing was left behind. */
static int sweep(int kind, long runs_max, char **argv) {
    run(0, 0, argv);                    // the first time pages come in that stay
    long points = run(kind, 0, argv), runs = 0, n, passed = points;
    long step = points > runs_max ? points / runs_max : 1;
    ended = 0;
    for (n = 1; n <= points && passed >= 0; n += step, runs++)
        passed = run(kind, (unsigned)n, argv);
    if (passed < 0) {
        printf("# %s %s: fault %ld left something:\n", kinds[kind], argv[0], n - step);
        show_difference();
        return 0;
    }
    printf("# %s %s: %ld points, %ld runs, in %d somebody had to be ended\n",
           kinds[kind], argv[0], points, runs, ended);
    return points > 0 || kind == EXPIRE;
}

/* Does an order reach the kernel, with all that it says? */
static int kernel_injects(void) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit((int)prctl(PR_INJECT, KILL, 1, SIGUSR1));
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1;
}

static int kind_named(const char *name) {
    int kind = KINDS - 1;
    while (kind > 0 && strcmp(name, kinds[kind]) != 0)
        kind--;
    return kind;
}

/* tools/vm takes build/user/demos/x for /demos/x, and so does this. */
static char *guest_path(char *path) {
    const char *host = "build/user";
    return strncmp(path, host, strlen(host)) == 0 ? path + strlen(host) : path;
}

int main(int argc, char **argv) {
    long runs = LONG_MAX;
    if (argc > 2 && strcmp(argv[1], "-r") == 0) {
        runs = atol(argv[2]);
        argv += 2;
    }
    if (argc == 3 && strcmp(argv[1], "-p") == 0)
        prctl(PR_INJECT, PANIC, argv[2][0]);
    char **program = argv + 1;
    while (*program && kind_named(*program) > 0)
        program++;
    long count = program - argv - 1;
    if (count == 0 || !*program || runs < 1) {
        fprintf(stderr, "usage: sweep [-r RUNS] KIND ... PROGRAM [ARGUMENT ...]\n"
                        "       sweep -p stack|null|assert\n"
                        "kinds: kill signal memory copy expire\n");
        return 2;
    }
    *program = guest_path(*program);
    if (access(*program, X_OK) != 0) {
        fprintf(stderr, "sweep: %s: %s\n", *program, strerror(errno));
        return 2;
    }
    if (!kernel_injects()) {
        fprintf(stderr, "sweep: this kernel injects no faults: boot the test image "
                        "(tools/vm --kernel build/kernel-test.elf)\n");
        return 2;
    }
    struct sigaction on_alarm = { .sa_handler = alarm_rang };
    sigaction(SIGALRM, &on_alarm, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%ld\n", count);
    int failed = 0;
    for (long i = 1; i <= count; i++) {
        int good = sweep(kind_named(argv[i]), runs, program);
        failed += !good;
        printf("%sok %ld - %s: %s\n", good ? "" : "not ", i, *program, argv[i]);
    }
    return failed ? 1 : 0;
}

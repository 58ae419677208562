/* welcome.c - says where you are, what to type next, and how to leave.
 *
 * /etc/profile runs it in the first shell on each terminal, and there $QUIT says how to
 * leave: on the serial line QEMU has a key for that, on the screen it has not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct {
    const char *file;                   /* told only if this is installed */
    const char *type, *gives;
} hints[] = {
    { "/bin/demos", "demos", "watch the demonstrations, one after the other" },
    { "/bin/help", "help", "list the programs that are here" },
    { "/usr/share/man/parley.txt", "man parley", "first steps" },
    { "/demos/hello", "hello", "the smallest program" },
};

/* The seed that decides every choice of the scheduler, if the kernel was given one. */
static void print_seed(void) {
    char line[1024] = "";
    FILE *file = fopen("/proc/cmdline", "r");
    if (file) {
        if (fgets(line, sizeof line, file)) {
            const char *word = strstr(line, "sched_seed=");
            if (word)
                printf(", seed %lu", strtoul(strchr(word, '=') + 1, NULL, 10));
        }
        fclose(file);
    }
}

int main(void) {
    struct utsname system = { .release = "?" };
    struct sysinfo memory = { 0 };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    const char *quit = getenv("QUIT");

    uname(&system);
    sysinfo(&memory);
    printf("\nParley %s: a small kernel about processes that talk to each other.\n",
           system.release);
    printf("%ld CPU%s, %llu MiB of memory", cpus, cpus == 1 ? "" : "s",
           ((unsigned long long)memory.totalram * memory.mem_unit) >> 20);
    print_seed();
    printf(".\n\n");
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (access(hints[i].file, R_OK) == 0)
            printf("  %-12s %s\n", hints[i].type, hints[i].gives);
    printf("\nQuit: %s.\n\n", quit && *quit ? quit : "poweroff");
    return 0;
}

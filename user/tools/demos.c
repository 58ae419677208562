/* demos.c - plays the demonstrations in order, one key at a time.
 *
 * A demonstration is a program in /demos whose header comment has a line `Order: N`.
 * What is installed is read from /usr/share/whatis (see whatis.h), so a new one is
 * played without a change here.
 */
#include "whatis.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

static int is_demo(const struct program *p) {
    return strcmp(p->folder, "demos") == 0 && p->order > 0;
}

/* The demonstrations come first in `programs`, but tools may have an order as well. */
static struct program *next_demo(struct program *p) {
    while (p < programs + nr_programs && !is_demo(p))
        p++;
    return p < programs + nr_programs ? p : NULL;
}

/* Waits for one key. Without a terminal there is nobody to press it: goes on. */
static int read_key(void) {
    struct termios before, now;
    char key = 'q';
    if (tcgetattr(0, &before) != 0)
        return '\n';
    now = before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);   // Ctrl-C is a key like others
    tcsetattr(0, TCSADRAIN, &now);
    if (read(0, &key, 1) != 1)
        key = 'q';
    tcsetattr(0, TCSADRAIN, &before);
    return key == 3 || key == 4 ? 'q' : key;            // Ctrl-C, Ctrl-D
}

static void clear_screen(void) {
    const char *term = getenv("TERM");
    if (isatty(1) && term && strcmp(term, "dumb") != 0)
        printf("\033[H\033[2J");
}

/* Runs one demonstration. Result: its exit status, or 128 and the signal's number.
 * Ctrl-C ends the demonstration, not the player. */
static int play(const struct program *demo) {
    char path[64];
    int status;
    program_path(demo, path, sizeof path);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        execl(path, demo->name, (char *)NULL);
        perror(path);
        _exit(127);
    }
    if (child < 0) {
        perror("fork");
        return 126;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (status != 0)
        printf("%s ended with status %d.\n", demo->name, status);
    return status;
}

/* The line between two demonstrations. Result: whether to go on. */
static int ask(const struct program *next) {
    printf("-- next: %s. Any key goes on, q leaves. -- ", next->name);
    fflush(stdout);
    int key = read_key();
    printf("\n");
    return key != 'q';
}

static int play_all(void) {
    int worst = 0;
    struct program *demo = next_demo(programs);
    if (!demo)
        printf("There is no demonstration here.\n");
    signal(SIGINT, SIG_IGN);
    while (demo) {
        clear_screen();
        int status = play(demo);
        worst = status > worst ? status : worst;
        demo = next_demo(demo + 1);
        if (!demo || !ask(demo))
            break;
    }
    return worst;
}

static int list_all(void) {
    for (struct program *p = programs; (p = next_demo(p)) != NULL; p++)
        printf("%-12s %s\n", p->name, p->sentence);
    return 0;
}

static int play_one(const char *name) {
    for (struct program *p = programs; (p = next_demo(p)) != NULL; p++)
        if (strcmp(p->name, name) == 0)
            return play(p);
    fprintf(stderr, "demos: there is none called %s. These are there:\n", name);
    list_all();
    return 1;
}

int main(int argc, char **argv) {
    read_programs();
    if (argc == 1)
        return play_all();
    if (argc == 2 && strcmp(argv[1], "-l") == 0)
        return list_all();
    if (argc == 2 && argv[1][0] != '-')
        return play_one(argv[1]);
    fprintf(stderr, "usage: demos [-l | NAME]\n");
    return 2;
}

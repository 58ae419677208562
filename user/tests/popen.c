/* popen.c - POSIX system(), popen(), posix_spawn(), wordexp's relatives: the C library
 * starts the shell with clone(CLONE_VM|CLONE_VFORK).
 */
#include "scratch.h"

#include <ftw.h>
#include <glob.h>
#include <spawn.h>

extern char **environ;

/* system(): "if command is not a null pointer, system() shall return the termination
 * status of the command language interpreter in the format specified by waitpid()". */
static void system_call(void) {
    ok(system(NULL) != 0, "system(NULL): there is a shell");
    is_exit(system("exit 7"), 7, "system gives the exit status");
    is_exit(system("echo text > made"), 0, "the command runs");
    ok(has_text("made", "text\n"), "in this directory");
    is_killed(system("kill -9 $$"), SIGKILL, "a shell that was killed");
    is_exit(system("no-such-command 2> /dev/null"), 127, "an unknown command is 127");
    is_errno(wait(NULL), ECHILD, "nothing is left to wait for");
}

/* popen(): "shall execute the command ... create a pipe between the calling program and
 * the executed command". pclose() gives the status. */
static void pipes(void) {
    char line[50] = "";
    FILE *f = popen("echo from the shell; exit 3", "r");
    ok(f && fgets(line, sizeof line, f) && !strcmp(line, "from the shell\n"),
       "popen reads");
    is_exit(pclose(f), 3, "pclose gives the exit status");
    f = popen("cat > got", "w");
    ok(f && fputs("to the shell", f) >= 0, "popen writes");
    is_exit(pclose(f), 0, "until it is closed");
    ok(has_text("got", "to the shell"), "the command has read it");
    FILE *a = popen("cat > one", "w"), *b = popen("cat > two", "w");
    need(a && b);
    fputs("1", a), fputs("2", b);
    ok(pclose(a) == 0 && pclose(b) == 0, "two at once do not hold each other's pipe");
    ok(has_text("one", "1") && has_text("two", "2"), "both have theirs");
}

/* posix_spawn(): file actions, attributes, and an error instead of a child. */
static void spawning(void) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char *argv[] = { "sh", "-c", "cat; exit 4", NULL };
    pid_t pid;
    make_file("in", "spawned");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "in", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT, 0644);
    is_int(posix_spawnp(&pid, "sh", &actions, NULL, argv, environ), 0, "posix_spawnp");
    is_exit(wait_for(pid), 4, "gives a child");
    ok(has_text("out", "spawned"), "with the files it was told to open");
    posix_spawn_file_actions_destroy(&actions);
    char *none[] = { "none", NULL };
    is_int(posix_spawn(&pid, "./none", NULL, NULL, none, environ), ENOENT,
           "a program that is not there is ENOENT");
    is_errno(wait(NULL), ECHILD, "and no child");
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    char *group[] = { "sh", "-c", "read x < gate", NULL };
    need(mkfifo("gate", 0600) == 0);
    need(posix_spawnp(&pid, "sh", NULL, &attr, group, environ) == 0);
    is_int(getpgid(pid), pid, "POSIX_SPAWN_SETPGROUP");
    close(open("gate", O_WRONLY));
    wait_for(pid);
    posix_spawnattr_destroy(&attr);
}

static int visited;

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)path, (void)st, (void)type, (void)ftw;
    visited++;
    return 0;
}

/* glob(), nftw(), realpath(), mkdtemp(): library functions over many calls. */
static void over_directories(void) {
    char path[4096];
    glob_t g;
    need(mkdir("tree", 0755) == 0 && mkdir("tree/sub", 0755) == 0);
    make_file("tree/a.c", ""), make_file("tree/b.c", ""), make_file("tree/sub/c.c", "");
    ok(glob("tree/*.c", 0, NULL, &g) == 0 && g.gl_pathc == 2
           && !strcmp(g.gl_pathv[1], "tree/b.c"),
       "glob");
    globfree(&g);
    ok(nftw("tree", visit, 5, FTW_PHYS) == 0 && visited == 5, "nftw visits all");
    need(symlink("tree/../tree/sub", "link") == 0);
    ok(realpath("link/c.c", path) && strstr(path, "/tree/sub/c.c"), "realpath: %s",
       "no links");
    ok(!realpath("link/none", path) && errno == ENOENT, "or ENOENT");
}

int main(void) {
    scratch();
    system_call();
    pipes();
    spawning();
    over_directories();
    return done_testing();
}

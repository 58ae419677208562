/* init_run.h - init's run mode: one command, a ledger before and after, power off.
 *
 * A part of init.c, which includes it once; a program here is one .c file.
 *
 * /run/argv   the command: strings, each ended by a NUL
 * /run/env    VAR=value strings, likewise. USER=student runs the command as that user.
 * /run/stdin  its standard input; without this file the command reads the terminal
 *
 * Invariants: between the two looks at the ledger process 1 touches no page for the
 *   first time and allocates nothing, so a difference is the command's doing.
 */
#pragma once

#define WORDS_MAX   256                 /* arguments, or variables */
#define TEXT_MAX    16384               /* bytes of all of them */
#define LEDGER_MAX  4096                /* bytes of /proc/check */
#define STATUS_LEAK 118                 /* the command went well, but left something */

/* --- the command ------------------------------------------------------------------ */

static char *command[WORDS_MAX + 1];    /* from /run/argv */
static char *variables[WORDS_MAX + 1];  /* from /run/env */

/* Splits a file of NUL-terminated strings. Result: how many; -1: none, or too long. */
static int read_words(const char *path, char *text, char **words) {
    ssize_t length = read_file(path, text, TEXT_MAX);
    int n = 0;
    if (length < 0 || length == TEXT_MAX - 1)
        return -1;
    for (char *p = text; p < text + length; p += strlen(p) + 1) {
        if (n == WORDS_MAX)
            return -1;
        words[n++] = p;
    }
    words[n] = NULL;
    return n;
}

/* With USER=student among the variables the command runs as that user. */
static void become_user(void) {
    const char *name = getenv("USER");
    struct passwd *user = name && strcmp(name, "root") != 0 ? getpwnam(name) : NULL;
    if (!user && name && strcmp(name, "root") != 0) {
        complain("there is no user %s in /etc/passwd", name);
        _exit(127);
    }
    setenv("HOME", user ? user->pw_dir : "/root", 0);
    if (!user)
        return;
    bool groups_gone = initgroups(name, user->pw_gid) == 0 || errno == ENOSYS;
    if (!groups_gone || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
        complain("cannot become %s: %s", name, strerror(errno));
        _exit(127);
    }
}

/* The child's side. In a rehearsal it does everything but become the command. */
static _Noreturn void be_command(bool rehearsal) {
    unblock_signals();
    clearenv();
    setenv("PATH", COMMAND_PATH, 1);
    setenv("TERM", exists("/run/stdin") ? "dumb" : "vt100", 1);
    for (char **v = variables; *v; v++)
        putenv(*v);
    become_user();
    if (chdir(getenv("HOME")) != 0 && chdir("/") != 0)
        complain("no folder to start in");
    int fd = open("/run/stdin", O_RDONLY);
    if (fd > 0) {
        dup2(fd, 0);
        close(fd);
    }
    if (rehearsal)
        _exit(0);
    execvp(command[0], command);
    if (errno == ENOENT && !strchr(command[0], '/'))
        complain("there is no program %s; `help` lists those that are here, and make "
                 "new PROG=%s starts it",
                 command[0], command[0]);
    else
        complain("%s: %s", command[0], strerror(errno));
    _exit(127);
}

/* A wait status as a shell's $? has it. */
static int status_number(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs the command, collects it and all orphans. Result: its status. */
static int run_once(bool rehearsal) {
    pid_t child = fork(), pid;
    int status, result = -1;
    if (child == 0)
        be_command(rehearsal);
    if (child < 0) {
        complain("cannot start %s: %s", command[0], strerror(errno));
        return 126;
    }
    while (result < 0) {
        int sig = await_signal(-1);
        if (sig != SIGCHLD)
            leave_for_signal(sig);
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            if (pid == child)
                result = status_number(status);
    }
    kill(-1, SIGKILL);                  // whatever it left running
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    forget_signals();
    return result;
}

/* --- the ledger ------------------------------------------------------------------- */

/* /proc/check is a verdict on its first line, then lines `name number`. */
static const char *next_line(const char *line) {
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

static bool find_count(const char *ledger, const char *name, long long *count) {
    char this[64];
    for (const char *l = next_line(ledger); *l; l = next_line(l))
        if (sscanf(l, "%63s %lld", this, count) == 2 && strcmp(this, name) == 0)
            return true;
    *count = 0;
    return false;
}

/* Prints each name in `names` whose number changed. Result: how many did. */
static int print_changes(const char *names, const char *before, const char *after) {
    int changes = 0;
    char name[64];
    long long number, was, is;
    for (const char *l = next_line(names); *l; l = next_line(l)) {
        if (sscanf(l, "%63s %lld", name, &number) != 2)
            continue;
        bool known = find_count(before, name, &was);
        find_count(after, name, &is);
        if (was == is || (names == after && known))
            continue;                   // no change, or told in the other round
        dprintf(1, "# ledger: %s %lld -> %lld\n", name, was, is);
        changes++;
    }
    return changes;
}

/* true: the kernel is consistent, and owns what it owned before or may own more. */
static bool ledger_is_even(const char *before, const char *after) {
    bool good = strncmp(after, "ok", 2) == 0;
    if (!good)
        dprintf(1, "# kcheck: %.*s\n", (int)strcspn(after, "\n"), after);
    if (exists("/run/may-leave"))
        return good;
    int changes = print_changes(before, before, after);
    changes += print_changes(after, before, after);
    return good && changes == 0;
}

/* --- both ------------------------------------------------------------------------- */

static _Noreturn void run_mode(void) {
    static char argv_text[TEXT_MAX], env_text[TEXT_MAX];
    static char before[LEDGER_MAX], after[LEDGER_MAX];
    if (!take_terminal("/dev/ttyS0"))
        take_terminal("/dev/console");
    struct termios modes;
    if (exists("/run/stdin") && tcgetattr(1, &modes) == 0) {
        cfmakeraw(&modes);              // the line carries bytes, not a conversation
        tcsetattr(1, TCSANOW, &modes);
    }
    read_words("/run/env", env_text, variables);
    if (read_words("/run/argv", argv_text, command) < 1) {
        complain("/run/argv is empty or too long");
        leave(RB_POWER_OFF, 127);
    }
    // The rehearsal touches every page of ours that the performance will touch.
    int status = run_once(true);
    if (status != 0)
        leave(RB_POWER_OFF, status);
    // So does a look at the ledger, after the ledger was written: look twice.
    bool counts = read_file("/proc/check", after, sizeof after) > 0
                  && read_file("/proc/check", before, sizeof before) > 0;
    read_file("/proc/check", before, sizeof before);
    status = run_once(false);
    read_file("/proc/check", after, sizeof after);
    if (counts && !ledger_is_even(before, after) && status == 0)
        status = STATUS_LEAK;
    leave(RB_POWER_OFF, status);
}

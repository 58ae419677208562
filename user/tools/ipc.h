/* ipc.h - what ipcs, ipcrm and why know: the lines of /proc/ipc, and who has what open.
 *
 * Every file of /proc/ipc is lines of words, one line an object; see
 * kernel/ipc/README.md and `man ipcs`. An object is known by a word such as pipe:[7],
 * mailbox:[3] or link:12, here as in /proc/ipc/waits.
 */
#pragma once

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

enum { WORDS_MAX = 20, HOLDINGS_MAX = 8192 };

/* A line, cut into words; "two words" in quotes is one of them. */
struct line {
    char text[1200];
    char *word[WORDS_MAX];
    int count;
};

/* \040 is a blank, and so on. */
static void unescape(char *word) {
    char *to = word;
    for (; *word; word++) {
        unsigned code;
        if (*word == '\\' && sscanf(word + 1, "%3o", &code) == 1) {
            *to++ = (char)code;
            word += 3;
        } else {
            *to++ = *word;
        }
    }
    *to = '\0';
}

/* Names may have bytes that would break a line or move the cursor: ls shows them so,
 * too. */
static UNUSED char *printable(char *text) {
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    return text;
}

/* Cuts line->text into words. */
static void split(struct line *line) {
    line->count = 0;
    for (char *at = line->text; line->count < WORDS_MAX;) {
        at += strspn(at, " \n");
        char end = *at == '"' ? '"' : ' ';
        at += *at == '"';
        if (!*at)
            break;
        line->word[line->count++] = at;
        at += strcspn(at, end == '"' ? "\"\n" : " \n");
        if (*at)
            *at++ = '\0';
    }
    for (int i = 0; i < line->count; i++)
        unescape(line->word[i]);
}

/* The next line of a file: 1, or 0 at its end. */
static UNUSED int read_line(FILE *file, struct line *line) {
    if (!file || !fgets(line->text, sizeof line->text, file))
        return 0;
    split(line);
    return 1;
}

/* A word, or "-" where the line has no more. */
static UNUSED const char *word_of(const struct line *line, int place) {
    return place < line->count ? line->word[place] : "-";
}

static UNUSED FILE *open_ipc(const char *name) {
    char path[60];
    snprintf(path, sizeof path, "/proc/ipc/%s", name);
    return fopen(path, "re");
}

/* -- Processes --------------------------------------------------------------------- */

/* Calls for each process, by rising id. */
static UNUSED void each_process(void (*call)(pid_t pid, void *context), void *context) {
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            call(atoi(entry->d_name), context);
    if (folder)
        closedir(folder);
}

/* The name of a process or thread; "" when it is gone. */
static UNUSED const char *name_of_process(pid_t pid) {
    static char name[64];
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(name, sizeof name, file))
        name[0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
    return name;
}

static UNUSED const char *name_of_user(uid_t uid) {
    static char number[16];
    const struct passwd *user = getpwuid(uid);
    snprintf(number, sizeof number, "%u", uid);
    return user ? user->pw_name : number;
}

/* -- Who has what open ------------------------------------------------------------- */

struct holding {
    pid_t pid;
    int reads, writes;
    char object[40];            /* as in /proc/ipc/waits; "": of no interest */
    char path[100];             /* what it is called, where it has a name */
};

static struct holding holdings[HOLDINGS_MAX];
static int nr_holdings;

static int begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* What the descriptor of a process stands for. 0: it is gone, or of no interest. */
static int look_at_descriptor(const char *path, struct holding *h) {
    struct stat link, file;
    char text[300];
    ssize_t length = readlink(path, text, sizeof text - 1);
    if (length <= 0 || lstat(path, &link) != 0)
        return 0;
    text[length] = '\0';
    h->reads = (link.st_mode & 0400) != 0;
    h->writes = (link.st_mode & 0200) != 0;
    snprintf(h->path, sizeof h->path, "%.99s", text[0] == '/' ? text : "");
    if (text[0] != '/')
        snprintf(h->object, sizeof h->object, "%.39s", text);
    else if (stat(path, &file) != 0)
        return 0;
    else if (begins(text, "/mbox/"))
        snprintf(h->object, sizeof h->object, "mailbox:[%u]", (unsigned)file.st_ino);
    else if (begins(text, "/dev/mqueue/"))
        snprintf(h->object, sizeof h->object, "mq:[%u]", (unsigned)file.st_ino);
    else if (S_ISFIFO(file.st_mode))
        snprintf(h->object, sizeof h->object, "fifo:[%u]", (unsigned)file.st_ino);
    else if (begins(text, "/dev/shm/"))
        snprintf(h->object, sizeof h->object, "%.39s", text);
    else
        return 0;
    return 1;
}

/* Adds what a process has open, as far as we may look. */
static UNUSED void read_holdings(pid_t pid, void *unused) {
    char path[300];
    struct dirent *entry;
    (void)unused;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    while (folder && (entry = readdir(folder)) && nr_holdings < HOLDINGS_MAX) {
        struct holding *h = &holdings[nr_holdings];
        snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, entry->d_name);
        if (entry->d_name[0] != '.' && look_at_descriptor(path, h)) {
            h->pid = pid;
            nr_holdings++;
        }
    }
    if (folder)
        closedir(folder);
}

/* The name that somebody who has it open knows it by, or NULL. */
static UNUSED const char *name_of_object(const char *object) {
    for (int i = 0; i < nr_holdings; i++)
        if (strcmp(holdings[i].object, object) == 0 && holdings[i].path[0])
            return holdings[i].path;
    return NULL;
}

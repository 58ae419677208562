/* ipcs.c - lists what processes talk through: mailboxes, links, queues, pipes and more.
 *
 * Each kind is a file of /proc/ipc and a table of columns; see ipc.h.
 *
 * FEATURE(82)
 */
#include "ipc.h"

#include <semaphore.h>

/* -- Kinds and their columns ------------------------------------------------------- */

enum how {
    PLAIN,                      /* the word */
    NUMBER,                     /* to the right */
    INSIDE,                     /* the number of mq:[7] or sem:7 */
    USER,                       /* the user of that id */
    PROCESS,                    /* a process id, with its name */
    NAME,                       /* of the object in the first word, if it has one */
    WAITING                     /* who waits, and for what; always the last column */
};

struct column {
    const char *head;
    int width;                  /* 0: the rest of the line */
    enum how how;
    int word;                   /* of the line, from 0 */
};

struct kind {
    char option;                /* -q, -m ... */
    const char *file, *begin;   /* lines of /proc/ipc/FILE that do; NULL: /dev/shm */
    const char *title;
    struct column columns[9];
};

static const struct kind kinds[] = {
    { 'q', "mailboxes", "mailbox", "Mailboxes",
      { { "ID", 6, INSIDE, 0 }, { "NAME", 17, PLAIN, 1 }, { "OWNER", 8, USER, 2 },
        { "MODE", 4, PLAIN, 4 }, { "CAPACITY", 9, NUMBER, 5 },
        { "QUEUED", 6, NUMBER, 8 }, { "BYTES", 8, NUMBER, 9 },
        { "WAITING", 0, WAITING, 13 } } },
    { 'q', "links", "", "Links, each way",
      { { "FROM", 16, PROCESS, 0 }, { "TO", 16, PROCESS, 1 }, { "CALLS", 5, NUMBER, 8 },
        { "CAPACITY", 9, NUMBER, 2 }, { "QUEUED", 6, NUMBER, 4 },
        { "BYTES", 8, NUMBER, 5 }, { "WAITING", 0, WAITING, 9 } } },
    { 'q', "mailboxes", "mq", "POSIX message queues",
      { { "ID", 6, INSIDE, 0 }, { "NAME", 17, PLAIN, 1 }, { "OWNER", 8, USER, 2 },
        { "MODE", 4, PLAIN, 4 }, { "CAPACITY", 9, NUMBER, 5 },
        { "QUEUED", 6, NUMBER, 8 }, { "BYTES", 8, NUMBER, 9 },
        { "WAITING", 0, WAITING, 13 } } },
    { 'q', "sysv", "msg", "System V message queues, capacity in bytes",
      { { "ID", 6, INSIDE, 0 }, { "KEY", 17, PLAIN, 1 }, { "OWNER", 8, USER, 2 },
        { "MODE", 4, PLAIN, 4 }, { "CAPACITY", 9, NUMBER, 5 },
        { "QUEUED", 6, NUMBER, 6 }, { "BYTES", 8, NUMBER, 7 },
        { "WAITING", 0, WAITING, 10 } } },
    { 'm', "sysv", "shm", "System V shared memory",
      { { "ID", 6, INSIDE, 0 }, { "KEY", 17, PLAIN, 1 }, { "OWNER", 8, USER, 2 },
        { "MODE", 4, PLAIN, 4 }, { "BYTES", 9, NUMBER, 5 },
        { "ATTACHED", 8, NUMBER, 7 }, { "CREATOR", 16, PROCESS, 8 } } },
    { 'm', NULL, "", "POSIX shared memory",
      { { "NAME", 24, PLAIN, 0 }, { "OWNER", 8, USER, 1 }, { "MODE", 4, PLAIN, 2 },
        { "BYTES", 9, NUMBER, 3 } } },
    { 's', "sysv", "sem", "System V semaphores",
      { { "ID", 6, INSIDE, 0 }, { "KEY", 17, PLAIN, 1 }, { "OWNER", 8, USER, 2 },
        { "MODE", 4, PLAIN, 4 }, { "COUNT", 9, NUMBER, 5 },
        { "WAITING", 0, WAITING, 6 } } },
    { 's', NULL, "", "POSIX semaphores",
      { { "NAME", 24, PLAIN, 0 }, { "OWNER", 8, USER, 1 }, { "MODE", 4, PLAIN, 2 },
        { "VALUE", 9, NUMBER, 4 } } },
    { 'i', "pipes", "", "Pipes and FIFOs, capacity in bytes",
      { { "ID", 6, INSIDE, 0 }, { "NAME", 17, NAME, 0 }, { "OWNER", 8, USER, 1 },
        { "MODE", 4, PLAIN, 3 }, { "CAPACITY", 9, NUMBER, 4 },
        { "BYTES", 15, NUMBER, 5 },
        { "WAITING", 0, WAITING, 8 } } },
    { 'x', "sockets", "", "Sockets, capacity in bytes",
      { { "ID", 6, INSIDE, 0 }, { "NAME", 17, PLAIN, 2 }, { "OWNER", 8, USER, 3 },
        { "MODE", 4, PLAIN, 5 }, { "CAPACITY", 9, NUMBER, 6 },
        { "BYTES", 15, NUMBER, 7 },
        { "WAITING", 0, WAITING, 10 } } },
};
enum { KINDS = sizeof kinds / sizeof kinds[0], LINE_WIDTH = 79 };

/* -- One line ---------------------------------------------------------------------- */

/* The pids of senders=5,7; "": nobody. */
static const char *pids_of(const char *word) {
    const char *pids = strchr(word, '=');
    return !pids || strcmp(pids, "=-") == 0 ? "" : pids + 1;
}

/* "receive 5,7": of senders=- receivers=5,7. */
static void waiting(const struct line *line, int first, char *to, size_t size) {
    *to = '\0';
    for (int i = first; i < line->count; i++) {
        const char *pids = pids_of(line->word[i]), *word = line->word[i];
        size_t at = strlen(to);
        if (*pids)
            snprintf(to + at, size - at, "%s%s%s", at ? " " : "",
                     begins(word, "senders")     ? "send "
                     : begins(word, "receivers") ? "receive "
                     : begins(word, "openers")   ? "open "
                                                 : "",
                     pids);
    }
}

static void cell(const struct column *c, const struct line *line, char *to,
                 size_t size) {
    const char *word = word_of(line, c->word), *name;
    switch (c->how) {
    case PLAIN:
    case NUMBER: snprintf(to, size, "%s", word); break;
    case INSIDE:
        word += strcspn(word, "0123456789");
        snprintf(to, size, "%.*s", (int)strspn(word, "0123456789"), word);
        break;
    case USER: snprintf(to, size, "%s", name_of_user((uid_t)atoi(word))); break;
    case PROCESS: snprintf(to, size, "%s %s", word, name_of_process(atoi(word))); break;
    case NAME:
        name = name_of_object(word);
        snprintf(to, size, "%s", name ? name : "-");
        break;
    case WAITING: waiting(line, c->word, to, size); break;
    }
}

/* A row; line NULL: the headings. What is too long ends in a ~. */
static void print_row(const struct kind *kind, const struct line *line) {
    char row[LINE_WIDTH + 1] = "", text[300];
    for (const struct column *c = kind->columns; c->head; c++) {
        int at = (int)strlen(row), width = c->width ? c->width : LINE_WIDTH - at;
        int right = c->how == NUMBER || c->how == INSIDE;
        if (line)
            cell(c, line, text, sizeof text);
        else
            snprintf(text, sizeof text, "%s", c->head);
        if (width > 0 && (int)strlen(text) > width) {
            text[width - 1] = '~';
            text[width] = '\0';
        }
        snprintf(row + at, sizeof row - (size_t)at, right ? "%*s " : "%-*s ", width,
                 text);
    }
    for (size_t at = strlen(row); at > 0 && row[at - 1] == ' '; at--)
        row[at - 1] = '\0';
    printf("%s\n", printable(row));
}

/* -- Which objects ----------------------------------------------------------------- */

static struct {
    int kinds[256];             /* by option letter */
    int waited_for;             /* -w */
    pid_t pid;                  /* -p; 0: all */
} wanted;

static int has_waiter(const struct line *line, pid_t pid) {
    for (int i = 0; i < line->count; i++) {
        char word[300], *save, *at;
        snprintf(word, sizeof word, "%s",
                 strchr(line->word[i], '=') ? line->word[i] : "");
        for (at = strtok_r((char *)pids_of(word), ",", &save); at;
             at = strtok_r(NULL, ",", &save))
            if (!pid || atoi(at) == pid)
                return 1;
    }
    return 0;
}

/* Does the process use it: hold it open, wait at it, or is it said to be its? */
static int is_used(const struct kind *kind, const struct line *line, pid_t pid) {
    for (const struct column *c = kind->columns; c->head; c++)
        if (c->how == PROCESS && atoi(word_of(line, c->word)) == pid)
            return 1;
    for (int i = 0; i < nr_holdings; i++)
        if (holdings[i].pid == pid && strcmp(holdings[i].object, word_of(line, 0)) == 0)
            return 1;
    return has_waiter(line, pid);
}

/* Memory and semaphores of POSIX are files in /dev/shm, and it is the C library that
 * makes them: one that is as long as a sem_t is taken for a semaphore. Makes a line of
 * the next one, with name, owner, mode, size and the semaphore's value. */
static int read_shm(DIR *folder, int semaphores, struct line *line) {
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char path[300], value[16] = "-";
        struct stat status;
        int word, fd;
        snprintf(path, sizeof path, "/dev/shm/%s", entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &status) != 0
            || (status.st_size == sizeof(sem_t)) != semaphores)
            continue;
        fd = semaphores ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0 && read(fd, &word, sizeof word) == sizeof word)
            snprintf(value, sizeof value, "%d", word > 0 ? word : 0);
        if (fd >= 0)
            close(fd);
        snprintf(line->text, sizeof line->text, "%s %u %04o %lld %s", path,
                 status.st_uid, status.st_mode & 07777, (long long)status.st_size,
                 value);
        split(line);
        return 1;
    }
    return 0;
}

/* Prints what there is of a kind: how many. */
static int list_kind(const struct kind *kind) {
    DIR *folder = kind->file ? NULL : opendir("/dev/shm");
    FILE *file = kind->file ? open_ipc(kind->file) : NULL;
    struct line line;
    int count = 0;
    while (kind->file ? read_line(file, &line)
                      : read_shm(folder, kind->option == 's', &line)) {
        if (!begins(word_of(&line, 0), kind->begin)
            || (wanted.waited_for && !has_waiter(&line, 0))
            || (wanted.pid && !is_used(kind, &line, wanted.pid)))
            continue;
        if (count++ == 0) {
            printf("%s\n", kind->title);
            print_row(kind, NULL);
        }
        print_row(kind, &line);
    }
    if (file)
        fclose(file);
    if (folder)
        closedir(folder);
    if (count)
        printf("\n");
    return count;
}

/* -- The command ------------------------------------------------------------------- */

static const char usage[] =
    "usage: ipcs [-a] [-q] [-m] [-s] [-i] [-x] [-w] [-p PID]\n"
    "  -q  queues of messages: mailboxes, links, POSIX and System V queues\n"
    "  -m  shared memory        -s  semaphores\n"
    "  -i  pipes and FIFOs      -x  sockets\n"
    "  -a  all of these, which is also what no letter means\n"
    "  -w  only those at which somebody waits\n"
    "  -p  only those that the process uses\n"
    "More: man ipcs\n";

static void bad_option(const char *name, int option) {
    if (option == ':')
        fprintf(stderr, "%s: -%c wants a process id\n", name, optopt);
    else
        fprintf(stderr, "%s: there is no option -%c\n", name, optopt);
    fputs(usage, stderr);
    exit(2);
}

static void read_options(int argc, char **argv) {
    char *end;
    int option, chosen = 0;
    while ((option = getopt(argc, argv, ":aqmsixwp:")) != -1) {
        switch (option) {
        case 'a': break;
        case 'w': wanted.waited_for = 1; break;
        case 'p':
            wanted.pid = (pid_t)strtol(optarg, &end, 10);
            if (*end || wanted.pid <= 0) {
                fprintf(stderr, "ipcs: %s is no process id\n", optarg);
                exit(2);
            }
            break;
        case ':':
        case '?': bad_option("ipcs", option); break;
        default: wanted.kinds[option] = chosen = 1;
        }
    }
    for (int i = 0; i < KINDS && !chosen; i++)
        wanted.kinds[(int)kinds[i].option] = 1;
    if (optind < argc) {
        fprintf(stderr, "ipcs: what is %s for?\n%s", argv[optind], usage);
        exit(2);
    }
}

int main(int argc, char **argv) {
    int count = 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) == EOF;
    read_options(argc, argv);
    if (wanted.pid && !*name_of_process(wanted.pid)) {
        fprintf(stderr, "ipcs: there is no process %d\n", wanted.pid);
        return 1;
    }
    each_process(read_holdings, NULL);
    for (int i = 0; i < KINDS; i++)
        if (wanted.kinds[(int)kinds[i].option])
            count += list_kind(&kinds[i]);
    if (!count)
        printf("There is none.\n");
    return 0;
}

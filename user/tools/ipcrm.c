/* ipcrm.c - removes mailboxes, and the queues, segments and semaphores of System V.
 *
 * mbox_destroy and the IPC_RMID of msgctl, shmctl and semctl do the work.
 */
#include "ipc.h"

#include <errno.h>
#include <parley.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static const char usage[] = "usage: ipcrm MAILBOX ...          by name, or by id\n"
                            "       ipcrm -q ID | -Q KEY ...  System V message queues\n"
                            "       ipcrm -m ID | -M KEY ...  System V shared memory\n"
                            "       ipcrm -s ID | -S KEY ...  System V semaphores\n"
                            "More: man ipcrm\n";

/* -- Mailboxes --------------------------------------------------------------------- */

/* The name of the mailbox with that id; "-": it has none. NULL: no such mailbox. */
static const char *name_of_mailbox(const char *id, struct line *line) {
    FILE *file = open_ipc("mailboxes");
    const char *name = NULL;
    char word[40];
    snprintf(word, sizeof word, "mailbox:[%s]", id);
    while (!name && read_line(file, line))
        if (strcmp(word_of(line, 0), word) == 0)
            name = word_of(line, 1);
    if (file)
        fclose(file);
    return name;
}

/* Any descriptor will do, even where only one direction is allowed. */
static int open_mailbox(const char *name) {
    int box = mbox_open(name, O_WRONLY);
    return box < 0 && errno == EACCES ? mbox_open(name, O_RDONLY) : box;
}

static int remove_mailbox(const char *given) {
    struct line line;
    const char *name = given;
    int box = open_mailbox(given), by_id = given[strspn(given, "0123456789")] == '\0';
    if (box < 0 && errno == ENOENT && by_id && (name = name_of_mailbox(given, &line))) {
        if (strcmp(name, "-") == 0) {
            fprintf(stderr,
                    "ipcrm: mailbox %s has no name: it goes when the last of those who "
                    "have it open closes it\n",
                    given);
            return 1;
        }
        box = open_mailbox(name);
    }
    if (box < 0 && errno == ENOENT) {
        fprintf(stderr, "ipcrm: there is no mailbox %s\n", given);
        return 1;
    }
    if (box < 0 || mbox_destroy(box) < 0) {
        msg_explain("ipcrm");
        return 1;
    }
    close(box);
    return 0;
}

/* -- System V ---------------------------------------------------------------------- */

static int complain(const char *what, const char *given) {
    const char *why = errno == EINVAL || errno == EIDRM || errno == ENOENT
                          ? "there is none"
                      : errno == EPERM || errno == EACCES
                          ? "only its owner, its creator and root may remove it"
                          : strerror(errno);
    fprintf(stderr, "ipcrm: %s %s: %s\n", what, given, why);
    return 1;
}

/* option: q, m, s by id; Q, M, S by key. */
static int remove_object(int option, const char *given) {
    static const char *const names[] = { "message queue", "shared memory",
                                         "semaphores" };
    int kind = option == 'q' || option == 'Q'   ? 0
               : option == 'm' || option == 'M' ? 1
                                                : 2;
    int by_key = option < 'a', id, result;
    char *end;
    long number = strtol(given, &end, 0);
    if (*end || end == given) {
        fprintf(stderr, "ipcrm: %s is no number\n", given);
        return 2;
    }
    id = (int)number;
    if (by_key && number == IPC_PRIVATE) {
        fprintf(stderr, "ipcrm: key 0 is no key: what it made goes by id\n");
        return 2;
    }
    if (by_key)
        id = kind == 0   ? msgget((key_t)number, 0)
             : kind == 1 ? shmget((key_t)number, 0, 0)
                         : semget((key_t)number, 0, 0);
    if (id < 0)
        return complain(names[kind], given);
    result = kind == 0   ? msgctl(id, IPC_RMID, NULL)
             : kind == 1 ? shmctl(id, IPC_RMID, NULL)
                         : semctl(id, 0, IPC_RMID);
    return result < 0 ? complain(names[kind], given) : 0;
}

int main(int argc, char **argv) {
    int option, worst = 0, result;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) == EOF;
    if (argc == 1) {
        fprintf(stderr, "ipcrm: say what to remove\n%s", usage);
        return 2;
    }
    while ((option = getopt(argc, argv, ":q:m:s:Q:M:S:")) != -1) {
        if (option == '?' || option == ':') {
            fprintf(stderr,
                    option == ':' ? "ipcrm: -%c wants a number\n%s"
                                  : "ipcrm: there is no option -%c\n%s",
                    optopt, usage);
            return 2;
        }
        result = remove_object(option, optarg);
        worst = result > worst ? result : worst;
    }
    for (; optind < argc; optind++) {
        result = remove_mailbox(argv[optind]);
        worst = result > worst ? result : worst;
    }
    return worst;
}

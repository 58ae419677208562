/* words.c - what the {words} of a sentence stand for. */
#include "explain.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first line of a file of /proc; "" without one. */
static void read_line(const char *path, char *to, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, to, size - 1);

    to[length > 0 ? length : 0] = '\0';
    to[strcspn(to, "\n")] = '\0';
    if (fd >= 0) close(fd);
}

/* A zombie is no process that one could talk to. */
bool parley_process_exists(pid_t pid) {
    char path[40], line[80], *state;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    read_line(path, line, sizeof line);
    state = strrchr(line, ')');
    return state && state[1] && state[2] != 'Z';
}

/* -- Processes and users ----------------------------------------------------------- */

static void add_process(struct line *line, pid_t pid) {
    char path[40], name[40];

    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    read_line(path, name, sizeof name);
    if (*name)
        parley_add(line, "process %d (%s)", pid, name);
    else
        parley_add(line, "process %d", pid);
}

static void add_partner(struct line *line, const struct about *a) {
    add_process(line, a->partner);
}

static void add_pid(struct line *line, const struct about *a) {
    parley_add(line, "%d", a->partner);
}

static void add_caller(struct line *line, const struct about *a) {
    add_process(line, a->caller);
}

static void add_from(struct line *line, const struct about *a) {
    if (a->partner > 0)
        add_process(line, a->partner);
    else
        parley_add(line, "anybody");
}

static void add_owner(struct line *line, const struct about *a) {
    if (a->mailbox.exclusive)
        add_process(line, a->mailbox.exclusive);
    else
        parley_add(line, "gone by now");
}

static void add_partner_user(struct line *line, const struct about *a) {
    char path[40];
    struct stat status;

    snprintf(path, sizeof path, "/proc/%d", a->partner);
    if (stat(path, &status) == 0)
        parley_add(line, "user %u", status.st_uid);
    else
        parley_add(line, "another user");
}

static void add_user(struct line *line, const struct about *a) {
    (void)a;
    parley_add(line, "user %u", geteuid());
}

static void add_mailbox_user(struct line *line, const struct about *a) {
    parley_add(line, "user %u", a->mailbox.owner);
}

/* ": 4096 of 4096 messages, 17 of 4194304 bytes, 2 of 256 mailboxes", from this user's
 * line of /proc/ipc/limits. */
static void add_limits(struct line *line, const struct about *a) {
    FILE *file = fopen("/proc/ipc/limits", "re");
    char text[300], words[9][24];
    unsigned uid;

    (void)a;
    while (file && fgets(text, sizeof text, file)) {
        if (sscanf(text, "%u %23s %23s %23s %23s %23s %23s %23s %23s %23s", &uid,
                   words[0], words[1], words[2], words[3], words[4], words[5], words[6],
                   words[7], words[8])
                != 10
            || uid != getuid())
            continue;
        for (int i = 0; i < 9; i += 3)
            parley_add(line, "%s %s of %s %s", i ? "," : ":", words[i + 1],
                       words[i + 2], words[i]);
    }
    if (file) fclose(file);
}

static void add_files_limit(struct line *line, const struct about *a) {
    struct rlimit limit;

    (void)a;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        parley_add(line, "%llu", (unsigned long long)limit.rlim_cur);
}

/* -- Mailboxes and links ----------------------------------------------------------- */

/* What /proc shows of a descriptor: "/mbox/printer", "pipe:[3]". */
static void read_descriptor(int fd, char *to, size_t size) {
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, to, size - 1);
    to[length > 0 ? length : 0] = '\0';
}

static void add_mailbox(struct line *line, const struct about *a) {
    char path[300];

    read_descriptor(a->fd, path, sizeof path);
    if (strncmp(path, "/mbox/", 6) == 0)
        parley_add(line, "mailbox %s", path + 6);
    else if (a->has_mailbox)
        parley_add(line, "mailbox %u", a->mailbox.id);
    else
        parley_add(line, "the mailbox of descriptor %d", a->fd);
}

static void add_file(struct line *line, const struct about *a) {
    char path[300];

    read_descriptor(a->fd, path, sizeof path);
    parley_add(line, "%s", *path ? path : "something else");
}

static void add_descriptor(struct line *line, const struct about *a) {
    parley_add(line, "descriptor %d", a->fd);
}

static void add_fill(struct line *line, const struct about *a) {
    uint32_t queued = a->has_mailbox ? a->mailbox.queued : a->link.out.queued;
    uint32_t capacity =
        a->has_mailbox ? a->mailbox.attr.capacity : a->link.out.capacity;

    parley_add(line, "%u", queued);
    if (capacity < CAPACITY_ZERO) parley_add(line, " of %u", capacity);
}

static void add_name(struct line *line, const struct about *a) {
    parley_add(line, "%s", a->name);
}

static void add_name_length(struct line *line, const struct about *a) {
    size_t length = strlen(a->name);

    parley_add(line, "%s%zu", length == sizeof a->name - 1 ? "at least " : "", length);
}

static void add_mode(struct line *line, const struct about *a) {
    char path[320];
    struct stat status;

    snprintf(path, sizeof path, "/mbox/%s", a->name);
    if (stat(path, &status) == 0)
        parley_add(line, "of user %u and group %u with mode %04o", status.st_uid,
                   status.st_gid, status.st_mode & 07777);
}

static void add_use(struct line *line, const struct about *a) {
    static const char *const uses[] = { "receive", "send", "send and receive", "-" };

    parley_add(line, "%s", uses[a->failure.argument[1] & O_ACCMODE]);
}

/* -- The message and the wait ------------------------------------------------------ */

static void add_kind(struct line *line, const struct about *a) {
    parley_add(line, "message");
    if (a->flags & MSG_TYPE) parley_add(line, " of type %u", a->received.type);
}

static void add_length(struct line *line, const struct about *a) {
    parley_add(line, "%u", a->sent.length);
}

static void add_needed(struct line *line, const struct about *a) {
    parley_add(line, "%u", a->received.length);
}

static void add_room(struct line *line, const struct about *a) {
    parley_add(line, "%u", a->received.room);
}

static void add_max(struct line *line, const struct about *a) {
    parley_add(line, "%u", a->mailbox.attr.max_length);
}

static void add_sequence(struct line *line, const struct about *a) {
    if (a->sent.sequence)
        parley_add(line, " with sequence %llu", (unsigned long long)a->sent.sequence);
}

static void add_time_out(struct line *line, const struct about *a) {
    parley_add(line, "%d ms", a->timeout_ms);
}

static void add_not_to_wait(struct line *line, const struct about *a) {
    parley_add(line, a->timeout_ms == NOWAIT
                         ? "you asked not to wait"
                         : "its descriptor is set not to wait (O_NONBLOCK)");
}

/* -- The words --------------------------------------------------------------------- */

static const struct word {
    const char *name;
    void (*add)(struct line *line, const struct about *about);
} words[] = {
    { "bad address", parley_judge_addresses },
    { "bad argument", parley_judge },
    { "bad descriptor", parley_judge_descriptors },
    { "caller", add_caller },
    { "fd", add_descriptor },
    { "file", add_file },
    { "files", add_files_limit },
    { "fill", add_fill },
    { "from", add_from },
    { "kind", add_kind },
    { "length", add_length },
    { "limits", add_limits },
    { "mailbox", add_mailbox },
    { "mailbox user", add_mailbox_user },
    { "max", add_max },
    { "mode", add_mode },
    { "name", add_name },
    { "name length", add_name_length },
    { "needed", add_needed },
    { "not to wait", add_not_to_wait },
    { "owner", add_owner },
    { "pid", add_pid },
    { "process", add_partner },
    { "process user", add_partner_user },
    { "room", add_room },
    { "sequence", add_sequence },
    { "time-out", add_time_out },
    { "use", add_use },
    { "user", add_user },
};

void parley_add_word(struct line *line, const struct about *about, const char *word,
                     size_t length) {
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].name) == length && !memcmp(words[i].name, word, length))
            words[i].add(line, about);
}

/* explain.h - between the parts of msg_explain: explain.c finds out, sentences.c says
 * it, words.c and arguments.c fill in the particulars. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"
#include "numbers.h"
#include "parley.h"

/* A call's name, and which argument is what: 1 to 4; 0: it has none of that kind. */
struct shape {
    const char *name;
    uint8_t partner, caller, fd, text, sent, received, flags, timeout, link_attr,
        mbox_attr, link_out, mbox_out;
    int known_flags;
};

/* A failure, and what can be found out now about what it was about. */
struct about {
    struct failure failure;
    const struct shape *shape;
    uint32_t call;              /* CALL(...): one bit */
    pid_t partner;              /* to, from or peer; MSG_ANY; 0: the call names none */
    pid_t caller;               /* of a reply or forward */
    int fd;                     /* the mailbox's; -1: the call names none */
    int flags, timeout_ms;      /* FOREVER when the call has none */
    char name[300];             /* the name given; "": none, or it cannot be read */
    bool has_sent, has_received, has_link_attr, has_mbox_attr;
    struct msg sent, received;  /* copies of what the caller passed */
    struct link_attr link_attr;
    struct mbox_attr mbox_attr;
    bool has_link, has_mailbox;
    struct link_stat link;      /* with the partner */
    struct mbox_stat mailbox;
};

#define CALL(name) (1u << (CALL_##name - CALL_MSG_SEND))

/* A sentence for a failure: the first row that fits is said. {words} are filled in by
 * parley_add_word. */
struct sentence {
    uint32_t calls;             /* CALL(...) | CALL(...) */
    int error;
    bool (*holds)(const struct about *about);   /* NULL: always */
    const char *text;
};

extern const struct sentence parley_sentences[] __attribute__((visibility("hidden")));

/* A line that grows. What does not fit is cut. */
struct line {
    char text[700];
    size_t length;
};

void parley_add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Can `size` bytes there be read? (explain.c) */
bool parley_is_readable(const void *start, size_t size);

/* Adds what {word} stands for. (words.c) */
void parley_add_word(struct line *line, const struct about *about, const char *word,
                     size_t length);

/* Does the process run? A zombie does not. (words.c) */
bool parley_process_exists(pid_t pid);

/* Adds which argument is not what it may be, for EINVAL; nothing when all are. */
void parley_judge(struct line *line, const struct about *about);
/* Which address is bad, for EFAULT; which of the descriptors to pass, for EBADF. */
void parley_judge_addresses(struct line *line, const struct about *about);
void parley_judge_descriptors(struct line *line, const struct about *about);

/* unsafe.c - a handler that does too much: it comes in the middle of everything.
 * Order: 43
 *
 * A handler runs between two instructions, and those may belong to strtok() or to a
 * list that is being changed. Both break, at a moment that we choose here; then three
 * right ways: a flag, a mask, and a byte in a pipe.
 *
 * FEATURE(102, 104, 107)
 */
#include "demo.h"
#include <fcntl.h>

struct node {
    struct node *next;
    int value;
};

static struct node *list;
static struct node nodes[8];
static int used;
static int interrupt;                   /* the signal comes in the middle of push() */

/* Two stores make a push. Between them the list is not whole. */
static void push(int value) {
    struct node *node = &nodes[used++];
    node->value = value;
    node->next = list;
    if (interrupt) {
        interrupt = 0;
        raise(SIGUSR1);
    }
    list = node;
}

/* "3 2 1": what is in the list. Starts a new one. */
static const char *contents(void) {
    char *text = demo_scrap(), *at = text;
    *text = '\0';
    for (struct node *n = list; n; n = n->next)
        at += sprintf(at, at == text ? "%d" : " %d", n->value);
    list = NULL;
    used = 0;
    return text;
}

static void verdict(const char *what, const char *want) {
    const char *found = contents();
    say("  %-34s %-14s %s", what, found,
        mark(strcmp(found, want) == 0, strstr(found, "99") ? "all there" : "99 is lost",
             "UNEXPECTED"));
}

static void split_too(int number) {
    char text[] = "red green";
    (void)number;
    strtok(text, " ");
}

/* Splits a text; the signal comes after the first word. */
static const char *split(void) {
    char text[] = "one two three", *all = demo_scrap();
    strcpy(all, strtok(text, " "));
    raise(SIGUSR1);
    for (char *word; (word = strtok(NULL, " "));)
        strcat(strcat(all, ", "), word);
    return all;
}

static void words(void) {
    signal(SIGUSR1, SIG_IGN);
    const char *good = split();
    signal(SIGUSR1, split_too);
    const char *bad = split();
    say("strtok() splits \"one two three\". It keeps its place in a static variable.\n"
        "  undisturbed:                       %s\n"
        "  the handler splits \"red green\":    %s: %s",
        good, bad, mark(strcmp(good, bad) != 0, "main's text is lost", "LUCK"));
}

static volatile sig_atomic_t flag;
static int end[2];

static void push_too(int number) {
    (void)number;
    push(99);
}

static void set_flag(int number) {
    (void)number;
    flag = 1;
}

static void write_byte(int number) {
    int before = errno;
    (void)number;
    (void)!write(end[1], "!", 1);
    errno = before;                     // main may be about to look at it
}

static void three(void) {
    push(1);
    interrupt = 1;
    push(2);
    push(3);
}

static void masked(void) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    three();
    sigprocmask(SIG_SETMASK, &old, NULL);
}

int main(int argc, char **argv) {
    char byte;
    demo_start(argc, argv, "unsafe: a handler that does too much");
    words();
    gap();
    say("main() pushes 1, 2, 3 to a list. The signal comes when 2 points to 1 already\n"
        "and the list does not point to 2 yet. The handler has 99 to push:");
    signal(SIGUSR1, push_too);
    three();
    verdict("it does: 99 goes in, and 2 over it", "3 2 1");
    signal(SIGUSR1, set_flag);
    three();
    if (flag)
        push(99);
    verdict("it sets a flag, main() pushes", "99 3 2 1");
    signal(SIGUSR1, push_too);
    masked();
    verdict("main() holds it back meanwhile", "99 3 2 1");
    must(pipe(end), "pipe");
    fcntl(end[0], F_SETFL, O_NONBLOCK);
    signal(SIGUSR1, write_byte);
    three();
    while (read(end[0], &byte, 1) == 1)
        push(99);
    verdict("it writes a byte, main() reads it", "99 3 2 1");
    gap();
    say("printf(), malloc(), and all that changes what is shared is like that list.\n"
        "write() is allowed in a handler: signal-safety(7) has the others.");
    return demo_end("raise the signal after `list = node`. Is it right now, or lucky?",
                    "kernel/ipc/signal_frame.c: it asks nobody what main() is doing");
}

/* check.c - kcheck: asks every part of the kernel whether it is sound. */
#include "core/check.h"

uint32_t (*check_calls_holding)(const void *object);
static struct list checkers = LIST_INIT(checkers);
static char sentence[160];
static size_t name_length;      /* of who is asked; its name is in the sentence */

void checker_register(struct checker *checker) {
    list_push_back(&checkers, &checker->node);
}

bool check_failed(const char *text, ...) {
    va_list arguments;

    va_start(arguments, text);
    format_v(sentence + name_length, sizeof(sentence) - name_length, text, arguments);
    va_end(arguments);
    return false;
}

const char *kcheck(void) {
    struct checker *c;

    list_for_each (c, &checkers, node)
        if (c->count) c->count();
    list_for_each (c, &checkers, node) {
        name_length = (size_t)format(sentence, sizeof(sentence), "%s: ", c->name);
        if (c->check && !c->check()) return sentence;
    }
    return NULL;
}

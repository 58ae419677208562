/* check.c - kcheck: asks every part of the kernel whether it is sound. */
#include "core/check.h"

#include "base/format.h"

extern const struct checker checkers_start[], checkers_end[];

uint32_t (*check_calls_holding)(const void *object);
static const struct checker *asked;
static char sentence[160];      /* of the first who is not content */

bool check_that(bool is_so, const char *text, ...) {
    va_list arguments;

    if (is_so || *sentence) return is_so;
    int length = format(sentence, sizeof(sentence), "%s: ", asked->name);
    va_start(arguments, text);
    format_v(sentence + length, sizeof(sentence) - (size_t)length, text, arguments);
    va_end(arguments);
    return false;
}

bool check_list(const struct list *list) {
    return check_that(list_is_consistent(list), "the list at %p is broken", list);
}

bool check_counted(const void *object, const char *what, uint32_t counted,
                   uint32_t there) {
    return check_that(counted == there, "%p has %u %s and counted %u", object, there,
                      what, counted);
}

void check_references(const void *object, uint32_t refs, uint32_t *found) {
    if (refs > *found && refs - *found <= check_calls_holding(object)) *found = refs;
    check_counted(object, "references", refs, *found);
    *found = 0;
}

const char *kcheck(void) {
    *sentence = '\0';
    for (asked = checkers_start; asked < checkers_end; asked++)
        if (asked->count) asked->count();
    for (asked = checkers_start; asked < checkers_end; asked++)
        if (asked->check) asked->check();
    return *sentence ? sentence : NULL;
}

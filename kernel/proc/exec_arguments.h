/* exec_arguments.h - a new program's first stack, written upwards. */
#pragma once

#include "mm/address_space.h"

#define STRING_MAX (128 * 1024) /* one string, as on Linux */

struct strings {                /* an argument or environment vector on its way */
    const char *const *kernel;  /* the first ones: an interpreter's, or the kernel's */
    unsigned nr_kernel, nr_user;
    uptr_t user;                /* and the caller's array; null: empty */
};

struct stack_image {
    struct address_space *space;        /* NULL: nothing is written, only measured */
    vaddr_t limit;              /* E2BIG above */
    vaddr_t vector, at;         /* where the next word goes, and the next string */
    int error;                  /* the first one: then nothing is done any more */
};

/* Puts bytes at *at, which is `vector` or `at`, and moves it on. -E2BIG, -ENOMEM. */
void stack_put(struct stack_image *s, vaddr_t *at, const void *bytes, size_t size);

/* Puts all strings, and the vector of their addresses with a NULL. The first time, when
 * it only measures, it counts the user's; the second time there must be as many, for
 * others can change them. -E2BIG, -ENOMEM, -EFAULT. */
void stack_put_strings(struct stack_image *s, struct strings *strings);

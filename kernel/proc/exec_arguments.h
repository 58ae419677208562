/* exec_arguments.h - argument and environment strings on their way into a new
 * program. */
#pragma once

#include "mm/address_space.h"

#define STRING_MAX (128 * 1024) /* one string, as on Linux */

struct exec_arguments {
    struct memory_object *strings;  /* one after the other, each with its NUL */
    uint32_t start, end;        /* where in it; in front is room for scripts' */
    uint32_t limit;             /* E2BIG above; strings and pointers count */
    unsigned nr_arguments, nr_environment;
};

must_check int exec_arguments_init(struct exec_arguments *a, uint32_t limit);
void exec_arguments_release(struct exec_arguments *a);

/* Appends all strings of a user array of pointers (a null array is empty). */
must_check int exec_arguments_add_user(struct exec_arguments *a, uptr_t array,
                                       unsigned *count);
must_check int exec_arguments_add(struct exec_arguments *a, const char *string);

/* For a script: the arguments become [interpreter] [option] script arguments[1...]. */
must_check int exec_arguments_prepend(struct exec_arguments *a, const char *interpreter,
                                      const char *option, const char *script);

enum { AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7,
       AT_FLAGS = 8, AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12, AT_GID = 13, AT_EGID = 14,
       AT_PLATFORM = 15, AT_HWCAP = 16, AT_CLKTCK = 17, AT_SECURE = 23, AT_RANDOM = 25,
       AT_EXECFN = 31, AT_SYSINFO = 32 };

struct auxiliary {
    uint32_t type, value;
};

struct stack_image {            /* where things ended up, for /proc and the registers */
    vaddr_t esp, arguments, arguments_end, environment_end, random, name;
};

/* Lays strings, vectors and the auxiliary vector out at the top of the new space's
 * stack, which ends at `top`. */
must_check int exec_arguments_place(const struct exec_arguments *a,
                                    struct address_space *space, vaddr_t top,
                                    const char *path, struct auxiliary *auxiliary,
                                    unsigned nr_auxiliary, struct stack_image *image);

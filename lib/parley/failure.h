/* failure.h - what calls.c keeps of a call that failed, for msg_explain. */
#pragma once

/* The last call of this thread that failed. Pointers among the arguments may lead
 * nowhere. */
struct failure {
    int error;                  /* 0: none has failed yet */
    long number;                /* CALL_... */
    long argument[4];
};

extern __thread struct failure parley_last_failure
    __attribute__((visibility("hidden")));

/* exec_arguments.c - argument and environment strings, from one stack to another.
 *
 * Nothing is kept in between: they are measured first, so that the new stack's place is
 * known, and then copied there.
 */
#include "proc/exec_arguments.h"

#include "base/string.h"

void stack_put(struct stack_image *s, vaddr_t *at, const void *bytes, size_t size) {
    if (s->error) return;
    if (*at > s->limit || size > s->limit - *at)
        s->error = -E2BIG;
    else if (s->space && space_write(s->space, uptr(*at), bytes, size))
        s->error = -ENOMEM;
    *at += size;
}

/* In pieces; a piece ends where the next cache line begins, so nothing behind the NUL's
 * line is touched. */
static void put_user_string(struct stack_image *s, uptr_t from) {
    char piece[256];

    for (size_t done = 0, size; !s->error; done += size) {
        uptr_t at = uptr_add(from, done);
        size = sizeof(piece) - (at.address & (sizeof(piece) - 1));
        if (done >= STRING_MAX) s->error = -E2BIG;
        if (copy_from_user(piece, at, size)) s->error = -EFAULT;
        size_t length = strnlen(piece, size);
        stack_put(s, &s->at, piece, min(length + 1, size));
        if (length < size) return;
    }
}

void stack_put_strings(struct stack_image *s, struct strings *strings) {
    uint32_t string = 0, end = 0;

    for (unsigned i = 0; i < strings->nr_kernel; i++) {
        const char *text = strings->kernel[i];
        stack_put(s, &s->vector, &s->at, sizeof(s->at));
        stack_put(s, &s->at, text, strlen(text) + 1);
    }
    for (unsigned i = 0; !s->error && !uptr_is_null(strings->user); i++) {
        if (s->space && i == strings->nr_user) break;
        if (u32_from_user(&string, uptr_add(strings->user, 4 * i))) s->error = -EFAULT;
        if (!s->space) strings->nr_user = i;
        if (!s->space && !string) break;
        stack_put(s, &s->vector, &s->at, sizeof(s->at));
        put_user_string(s, uptr(string));
    }
    stack_put(s, &s->vector, &end, sizeof(end));
}

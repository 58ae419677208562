/* exec_arguments.c - argument and environment strings, from one stack to another.
 *
 * Nothing is kept in between: they are measured first, so that the new stack's place is
 * known, and then copied there.
 */
#include "proc/exec_arguments.h"

#include "base/string.h"

int stack_put(struct stack_image *s, vaddr_t *at, const void *bytes, size_t size) {
    if (*at > s->limit || size > s->limit - *at) return -E2BIG;
    if (s->space && space_write(s->space, uptr(*at), bytes, size)) return -ENOMEM;
    *at += size;
    return 0;
}

static int put_address(struct stack_image *s) {
    return stack_put(s, &s->vector, &s->at, sizeof(s->at));
}

/* In pieces; a piece ends where the next cache line begins, so nothing behind the NUL's
 * line is touched. */
static int put_user_string(struct stack_image *s, uptr_t from) {
    char piece[256];

    for (size_t done = 0, size; done < STRING_MAX; done += size) {
        uptr_t at = uptr_add(from, done);
        size = sizeof(piece) - (at.address & (sizeof(piece) - 1));
        if (copy_from_user(piece, at, size)) return -EFAULT;
        size_t length = strnlen(piece, size);
        bool ends = length < size;
        int error = stack_put(s, &s->at, piece, ends ? length + 1 : size);
        if (error || ends) return error;
    }
    return -E2BIG;
}

int stack_put_strings(struct stack_image *s, struct strings *strings) {
    uint32_t string, end = 0;
    int error = 0;

    for (unsigned i = 0; !error && i < strings->nr_kernel; i++) {
        const char *text = strings->kernel[i];
        error = put_address(s);
        if (!error) error = stack_put(s, &s->at, text, strlen(text) + 1);
    }
    for (unsigned i = 0; !error && !uptr_is_null(strings->user); i++) {
        if (s->space && i == strings->nr_user) break;
        if (u32_from_user(&string, uptr_add(strings->user, 4 * i))) return -EFAULT;
        if (!s->space) strings->nr_user = i;
        if (!s->space && !string) break;
        error = put_address(s);
        if (!error) error = put_user_string(s, uptr(string));
    }
    return error ? error : stack_put(s, &s->vector, &end, sizeof(end));
}

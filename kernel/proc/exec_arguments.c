/* exec_arguments.c - argument and environment strings.
 *
 * The strings wait in a memory object, so that nothing large is on the kernel stack and
 * everything is charged. The new stack, as the System V ABI wants it (musl's _start):
 *
 *      top ->  "path\0" random bytes, strings: arguments then environment
 *              auxiliary vector ... AT_NULL
 *              environment pointers, NULL
 *              argument pointers, NULL
 *      esp ->  argument count                      16-byte aligned
 */
#include "proc/exec_arguments.h"

#include "base/string.h"
#include "dev/random.h"
#include "mm/heap.h"

#define HEADROOM (8 * PAGE_SIZE)        /* for what a few scripts put in front */

int exec_arguments_init(struct exec_arguments *a, uint32_t limit) {
    *a = (struct exec_arguments){ .start = HEADROOM, .end = HEADROOM, .limit = limit };
    a->strings = object_create(OBJECT_PAGES_MAX);
    return a->strings ? 0 : -ENOMEM;
}

void exec_arguments_release(struct exec_arguments *a) {
    if (a->strings) object_put(a->strings);
    a->strings = NULL;
}

/* Writes at the place, if that is within the limit. */
static int put(struct exec_arguments *a, uint32_t at, const char *bytes, size_t size) {
    uint32_t pointers = (a->nr_arguments + a->nr_environment + 3) * 4;

    if (a->end - a->start + size + pointers > a->limit) return -E2BIG;
    return object_write(a->strings, at, bytes, size) == size ? 0 : -ENOMEM;
}

static int append(struct exec_arguments *a, const char *bytes, size_t size) {
    int error = put(a, a->end, bytes, size);

    if (!error) a->end += size;
    return error;
}

static int push(struct exec_arguments *a, const char *string) {
    size_t size = strlen(string) + 1;
    int error = size > a->start ? -E2BIG : put(a, a->start - size, string, size);

    if (error) return error;
    a->start -= size;
    a->nr_arguments++;
    return 0;
}

int exec_arguments_add(struct exec_arguments *a, const char *string) {
    return append(a, string, strlen(string) + 1);
}

/* Copies one user string in pieces; a piece ends where the next cache line begins, so
 * nothing behind the NUL's line is touched. */
static int add_string(struct exec_arguments *a, uptr_t from) {
    char piece[256];
    size_t done = 0;

    while (done < STRING_MAX) {
        vaddr_t at = from.address + done;
        size_t size = sizeof(piece) - (at & (sizeof(piece) - 1));
        if (copy_from_user(piece, uptr(at), size)) return -EFAULT;
        size_t length = strnlen(piece, size);
        bool ends = length < size;
        int error = append(a, piece, ends ? length + 1 : size);
        if (error || ends) return error;
        done += size;
    }
    return -E2BIG;
}

int exec_arguments_add_user(struct exec_arguments *a, uptr_t array, unsigned *count) {
    for (*count = 0; !uptr_is_null(array); ++*count, array = uptr_add(array, 4)) {
        uint32_t string;
        if (u32_from_user(&string, array)) return -EFAULT;
        if (!string) break;
        int error = add_string(a, uptr(string));
        if (error) return error;
    }
    return 0;
}

static size_t string_length_at(const struct exec_arguments *a, uint32_t offset) {
    char piece[64];
    size_t length = 0;

    for (;;) {
        size_t size = min((size_t)(a->end - offset - length), sizeof(piece));
        object_read(a->strings, offset + length, piece, size);
        size_t n = strnlen(piece, size);
        length += n;
        if (n < size || size == 0) return length;
    }
}

int exec_arguments_prepend(struct exec_arguments *a, const char *interpreter,
                           const char *option, const char *script) {
    if (a->nr_arguments > 0) {
        a->start += (uint32_t)string_length_at(a, a->start) + 1;
        a->nr_arguments--;
    }
    int error = push(a, script);
    if (!error && option) error = push(a, option);
    return error ? error : push(a, interpreter);
}

/* Writes the pointers to `count` strings from *offset on, and the closing NULL. */
static int place_pointers(const struct exec_arguments *a, struct address_space *space,
                          vaddr_t *to, vaddr_t strings, uint32_t *offset,
                          unsigned count) {
    for (unsigned i = 0; i <= count; i++) {
        uint32_t value = i < count ? strings + *offset - a->start : 0;
        if (space_write(space, uptr(*to), &value, 4)) return -ENOMEM;
        *to += 4;
        if (i < count) *offset += (uint32_t)string_length_at(a, *offset) + 1;
    }
    return 0;
}

static int place_strings(const struct exec_arguments *a, struct address_space *space,
                         vaddr_t to) {
    for (uint32_t at = a->start; at < a->end;) {
        size_t size = min(a->end - at, PAGE_SIZE - (to & PAGE_MASK));
        void *page = space_page(space, to, PROT_WRITE);
        if (!page) return -ENOMEM;
        object_read(a->strings, at, page, size);
        at += size;
        to += size;
    }
    return 0;
}

int exec_arguments_place(const struct exec_arguments *a, struct address_space *space,
                         vaddr_t top, const char *path, struct auxiliary *auxiliary,
                         unsigned nr_auxiliary, struct stack_image *image) {
    static const char platform[] = "i686";
    uint8_t random[16];
    uint32_t offset = a->start, path_size = (uint32_t)strlen(path) + 1;

    image->name = top - 4 - path_size;
    vaddr_t platform_at = image->name - sizeof(platform);
    image->random = platform_at - sizeof(random);
    image->arguments = image->random - (a->end - a->start);
    uint32_t words = 1 + a->nr_arguments + 1 + a->nr_environment + 1 + 2 * nr_auxiliary;
    image->esp = round_down(image->arguments - words * 4, 16);

    random_bytes(random, sizeof(random));
    for (unsigned i = 0; i < nr_auxiliary; i++) {
        if (auxiliary[i].type == AT_RANDOM) auxiliary[i].value = image->random;
        if (auxiliary[i].type == AT_EXECFN) auxiliary[i].value = image->name;
        if (auxiliary[i].type == AT_PLATFORM) auxiliary[i].value = platform_at;
    }
    vaddr_t at = image->esp;
    uint32_t count = a->nr_arguments;
    if (space_write(space, uptr(image->name), path, path_size)
        || space_write(space, uptr(platform_at), platform, sizeof(platform))
        || space_write(space, uptr(image->random), random, sizeof(random))
        || place_strings(a, space, image->arguments)
        || space_write(space, uptr(at), &count, 4))
        return -ENOMEM;
    at += 4;
    if (place_pointers(a, space, &at, image->arguments, &offset, a->nr_arguments))
        return -ENOMEM;
    image->arguments_end = image->arguments + offset - a->start;
    if (place_pointers(a, space, &at, image->arguments, &offset, a->nr_environment))
        return -ENOMEM;
    image->environment_end = image->random;
    return space_write(space, uptr(at), auxiliary, nr_auxiliary * sizeof(*auxiliary))
               ? -ENOMEM
               : 0;
}

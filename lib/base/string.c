/* string.c - memory and strings.
 *
 * memcpy and memset work by words: `rep movsd` moves four bytes an instruction, which
 * is what a message costs in the end.
 */
#include "base/string.h"

void *memcpy(void *to, const void *from, size_t size) {
    void *start = to;
    size_t words = size >> 2;

    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    size &= 3;
    if (size)
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t size) {
    char *t = to;
    const char *f = from;

    if (t <= f || t >= f + size) return memcpy(to, from, size);
    while (size--) t[size] = f[size];
    return to;
}

void *memset(void *to, int byte, size_t size) {
    void *start = to;
    uint32_t word = (uint8_t)byte * 0x01010101u;
    size_t words = size >> 2;

    __asm__ volatile("rep stosl" : "+D"(to), "+c"(words) : "a"(word) : "memory");
    size &= 3;
    if (size)
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(word) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t size) {
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i]) return x[i] - y[i];
    return 0;
}

void *memchr(const void *in, int byte, size_t size) {
    const uint8_t *p = in;

    for (size_t i = 0; i < size; i++)
        if (p[i] == (uint8_t)byte) return (void *)(p + i);
    return NULL;
}

size_t strlen(const char *s) {
    size_t n = 0;

    while (s[n]) n++;
    return n;
}

size_t strnlen(const char *s, size_t size) {
    size_t n = 0;

    while (n < size && s[n]) n++;
    return n;
}

int strcmp(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t size) {
    for (; size; a++, b++, size--) {
        if (*a != *b) return (uint8_t)*a - (uint8_t)*b;
        if (!*a) break;
    }
    return 0;
}

char *strchr(const char *s, int c) {
    for (;; s++) {
        if (*s == (char)c) return (char *)s;
        if (!*s) return NULL;
    }
}

char *strrchr(const char *s, int c) {
    const char *found = NULL;

    for (;; s++) {
        if (*s == (char)c) found = s;
        if (!*s) return (char *)found;
    }
}

bool string_copy(char *to, const char *s, size_t size) {
    size_t n = strnlen(s, size);
    bool fits = n < size;

    if (size == 0) return false;
    if (!fits) n = size - 1;
    memcpy(to, s, n);
    to[n] = '\0';
    return fits;
}

bool string_starts_with(const char *s, const char *prefix) {
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

bool string_to_u32(const char *s, uint32_t *value) {
    uint32_t base = 10, n = 0;

    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    }
    if (!*s) return false;
    for (; *s; s++) {
        uint32_t digit = (uint32_t)digit_value(*s);
        if (digit >= base || __builtin_mul_overflow(n, base, &n)
            || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *value = n;
    return true;
}

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

size_t strlen(const char *s) { return strnlen(s, PTRDIFF_MAX); }

size_t strnlen(const char *s, size_t size) {
    size_t n = 0;

    while (n < size && s[n]) n++;
    return n;
}

int strcmp(const char *a, const char *b) { return strncmp(a, b, PTRDIFF_MAX); }

int strncmp(const char *a, const char *b, size_t size) {
    for (; size; a++, b++, size--) {
        if (*a != *b) return (uint8_t)*a - (uint8_t)*b;
        if (!*a) break;
    }
    return 0;
}

char *strchr(const char *s, int c) { return memchr(s, c, strlen(s) + 1); }

bool string_copy(char *to, const char *s, size_t size) {
    size_t n = strnlen(s, size - 1);

    memcpy(to, s, n);
    to[n] = '\0';
    return s[n] == '\0';
}

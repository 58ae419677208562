/* format.c - printf's formatting. Tests: lib/base/format_test.c. */
#include "base/format.h"
#include "base/math64.h"
#include "base/string.h"

enum { DIGITS = 22 };           /* of 64 bits in base 8 */

struct output {
    format_sink sink;
    void *context;
    int count;
};

struct conversion {
    bool left, zero, wide;      /* flags - and 0; length ll */
    int width;
};

static void put(struct output *out, char c) {
    out->sink(out->context, c);
    out->count++;
}

static void put_repeated(struct output *out, char c, int times) {
    while (times-- > 0) put(out, c);
}

/* `prefix`, then `length` characters, padded to the width: zeros go between the two. */
static void put_padded(struct output *out, const struct conversion *c,
                       const char *prefix, const char *text, int length) {
    int padding = c->width - (int)strlen(prefix) - length;

    if (!c->left && !c->zero) put_repeated(out, ' ', padding);
    while (*prefix) put(out, *prefix++);
    if (c->zero) put_repeated(out, '0', padding);
    while (length-- > 0) put(out, *text++);
    if (c->left) put_repeated(out, ' ', padding);
}

static void put_number(struct output *out, const struct conversion *c,
                       const char *prefix, uint64_t value, unsigned base) {
    char digits[DIGITS], *at = digits + DIGITS;
    uint32_t digit;

    do {
        value = divide_u64(value, base, &digit);
        *--at = "0123456789abcdef"[digit];
    } while (value);
    put_padded(out, c, prefix, at, (int)(digits + DIGITS - at));
}

static const char *parse(const char *f, struct conversion *c) {
    *c = (struct conversion){ .width = 0 };
    for (; *f == '-' || *f == '0'; f++) *(*f == '-' ? &c->left : &c->zero) = true;
    if (c->left) c->zero = false;
    for (; *f >= '0' && *f <= '9'; f++) c->width = c->width * 10 + (*f - '0');
    for (; *f == 'l' || *f == 'z'; f++) c->wide = f[0] == 'l' && f[-1] == 'l';
    return f;
}

static uint64_t take_unsigned(const struct conversion *c, va_list *arguments) {
    return c->wide ? va_arg(*arguments, uint64_t) : va_arg(*arguments, uint32_t);
}

static void put_signed(struct output *out, const struct conversion *c,
                       va_list *arguments) {
    int64_t value = c->wide ? va_arg(*arguments, int64_t) : va_arg(*arguments, int32_t);

    put_number(out, c, value < 0 ? "-" : "",
               value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

static void put_string(struct output *out, struct conversion *c, const char *s) {
    c->zero = false;
    put_padded(out, c, "", s ? s : "(null)", (int)strlen(s ? s : "(null)"));
}

static void put_conversion(struct output *out, struct conversion *c, char letter,
                           va_list *arguments) {
    char byte;

    switch (letter) {
    case 'd': put_signed(out, c, arguments); break;
    case 'u': put_number(out, c, "", take_unsigned(c, arguments), 10); break;
    case 'o': put_number(out, c, "", take_unsigned(c, arguments), 8); break;
    case 'x': put_number(out, c, "", take_unsigned(c, arguments), 16); break;
    case 'p': put_number(out, c, "0x", va_arg(*arguments, uintptr_t), 16); break;
    case 's': put_string(out, c, va_arg(*arguments, const char *)); break;
    case 'c':
        c->zero = false;
        byte = (char)va_arg(*arguments, int);
        put_padded(out, c, "", &byte, 1);
        break;
    case '%': put(out, '%'); break;
    default: put(out, '%'); put(out, letter);
    }
}

int format_to(format_sink sink, void *context, const char *f, va_list arguments) {
    struct output out = { sink, context, 0 };
    struct conversion c;
    va_list rest;

    va_copy(rest, arguments);
    for (; *f; f++) {
        if (*f != '%') {
            put(&out, *f);
            continue;
        }
        f = parse(f + 1, &c);
        if (*f == '\0') break;
        put_conversion(&out, &c, *f, &rest);
    }
    va_end(rest);
    return out.count;
}

struct buffer {
    char *at;
    size_t left;
};

static void buffer_put(void *context, char c) {
    struct buffer *b = context;

    if (b->left > 1) {
        *b->at++ = c;
        b->left--;
    }
}

int format_v(char *to, size_t size, const char *f, va_list arguments) {
    struct buffer buffer = { to, size };
    int length = format_to(buffer_put, &buffer, f, arguments);

    if (size) *buffer.at = '\0';
    return length;
}

int format(char *to, size_t size, const char *f, ...) {
    va_list arguments;

    va_start(arguments, f);
    int length = format_v(to, size, f, arguments);
    va_end(arguments);
    return length;
}

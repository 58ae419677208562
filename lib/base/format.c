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

static void put(struct output *out, char c, int times) {
    for (; times > 0; times--, out->count++) out->sink(out->context, c);
}

/* `prefix`, then `length` characters, padded to the width: zeros go between the two. */
static void put_padded(struct output *out, const struct conversion *c,
                       const char *prefix, const char *text, int length) {
    int padding = c->width - (int)strlen(prefix) - length;

    if (!c->left && !c->zero) put(out, ' ', padding);
    while (*prefix) put(out, *prefix++, 1);
    if (c->zero) put(out, '0', padding);
    while (length-- > 0) put(out, *text++, 1);
    if (c->left) put(out, ' ', padding);
}

static void put_number(struct output *out, const struct conversion *c, char letter,
                       uint64_t value) {
    uint32_t base = letter == 'o' ? 8 : letter == 'x' || letter == 'p' ? 16 : 10, digit;
    bool is_negative = letter == 'd' && (int64_t)value < 0;
    char digits[DIGITS], *at = digits + DIGITS;

    if (is_negative) value = -value;
    do {
        value = divide_u64(value, base, &digit);
        *--at = "0123456789abcdef"[digit];
    } while (value);
    put_padded(out, c,
               letter == 'p' ? "0x"
               : is_negative ? "-"
                             : "",
               at, (int)(digits + DIGITS - at));
}

static const char *parse(const char *f, struct conversion *c) {
    *c = (struct conversion){ .width = 0 };
    for (; *f == '-' || *f == '0'; f++) *(*f == '-' ? &c->left : &c->zero) = true;
    if (c->left) c->zero = false;
    for (; *f >= '0' && *f <= '9'; f++) c->width = c->width * 10 + (*f - '0');
    for (; *f == 'l' || *f == 'z'; f++) c->wide = f[0] == 'l' && f[-1] == 'l';
    return f;
}

static void put_conversion(struct output *out, struct conversion *c, char letter,
                           va_list *arguments) {
    const char *text;
    char byte;

    switch (letter) {
    case 'd':
        if (!c->wide) {
            put_number(out, c, letter, (uint64_t)(int64_t)va_arg(*arguments, int32_t));
            break;
        } // fall through
    case 'u':
    case 'o':
    case 'x':
    case 'p':
        put_number(out, c, letter,
                   c->wide ? va_arg(*arguments, uint64_t)
                           : va_arg(*arguments, uint32_t));
        break;
    case 's':
        text = va_arg(*arguments, const char *);
        if (!text) text = "(null)";
        c->zero = false;
        put_padded(out, c, "", text, (int)strlen(text));
        break;
    case 'c':
        byte = (char)va_arg(*arguments, int);
        c->zero = false;
        put_padded(out, c, "", &byte, 1);
        break;
    default:
        put(out, '%', 1);
        if (letter != '%') put(out, letter, 1);
    }
}

int format_to(format_sink sink, void *context, const char *f, va_list arguments) {
    struct output out = { sink, context, 0 };
    struct conversion c;
    va_list rest;

    va_copy(rest, arguments);
    for (; *f; f++) {
        if (*f != '%') {
            put(&out, *f, 1);
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

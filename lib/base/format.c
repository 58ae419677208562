/* format.c - printf's formatting. Tests: lib/base/format_test.c. */
#include "base/format.h"
#include "base/string.h"

enum { DIGITS = 22 };           /* of 64 bits in base 8 */

/* What a conversion prints; width and padding come on top. A number's digits are put at
 * the end of `digits`. */
struct piece {
    const char *prefix, *text;
    size_t length;
};

static struct piece convert(char letter, bool is_wide, va_list *arguments,
                            char digits[DIGITS]) {
    char *at = digits + DIGITS;
    uint32_t base = letter == 'o' ? 8 : letter == 'x' || letter == 'p' ? 16 : 10, digit;

    if (letter == 's') {
        const char *text = va_arg(*arguments, const char *);
        if (!text) text = "(null)";
        return (struct piece){ "", text, strlen(text) };
    }
    digits[0] = letter == 'c' ? (char)va_arg(*arguments, int) : '%';
    digits[1] = letter;
    if (!strchr("duoxp", letter))
        return (struct piece){ "", digits, letter == 'c' || letter == '%' ? 1 : 2 };
    uint64_t value = is_wide         ? va_arg(*arguments, uint64_t)
                     : letter == 'd' ? (uint64_t)va_arg(*arguments, int32_t)
                                     : va_arg(*arguments, uint32_t);
    bool is_negative = letter == 'd' && (int64_t)value < 0;
    if (is_negative) value = -value;
    do {
        value = divide_u64(value, base, &digit);
        *--at = "0123456789abcdef"[digit];
    } while (value);
    return (struct piece){ letter == 'p' ? "0x"
                           : is_negative ? "-"
                                         : "",
                           at, (size_t)(digits + DIGITS - at) };
}

int format_to(format_sink sink, void *context, const char *f, va_list arguments) {
    char digits[DIGITS];
    int count = 0;
    va_list rest;

    va_copy(rest, arguments);
    for (; *f; f++) {
        bool left = false, zero = false, is_wide = false;
        struct piece p = { "", f, 1 };
        size_t width = 0, used;
        if (*f == '%') {
            for (f++; *f == '-' || *f == '0'; f++) *(*f == '-' ? &left : &zero) = true;
            for (; *f >= '0' && *f <= '9'; f++) width = width * 10 + (size_t)(*f - '0');
            for (; *f == 'l' || *f == 'z'; f++) is_wide = f[0] == 'l' && f[-1] == 'l';
            if (*f == '\0') break;
            if (left || *f == 's' || *f == 'c') zero = false;
            p = convert(*f, is_wide, &rest, digits);
        }
        used = strlen(p.prefix) + p.length;
        width = max(width, used);
        count += (int)width;
        // blanks, prefix, zeros, text, blanks
        for (; width > used && !left && !zero; width--) sink(context, ' ');
        while (*p.prefix) sink(context, *p.prefix++);
        for (; width > used && zero; width--) sink(context, '0');
        while (p.length--) sink(context, *p.text++);
        for (; width > used; width--) sink(context, ' ');
    }
    va_end(rest);
    return count;
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

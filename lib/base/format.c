/* format.c - printf's formatting. Tests: lib/base/format_test.c. */
#include "base/format.h"
#include "base/string.h"

enum { DIGITS = 22 };           /* of 64 bits in base 8 */

/* What a conversion prints, without padding; a number's digits end where `digits`
 * do. */
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
    const char *prefix = letter == 'p' ? "0x" : is_negative ? "-" : "";
    return (struct piece){ prefix, at, (size_t)(digits + DIGITS - at) };
}

/* Where the text goes; what does not fit is only counted. */
struct output {
    char *to;
    size_t size, length;
};

static void put(struct output *o, char c) {
    if (o->length + 1 < o->size) o->to[o->length] = c;
    o->length++;
}

int format_v(char *to, size_t size, const char *f, va_list arguments) {
    struct output o = { to, size, 0 };
    char digits[DIGITS];
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
        // blanks, prefix, zeros, text, blanks
        for (; width > used && !left && !zero; width--) put(&o, ' ');
        while (*p.prefix) put(&o, *p.prefix++);
        for (; width > used && zero; width--) put(&o, '0');
        while (p.length--) put(&o, *p.text++);
        for (; width > used; width--) put(&o, ' ');
    }
    va_end(rest);
    if (size) to[min(o.length, size - 1)] = '\0';
    return (int)o.length;
}

int format(char *to, size_t size, const char *f, ...) {
    va_list arguments;

    va_start(arguments, f);
    int length = format_v(to, size, f, arguments);
    va_end(arguments);
    return length;
}

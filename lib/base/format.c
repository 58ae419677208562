/* format.c - printf's formatting. Tests: lib/base/format_test.c. */
#include "base/format.h"
#include "base/math64.h"
#include "base/string.h"

struct conversion {
    bool left, zero, plus, space, alternate;
    int width, precision;       /* precision -1: not given */
    int length;                 /* -2 hh, -1 h, 0 int, 1 l or z, 2 ll */
};

struct output {
    format_sink sink;
    void *context;
    int count;
};

static void put(struct output *out, char c) {
    out->sink(out->context, c);
    out->count++;
}

static void put_repeated(struct output *out, char c, int times) {
    while (times-- > 0)
        put(out, c);
}

static void put_string(struct output *out, const struct conversion *conv,
                       const char *s) {
    if (!s) s = "(null)";
    int length =
        (int)(conv->precision >= 0 ? strnlen(s, (size_t)conv->precision) : strlen(s));
    if (!conv->left) put_repeated(out, ' ', conv->width - length);
    for (int i = 0; i < length; i++)
        put(out, s[i]);
    if (conv->left) put_repeated(out, ' ', conv->width - length);
}

static void put_number(struct output *out, const struct conversion *conv,
                       uint64_t value, unsigned base, bool upper, const char *sign) {
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24];
    int n = 0;

    while (value) {
        uint32_t remainder;
        value = divide_u64(value, base, &remainder);
        text[n++] = digits[remainder];
    }
    int least = conv->precision >= 0 ? conv->precision : 1;
    int zeros = max(least - n, 0);
    int length = (int)strlen(sign) + n + zeros;

    if (conv->zero && !conv->left && conv->precision < 0) {
        zeros += max(conv->width - length, 0);
        length = max(length, conv->width);
    }
    if (!conv->left) put_repeated(out, ' ', conv->width - length);
    while (*sign)
        put(out, *sign++);
    put_repeated(out, '0', zeros);
    while (n)
        put(out, text[--n]);
    if (conv->left) put_repeated(out, ' ', conv->width - length);
}

static uint64_t take_unsigned(const struct conversion *conv, va_list *arguments) {
    if (conv->length == 2) return va_arg(*arguments, uint64_t);
    uint32_t value = va_arg(*arguments, uint32_t);
    if (conv->length == -1) return (uint16_t)value;
    return conv->length == -2 ? (uint8_t)value : value;
}

static void put_signed(struct output *out, const struct conversion *conv,
                       va_list *arguments) {
    int64_t value;

    if (conv->length == 2)
        value = va_arg(*arguments, int64_t);
    else
        value = va_arg(*arguments, int32_t);
    if (conv->length == -1) value = (int16_t)value;
    if (conv->length == -2) value = (int8_t)value;
    const char *sign = value < 0 ? "-" : conv->plus ? "+" : conv->space ? " " : "";
    put_number(out, conv, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, false,
               sign);
}

static const char *parse_flags(const char *f, struct conversion *conv) {
    for (;; f++) {
        if (*f == '-')
            conv->left = true;
        else if (*f == '0')
            conv->zero = true;
        else if (*f == '+')
            conv->plus = true;
        else if (*f == ' ')
            conv->space = true;
        else if (*f == '#')
            conv->alternate = true;
        else
            return f;
    }
}

static const char *parse_count(const char *f, int *count, va_list *arguments) {
    if (*f == '*') {
        *count = va_arg(*arguments, int);
        return f + 1;
    }
    for (*count = 0; *f >= '0' && *f <= '9'; f++)
        *count = *count * 10 + (*f - '0');
    return f;
}

static const char *parse_length(const char *f, struct conversion *conv) {
    for (;; f++) {
        if (*f == 'l')
            conv->length++;
        else if (*f == 'h')
            conv->length--;
        else if (*f != 'z')
            return f;
    }
}

static const char *parse(const char *f, struct conversion *conv, va_list *arguments) {
    *conv = (struct conversion){ .precision = -1 };
    f = parse_flags(f, conv);
    f = parse_count(f, &conv->width, arguments);
    if (conv->width < 0) {
        conv->left = true;
        conv->width = -conv->width;
    }
    if (*f == '.') f = parse_count(f + 1, &conv->precision, arguments);
    return parse_length(f, conv);
}

static void put_hexadecimal(struct output *out, const struct conversion *conv,
                            uint64_t value, bool upper) {
    const char *prefix = !conv->alternate || !value ? "" : upper ? "0X" : "0x";

    put_number(out, conv, value, 16, upper, prefix);
}

static void put_conversion(struct output *out, struct conversion *conv, char letter,
                           va_list *arguments) {
    uint64_t value;

    switch (letter) {
    case 'd':
    case 'i':
        put_signed(out, conv, arguments);
        break;
    case 'u':
        put_number(out, conv, take_unsigned(conv, arguments), 10, false, "");
        break;
    case 'o':
        value = take_unsigned(conv, arguments);
        put_number(out, conv, value, 8, false, conv->alternate && value ? "0" : "");
        break;
    case 'x':
    case 'X':
        put_hexadecimal(out, conv, take_unsigned(conv, arguments), letter == 'X');
        break;
    case 'p':
        conv->alternate = true;
        put_hexadecimal(out, conv, (uint32_t)(uintptr_t)va_arg(*arguments, void *),
                        false);
        break;
    case 'c': {
        char text[2] = { (char)va_arg(*arguments, int), '\0' };
        conv->precision = 1;
        if (text[0])
            put_string(out, conv, text);
        else
            put(out, '\0');
        break;
    }
    case 's':
        put_string(out, conv, va_arg(*arguments, const char *));
        break;
    default:
        put(out, '%');
        put(out, letter);
    }
}

int format_to(format_sink sink, void *context, const char *f, va_list arguments) {
    struct output out = { sink, context, 0 };
    va_list rest;

    va_copy(rest, arguments);
    while (*f) {
        struct conversion conv;
        if (*f != '%') {
            put(&out, *f++);
            continue;
        }
        f = parse(f + 1, &conv, &rest);
        if (*f == '\0') break;
        if (*f == '%')
            put(&out, '%');
        else
            put_conversion(&out, &conv, *f, &rest);
        f++;
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

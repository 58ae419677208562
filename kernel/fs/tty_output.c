/* tty_output.c - the line discipline's way out: what programs write and what is echoed.
 *
 * Output processing (OPOST) follows the cursor's column, for tabs and for erasing them.
 * See: tty_line.h; POSIX, Base Definitions, 11.2.3.
 */
#include "fs/tty_line.h"

#include "base/string.h"

void line_send(struct line *l)
{
    size_t length = l->out_length;

    // emptied first: a screen may answer what it is shown, and the answer is echoed
    l->out_length = 0;
    if (length)
        l->output(l, l->out, length);
}

static void put_out(struct line *l, char c)
{
    if (l->out_length == sizeof(l->out))
        line_send(l);
    l->out[l->out_length++] = c;
}

/* One byte of output, with OPOST. */
static void put_processed(struct line *l, uint8_t c)
{
    uint32_t flags = l->termios.output;
    unsigned spaces = 8 - (l->column & 7);

    switch (c) {
    case '\n':
        if (flags & ONLCR)
            put_out(l, '\r');
        if (flags & (ONLCR | ONLRET))
            l->column = 0;
        l->start_column = l->column;
        break;
    case '\r':
        if (flags & ONOCR && l->column == 0)
            return;
        if (flags & OCRNL)
            c = '\n';
        if (!(flags & OCRNL) || flags & ONLRET)
            l->start_column = l->column = 0;
        break;
    case '\t':
        l->column += spaces;
        if ((flags & XTABS) != XTABS)
            break;
        while (spaces--)
            put_out(l, ' ');
        return;
    case '\b':
        l->column -= l->column > 0;
        break;
    default:
        if (!byte_is_control(c) && !line_continues(l, c))
            l->column++;
    }
    put_out(l, (char)c);
}

void line_write(struct line *l, const char *bytes, size_t size)
{
    const char *end = bytes + size;

    if (!(l->termios.output & OPOST)) {
        l->output(l, bytes, size);
        return;
    }
    while (bytes < end) {
        const char *at = bytes;
        while (at < end && (uint8_t)(*at - ' ') < 0x7f - ' ')
            at++;
        size_t run = (size_t)(at - bytes);
        l->column += run;
        while (run) {           // plain text goes in one piece
            size_t n = min(run, sizeof(l->out) - l->out_length);
            memcpy(l->out + l->out_length, bytes, n);
            l->out_length += n;
            bytes += n;
            run -= n;
            if (l->out_length == sizeof(l->out))
                line_send(l);
        }
        if (at < end)
            put_processed(l, (uint8_t)*bytes++);
    }
    line_send(l);
}

void line_echo_plain(struct line *l, char c)
{
    if (l->termios.output & OPOST)
        put_processed(l, (uint8_t)c);
    else
        put_out(l, c);
}

void line_echo(struct line *l, uint8_t c)
{
    if (line_has(l, ECHOCTL) && byte_is_control(c) && c != '\t') {
        put_out(l, '^');
        put_out(l, (char)(c ^ 0x40));
        l->column += 2;
    } else {
        line_echo_plain(l, (char)c);
    }
}

/* tty_edit.c - the line discipline's editor: erase, kill, reprint, literal next.
 *
 * Whatever disappears from the line disappears from the screen: characters by backing
 * up over them, tabs by going back to where they began.
 * See: tty_line.h; POSIX, Base Definitions, 11.1.6 (Canonical Mode).
 */
#include "fs/tty_line.h"

static void echo_rubout(struct line *l)
{
    line_echo_plain(l, '\b');
    line_echo_plain(l, ' ');
    line_echo_plain(l, '\b');
}

/* How far a tab at `put` had moved the cursor: from the columns of what is before
 * it. */
static unsigned tab_width(const struct line *l)
{
    unsigned columns = 0;
    uint32_t at = l->put;

    while (at != l->complete) {
        uint8_t c = line_byte(l, --at);
        if (c == '\t')
            return 8 - (columns & 7);
        if (byte_is_control(c))
            columns += line_has(l, ECHOCTL) ? 2 : 0;
        else if (!line_continues(l, c))
            columns++;
    }
    return 8 - ((columns + l->start_column) & 7);
}

/* Takes c, which has just been cut off at `put`, from the screen. */
static void unecho(struct line *l, uint8_t c, bool one_only)
{
    if (!line_has(l, ECHO))
        return;
    if (one_only && !line_has(l, ECHOE)) {
        line_echo(l, l->termios.characters[VERASE]);
    } else if (c == '\t') {
        for (unsigned n = tab_width(l); n; n--)
            line_echo_plain(l, '\b');
    } else if (!byte_is_control(c)) {
        echo_rubout(l);
    } else if (line_has(l, ECHOCTL)) {
        echo_rubout(l);
        echo_rubout(l);
    }
}

/* Cuts off the last character, whose first byte becomes *c. False at the line's
 * start. */
static bool cut(struct line *l, uint8_t *c)
{
    uint32_t at = l->put;

    do {
        if (at == l->complete)
            return false;
        *c = line_byte(l, --at);
    } while (line_continues(l, *c));
    l->put = at;
    return true;
}

static bool is_word(uint8_t c)
{
    uint8_t lower = c | 0x20;

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_'
           || c >= 0xc0;        // a letter of Latin 1, or the start of one in UTF-8
}

static void erase_word(struct line *l)
{
    bool in_word = false;
    uint32_t before = l->put;
    uint8_t c;

    for (; cut(l, &c); before = l->put) {
        if (in_word && !is_word(c)) {
            l->put = before;
            return;
        }
        in_word |= is_word(c);
        unecho(l, c, false);
    }
}

static void kill_line(struct line *l)
{
    uint32_t all = ECHO | ECHOK | ECHOKE | ECHOE;
    uint8_t c;

    if ((l->termios.local & all) == all) {
        while (cut(l, &c))
            unecho(l, c, false);
        return;
    }
    l->put = l->complete;
    if (!line_has(l, ECHO))
        return;
    line_echo(l, l->termios.characters[VKILL]);
    if (line_has(l, ECHOK))
        line_echo_plain(l, '\n');
}

static void reprint(struct line *l, uint8_t c)
{
    line_echo(l, c);
    line_echo_plain(l, '\n');
    for (uint32_t at = l->complete; at != l->put; at++)
        line_echo(l, line_byte(l, at));
}

/* The keys that change the line; false when c is none of them. */
bool line_edit(struct line *l, uint8_t c)
{
    bool extended = line_has(l, IEXTEN);
    uint8_t last;

    if (line_key_is(l, c, VERASE)) {
        if (cut(l, &last))
            unecho(l, last, true);
    } else if (extended && line_key_is(l, c, VWERASE)) {
        erase_word(l);
    } else if (line_key_is(l, c, VKILL)) {
        if (l->put != l->complete)
            kill_line(l);
    } else if (extended && line_key_is(l, c, VLNEXT)) {
        l->literal_next = true;
        if (line_has(l, ECHO) && line_has(l, ECHOCTL)) {
            line_echo_plain(l, '^');
            line_echo_plain(l, '\b');
        }
    } else if (extended && line_has(l, ECHO) && line_key_is(l, c, VREPRINT)) {
        reprint(l, c);
    } else {
        return false;
    }
    return true;
}

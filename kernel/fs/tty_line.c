/* tty_line.c - the line discipline, as Linux's n_tty has it.
 *
 * Shape: tty_line.h has the picture.
 * Invariants: taken <= complete <= put <= taken + LINE_SIZE in canonical mode. Every
 *   call leaves `out` empty.
 * Linux: output is not kept back when ^S has stopped it, writers are (fs/tty.c); so
 *   what is typed is echoed at once. Parity, upper case terminals and ECHOPRT are not
 *   there. All else was compared with Linux, byte by byte.
 * Tests: tty_line_host_test.c.
 * See: POSIX, Base Definitions, 11 (General Terminal Interface); termios(3).
 */
#include "fs/tty_line.h"

#include "base/string.h"
#include "sched/signal.h"

static inline uint8_t control_key(char letter)
{
    return (uint8_t)(letter ^ 0x40);
}

void line_init(struct line *l, void (*output)(struct line *, const char *, size_t))
{
    uint8_t *c = l->termios.characters;

    memset(l, 0, sizeof(*l));
    l->output = output;
    l->termios.input = ICRNL | IXON;
    l->termios.output = OPOST | ONLCR;
    l->termios.control = B38400 | CS8 | CREAD | HUPCL;
    l->termios.local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    c[VINTR] = control_key('C');
    c[VQUIT] = control_key('\\');
    c[VERASE] = 0x7f;
    c[VKILL] = control_key('U');
    c[VEOF] = control_key('D');
    c[VMIN] = 1;
    c[VSTART] = control_key('Q');
    c[VSTOP] = control_key('S');
    c[VSUSP] = control_key('Z');
    c[VREPRINT] = control_key('R');
    c[VDISCARD] = control_key('O');
    c[VWERASE] = control_key('W');
    c[VLNEXT] = control_key('V');
}

/* Echoes a typed character that is stored; the first of a line sets where it begins. */
static void echo_typed(struct line *l, uint8_t c)
{
    if (!line_has(l, ECHO))
        return;
    if (l->put == l->complete)
        l->start_column = l->column;
    line_echo(l, c);
}

static void put(struct line *l, uint8_t c, bool ends)
{
    uint32_t at, bit;

    if (l->put - l->taken == LINE_SIZE) {
        if (!line_is_canonical(l) || l->complete != l->taken)
            return;             // the device did not ask whether there is room
        l->put--;               // too long a line: its end can still be typed
    }
    at = l->put++ & (LINE_SIZE - 1);
    bit = 1u << (at % 32);
    l->bytes[at] = c;
    l->ends[at / 32] = ends ? l->ends[at / 32] | bit : l->ends[at / 32] & ~bit;
}

static unsigned put_end(struct line *l, uint8_t c)
{
    put(l, c, true);
    l->complete = l->put;
    return LINE_READABLE;
}

static unsigned take_canonical(struct line *l, uint8_t c)
{
    if (line_edit(l, c))
        return 0;
    if (c == '\n') {
        if (line_has(l, ECHO) || line_has(l, ECHONL))
            line_echo_plain(l, '\n');
        return put_end(l, c);
    }
    if (line_key_is(l, c, VEOF))
        return put_end(l, 0);
    echo_typed(l, c);
    if (line_key_is(l, c, VEOL) || (line_has(l, IEXTEN) && line_key_is(l, c, VEOL2)))
        return put_end(l, c);
    put(l, c, false);
    return 0;
}

/* was_return: c is the newline that a carriage return became, and is shown as one. */
static unsigned take_raw(struct line *l, uint8_t c, bool was_return)
{
    if (was_return && line_has(l, ECHO))
        line_echo_plain(l, '\n');
    else
        echo_typed(l, c);
    put(l, c, false);
    return LINE_READABLE;
}

/* The signal a key means, or 0. */
static int signal_of(const struct line *l, uint8_t c)
{
    if (!line_has(l, ISIG))
        return 0;
    return line_key_is(l, c, VINTR)   ? SIGINT
           : line_key_is(l, c, VQUIT) ? SIGQUIT
           : line_key_is(l, c, VSUSP) ? SIGTSTP
                                      : 0;
}

static unsigned go(struct line *l)
{
    bool was_stopped = l->stopped;

    l->stopped = false;
    return was_stopped ? LINE_GO : 0;
}

static unsigned take(struct line *l, uint8_t c)
{
    uint32_t flags = l->termios.input;
    unsigned event = 0, signal;

    if (flags & IXON && line_key_is(l, c, VSTART))
        return go(l);
    if (flags & IXON && line_key_is(l, c, VSTOP)) {
        l->stopped = true;
        return 0;
    }
    if ((signal = (unsigned)signal_of(l, c))) {
        if (!line_has(l, NOFLSH))
            line_flush(l);
        if (flags & IXON)
            event = go(l);
        if (line_has(l, ECHO))
            line_echo(l, c);
        return signal | event;
    }
    if (flags & IXON && flags & IXANY)
        event = go(l);
    if (c == '\r' && flags & IGNCR)
        return event;
    bool was_return = c == '\r' && flags & ICRNL;
    if (was_return)
        c = '\n';
    else if (c == '\n' && flags & INLCR)
        c = '\r';
    if (line_is_canonical(l))
        return event | take_canonical(l, c);
    return event | take_raw(l, c, was_return);
}

unsigned line_input(struct line *l, uint8_t byte)
{
    unsigned event = line_is_canonical(l) ? 0 : LINE_READABLE;

    if (l->termios.input & ISTRIP)
        byte &= 0x7f;
    if (l->literal_next) {
        l->literal_next = false;
        echo_typed(l, byte);
        put(l, byte, false);
    } else {
        event = take(l, byte);
    }
    line_send(l);
    return event;
}

/* -- For readers ------------------------------------------------------------------- */

bool line_has_room(const struct line *l)
{
    return l->put - l->taken < LINE_SIZE - 1
           || (line_is_canonical(l) && l->complete == l->taken);
}

bool line_is_readable(const struct line *l, bool for_poll)
{
    const uint8_t *c = l->termios.characters;
    unsigned least = for_poll && !c[VTIME] && c[VMIN] ? c[VMIN] : 1;

    if (line_is_canonical(l))
        return l->complete != l->taken;
    return l->put - l->taken >= least;
}

size_t line_peek(const struct line *l, size_t size, size_t *consume)
{
    bool canonical = line_is_canonical(l);
    size_t there = (canonical ? l->complete : l->put) - l->taken, n = min(size, there);

    // one more is looked at: an end of file right behind the last byte goes with it
    for (size_t i = 0; canonical && i < min(size + 1, there); i++) {
        if (!line_ends_at(l, l->taken + i))
            continue;
        if (line_byte(l, l->taken + i) == 0) {
            *consume = i + 1;
            return i;
        }
        n = min(size, i + 1);
        break;
    }
    *consume = n;
    return n;
}

void line_consume(struct line *l, size_t size)
{
    l->taken += size;
}

size_t line_count(const struct line *l)
{
    size_t n = l->put - l->taken;

    if (!line_is_canonical(l))
        return n;
    n = l->complete - l->taken;
    for (uint32_t at = l->taken; at != l->complete; at++)
        n -= line_ends_at(l, at) && line_byte(l, at) == 0;
    return n;
}

void line_flush(struct line *l)
{
    l->taken = l->complete = l->put;
    l->literal_next = false;
}

void line_set_modes(struct line *l, const struct termios *modes)
{
    uint32_t old_local = l->termios.local;

    l->termios = *modes;
    if (!(modes->input & IXON))
        l->stopped = false;
    if (!((old_local ^ modes->local) & ICANON))
        return;
    memset(l->ends, 0, sizeof(l->ends));
    l->literal_next = false;
    l->complete = l->taken;
    if (line_is_canonical(l) && l->put != l->taken) {
        uint32_t last = (l->put - 1) & (LINE_SIZE - 1);
        l->ends[last / 32] |= 1u << (last % 32);
        l->complete = l->put;   // what was typed in raw mode reads as one line
    }
}

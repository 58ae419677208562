/* keyboard.c - from scan codes to characters: PS/2, set 1, a US keyboard.
 *
 * A key sends its code when pressed, and the code | 0x80 when released; the keys that
 * came later send 0xE0 first. Keys that are no characters become the sequences of a
 * VT100 (ESC [ A for up), Alt puts an ESC in front. (Pause looks like Control, down and
 * up again, around codes that mean nothing here.)
 *
 * Alt-P prints who waits for what.
 * See: IBM Personal Computer AT Technical Reference, 4 (keyboard).
 */
#include "arch.h"
#include "arch/x86/io.h"
#include "core/panic.h"
#include "dev/terminal.h"

#define KEYBOARD_IRQ 1

enum { DATA_PORT = 0x60, STATUS_PORT = 0x64, COMMAND_PORT = 0x64 };
enum { STATUS_FULL = 1, STATUS_BUSY = 2, STATUS_MOUSE = 0x20, STATUS_ABSENT = 0xff };
enum {
    COMMAND_SET_MODE = 0x60, COMMAND_ENABLE = 0xae,
    MODE = 0x65,                /* interrupt, tested, mouse off, translate to set 1 */
    KEYBOARD_ENABLE = 0xf4, TRIES = 100000,
};

enum {                          /* scan codes; E0 in front: | 0x80 */
    CODE_RELEASED = 0x80, CODE_EXTENDED = 0xe0,
    CODE_CONTROL = 0x1d, CODE_LEFT_SHIFT = 0x2a, CODE_RIGHT_SHIFT = 0x36,
    CODE_ALT = 0x38, CODE_CAPS = 0x3a, CODE_P = 0x19, CODE_KEYPAD = 0x47,
    CODE_DELETE = 0x53,
};

static const char plain[] = "\0\033"
                            "1234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\"
                            "zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033"
                              "!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|"
                              "ZXCVBNM<>?\0*\0 ";

/* From CODE_KEYPAD to CODE_DELETE: home up pgup - left . right + end down pgdn ins
 * del */
static const char *const keypad[] = { "\033[H", "\033[A", "\033[5~", "-", "\033[D",
                                      "", "\033[C", "+", "\033[F", "\033[B",
                                      "\033[6~", "\033[2~", "\033[3~" };

static bool shift, control, alt, caps;  /* held down, or switched on */
static bool extended;                   /* the last code was E0 */

static void type(const char *keys) {
    while (*keys) terminal_input(&screen_terminal, (uint8_t)*keys++);
}

static void type_character(char c) {
    bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

    if (letter && caps) c ^= 0x20;
    if (control && (c == ' ' || (c >= '@' && c <= '~'))) c &= 0x1f;
    else if (control && c == '?') c = 0x7f;
    if (alt) type("\033");
    terminal_input(&screen_terminal, (uint8_t)c);
}

static void key_pressed(unsigned code, bool is_extended) {
    if (alt && code == CODE_P)
        panic_print_reports();
    else if (code >= CODE_KEYPAD && code <= CODE_DELETE)
        type(keypad[code - CODE_KEYPAD]);
    else if (code < sizeof(plain) - 1 && plain[code]
             && (!is_extended || plain[code] == '/' || plain[code] == '\r'))
        type_character(shift && !is_extended ? shifted[code] : plain[code]);
}

static void take_code(uint8_t byte) {
    unsigned code = byte & ~CODE_RELEASED;
    bool down = !(byte & CODE_RELEASED), was_extended = extended;

    extended = byte == CODE_EXTENDED;
    if (extended) return;
    if (code == CODE_LEFT_SHIFT || code == CODE_RIGHT_SHIFT)
        shift = down && !was_extended;  // E0 2A is no shift but noise
    else if (code == CODE_CONTROL)
        control = down;
    else if (code == CODE_ALT)
        alt = down;
    else if (code == CODE_CAPS)
        caps ^= down;
    else if (down)
        key_pressed(code, was_extended);
}

static void keyboard_interrupt(void) {
    uint8_t status;

    while ((status = in8(STATUS_PORT)) & STATUS_FULL) {
        uint8_t byte = in8(DATA_PORT);
        if (!(status & STATUS_MOUSE)) take_code(byte);
    }
}

static void send(uint16_t port, uint8_t byte) {
    for (int i = 0; i < TRIES && in8(STATUS_PORT) & STATUS_BUSY; i++) cpu_relax();
    out8(port, byte);
}

void keyboard_start(void) {
    if (in8(STATUS_PORT) == STATUS_ABSENT) return;
    send(COMMAND_PORT, COMMAND_ENABLE);
    for (int i = 0; i < 32 && in8(STATUS_PORT) & STATUS_FULL; i++) in8(DATA_PORT);
    irq_register(KEYBOARD_IRQ, keyboard_interrupt);
    send(COMMAND_PORT, COMMAND_SET_MODE);
    send(DATA_PORT, MODE);
    send(DATA_PORT, KEYBOARD_ENABLE);
}

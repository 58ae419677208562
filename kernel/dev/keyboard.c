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

enum {                          /* scan codes */
    CODE_RELEASED = 0x80, CODE_E0 = 0xe0,
    KEY_CONTROL = 0x1d, KEY_LEFT_SHIFT = 0x2a, KEY_RIGHT_SHIFT = 0x36, KEY_ALT = 0x38,
    KEY_CAPS = 0x3a, KEY_P = 0x19, KEY_HOME = 0x47, KEY_DELETE = 0x53,
    EXTENDED = 0x80,            /* or'ed to a key: E0 came before it */
};

static const char plain[] = "\0\033"
                            "1234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\"
                            "zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033"
                              "!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|"
                              "ZXCVBNM<>?\0*\0 ";

/* home up pgup - left . right + end down pgdn ins del */
static const char *const keypad[] = { "\033[H", "\033[A", "\033[5~", "-", "\033[D",
                                      "", "\033[C", "+", "\033[F", "\033[B",
                                      "\033[6~", "\033[2~", "\033[3~" };

static bool held[256];          /* by key */
static bool caps;               /* switched on */
static bool extended;           /* the last code was E0 */

static void type(const char *keys) {
    while (*keys) terminal_input(&screen_terminal, (uint8_t)*keys++);
}

static void take_code(uint8_t byte) {
    unsigned key = (byte & ~CODE_RELEASED) | (extended ? EXTENDED : 0);

    extended = byte == CODE_E0;
    if (extended) return;
    held[key] = !(byte & CODE_RELEASED);
    if (!held[key]) return;
    unsigned code = key & ~EXTENDED;
    bool alt = held[KEY_ALT] || held[KEY_ALT | EXTENDED];
    bool control = held[KEY_CONTROL] || held[KEY_CONTROL | EXTENDED];
    bool shift = held[KEY_LEFT_SHIFT] || held[KEY_RIGHT_SHIFT];
    const char *characters = shift && code == key ? shifted : plain;
    char c = code < sizeof(plain) - 1 ? characters[code] : '\0';

    if (alt && key == KEY_P) return panic_print_reports();
    if (code >= KEY_HOME && code <= KEY_DELETE) return type(keypad[code - KEY_HOME]);
    if (key == KEY_CAPS) caps = !caps;
    if (!c || (code != key && c != '/' && c != '\r')) return;
    if (caps && (c | 0x20) >= 'a' && (c | 0x20) <= 'z') c ^= 0x20;
    if (control && (c == ' ' || (c >= '@' && c <= '~'))) c &= 0x1f;
    else if (control && c == '?') c = 0x7f;
    if (alt) type("\033");
    terminal_input(&screen_terminal, (uint8_t)c);
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

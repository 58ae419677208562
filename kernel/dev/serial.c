/* serial.c - a 16550 at COM1; and QEMU's debug console, which is a port and no more.
 *
 * Output is polled: a write is complete when it returns, a panic needs no other path,
 * and there is no buffer to drain. Under QEMU the line is always ready. Input comes by
 * interrupt. When the terminal has no room the interrupt is masked and the bytes wait
 * in the device, and behind it in QEMU, so nothing that is piped in gets lost. Its FIFO
 * is left as it is: to turn it on would empty it of what was typed before us.
 *
 * BREAK and then `p` prints who waits for what (in QEMU's terminal: Ctrl-A b p).
 * What is written to port 0xE9 ends in a file of QEMU's. `quiet` does not silence it:
 * tools/vm finds the log's tail and the exit status there.
 * See: National Semiconductor PC16550D, 8.
 */
#include "dev/terminal.h"

#include "arch.h"
#include "arch/x86/io.h"
#include "core/log.h"
#include "core/panic.h"

#define COM1       0x3f8
#define SERIAL_IRQ 4
#define DEBUG_PORT 0xe9         /* reads as itself when it is there */

enum {                          /* registers */
    DATA = COM1, DIVISOR_LOW = COM1, INTERRUPTS = COM1 + 1, DIVISOR_HIGH = COM1 + 1,
    LINE_CONTROL = COM1 + 3, MODEM_CONTROL = COM1 + 4, LINE_STATUS = COM1 + 5,
    SCRATCH = COM1 + 7,
};

enum {
    INTERRUPT_DATA = 1, INTERRUPT_LINE = 4,
    EIGHT_BITS = 3, DIVISOR_ACCESS = 0x80,
    MODEM_READY = 0x0b,         /* DTR, RTS, and OUT2, which lets interrupts through */
    STATUS_DATA = 1, STATUS_BREAK = 0x10, STATUS_SENT = 0x20,
};

/* How often to look before giving a line up: seconds, at a microsecond a look. */
#define PATIENCE 4000000

static bool is_stuck;           /* it stopped sending: do not wait for it again */
static bool magic;              /* BREAK came: the next byte is for us */

static void serial_output(const char *bytes, size_t size) {
    for (; size; bytes++, size--) {
        unsigned looks = is_stuck ? 1 : PATIENCE;
        while (looks && !(in8(LINE_STATUS) & STATUS_SENT)) looks--;
        is_stuck = looks == 0;
        out8(DATA, (uint8_t)*bytes);
    }
}

static void serial_resume(void) { out8(INTERRUPTS, INTERRUPT_DATA | INTERRUPT_LINE); }

struct terminal serial_terminal = {
    .name = "ttyS0", .number = SERIAL_NUMBER, .rows = 24, .columns = 80,
    .resume = serial_resume,
};

static void serial_interrupt(void) {
    uint8_t status;

    while ((status = in8(LINE_STATUS)) & STATUS_DATA) {
        uint8_t byte = in8(DATA);
        if (status & STATUS_BREAK) magic = true;
        if (magic && byte == 0) continue;   // a BREAK puts it into the FIFO
        bool is_ours = magic && byte == 'p';
        magic = false;
        if (is_ours) {
            panic_print_reports();
        } else if (!terminal_input(&serial_terminal, byte)) {
            out8(INTERRUPTS, 0);
            break;
        }
    }
}

static void debug_write(const char *bytes, size_t size) {
    for (; size; bytes++, size--) out8(DEBUG_PORT, (uint8_t)*bytes);
}

void serial_early_init(void) {
    static struct log_sink serial_sink = { .write = serial_output,
                                           .is_terminal = true };
    static struct log_sink debug_sink = { .write = debug_write };

    if (in8(DEBUG_PORT) == DEBUG_PORT) log_sink_register(&debug_sink);
    out8(SCRATCH, 0x5a);
    if (in8(SCRATCH) != 0x5a) return;
    out8(INTERRUPTS, 0);
    out8(LINE_CONTROL, DIVISOR_ACCESS);
    out8(DIVISOR_LOW, 1);       // 115200 bits a second
    out8(DIVISOR_HIGH, 0);
    out8(LINE_CONTROL, EIGHT_BITS);
    out8(MODEM_CONTROL, MODEM_READY);
    serial_terminal.output = serial_output;
    log_sink_register(&serial_sink);
}

void serial_start(void) {
    if (!serial_terminal.output) return;
    irq_register(SERIAL_IRQ, serial_interrupt);
    serial_resume();
}

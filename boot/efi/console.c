/* console.c - a few plain lines on the screen, on COM1 and on QEMU's debug console.
 *
 * Firmware may copy its text console to COM1 itself (OVMF does, with escape sequences).
 * Then COM1 gets our lines that way; else we write them there directly.
 *
 * Invariants: after ExitBootServices only say_serial and refuse_on_serial are called.
 * See: UEFI 2.10, 3.3 (the variable ConOut), 12.4 (text output); 16550 data sheet
 */
#include "loader.h"

enum { LINE_MAX = 512 };
enum { COM1 = 0x3F8, COM_DATA = 0, COM_INTERRUPTS = 1, COM_FIFO = 2, COM_LINE = 3,
       COM_STATUS = 5, COM_SCRATCH = 7 };
enum { STATUS_CAN_SEND = 0x20, DIVISOR_ACCESS = 0x80, EIGHT_BITS = 0x03 };
enum { QEMU_DEBUG_PORT = 0xE9, QEMU_EXIT_PORT = 0xF4, BOOT_REFUSED = 0x12 };
enum { PNP_SERIAL_PORT = 0x0501 };

static bool has_debug_console;  /* QEMU's -debugcon listens */
static bool has_serial;         /* there is a UART at COM1 */
static bool firmware_has_serial; /* and the firmware's console goes there */

static void outb(UINT16 port, UINT8 value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static UINT8 inb(UINT16 port) {
    UINT8 value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void outl(UINT16 port, UINT32 value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static bool serial_exists(void) {
    outb(COM1 + COM_SCRATCH, 0x5A);
    return inb(COM1 + COM_SCRATCH) == 0x5A;
}

static void serial_start(void) {
    outb(COM1 + COM_INTERRUPTS, 0);
    outb(COM1 + COM_LINE, DIVISOR_ACCESS);
    outb(COM1 + COM_DATA, 1);           // 115200 baud
    outb(COM1 + COM_INTERRUPTS, 0);
    outb(COM1 + COM_LINE, EIGHT_BITS);
    outb(COM1 + COM_FIFO, 0x07);        // on, and emptied
}

void say_serial(const char *line) {
    if (!has_serial) return;
    for (; *line; line++) {
        // Bounded: a UART that never gets ready must not stop the boot.
        for (int i = 0; i < 100000 && !(inb(COM1 + COM_STATUS) & STATUS_CAN_SEND); i++)
            ;
        outb(COM1 + COM_DATA, *line);
    }
}

static void say_debug(const char *line) {
    for (; has_debug_console && *line; line++)
        outb(QEMU_DEBUG_PORT, *line);
}

/* The variable ConOut names the active consoles, as alternatives in one device path:
 * ... Acpi(PNP0501,0) / Uart(...) is COM1. */
static bool firmware_uses_com1(void) {
    EFI_GUID global = EfiGlobalVariable;
    UINTN size = 0, length;
    UINT8 *path = LibGetVariableAndSize((CHAR16 *)VarConsoleOut, &global, &size);
    bool on_com1 = false, found = false;

    for (UINTN at = 0; path && at + sizeof(EFI_DEVICE_PATH) <= size; at += length) {
        ACPI_HID_DEVICE_PATH *node = (ACPI_HID_DEVICE_PATH *)(path + at);
        length = DevicePathNodeLength(&node->Header);
        if (length < sizeof(EFI_DEVICE_PATH)) break;
        switch (DevicePathType(&node->Header)) {
        case ACPI_DEVICE_PATH:
            on_com1 = at + sizeof *node <= size && node->UID == 0
                      && node->HID == EISA_PNP_ID(PNP_SERIAL_PORT);
            break;
        case MESSAGING_DEVICE_PATH:
            found |= on_com1 && DevicePathSubType(&node->Header) == MSG_UART_DP;
            break;
        case END_DEVICE_PATH_TYPE:
            on_com1 = false;
            break;
        }
    }
    if (path) FreePool(path);
    return found;
}

void console_start(void) {
    has_debug_console = inb(QEMU_DEBUG_PORT) == QEMU_DEBUG_PORT;
    has_serial = serial_exists();
    firmware_has_serial = has_serial && firmware_uses_com1();
    if (has_serial && !firmware_has_serial) serial_start();
}

static void print(const char *line) {
    CHAR16 wide[LINE_MAX];
    UINTN n = 0;

    for (; line[n] && n < LINE_MAX - 1; n++)
        wide[n] = (UINT8)line[n];
    wide[n] = 0;
    if (ST->ConOut) ST->ConOut->OutputString(ST->ConOut, wide);
    if (!firmware_has_serial) say_serial(line);
    say_debug(line);
}

static void print_line(const char *format, va_list arguments) {
    CHAR8 line[LINE_MAX];

    AsciiVSPrint(line, sizeof line, (const CHAR8 *)format, arguments);
    print((const char *)line);
    print("\r\n");
}

void say(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
}

void refuse_on_serial(const char *line) {
    say_serial(line);
    say_debug(line);
    outl(QEMU_EXIT_PORT, BOOT_REFUSED);
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* Wait until a key is pressed, 10 s at most. */
static void key_wait(void) {
    EFI_INPUT_KEY key;

    for (int i = 0; i < 100; i++) {
        if (ST->ConIn && !EFI_ERROR(ST->ConIn->ReadKeyStroke(ST->ConIn, &key))) return;
        BS->Stall(100 * 1000);
    }
}

void refuse(const char *advice, const char *format, ...) {
    va_list arguments;

    print("Parley cannot start: ");
    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    say("What to do: %a", advice);
    outl(QEMU_EXIT_PORT, BOOT_REFUSED);
    say("A key, or 10 seconds, brings back the firmware.");
    key_wait();
    BS->Exit(loader_handle, EFI_LOAD_ERROR, 0, NULL);
    for (;;)
        __asm__ volatile("pause");
}

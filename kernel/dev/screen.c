/* screen.c - draws what dev/text_screen.c says: as VGA text, or as dots.
 *
 *      text_screen: cells[], cursor --+
 *                                     +-- differ? --> draw_cell --> VGA memory, or
 *                           shown[] --+                             framebuffer
 *
 * Invariants: between two outputs shown[] is what the glass shows, a cursor included;
 *   only cells that differ are drawn, because pixels are expensive and text changes
 *   little.
 */
#include "dev/terminal.h"

#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "base/string.h"
#include "boot_info.h"
#include "core/log.h"
#include "dev/text_screen.h"

enum { COLUMNS_MAX = 160, ROWS_MAX = 64, CELLS_MAX = COLUMNS_MAX * ROWS_MAX };
enum { VGA_TEXT = 0xb8000, VGA_INDEX = 0x3d4, VGA_DATA = 0x3d5, VGA_CURSOR = 10,
       VGA_NO_CURSOR = 0x20 };

static struct text_screen text;
static uint16_t cells[CELLS_MAX], shown[CELLS_MAX];
static struct {                 /* 32 bits a dot */
    uint8_t *base;              /* NULL: it is VGA text */
    uint32_t pitch;             /* bytes from line to line */
    unsigned zoom;              /* each dot of the font is 2^zoom dots wide and high */
    uint32_t colour[16];
} framebuffer;

/* VGA knows the characters; a framebuffer has 32 bits a dot. */
static void draw_cell(unsigned i, uint16_t cell) {
    const uint8_t *glyph = font[cell & 0xff];
    uint32_t front = framebuffer.colour[cell >> 8 & 15];
    uint32_t back = framebuffer.colour[cell >> 12];
    unsigned zoom = framebuffer.zoom, row = i / text.columns, column = i % text.columns;
    uint8_t *line = framebuffer.base + (row * FONT_HEIGHT << zoom) * framebuffer.pitch
                    + (column * FONT_WIDTH << zoom) * 4;

    if (!framebuffer.base) {
        ((volatile uint16_t *)paddr_to_kernel(VGA_TEXT))[i] = cell;
        return;
    }
    for (unsigned y = 0; y < (unsigned)FONT_HEIGHT << zoom; y++) {
        uint32_t *dot = (uint32_t *)line;
        unsigned bits = glyph[y >> zoom];
        for (unsigned x = 0; x < (unsigned)FONT_WIDTH << zoom; x++)
            *dot++ = bits & 0x80 >> (x >> zoom) ? front : back;
        line += framebuffer.pitch;
    }
}

/* The cursor is a cell with its colours exchanged. */
static void screen_output(const char *bytes, size_t size) {
    static unsigned cursor;
    unsigned old = cursor;

    text_screen_write(&text, bytes, size);
    cursor = text.row * text.columns + text.column;
    for (unsigned i = min(min(old, cursor), text.dirty);
         i < max(max(old, cursor) + 1, text.dirty_end); i++) {
        unsigned cell = cells[i], attribute = cell >> 8;
        if (i == cursor) attribute = (attribute << 4 | attribute >> 4) & 0xff;
        cell = (cell & 0xff) | attribute << 8;
        if (shown[i] != cell) draw_cell(i, shown[i] = (uint16_t)cell);
    }
    text.dirty = text.dirty_end = 0;
}

static void terminal_output(const char *bytes, size_t size) {
    char typed[sizeof(text.answer)];

    screen_output(bytes, size);
    // only now: its echo would come in between; and it comes back here
    string_copy(typed, text.answer, sizeof(typed));
    text.answer[0] = '\0';
    for (const char *c = typed; *c; c++) terminal_input(&screen_terminal, (uint8_t)*c);
}

struct terminal screen_terminal = { .name = "tty1", .number = SCREEN_NUMBER };

void screen_init(const struct boot_info *boot) {
    static struct log_sink sink = { .write = screen_output, .is_terminal = true };
    const struct boot_framebuffer *fb = &boot->framebuffer;
    unsigned zoom = fb->width >= 3200 ? 2 : fb->width >= 1800 ? 1 : 0;
    unsigned columns = min(fb->width / FONT_WIDTH >> zoom, (unsigned)COLUMNS_MAX);
    unsigned rows = min(fb->height / FONT_HEIGHT >> zoom, (unsigned)ROWS_MAX);

    if (!fb->base || fb->base >> 32 || fb->bits_per_pixel != 32 || fb->width < 320
        || fb->height < 200) {
        if (boot->source != BOOT_MULTIBOOT) return;
        // hide the cursor; without VGA there may be memory, but there are no registers
        out8(VGA_INDEX, VGA_CURSOR);
        out8(VGA_DATA, VGA_NO_CURSOR);
        if (in8(VGA_DATA) != VGA_NO_CURSOR) return;
        rows = 25, columns = 80;
    } else {
        framebuffer.base =
            kernel_map_device((uint32_t)fb->base, fb->pitch * fb->height);
        framebuffer.pitch = fb->pitch;
        framebuffer.zoom = zoom;
        for (unsigned i = 0; i < 16; i++) {
            uint32_t half = i & 8 ? 0x55 : 0, red = i & 4 ? 0xaa : 0;
            uint32_t green = i & 2 ? 0xaa : 0, blue = i & 1 ? 0xaa : 0;
            if (i == 6) green = 0x55;   // dark yellow is brown, on every PC
            framebuffer.colour[i] = (red + half) << fb->red_shift
                                    | (green + half) << fb->green_shift
                                    | (blue + half) << fb->blue_shift;
        }
        memset(framebuffer.base, 0, fb->pitch * fb->height);
    }
    text_screen_init(&text, rows, columns, cells);
    if (framebuffer.base) memcpy(shown, cells, sizeof(shown));  // it is black already
    screen_terminal.rows = (uint16_t)rows;
    screen_terminal.columns = (uint16_t)columns;
    screen_terminal.output = terminal_output;
    log_sink_register(&sink);
}

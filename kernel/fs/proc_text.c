/* proc_text.c - texts that grow while they are made.
 *
 * Sleeps: never.
 */
#include "fs/procfs.h"
#include "mm/heap.h"

#define FIRST_SIZE 504u         /* with the heap's header: 512 */

bool text_make_room(struct text *text, size_t size) {
    size_t wanted = text->size ? text->size : FIRST_SIZE;
    char *bytes;

    if (text->length + size <= text->size) return true;
    while (wanted < text->length + size)
        wanted = 2 * wanted + 8;
    bytes = heap_alloc(HEAP_TEXT, wanted);
    if (!bytes) {
        text->is_cut = true;
        return false;
    }
    memcpy(bytes, text->bytes, text->length);
    heap_free(text->bytes);
    text->bytes = bytes;
    text->size = wanted;
    return true;
}

void text_add(struct text *text, const char *bytes, size_t size) {
    if (!text_make_room(text, size)) return;
    memcpy(text->bytes + text->length, bytes, size);
    text->length += size;
}

static void put(void *text, char c) { text_add(text, &c, 1); }

void text_printf(struct text *text, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    format_to(put, text, format, arguments);
    va_end(arguments);
}

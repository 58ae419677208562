/* command_line.c - putting the kernel's command line together.
 *
 * Shape:   cmdline.txt  "quiet -- /demos/hello"     load options  "BOOTX64.EFI cpus=2"
 *          result       "quiet cpus=2 -- /demos/hello"
 *
 * Invariants: what does not fit is refused, never cut: half a word is a wrong word.
 * Tests: boot/efi/loader_host_test.c
 */
#include "command_line.h"

#include <stdint.h>

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static size_t text_length(const char *s) {
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

bool command_line_set(char *line, size_t size, const char *text, size_t length) {
    size_t start = 0, end = 0;

    if (length >= 3 && (uint8_t)text[0] == 0xEF && (uint8_t)text[1] == 0xBB
        && (uint8_t)text[2] == 0xBF)
        start = 3;
    for (end = start; end < length && text[end] != '\n'; end++) {
        if (text[end] == '\0') return false;
    }
    while (start < end && is_blank(text[start]))
        start++;
    while (end > start && is_blank(text[end - 1]))
        end--;
    if (end - start >= size) return false;
    for (size_t i = start; i < end; i++)
        *line++ = text[i];
    *line = '\0';
    return true;
}

/* Offset of the word `--`, or the line's length. */
static size_t dashes_find(const char *line) {
    size_t i;

    for (i = 0; line[i]; i++) {
        if (line[i] == '-' && line[i + 1] == '-' && (i == 0 || is_blank(line[i - 1]))
            && (line[i + 2] == '\0' || is_blank(line[i + 2])))
            return i;
    }
    return i;
}

bool command_line_add(char *line, size_t size, const char *words) {
    size_t length = text_length(line), nr = text_length(words), at = dashes_find(line);
    bool at_end = at == length;
    size_t blanks = at_end ? length != 0 : 1;

    if (nr == 0) return true;
    if (length + nr + blanks >= size) return false;
    for (size_t i = length + 1; i-- > at;)
        line[i + nr + blanks] = line[i];
    if (at_end && blanks) line[at++] = ' ';
    for (size_t i = 0; i < nr; i++)
        line[at++] = words[i];
    if (!at_end) line[at] = ' ';
    return true;
}

/* Whether the first `end` bytes end in ".efi", in either case. */
static bool ends_in_efi(const char *s, size_t end) {
    static const char suffix[4] = ".efi";

    if (end < sizeof suffix) return false;
    for (size_t i = 0; i < sizeof suffix; i++) {
        char c = s[end - sizeof suffix + i];
        if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
        if (c != suffix[i]) return false;
    }
    return true;
}

bool load_options_decode(char *words, size_t size, const void *options, size_t length) {
    const uint8_t *in = options;
    size_t n = 0, start = 0;

    if (length % 2 != 0) return false;
    for (; length >= 2 && (in[0] || in[1]); in += 2, length -= 2) {
        if (in[1] != 0 || in[0] < ' ' || in[0] > '~' || n + 1 >= size) return false;
        words[n++] = in[0];
    }
    words[n] = '\0';
    while (words[start] && !is_blank(words[start]))
        start++;
    if (!ends_in_efi(words, start)) start = 0;
    while (is_blank(words[start]))
        start++;
    for (n = 0; (words[n] = words[start + n]); n++)
        ;
    while (n > 0 && is_blank(words[n - 1]))
        words[--n] = '\0';
    return n > 0;
}

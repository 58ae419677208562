/* terminal.c - what every terminal that shows the log needs. */
#include "dev/terminal.h"

#include "base/string.h"

void output_lines(void (*output)(const char *bytes, size_t size), const char *text,
                  size_t length) {
    const char *end;

    while ((end = memchr(text, '\n', length))) {
        size_t n = (size_t)(end - text);
        output(text, n);
        output("\r\n", 2);
        text = end + 1;
        length -= n + 1;
    }
    output(text, length);
}

/* command_line.h - putting the kernel's command line together. Pure C: no firmware. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Set `line` to the first line of a text file of `length` bytes: without the mark that
 * some editors put in front of UTF-8, and without blanks at its ends. Returns false
 * when it does not fit into `size` bytes or holds a NUL. */
bool command_line_set(char *line, size_t size, const char *text, size_t length);

/* Add words for the kernel, that is before a word `--`: what follows it is for the
 * first program. Returns false, with nothing changed, when they do not fit. */
bool command_line_add(char *line, size_t size, const char *words);

/* Turn the firmware's load options into words. Returns false when they are no text:
 * firmware is known to leave a binary mark of its own there. A first word that ends in
 * `.efi` is the loader's own name, which the EFI shell puts there, and is dropped. */
bool load_options_decode(char *words, size_t size, const void *options, size_t length);

/* proc_lines.h - for tests of /proc/ipc: one line of a file there. */
#pragma once

#include "tap.h"

/* The line of /proc/ipc/NAME that begins with this word; 0: there is none. */
static int TAP_UNUSED line_of(const char *name, const char *word, char *text,
                              size_t size) {
    char path[40];
    int found = 0;
    snprintf(path, sizeof path, "/proc/ipc/%s", name);
    FILE *lines = fopen(path, "r");
    need(lines);
    while (!found && fgets(text, (int)size, lines))
        found = strncmp(text, word, strlen(word)) == 0 && text[strlen(word)] == ' ';
    fclose(lines);
    return found;
}

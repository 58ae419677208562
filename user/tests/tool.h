/* tool.h - for tests of commands: runs one and gives what it prints. */
#pragma once

#include "tap.h"

/* What `command` prints on both of its outputs; its wait status. */
static int TAP_UNUSED output_of(const char *command, char *to, size_t size) {
    size_t length = 0, n;
    char both[300];
    snprintf(both, sizeof both, "%s 2>&1", command);
    FILE *pipe = popen(both, "r");
    need(pipe);
    while ((n = fread(to + length, 1, size - 1 - length, pipe)) > 0)
        length += n;
    to[length] = '\0';
    return pclose(pipe);
}

/* Its line that contains this, without the line end; "" when there is none. */
static TAP_UNUSED const char *line_with(const char *text, const char *part) {
    static char line[400];
    for (; *text; text += strcspn(text, "\n") + (strchr(text, '\n') != NULL)) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
        if (strstr(line, part))
            return line;
    }
    return "";
}

/* Yields until a thread waits for this kind of thing; see /proc/ipc/waits. */
static void TAP_UNUSED until_waits(pid_t tid, const char *kind) {
    char line[300], quoted[80];
    int found = 0;
    snprintf(quoted, sizeof quoted, "\"%s\"", kind);
    while (!found) {
        FILE *file = fopen("/proc/ipc/waits", "r");
        need(file);
        while (!found && fgets(line, sizeof line, file))
            found = atoi(line) == tid && strstr(line, quoted);
        fclose(file);
        sched_yield();
    }
}

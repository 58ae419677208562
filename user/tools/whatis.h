/* whatis.h - what every program is for, in one sentence each.
 *
 * tools/make-initramfs collects the first line of each user/<folder>/NAME.c,
 *
 *     / * isolation.c - a wild store kills only the process that made it.
 *
 * and its `Order: N` line if there is one, into /usr/share/whatis, one program a line:
 *
 *     demos isolation 10 a wild store kills only the process that made it.
 *
 * Nobody keeps a list by hand: a new program is in `help` and `demos` once it is built.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAMS_MAX 512

struct program {
    char folder[16];                    /* tools, demos, tests or bench */
    char name[32];
    int order;                          /* place in the demonstrations; 0: in none */
    char sentence[100];
};

static struct program programs[PROGRAMS_MAX];
static int nr_programs;

static inline void program_path(const struct program *p, char *path, size_t size) {
    const char *folder = strcmp(p->folder, "tools") == 0 ? "bin" : p->folder;
    snprintf(path, size, "/%s/%s", folder, p->name);
}

static inline int compare_programs(const void *a, const void *b) {
    const struct program *p = a, *q = b;
    int last_p = p->order == 0, last_q = q->order == 0;
    if (last_p != last_q)
        return last_p - last_q;
    return p->order != q->order ? p->order - q->order : strcmp(p->name, q->name);
}

/* Fills `programs` with those that are installed: by order, then by name. */
static inline void read_programs(void) {
    char line[200], path[64];
    FILE *file = fopen("/usr/share/whatis", "r");
    while (file && nr_programs < PROGRAMS_MAX && fgets(line, sizeof line, file)) {
        struct program *p = &programs[nr_programs];
        int fields = sscanf(line, "%15s %31s %d %99[^\n]", p->folder, p->name,
                            &p->order, p->sentence);
        program_path(p, path, sizeof path);
        nr_programs += fields == 4 && access(path, X_OK) == 0;
    }
    if (file)
        fclose(file);
    qsort(programs, (size_t)nr_programs, sizeof programs[0], compare_programs);
}

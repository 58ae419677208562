/* name.h - names of files, and cutting a path into names. Pure: also compiled for host
 * tests.
 *
 *      "usr//bin/"  ->  usr (slash follows), bin (last, slash follows)
 */
#pragma once

#include "base/string.h"

struct name {
    const char *text;           /* not terminated */
    size_t length;
};

struct component {
    struct name name;
    bool slash;                 /* a slash follows it */
    bool last;                  /* nothing but slashes follows it */
};

static inline struct name name_of(const char *text) {
    return (struct name){ text, strlen(text) };
}

static inline bool name_is(struct name name, struct name other) {
    return name.length == other.length
           && memcmp(name.text, other.text, name.length) == 0;
}

/* Takes the next name off *rest. False when there is none. */
static inline bool component_next(const char **rest, struct component *c) {
    const char *s = *rest;

    while (*s == '/')
        s++;
    c->name.text = s;
    while (*s && *s != '/')
        s++;
    c->name.length = (size_t)(s - c->name.text);
    c->slash = *s == '/';
    while (*s == '/')
        s++;
    c->last = *s == '\0';
    *rest = s;
    return c->name.length > 0;
}

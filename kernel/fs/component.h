/* component.h - cutting a path into names. Pure: also compiled for host tests.
 *
 *      "usr//bin/"  ->  usr (slash follows), bin (last, slash follows)
 */
#pragma once

#include "base/types.h"

struct component {
    const char *name;           /* not terminated */
    size_t length;
    bool slash;                 /* a slash follows it */
    bool last;                  /* nothing but slashes follows it */
};

/* Takes the next name off *rest. False when there is none. */
static inline bool component_next(const char **rest, struct component *c)
{
    const char *s = *rest;

    while (*s == '/')
        s++;
    c->name = s;
    while (*s && *s != '/')
        s++;
    c->length = (size_t)(s - c->name);
    c->slash = *s == '/';
    while (*s == '/')
        s++;
    c->last = *s == '\0';
    *rest = s;
    return c->length > 0;
}

static inline bool name_is_dot(const char *name, size_t length)
{
    return length == 1 && name[0] == '.';
}

static inline bool name_is_dot_dot(const char *name, size_t length)
{
    return length == 2 && name[0] == '.' && name[1] == '.';
}

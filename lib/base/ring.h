/* ring.h - a ring of bytes between one producer and one consumer at a time.
 *
 *      head counts bytes ever taken, tail bytes ever put; tail - head is what is in it.
 *      Both run freely and wrap at 2^32, so size must be a power of two.
 */
#pragma once

#include "base/string.h"

struct ring {
    uint8_t *bytes;             /* [const] */
    uint32_t size;              /* [const] a power of two */
    uint32_t head, tail;
};

static inline uint32_t ring_used(const struct ring *r)
{
    return r->tail - r->head;
}

static inline uint32_t ring_room(const struct ring *r)
{
    return r->size - ring_used(r);
}

/* Puts one byte; false when full. */
static inline bool ring_put(struct ring *r, uint8_t byte)
{
    if (ring_room(r) == 0)
        return false;
    r->bytes[r->tail++ & (r->size - 1)] = byte;
    return true;
}

/* Takes one byte; false when empty. */
static inline bool ring_take(struct ring *r, uint8_t *byte)
{
    if (ring_used(r) == 0)
        return false;
    *byte = r->bytes[r->head++ & (r->size - 1)];
    return true;
}

/* The longest piece that can be read, or written, without crossing the wrap. */
static inline uint32_t ring_read_piece(const struct ring *r, uint8_t **at)
{
    uint32_t offset = r->head & (r->size - 1);

    *at = r->bytes + offset;
    return min(ring_used(r), r->size - offset);
}

static inline uint32_t ring_write_piece(const struct ring *r, uint8_t **at)
{
    uint32_t offset = r->tail & (r->size - 1);

    *at = r->bytes + offset;
    return min(ring_room(r), r->size - offset);
}

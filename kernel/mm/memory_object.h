/* memory_object.h - pages that can be mapped by many: the contents of a file, a shared
 * memory segment, shared anonymous memory. One structure for all three.
 *
 * Sparse: a page that was never written does not exist and reads as zeros. A page is
 * found by a hash of object and index. Every region that maps the object is on its
 * list, so that shrinking can take the pages out of all page tables.
 */
#pragma once

#include "mm/frame_alloc.h"

#define OBJECT_PAGES_MAX (1u << 20)     /* 4 GiB */

struct memory_object {
    uint32_t refs;
    uint32_t nr_pages;          /* pages that exist */
    uint32_t size_pages;        /* a mapped page at or behind this one is SIGBUS */
    struct list pages;          /* struct frame, by node */
    struct list mappings;       /* struct region, by object_node */
    uint32_t counted;           /* what kcheck has found of refs */
};

/* size_pages is the owner's to keep; object_truncate does not change it. */
must_check struct memory_object *object_create(uint32_t size_pages);

static inline void object_get(struct memory_object *object) { object->refs++; }

void object_put(struct memory_object *object);

/* The frame of page `index`, without a new reference. NULL when the page does not exist
 * and create is false, or when memory is used up. */
struct frame *object_page(struct memory_object *object, uint32_t index, bool create);

/* Where its bytes from offset on lie, *size cut to those in one page; NULL as
 * object_page. */
char *object_bytes(struct memory_object *object, uint64_t offset, size_t *size,
                   bool create);

/* All bytes from `size` on become zeros: whole pages go, out of mappings first. */
void object_truncate(struct memory_object *object, uint64_t size);

/* Copies from the kernel's memory; returns how many bytes before memory ran out. */
size_t object_write(struct memory_object *object, uint64_t offset, const void *from,
                    size_t size);

/* kcheck found a holder; NULL is fine. */
static inline void object_found(struct memory_object *object) {
    if (object) object->counted++;
}

/* heap.h - the kernel's heap: size classes on page frames, counted by type and charged
 * to the current account.
 */
#pragma once

#include "base/types.h"

enum heap_type {
#define HEAP_TYPE(name, text) HEAP_##name,
#include "mm/heap_types.def"
#undef HEAP_TYPE
    HEAP_TYPES
};

void heap_init(void);

/* size bytes, zeroed, at least 8-byte aligned. NULL when memory or the account's limit
 * is used up. heap_free takes NULL too. */
must_check void *heap_alloc(enum heap_type type, size_t size);
/* The same, with contents undefined. */
must_check void *heap_alloc_raw(enum heap_type type, size_t size);
void heap_free(void *object);

#define heap_new(type, struct_type) \
    ((struct_type *)heap_alloc(type, sizeof(struct_type)))

struct account;
struct account *heap_account(const void *object);   /* who pays for it */

/* The ledger, as the last kcheck found it: live objects, and their bytes with all that
 * is around them. */
extern uint32_t heap_objects[HEAP_TYPES], heap_bytes[HEAP_TYPES];
extern const char *const heap_type_names[HEAP_TYPES];

/* The next live object of a type; after NULL the first. NULL: no more. So kcheck finds
 * what no list leads to. */
void *heap_next(enum heap_type type, const void *object);
#define heap_for_each(var, type) for (var = NULL; (var = heap_next(type, var));)

/* address_space.h - what a process sees between 0 and 3 GiB.
 *
 *      struct address_space
 *        regions:  [text R-X] [data RW-] [heap] ... [mmap ...] [stack RW-, grows]
 *        tables:   page directory pointers -> directories -> tables -> frames
 *
 * Regions say what may be there; page tables are filled by faults (fault.c). A page is
 * shared copy-on-write by mapping its frame read-only: a write to a private page whose
 * frame has other holders copies it first.
 */
#pragma once

#include "arch/x86/cpu.h"
#include "arch/x86/io.h"
#include "mm/memory_object.h"

enum protection { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };

enum region_flags {
    REGION_SHARED = 1,          /* writes reach the object; else they are private */
    REGION_GROWS_DOWN = 2,      /* a stack */
    REGION_SYSTEM = 8,          /* the system call page: not to be changed */
    REGION_NEVER_WRITABLE = 16, /* shared, of a file that is not open for writing */
};

/* Who else has a say about a region, which is then never joined with another. */
struct region_owner {
    void (*changed)(struct region_owner *owner, bool gone);   /* one came, or went */
};

struct region {
    struct list_node node;      /* in address order */
    struct address_space *space;  /* [const] */
    vaddr_t start, end;         /* page aligned */
    uint8_t protection;         /* enum protection bits */
    uint8_t flags;              /* enum region_flags */
    struct memory_object *object; /* NULL: private anonymous memory */
    uint32_t first_page;        /* object page at start */
    struct list_node object_node; /* on object->mappings */
    struct region_owner *owner;   /* or NULL */
};

#define REGIONS_MAX 4096        /* a process's regions; one more is ENOMEM */
#define STACK_GAP   (256 * PAGE_SIZE)   /* kept free below a stack that grows */

/* Who keeps where in the kernel's memory pages of a space are: it is told, once, when
 * one of them was changed or taken away. */
struct space_watcher {
    struct list_node node;      /* space->watchers */
    void (*changed)(struct space_watcher *watcher);
};

struct address_space {
    uint32_t refs;              /* processes; 2 only between vfork and exec */
    uint32_t counted;           /* what kcheck has found of refs */
    uint64_t root_storage[8];
    uint64_t *root;            /* four page directory pointers in it, 32-byte aligned */
    paddr_t root_paddr;         /* what CR3 gets */
    uint64_t version;           /* another one, never used before, whenever an entry
                                   was changed or taken away */
    struct list watchers;       /* struct space_watcher */
    struct list regions;
    struct region *last_found;  /* where to look first, or NULL */
    unsigned nr_regions;
    uint32_t nr_mapped_pages;   /* sum of all regions */
    uint32_t limit_pages;       /* RLIMIT_AS; UINT32_MAX: none */
    uint32_t stack_limit;       /* RLIMIT_STACK, bytes */
    vaddr_t heap_start, heap_end; /* brk */
};

/* A fresh space with the kernel's half and nothing else; NULL without memory. */
must_check struct address_space *space_create(void);

/* A copy on write of `from`; NULL without memory. */
must_check struct address_space *space_fork(struct address_space *from);

/* With the last reference it ends: how many pages it had. */
uint32_t space_put(struct address_space *space);

/* The running CPU sees this space from now on. */
static inline void space_activate(struct cpu *cpu, const struct address_space *space) {
    if (cpu->space_root != space->root_paddr) {
        cpu->space_root = space->root_paddr;
        write_register(cr3, space->root_paddr);
    }
}

/* A region's neighbour, by its node.next or node.prev, or NULL. */
static inline struct region *region_neighbour(const struct region *region,
                                              struct list_node *node) {
    return node == &region->space->regions.head ? NULL
                                                : list_entry(node, struct region, node);
}

/* The page of its object that a region shows at an address. */
static inline uint32_t region_page(const struct region *region, vaddr_t address) {
    return region->first_page + ((address - region->start) >> PAGE_SHIFT);
}

static inline uint32_t region_pages(const struct region *region) {
    return (region->end - region->start) >> PAGE_SHIFT;
}

/* Does RLIMIT_AS allow so many pages more? */
static inline bool space_has_room(const struct address_space *space, uint32_t pages) {
    return pages <= space->limit_pages
           && space->nr_mapped_pages <= space->limit_pages - pages;
}

/* Lowest region that ends above address, or NULL. */
struct region *space_find_above(struct address_space *space, vaddr_t address);
struct region *space_find(struct address_space *space, vaddr_t address);    /* at it */

/* An unused range: the hint if it is free, else top-down below the stack. 0: none. */
vaddr_t space_find_gap(struct address_space *space, vaddr_t hint, size_t size);

/* Maps what `like` says from its start to its end, which must be free. The region,
 * which may become part of a neighbour, holds a reference to the object. 0, -ENOMEM. */
must_check int space_map(struct address_space *space, const struct region *like);

/* Takes the region off its space's list and frees it; its pages are unmapped. */
void region_free(struct region *region);

/* Unmaps whatever lies in the range. -ENOMEM when a region had to be split and could
 * not be, -EINVAL for the system call page; nothing is changed then. */
must_check int space_unmap(struct address_space *space, vaddr_t start, size_t size);
/* Makes region borders at start and end. -ENOMEM. */
must_check int space_cut(struct address_space *space, vaddr_t start, vaddr_t end);
/* -EACCES for write permission on what may never be written. */
must_check int space_protect(struct address_space *space, vaddr_t start, size_t size,
                             int protection);

/* -- Faults (fault.c) -------------------------------------------------------------- */

enum fault_result {             /* what the process gets when it is not 0 */
    FAULT_OK, FAULT_NO_REGION, FAULT_NO_ACCESS, FAULT_BEYOND_OBJECT, FAULT_NO_MEMORY
};

/* Makes `address` accessible for reading, writing (PROT_WRITE) or execution
 * (PROT_EXEC), if its region allows that; a stack's region grows for it. */
enum fault_result space_fault(struct address_space *space, vaddr_t address, int access);

/* The kernel address of a user page of any space, faulted in for `access`, until
 * something sleeps; NULL: that cannot be. This is how a sleeper's memory is written. */
void *space_page(struct address_space *space, vaddr_t address, int access);
must_check int space_write(struct address_space *space, uptr_t to, const void *from,
                           size_t size);
must_check int space_read(struct address_space *space, void *to, uptr_t from,
                          size_t size);

/* Maps the pages of [start, end) that exist in the region's object, so that exec does
 * not fault on each. */
void space_prefault(struct address_space *space, vaddr_t start, vaddr_t end);

/* Takes the pages of a range out of the page tables; the regions stay, and private
 * pages read as zeros (or the file) again. How many there were. */
uint32_t space_unmap_pages(struct address_space *space, vaddr_t start, vaddr_t end);

/* -- Page tables ------------------------------------------------------------------- */

/* Software bit: the entry is not present but keeps its frame (PROT_NONE). */
#define PTE_HELD 0x200ull

/* How many pages of the space have a frame. */
uint32_t space_resident(struct address_space *space);

/* The entry for address. NULL: there is no table for it yet, or no memory for one. */
must_check pte_t *pte_at(struct address_space *space, vaddr_t address, bool make);

/* The next entry with a frame in [*at, end); *at becomes its address. NULL: no more. */
pte_t *pte_next(struct address_space *space, vaddr_t *at, vaddr_t end);

/* The bits an entry gets from a region's protection, without PTE_WRITABLE. */
pte_t pte_bits(int protection);

static inline bool pte_has_frame(pte_t entry) {
    return entry & (PTE_PRESENT | PTE_HELD);
}

static inline struct frame *pte_frame(pte_t entry) {
    return frame_of_paddr((paddr_t)(entry & PTE_ADDRESS));
}

/* Entries of a range were changed or taken away: all CPUs and watchers forget them. */
void space_flush(struct address_space *space, vaddr_t start, vaddr_t end);

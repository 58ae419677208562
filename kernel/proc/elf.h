/* elf.h - what a program file must look like, and where its parts go. */
#pragma once

#include "base/types.h"

enum { PT_LOAD = 1, PT_INTERP = 3, PF_X = 1, PF_W = 2, PF_R = 4 };

struct program_header {         /* in the file */
    uint32_t type, offset, address, physical, file_size, memory_size, flags, align;
};

struct elf_plan {
    vaddr_t base;               /* is added to all addresses */
    vaddr_t entry;
    vaddr_t headers;            /* user address of the program headers, or 0 */
    uint32_t nr_headers;
    const struct program_header *segments;      /* those, judged; see PT_LOAD */
    vaddr_t end;                /* first page behind the last segment */
};

/* Judges the first `size` bytes of a file: 0 and a plan that points into them, whose
 * segments all lie in user space, or -ENOEXEC, or -ENOMEM for one that does not fit. */
must_check int elf_check(const void *start, size_t size, struct elf_plan *plan);

/* elf.h - what a program file must look like, and where its parts go. */
#pragma once

#include "base/types.h"

#define ELF_SEGMENTS 16

struct elf_segment {
    uint32_t offset;            /* in the file; same place in its page as address */
    vaddr_t address;
    uint32_t file_size, memory_size;    /* memory_size >= file_size */
    int protection;
};

struct elf_plan {
    vaddr_t entry;
    vaddr_t headers;            /* user address of the program headers, or 0 */
    uint32_t nr_headers;
    unsigned nr_segments;
    struct elf_segment segments[ELF_SEGMENTS];
    vaddr_t end;                /* first page behind the last segment */
};

/* Judges the first `size` bytes of a file: 0 and a plan whose ranges all lie in user
 * space, or -ENOEXEC, or -ENOMEM for a segment that does not fit. */
must_check int elf_check(const void *start, size_t size, struct elf_plan *plan);

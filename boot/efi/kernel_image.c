/* kernel_image.c - judging and unpacking the kernel's ELF file.
 *
 * Shape:
 *      file     [ELF header | program headers |  text  |  data  ]
 *                                                 |        \
 *      memory    base: 1 MiB or more          [  text  ][  data  ][ bss: zeros ]  end
 *
 * Invariants: sums are made in 64 bits, so no field of a hostile file can wrap; nothing
 *      is unpacked before the whole file was judged.
 * Tests: boot/efi/loader_host_test.c
 * See: System V ABI, chapter 5 (program loading); its i386 supplement
 */
#include "kernel_image.h"

#include <stdbool.h>

#define PAGE_SIZE  4096u

struct elf_header {
    uint8_t ident[16];          /* magic, class, byte order, version, OS, ABI version */
    uint16_t type, machine;
    uint32_t version;
    uint32_t entry;             /* virtual address */
    uint32_t phoff, shoff;      /* file offsets of program and section headers */
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
    uint32_t type;
    uint32_t offset;            /* in the file */
    uint32_t vaddr, paddr;
    uint32_t filesz, memsz;     /* memsz - filesz bytes are zeros */
    uint32_t flags, align;
};

enum { ELF_EXECUTABLE = 2, ELF_386 = 3, ELF_SEGMENTS_MAX = 16 };
enum { SEGMENT_LOAD = 1, SEGMENT_DYNAMIC = 2, SEGMENT_INTERPRETER = 3 };
enum { SEGMENT_X = 1 };

static const uint8_t ident_start[7] = {
    0x7F, 'E', 'L', 'F', 1 /* 32 bits */, 1 /* little-endian */, 1 /* version */
};

static const struct elf_segment *segments(const struct elf_header *elf) {
    return (const void *)((const uint8_t *)elf + elf->phoff);
}

static const char *header_check(const struct elf_header *elf, size_t size) {
    if (size < sizeof *elf) return "is too short to be a program";
    for (unsigned i = 0; i < sizeof ident_start; i++) {
        if (elf->ident[i] != ident_start[i])
            return i < 4 ? "is not an ELF file"
                         : "is not a 32-bit little-endian ELF file";
    }
    if (elf->type != ELF_EXECUTABLE || elf->machine != ELF_386 || elf->version != 1)
        return "is not an executable for i386";
    if (elf->ehsize != sizeof *elf || elf->phentsize != sizeof(struct elf_segment))
        return "has headers of the wrong size";
    if (elf->phnum == 0 || elf->phnum > ELF_SEGMENTS_MAX || elf->phoff % 4 != 0)
        return "has a damaged table of segments";
    if ((uint64_t)elf->phoff + elf->phnum * sizeof(struct elf_segment) > size)
        return "is cut short (its table of segments is missing)";
    return NULL;
}

static const char *segment_check(const struct elf_segment *s, size_t size) {
    if (s->type == SEGMENT_DYNAMIC || s->type == SEGMENT_INTERPRETER)
        return "is not a static program";
    if (s->type != SEGMENT_LOAD || s->memsz == 0) return NULL;
    if (s->filesz > s->memsz)
        return "has a segment that is longer in the file than in memory";
    if ((uint64_t)s->offset + s->filesz > size)
        return "is cut short (a segment is missing)";
    if (s->paddr < KERNEL_WINDOW_START
        || (uint64_t)s->paddr + s->memsz > KERNEL_WINDOW_END)
        return "wants memory outside 1 MiB to 8 MiB";
    if ((uint64_t)s->vaddr + s->memsz > UINT32_MAX)
        return "has a segment that wraps around the end of the address space";
    return NULL;
}

static bool is_loaded(const struct elf_segment *s) {
    return s->type == SEGMENT_LOAD && s->memsz != 0;
}

static bool segments_overlap(const struct elf_header *elf) {
    const struct elf_segment *s = segments(elf);

    for (unsigned i = 0; i < elf->phnum; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (is_loaded(&s[i]) && is_loaded(&s[j])
                && s[i].paddr < s[j].paddr + s[j].memsz
                && s[j].paddr < s[i].paddr + s[i].memsz)
                return true;
        }
    }
    return false;
}

/* The entry is a virtual address of the running kernel; before paging it is entered at
 * the physical one. Returns 0 when the entry lies in no loaded code. */
static uint32_t entry_physical(const struct elf_header *elf) {
    for (unsigned i = 0; i < elf->phnum; i++) {
        const struct elf_segment *s = &segments(elf)[i];
        if (!is_loaded(s) || !(s->flags & SEGMENT_X)) continue;
        if (elf->entry >= s->vaddr && elf->entry - s->vaddr < s->filesz)
            return elf->entry - s->vaddr + s->paddr;
        if (elf->entry >= s->paddr && elf->entry - s->paddr < s->filesz)
            return elf->entry;
    }
    return 0;
}

const char *kernel_image_check(const void *file, size_t size,
                               struct kernel_image *image) {
    const struct elf_header *elf = file;
    const char *wrong = header_check(elf, size);
    uint32_t base = KERNEL_WINDOW_END, end = 0;

    if (wrong) return wrong;
    for (unsigned i = 0; i < elf->phnum; i++) {
        const struct elf_segment *s = &segments(elf)[i];
        if ((wrong = segment_check(s, size))) return wrong;
        if (!is_loaded(s)) continue;
        if (s->paddr < base) base = s->paddr;
        if (s->paddr + s->memsz > end) end = s->paddr + s->memsz;
    }
    if (end == 0) return "has nothing to load";
    if (segments_overlap(elf)) return "has segments that overlap";
    image->base = base & ~(PAGE_SIZE - 1);
    image->end = (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    image->entry = entry_physical(elf);
    return image->entry ? NULL : "does not start in its own code";
}

void kernel_image_unpack(const void *file, const struct kernel_image *image, void *to) {
    const struct elf_header *elf = file;
    uint8_t *out = to;

    for (uint32_t i = 0; i < image->end - image->base; i++)
        out[i] = 0;
    for (unsigned i = 0; i < elf->phnum; i++) {
        const struct elf_segment *s = &segments(elf)[i];
        if (!is_loaded(s)) continue;
        for (uint32_t n = 0; n < s->filesz; n++)
            out[s->paddr - image->base + n] = ((const uint8_t *)file)[s->offset + n];
    }
}

/* loader_host_test.c - the loader's pure parts: judging a kernel file that may be
 * damaged in any byte, converting a memory map, and putting the command line together.
 * Runs on the host and prints TAP.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/efi/command_line.c"
#include "boot/efi/kernel_image.c"
#include "boot/efi/memory_map.c"

static unsigned cases, failures;

static void ok(bool good, const char *what) {
    printf("%sok %u - %s\n", good ? "" : "not ", ++cases, what);
    failures += !good;
}

// --- The kernel's file ------------------------------------------------------------

enum {
    FILE_SIZE = 0x3000, TEXT_SIZE = 0x1100, DATA_SIZE = 0x200, DATA_MEMORY = 0x5000,
};

struct kernel_file {
    struct elf_header header;
    struct elf_segment segment[3];
};

/* A good kernel: text at 1 MiB, data and bss behind it, linked 3 GiB higher. In memory
 * of its own, so that the sanitizer sees the first byte read behind its end. */
static struct kernel_file *file_create(void) {
    struct kernel_file *f = calloc(1, FILE_SIZE);

    f->header = (struct elf_header){
        .type = ELF_EXECUTABLE,
        .machine = ELF_386,
        .version = 1,
        .entry = 0xC0100010,
        .phoff = sizeof f->header,
        .ehsize = sizeof f->header,
        .phentsize = sizeof f->segment[0],
        .phnum = 3,
    };
    memcpy(f->header.ident, ident_start, sizeof ident_start);
    f->segment[0] = (struct elf_segment){
        SEGMENT_LOAD, 0x1000, 0xC0100000, 0x100000, TEXT_SIZE, TEXT_SIZE, 5, 0x1000,
    };
    f->segment[1] = (struct elf_segment){
        SEGMENT_LOAD, 0x2400, 0xC0102000, 0x102000, DATA_SIZE, DATA_MEMORY, 6, 0x1000,
    };
    f->segment[2] = (struct elf_segment){ .type = 0x6474E551, .flags = 6 };
    memset((char *)f + 0x1000, 'T', TEXT_SIZE);
    memset((char *)f + 0x2400, 'D', DATA_SIZE);
    return f;
}

static void good_file(void) {
    struct kernel_file *f = file_create();
    struct kernel_image image;
    uint8_t *memory;

    ok(!kernel_image_check(f, FILE_SIZE, &image), "a good kernel is accepted");
    ok(image.base == 0x100000 && image.end == 0x107000, "its range is whole pages");
    ok(image.entry == 0x100010, "its entry becomes physical");
    memory = malloc(image.end - image.base);
    memset(memory, 0xAA, image.end - image.base);
    kernel_image_unpack(f, &image, memory);
    ok(memory[0] == 'T' && memory[TEXT_SIZE - 1] == 'T' && memory[TEXT_SIZE] == 0,
       "text is unpacked, the gap behind it is zero");
    ok(memory[0x2000] == 'D' && memory[0x21FF] == 'D' && memory[0x2200] == 0
           && memory[0x6FFF] == 0,
       "data is unpacked, bss is zero");
    f->header.entry = 0x100020;
    ok(!kernel_image_check(f, FILE_SIZE, &image) && image.entry == 0x100020,
       "an entry that is physical already is taken as it is");
    free(memory);
    free(f);
}

/* One damage a case: a field of the file, the value it gets, and the complaint. */
#define DAMAGE(field, value, complaint) \
    do { \
        struct kernel_file *f = file_create(); \
        struct kernel_image image; \
        const char *wrong; \
        f->field = (value); \
        wrong = kernel_image_check(f, FILE_SIZE, &image); \
        ok(wrong && strstr(wrong, complaint), "refused: " #field " = " #value); \
        free(f); \
    } while (0)

static void damaged_header(void) {
    DAMAGE(header.ident[0], 'E', "not an ELF file");
    DAMAGE(header.ident[4], 2, "not a 32-bit");
    DAMAGE(header.ident[5], 2, "not a 32-bit");
    DAMAGE(header.ident[6], 0, "not a 32-bit");
    DAMAGE(header.type, 3, "not an executable");
    DAMAGE(header.machine, 62, "not an executable");
    DAMAGE(header.version, 2, "not an executable");
    DAMAGE(header.ehsize, 64, "wrong size");
    DAMAGE(header.phentsize, 56, "wrong size");
    DAMAGE(header.phnum, 0, "table of segments");
    DAMAGE(header.phnum, 17, "table of segments");
    DAMAGE(header.phoff, 0x2FFC, "cut short");
    DAMAGE(header.phoff, 0xFFFFFFE0, "cut short");
    DAMAGE(header.phoff, 53, "table of segments");
    DAMAGE(header.entry, 0xC0101100, "start in its own code");
    DAMAGE(header.entry, 0xC0102000, "start in its own code");
    DAMAGE(header.entry, 0, "start in its own code");
}

static void damaged_segments(void) {
    DAMAGE(segment[0].type, 2, "not a static program");
    DAMAGE(segment[2].type, SEGMENT_INTERPRETER, "not a static program");
    DAMAGE(segment[1].filesz, DATA_MEMORY + 1, "longer in the file");
    DAMAGE(segment[1].offset, FILE_SIZE - DATA_SIZE + 1, "cut short");
    DAMAGE(segment[1].offset, 0xFFFFFFFF, "cut short");
    DAMAGE(segment[0].paddr, 0xFF000, "outside 1 MiB to 8 MiB");
    DAMAGE(segment[1].paddr, 0x7FB001, "outside 1 MiB to 8 MiB");
    DAMAGE(segment[1].paddr, 0xFFFFF000, "outside 1 MiB to 8 MiB");
    DAMAGE(segment[1].memsz, 0xFFFFFFFF, "outside 1 MiB to 8 MiB");
    DAMAGE(segment[1].vaddr, 0xFFFFC000, "wraps around");
    DAMAGE(segment[1].paddr, 0x101000, "overlap");
}

static void short_files(void) {
    struct kernel_image image;
    bool good = true;

    // Each length has its own memory, so that reading behind it is seen.
    for (size_t size = 0; size < 0x2600; size += size < 300 ? 1 : 97) {
        struct kernel_file *f = file_create();
        void *cut = malloc(size);
        memcpy(cut, f, size);
        good &= kernel_image_check(cut, size, &image) != NULL;
        free(cut);
        free(f);
    }
    ok(good, "refused: the file cut short anywhere");
}

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Whatever is accepted can be unpacked into the memory it asked for. */
static void random_damage(void) {
    uint32_t state = 1, accepted = 0, rounds = 20000;
    bool inside = true;

    for (uint32_t i = 0; i < rounds; i++) {
        struct kernel_file *f = file_create();
        struct kernel_image image;
        for (uint32_t n = next_random(&state) % 4 + 1; n > 0; n--)
            ((uint8_t *)f)[next_random(&state) % sizeof *f] = next_random(&state);
        if (!kernel_image_check(f, FILE_SIZE, &image)) {
            void *memory = malloc(image.end - image.base);
            kernel_image_unpack(f, &image, memory);
            inside &= image.base >= KERNEL_WINDOW_START
                      && image.end <= KERNEL_WINDOW_END && image.entry >= image.base
                      && image.entry < image.end;
            accepted++;
            free(memory);
        }
        free(f);
    }
    ok(inside && accepted > 0 && accepted < rounds, "random damage never escapes");
}

// --- The memory map ---------------------------------------------------------------

/* The list is sorted, disjoint, merged, without empty pieces. */
static bool is_tidy(const struct boot_info *info) {
    for (uint32_t i = 0; i < info->nr_memory; i++) {
        const struct boot_memory *m = &info->memory[i];
        if (m->length == 0) return false;
        if (i > 0 && end_of(m - 1) > m->base) return false;
        if (i > 0 && end_of(m - 1) == m->base && m[-1].type == m->type) return false;
    }
    return info->nr_memory <= BOOT_MMAP_MAX;
}

/* The type of the piece that holds an address; 0 when none does. */
static uint32_t type_at(const struct boot_info *info, uint64_t address) {
    for (uint32_t i = 0; i < info->nr_memory; i++) {
        if (address >= info->memory[i].base && address < end_of(&info->memory[i]))
            return info->memory[i].type;
    }
    return 0;
}

struct stretched {
    struct firmware_memory memory;
    uint64_t of_a_newer_standard;
};

static void small_map(void) {
    static const struct stretched map[] = {
        { { FIRMWARE_ACPI_NVS, 0, 0x800000, 0, 8, 0 }, ~0ull },
        { { FIRMWARE_BOOT_CODE, 0, 0, 0, 1, 0 }, ~0ull },
        { { FIRMWARE_CONVENTIONAL, 0, 0x1000, 0, 0x9F, 0 }, ~0ull },
        { { FIRMWARE_CONVENTIONAL, 0, 0x100000, 0, 0x700, 0 }, ~0ull },
        { { FIRMWARE_BOOT_DATA, 0, 0x808000, 0, 0x100, 0 }, ~0ull },
        { { FIRMWARE_LOADER_DATA, 0, 0x908000, 0, 0x10, 0 }, ~0ull },
        { { 6, 0, 0x918000, 0, 0x10, 0 }, ~0ull },
        { { FIRMWARE_ACPI_RECLAIM, 0, 0x928000, 0, 1, 0 }, ~0ull },
        { { 0x80000001, 0, 0x929000, 0, 1, 0 }, ~0ull },
        { { FIRMWARE_UNUSABLE, 0, 0x92A000, 0, 1, 0 }, ~0ull },
        { { FIRMWARE_CONVENTIONAL, 0, 0x100000000, 0, 0x40000, 0 }, ~0ull },
        { { FIRMWARE_CONVENTIONAL, 0, 0x200000000, 0, 1ull << 60, 0 }, ~0ull },
    };
    struct boot_info info = { .kernel_base = 0x100000, .kernel_end = 0x180000 };

    ok(memory_convert(&info, map, sizeof map, sizeof map[0]),
       "the kernel's memory is free");
    ok(is_tidy(&info), "the converted map is sorted, disjoint and merged");
    ok(type_at(&info, 0) == BOOT_RESERVED && type_at(&info, 0x1000) == BOOT_USABLE,
       "page 0 is reserved, the next is not");
    ok(type_at(&info, 0xA0000) == BOOT_RESERVED
           && type_at(&info, 0xFFFFF) == BOOT_RESERVED,
       "640 KiB to 1 MiB is reserved though the firmware did not list it");
    ok(type_at(&info, 0x100000) == BOOT_LOADER
           && type_at(&info, 0x17FFFF) == BOOT_LOADER
           && type_at(&info, 0x180000) == BOOT_USABLE,
       "the kernel's memory is the loader's");
    ok(type_at(&info, 0x800000) == BOOT_ACPI_NVS
           && type_at(&info, 0x928000) == BOOT_ACPI_RECLAIM
           && type_at(&info, 0x92A000) == BOOT_BAD
           && type_at(&info, 0x908000) == BOOT_LOADER
           && type_at(&info, 0x918000) == BOOT_RESERVED
           && type_at(&info, 0x929000) == BOOT_RESERVED,
       "every kind of memory has its type, unknown kinds are reserved");
    ok(type_at(&info, 0x13FFFFFFF) == BOOT_USABLE && type_at(&info, 0x140000000) == 0,
       "memory above 4 GiB is listed");
    ok(type_at(&info, 0x200000000) == 0, "a piece that wraps around is left out");
    ok(is_free(&info, 0x100000, 0x800000), "free: across two types of ours");
    ok(!is_free(&info, 0x100000, 0x800001), "not free: the firmware's first byte");
    ok(!is_free(&info, 0x92B000, 0x92C000), "not free: what is not listed");
    ok(!is_free(&info, 0x13FFFF000, 0x140001000), "not free: behind the end");
    ok(!memory_convert(&info, map, sizeof map, sizeof map[0].memory - 8),
       "descriptors that are too small are not believed");
    memory_convert(&info, map, sizeof map - 1, sizeof map[0]);
    ok(type_at(&info, 0x13FFFFFFF) == BOOT_USABLE,
       "a map cut short is read to its cut");
}

static void kept_memory(void) {
    static const struct firmware_memory map[] = {
        { FIRMWARE_CONVENTIONAL, 0, 0, 0, 0x150, 0 },
        { 6, 0, 0x150000, 0, 1, 0 },
        { FIRMWARE_BOOT_DATA, 0, 0x151000, 0, 0x1000, 0 },
    };
    struct boot_info below = { .kernel_base = 0x100000, .kernel_end = 0x150000 };
    struct boot_info across = { .kernel_base = 0x100000, .kernel_end = 0x152000 };

    ok(memory_convert(&below, map, sizeof map, sizeof map[0]),
       "a kernel below the firmware's page is fine");
    ok(!memory_convert(&across, map, sizeof map, sizeof map[0]),
       "a kernel across the firmware's page is not");
}

static void overlapping_map(void) {
    static const struct firmware_memory map[] = {
        { 0, 0, 0x300000, 0, 0x10, 0 },
        { FIRMWARE_CONVENTIONAL, 0, 0x200000, 0, 0x1000, 0 },
    };
    struct boot_info info = { 0 };

    memory_convert(&info, map, sizeof map, sizeof map[0]);
    ok(is_tidy(&info) && type_at(&info, 0x300000) == BOOT_RESERVED
           && type_at(&info, 0x310000) == BOOT_USABLE,
       "where a firmware's pieces overlap the stricter type wins");
}

static void crowded_map(void) {
    static struct firmware_memory map[1000];
    struct boot_info info = { .kernel_base = 0x100000, .kernel_end = 0x140000 };

    map[0] = (struct firmware_memory){ FIRMWARE_CONVENTIONAL, 0, 0, 0, 0x300, 0 };
    for (unsigned i = 1; i < 1000; i++)
        map[i] = (struct firmware_memory){ 0, 0, 0x400000 + i * 0x2000, 0, 1, 0 };
    memory_convert(&info, map, sizeof map, sizeof map[0]);
    ok(is_tidy(&info) && type_at(&info, 0x200000) == BOOT_USABLE
           && type_at(&info, 0x100000) == BOOT_LOADER
           && type_at(&info, 0) == BOOT_RESERVED
           && type_at(&info, 0xA0000) == BOOT_RESERVED,
       "a map with too many pieces keeps what matters");
    while (memory_paint(&info, (uint64_t)info.nr_memory << 32,
                        ((uint64_t)info.nr_memory << 32) + 1, BOOT_BAD))
        ;
    ok(is_tidy(&info) && info.nr_memory == BOOT_MMAP_MAX - 1,
       "painting stops before the table overflows");
}

/* Strokes in random order, compared with an array that has one cell for each unit. */
static void random_strokes(void) {
    enum { CELLS = 64 };
    uint32_t cell[CELLS] = { 0 }, state = 7;
    struct boot_info info = { 0 };
    bool equal = true;

    for (int i = 0; i < 20000; i++) {
        uint32_t base = next_random(&state) % CELLS, end = next_random(&state) % CELLS;
        uint32_t type = next_random(&state) % 5 + 1;
        equal &= memory_paint(&info, base, end, type);
        for (uint32_t n = base; n < end; n++)
            cell[n] = type;
        for (uint32_t n = 0; n < CELLS; n++)
            equal &= type_at(&info, n) == cell[n];
        equal &= is_tidy(&info);
    }
    ok(equal, "random strokes give what a plain array gives");
}

// --- The command line ---------------------------------------------------------------

static bool set(const char *text, size_t size, const char *expected) {
    char *line = malloc(size), *copy = malloc(strlen(text));
    bool done;

    memcpy(copy, text, strlen(text));
    done = command_line_set(line, size, copy, strlen(text));
    done = expected ? done && strcmp(line, expected) == 0 : !done;
    free(copy);
    free(line);
    return done;
}

static bool add(const char *before, const char *words, size_t size,
                const char *expected) {
    char *line = malloc(size);
    bool done;

    strcpy(line, before);
    done = command_line_add(line, size, words);
    done =
        done == (expected != NULL) && strcmp(line, expected ? expected : before) == 0;
    free(line);
    return done;
}

static void command_lines(void) {
    char small[4];

    ok(set("quiet cpus=2\nsecond\n", 64, "quiet cpus=2"), "the first line is the line");
    ok(set("quiet", 6, "quiet") && set("quiet", 5, NULL), "it fits, or is refused");
    ok(set("\xEF\xBB\xBF  quiet \t\r\n", 64, "quiet"), "marks and blanks are dropped");
    ok(set("", 64, "") && set("\n", 64, ""), "an empty file is an empty line");
    ok(!command_line_set(small, sizeof small, "a\0b", 3), "a NUL is refused");
    ok(add("", "cpus=2", 64, "cpus=2"), "words added to nothing");
    ok(add("quiet", "cpus=2", 64, "quiet cpus=2"), "words added at the end");
    ok(add("quiet", "cpus=2", 13, "quiet cpus=2") && add("quiet", "cpus=2", 12, NULL),
       "they fit, or are refused");
    ok(add("quiet -- ls -l", "cpus=2", 64, "quiet cpus=2 -- ls -l"),
       "they go before --");
    ok(add("-- ls", "cpus=2", 13, "cpus=2 -- ls") && add("-- ls", "cpus=2", 12, NULL),
       "also when -- comes first");
    ok(add("quiet --", "a", 64, "quiet a --"), "also when -- comes last");
    ok(add("a--b --c", "d", 64, "a--b --c d"), "-- inside a word is no --");
    ok(add("quiet", "", 64, "quiet"), "no words change nothing");
}

/* Decode 16-bit characters given as a string of bytes. */
static bool decode(const char *text, size_t length, size_t size, const char *expected) {
    char *words = malloc(size), *options = malloc(length);
    bool done;

    memcpy(options, text, length);
    done = load_options_decode(words, size, options, length);
    done = expected ? done && strcmp(words, expected) == 0 : !done;
    free(options);
    free(words);
    return done;
}

static void load_options(void) {
    static const char guid[] =
        "\x4E\xAC\x08\x81\x11\x9F\x59\x4D\x85\x0E\xE2\x1A\x52\x2C\x59\xB2";

    ok(decode("a\0=\0001\0\0\0", 8, 16, "a=1"), "load options are words");
    ok(decode("a\0=\0001\0", 6, 4, "a=1") && decode("a\0=\0001\0", 6, 3, NULL),
       "with or without an end, if they fit");
    ok(decode("x\0.\0E\0f\0I\0 \0a\0 \0\0\0", 18, 16, "a"),
       "the loader's name is dropped");
    ok(decode("x\0.\0e\0f\0i\0\0\0", 12, 16, NULL), "also when it is alone");
    ok(decode(guid, 16, 64, NULL), "a binary mark is no text");
    ok(decode("a\0b", 3, 16, NULL) && decode("", 0, 16, NULL), "nor are odd lengths");
    ok(decode("a\1", 2, 16, NULL) && decode("\n\0", 2, 16, NULL),
       "nor other characters");
}

int main(void) {
    good_file();
    damaged_header();
    damaged_segments();
    short_files();
    random_damage();
    small_map();
    kept_memory();
    overlapping_map();
    crowded_map();
    random_strokes();
    command_lines();
    load_options();
    printf("1..%u\n", cases);
    return failures != 0;
}

/* multiboot.c - turns multiboot 1's information into a struct boot_info, and tidies
 * what any loader said: kernel and modules are cut out of usable memory, the low
 * megabyte's firmware area is always reserved.
 *
 * See: Multiboot Specification 0.6.96, section 3.3.
 */
#include "multiboot.h"

#include "base/string.h"

#define KERNEL_BASE 0xC0000000u

struct multiboot_info {
    uint32_t flags, memory_lower, memory_upper, boot_device, command_line;
    uint32_t nr_modules, modules, symbols[4], memory_map_length, memory_map;
};

struct multiboot_module {
    uint32_t start, end, text, unused;
};

struct multiboot_memory {
    uint32_t size;              /* of the rest of this entry */
    uint64_t base, length;
    uint32_t type;
} packed;

enum { HAS_COMMAND_LINE = 4, HAS_MODULES = 8, HAS_MEMORY_MAP = 64 };

extern char kernel_start[], kernel_end[];

static struct boot_info boot;

static const void *at(uint32_t physical) {
    return (const void *)(physical + KERNEL_BASE);
}

static void add_memory(uint64_t base, uint64_t length, uint32_t type) {
    if (length && boot.nr_memory < BOOT_MMAP_MAX)
        boot.memory[boot.nr_memory++] = (struct boot_memory){ base, length, type, 0 };
}

/* Takes [start, end) away from usable memory; adds it as `type`. */
static void carve(uint64_t start, uint64_t end, uint32_t type) {
    uint32_t count = boot.nr_memory;

    for (uint32_t i = 0; i < count; i++) {
        struct boot_memory *m = &boot.memory[i];
        uint64_t m_end = m->base + m->length;
        if (m->type != BOOT_USABLE || m_end <= start || m->base >= end) continue;
        if (m->base < start) {
            m->length = start - m->base;
            if (m_end > end) add_memory(end, m_end - end, BOOT_USABLE);
        } else if (m_end > end) {
            m->base = end;
            m->length = m_end - end;
        } else {
            m->length = 0;
        }
    }
    add_memory(start, end - start, type);
}

static void take_module(const struct multiboot_module *m) {
    struct boot_module *module = &boot.module[boot.nr_modules];
    const char *text = m->text ? at(m->text) : "initrd";
    const char *slash = text;

    // the file's name is the first word of the string, without its folders
    for (const char *p = text; *p && *p != ' '; p++)
        if (*p == '/') slash = p + 1;
    string_copy(module->name, slash, sizeof(module->name));
    char *blank = strchr(module->name, ' ');
    if (blank) *blank = '\0';
    module->base = m->start;
    module->length = m->end - m->start;
    boot.nr_modules++;
}

static void take_memory_map(const struct multiboot_info *info) {
    uint32_t offset = 0;

    while (offset + sizeof(struct multiboot_memory) <= info->memory_map_length) {
        const struct multiboot_memory *m = at(info->memory_map + offset);
        add_memory(m->base, m->length, m->type);
        offset += m->size + sizeof(m->size);
    }
}

static void take_multiboot(const struct multiboot_info *info) {
    boot.magic = BOOT_MAGIC;
    boot.version = BOOT_VERSION;
    boot.size = sizeof(boot);
    boot.source = BOOT_MULTIBOOT;
    if (info->flags & HAS_COMMAND_LINE)
        string_copy(boot.command_line, at(info->command_line), BOOT_CMDLINE_MAX);
    if (info->flags & HAS_MODULES) {
        const struct multiboot_module *m = at(info->modules);
        for (uint32_t i = 0; i < info->nr_modules && i < BOOT_MODULE_MAX; i++)
            take_module(&m[i]);
    }
    if (info->flags & HAS_MEMORY_MAP)
        take_memory_map(info);
    else
        add_memory(0x100000, (uint64_t)info->memory_upper * 1024, BOOT_USABLE);
}

const struct boot_info *boot_info_take(uint32_t magic, uint32_t address) {
    if (magic == MULTIBOOT_LOADED)
        take_multiboot(at(address));
    else if (magic == BOOT_MAGIC)
        memcpy(&boot, at(address), sizeof(boot));
    else
        return NULL;

    boot.kernel_base = (uint32_t)kernel_start - KERNEL_BASE;
    boot.kernel_end = (uint32_t)kernel_end - KERNEL_BASE;
    for (uint32_t i = 0; i < boot.nr_memory; i++)
        if (boot.memory[i].type == BOOT_LOADER) boot.memory[i].type = BOOT_USABLE;
    carve(0, 4096, BOOT_RESERVED);
    carve(0xA0000, 0x100000, BOOT_RESERVED);
    carve(boot.kernel_base, boot.kernel_end, BOOT_LOADER);
    for (uint32_t i = 0; i < boot.nr_modules; i++) {
        struct boot_module *m = &boot.module[i];
        carve(m->base & ~4095u, ((uint64_t)m->base + m->length + 4095) & ~4095ull,
              BOOT_LOADER);
    }
    return &boot;
}

/* command_line.c - key=value words, separated by blanks. A word nobody knows stops the
 * boot: a typing mistake that is silently ignored costs an evening.
 */
#include "command_line.h"

#include "arch/x86/cpu.h"
#include "base/string.h"
#include "core/panic.h"

enum kind { FLAG, NUMBER, TEXT, NOTHING };

static const struct word {
    const char *name;           /* all of it, or up to its = */
    enum kind kind;
    size_t offset, size;        /* of its field */
} words[] = {
#define WORD(name, kind, field) \
    { name, kind, offsetof(struct command_line, field), \
      sizeof(((struct command_line *)NULL)->field) }
    WORD("init=", TEXT, init), WORD("crash=", TEXT, crash),
    WORD("sched_seed=", NUMBER, sched_seed), WORD("limit=", NUMBER, time_limit),
    WORD("rows=", NUMBER, rows), WORD("cols=", NUMBER, columns),
    WORD("cpus=", NUMBER, cpus), WORD("console=screen", FLAG, screen_console),
    WORD("console=serial", NOTHING, screen_console), WORD("quiet", FLAG, quiet),
    WORD("ktest", FLAG, run_kernel_tests), WORD("noapic", FLAG, no_apic),
    WORD("noacpi", FLAG, no_acpi),
#undef WORD
};

static void take_value(const struct word *w, const char *word, struct command_line *c) {
    const char *value = word + strlen(w->name);
    void *field = (char *)c + w->offset;

    if (w->kind == FLAG)
        *(bool *)field = true;
    else if (w->kind == TEXT)
        string_copy(field, value, w->size);
    else if (w->kind == NUMBER && !string_to_u32(value, field))
        boot_refuse("the word '%s' on the kernel's command line needs a number.", word);
}

static void take_word(const char *word, struct command_line *c) {
    for (const struct word *w = words; w < words + ARRAY_SIZE(words); w++) {
        bool has_value = w->kind == NUMBER || w->kind == TEXT;
        if (has_value ? !string_starts_with(word, w->name) : strcmp(word, w->name) != 0)
            continue;
        take_value(w, word, c);
        return;
    }
    boot_refuse(
        "the word '%s' on the kernel's command line means nothing to it. It "
        "knows init= sched_seed= limit= rows= cols= cpus= console= crash= quiet "
        "ktest noapic noacpi; words for init follow ' -- '.",
        word);
}

void command_line_parse(char *text, struct command_line *c) {
    bool first = true;

    *c = (struct command_line){ .init = "/init", .arguments = "", .rows = 24,
                                .columns = 80, .cpus = CPU_MAX };
    while (*text) {
        while (*text == ' ') text++;
        char *word = text;
        while (*text && *text != ' ') text++;
        if (*text) *text++ = '\0';
        if (strcmp(word, "--") == 0) {
            c->arguments = text;
            break;
        }
        // QEMU puts the kernel's path in front
        if (*word && !(first && strchr(word, '/') && !strchr(word, '=')))
            take_word(word, c);
        first = false;
    }
    c->cpus = min(max(c->cpus, 1u), (uint32_t)CPU_MAX);
    c->rows = min(max(c->rows, 2u), 500u);
    c->columns = min(max(c->columns, 10u), 500u);
}

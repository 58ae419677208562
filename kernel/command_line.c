/* command_line.c - key=value words, separated by blanks. A word nobody knows stops the
 * boot: a typing mistake that is silently ignored costs an evening.
 */
#include "command_line.h"

#include "arch/x86/cpu.h"
#include "base/string.h"
#include "core/panic.h"

static uint32_t number(const char *word, const char *value) {
    uint32_t n;

    if (!string_to_u32(value, &n))
        boot_refuse("the word '%s' on the kernel's command line needs a number.", word);
    return n;
}

static bool take_flag(const char *word, struct command_line *c) {
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        { "quiet", &c->quiet },   { "ktest", &c->run_kernel_tests },
        { "noapic", &c->no_apic }, { "noacpi", &c->no_acpi },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
        if (strcmp(word, flags[i].name) == 0) return *flags[i].flag = true;
    return false;
}

static bool take_number(const char *word, struct command_line *c) {
    const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = {
        { "sched_seed=", &c->sched_seed }, { "limit=", &c->time_limit },
        { "rows=", &c->rows },             { "cols=", &c->columns },
        { "cpus=", &c->cpus },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (!string_starts_with(word, numbers[i].name)) continue;
        *numbers[i].value = number(word, word + strlen(numbers[i].name));
        return true;
    }
    return false;
}

static void take_word(const char *word, struct command_line *c) {
    if (take_flag(word, c) || take_number(word, c)) return;
    if (string_starts_with(word, "init="))
        string_copy(c->init, word + 5, sizeof(c->init));
    else if (string_starts_with(word, "crash="))
        string_copy(c->crash, word + 6, sizeof(c->crash));
    else if (strcmp(word, "console=screen") == 0)
        c->screen_console = true;
    else if (strcmp(word, "console=serial") != 0)
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
        while (*text == ' ')
            text++;
        char *word = text;
        while (*text && *text != ' ')
            text++;
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

/* command_line.h - what the loader's command line asks for. */
#pragma once

#include "base/types.h"

struct command_line {
    char init[128];             /* init=PATH */
    const char *arguments;      /* what follows ` -- `, for init */
    uint32_t sched_seed;
    uint32_t time_limit;        /* limit=SECONDS of guest time; 0: none */
    uint32_t rows, columns;     /* of the serial terminal */
    uint32_t cpus;              /* at most; CPU_MAX when not given */
    char crash[8];              /* crash=stack, null or assert: how to panic */
    bool quiet, run_kernel_tests, no_apic, no_acpi, screen_console;
};

/* Parses text, which is changed. Refuses to boot on a word it does not know. */
void command_line_parse(char *text, struct command_line *result);

/* What the examples share: options --name VALUE, listed with their defaults by --help. */
#ifndef EXAMPLES_ARGS_H
#define EXAMPLES_ARGS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arg {
    const char *name, *help;
    long *integer; /* where the value goes: one of these three, which hold the default */
    double *number;
    const char **text;
} arg;

static void args_help(const char *what, const arg *list, int count) {
    printf("%s\n", what);
    for (int i = 0; i < count; i++) {
        const arg *a = &list[i];
        char value[64] = "";
        if (a->integer) snprintf(value, sizeof value, "%ld", *a->integer);
        if (a->number) snprintf(value, sizeof value, "%g", *a->number);
        printf("  --%-12s %s (default: %s)\n", a->name, a->help,
               a->text ? *a->text ? *a->text : "none" : value);
    }
}

/* Takes `text` for the option; false if it is no such value. */
static bool args_take(const arg *a, const char *text) {
    char *end = NULL;
    if (a->text) return *a->text = text, true;
    if (a->integer) *a->integer = strtol(text, &end, 10);
    else *a->number = strtod(text, &end);
    return end != text && *end == '\0';
}

/* Reads the command line. After --help, or what makes no sense, the program ends. */
static void args_read(int argc, char **argv, const char *what, const arg *list, int count) {
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            args_help(what, list, count);
            exit(0);
        }
        const arg *found = NULL;
        for (int k = 0; k < count; k++)
            if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, list[k].name) == 0) found = &list[k];
        if (found && i + 1 < argc && args_take(found, argv[i + 1])) continue;
        fprintf(stderr, "%s %s: not understood, try --help\n", argv[i], i + 1 < argc ? argv[i + 1] : "");
        exit(2);
    }
}

#endif

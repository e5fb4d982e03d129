/* Runs every row of the sample tables through every check, and holds the tables against the public headers.
 *
 *     test_samples                    all
 *     test_samples softmax            the rows of one op, or of one family, for work on it
 *     test_samples softmax gradients  and one check of them */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/sample.h"
#include "taper/memory.h"

#define DECLARE_FAMILY(family) extern const sample_list samples_##family;
SAMPLE_FAMILIES(DECLARE_FAMILY)
#undef DECLARE_FAMILY

static const sample_list *const families[] = {
#define NAME_FAMILY(family) &samples_##family,
    SAMPLE_FAMILIES(NAME_FAMILY)
#undef NAME_FAMILY
};
enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

static const struct {
    const char *name;
    sample_result (*check)(const sample *row);
} checks[] = {
    {"values", sample_check_values}, {"layout", sample_check_layout},   {"gradients", sample_check_gradients},
    {"isa", sample_check_isa},       {"threads", sample_check_threads}, {"inplace", sample_check_inplace},
    {"errors", sample_check_errors},
};
enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };

static const char *chosen; /* the op or family on the command line */

static bool is_chosen(const sample_list *list, const sample *row) {
#if !TP_HAVE_LAPACK
    if (strcmp(list->family, "decompose") == 0) return false; /* they are errors: errors/decompose.def */
#endif
    return !chosen || strcmp(chosen, list->family) == 0 || strcmp(chosen, row->op) == 0;
}

static int run_check(const sample_list *list, int check) {
    int failures = 0;
    for (int r = 0; r < list->count; r++) {
        if (!is_chosen(list, &list->rows[r])) continue;
        tp_memory_info before = tp_memory_stats();
        failures += checks[check].check(&list->rows[r]).failures;
        tp_memory_info after = tp_memory_stats();
        if (after.live_tensors != before.live_tensors || after.live_nodes != before.live_nodes ||
            after.live_storages != before.live_storages || after.in_use != before.in_use) {
            fprintf(stderr, "    %s (%s): something is left alive\n", list->rows[r].op, list->rows[r].what);
            failures++;
        }
    }
    return failures;
}

typedef struct job {
    const sample_list *list;
    int check;
    char name[64];
} job;

static void test_family(void **state) {
    const job *self = *state;
    int failures = run_check(self->list, self->check);
    if (failures) fail_msg("%d failures in %s", failures, self->name);
}

/* ---- coverage ------------------------------------------------------------------------------------------ */

static const sample *find_row(const char *op, bool inplace) {
    for (int f = 0; f < FAMILIES; f++)
        for (int r = 0; r < families[f]->count; r++) {
            const sample *row = &families[f]->rows[r];
            if (strcmp(row->op, op) == 0 && (!inplace || row->inplace)) return row;
        }
    return NULL;
}

/* The name of the function a line of a header declares, without tp_; false if it declares none. */
static bool declared_name(const char *line, char *name, size_t size) {
    if (strncmp(line, "TP_API ", 7) != 0) return false;
    const char *open = strchr(line, '(');
    if (!open) return false;
    const char *begin = open;
    while (begin > line && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_')) begin--;
    if (strncmp(begin, "tp_", 3) != 0 || (size_t)(open - begin) - 3 >= size) return false;
    snprintf(name, size, "%.*s", (int)(open - begin - 3), begin + 3);
    return true;
}

static int uncovered_in(const char *header) {
    char path[1024], line[512], name[128];
    snprintf(path, sizeof path, "%s/include/taper/%s.h", TP_SOURCE_DIR, header);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int found = 0, missing = 0;
    while (fgets(line, sizeof line, file)) {
        if (!declared_name(line, name, sizeof name)) continue;
        found++;
        size_t length = strlen(name);
        bool inplace = name[length - 1] == '_';
        if (inplace) name[length - 1] = 0;
        if (find_row(name, inplace)) continue;
        fprintf(stderr, "    tp_%s%s of %s.h has no row\n", name, inplace ? "_" : "", header);
        missing++;
    }
    fclose(file);
    assert_true(found > 0);
    return missing;
}

static void test_every_op_has_a_row(void **state) {
    (void)state;
    static const char *const headers[] = {"elementwise", "activation", "reduce", "sort",
                                          "linalg",      "decompose",  "views",  "index",
                                          "conv",        "pool",       "norm",   "loss"};
    int missing = 0;
    for (size_t h = 0; h < sizeof headers / sizeof headers[0]; h++) missing += uncovered_in(headers[h]);
    assert_int_equal(missing, 0);
}

/* Rows are told apart by op and what: the inputs' seed is made of them. */
static void test_rows_are_distinct(void **state) {
    (void)state;
    int twice = 0;
    for (int f = 0; f < FAMILIES; f++)
        for (int a = 0; a < families[f]->count; a++)
            for (int b = a + 1; b < families[f]->count; b++) {
                const sample *row = &families[f]->rows[a], *other = &families[f]->rows[b];
                if (strcmp(row->op, other->op) != 0 || strcmp(row->what, other->what) != 0) continue;
                fprintf(stderr, "    %s (%s) is there twice\n", row->op, row->what);
                twice++;
            }
    assert_int_equal(twice, 0);
}

int main(int argc, char **argv) {
    static job jobs[FAMILIES * CHECKS];
    static struct CMUnitTest tests[FAMILIES * CHECKS + 2];
    if (argc > 1) chosen = argv[1];
    const char *check = argc > 2 ? argv[2] : NULL;
    size_t count = 0;
    for (int f = 0; f < FAMILIES; f++)
        for (int c = 0; c < CHECKS; c++) {
            if (check && strcmp(check, checks[c].name) != 0) continue;
            job *self = &jobs[count];
            self->list = families[f];
            self->check = c;
            snprintf(self->name, sizeof self->name, "%s: %s", families[f]->family, checks[c].name);
            tests[count++] =
                (struct CMUnitTest){.name = self->name, .test_func = test_family, .initial_state = self};
        }
    if (!chosen) {
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_every_op_has_a_row);
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_rows_are_distinct);
    }
    return _cmocka_run_group_tests("samples", tests, count, NULL, NULL);
}

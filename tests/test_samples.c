/* Runs every row of the sample tables through every check, and holds the tables against the public headers.
 *
 *     test_samples                    all
 *     test_samples softmax            the rows of one op, or of one family, for work on it
 *     test_samples softmax gradients  and one check of them
 *     test_samples --part 2/4         a part of all, for ctest to run beside the others
 *     test_samples --table            writes docs/ops.md */
/* ctest: long */
/* ctest: parts 4 */
/* ctest: timeout 1500 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "samples_table.h"
#include "support/sample.h"

#define DECLARE_FAMILY(family) extern const sample_list samples_##family;
SAMPLE_FAMILIES(DECLARE_FAMILY)
#undef DECLARE_FAMILY

const sample_list *const sample_families[] = {
#define NAME_FAMILY(family) &samples_##family,
    SAMPLE_FAMILIES(NAME_FAMILY)
#undef NAME_FAMILY
};
enum { FAMILIES = sizeof(sample_families) / sizeof(sample_families[0]) };
const int sample_family_count = FAMILIES;

static const struct {
    const char *name;
    sample_result (*check)(const sample *row);
} checks[] = {
    {"values", sample_check_values}, {"layout", sample_check_layout},   {"gradients", sample_check_gradients},
    {"isa", sample_check_isa},       {"threads", sample_check_threads}, {"inplace", sample_check_inplace},
    {"errors", sample_check_errors}, {"memory", sample_check_memory},   {"bad", sample_check_bad},
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

static bool has_inplace_row(const char *op) {
    const sample *row;
    for (int n = 0; (row = table_row(op, n)); n++)
        if (row->inplace) return true;
    return false;
}

static void test_every_op_has_a_row(void **state) {
    (void)state;
    int count, missing = 0;
    const table_op *ops = table_ops(&count);
    assert_true(count > 0);
    for (int k = 0; k < count; k++) {
        bool row = table_row(ops[k].name, 0) != NULL, inplace = has_inplace_row(ops[k].name);
        if (row && (inplace || !ops[k].inplace)) continue;
        fprintf(stderr, "    tp_%s%s of %s.h has no row\n", ops[k].name, row ? "_" : "", ops[k].header);
        missing++;
    }
    assert_int_equal(missing, 0);
}

/* Ops whose values PyTorch cannot tell: random numbers, what lies in memory, and what it has no function for. */
static bool has_no_golden(const char *op) {
    static const char *const names[] = {"dropout",        "dropout1d",     "dropout2d",
                                        "dropout3d",      "alpha_dropout", "feature_alpha_dropout",
                                        "gumbel_softmax", "rrelu",         "sum_to_shape",
                                        "empty",          "empty_like",    "from_data",
                                        "from_memory",    "from_f32",      "from_f64",
                                        "from_i64",       "rand",          "randn",
                                        "randint",        "randperm",      "bernoulli",
                                        "bernoulli_of",   "rand_like",     "randn_like",
                                        "normal",         "uniform",       "multinomial"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (strcmp(names[k], op) == 0) return true;
    return false;
}

static void test_every_op_has_golden_cases(void **state) {
    (void)state;
    int count, missing = 0;
    const table_op *ops = table_ops(&count);
    for (int k = 0; k < count; k++) {
        int found = table_golden_cases(ops[k].name);
        if (found >= 3 || has_no_golden(ops[k].name)) continue;
        fprintf(stderr, "    tp_%s of %s.h has %d golden cases\n", ops[k].name, ops[k].header, found);
        missing++;
    }
    assert_int_equal(missing, 0);
}

#if TP_HAVE_LAPACK /* without it some ops take no dtype at all */
/* docs/ops.md is what the table gives. */
static void test_documentation(void **state) {
    (void)state;
    char *made = NULL;
    size_t made_size = 0;
    FILE *memory = open_memstream(&made, &made_size);
    assert_non_null(memory);
    table_write(memory);
    fclose(memory);
    FILE *file = fopen(TP_SOURCE_DIR "/docs/ops.md", "r");
    assert_non_null(file);
    char *kept = calloc(made_size + 2, 1);
    assert_non_null(kept);
    size_t kept_size = fread(kept, 1, made_size + 1, file);
    fclose(file);
    bool same = kept_size == made_size && memcmp(kept, made, made_size) == 0;
    free(kept);
    free(made);
    if (!same) fail_msg("docs/ops.md is not what the table gives: test_samples --table > docs/ops.md");
}
#endif

/* Rows are told apart by op and what: the inputs' seed is made of them. */
static void test_rows_are_distinct(void **state) {
    (void)state;
    int twice = 0;
    for (int f = 0; f < FAMILIES; f++)
        for (int a = 0; a < sample_families[f]->count; a++)
            for (int b = a + 1; b < sample_families[f]->count; b++) {
                const sample *row = &sample_families[f]->rows[a], *other = &sample_families[f]->rows[b];
                if (strcmp(row->op, other->op) != 0 || strcmp(row->what, other->what) != 0) continue;
                fprintf(stderr, "    %s (%s) is there twice\n", row->op, row->what);
                twice++;
            }
    assert_int_equal(twice, 0);
}

int main(int argc, char **argv) {
    static job jobs[FAMILIES * CHECKS];
    static struct CMUnitTest tests[FAMILIES * CHECKS + 4];
    int part = 1, parts = 1;
    if (argc > 1) chosen = argv[1];
    const char *check = argc > 2 ? argv[2] : NULL;
    if (chosen && strcmp(chosen, "--table") == 0) {
        table_write(stdout);
        return 0;
    }
    if (chosen && strcmp(chosen, "--part") == 0) {
        if (!check || sscanf(check, "%d/%d", &part, &parts) != 2 || part < 1 || part > parts) return 2;
        chosen = check = NULL;
    }
    size_t count = 0;
    for (int f = 0; f < FAMILIES; f++)
        for (int c = 0; c < CHECKS; c++) {
            if (check && strcmp(check, checks[c].name) != 0) continue;
            if ((f * CHECKS + c) % parts != part - 1) continue;
            job *self = &jobs[count];
            self->list = sample_families[f];
            self->check = c;
            snprintf(self->name, sizeof self->name, "%s: %s", sample_families[f]->family, checks[c].name);
            tests[count++] =
                (struct CMUnitTest){.name = self->name, .test_func = test_family, .initial_state = self};
        }
    if (!chosen && part == 1) {
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_every_op_has_a_row);
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_rows_are_distinct);
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_every_op_has_golden_cases);
#if TP_HAVE_LAPACK
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_documentation);
#endif
    }
    return _cmocka_run_group_tests("samples", tests, count, NULL, NULL);
}

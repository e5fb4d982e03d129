#include "samples_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "support/golden_op.h"
#include "support/sample_run.h"

/* Headers of which every op has a row. */
static const char *const headers[] = {"creation",  "random",   "elementwise", "activation", "reduce",
                                      "sort",      "linalg",   "decompose",   "views",      "index",
                                      "conv",      "pool",     "vision",      "norm",       "loss",
                                      "recurrent", "attention"};
enum { HEADERS = sizeof headers / sizeof headers[0], MAX_OPS = 1024 };

/* ---- rows ---------------------------------------------------------------------------------------------- */

const sample *table_row(const char *op, int n) {
    for (int f = 0; f < sample_family_count; f++)
        for (int r = 0; r < sample_families[f]->count; r++) {
            const sample *row = &sample_families[f]->rows[r];
            if (strcmp(row->op, op) == 0 && n-- == 0) return row;
        }
    return NULL;
}

static int row_count(const char *op) {
    int n = 0;
    while (table_row(op, n)) n++;
    return n;
}

/* ---- ops, from the headers ------------------------------------------------------------------------------ */

static table_op ops[MAX_OPS];
static int op_count;
static bool ops_read;

/* The name of the function a line of a header declares, without tp_; false if it declares none. */
static bool declared_name(const char *line, char *name, size_t size) {
    static const char *const others[] = {"void ", "double ", "int64_t ", "tp_generator"}; /* of random.h */
    if (strncmp(line, "TP_API ", 7) != 0) return false;
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        if (strncmp(line + 7, others[k], strlen(others[k])) == 0) return false;
    const char *open = strchr(line, '(');
    if (!open) return false;
    const char *begin = open;
    while (begin > line && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_')) begin--;
    if (strncmp(begin, "tp_", 3) != 0 || (size_t)(open - begin) - 3 >= size) return false;
    snprintf(name, size, "%.*s", (int)(open - begin - 3), begin + 3);
    return true;
}

static table_op *find_op(const char *name, const char *header) {
    for (int k = 0; k < op_count; k++)
        if (strcmp(ops[k].name, name) == 0) return &ops[k];
    if (op_count == MAX_OPS) abort();
    table_op *op = &ops[op_count++];
    *op = (table_op){.header = header};
    snprintf(op->name, sizeof op->name, "%s", name);
    return op;
}

static void read_header(const char *header) {
    char path[1024], line[512], name[64];
    snprintf(path, sizeof path, "%s/include/taper/%s.h", TP_SOURCE_DIR, header);
    FILE *file = fopen(path, "r");
    if (!file) abort();
    while (fgets(line, sizeof line, file)) {
        if (!declared_name(line, name, sizeof name)) continue;
        size_t length = strlen(name);
        bool inplace = name[length - 1] == '_';
        if (inplace) name[length - 1] = 0;
        table_op *op = find_op(name, header);
        if (inplace) op->inplace = true;
        else op->plain = true;
    }
    fclose(file);
}

const table_op *table_ops(int *count) {
    for (int h = 0; h < HEADERS && !ops_read; h++) read_header(headers[h]);
    ops_read = true;
    *count = op_count;
    return ops;
}

/* ---- what an op can do, found by trying ------------------------------------------------------------------ */

/* Does the row run with the inputs of the first input's kind as `kind`? It does unless the op says that the dtype is
 * wrong. */
static bool takes(const sample *original, sample_kind kind, tp_dtype real) {
    sample row = *original;
    for (int i = SAMPLE_MAX_INPUTS - 1; i >= 0; i--)
        if (row.in[i].kind == row.in[0].kind) row.in[i].kind = kind;
    tp_scope *s = tp_scope_begin();
    tp_tensor *in[SAMPLE_MAX_INPUTS] = {0}, *leaf[SAMPLE_MAX_INPUTS] = {0}, *out[SAMPLE_MAX_OUTPUTS] = {0};
    tp_error_clear();
    bool ok = sample_inputs(&row, (sample_how){.real = real, .no_grad = true}, in, leaf);
    if (ok) row.run(&row, in, out);
    ok = ok && tp_last_error().code != TP_ERR_DTYPE;
    tp_error_clear();
    tp_scope_end(s);
    return ok;
}

/* A row may be about numbers that integers cannot be, so one of them is enough. */
static bool any_takes(const char *op, sample_kind kind, tp_dtype real) {
    const sample *row;
    for (int n = 0; (row = table_row(op, n)); n++)
        if (!(row->flags & SAMPLE_LARGE) && row->in[0].kind != SAMPLE_F32 && takes(row, kind, real))
            return true;
    return false;
}

static void write_dtypes(FILE *file, const char *op) {
    static const struct {
        sample_kind kind;
        tp_dtype real;
        const char *name;
    } kinds[] = {{SAMPLE_FLOAT, TP_F32, "f32"}, {SAMPLE_FLOAT, TP_F64, "f64"}, {SAMPLE_I64, TP_F64, "i64"},
                 {SAMPLE_I32, TP_F64, "i32"},   {SAMPLE_U8, TP_F64, "u8"},     {SAMPLE_BOOL, TP_F64, "bool"}};
    bool all = true, taken[6];
    for (int k = 0; k < 6; k++) all = (taken[k] = any_takes(op, kinds[k].kind, kinds[k].real)) && all;
    if (all) fprintf(file, "all");
    for (int k = 0, n = 0; k < 6 && !all; k++)
        if (taken[k]) fprintf(file, "%s%s", n++ ? " " : "", kinds[k].name);
}

/* Of an op: the best that one of its rows shows. */
static const char *derivatives(const char *op) {
    const char *found = "none";
    const sample *row;
    for (int n = 0; (row = table_row(op, n)); n++) {
        bool real = false;
        for (int i = 0; i < sample_input_count(row); i++) real = real || sample_is_differentiable(row, i);
        if (!real || (row->flags & (SAMPLE_NO_GRAD | SAMPLE_NAN))) continue;
        if (row->no_second) return "first";
        found = row->flags & SAMPLE_ZERO_GRAD ? "zero" : "any order";
        if (!(row->flags & SAMPLE_ZERO_GRAD)) return found;
    }
    return found;
}

/* ---- golden cases ---------------------------------------------------------------------------------------- */

/* The ops of all cases, one after the other. */
static char (*golden_ops)[64];
static int golden_op_count = -1;

static void read_golden_files(void) {
    static const char *const families[] = {
#define NAME_FAMILY(family) #family,
        GOLDEN_FAMILIES(NAME_FAMILY)
#undef NAME_FAMILY
    };
    golden_op_count = 0;
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        golden *file = golden_open(families[f]);
        golden_ops = realloc(golden_ops, (size_t)(golden_op_count + golden_count(file)) * sizeof *golden_ops);
        if (!golden_ops) abort();
        for (int k = 0; k < golden_count(file); k++)
            snprintf(golden_ops[golden_op_count++], sizeof *golden_ops, "%s",
                     args_text(golden_args(file, k), "op"));
        golden_close(file);
    }
}

int table_golden_cases(const char *op) {
    if (golden_op_count < 0) read_golden_files();
    int found = 0;
    for (int k = 0; k < golden_op_count; k++) found += strcmp(golden_ops[k], op) == 0;
    return found;
}

/* ---- docs/ops.md ------------------------------------------------------------------------------------------- */

static bool has_suffix(const char *name, const char *suffix) {
    size_t a = strlen(name), b = strlen(suffix);
    return a > b && strcmp(name + a - b, suffix) == 0;
}

static void write_torch_name(FILE *file, const table_op *op) {
    static const struct {
        const char *op, *torch;
    } exceptions[] = {
#define TORCH(op, torch) {#op, torch},
#include "torch_names.def"
#undef TORCH
    };
    static const char *const functional[] = {"activation", "conv", "pool", "vision", "norm", "loss"};
    for (size_t k = 0; k < sizeof exceptions / sizeof exceptions[0]; k++)
        if (strcmp(exceptions[k].op, op->name) == 0) {
            fputs(exceptions[k].torch, file);
            return;
        }
    const char *name = op->name, *prefix = "torch.";
    for (size_t k = 0; k < sizeof functional / sizeof functional[0]; k++)
        if (strcmp(op->header, functional[k]) == 0) prefix = "torch.nn.functional.";
    if (strncmp(name, "linalg_", 7) == 0) {
        prefix = "torch.linalg.";
        name += 7;
    }
    if (strncmp(name, "scalar_", 7) == 0) name += 7;
    size_t length = strlen(name);
    static const char *const suffixes[] = {"_scalar", "_dim", "_with"};
    for (int k = 0; k < 3; k++)
        if (has_suffix(name, suffixes[k])) length = strlen(name) - strlen(suffixes[k]);
    fprintf(file, "%s%.*s", prefix, (int)length, name);
}

static void write_header(FILE *file, const char *header) {
    fprintf(file, "\n## %s.h\n\n", header);
    fprintf(file, "| op | PyTorch | derivatives | dtypes | samples | golden |\n|---|---|---|---|---|---|\n");
    int count;
    const table_op *all = table_ops(&count);
    for (int k = 0; k < count; k++) {
        const table_op *op = &all[k];
        if (strcmp(op->header, header) != 0) continue;
        fprintf(file, "| `tp_%s`%s | `", op->name, !op->inplace ? "" : op->plain ? ", `_`" : "`_`");
        write_torch_name(file, op);
        fprintf(file, "` | %s | ", derivatives(op->name));
        write_dtypes(file, op->name);
        fprintf(file, " | %d | %d |\n", row_count(op->name), table_golden_cases(op->name));
    }
}

void table_write(FILE *file) {
    int count, rows = 0, cases = 0, inplace = 0;
    const table_op *all = table_ops(&count);
    for (int k = 0; k < count; k++) {
        cases += table_golden_cases(all[k].name);
        inplace += all[k].inplace;
    }
    for (int f = 0; f < sample_family_count; f++) rows += sample_families[f]->count;
    fprintf(
        file,
        "# The ops\n\n"
        "Made by the test suite from its sample table, and held to it: do not edit, but run\n"
        "`build/release/tests/test_samples --table > docs/ops.md`.\n\n"
        "%d ops, %d of them in place too (`_`), with %d sample rows and %d golden cases.\n\n"
        "- *derivatives*: how often an op can be differentiated. Asking for more than there is, is an error that\n"
        "  names the op. *zero*: by the op's nature; *none*: its results are integers or booleans.\n"
        "- *dtypes*: what the first operand may be, found by trying.\n"
        "- *samples*: rows of the table under `tests/samples_*.c`. Each is held to a reference in double precision,\n"
        "  in every layout, on every ISA level, at 1, 2 and 3 threads, and its gradients to finite differences, twice.\n"
        "- *golden*: cases computed by PyTorch 2.13, values and gradients, compared in F32 and in F64.\n",
        count, inplace, rows, cases);
    for (int h = 0; h < HEADERS; h++) write_header(file, headers[h]);
}

#include "taper/table.h"

#include <string.h>

#include "core/alloc.h"
#include "core/tensor.h"
#include "data/table.h"

static const char *const table_types[] = {"AUTO", "INT", "FLOAT", "CATEGORY", "TEXT", "SKIP"};

tp__schema *tp__schema_new(const char *op) {
    tp__schema *schema = tp__alloc_zero(sizeof *schema);
    if (schema) atomic_init(&schema->refs, 1);
    else tp__error_memory(op, sizeof *schema);
    return schema;
}

void tp__schema_unref(tp__schema *schema) {
    if (!tp__unref(&schema->refs)) return;
    for (int i = 0; schema->columns && i < schema->count; i++)
        tp__vocabulary_free(&schema->columns[i].categories);
    tp__vocabulary_free(&schema->names);
    tp__free(schema->columns);
    tp__free(schema);
}

tp_table *tp__table_new(const char *op, tp__schema *schema) {
    size_t columns = (size_t)schema->count;
    tp_table *table = tp__alloc_zero(sizeof *table);
    int *from = table ? tp__alloc(columns * sizeof *from) : NULL;
    tp__cells *cells = from ? tp__alloc_zero(columns * sizeof *cells) : NULL;
    if (!cells) {
        tp__free(from);
        tp__free(table);
        tp__error_memory(op, sizeof *table + columns * (sizeof *from + sizeof *cells));
        return NULL;
    }
    *table = (tp_table){.schema = schema, .from = from, .cells = cells};
    for (int i = 0; i < schema->count; i++)
        if (schema->columns[i].type != TP_COLUMN_SKIP) table->from[table->count++] = i;
    tp__ref(&schema->refs);
    tp__count(&tp__self()->counters.objects, 1);
    return table;
}

void tp_table_free(tp_table *table) {
    if (!table) return;
    for (int i = 0; i < table->count; i++) {
        tp__bytes_free(&table->cells[i].values);
        tp__bytes_free(&table->cells[i].text);
    }
    tp__schema_unref(table->schema);
    tp__free(table->cells);
    tp__free(table->from);
    tp__free(table);
    tp__count(&tp__self()->counters.objects, -1);
}

/* ---- getters ----------------------------------------------------------------------------------------- */

int64_t tp_table_rows(const tp_table *table) {
    if (table) return table->rows;
    tp__error_null("table_rows", "table");
    return -1;
}

int tp_table_columns(const tp_table *table) {
    if (table) return table->count;
    tp__error_null("table_columns", "table");
    return -1;
}

static const char *table_name(const tp_table *t, int column) {
    return tp__schema_name(t->schema, t->from[column]);
}

static const tp__table_column *table_column(const tp_table *t, int column) {
    return &t->schema->columns[t->from[column]];
}

static int table_find(const char *op, const tp_table *t, const char *name) {
    const tp__word *word = tp__vocabulary_find(&t->schema->names, name, strlen(name));
    int64_t number = word ? word - tp__words(&t->schema->names) : -1;
    for (int i = 0; word && i < t->count; i++)
        if (t->from[i] == number) return i;
    tp__error(TP_ERR_ARGUMENT, op, "there is no column \"%.200s\"", name);
    return -1;
}

int tp_table_column_index(const tp_table *table, const char *name) {
    if (table && name) return table_find("table_column_index", table, name);
    tp__error_null("table_column_index", table ? "name" : "table");
    return -1;
}

static bool table_check(const char *op, const tp_table *table, int column) {
    if (!table) tp__error_null(op, "table");
    else if (column < 0 || column >= table->count)
        tp__error(TP_ERR_INDEX, op, "column is %d, the table has %d columns", column, table->count);
    else return true;
    return false;
}

const char *tp_table_name(const tp_table *table, int column) {
    return table_check("table_name", table, column) ? table_name(table, column) : NULL;
}

tp_column_type tp_table_type(const tp_table *table, int column) {
    return table_check("table_type", table, column) ? table_column(table, column)->type : TP_COLUMN_AUTO;
}

static const int64_t *table_ints(const tp_table *t, int column) {
    return (const int64_t *)(const void *)t->cells[column].values.data;
}

static bool table_is_category(const char *op, const tp_table *table, int column) {
    if (!table_check(op, table, column)) return false;
    tp_column_type type = table_column(table, column)->type;
    if (type == TP_COLUMN_CATEGORY) return true;
    tp__error(TP_ERR_DTYPE, op, "column \"%.200s\" is of %s, not CATEGORY", table_name(table, column),
              table_types[type]);
    return false;
}

const char *tp_table_text(const tp_table *table, int column, int64_t row) {
    const char *op = "table_text";
    if (!table_check(op, table, column)) return NULL;
    if (row < 0 || row >= table->rows)
        TP_FAIL(TP_ERR_INDEX, op, "row is %lld, the table has %lld rows", (long long)row,
                (long long)table->rows);
    const tp__cells *cells = &table->cells[column];
    if (table_column(table, column)->type == TP_COLUMN_TEXT)
        return cells->text.data + ((const size_t *)(const void *)cells->values.data)[row];
    if (!table_is_category(op, table, column)) return NULL;
    int64_t code = table_ints(table, column)[row];
    return code < 0 ? NULL : tp_table_category_name(table, column, code);
}

int64_t tp_table_category_count(const tp_table *table, int column) {
    if (!table_is_category("table_category_count", table, column)) return -1;
    return tp__word_count(&table_column(table, column)->categories);
}

const char *tp_table_category_name(const tp_table *table, int column, int64_t code) {
    const char *op = "table_category_name";
    if (!table_is_category(op, table, column)) return NULL;
    const tp__vocabulary *categories = &table_column(table, column)->categories;
    if (code >= 0 && code < tp__word_count(categories))
        return tp__word_text(categories, &tp__words(categories)[code]);
    TP_FAIL(TP_ERR_INDEX, op, "code is %lld, column \"%.200s\" has %lld categories", (long long)code,
            table_name(table, column), (long long)tp__word_count(categories));
}

/* ---- tensors ----------------------------------------------------------------------------------------- */

static bool table_fits(const char *op, const tp_table *t, int column, tp_dtype dtype) {
    tp_column_type type = table_column(t, column)->type;
    bool fits = dtype == TP_I64 ? type == TP_COLUMN_INT || type == TP_COLUMN_CATEGORY
                                : (dtype == TP_F32 || dtype == TP_F64) && type != TP_COLUMN_TEXT;
    if (!fits)
        tp__error(TP_ERR_DTYPE, op, "column \"%.200s\" is of %s, which %s cannot hold", table_name(t, column),
                  table_types[type], tp_dtype_name(dtype));
    return fits;
}

/* Copies a column to every `step`-th element. */
static void table_copy(const tp_table *t, int column, void *out, tp_dtype dtype, int64_t step) {
    bool floats = table_column(t, column)->type == TP_COLUMN_FLOAT;
    const int64_t *ints = table_ints(t, column);
    const double *numbers = (const double *)(const void *)t->cells[column].values.data;
    for (int64_t i = 0; i < t->rows; i++) {
        if (dtype == TP_I64) ((int64_t *)out)[i * step] = ints[i];
        else if (dtype == TP_F32) ((float *)out)[i * step] = floats ? (float)numbers[i] : (float)ints[i];
        else ((double *)out)[i * step] = floats ? numbers[i] : (double)ints[i];
    }
}

tp_tensor *tp_table_column(const tp_table *table, int column, tp_dtype dtype) {
    const char *op = "table_column";
    if (!table_check(op, table, column) || !table_fits(op, table, column, dtype)) return NULL;
    tp_tensor *x = tp__tensor_new(op, TP_SHAPE(table->rows), dtype);
    if (x) table_copy(table, column, tp__data(x), dtype, 1);
    return x;
}

/* Which columns the names, known to be there, mean; NULL after a failure. */
static int *table_choose(const char *op, const tp_table *t, tp_names names, int *count) {
    size_t bytes = (size_t)(names.count + t->count) * sizeof(int);
    int *columns = tp__alloc(bytes);
    if (!columns) {
        tp__error_memory(op, bytes);
        return NULL;
    }
    *count = 0;
    for (int i = 0; names.count == 0 && i < t->count; i++)
        if (table_column(t, i)->type != TP_COLUMN_TEXT) columns[(*count)++] = i;
    for (; *count < names.count; (*count)++) {
        const char *name = names.items[*count];
        if (!name) tp__error_null(op, "columns.items[]");
        columns[*count] = name ? table_find(op, t, name) : -1;
        if (columns[*count] >= 0) continue;
        tp__free(columns);
        return NULL;
    }
    return columns;
}

tp_tensor *tp_table_tensor(const tp_table *table, tp_names columns, tp_dtype dtype) {
    const char *op = "table_tensor";
    TP_REQUIRE(table, "table_tensor");
    TP_TRY_NULL(tp__check_list(op, "columns", columns.count, columns.items));
    if (dtype != TP_F32 && dtype != TP_F64 && dtype != TP_I64)
        TP_FAIL(TP_ERR_DTYPE, op, "tables do not give %s", tp_dtype_name(dtype));
    int count;
    int *chosen = table_choose(op, table, columns, &count);
    bool fits = chosen;
    for (int i = 0; fits && i < count; i++) fits = table_fits(op, table, chosen[i], dtype);
    tp_tensor *x = fits ? tp__tensor_new(op, TP_SHAPE(table->rows, count), dtype) : NULL;
    for (int i = 0; x && i < count; i++)
        table_copy(table, chosen[i], tp__data(x) + (size_t)i * tp__itemsize(dtype), dtype, count);
    tp__free(chosen);
    return x;
}

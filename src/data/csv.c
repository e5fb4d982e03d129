/* CSV files: the types of their columns, and their rows as tables. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/thread.h"
#include "data/table.h"

struct tp_csv {
    tp__rows rows;
    tp__schema *schema;
    tp__vocabulary missing;  /* a set of texts */
    bool missing_first[256]; /* their first bytes: most texts need no further look; 0 for an empty one */
    bool header;
};

static bool csv_memory(tp_csv *csv, size_t bytes) {
    csv->rows.failed = true;
    tp__error_memory(csv->rows.file.op, bytes);
    return false;
}

/* ---- opening ----------------------------------------------------------------------------------------- */

static bool csv_check_options(const char *op, const tp_csv_options *o) {
    if (o->separator && strchr("\"\n\r", o->separator))
        tp__error(TP_ERR_ARGUMENT, op, "the separator is %s",
                  o->separator == '"' ? "a quote" : "a line break");
    else if (o->infer_rows < 0 || o->missing_count < 0 || o->column_count < 0 || o->row_bytes < 0)
        tp__error(TP_ERR_ARGUMENT, op,
                  "infer_rows is %lld, missing_count %d, column_count %d, row_bytes %lld",
                  (long long)o->infer_rows, o->missing_count, o->column_count, (long long)o->row_bytes);
    else if ((o->missing_count && !o->missing) || (o->column_count && !o->columns))
        tp__error_null(op, o->missing_count && !o->missing ? "missing" : "columns");
    else return true;
    return false;
}

static bool csv_set_missing(tp_csv *csv, const tp_csv_options *o) {
    static const char *const usual[] = {"", "NA", "NaN", "?"};
    int count = o->missing_count ? o->missing_count : 4;
    const char *const *texts = o->missing_count ? o->missing : usual;
    for (int i = 0; i < count; i++) {
        if (!texts[i]) {
            tp__error_null(csv->rows.file.op, "missing[]");
            return false;
        }
        if (!tp__vocabulary_add(&csv->missing, texts[i], strlen(texts[i]))) return csv_memory(csv, 256);
        csv->missing_first[(unsigned char)*texts[i]] = true;
    }
    return true;
}

/* Does a text, without blanks around it, mean a missing value? */
static bool csv_missing(const tp_csv *csv, const char *text, size_t size) {
    return csv->missing_first[size ? (unsigned char)*text : 0] &&
           tp__vocabulary_find(&csv->missing, text, size);
}

/* The names of the columns, from the first row. */
static bool csv_set_names(tp_csv *csv) {
    tp__rows *rows = &csv->rows;
    tp__schema *schema = csv->schema;
    int got = tp__rows_next(rows);
    if (got == 0) tp__error(TP_ERR_FORMAT, rows->file.op, "%s: is empty", rows->path);
    if (got <= 0) return false;
    rows->columns = schema->count = tp__row_count(rows);
    for (int i = 0; i < schema->count; i++) {
        const tp__field *field = tp__row_field(rows, i);
        const char *name = rows->text.data + field->at;
        size_t size = field->size;
        char number[16];
        if (!csv->header) {
            size = (size_t)snprintf(number, sizeof number, "%d", i);
            name = number;
        } else if (tp__vocabulary_find(&schema->names, name, size)) {
            char quoted[TP__ROWS_QUOTED];
            tp__rows_error(rows, field->line, i, "an earlier column is called %s too",
                           tp__rows_quoted(quoted, name));
            return false;
        } else if (memchr(name, '\r', size)) {
            tp__rows_error(rows, field->line, i,
                           "a column name with a CR: lines end with LF or CRLF, not with CR alone");
            return false;
        }
        if (!tp__vocabulary_add(&schema->names, name, size)) return csv_memory(csv, size);
    }
    size_t bytes = (size_t)schema->count * sizeof *schema->columns;
    schema->columns = tp__alloc_zero(bytes);
    rows->names = &schema->names;
    return schema->columns || csv_memory(csv, bytes);
}

static bool csv_set_types(tp_csv *csv, const tp_csv_options *o) {
    tp__schema *schema = csv->schema;
    const char *op = csv->rows.file.op;
    for (int i = 0; i < o->column_count; i++) {
        const tp_column_choice *c = &o->columns[i];
        const tp__word *word = c->name ? tp__vocabulary_find(&schema->names, c->name, strlen(c->name)) : NULL;
        int64_t index = word ? word - tp__words(&schema->names) : c->index;
        if (c->name && !word)
            tp__error(TP_ERR_ARGUMENT, op, "%s: columns[%d]: there is no column \"%.100s\"", csv->rows.path,
                      i, c->name);
        else if (index < 0 || index >= schema->count)
            tp__error(TP_ERR_ARGUMENT, op, "%s: columns[%d]: there is no column %d of %d", csv->rows.path, i,
                      c->index, schema->count);
        else if ((unsigned)c->type > TP_COLUMN_SKIP)
            tp__error(TP_ERR_ARGUMENT, op, "columns[%d]: there is no type %d", i, (int)c->type);
        else {
            schema->columns[index].type = c->type;
            continue;
        }
        return false;
    }
    return true;
}

/* ---- types ------------------------------------------------------------------------------------------- */

/* What the first rows tell of a column. */
typedef struct csv_guess {
    int64_t present, missing, ints, numbers;
    bool mixed;               /* numbers and others: the second look at it */
    tp__vocabulary different; /* hashes of the texts, which may be long; none while all are numbers */
} csv_guess;

/* The text of a field without the blanks around it. */
static const char *csv_trim(const tp__rows *rows, const tp__field *field, size_t *size) {
    const char *p = rows->text.data + field->at, *end = p + field->size;
    while (p < end && (*p == ' ' || *p == '\t')) p++;
    while (p < end && (end[-1] == ' ' || end[-1] == '\t')) end--;
    *size = (size_t)(end - p);
    return p;
}

static bool csv_look(tp_csv *csv, csv_guess *guess, const tp__field *field) {
    size_t size;
    const char *text = csv_trim(&csv->rows, field, &size);
    int64_t whole;
    double number;
    if (csv_missing(csv, text, size)) {
        guess->missing++;
        return true;
    }
    guess->present++;
    guess->ints += tp__parse_int(text, size, &whole);
    guess->numbers += tp__parse_float(text, size, &number);
    if (guess->numbers == guess->present && !guess->mixed) return true;
    uint64_t hash = tp__text_hash(csv->rows.text.data + field->at, field->size);
    return tp__vocabulary_add(&guess->different, (const char *)&hash, sizeof hash) || csv_memory(csv, size);
}

static tp_column_type csv_type(const csv_guess *guess) {
    if (guess->ints == guess->present && guess->missing == 0 && guess->present > 0) return TP_COLUMN_INT;
    if (guess->numbers == guess->present) return TP_COLUMN_FLOAT;
    return tp__word_count(&guess->different) <= guess->present / 2 ? TP_COLUMN_CATEGORY : TP_COLUMN_TEXT;
}

/* Back to the first row of values. */
static bool csv_begin(tp_csv *csv) {
    return tp__rows_rewind(&csv->rows) && (!csv->header || tp__rows_next(&csv->rows) > 0);
}

/* At columns of no type yet; `again`: at those that are mixed. */
static bool csv_look_at_rows(tp_csv *csv, csv_guess *guesses, int64_t most, bool again) {
    int got = 1;
    if (!csv_begin(csv)) return false;
    for (int64_t row = 0; row < most && (got = tp__rows_next(&csv->rows)) > 0; row++)
        for (int i = 0; i < csv->schema->count; i++)
            if (csv->schema->columns[i].type == TP_COLUMN_AUTO && guesses[i].mixed == again &&
                !csv_look(csv, &guesses[i], tp__row_field(&csv->rows, i)))
                return false;
    return got >= 0;
}

static bool csv_guess_all(tp_csv *csv, csv_guess *guesses, int64_t most) {
    if (!csv_look_at_rows(csv, guesses, most, false)) return false;
    bool some = false;
    for (int i = 0; i < csv->schema->count; i++) {
        if (guesses[i].numbers == 0 || guesses[i].numbers == guesses[i].present) continue;
        tp__vocabulary_free(&guesses[i].different);
        guesses[i] = (csv_guess){.mixed = true};
        some = true;
    }
    return !some || csv_look_at_rows(csv, guesses, most, true);
}

static bool csv_find_types(tp_csv *csv, int64_t most) {
    tp__schema *schema = csv->schema;
    size_t bytes = (size_t)schema->count * sizeof(csv_guess);
    csv_guess *guesses = tp__alloc_zero(bytes);
    if (!guesses) return csv_memory(csv, bytes);
    bool good = csv_guess_all(csv, guesses, most);
    for (int i = 0; i < schema->count; i++) {
        if (schema->columns[i].type == TP_COLUMN_AUTO) schema->columns[i].type = csv_type(&guesses[i]);
        tp__vocabulary_free(&guesses[i].different);
    }
    tp__free(guesses);
    return good && csv_begin(csv);
}

static tp_csv *csv_open(const char *op, const char *path, const tp_csv_options *options) {
    if (!csv_check_options(op, options)) return NULL;
    tp_csv *csv = tp__alloc_zero(sizeof *csv);
    if (!csv) {
        tp__error_memory(op, sizeof *csv);
        return NULL;
    }
    tp__count(&tp__self()->counters.objects, 1);
    csv->header = !options->no_header;
    if (tp__rows_open(&csv->rows, op, path, options) && csv_set_missing(csv, options) &&
        (csv->schema = tp__schema_new(op)) && csv_set_names(csv) && csv_set_types(csv, options) &&
        csv_find_types(csv, options->infer_rows ? options->infer_rows : 10000))
        return csv;
    tp_csv_close(csv);
    return NULL;
}

tp_csv *tp_csv_open(const char *path, tp_csv_options options) {
    TP_REQUIRE(path, "csv_open");
    return csv_open("csv_open", path, &options);
}

void tp_csv_close(tp_csv *csv) {
    if (!csv) return;
    tp__rows_close(&csv->rows);
    if (csv->schema) tp__schema_unref(csv->schema);
    tp__vocabulary_free(&csv->missing);
    tp__free(csv);
    tp__count(&tp__self()->counters.objects, -1);
}

/* ---- rows -------------------------------------------------------------------------------------------- */

static bool csv_misfit(tp_csv *csv, const tp__field *field, int column, const char *what) {
    char quoted[TP__ROWS_QUOTED];
    tp__rows_error(&csv->rows, field->line, column, "%s %s",
                   tp__rows_quoted(quoted, csv->rows.text.data + field->at), what);
    return false;
}

static bool csv_category(tp_csv *csv, tp__vocabulary *categories, const tp__field *field, int64_t *code) {
    const char *text = csv->rows.text.data + field->at;
    const tp__word *word = tp__vocabulary_add(categories, text, field->size);
    if (!word) return csv_memory(csv, field->size);
    *code = word - tp__words(categories);
    return true;
}

/* Appends a field to a column. */
static bool csv_put(tp_csv *csv, tp__cells *cells, const tp__field *field, int column) {
    tp__table_column *c = &csv->schema->columns[column];
    size_t size;
    const char *text = csv_trim(&csv->rows, field, &size);
    union {
        int64_t i;
        double f;
        size_t at;
    } value = {0};
    if (c->type == TP_COLUMN_TEXT) {
        value.at = cells->text.size;
        tp__bytes_put(&cells->text, csv->rows.text.data + field->at, field->size + 1);
    } else if (csv_missing(csv, text, size)) {
        if (c->type == TP_COLUMN_INT) return csv_misfit(csv, field, column, "is missing in a column of INT");
        if (c->type == TP_COLUMN_FLOAT) value.f = NAN;
        else value.i = -1;
    } else if (c->type == TP_COLUMN_INT) {
        if (!tp__parse_int(text, size, &value.i))
            return csv_misfit(csv, field, column, "is no whole number of 64 bits");
    } else if (c->type == TP_COLUMN_FLOAT) {
        if (!tp__parse_float(text, size, &value.f)) return csv_misfit(csv, field, column, "is no number");
    } else if (!csv_category(csv, &c->categories, field, &value.i)) {
        return false;
    }
    tp__bytes_put(&cells->values, &value, sizeof value);
    return !(cells->values.failed || cells->text.failed) || csv_memory(csv, 2 * cells->text.size);
}

/* NULL after a failure; of 0 rows only if `most` is more than the file has. */
static tp_table *csv_read(tp_csv *csv, int64_t most) {
    tp_table *table = tp__table_new(csv->rows.file.op, csv->schema);
    int got = table ? 1 : -1;
    while (got > 0 && table->rows < most && (got = tp__rows_next(&csv->rows)) > 0) {
        for (int i = 0; got > 0 && i < table->count; i++)
            if (!csv_put(csv, &table->cells[i], tp__row_field(&csv->rows, table->from[i]), table->from[i]))
                got = -1;
        table->rows++;
    }
    if (got >= 0) return table;
    csv->rows.failed = true;
    tp_table_free(table);
    return NULL;
}

tp_status tp_csv_next(tp_csv *csv, int64_t max_rows, tp_table **table) {
    const char *op = "csv_next";
    if (table) *table = NULL;
    if (!csv || !table) return tp__deliver(tp__error_null(op, csv ? "table" : "csv"));
    if (max_rows < 1)
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "max_rows is %lld", (long long)max_rows));
    if (csv->rows.failed)
        return tp__deliver(tp__error(TP_ERR_STATE, op, "%s: reading it has failed before", csv->rows.path));
    csv->rows.file.op = op;
    tp_table *rows = csv_read(csv, max_rows);
    if (!rows) return tp_last_error().code;
    if (rows->rows > 0) *table = rows;
    else tp_table_free(rows);
    return TP_OK;
}

tp_table *tp_table_read_csv(const char *path, tp_csv_options options) {
    const char *op = "table_read_csv";
    TP_REQUIRE(path, "table_read_csv");
    tp_csv *csv = csv_open(op, path, &options);
    tp_table *table = csv ? csv_read(csv, INT64_MAX) : NULL;
    tp_csv_close(csv);
    return table;
}

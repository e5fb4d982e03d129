/* Tables, and the rows of CSV files, from the inside. */
#ifndef TP__DATA_TABLE_H
#define TP__DATA_TABLE_H

#include <stdatomic.h>

#include "data/tokenizer.h"
#include "io/io.h"
#include "taper/table.h"

/* ---- rows of text ------------------------------------------------------------------------------------ */

typedef struct tp__field {
    size_t at, size; /* in the row's text, where a 0 follows */
    int64_t line;    /* where it begins in the file */
} tp__field;

/* A file that is read row by row. */
typedef struct tp__rows {
    char *path;
    tp__file file;
    tp__stream stream;
    bool stops[256], quoted_stops[256]; /* the bytes that mean something outside and inside quotes */
    int separator;
    char *buffer;
    size_t at, end;
    int64_t line;
    int64_t row_line;            /* where the row began */
    int64_t row_bytes;           /* a longer row is an error */
    int columns;                 /* every row has as many; 0: not known yet */
    const tp__vocabulary *names; /* of the columns, for messages; NULL: not known yet */
    bool begun;                  /* a row has been read: empty lines before it never count */
    bool quoted;                 /* the last field was */
    tp__bytes text, fields;
    bool failed;
} tp__rows;

/* `op` must outlive the rows; they are to be closed even after a failure. */
bool tp__rows_open(tp__rows *rows, const char *op, const char *path, const tp_csv_options *options);
void tp__rows_close(tp__rows *rows);

/* Reads a row: 1, or 0 at the end, -1 after a failure. */
int tp__rows_next(tp__rows *rows);

/* Back to the first row. */
bool tp__rows_rewind(tp__rows *rows);

/* Fails with `op: path:line:column ("name"): ...`, where column counts from 0. */
void tp__rows_error(tp__rows *rows, int64_t line, int column, const char *format, ...) TP__PRINTF(4, 5);

/* A text in quotes, for messages: cut after 40 bytes, control characters as \xNN. Returns `out`. */
#define TP__ROWS_QUOTED 192
const char *tp__rows_quoted(char out[TP__ROWS_QUOTED], const char *text);

static inline int tp__row_count(const tp__rows *rows) { return (int)(rows->fields.size / sizeof(tp__field)); }
static inline const tp__field *tp__row_field(const tp__rows *rows, int i) {
    return (const tp__field *)(const void *)rows->fields.data + i;
}

/* Decimal numbers, all of the text; the same in every locale. */
bool tp__parse_int(const char *text, size_t size, int64_t *value);
bool tp__parse_float(const char *text, size_t size, double *value);

/* ---- tables ------------------------------------------------------------------------------------------ */

/* A column of a file. */
typedef struct tp__table_column {
    tp_column_type type;
    tp__vocabulary categories;
} tp__table_column;

/* What the tables of one reader share. */
typedef struct tp__schema {
    _Atomic int32_t refs;
    int count;
    tp__vocabulary names; /* of all the file's columns, in order */
    tp__table_column *columns;
} tp__schema;

typedef struct tp__cells {
    tp__bytes values; /* int64_t, double or, of texts, size_t: where they begin */
    tp__bytes text;
} tp__cells;

struct tp_table {
    tp__schema *schema;
    int64_t rows;
    int count;
    int *from; /* the number in the file of each column */
    tp__cells *cells;
};

tp__schema *tp__schema_new(const char *op);
void tp__schema_unref(tp__schema *schema);
tp_table *tp__table_new(const char *op, tp__schema *schema);

static inline const char *tp__schema_name(const tp__schema *schema, int column) {
    return tp__word_text(&schema->names, &tp__words(&schema->names)[column]);
}

#endif

/* Tables: named columns, read from CSV files.
 *
 *     tp_table *t = tp_table_read_csv("examples/data/seattle-weather.csv", (tp_csv_options){0});
 *     tp_tensor *x = tp_table_tensor(t, TP_NAMES("temp_max", "temp_min", "wind"), TP_F32);    // (N, 3)
 *     tp_tensor *y = tp_table_column(t, tp_table_column_index(t, "weather"), TP_I64);         // (N) codes
 *     tp_table_free(t);
 *
 * Files have the form of RFC 4180: fields in double quotes may hold separators, line breaks and, doubled,
 * quotes; lines end with LF or CRLF, the last one need not. A byte order mark of UTF-8 is passed over, and
 * so are empty lines, but those inside a table of one column are missing values. Bytes are taken as they
 * are, whatever their encoding. Files compressed by gzip are read too if the library was built with zlib.
 *
 * A table and the reader that it came from share names and categories: they belong to one thread at a
 * time. */
#ifndef TAPER_TABLE_H
#define TAPER_TABLE_H

#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/status.h"

TP_BEGIN_DECLS

typedef struct tp_table tp_table;

/* A list of names: borrowed pointers. TP_NAMES("a", "b") makes one that lives to the end of the enclosing
 * block. */
typedef struct tp_names {
    int count;
    const char *const *items;
} tp_names;

TP_END_DECLS

#ifdef __cplusplus
template <int N> struct tp__name_list { /* lives to the end of the full expression that TP_NAMES stands in */
    const char *items[N];
    operator tp_names() const { return tp_names{N, items}; }
};
template <class... A> tp__name_list(A...) -> tp__name_list<(int)sizeof...(A)>;
#define TP_NAMES(...) (tp__name_list{__VA_ARGS__})
#else
#define TP_NAMES(...)                                                                                        \
    ((tp_names){(int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                               \
                (const char *const[]){__VA_ARGS__}})
#endif

TP_BEGIN_DECLS

/* What a column holds. Left to itself, a column gets its type from the first rows, of which missing values
 * are left out: TP_COLUMN_INT if all are whole numbers and none is missing; else TP_COLUMN_FLOAT if all are
 * numbers; else TP_COLUMN_CATEGORY if the different values are at most half as many as the values; else
 * TP_COLUMN_TEXT. */
typedef enum tp_column_type {
    TP_COLUMN_AUTO,     /* found out from the first rows */
    TP_COLUMN_INT,      /* I64; a missing value is an error */
    TP_COLUMN_FLOAT,    /* F64; missing is NaN. Decimal numbers, inf and nan; a point whatever the locale */
    TP_COLUMN_CATEGORY, /* a code for each different text, 0, 1, ... by first appearance; missing is -1 */
    TP_COLUMN_TEXT,     /* strings as they stand: nothing counts as missing */
    TP_COLUMN_SKIP      /* left out of the table */
} tp_column_type;

/* The type of the column of that name or, where `name` is NULL, of that number in the file, from 0. */
typedef struct tp_column_choice {
    const char *name;
    int index;
    tp_column_type type;
} tp_column_choice;

typedef struct tp_csv_options {
    char separator;     /* 0: ','. '\t' reads TSV */
    bool no_header;     /* the first line is data; the columns are called "0", "1", ... */
    bool no_quotes;     /* double quotes are text like any other, as in many TSV files */
    int64_t infer_rows; /* how many rows types are found out from; 0: 10,000 */
    int missing_count;  /* texts that mean a missing value; 0: "", "NA", "NaN" and "?" */
    const char *const *missing;
    int column_count; /* types that are given, others are found out */
    const tp_column_choice *columns;
    int64_t row_bytes; /* a longer row is an error, as after a quote that is never closed; 0: 2^28 */
} tp_csv_options;

/* Reads all rows of a file into a table, to be freed with tp_table_free(). Blanks around numbers and around
 * texts that mean a missing value do not count. A file with a header alone has 0 rows. Errors, those on
 * contents beginning with `file:line:column`, the column being the field's number from 1 and, where it is
 * known, its name: TP_ERR_FORMAT for an empty file, rows of different lengths, longer than `row_bytes` or of
 * more than 2^20 fields, a quote that is not closed or stands inside an unquoted field, text after a closing
 * quote, a NUL, two columns of one name, and a field that does not fit the column's type; TP_ERR_ARGUMENT
 * for options that name a column which is not there, a separator that is a quote or a line break, or a
 * negative number; TP_ERR_UNSUPPORTED for gzip without zlib; TP_ERR_NULL, TP_ERR_IO, TP_ERR_MEMORY.
 * Source: pandas.read_csv. */
TP_API tp_table *tp_table_read_csv(const char *path, tp_csv_options options);
TP_API void tp_table_free(tp_table *table); /* NULL does nothing */

/* The same piece by piece, so that a file of any size is read in constant memory (but for its categories and
 * its longest row). The first rows are read twice. To be closed with tp_csv_close(); tables outlive it.
 * Errors: as above. */
typedef struct tp_csv tp_csv;
TP_API tp_csv *tp_csv_open(const char *path, tp_csv_options options);
TP_API void tp_csv_close(tp_csv *csv); /* NULL does nothing */

/* The next rows, up to `max_rows`, as a table that the caller frees; NULL at the end of the file and after
 * an error. Categories have the same codes in all tables of one reader. After an error that is not
 * TP_ERR_ARGUMENT or TP_ERR_NULL no more can be read: TP_ERR_STATE. */
TP_API tp_status tp_csv_next(tp_csv *csv, int64_t max_rows, tp_table **table);

/* The number of rows, and of columns; -1 after an error. */
TP_API int64_t tp_table_rows(const tp_table *table);
TP_API int tp_table_columns(const tp_table *table);

/* The number of the column called `name`, from 0, skipped ones not counted; -1 after an error, which
 * TP_ERR_ARGUMENT for a name that is not there is. And a column's name, valid as long as the table, and its
 * type. Errors: TP_ERR_INDEX, upon which they are NULL and TP_COLUMN_AUTO. */
TP_API int tp_table_column_index(const tp_table *table, const char *name);
TP_API const char *tp_table_name(const tp_table *table, int column);
TP_API tp_column_type tp_table_type(const tp_table *table, int column);

/* A column of N rows as a tensor (N), and several as the columns of a tensor (N, C), in the order of their
 * names; an empty list means all but text columns. dtype: F32 or F64 for numbers and codes, I64 for INT and
 * CATEGORY columns. Errors: TP_ERR_INDEX, TP_ERR_ARGUMENT for a name that is not there, TP_ERR_DTYPE. */
TP_API tp_tensor *tp_table_column(const tp_table *table, int column, tp_dtype dtype);
TP_API tp_tensor *tp_table_tensor(const tp_table *table, tp_names columns, tp_dtype dtype);

/* The text in a row of a TEXT or CATEGORY column, valid as long as the table: until more categories are read
 * for the latter. NULL, without an error, for a missing category. Errors: TP_ERR_INDEX, TP_ERR_DTYPE. */
TP_API const char *tp_table_text(const tp_table *table, int column, int64_t row);

/* The number of a CATEGORY column's codes so far, -1 after an error, and the text that `code` stands for,
 * valid until more categories are read. Errors: TP_ERR_INDEX, TP_ERR_DTYPE. */
TP_API int64_t tp_table_category_count(const tp_table *table, int column);
TP_API const char *tp_table_category_name(const tp_table *table, int column, int64_t code);

TP_END_DECLS

#endif

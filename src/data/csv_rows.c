/* The rows of a CSV file, as texts. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "data/table.h"

#define ROWS_BUFFER ((size_t)64 << 10)
#define ROWS_FIELDS (1 << 20)
#define ROWS_BYTES (1 << 28)

const char *tp__rows_quoted(char out[TP__ROWS_QUOTED], const char *text) {
    size_t size = strlen(text), shown = size <= 40 ? size : 40;
    while (shown < size && shown > 36 && ((unsigned char)text[shown] & 0xC0) == 0x80)
        shown--; /* to end with a whole character of UTF-8 */
    char *to = out;
    *to++ = '"';
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7F) to += snprintf(to, 5, "\\x%02x", c);
        else *to++ = (char)c;
    }
    memcpy(to, shown < size ? "...\"" : "\"", shown < size ? 5 : 2);
    return out;
}

void tp__rows_error(tp__rows *rows, int64_t line, int column, const char *format, ...) {
    char what[320], name[TP__ROWS_QUOTED] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    rows->failed = true;
    bool named = rows->names && column < tp__word_count(rows->names);
    if (named) tp__rows_quoted(name, tp__word_text(rows->names, &tp__words(rows->names)[column]));
    tp__error(TP_ERR_FORMAT, rows->file.op, "%s:%lld:%d%s%s%s: %s", rows->path, (long long)line, column + 1,
              named ? " (" : "", name, named ? ")" : "", what);
}

static void rows_memory(tp__rows *rows, size_t bytes) {
    rows->failed = true;
    tp__error_memory(rows->file.op, bytes);
}

/* ---- bytes ------------------------------------------------------------------------------------------- */

/* The next byte, which stays; -1 at the end and after a failure. */
static int rows_peek(tp__rows *rows) {
    if (rows->at == rows->end) {
        if (rows->failed) return -1;
        int64_t got = tp__stream_read(&rows->stream, rows->buffer, (int64_t)ROWS_BUFFER);
        if (got < 0) rows->failed = true;
        rows->at = 0;
        rows->end = got > 0 ? (size_t)got : 0;
        if (got <= 0) return -1;
    }
    return (unsigned char)rows->buffer[rows->at];
}

/* Fails if the row has become too long: or a quote that is never closed would take as much memory as the rest of the
 * file. */
static bool rows_check_size(tp__rows *rows) {
    if ((int64_t)rows->text.size <= rows->row_bytes) return true;
    tp__rows_error(rows, rows->row_line, tp__row_count(rows),
                   "the row has more than %lld bytes; is a quote not closed?", (long long)rows->row_bytes);
    return false;
}

/* Appends bytes to the text up to one that stops, which is consumed and returned; -1 as above. */
static int rows_span(tp__rows *rows, const bool *stops) {
    while (rows_peek(rows) >= 0) {
        const char *p = rows->buffer + rows->at, *q = p, *end = rows->buffer + rows->end;
        while (q < end && !stops[(unsigned char)*q]) q++;
        tp__bytes_put(&rows->text, p, (size_t)(q - p));
        rows->at += (size_t)(q - p);
        if (!rows_check_size(rows)) return -1;
        if (q == end) continue;
        rows->at++;
        if (*q == '\n') rows->line++;
        return (unsigned char)*q;
    }
    return -1;
}

/* ---- fields ------------------------------------------------------------------------------------------ */

/* In all of these the result is what ends the field, consumed: the separator, '\n', or -1 for the end of
 * the file and for a failure. */

static int rows_fail_field(tp__rows *rows, int64_t line, const char *what) {
    tp__rows_error(rows, line, tp__row_count(rows), "%s", what);
    return -1;
}

static int rows_plain(tp__rows *rows) {
    for (;;) {
        int c = rows_span(rows, rows->stops);
        if (c < 0 || c == '\n' || c == rows->separator) return c;
        if (c == '"')
            return rows_fail_field(rows, rows->line,
                                   "a quote inside an unquoted field (is this a file for no_quotes?)");
        if (c == '\0') return rows_fail_field(rows, rows->line, "a NUL byte");
        int next = rows_peek(rows); /* after a CR */
        if (next < 0) return -1;
        if (next != '\n') tp__bytes_put(&rows->text, "\r", 1);
    }
}

static int rows_after_quote(tp__rows *rows) {
    int c = rows_peek(rows);
    if (c >= 0) rows->at++;
    if (c == '\r' && (rows_peek(rows) == '\n' || rows_peek(rows) < 0)) {
        c = rows_peek(rows);
        if (c >= 0) rows->at++;
    }
    if (c == '\n') rows->line++;
    if (c < 0 || c == '\n' || c == rows->separator) return c;
    return rows_fail_field(rows, rows->line, "text after the closing quote");
}

static int rows_quoted(tp__rows *rows) {
    int64_t line = rows->line;
    for (;;) {
        int c = rows_span(rows, rows->quoted_stops);
        if (c < 0) return rows->failed ? -1 : rows_fail_field(rows, line, "the quoted field does not end");
        if (c == '\0') return rows_fail_field(rows, rows->line, "a NUL byte");
        if (c == '"') {
            if (rows_peek(rows) != '"') return rows_after_quote(rows);
            rows->at++;
        }
        tp__bytes_put(&rows->text, c == '"' ? "\"" : "\n", 1);
    }
}

static int rows_field(tp__rows *rows) {
    tp__field field = {.at = rows->text.size, .line = rows->line};
    rows->quoted = rows->stops['"'] && rows_peek(rows) == '"';
    if (rows->quoted) rows->at++;
    int end = rows->quoted ? rows_quoted(rows) : rows_plain(rows);
    field.size = rows->text.size - field.at;
    tp__bytes_put(&rows->text, "", 1);
    tp__bytes_put(&rows->fields, &field, sizeof field);
    if (!rows->failed && (rows->text.failed || rows->fields.failed)) rows_memory(rows, 2 * rows->text.size);
    return rows->failed ? -1 : end;
}

/* ---- rows -------------------------------------------------------------------------------------------- */

static bool rows_check_count(tp__rows *rows) {
    int count = tp__row_count(rows);
    int64_t line = rows->row_line;
    if (rows->columns == 0 || count == rows->columns) return true;
    if (count > rows->columns) line = tp__row_field(rows, rows->columns)->line;
    tp__rows_error(rows, line, count < rows->columns ? count : rows->columns,
                   "the row has %d field%s, the first one has %d", count, count == 1 ? "" : "s",
                   rows->columns);
    return false;
}

int tp__rows_next(tp__rows *rows) {
    for (;;) {
        rows->text.size = rows->fields.size = 0;
        if (rows_peek(rows) < 0) return rows->failed ? -1 : 0;
        rows->row_line = rows->line;
        int end;
        do end = rows_field(rows);
        while (end == rows->separator && !rows->failed && tp__row_count(rows) < ROWS_FIELDS);
        if (rows->failed) return -1;
        if (end == rows->separator) {
            tp__rows_error(rows, rows->row_line, ROWS_FIELDS, "the row has more than %d fields", ROWS_FIELDS);
            return -1;
        }
        bool blank = tp__row_count(rows) == 1 && tp__row_field(rows, 0)->size == 0 && !rows->quoted;
        if (blank && (rows->columns != 1 || !rows->begun)) continue;
        rows->begun = true;
        return rows_check_count(rows) ? 1 : -1;
    }
}

static void rows_skip_mark(tp__rows *rows) {
    if (rows_peek(rows) >= 0 && rows->end >= 3 && memcmp(rows->buffer, "\xEF\xBB\xBF", 3) == 0) rows->at = 3;
}

bool tp__rows_rewind(tp__rows *rows) {
    tp__stream_rewind(&rows->stream);
    rows->at = rows->end = 0;
    rows->line = 1;
    rows->begun = false;
    rows_skip_mark(rows);
    return !rows->failed;
}

bool tp__rows_open(tp__rows *rows, const char *op, const char *path, const tp_csv_options *options) {
    *rows = (tp__rows){.file = {.op = op, .fd = -1}, .line = 1};
    rows->separator = options->separator ? (unsigned char)options->separator : ',';
    rows->stops[rows->separator] = rows->stops['\n'] = rows->stops['\r'] = rows->stops['\0'] = true;
    rows->stops['"'] = !options->no_quotes;
    rows->row_bytes = options->row_bytes ? options->row_bytes : ROWS_BYTES;
    rows->quoted_stops['"'] = rows->quoted_stops['\n'] = rows->quoted_stops['\0'] = true;
    rows->path = tp__strdup(path);
    rows->buffer = tp__alloc(ROWS_BUFFER);
    if (!rows->path || !rows->buffer) {
        rows_memory(rows, ROWS_BUFFER);
        return false;
    }
    if (!tp__file_open(&rows->file, op, rows->path) || !tp__stream_open(&rows->stream, &rows->file))
        return false;
    rows_skip_mark(rows);
    return !rows->failed;
}

void tp__rows_close(tp__rows *rows) {
    tp__stream_close(&rows->stream);
    tp__file_close(&rows->file);
    tp__bytes_free(&rows->text);
    tp__bytes_free(&rows->fields);
    tp__free(rows->buffer);
    tp__free(rows->path);
}

/* ---- numbers ----------------------------------------------------------------------------------------- */

bool tp__parse_int(const char *text, size_t size, int64_t *value) {
    const char *p = text, *end = text + size;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    int64_t v = 0; /* below 0, where there is room for INT64_MIN */
    for (; p < end; p++)
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, *p - '0', &v))
            return false;
    if (!negative && v == INT64_MIN) return false;
    *value = negative ? v : -v;
    return true;
}

/* Halfway between two doubles lie only numbers of at most 767 digits: of what follows so many it matters only whether
 * it is zero. */
#define DECIMAL_DIGITS 780

/* Of a decimal number: its digits as a whole number, times 10^exponent. */
typedef struct decimal {
    char digits[DECIMAL_DIGITS + 20];
    int count;
    int64_t exponent;
} decimal;

static const char *decimal_digits(decimal *d, const char *p, const char *end, bool fraction) {
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        bool kept = d->count < DECIMAL_DIGITS && (d->count > 0 || *p != '0');
        if (kept) d->digits[d->count++] = *p;
        else if (*p != '0') d->digits[DECIMAL_DIGITS - 1] |= 1; /* no longer to be taken for a zero */
        d->exponent += fraction ? (kept || d->count == 0 ? -1 : 0) : (kept || d->count == 0 ? 0 : 1);
    }
    return p;
}

static bool decimal_parse(decimal *d, const char *p, const char *end) {
    const char *start = p;
    p = decimal_digits(d, p, end, false);
    int64_t seen = p - start;
    if (p < end && *p == '.') {
        start = ++p;
        p = decimal_digits(d, p, end, true);
        seen += p - start;
    }
    if (seen == 0) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool negative = ++p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        int64_t e = 0;
        if (p == end) return false;
        for (; p < end && *p >= '0' && *p <= '9'; p++)
            if (e < 1000000000) e = 10 * e + (*p - '0');
        d->exponent += negative ? -e : e;
    }
    return p == end;
}

static double decimal_value(decimal *d) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->count == 0) return 0;
    if (d->count <= 15 && d->exponent >= -22 && d->exponent <= 22) { /* both exact: one rounding */
        int64_t whole = 0;
        for (int i = 0; i < d->count; i++) whole = 10 * whole + (d->digits[i] - '0');
        return d->exponent < 0 ? (double)whole / powers[-d->exponent] : (double)whole * powers[d->exponent];
    }
    int64_t e = d->exponent < -100000 ? -100000 : d->exponent > 100000 ? 100000 : d->exponent;
    snprintf(d->digits + d->count, sizeof d->digits - (size_t)d->count, "e%d", (int)e);
    return strtod(d->digits, NULL); /* which has no decimal point, so that the locale does not matter */
}

static bool rows_is_word(const char *p, size_t size, const char *word) {
    for (size_t i = 0; i < size; i++)
        if (!word[i] || (p[i] | 32) != word[i]) return false;
    return word[size] == '\0';
}

bool tp__parse_float(const char *text, size_t size, double *value) {
    const char *p = text, *end = text + size;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    size_t left = (size_t)(end - p);
    double v;
    if (left && rows_is_word(p, left, "nan")) {
        v = NAN;
    } else if (left && (rows_is_word(p, left, "inf") || rows_is_word(p, left, "infinity"))) {
        v = INFINITY;
    } else {
        decimal d;
        d.count = 0;
        d.exponent = 0;
        if (!decimal_parse(&d, p, end)) return false;
        v = decimal_value(&d);
    }
    *value = negative ? -v : v;
    return true;
}

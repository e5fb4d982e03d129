/* Tables: CSV files read whole and in pieces, good and broken ones. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "core/alloc.h"
#if defined(TP_HAVE_ZLIB)
#include <zlib.h>
#endif

static char path[] = "/tmp/taper-table-XXXXXX";

static void write_file(const char *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static tp_table *read_text(const char *text, tp_csv_options options) {
    write_file(text, strlen(text));
    return tp_table_read_csv(path, options);
}

static int make_file(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

/* ---- good files -------------------------------------------------------------------------------------- */

static void test_types(void **state) {
    (void)state;
    tp_table *t = read_text("\xEF\xBB\xBF"
                            "id,x,kind,note,none,\"a \"\"b\"\"\"\r\n"
                            "1, 1.5 ,red,\"one, \"\"two\"\"\",,7\r\n"
                            "-2,NA,blue,\"line\nbreak\",?,8\r\n"
                            "3,-2e3,?,,NaN,\r\n"
                            "+4,inf,red,four,NA,9\r\n"
                            "5,.25,blue,five,,10",
                            (tp_csv_options){0});
    assert_tensor(t);
    assert_int_equal(tp_table_rows(t), 5);
    assert_int_equal(tp_table_columns(t), 6);
    static const tp_column_type types[] = {TP_COLUMN_INT,  TP_COLUMN_FLOAT, TP_COLUMN_CATEGORY,
                                           TP_COLUMN_TEXT, TP_COLUMN_FLOAT, TP_COLUMN_FLOAT};
    for (int i = 0; i < 6; i++) assert_int_equal(tp_table_type(t, i), types[i]);
    assert_string_equal(tp_table_name(t, 0), "id");
    assert_int_equal(tp_table_column_index(t, "a \"b\""), 5);
    assert_values(tp_table_column(t, 0, TP_I64), 1, -2, 3, 4, 5);
    assert_values(tp_table_column(t, 2, TP_I64), 0, 1, -1, 0, 1);
    tp_tensor *x = tp_table_column(t, 1, TP_F64);
    assert_true(tp_tensor_at(x, TP_SHAPE(0)) == 1.5 && isnan(tp_tensor_at(x, TP_SHAPE(1))));
    assert_true(tp_tensor_at(x, TP_SHAPE(2)) == -2000 && tp_tensor_at(x, TP_SHAPE(3)) == INFINITY);
    assert_true(tp_tensor_at(x, TP_SHAPE(4)) == 0.25);
    assert_int_equal(tp_table_category_count(t, 2), 2);
    assert_string_equal(tp_table_category_name(t, 2, 1), "blue");
    assert_string_equal(tp_table_text(t, 2, 4), "blue");
    assert_null(tp_table_text(t, 2, 2));
    assert_int_equal(tp_last_error().code, TP_OK);
    assert_string_equal(tp_table_text(t, 3, 0), "one, \"two\"");
    assert_string_equal(tp_table_text(t, 3, 1), "line\nbreak");
    assert_string_equal(tp_table_text(t, 3, 2), "");
    tp_tensor *two = tp_table_tensor(t, TP_NAMES("kind", "id"), TP_F32);
    assert_true(tp_shape_equal(tp_tensor_shape(two), TP_SHAPE(5, 2)));
    assert_values(two, 0, 1, 1, -2, -1, 3, 0, 4, 1, 5);
    assert_true(tp_shape_equal(tp_tensor_shape(tp_table_tensor(t, (tp_names){0}, TP_F64)), TP_SHAPE(5, 5)));
    tp_table_free(t);
    tp_table_free(NULL);
}

static void test_options(void **state) {
    (void)state;
    const tp_column_choice columns[] = {{.index = 0, .type = TP_COLUMN_CATEGORY},
                                        {.name = "1", .type = TP_COLUMN_SKIP},
                                        {.name = "2", .type = TP_COLUMN_TEXT}};
    const char *const missing[] = {"-"};
    tp_csv_options options = {.separator = '\t',
                              .no_header = true,
                              .no_quotes = true,
                              .missing_count = 1,
                              .missing = missing,
                              .column_count = 3,
                              .columns = columns};
    tp_table *t = read_text("7\tx\t\"a\" \t-\n\n8\ty\tb\"\t2\n7\tz\t-\t3\n", options);
    assert_tensor(t);
    assert_int_equal(tp_table_columns(t), 3);
    assert_values(tp_table_column(t, 0, TP_I64), 0, 1, 0);
    assert_string_equal(tp_table_name(t, 1), "2");
    assert_string_equal(tp_table_text(t, 1, 0), "\"a\" ");
    assert_string_equal(tp_table_text(t, 1, 2), "-");
    assert_int_equal(tp_table_type(t, 2), TP_COLUMN_FLOAT);
    assert_int_equal(tp_table_column_index(t, "1"), -1);
    assert_error(TP_ERR_ARGUMENT, "table_column_index: there is no column \"1\"");
    tp_table_free(t);
    t = read_text("a\n1\n\n2\n", (tp_csv_options){0}); /* one column: an empty line is a missing value */
    assert_int_equal(tp_table_rows(t), 3);
    assert_int_equal(tp_table_type(t, 0), TP_COLUMN_FLOAT);
    tp_table_free(t);
    t = read_text("\n\na\n1\n2\n", (tp_csv_options){0}); /* but not before the header */
    assert_values(tp_table_column(t, 0, TP_I64), 1, 2);
    tp_table_free(t);
    t = read_text("\r\n1\n2", (tp_csv_options){.no_header = true});
    assert_values(tp_table_column(t, 0, TP_I64), 1, 2);
    tp_table_free(t);
    t = read_text("a,b\n-9223372036854775808,9223372036854775807\n+0,-9223372036854775809\n",
                  (tp_csv_options){0});
    assert_int_equal(tp_table_type(t, 0), TP_COLUMN_INT);
    assert_int_equal(tp_table_type(t, 1), TP_COLUMN_FLOAT); /* too large for an INT */
    assert_true(tp_tensor_item_i64(tp_select(tp_table_column(t, 0, TP_I64), 0, 0)) == INT64_MIN);
    assert_values(tp_table_column(t, 1, TP_F64), 0x1p63, -0x1p63);
    tp_table_free(t);
    t = read_text("a,b\n 9223372036854775807\t,a\rb\n", (tp_csv_options){0}); /* a CR alone is text */
    assert_true(tp_tensor_item_i64(tp_table_column(t, 0, TP_I64)) == INT64_MAX);
    assert_string_equal(tp_table_text(t, 1, 0), "a\rb");
    tp_table_free(t);
    t = read_text("a,b\n", (tp_csv_options){0});
    assert_int_equal(tp_table_rows(t), 0);
    assert_true(tp_shape_equal(tp_tensor_shape(tp_table_tensor(t, (tp_names){0}, TP_F32)), TP_SHAPE(0, 2)));
    tp_table_free(t);
}

/* The file has one row for each line of `rows`, and in it these fields, one or two, separated by '|'. */
static void check_fields(const char *bytes, tp_csv_options options, const char *rows) {
    const tp_column_choice texts[] = {{.index = 0, .type = TP_COLUMN_TEXT},
                                      {.index = 1, .type = TP_COLUMN_TEXT}};
    options.columns = texts;
    options.column_count = strchr(rows, '|') ? 2 : 1;
    tp_table *t = read_text(bytes, options);
    if (!t) fail_msg("%s: %s", bytes, tp_last_error().message);
    char got[256] = "";
    for (int64_t row = 0; row < tp_table_rows(t); row++)
        for (int c = 0; c < tp_table_columns(t); c++)
            strcat(strcat(got, tp_table_text(t, c, row)), c + 1 < tp_table_columns(t) ? "|" : "\n");
    assert_string_equal(got, rows);
    tp_table_free(t);
}

static void test_fields(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *rows;
    } files[] = {
        {"a,b\nc,d\n", "a|b\nc|d\n"},
        {"a,b\r\nc,d\r\n", "a|b\nc|d\n"},
        {"a,b\nc,d", "a|b\nc|d\n"},
        {"a,b\r\nc,", "a|b\nc|\n"},
        {",\n,", "|\n|\n"},
        {"\xEF\xBB\xBF\"a\",b\n", "a|b\n"},
        {"\"a,b\",\"c\nd\"\n", "a,b|c\nd\n"},
        {"\"a\"\"b\",\"\"\"\"\n", "a\"b|\"\n"},
        {"\"\",\"\"\"c\"\"\"\r\n", "|\"c\"\n"},
        {"\"a\r\nb\",\"c\"", "a\r\nb|c\n"},
        {"\"a\"\r\n\"b\"\r\n", "a\nb\n"},
        {" a ,b \n", " a |b \n"},
        {"\n\na,b\n\r\n\nc,d\n\n", "a|b\nc|d\n"},
        {"a\n\nb\n\"\"\n", "a\n\nb\n\n"},
        {"\xff\xc3,\xe4\xb8\xad\n", "\xff\xc3|\xe4\xb8\xad\n"},
    };
    tp_csv_options options = {.no_header = true};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check_fields(files[i].bytes, options, files[i].rows);
    options.separator = ';';
    check_fields("a;b,c\n", options, "a|b,c\n");
    options.separator = '\t';
    options.no_quotes = true;
    check_fields("a\t\"b\nc\"d\t\"\"\"\n", options, "a|\"b\nc\"d|\"\"\"\n");
}

/* A row that begins in one buffer and ends in another, at every place; and one larger than several. */
static void test_long_rows(void **state) {
    (void)state;
    const tp_column_choice text = {.type = TP_COLUMN_TEXT};
    const tp_csv_options options = {.no_header = true, .column_count = 1, .columns = &text};
    static char bytes[300 << 10];
    for (size_t pad = (64 << 10) - 16; pad < (64 << 10) + 2; pad++) {
        memset(bytes, 'x', pad);
        strcpy(bytes + pad, ",1\r\n\"a\"\"\r\nb\",2\r\nc,3");
        tp_table *t = read_text(bytes, options);
        assert_tensor(t);
        assert_int_equal(tp_table_rows(t), 3);
        assert_int_equal(strlen(tp_table_text(t, 0, 0)), pad);
        assert_string_equal(tp_table_text(t, 0, 1), "a\"\r\nb");
        assert_string_equal(tp_table_text(t, 0, 2), "c");
        assert_values(tp_table_column(t, 1, TP_I64), 1, 2, 3);
        tp_table_free(t);
    }
    memset(bytes, '"', sizeof bytes - 1); /* two for one, but for the first and the last */
    tp_table *t = read_text(bytes + 1, options);
    assert_tensor(t);
    assert_int_equal(strlen(tp_table_text(t, 0, 0)), (sizeof bytes - 4) / 2);
    tp_table_free(t);
}

/* Decimal text to the nearest double: as strtod() does it in the C locale, whatever the locale is. */
static void test_numbers(void **state) {
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0.0",
                                        "1",
                                        "0.1",
                                        "123456789012345",
                                        "0.000000000000000000000000000001",
                                        "1e22",
                                        "1e23",
                                        "1.7976931348623157e308",
                                        "1e309",
                                        "4.9e-324",
                                        "1e-400",
                                        "2.2250738585072014e-308",
                                        "9007199254740993",
                                        "123456789.123456789123456789",
                                        "1E+5",
                                        "5.",
                                        ".5",
                                        "00012.500",
                                        "1e99999999999",
                                        "1e-99999999999",
                                        "3.14159265358979323846264338327950288419716939937510"};
    char text[2048] = "x\n";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) strcat(strcat(text, texts[i]), "\n");
    const tp_column_choice floats = {.type = TP_COLUMN_FLOAT};
    setlocale(LC_ALL, "de_DE.UTF-8"); /* if it is there */
    tp_table *t = read_text(text, (tp_csv_options){.column_count = 1, .columns = &floats});
    setlocale(LC_ALL, "C");
    assert_tensor(t);
    const double *x = tp_tensor_data(tp_table_column(t, 0, TP_F64));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double want = strtod(texts[i], NULL);
        if (memcmp(&x[i], &want, sizeof want) != 0) fail_msg("%s: %.17g, not %.17g", texts[i], x[i], want);
    }
    tp_table_free(t);
}

/* Numbers of any bits, in few digits and in a thousand, are read as strtod() reads them. */
static void test_any_numbers(void **state) {
    (void)state;
    const tp_column_choice floats = {.type = TP_COLUMN_FLOAT};
    enum { N = 3000 };
    static char text[N * 1200];
    static double want[N];
    tp_generator *g = tp_generator_new(5);
    size_t size = (size_t)sprintf(text, "x\n");
    for (int i = 0; i < N; i++) {
        uint64_t bits = (uint64_t)tp_generator_below(g, INT64_C(1) << 32) << 32 |
                        (uint64_t)tp_generator_below(g, INT64_C(1) << 32);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) value = i;
        char *at = text + size;
        if (i % 3 == 0) size += (size_t)sprintf(at, "%.*g\n", 1 + i % 19, value);
        else if (i % 3 == 1)
            size += (size_t)sprintf(at, "%.*f\n", i % 30, ldexp(value, -ilogb(value) + i % 60 - 30));
        else { /* a subnormal number with all its digits, some of them changed, and more behind */
            value = ldexp((double)(2 * tp_generator_below(g, 1 << 20) + 1), -1074);
            size += (size_t)sprintf(at, "%.1080f", value);
            size_t digits = strlen(at);
            for (int k = 0; k < 3; k++) at[digits - 1 - (size_t)tp_generator_below(g, 40)] = '5';
            if (i % 2) size += (size_t)sprintf(text + size, "%0*d", 40, 1);
            text[size++] = '\n';
            text[size] = '\0';
        }
        want[i] = strtod(at, NULL);
    }
    tp_generator_free(g);
    tp_table *t = read_text(text, (tp_csv_options){.column_count = 1, .columns = &floats});
    assert_tensor(t);
    const double *x = tp_tensor_data(tp_table_column(t, 0, TP_F64));
    for (int i = 0; i < N; i++)
        if (memcmp(&x[i], &want[i], sizeof want[i]) != 0)
            fail_msg("number %d: %.17g, not %.17g", i, x[i], want[i]);
    tp_table_free(t);
    /* 1 + 2^-53 is halfway between 1 and the next double; a digit behind the 800th decides. */
    memset(text, '0', sizeof text);
    memcpy(text, "x\n1.00000000000000011102230246251565404236316680908203125", 57);
    strcpy(text + 1000, "1\n1.00000000000000011102230246251565404236316680908203125\n");
    t = read_text(text, (tp_csv_options){.column_count = 1, .columns = &floats});
    assert_tensor(t);
    x = tp_tensor_data(tp_table_column(t, 0, TP_F64));
    assert_true(x[0] == 1 + 0x1p-52 && x[1] == 1);
    tp_table_free(t);
}

/* However many rows a call reads, the rows are the same; tables outlive their reader. */
static void test_pieces(void **state) {
    (void)state;
    for (int64_t most = 1; most <= 8; most++) {
        write_file("n,k\n1,a\n2,b\n3,b\n4,a\n5,c\n6,a\n7,c\n", 32);
        tp_csv *csv = tp_csv_open(path, (tp_csv_options){0});
        assert_tensor(csv);
        tp_table *t, *last = NULL;
        int64_t rows = 0, codes[7], numbers[7];
        for (;;) {
            assert_ok(tp_csv_next(csv, most, &t));
            if (!t) break;
            tp_table_free(last);
            last = t;
            assert_ok(tp_tensor_copy_out(tp_table_column(t, 0, TP_I64), numbers + rows, tp_table_rows(t)));
            assert_ok(tp_tensor_copy_out(tp_table_column(t, 1, TP_I64), codes + rows, tp_table_rows(t)));
            rows += tp_table_rows(t);
        }
        tp_csv_close(csv);
        static const int64_t want[] = {0, 1, 1, 0, 2, 0, 2};
        assert_int_equal(rows, 7);
        assert_memory_equal(codes, want, sizeof want);
        for (int64_t i = 0; i < 7; i++) assert_int_equal(numbers[i], i + 1);
        if (most == 4) assert_string_equal(tp_table_text(last, 1, 0), "c");
        assert_int_equal(tp_table_category_count(last, 1), 3);
        tp_table_free(last);
    }
    tp_csv_close(NULL);
}

/* A file many times the size of what may be held: the memory in use does not grow. */
static void test_constant_memory(void **state) {
    (void)state;
    FILE *f = fopen(path, "wb");
    for (int i = 0; i < 200000; i++) fprintf(f, "%d,%g,%s\n", i, i * 0.5, i % 3 ? "yes" : "no");
    fclose(f);
    tp_csv *csv = tp_csv_open(path, (tp_csv_options){.no_header = true, .infer_rows = 100});
    assert_tensor(csv);
    int64_t rows = 0, allocations = 0;
    for (int64_t piece = 0;; piece++) {
        tp_table *t;
        tp__alloc_fail_at(0, false);
        assert_ok(tp_csv_next(csv, 1000, &t));
        int64_t n = tp__alloc_fail_count();
        if (piece == 1) allocations = n; /* of the same kind each time: nothing that lasts grows */
        if (!t) break;
        if (piece > 1) assert_int_equal(n, allocations);
        rows += tp_table_rows(t);
        tp_table_free(t);
        assert_int_equal(tp_memory_stats().live_objects, 1);
    }
    assert_int_equal(rows, 200000);
    tp_csv_close(csv);
}

static void test_gzip(void **state) {
    (void)state;
#if defined(TP_HAVE_ZLIB)
    gzFile z = gzopen(path, "wb");
    for (int i = 0; i < 20000; i++) gzputs(z, i ? "1,2.5\n" : "a,b\n");
    gzclose(z);
    tp_table *t = tp_table_read_csv(path, (tp_csv_options){0});
    assert_tensor(t);
    assert_int_equal(tp_table_rows(t), 19999);
    tp_table_free(t);
    char bytes[4096]; /* any byte of it wrong, or the end missing: an error, never another table */
    FILE *f = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_in_range(size, 20, sizeof bytes - 1);
    for (size_t i = 10; i < size; i++) {
        bytes[i] ^= 0x55;
        write_file(bytes, size);
        t = tp_table_read_csv(path, (tp_csv_options){0});
        if (t) assert_int_equal(tp_table_rows(t), 19999); /* bits that mean nothing */
        tp_table_free(t);
        bytes[i] ^= 0x55;
        write_file(bytes, i);
        assert_null(tp_table_read_csv(path, (tp_csv_options){0}));
        assert_int_equal(tp_last_error().code, TP_ERR_FORMAT);
    }
#endif
}

/* Numbers are values too where a column has others: here all of 42 differ, there two. */
static void test_mixed_column(void **state) {
    (void)state;
    FILE *f = fopen(path, "wb");
    fprintf(f, "one,two\n");
    for (int i = 0; i < 40; i++) fprintf(f, "%d,%s\n", i, i % 2 ? "7" : "8");
    fprintf(f, "abc,none\nabd,none\n");
    fclose(f);
    tp_table *t = tp_table_read_csv(path, (tp_csv_options){0});
    assert_tensor(t);
    assert_int_equal(tp_table_rows(t), 42);
    assert_int_equal(tp_table_type(t, 0), TP_COLUMN_TEXT);
    assert_int_equal(tp_table_type(t, 1), TP_COLUMN_CATEGORY);
    assert_int_equal(tp_table_category_count(t, 1), 3);
    assert_string_equal(tp_table_text(t, 0, 0), "0");
    tp_table_free(t);
}

static void test_data_files(void **state) {
    (void)state;
    tp_table *t =
        tp_table_read_csv(TP_SOURCE_DIR "/examples/data/co2-concentration.csv", (tp_csv_options){0});
    assert_tensor(t);
    assert_int_equal(tp_table_rows(t), 741);
    assert_int_equal(tp_table_type(t, 0), TP_COLUMN_TEXT);
    assert_values(tp_narrow(tp_table_tensor(t, TP_NAMES("CO2", "adjusted CO2"), TP_F64), 0, 0, 1), 315.70,
                  314.44);
    assert_values(tp_mean(tp_table_column(t, 1, TP_F64)), 355.310931174);
    tp_table_free(t);
    t = tp_table_read_csv(TP_SOURCE_DIR "/examples/data/seattle-weather.csv", (tp_csv_options){0});
    assert_tensor(t);
    assert_int_equal(tp_table_rows(t), 1461);
    assert_int_equal(tp_table_category_count(t, 5), 5);
    static const char *const kinds[] = {"drizzle", "rain", "sun", "snow", "fog"};
    for (int k = 0; k < 5; k++) assert_string_equal(tp_table_category_name(t, 5, k), kinds[k]);
    assert_string_equal(tp_table_text(t, 0, 1460), "2015-12-31");
    tp_tensor *x = tp_table_tensor(t, (tp_names){0}, TP_F64);
    assert_true(tp_shape_equal(tp_tensor_shape(x), TP_SHAPE(1461, 5)));
    assert_values(tp_select(x, 0, 1), 10.9, 10.6, 2.8, 4.5, 1);
    assert_values(tp_select(x, 0, 1460), 0, 5.6, -2.1, 3.5, 2);
    assert_values(tp_sum(tp_select(x, 1, 1)), 24017.5);
    assert_values(tp_sum(tp_eq_scalar(tp_select(x, 1, 4), 4)), 101);
    tp_table_free(t);
    tp_csv_options tsv = {.separator = '\t', .no_quotes = true};
    t = tp_table_read_csv(TP_SOURCE_DIR "/examples/data/spam.tsv", tsv);
    assert_tensor(t);
    assert_int_equal(tp_table_rows(t), 5773);
    assert_int_equal(tp_table_type(t, 0), TP_COLUMN_CATEGORY);
    assert_int_equal(tp_table_type(t, 1), TP_COLUMN_TEXT);
    assert_values(tp_sum(tp_table_column(t, 0, TP_I64)), 1679);
    size_t bytes = 0;
    for (int64_t i = 0; i < 5773; i++) bytes += strlen(tp_table_text(t, 1, i));
    assert_int_equal(bytes, 2329948);
    tp_table_free(t);
}

/* ---- broken files ------------------------------------------------------------------------------------ */

typedef struct broken {
    const char *bytes;
    size_t size;
    tp_csv_options options;
    const char *message; /* after the path */
} broken;

#define BYTES(text) text, sizeof(text) - 1

static const tp_column_choice int_b = {.name = "b", .type = TP_COLUMN_INT};
static const tp_column_choice no_z = {.name = "z", .type = TP_COLUMN_INT};
static const tp_column_choice no_9 = {.index = 9, .type = TP_COLUMN_INT};

static const broken broken_files[] = {
    {BYTES(""), {0}, ": is empty"},
    {BYTES("\n\r\n\n"), {0}, ": is empty"},
    {BYTES("\xEF\xBB\xBF"), {0}, ": is empty"},
    {BYTES("a,b\n1,2\n3\n"), {0}, ":3:2 (\"b\"): the row has 1 field, the first one has 2"},
    {BYTES("a,b\n1,2\n\n\n3,4,5\n"), {0}, ":5:3: the row has 3 fields, the first one has 2"},
    {BYTES("a,b\n1,2,"), {0}, ":2:3: the row has 3 fields, the first one has 2"},
    {BYTES("a,b\n\"x\ny\",\"\n"), {0}, ":3:2 (\"b\"): the quoted field does not end"},
    {BYTES("a,b\n1,\"2"), {0}, ":2:2 (\"b\"): the quoted field does not end"},
    {BYTES("a,b\n1,\"2\n3,4\n5,6\n7,8\n"),
     {.row_bytes = 8},
     ":2:2 (\"b\"): the row has more than 8 bytes; is a quote not closed?"},
    {BYTES("a,b\n1,\"2\"3\n"), {0}, ":2:2 (\"b\"): text after the closing quote"},
    {BYTES("a,b\n1,\"2\"\r3\n"), {0}, ":2:2 (\"b\"): text after the closing quote"},
    {BYTES("a,b\n1,2\"\n"),
     {0},
     ":2:2 (\"b\"): a quote inside an unquoted field (is this a file for no_quotes?)"},
    {BYTES("a,b\n1,\0\n"), {0}, ":2:2 (\"b\"): a NUL byte"},
    {BYTES("a,b\n\"\0\",1\n"), {0}, ":2:1 (\"a\"): a NUL byte"},
    {BYTES("a,b,a\n"), {0}, ":1:3: an earlier column is called \"a\" too"},
    {BYTES("a,b\r1,2\r"), {0}, ":1:2: a column name with a CR: lines end with LF or CRLF, not with CR alone"},
    {BYTES("a,b\n1,2\n1,x\n"), {.infer_rows = 1}, ":3:2 (\"b\"): \"x\" is no whole number of 64 bits"},
    {BYTES("a,b\n1,2\n1,2.5\n"), {.infer_rows = 1}, ":3:2 (\"b\"): \"2.5\" is no whole number of 64 bits"},
    {BYTES("a,b\n1,2\n1,9223372036854775808\n"),
     {.infer_rows = 1},
     ":3:2 (\"b\"): \"9223372036854775808\" is no whole number of 64 bits"},
    {BYTES("a,b\n1,2\n1,\n"), {.infer_rows = 1}, ":3:2 (\"b\"): \"\" is missing in a column of INT"},
    {BYTES("a,b\n1,NA\n"),
     {.column_count = 1, .columns = &int_b},
     ":2:2 (\"b\"): \"NA\" is missing in a column of INT"},
    {BYTES("a,b\n1,2.5\n1,1e\n"), {.infer_rows = 1}, ":3:2 (\"b\"): \"1e\" is no number"},
    {BYTES("a,b\n1,2.5\n1,\"x\ny\x01\"\n"), {.infer_rows = 1}, ":3:2 (\"b\"): \"x\\x0ay\\x01\" is no number"},
    {BYTES("a,b\n1,2.5\n1,a text that is longer than can be shown\xC3\xA9.\n"),
     {.infer_rows = 1},
     ":3:2 (\"b\"): \"a text that is longer than can be shown...\" is no number"},
    {BYTES("a,b\n1,2.5\n1,0x10\n"), {.infer_rows = 1}, ":3:2 (\"b\"): \"0x10\" is no number"},
    {BYTES("a,b\n1,2\n"), {.column_count = 1, .columns = &no_z}, ": columns[0]: there is no column \"z\""},
    {BYTES("a,b\n1,2\n"), {.column_count = 1, .columns = &no_9}, ": columns[0]: there is no column 9 of 2"},
};

static void test_broken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof broken_files / sizeof *broken_files; i++) {
        const broken *b = &broken_files[i];
        write_file(b->bytes, b->size);
        assert_null(tp_table_read_csv(path, b->options));
        char message[400];
        snprintf(message, sizeof message, "table_read_csv: %s%s", path, b->message);
        assert_error(b->options.columns && b->message[1] == ' ' ? TP_ERR_ARGUMENT : TP_ERR_FORMAT, message);
    }
}

static void test_errors(void **state) {
    (void)state;
    tp_table *t = read_text("a,b\n1,x\n2,y\n", (tp_csv_options){0});
    assert_tensor(t);
    assert_null(tp_table_column(t, 2, TP_F32));
    assert_error(TP_ERR_INDEX, "table_column: column is 2, the table has 2 columns");
    assert_null(tp_table_column(t, 1, TP_F32));
    assert_error(TP_ERR_DTYPE, "table_column: column \"b\" is of TEXT, which float32 cannot hold");
    assert_null(tp_table_tensor(t, TP_NAMES("a", "c"), TP_F32));
    assert_error(TP_ERR_ARGUMENT, "table_tensor: there is no column \"c\"");
    assert_null(tp_table_tensor(t, TP_NAMES("a"), TP_U8));
    assert_error(TP_ERR_DTYPE, "table_tensor: tables do not give uint8");
    assert_null(tp_table_text(t, 1, 2));
    assert_error(TP_ERR_INDEX, "table_text: row is 2, the table has 2 rows");
    assert_null(tp_table_text(t, 0, 0));
    assert_error(TP_ERR_DTYPE, "table_text: column \"a\" is of INT, not CATEGORY");
    assert_int_equal(tp_table_category_count(t, 1), -1);
    assert_error(TP_ERR_DTYPE, "table_category_count: column \"b\" is of TEXT, not CATEGORY");
    assert_null(tp_table_name(t, -1));
    assert_error(TP_ERR_INDEX, "table_name: column is -1, the table has 2 columns");
    tp_table_free(t);
    assert_null(tp_table_read_csv(NULL, (tp_csv_options){0}));
    assert_error(TP_ERR_NULL, "table_read_csv: argument path is NULL");
    assert_null(tp_csv_open("/nowhere/x.csv", (tp_csv_options){0}));
    assert_error(TP_ERR_IO, "csv_open: /nowhere/x.csv: No such file or directory");
    assert_null(tp_csv_open(path, (tp_csv_options){.separator = '"'}));
    assert_error(TP_ERR_ARGUMENT, "csv_open: the separator is a quote");
    assert_null(tp_csv_open(path, (tp_csv_options){.infer_rows = -1}));
    assert_error(TP_ERR_ARGUMENT, "csv_open: infer_rows is -1, missing_count 0, column_count 0, row_bytes 0");
    assert_int_equal(tp_table_rows(NULL), -1);
    assert_error(TP_ERR_NULL, "table_rows: argument table is NULL");

    write_file("a\n1\nx\n", 6);
    tp_csv *csv = tp_csv_open(path, (tp_csv_options){.infer_rows = 1});
    assert_int_equal(tp_csv_next(csv, 0, &t), TP_ERR_ARGUMENT);
    assert_int_equal(tp_csv_next(NULL, 1, &t), TP_ERR_NULL);
    assert_ok(tp_csv_next(csv, 1, &t));
    tp_table_free(t);
    char message[200];
    snprintf(message, sizeof message, "csv_next: %s:3:1 (\"a\"): \"x\" is no whole number of 64 bits", path);
    assert_int_equal(tp_csv_next(csv, 1, &t), TP_ERR_FORMAT);
    assert_error(TP_ERR_FORMAT, message);
    assert_null(t);
    assert_int_equal(tp_csv_next(csv, 1, &t), TP_ERR_STATE);
    tp_csv_close(csv);
}

/* Whatever the bytes, there is a table or an error. */
static void test_any_bytes(void **state) {
    (void)state;
    static const char seed_text[] = "id,x,\"k\"\r\n1,2.5,\"a,\"\"b\"\r\n2,NA,c\n3,-1e5,\"d\ne\"\n";
    static const char alphabet[] = ",\"\n\r\0 ae.-+1?\t\xEF\xBB\xBF\x1f\x8b";
    tp_generator *g = tp_generator_new(11);
    int64_t good = 0;
    for (int run = 0; run < 3000; run++) {
        char bytes[128];
        int64_t size = sizeof seed_text - 1;
        memcpy(bytes, seed_text, (size_t)size);
        for (int64_t k = 1 + tp_generator_below(g, 6); k > 0; k--)
            bytes[tp_generator_below(g, size)] = alphabet[tp_generator_below(g, sizeof alphabet - 1)];
        if (tp_generator_below(g, 3) == 0) size = tp_generator_below(g, size);
        write_file(bytes, (size_t)size);
        tp_table *t =
            tp_table_read_csv(path, (tp_csv_options){.no_header = run % 2, .infer_rows = 1 + run % 3});
        int64_t rows = t ? tp_table_rows(t) : -1, pieces = 0;
        if (t) good++;
        else assert_true(tp_last_error().code != TP_OK);
        tp_table_free(t);
        tp_csv *csv = tp_csv_open(path, (tp_csv_options){.no_header = run % 2, .infer_rows = 1 + run % 3});
        while (csv && tp_csv_next(csv, 1, &t) == TP_OK && t) { /* in pieces: the same rows */
            pieces += tp_table_rows(t);
            tp_table_free(t);
        }
        tp_csv_close(csv);
        if (rows >= 0) assert_int_equal(pieces, rows);
    }
    assert_true(good > 100);
    tp_generator_free(g);
}

static tp_status read_once(void *context) {
    (void)context;
    tp_table *t = tp_table_read_csv(path, (tp_csv_options){0});
    tp_tensor *x = t ? tp_table_tensor(t, TP_NAMES("id", "kind"), TP_F32) : NULL;
    tp_table_free(t);
    return x ? TP_OK : tp_last_error().code;
}

static void test_no_memory(void **state) {
    (void)state;
    write_file("id,x,kind,note\n1,2.5,a,one\n2,NA,a,two\n3,4,b,three\n4,4,b,four\n", 61);
    assert_survives_no_memory(read_once, NULL, 20);
}

/* The same in pieces: an allocation that fails ends the reading, and tables read before it stay as they are. */
static void test_no_memory_in_pieces(void **state) {
    (void)state;
    FILE *f = fopen(path, "wb");
    for (int i = 0; i < 300; i++) fprintf(f, "%d,\"kind %d\",text %d\n", i, i % 100, i);
    fclose(f);
    const tp_column_choice kinds = {.index = 1, .type = TP_COLUMN_CATEGORY};
    int64_t n = 1, failed_later = 0;
    for (bool ok = false; !ok; n++) {
        tp_memory_info before = tp_memory_stats();
        tp_table *pieces[3] = {NULL}, *none = NULL;
        tp_status status = TP_ERR_MEMORY;
        tp__alloc_fail_at(n, false);
        tp_csv *csv =
            tp_csv_open(path, (tp_csv_options){.no_header = true, .column_count = 1, .columns = &kinds});
        for (int k = 0; csv && k < 3 && (status = tp_csv_next(csv, 100, &pieces[k])) == TP_OK;) k++;
        if (csv && status == TP_OK) status = tp_csv_next(csv, 100, &none);
        tp__alloc_fail_at(0, false);
        ok = status == TP_OK;
        if (!ok) assert_int_equal(tp_last_error().code, TP_ERR_MEMORY);
        if (csv && !ok) assert_int_equal(tp_csv_next(csv, 100, &none), TP_ERR_STATE);
        assert_null(none);
        tp_csv_close(csv);
        for (int k = 0; k < 3 && pieces[k]; k++) {
            failed_later += !ok;
            assert_int_equal(tp_table_rows(pieces[k]), 100);
            assert_string_equal(tp_table_text(pieces[k], 1, 99), "kind 99");
            char text[16];
            snprintf(text, sizeof text, "text %d", 100 * k + 7);
            assert_string_equal(tp_table_text(pieces[k], 2, 7), text);
        }
        for (int k = 0; k < 3; k++) tp_table_free(pieces[k]);
        assert_int_equal(tp_memory_stats().live_objects, before.live_objects);
    }
    assert_true(n > 40 && failed_later > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_types),      CHECK_TEST(test_fields),
        CHECK_TEST(test_long_rows),  CHECK_TEST(test_any_numbers),
        CHECK_TEST(test_options),    CHECK_TEST(test_numbers),
        CHECK_TEST(test_pieces),     CHECK_TEST(test_constant_memory),
        CHECK_TEST(test_gzip),       CHECK_TEST(test_mixed_column),
        CHECK_TEST(test_data_files), CHECK_TEST(test_broken),
        CHECK_TEST(test_errors),     CHECK_TEST(test_any_bytes),
        CHECK_TEST(test_no_memory),  CHECK_TEST(test_no_memory_in_pieces),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}

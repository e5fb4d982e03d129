/* Pictures: that they are well-formed and hold what was given; errors. */
#include "check.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char plot_path[64], plot_text[1 << 18];

static const char *read_plot(void) {
    FILE *file = fopen(plot_path, "rb");
    assert_non_null(file);
    size_t size = fread(plot_text, 1, sizeof plot_text - 1, file);
    fclose(file);
    plot_text[size] = 0;
    return plot_text;
}

static int count_of(const char *text, const char *what) {
    int count = 0;
    for (const char *p = text; (p = strstr(p, what)); p++) count++;
    return count;
}

/* The end of a tag that begins at p, its attributes being name="value" in turn. */
static const char *check_tag(const char *p, char *name, bool *closed) {
    size_t n = strcspn(p, " />");
    assert_true(n > 0 && n < 16);
    memcpy(name, p, n);
    name[n] = 0;
    for (p += n; *p == ' ';) {
        p += 1 + strspn(p + 1, " ");
        if (*p == '/' || *p == '>') break;
        p += strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789");
        assert_true(p[0] == '=' && p[1] == '"');
        p += 2 + strcspn(p + 2, "\"<");
        assert_true(*p++ == '"');
    }
    *closed = *p == '/';
    p += *closed;
    assert_true(*p == '>');
    return p + 1;
}

/* Tags balance, attributes are in quotes, & begins an entity. */
static void check_well_formed(const char *p) {
    char open[8][16], name[16];
    int depth = 0, roots = 0;
    while (*p) {
        if (*p == '&') {
            assert_true(strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&lt;", 4) == 0 ||
                        strncmp(p, "&gt;", 4) == 0 || strncmp(p, "&quot;", 6) == 0 ||
                        strncmp(p, "&#xfffd;", 8) == 0);
        }
        if (*p != '<') {
            assert_true(depth > 0 || *p == '\n');
            p++;
        } else if (p[1] == '/') {
            size_t n = depth > 0 ? strlen(open[depth - 1]) : 0;
            assert_true(n > 0 && strncmp(p + 2, open[depth - 1], n) == 0 && p[2 + n] == '>');
            depth--;
            p += 3 + n;
        } else {
            bool closed;
            p = check_tag(p + 1, name, &closed);
            roots += depth == 0;
            if (!closed) memcpy(open[depth++], name, sizeof name);
            assert_true(depth < 8);
        }
    }
    assert_int_equal(depth, 0);
    assert_int_equal(roots, 1);
    assert_null(strstr(plot_text, "nan"));
    assert_null(strstr(plot_text, "inf"));
}

static void lines_are_drawn(void **state) {
    (void)state;
    const double loss[] = {2.5, 1, NAN, 0.5, 0.25, INFINITY}, held[] = {2.75, 1.5}, x[] = {5, 7};
    const tp_series series[] = {
        {.name = "<a & \"b\">", .y = loss, .count = 6},
        {.name = "Vorhersage \xc3\xbc\x01", .y = held, .x = x, .count = 2, .dashed = true},
        {.y = NULL, .count = 0}};
    const tp_plot_options options = {.title = "Loss > 0",
                                     .x_label = "epoch",
                                     .y_label = "loss",
                                     .first_x = 1};
    assert_ok(tp_plot_lines(plot_path, series, 3, options));
    const char *text = read_plot();
    check_well_formed(text);
    assert_non_null(strstr(text, "viewBox=\"0 0 720 440\""));
    assert_non_null(strstr(text, ">&lt;a &amp; &quot;b&quot;&gt;</text>"));
    assert_non_null(strstr(text, ">Vorhersage \xc3\xbc&#xfffd;</text>"));
    assert_non_null(strstr(text, ">Loss &gt; 0</text>"));
    assert_non_null(strstr(text, ">2.5</text>")); /* a tick */
    assert_non_null(strstr(text, ">4</text>"));
    assert_int_equal(count_of(text, "<path "), 2);
    assert_int_equal(count_of(text, "h0"), 3); /* two pieces of the first, one of the second */
    const tp_series far = {.y = held, .x = (const double[]){0, 30}, .count = 2};
    assert_ok(tp_plot_lines(plot_path, &far, 1, options));
    assert_non_null(strstr(read_plot(), ">10</text>"));
    tp_plot_options log = options;
    log.log_y = true;
    assert_ok(tp_plot_lines(plot_path, series, 2, log));
    check_well_formed(read_plot());
    assert_non_null(strstr(plot_text, ">0.5</text>"));
    assert_ok(tp_plot_lines(plot_path, series + 1, 1, (tp_plot_options){.diagonal = true}));
    check_well_formed(read_plot());
    assert_int_equal(count_of(plot_text, "stroke-dasharray=\"4 4\""), 1);
}

static void odd_numbers_do_no_harm(void **state) {
    (void)state;
    const double odd[][3] = {
        {NAN, NAN, INFINITY},   {0, 0, 0},      {7, 7, 7},         {1e300, -1e300, 1e308},
        {1e9, 1e9 + 1e-6, 1e9}, {5e-324, 0, 0}, {-1e-310, 1, 0.5}, {1e15, 1e15 + 1, 1e15 + 2}};
    for (size_t k = 0; k < sizeof odd / sizeof odd[0]; k++)
        for (int log = 0; log < 2; log++) {
            const tp_series series = {.name = "odd", .x = odd[k], .y = odd[k], .count = 3};
            assert_ok(tp_plot_lines(plot_path, &series, 1, (tp_plot_options){.log_y = log}));
            check_well_formed(read_plot());
        }
}

/* A long series keeps its peaks and its long gaps, and the file stays small. */
static void long_series_are_thinned(void **state) {
    (void)state;
    enum { N = 100003 };
    double *y = calloc(N, sizeof *y);
    assert_non_null(y);
    for (int i = 0; i < N; i++) y[i] = i >= 50000 && i < 51000 ? NAN : i == 77 ? 9 : i == 78 ? -9 : i % 2;
    const tp_series all = {.y = y, .count = N}, last = {.y = y, .count = 2001},
                    whole = {.y = y, .count = 2000};
    assert_ok(tp_plot_lines(plot_path, &all, 1, (tp_plot_options){0}));
    check_well_formed(read_plot());
    assert_true(strlen(plot_text) < 60000);
    assert_int_equal(count_of(plot_text, "h0"), 2);
    assert_int_equal(count_of(plot_text, "\nL") + 2, 2 * 991); /* 9 stretches lie in the gap */
    assert_int_equal(count_of(plot_text, " 35.41h0\n"), 1);    /* 9 */
    assert_int_equal(count_of(plot_text, " 370.59\n"), 1);     /* -9 */
    assert_ok(tp_plot_lines(plot_path, &last, 1, (tp_plot_options){0}));
    assert_int_equal(count_of(read_plot(), "\nL") + 1, 2000);
    assert_ok(tp_plot_lines(plot_path, &whole, 1, (tp_plot_options){0}));
    assert_int_equal(count_of(read_plot(), "\nL") + 1, 2000);
    free(y);
}

static void confusion_matrices_are_drawn(void **state) {
    (void)state;
    const char *const names[] = {"cat", "dog & co"};
    tp_tensor *matrix = TP_I64_TENSOR(TP_SHAPE(2, 2), 90, 10, 5, 1234);
    assert_ok(tp_plot_confusion(plot_path, matrix, names, "Confusion"));
    check_well_formed(read_plot());
    assert_non_null(strstr(plot_text, ">1234</text>"));
    assert_int_equal(count_of(plot_text, ">dog &amp; co</text>"), 2);
    assert_int_equal(count_of(plot_text, "<rect "), 5);
    assert_ok(tp_plot_confusion(plot_path, tp_zeros(TP_SHAPE(100, 100), TP_F32), NULL, NULL));
    assert_int_equal(tp_plot_confusion(plot_path, tp_full(TP_SHAPE(2, 2), -1, TP_F32), NULL, NULL),
                     TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "plot_confusion: element 0 of the matrix is -1");
    assert_int_equal(tp_plot_confusion(plot_path, tp_zeros(TP_SHAPE(2, 3), TP_F32), NULL, NULL),
                     TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "plot_confusion: the matrix is not (C, C) with C up to 256 but (2, 3)");
    assert_int_equal(tp_plot_confusion(plot_path, NULL, NULL, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "plot_confusion: argument matrix is NULL");
}

static void wrong_charts_are_errors(void **state) {
    (void)state;
    const double y[] = {1, 2};
    tp_series series = {.name = "bad \xff", .y = y, .count = 2};
    assert_int_equal(tp_plot_lines(plot_path, &series, 0, (tp_plot_options){0}), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "plot_lines: there cannot be 0 series");
    assert_int_equal(tp_plot_lines(NULL, &series, 1, (tp_plot_options){0}), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "plot_lines: argument path is NULL");
    unlink(plot_path);
    assert_int_not_equal(tp_plot_lines(plot_path, &series, 1, (tp_plot_options){0}), TP_OK);
    tp_error_clear();
    assert_int_not_equal(access(plot_path, F_OK), 0); /* nothing was left behind */
    series.name = NULL;
    assert_int_equal(tp_plot_lines("/nowhere/at/all.svg", &series, 1, (tp_plot_options){0}), TP_ERR_IO);
    assert_error(TP_ERR_IO, "plot_lines: /nowhere/at/all.svg: No such file or directory");
    series.y = NULL;
    assert_int_equal(tp_plot_lines(plot_path, &series, 1, (tp_plot_options){0}), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "plot_lines: argument series.y is NULL");
    series.count = -1;
    assert_int_equal(tp_plot_lines(plot_path, &series, 1, (tp_plot_options){0}), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "plot_lines: series[0] cannot have -1 values");
}

static void sparklines(void **state) {
    (void)state;
    char line[64];
    const double rise[] = {0, 1, 2, 3, 4, 5, 6, 7}, gap[] = {1, NAN, 0}, flat[] = {3, 3};
    assert_int_equal(tp_sparkline(rise, 8, 0, line, sizeof line), 24);
    assert_string_equal(line, "▁▂▃▄▅▆▇█");
    assert_int_equal(tp_sparkline(rise, 8, 2, line, sizeof line), 6);
    assert_string_equal(line, "▁█");
    assert_int_equal(tp_sparkline(gap, 3, 0, line, sizeof line), 7);
    assert_string_equal(line, "█ ▁");
    assert_int_equal(tp_sparkline(flat, 2, 10, line, sizeof line), 6);
    assert_string_equal(line, "▅▅");
    assert_int_equal(tp_sparkline(rise, 8, 0, line, 8), 24);
    assert_string_equal(line, "▁▂");
    assert_int_equal(tp_sparkline(rise, 8, 0, NULL, 0), 24);
    assert_int_equal(tp_sparkline((const double[]){1.5e308, -1.5e308, 1, 1}, 4, 2, line, sizeof line), 6);
    assert_string_equal(line, "▁█"); /* the mean of the first two is 0 */
    assert_int_equal(tp_sparkline((const double[]){0, 5e-324}, 2, 0, line, sizeof line), 6);
    assert_string_equal(line, "▁█");
    assert_int_equal(tp_sparkline((const double[]){-1.5e308, 1.5e308}, 2, 0, line, sizeof line), 6);
    assert_string_equal(line, "▁█");
    assert_int_equal(tp_sparkline(NULL, 0, 0, line, sizeof line), 0);
    assert_string_equal(line, "");
    assert_int_equal(tp_sparkline(rise, -1, 0, line, sizeof line), -1);
    assert_error(TP_ERR_ARGUMENT, "sparkline: there cannot be -1 values in a width of 0");
    assert_int_equal(tp_sparkline(NULL, 2, 0, line, sizeof line), -1);
    assert_error(TP_ERR_NULL, "sparkline: argument values is NULL");
}

static tp_status draw_both(void *matrix) {
    const double y[] = {1, 2};
    const tp_series series = {.name = "y", .y = y, .count = 2};
    tp_status status = tp_plot_lines(plot_path, &series, 1, (tp_plot_options){0});
    return status == TP_OK ? tp_plot_confusion(plot_path, matrix, NULL, NULL) : status;
}

static void memory_may_run_out(void **state) {
    (void)state;
    assert_survives_no_memory(draw_both, tp_ones(TP_SHAPE(3, 3), TP_F32), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(lines_are_drawn),         CHECK_TEST(odd_numbers_do_no_harm),
        CHECK_TEST(long_series_are_thinned), CHECK_TEST(confusion_matrices_are_drawn),
        CHECK_TEST(wrong_charts_are_errors), CHECK_TEST(sparklines),
        CHECK_TEST(memory_may_run_out),
    };
    snprintf(plot_path, sizeof plot_path, "/tmp/taper-plot-%ld.svg", (long)getpid());
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(plot_path);
    return failures;
}

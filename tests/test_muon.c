/* Muon against its definition in plain double loops: PyTorch's iterates in bfloat16. */
#include "check.h"

#include <math.h>

enum { MUON_MAX = 8 };

/* out (m, n) = a (m, k) b (k, n), with b transposed if wanted, in plain loops. */
static void muon_product(int m, int k, int n, const double *a, const double *b, bool transposed,
                         double *out) {
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int q = 0; q < k; q++) sum += a[i * k + q] * (transposed ? b[j * k + q] : b[q * n + j]);
            out[i * n + j] = sum;
        }
}

/* x (m, n), m <= n, by its definition. */
static void muon_iterate(int m, int n, double *x, const double c[3], int steps, double eps) {
    double norm = 0, gram[MUON_MAX * MUON_MAX], square[MUON_MAX * MUON_MAX], moved[MUON_MAX * MUON_MAX];
    for (int i = 0; i < m * n; i++) norm += x[i] * x[i];
    norm = fmax(sqrt(norm), eps);
    for (int i = 0; i < m * n; i++) x[i] /= norm;
    for (int step = 0; step < steps; step++) {
        muon_product(m, n, m, x, x, true, gram);
        muon_product(m, m, m, gram, gram, false, square);
        for (int i = 0; i < m * m; i++) square[i] = c[1] * gram[i] + c[2] * square[i];
        muon_product(m, m, n, square, x, false, moved);
        for (int i = 0; i < m * n; i++) x[i] = c[0] * x[i] + moved[i];
    }
}

typedef struct muon_case {
    int rows, columns;
    tp_muon_options options;
} muon_case;

/* One step in plain double loops. */
static void muon_reference(const muon_case *k, double *p, double *b, const double *g, double lr) {
    const tp_muon_options *o = &k->options;
    const double usual[] = {3.4445, -4.775, 2.0315},
                 *c = o->ns_coefficients[0] != 0 ? o->ns_coefficients : usual;
    int m = k->rows, n = k->columns, small = m < n ? m : n, large = m < n ? n : m;
    double momentum = o->momentum != 0 ? o->momentum : 0.95, x[MUON_MAX * MUON_MAX];
    double decay = o->weight_decay != 0 ? o->weight_decay : signbit(o->weight_decay) ? 0 : 0.1;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            int at = i * n + j;
            b[at] += (1 - momentum) * (g[at] - b[at]);
            x[m > n ? j * m + i : at] = o->no_nesterov ? b[at] : g[at] + momentum * (b[at] - g[at]);
        }
    muon_iterate(small, large, x, c, o->ns_steps != 0 ? o->ns_steps : 5, 1e-7);
    double scale = o->match_rms_adamw ? 0.2 * sqrt(large) : m > n ? sqrt((double)m / n) : 1;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++)
            p[i * n + j] = p[i * n + j] * (1 - lr * decay) - lr * scale * x[m > n ? j * m + i : i * n + j];
}

static double largest_difference(tp_tensor *got, tp_tensor *want) {
    tp_tensor *apart = tp_abs(tp_sub(tp_to_dtype(tp_detach(got), TP_F64), want));
    return tp_tensor_item(tp_amax(apart, TP_NO_DIMS, false));
}

static void muon_is_its_definition(void **state) {
    (void)state;
    const muon_case cases[] = {
        {.rows = 4, .columns = 6},
        {6, 4, {.match_rms_adamw = true}},
        {5, 5, {.no_nesterov = true, .momentum = 0.5, .weight_decay = TP_ZERO}},
        {7, 2, {.ns_steps = 3, .ns_coefficients = {2, -1.5, 0.5}, .weight_decay = 0.3}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int d = 0; d < 2; d++) {
            const muon_case *k = &cases[c];
            int n = k->rows * k->columns;
            double p[MUON_MAX * MUON_MAX], b[MUON_MAX * MUON_MAX] = {0}, g[MUON_MAX * MUON_MAX];
            tp_shape shape = TP_SHAPE(k->rows, k->columns);
            tp_manual_seed(9);
            tp_tensor *w = tp_set_requires_grad(tp_randn(shape, d ? TP_F64 : TP_F32, NULL), true);
            tp_optim *o = tp_optim_muon(TP_TENSORS(w), 0.05, k->options);
            assert_tensor(o);
            assert_ok(tp_tensor_copy_out_f64(w, p, n));
            for (int step = 0; step < 20; step++) {
                tp_tensor *grad = tp_randn(shape, d ? TP_F64 : TP_F32, NULL);
                assert_ok(tp_tensor_copy_out_f64(grad, g, n));
                assert_ok(tp_tensor_set_grad(w, grad));
                assert_ok(tp_optim_step(o));
                muon_reference(k, p, b, g, 0.05);
            }
            tp_tensor *want = tp_from_f64(shape, p, n);
            assert_true(largest_difference(w, want) <= (d ? 1e-12 : 2e-5));
            assert_ok(tp_tensor_set_grad(w, NULL));
            tp_optim_free(o);
        }
    tp_tensor *vector = tp_zeros(TP_SHAPE(3), TP_F32);
    assert_null(tp_optim_muon(TP_TENSORS(vector), 0.1, (tp_muon_options){0}));
    assert_error(TP_ERR_SHAPE, "optim_muon: parameter 0 is of shape (3,), not a matrix");
}

int main(void) {
    const struct CMUnitTest tests[] = {CHECK_TEST(muon_is_its_definition)};
    return cmocka_run_group_tests_name("muon", tests, NULL, NULL);
}

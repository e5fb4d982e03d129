/* Modules of recurrent networks. */
#include "check.h"

#include <math.h>
#include <pthread.h>

static void prints_as_pytorch(void **state) {
    (void)state;
    const struct {
        tp_module *module;
        const char *printed;
    } rows[] = {
        {tp_nn_rnn(3, 4, (tp_nn_recurrent_options){.layers = 2, .relu = true, .no_bias = true}),
         "RNN(3, 4, num_layers=2, bias=False)"},
        {tp_nn_gru(3, 4, (tp_nn_recurrent_options){0}), "GRU(3, 4)"},
        {tp_nn_lstm(
             3, 4,
             (tp_nn_recurrent_options){
                 .layers = 2, .batch_first = true, .dropout = 0.5, .bidirectional = true, .proj_size = 2}),
         "LSTM(3, 4, proj_size=2, num_layers=2, batch_first=True, dropout=0.5, bidirectional=True)"},
        {tp_nn_rnn_cell(3, 4, (tp_nn_cell_options){.relu = true, .no_bias = true}),
         "RNNCell(3, 4, bias=False, nonlinearity=relu)"},
        {tp_nn_gru_cell(3, 4, (tp_nn_cell_options){0}), "GRUCell(3, 4)"},
        {tp_nn_lstm_cell(3, 4, (tp_nn_cell_options){0}), "LSTMCell(3, 4)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[160];
        assert_non_null(rows[i].module);
        tp_module_format(rows[i].module, text, sizeof text);
        assert_string_equal(text, rows[i].printed);
        tp_module_free(rows[i].module);
    }
}

static void weights_of_all_layers(void **state) {
    (void)state;
    tp_manual_seed(3);
    tp_module *m =
        tp_nn_lstm(5, 16, (tp_nn_recurrent_options){.layers = 2, .bidirectional = true, .proj_size = 3});
    assert_int_equal(tp_module_parameters(m).count, 20);
    const tp_named_tensors names = tp_module_named_parameters(m);
    assert_string_equal(names.items[4].name, "weight_hr_l0");
    assert_string_equal(names.items[5].name, "weight_ih_l0_reverse");
    assert_string_equal(names.items[10].name, "weight_ih_l1");
    assert_true(tp_shape_equal(tp_tensor_shape(tp_module_find(m, "weight_ih_l1")), TP_SHAPE(64, 6)));
    for (int k = 0; k < names.count; k++) {
        tp_tensor *size = tp_abs(tp_detach(names.items[k].tensor));
        assert_true(tp_tensor_item(tp_amax(size, TP_NO_DIMS, false)) <= 0.25 &&
                    tp_tensor_item(tp_amax(size, TP_NO_DIMS, false)) > 0.2);
    }
    tp_module_free(m);
}

/* A state given and passed on is a sequence in two parts. */
static void states_are_passed_on(void **state) {
    (void)state;
    tp_manual_seed(4);
    tp_tensor *x = tp_randn(TP_SHAPE(6, 2, 3), TP_F64, NULL), *first = tp_narrow(x, 0, 0, 4),
              *rest = tp_narrow(x, 0, 4, 2);
    tp_isclose_options near = {.rtol = 1e-12, .atol = 1e-12};
    tp_nn_recurrent_options options = {.layers = 2, .dtype = TP_F64};
    tp_module *gru = tp_nn_gru(3, 4, options), *lstm = tp_nn_lstm(3, 4, options),
              *rnn = tp_nn_rnn(3, 4, options);

    tp_recurrent_out all = tp_nn_gru_forward(gru, x, NULL, NULL);
    tp_recurrent_out a = tp_nn_gru_forward(gru, first, NULL, NULL),
                     b = tp_nn_gru_forward(gru, rest, a.h, NULL);
    assert_true(tp_allclose(b.h, all.h, near) && tp_allclose(b.output, tp_narrow(all.output, 0, 4, 2), near));
    assert_true(tp_equal(tp_forward(gru, x), all.output));

    tp_lstm_out whole = tp_nn_lstm_forward(lstm, x, (tp_lstm_state){NULL, NULL}, NULL);
    tp_lstm_out c = tp_nn_lstm_forward(lstm, first, (tp_lstm_state){NULL, NULL}, NULL);
    tp_lstm_out d = tp_nn_lstm_forward(lstm, rest, (tp_lstm_state){c.h, c.c}, NULL);
    assert_true(tp_allclose(d.h, whole.h, near) && tp_allclose(d.c, whole.c, near));

    /* Nothing depends on what lies past the end, not even if it is no number. */
    tp_tensor *lengths = tp_from_i64(TP_SHAPE(2), (const int64_t[]){4, 6}, 2), *y = tp_clone(x);
    tp_fill_(tp_narrow(tp_select(y, 1, 0), 0, 4, 2), NAN);
    tp_set_requires_grad(y, true);
    tp_recurrent_out e = tp_nn_rnn_forward(rnn, y, NULL, lengths);
    assert_ok(tp_backward(tp_add(tp_sum(e.output), tp_sum(e.h))));
    tp_tensor *past = tp_narrow(tp_select(tp_tensor_grad(y), 1, 0), 0, 4, 2);
    assert_true(tp_tensor_item(tp_amax(tp_abs(past), TP_NO_DIMS, false)) == 0);
    assert_true(isfinite(tp_tensor_item(tp_sum(tp_tensor_grad(tp_module_find(rnn, "weight_ih_l0"))))));
    assert_true(tp_allclose(
        tp_select(e.output, 0, 5),
        tp_stack(TP_TENSORS(tp_zeros(TP_SHAPE(4), TP_F64), tp_select(tp_select(e.h, 0, 1), 0, 1)), 0), near));
    tp_module_free(gru);
    tp_module_free(lstm);
    tp_module_free(rnn);
}

/* What a layer makes of sequences (T, N, 3): output, h, and c (zeros without). */
typedef struct states {
    tp_tensor *output, *h, *c;
} states;

static states run_states(tp_module *m, bool lstm, tp_tensor *x, tp_tensor *lengths) {
    if (lstm) {
        tp_lstm_out y = tp_nn_lstm_forward(m, x, (tp_lstm_state){NULL, NULL}, lengths);
        return (states){y.output, y.h, y.c};
    }
    tp_recurrent_out y = tp_nn_gru_forward(m, x, NULL, lengths);
    return (states){y.output, y.h, tp_zeros_like(y.h)};
}

/* A number that depends on the last states. */
static tp_tensor *last_states(states s) { return tp_add(tp_sum(tp_square(s.h)), tp_sum(tp_tanh(s.c))); }

/* Many sequences of different lengths are what each is alone, and so are the gradients. */
static void many_lengths(void **state) {
    (void)state;
    enum { STEPS = 9, BATCH = 75 };
    const tp_isclose_options near = {.rtol = 1e-11, .atol = 1e-11};
    for (int kind = 0; kind < 3; kind++) { /* GRU, LSTM, LSTM with a projection */
        tp_manual_seed(8);
        tp_nn_recurrent_options options = {.layers = 2,
                                           .bidirectional = true,
                                           .proj_size = kind == 2 ? 3 : 0,
                                           .dtype = TP_F64};
        tp_module *m = (kind ? tp_nn_lstm : tp_nn_gru)(3, 5, options);
        tp_tensor *x = tp_set_requires_grad(tp_randn(TP_SHAPE(STEPS, BATCH, 3), TP_F64, NULL), true),
                  *lengths = tp_randint(1, STEPS + 1, TP_SHAPE(BATCH), TP_I64, NULL);
        states all = run_states(m, kind > 0, x, lengths);
        tp_tensor *g = tp_randn(tp_tensor_shape(all.output), TP_F64, NULL);
        tp_tensor *loss = tp_add(tp_sum(tp_mul(all.output, g)), last_states(all));
        tp_tensors parameters = tp_module_parameters(m);
        tp_tensor *want[64], *of[64] = {x}, *got[64];
        for (int k = 0; k < parameters.count; k++) of[1 + k] = parameters.items[k];
        const tp_tensors wanted = {1 + parameters.count, of};
        assert_ok(tp_grad(TP_TENSORS(loss), wanted, (tp_tensors){0}, got, (tp_grad_options){0}));
        tp_tensor *sum = tp_zeros(TP_SCALAR_SHAPE, TP_F64);
        for (int64_t n = 0; n < BATCH; n++) {
            int64_t length = ((const int64_t *)tp_tensor_data(lengths))[n];
            states one = run_states(m, kind > 0, tp_narrow(tp_narrow(x, 1, n, 1), 0, 0, length), NULL);
            tp_tensor *here = tp_narrow(all.output, 1, n, 1);
            assert_true(tp_allclose(tp_narrow(here, 0, 0, length), one.output, near));
            tp_tensor *past = tp_narrow(here, 0, length, STEPS - length);
            assert_true(tp_equal(past, tp_zeros_like(past)));
            assert_true(tp_allclose(tp_narrow(all.h, 1, n, 1), one.h, near));
            assert_true(tp_allclose(tp_narrow(all.c, 1, n, 1), one.c, near));
            tp_tensor *weights = tp_narrow(tp_narrow(g, 1, n, 1), 0, 0, length);
            sum = tp_add(sum, tp_add(tp_sum(tp_mul(one.output, weights)), last_states(one)));
        }
        assert_ok(tp_grad(TP_TENSORS(sum), wanted, (tp_tensors){0}, want, (tp_grad_options){0}));
        for (int k = 0; k < wanted.count; k++) assert_true(tp_allclose(got[k], want[k], near));
        tp_module_free(m);
    }
}

static void cells_step(void **state) {
    (void)state;
    tp_manual_seed(5);
    tp_tensor *x = tp_randn(TP_SHAPE(2, 3), TP_F32, NULL), *h = tp_randn(TP_SHAPE(2, 4), TP_F32, NULL),
              *none = tp_zeros(TP_SHAPE(2, 4), TP_F32);
    tp_module *rnn = tp_nn_rnn_cell(3, 4, (tp_nn_cell_options){0}),
              *lstm = tp_nn_lstm_cell(3, 4, (tp_nn_cell_options){0});
    tp_cell_weights w = {tp_module_find(rnn, "weight_ih"), tp_module_find(rnn, "weight_hh"),
                         tp_module_find(rnn, "bias_ih"), tp_module_find(rnn, "bias_hh")};
    assert_true(tp_equal(tp_forward_all(rnn, TP_TENSORS(x, h)), tp_rnn_tanh_cell(x, h, w)));
    assert_true(tp_equal(tp_forward(rnn, x), tp_rnn_tanh_cell(x, none, w)));
    tp_lstm_state one = tp_nn_lstm_cell_forward(lstm, x, (tp_lstm_state){NULL, NULL}),
                  two = tp_nn_lstm_cell_forward(lstm, x, (tp_lstm_state){h, one.c});
    assert_true(tp_equal(tp_forward(lstm, x), one.h));
    assert_tensor(two.c);
    assert_null(tp_nn_lstm_cell_forward(rnn, x, one).h);
    assert_error(TP_ERR_ARGUMENT, "nn_lstm_cell_forward: a RNNCell is no LSTMCell");
    assert_null(tp_forward_all(rnn, TP_TENSORS(x, h, h)));
    assert_error(TP_ERR_ARGUMENT, "forward_all: a RNNCell takes 1 to 2 tensors, got 3");
    assert_null(tp_forward(rnn, tp_ones(TP_SHAPE(2, 5), TP_F32)));
    assert_error(TP_ERR_SHAPE, "rnn_tanh_cell: w_ih is (4, 3), not (4, 5), with x (2, 5)");
    tp_module_free(rnn);
    tp_module_free(lstm);
}

/* Between layers, where it is tp_dropout()'s, and in training alone. */
static void dropout_between_layers(void **state) {
    (void)state;
    tp_manual_seed(6);
    tp_tensor *x = tp_randn(TP_SHAPE(5, 2, 3), TP_F32, NULL);
    tp_module *m = tp_nn_gru(3, 8, (tp_nn_recurrent_options){.layers = 2, .dropout = 0.5}),
              *one = tp_nn_gru(3, 8, (tp_nn_recurrent_options){.dropout = 0.5});
    tp_tensor *w[8];
    tp_named_tensors names = tp_module_named_parameters(m);
    for (int k = 0; k < 8; k++) w[k] = names.items[k].tensor;
    tp_manual_seed(7);
    tp_tensor *below = tp_gru(x, NULL, (tp_tensors){4, w}, (tp_recurrent_options){0}).output,
              *passed = tp_dropout(below, 0.5, true, NULL);
    tp_tensor *want = tp_gru(passed, NULL, (tp_tensors){4, w + 4}, (tp_recurrent_options){0}).output;
    tp_manual_seed(7);
    assert_true(tp_equal(tp_forward(m, x), want));
    assert_false(tp_equal(tp_forward(m, x), want));
    assert_true(tp_equal(tp_forward(one, x), tp_forward(one, x)));
    assert_ok(tp_module_eval(m));
    assert_true(tp_equal(tp_forward(m, x), tp_forward(m, x)));
    tp_module_free(m);
    tp_module_free(one);
}

static void bad_modules(void **state) {
    (void)state;
    tp_nn_recurrent_options none = {0};
    assert_null(tp_nn_rnn(3, 0, none));
    assert_error(
        TP_ERR_ARGUMENT,
        "nn_rnn: input_size 3 and hidden_size 0; the latter must be positive, the former not negative");
    assert_null(tp_nn_lstm(3, INT64_MAX, (tp_nn_recurrent_options){0}));
    assert_error(TP_ERR_SHAPE, "nn_lstm: hidden_size 9223372036854775807 makes weights of too many elements");
    assert_null(tp_nn_gru(3, 4, (tp_nn_recurrent_options){.layers = -1}));
    assert_error(TP_ERR_ARGUMENT, "nn_gru: -1 layers");
    assert_null(tp_nn_gru(3, 4, (tp_nn_recurrent_options){.proj_size = 2}));
    assert_error(TP_ERR_ARGUMENT, "nn_gru: proj_size 2 must be less than hidden_size 4, and an LSTM's");
    assert_null(tp_nn_lstm(3, 4, (tp_nn_recurrent_options){.proj_size = 4}));
    assert_error(TP_ERR_ARGUMENT, "nn_lstm: proj_size 4 must be less than hidden_size 4, and an LSTM's");
    assert_null(tp_nn_lstm(3, 4, (tp_nn_recurrent_options){.dropout = 2}));
    assert_error(TP_ERR_ARGUMENT, "nn_lstm: dropout must be in [0, 1], got 2");
    assert_null(tp_nn_lstm(3, 4, (tp_nn_recurrent_options){.dtype = TP_I64}));
    assert_error(TP_ERR_DTYPE, "nn_lstm: parameters are float32 or float64, got int64");
    assert_null(tp_nn_gru_cell(-1, 4, (tp_nn_cell_options){0}));
    assert_error(
        TP_ERR_ARGUMENT,
        "nn_gru_cell: input_size -1 and hidden_size 4; the latter must be positive, the former not negative");
    tp_module *gru = tp_nn_gru(3, 4, none);
    assert_null(tp_nn_rnn_forward(gru, tp_ones(TP_SHAPE(2, 1, 3), TP_F32), NULL, NULL).output);
    assert_error(TP_ERR_ARGUMENT, "nn_rnn_forward: a GRU is no RNN");
    assert_null(tp_nn_gru_forward(NULL, tp_ones(TP_SHAPE(2, 1, 3), TP_F32), NULL, NULL).output);
    assert_error(TP_ERR_NULL, "nn_gru_forward: argument m is NULL");
    assert_null(tp_forward(gru, tp_ones(TP_SHAPE(2, 1, 4), TP_F32)));
    assert_error(TP_ERR_SHAPE, "gru: w_ih of weights 0 is (12, 3), not (12, 4)");
    tp_module_free(gru);
}

/* ---- many steps ---------------------------------------------------------------------------------------- */

typedef struct layer {
    tp_module *(*make)(int64_t input_size, int64_t hidden_size, tp_nn_recurrent_options options);
    bool lengths, projected;     /* half of the sequences end half way; to H / 2 */
    double held_says, peak_says; /* in recurrent.h: elements of (N, H) a step */
} layer;

static const layer layers[] = {
    {tp_nn_rnn, false, false, 2, 4},       {tp_nn_gru, false, false, 8, 15},
    {tp_nn_lstm, false, false, 10, 15},    {tp_nn_rnn, true, false, 3, 5},
    {tp_nn_gru, true, false, 9, 16},       {tp_nn_lstm, true, false, 11, 16},
    {tp_nn_lstm, false, true, 10.5, 15.5},
};
enum { LAYERS = sizeof layers / sizeof *layers };

static tp_tensor *run_forward(const layer *l, tp_module *m, tp_tensor *x, tp_tensor *lengths) {
    if (l->make == tp_nn_lstm) return tp_nn_lstm_forward(m, x, (tp_lstm_state){NULL, NULL}, lengths).output;
    return (l->make == tp_nn_gru ? tp_nn_gru_forward : tp_nn_rnn_forward)(m, x, NULL, lengths).output;
}

/* Forward and backward of `steps` steps, recorded; what is held between the two, and what both take at most: in bytes. */
static bool run_layer(const layer *l, int64_t steps, int64_t batch, int64_t size, size_t *held,
                      size_t *peak) {
    tp_scope *s = tp_scope_begin();
    tp_module *m = l->make(1, size, (tp_nn_recurrent_options){.proj_size = l->projected ? size / 2 : 0});
    tp_tensor *x = tp_ones(TP_SHAPE(steps, batch, 1), TP_F32), *lengths = NULL;
    if (l->lengths)
        lengths = tp_cat(TP_TENSORS(tp_full(TP_SHAPE(batch / 2), (double)steps, TP_I64),
                                    tp_full(TP_SHAPE(batch / 2), (double)(steps / 2), TP_I64)),
                         0);
    size_t before = tp_memory_stats().in_use;
    tp_memory_reset_peak();
    tp_tensor *loss = tp_sum(run_forward(l, m, x, lengths));
    *held = tp_memory_stats().in_use - before;
    bool ok = tp_backward(loss) == TP_OK &&
              isfinite(tp_tensor_item(tp_sum(tp_tensor_grad(tp_module_find(m, "weight_ih_l0")))));
    *peak = tp_memory_stats().peak - before;
    tp_module_free(m);
    tp_scope_end(s);
    return ok;
}

/* A stack of 256 KiB is enough for any number of steps. */
static void *long_run(void *ok) {
    size_t held, peak;
    *(bool *)ok = true;
    for (int k = 0; k < LAYERS; k++)
        *(bool *)ok = run_layer(&layers[k], 10000, 2, 2, &held, &peak) && *(bool *)ok;
    return NULL;
}

static void long_sequences(void **state) {
    (void)state;
    pthread_attr_t small;
    pthread_t thread;
    bool ok = false;
    assert_int_equal(pthread_attr_init(&small), 0);
    assert_int_equal(pthread_attr_setstacksize(&small, 256 << 10), 0);
    assert_int_equal(pthread_create(&thread, &small, long_run, &ok), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&small);
    assert_true(ok);
}

/* What a step costs is what recurrent.h says: elements of (N, H), besides what each thread rounds. */
static void memory_of_a_step(void **state) {
    (void)state;
    enum { N = 16, H = 64, STEPS = 200 };
    for (int k = 0; k < LAYERS; k++) {
        const layer *l = &layers[k];
        size_t held[2], peak[2];
        for (int i = 0; i < 2; i++) assert_true(run_layer(l, (1 + i) * STEPS, N, H, &held[i], &peak[i]));
        double unit = (double)STEPS * N * H * sizeof(float), slack = 512 << 10;
        assert_true((double)(held[1] - held[0]) <= l->held_says * unit + slack);
        assert_true((double)(peak[1] - peak[0]) <= l->peak_says * unit + slack);
        assert_true((double)(held[1] - held[0]) >= l->held_says * unit - slack);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(prints_as_pytorch),    CHECK_TEST(weights_of_all_layers),
        CHECK_TEST(states_are_passed_on), CHECK_TEST(many_lengths),
        CHECK_TEST(cells_step),           CHECK_TEST(dropout_between_layers),
        CHECK_TEST(bad_modules),          CHECK_TEST(long_sequences),
        CHECK_TEST(memory_of_a_step),
    };
    return cmocka_run_group_tests_name("nn_recurrent", tests, NULL, NULL);
}

/* Modules of recurrent networks. */
#include "check.h"

#include <math.h>

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

    /* Of what lies past the end nothing depends on x. */
    tp_tensor *lengths = tp_from_i64(TP_SHAPE(2), (const int64_t[]){4, 6}, 2),
              *y = tp_set_requires_grad(tp_clone(x), true);
    tp_recurrent_out e = tp_nn_rnn_forward(rnn, y, NULL, lengths);
    assert_ok(tp_backward(tp_add(tp_sum(e.output), tp_sum(e.h))));
    tp_tensor *past = tp_narrow(tp_select(tp_tensor_grad(y), 1, 0), 0, 4, 2);
    assert_true(tp_tensor_item(tp_amax(tp_abs(past), TP_NO_DIMS, false)) == 0);
    assert_true(tp_allclose(
        tp_select(e.output, 0, 5),
        tp_stack(TP_TENSORS(tp_zeros(TP_SHAPE(4), TP_F64), tp_select(tp_select(e.h, 0, 1), 0, 1)), 0), near));
    tp_module_free(gru);
    tp_module_free(lstm);
    tp_module_free(rnn);
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

/* Between layers and in training alone. */
static void dropout_between_layers(void **state) {
    (void)state;
    tp_manual_seed(6);
    tp_tensor *x = tp_randn(TP_SHAPE(5, 2, 3), TP_F32, NULL);
    tp_module *m = tp_nn_gru(3, 8, (tp_nn_recurrent_options){.layers = 2, .dropout = 0.5}),
              *one = tp_nn_gru(3, 8, (tp_nn_recurrent_options){.dropout = 0.5});
    assert_false(tp_equal(tp_forward(m, x), tp_forward(m, x)));
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

/* Many steps need no deep stack, and no more memory when nothing is recorded and the scope of each step is left. */
static void long_sequences(void **state) {
    (void)state;
    tp_module *m = tp_nn_rnn(1, 2, (tp_nn_recurrent_options){0});
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(10000, 1, 1), TP_F32), true);
    tp_tensor *y = tp_forward(m, x);
    assert_tensor(y);
    assert_ok(tp_backward(tp_sum(tp_select(y, 0, 9999))));
    assert_true(isfinite(tp_tensor_item(tp_sum(tp_tensor_grad(x)))));
    tp_module_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(prints_as_pytorch), CHECK_TEST(weights_of_all_layers),  CHECK_TEST(states_are_passed_on),
        CHECK_TEST(cells_step),        CHECK_TEST(dropout_between_layers), CHECK_TEST(bad_modules),
        CHECK_TEST(long_sequences),
    };
    return cmocka_run_group_tests_name("nn_recurrent", tests, NULL, NULL);
}

/* Truncated back-propagation through time: a GRU reads a long series piece by piece. Its state is carried over from piece to
 * piece, gradients only flow back to the beginning of the piece. Try --help. */
#include <math.h>

#include "args.h"
#include "taper.h"

enum { TRACKS = 16, PIECE = 25 }; /* series side by side, and steps of a piece */

/* Random bits (T, N, 1), and for each step the bit that came `delay` steps before it, (T, N, 1): what only memory can tell. */
static tp_tensor *make_bits(int64_t steps) {
    return tp_bernoulli(0.5, TP_SHAPE(steps, TRACKS, 1), TP_F32, NULL);
}

static tp_tensor *delayed(tp_tensor *bits, int64_t delay) {
    int64_t steps = tp_tensor_size(bits, 0);
    return tp_pad(tp_narrow(bits, 0, 0, steps - delay), TP_SHAPE(0, 0, 0, 0, delay, 0), 0);
}

/* One piece: what was known before it goes in by *state, and what is known after it comes out. Its loss, NaN after an error. */
static double learn(tp_module *memory, tp_module *head, tp_optim *optim, tp_tensor *x, tp_tensor *y,
                    tp_tensor **state) {
    tp_scope *s = tp_scope_begin();
    tp_recurrent_out out = tp_nn_gru_forward(memory, x, *state, NULL);
    tp_tensor *loss = tp_bce_with_logits(tp_forward(head, out.output), y, (tp_bce_options){0});
    tp_optim_zero_grad(optim);
    tp_status status = tp_backward(loss);
    if (status == TP_OK) status = tp_optim_step(optim);
    if (status == TP_OK)
        status = tp_keep(state, tp_detach(out.h)); /* its values live on, its history does not */
    double value = status == TP_OK ? tp_tensor_item(loss) : NAN;
    tp_scope_end(s);
    return value;
}

int main(int argc, char **argv) {
    long steps = 10000, delay = 5, seed = 0;
    const arg list[] = {{"steps", "of the series", .integer = &steps},
                        {"delay", "steps that a bit is to be remembered, below 25", .integer = &delay},
                        {"seed", "chooses bits and weights", .integer = &seed}};
    args_read(argc, argv, "Learns to remember, by truncated back-propagation through time.", list, 3);
    if (delay < 1 || delay >= PIECE || steps < 2 * PIECE) return fprintf(stderr, "see --help\n"), 1;

    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)seed);
    tp_tensor *bits = make_bits(steps), *wanted = delayed(bits, delay), *state = NULL;
    tp_module *memory = tp_nn_gru(1, 32, (tp_nn_recurrent_options){0}),
              *head = tp_nn_linear(32, 1, (tp_linear_options){0});
    tp_module *net = tp_nn_module_list(TP_MODULES(memory, head));
    tp_optim *optim = tp_optim_adam(tp_module_parameters(net), 1e-2, (tp_adam_options){0});

    double last = 0; /* the mean loss of the last tenth */
    int64_t pieces = steps / PIECE, tenth = pieces / 10 + 1;
    for (int64_t i = 0; i < pieces && !isnan(last); i++) {
        tp_scope *piece = tp_scope_begin();
        tp_tensor *x = tp_narrow(bits, 0, i * PIECE, PIECE), *y = tp_narrow(wanted, 0, i * PIECE, PIECE);
        double loss = learn(memory, head, optim, x, y, &state);
        tp_scope_end(piece);
        if (i >= pieces - tenth || isnan(loss)) last += loss / (double)tenth;
        if (i % tenth == 0) printf("step %6lld  loss %.4f\n", (long long)(i * PIECE), loss);
    }
    bool learned = last < 0.1;
    if (isnan(last)) fprintf(stderr, "%s\n", tp_last_error().message);
    else printf("at the end the loss is %.4f; guessing has %.4f\n", last, 0.6931);
    tp_release(state);
    tp_optim_free(optim);
    tp_module_free(net);
    tp_scope_end(s);
    tp_shutdown();
    return learned ? 0 : 1;
}

/* A small GPT learns to write, character by character, better than a table of pairs of characters does. Try --help. */
#include <math.h>

#include "args.h"
#include "taper.h"

/* Characters that the network sees at once, sequences of them a step, and how many different ones there are. */
enum { LENGTH = 64, BATCH = 32, BYTES = 256 };

/* A text. The first `train` of its `count` characters are learned from, the others held out. */
typedef struct text {
    unsigned char *bytes;
    int64_t count, train;
} text;

static tp_status read_text(const char *path, long most, text *t) {
    FILE *file = fopen(path, "rb");
    t->bytes = malloc((size_t)most);
    if (file && t->bytes) t->count = (int64_t)fread(t->bytes, 1, (size_t)most, file);
    if (file) fclose(file);
    t->train = t->count * 9 / 10;
    if (t->count - t->train > LENGTH) return TP_OK;
    return tp_error_set(TP_ERR_IO, "char_gpt", "%s: %s", path,
                        file ? "too few characters" : "cannot be opened");
}

/* What pairs of characters of the training part, each counted once too often, say of those held out: mean -log p. */
static double bigram_loss(const text *t) {
    static double pairs[BYTES][BYTES], firsts[BYTES];
    double kinds = 0, sum = 0;
    for (int64_t i = 0; i + 1 < t->train; i++) {
        if (firsts[t->bytes[i]]++ == 0) kinds++;
        pairs[t->bytes[i]][t->bytes[i + 1]]++;
    }
    for (int64_t i = t->train; i + 1 < t->count; i++)
        sum -= log((pairs[t->bytes[i]][t->bytes[i + 1]] + 1) / (firsts[t->bytes[i]] + kinds));
    return sum / (double)(t->count - t->train - 1);
}

static tp_module *make_gpt(long size) {
    tp_nn_positional_encoding_options places = {.learned = true, .batch_first = true};
    tp_nn_transformer_options options = {.dim_feedforward = 4 * size,
                                         .dropout = TP_ZERO,
                                         .gelu = true,
                                         .batch_first = true,
                                         .norm_first = true,
                                         .final_norm = true};
    options.is_causal = true; /* no character sees those after it */
    return tp_nn_sequential(TP_MODULES(tp_nn_embedding(BYTES, size, (tp_nn_embedding_options){0}),
                                       tp_nn_positional_encoding(LENGTH, size, places),
                                       tp_nn_transformer_encoder(size, 4, 2, options),
                                       tp_nn_linear(size, BYTES, (tp_linear_options){0})));
}

/* The loss of predicting each character of some pieces of the text from those before it. */
static tp_tensor *loss_at(tp_module *gpt, const text *t, const int64_t *starts, int count) {
    tp_tensor *pieces = tp_empty(TP_SHAPE(count, LENGTH + 1), TP_I64);
    int64_t *piece = tp_tensor_data_mut(pieces);
    for (int64_t i = 0; piece && i < count * (LENGTH + 1); i++)
        piece[i] = t->bytes[starts[i / (LENGTH + 1)] + i % (LENGTH + 1)];
    tp_tensor *scores = tp_forward(gpt, tp_narrow(pieces, 1, 0, LENGTH)),
              *next = tp_narrow(pieces, 1, 1, LENGTH);
    return tp_cross_entropy(tp_flatten(scores, 0, 1), tp_flatten(next, 0, 1), (tp_ce_options){0});
}

static tp_status train(tp_module *gpt, const text *t, long steps, double lr) {
    tp_optim *optim = tp_optim_adamw(tp_module_parameters(gpt), lr, (tp_adam_options){0});
    tp_lr *schedule =
        tp_lr_one_cycle(optim, lr, steps, (tp_one_cycle_options){0}); /* warms up, then falls to 0 */
    tp_status status = TP_OK;
    for (long i = 0; status == TP_OK && i < steps; i++) {
        tp_scope *s = tp_scope_begin();
        int64_t starts[BATCH];
        for (int k = 0; k < BATCH; k++) starts[k] = tp_generator_below(NULL, t->train - LENGTH);
        tp_tensor *loss = loss_at(gpt, t, starts, BATCH);
        tp_optim_zero_grad(optim);
        status = tp_backward(loss);
        tp_clip_grad_norm(tp_module_parameters(gpt), 1, (tp_clip_options){0});
        if (status == TP_OK) status = tp_optim_step(optim);
        if (status == TP_OK) status = tp_lr_next(schedule);
        if (i % (1 + steps / 10) == 0) printf("step %5ld  loss %.3f\n", i, tp_tensor_item(loss));
        tp_scope_end(s);
    }
    tp_lr_free(schedule);
    tp_optim_free(optim);
    return status;
}

/* The mean loss over all that is held out, piece by piece; NaN after an error. */
static double held_out(tp_module *gpt, const text *t) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t at = t->train; at + LENGTH + 1 <= t->count; at += LENGTH, count++) {
        tp_scope *s = tp_scope_begin();
        tp_no_grad_begin();
        sum += tp_tensor_item(loss_at(gpt, t, &at, 1));
        tp_scope_end(s);
    }
    return sum / (double)count;
}

/* Writes on from what was held out: each character is drawn by how likely the network finds it, the likely a bit more often. */
static void write_on(tp_module *gpt, const text *t, long count) {
    int64_t seen[LENGTH];
    for (int i = 0; i < LENGTH; i++) seen[i] = t->bytes[t->train + i];
    for (long i = 0; i < count; i++) {
        tp_scope *s = tp_scope_begin();
        tp_no_grad_begin();
        tp_tensor *scores = tp_forward(gpt, tp_from_i64(TP_SHAPE(1, LENGTH), seen, LENGTH));
        tp_tensor *last = tp_select(tp_select(scores, 0, 0), 0, -1);
        tp_tensor *drawn = tp_multinomial(tp_softmax(tp_mul_scalar(last, 1 / 0.8), 0), 1, true, NULL);
        memmove(seen, seen + 1, (LENGTH - 1) * sizeof *seen);
        putchar((int)(seen[LENGTH - 1] = drawn ? tp_tensor_item_i64(drawn) : 0));
        tp_scope_end(s);
    }
}

int main(int argc, char **argv) {
    const char *path = "examples/data/spam.tsv";
    long characters = 300000, steps = 1500, size = 64, seed = 0, sample = 300;
    const arg list[] = {{"text", "file to learn from", .text = &path},
                        {"characters", "of it that are read at most", .integer = &characters},
                        {"steps", "of training", .integer = &steps},
                        {"size", "of the network's vectors, a multiple of 4", .integer = &size},
                        {"sample", "characters to write at the end", .integer = &sample},
                        {"seed", "chooses weights, order and sample", .integer = &seed}};
    args_read(argc, argv, "Trains a small GPT on a text, and lets it write.", list, 6);
    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)seed);
    text t = {.count = 0};
    bool better = false;
    tp_status status = read_text(path, characters > 0 ? characters : 1, &t);
    tp_module *gpt = status == TP_OK ? make_gpt(size) : NULL;
    if (status == TP_OK) status = gpt ? train(gpt, &t, steps, 3e-3) : tp_last_error().code;
    if (status == TP_OK) {
        double loss = held_out(gpt, &t), pairs = bigram_loss(&t);
        better = loss < pairs;
        printf("held out: loss %.3f, of pairs of characters %.3f, %s\n\n", loss, pairs,
               better ? "beaten" : "no better");
        write_on(gpt, &t, sample), printf("\n");
    } else {
        fprintf(stderr, "%s\n", tp_last_error().message);
    }
    tp_module_free(gpt);
    free(t.bytes);
    tp_scope_end(s);
    tp_shutdown();
    return better ? 0 : 1;
}

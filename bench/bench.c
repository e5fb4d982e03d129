/* Times training steps of small networks and a chain of small ops. bench_torch.py times the same in PyTorch,
 * with the same options; scripts/bench.sh runs the two in turn. Try --help. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "taper.h"

static const char help[] =
    "Times training steps. One line a row: medians over many steps, in microseconds.\n"
    "  --rows LIST    of these, separated by commas, with or without a size as in cnn-128 (default: all)\n"
    "                   mlp      784-128-10, batch 32 and 128\n"
    "                   mlp3     784-64-64-10, batch 32 and 128\n"
    "                   conv     Conv32-Flatten-10, batch 32 and 128\n"
    "                   cnn      Conv32-Pool-Conv64-Pool-128-10, batch 32 and 128\n"
    "                   mlp1024  1024-1024-1024-1024, batch 256\n"
    "                   encoder  a transformer layer 128-512 of 4 heads on 64 steps, batch 32\n"
    "                   rnn32    an RNN 1-32 on 10 steps, batch 32\n"
    "                   lstm128  an LSTM 128-128 on 50 steps, batch 64; lstm128x2 two layers; gru128 a GRU\n"
    "                   packed   lstm128 on sequences of 1 to 50 steps, by their lengths\n"
    "                   text     embedding of 10,000 words to 100, LSTM 100-100 on 64 steps, batch 32\n"
    "                   chain    100 small ops on 8, 1024 and 65536 elements, without an optimizer\n"
    "  --batch N      only rows of this size\n"
    "  --threads N    at most (default: one a core)\n"
    "  --seconds X    to time each row for (default: 1)\n"
    "  --memory       the peak bytes of tensors in a step, instead of times\n"
    "  --json         print JSON\n"
    "  --list         print the rows chosen, and time nothing\n"
    "  --serve        take rows from standard input, one a line, until it ends\n";

enum { ROUNDS = 25, WARM_STEPS = 5, MAX_STEPS = 1 << 18 };
static const double WARM_SECONDS = 0.15;

/* So small that the networks stay as they were drawn: one that has learned its only batch by heart has
 * gradients that are denormal numbers, and those are slow on some machines. */
static const double RATE = 1e-6;

/* ---- what is timed ------------------------------------------------------------------------------------- */

typedef struct task {
    tp_module *net; /* NULL for the chain */
    tp_optim *optim;
    tp_tensor *x, *y, *w;
} task;

static tp_module *dense(int64_t in, int64_t out) { return tp_nn_linear(in, out, (tp_linear_options){0}); }
static tp_module *conv(int64_t in, int64_t out) {
    return tp_nn_conv2d(in, out, 3, 3, (tp_nn_conv2d_options){0});
}
static tp_module *pool(void) { return tp_nn_max_pool2d(2, 2, (tp_pool2d_options){0}); }
static tp_module *relu(void) { return tp_nn_relu(); }
static tp_module *flatten(void) { return tp_nn_flatten(); }

static tp_module *make_mlp(void) {
    return tp_nn_sequential(TP_MODULES(flatten(), dense(784, 128), relu(), dense(128, 10)));
}

static tp_module *make_mlp3(void) {
    return tp_nn_sequential(
        TP_MODULES(flatten(), dense(784, 64), relu(), dense(64, 64), relu(), dense(64, 10)));
}

static tp_module *make_conv(void) {
    return tp_nn_sequential(TP_MODULES(conv(1, 32), relu(), flatten(), dense(32 * 26 * 26, 10)));
}

static tp_module *make_cnn(void) {
    return tp_nn_sequential(TP_MODULES(conv(1, 32), relu(), pool(), conv(32, 64), relu(), pool(), flatten(),
                                       dense(64 * 5 * 5, 128), relu(), dense(128, 10)));
}

static tp_module *make_mlp1024(void) {
    return tp_nn_sequential(
        TP_MODULES(dense(1024, 1024), relu(), dense(1024, 1024), relu(), dense(1024, 1024)));
}

static tp_module *make_encoder(void) {
    tp_nn_transformer_options options = {.dim_feedforward = 512, .dropout = TP_ZERO, .batch_first = true};
    return tp_nn_sequential(
        TP_MODULES(tp_nn_transformer_encoder_layer(128, 4, options), flatten(), dense(64 * 128, 10)));
}

/* What a recurrent layer gives after the last step: (N, T, H) -> (N, H). */
static tp_tensor *last_forward(tp_module *m, tp_tensor *x) {
    (void)m;
    return tp_select(x, 1, -1);
}
static const tp_module_class last_class = {.name = "Last",
                                           .size = sizeof(tp_module),
                                           .forward = last_forward};
static tp_module *last(void) { return tp_module_new(&last_class); }

static const tp_nn_recurrent_options one_layer = {.batch_first = true},
                                     two_layers = {.layers = 2, .batch_first = true};

static tp_module *make_rnn32(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_rnn(1, 32, one_layer), last(), dense(32, 10)));
}

static tp_module *make_lstm128(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_lstm(128, 128, one_layer), last(), dense(128, 10)));
}

static tp_module *make_lstm128x2(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_lstm(128, 128, two_layers), last(), dense(128, 10)));
}

static tp_module *make_gru128(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_gru(128, 128, one_layer), last(), dense(128, 10)));
}

/* An LSTM on sequences of different lengths: (N, T, I) -> the last states, (N, H). */
typedef struct packed {
    tp_module base;
    tp_module *lstm;
} packed;

static tp_tensor *packed_forward(tp_module *m, tp_tensor *x) {
    const int64_t batch = tp_tensor_shape(x).dims[0], steps = tp_tensor_shape(x).dims[1];
    tp_tensor *numbers = tp_mul_scalar(tp_arange(0, (double)batch, 1, TP_I64), 37),
              *lengths = tp_add_scalar(tp_remainder_scalar(numbers, (double)steps), 1);
    tp_tensor *h = tp_nn_lstm_forward(((packed *)m)->lstm, x, (tp_lstm_state){NULL, NULL}, lengths).h;
    return tp_select(h, 0, 0);
}
static const tp_module_class packed_class = {.name = "Packed",
                                             .size = sizeof(packed),
                                             .forward = packed_forward};

static tp_module *make_packed(void) {
    packed *m = (packed *)tp_module_new(&packed_class);
    if (m) m->lstm = tp_module_add(&m->base, "lstm", tp_nn_lstm(128, 128, one_layer));
    return tp_nn_sequential(TP_MODULES((tp_module *)m, dense(128, 10)));
}

enum { WORDS = 10000 };

static tp_module *make_text(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_embedding(WORDS, 100, (tp_nn_embedding_options){0}),
                                       tp_nn_lstm(100, 100, one_layer), last(), dense(100, 10)));
}

#define IMAGE                                                                                                \
    {                                                                                                        \
        3, { 1, 28, 28 }                                                                                     \
    }

static const struct row {
    const char *name;
    int64_t size; /* of the batch; for the chain the number of elements */
    tp_module *(*make)(void);
    tp_shape sample;
    int64_t classes; /* 0: 10 */
} rows[] = {
    {"mlp", 32, make_mlp, IMAGE, 0},
    {"mlp", 128, make_mlp, IMAGE, 0},
    {"mlp3", 32, make_mlp3, IMAGE, 0},
    {"mlp3", 128, make_mlp3, IMAGE, 0},
    {"conv", 32, make_conv, IMAGE, 0},
    {"conv", 128, make_conv, IMAGE, 0},
    {"cnn", 32, make_cnn, IMAGE, 0},
    {"cnn", 128, make_cnn, IMAGE, 0},
    {"mlp1024", 256, make_mlp1024, {1, {1024}}, 1024},
    {"encoder", 32, make_encoder, {2, {64, 128}}, 0},
    {"rnn32", 32, make_rnn32, {2, {10, 1}}, 0},
    {"lstm128", 64, make_lstm128, {2, {50, 128}}, 0},
    {"lstm128x2", 64, make_lstm128x2, {2, {50, 128}}, 0},
    {"gru128", 64, make_gru128, {2, {50, 128}}, 0},
    {"packed", 64, make_packed, {2, {50, 128}}, 0},
    {"text", 32, make_text, {1, {64}}, 0},
    {"chain", 8, NULL, IMAGE, 0},
    {"chain", 1024, NULL, IMAGE, 0},
    {"chain", 65536, NULL, IMAGE, 0},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* Tensors go to the current scope. */
static tp_status make_task(const struct row *row, task *t) {
    *t = (task){0};
    tp_manual_seed(0);
    if (!row->make) {
        /* From 0.5 on: smaller factors make denormal gradients after 25 rounds. */
        t->x = tp_rand(TP_SHAPE(row->size), TP_F32, NULL);
        t->w = tp_uniform_(tp_zeros(TP_SHAPE(row->size), TP_F32), 0.5, 1, NULL);
        return tp_set_requires_grad(t->w, true) && t->x ? TP_OK : tp_last_error().code;
    }
    t->net = row->make();
    t->optim = tp_optim_adam(tp_module_parameters(t->net), RATE, (tp_adam_options){0});
    tp_shape shape = {.ndim = row->sample.ndim + 1, .dims = {row->size}};
    for (int d = 1; d < shape.ndim; d++) shape.dims[d] = row->sample.dims[d - 1];
    t->x = row->make == make_text ? tp_randint(0, WORDS, shape, TP_I64, NULL) : tp_rand(shape, TP_F32, NULL);
    t->y = tp_randint(0, row->classes ? row->classes : 10, TP_SHAPE(row->size), TP_I64, NULL);
    return t->net && t->optim && t->x && t->y ? TP_OK : tp_last_error().code;
}

static void free_task(task *t) {
    tp_optim_free(t->optim);
    tp_module_free(t->net);
}

static tp_status train_step(task *t) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *loss = tp_cross_entropy(tp_forward(t->net, t->x), t->y, (tp_ce_options){0});
    tp_optim_zero_grad(t->optim);
    tp_status status = tp_backward(loss);
    if (status == TP_OK) status = tp_optim_step(t->optim);
    tp_scope_end(s);
    return status;
}

static tp_status chain_step(task *t) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *x = t->x;
    for (int i = 0; i < ROUNDS; i++) {
        tp_scope *round =
            tp_scope_begin(); /* drops what nobody needs, as Python does when x is assigned anew */
        x = tp_mul(x, t->w);
        x = tp_add(x, t->w);
        x = tp_tanh(x);
        x = tp_scope_return(round, tp_relu(x));
    }
    tp_zero_grad(t->w);
    tp_status status = tp_backward_with(x, (tp_backward_options){.grad = t->x});
    tp_scope_end(s);
    return status;
}

static tp_status step(task *t) { return t->net ? train_step(t) : chain_step(t); }

/* ---- how it is timed ----------------------------------------------------------------------------------- */

typedef struct timing {
    double median, least; /* of a step, in microseconds */
    int steps;
    size_t peak; /* bytes */
} timing;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static tp_status time_steps(task *t, double limit, timing *result) {
    static double times[MAX_STEPS];
    tp_status status = TP_OK;
    double start = seconds();
    for (int i = 0; status == TP_OK && (i < WARM_STEPS || seconds() - start < WARM_SECONDS); i++)
        status = step(t);
    int n = 0;
    double before = start = seconds();
    while (status == TP_OK && n < MAX_STEPS && (n < WARM_STEPS || before - start < limit)) {
        status = step(t);
        double now = seconds();
        times[n++] = now - before;
        before = now;
    }
    if (status != TP_OK) return status;
    qsort(times, (size_t)n, sizeof *times, compare);
    double median = n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
    *result = (timing){.median = 1e6 * median, .least = 1e6 * times[0], .steps = n};
    return TP_OK;
}

/* Of one step of many: gradients and the optimizer's state are there, and count. */
static tp_status measure_peak(task *t, timing *result) {
    tp_status status = TP_OK;
    for (int i = 0; status == TP_OK && i < WARM_STEPS; i++) {
        tp_memory_reset_peak();
        status = step(t);
    }
    *result = (timing){.steps = 1, .peak = tp_memory_stats().peak};
    return status;
}

/* ---- options and output -------------------------------------------------------------------------------- */

typedef struct settings {
    const char *rows;
    int64_t batch;
    int threads;
    double seconds;
    bool memory, json, list, serve;
} settings;

/* Is the row in a list such as "mlp,cnn-128"? */
static bool listed(const struct row *row, const char *list) {
    char full[32];
    snprintf(full, sizeof full, "%s-%lld", row->name, (long long)row->size);
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, ",");
        if (n == strlen(full) && strncmp(at, full, n) == 0) return true;
        if (n == strlen(row->name) && strncmp(at, row->name, n) == 0) return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* A word of the list that names no row is a mistake, not a wish for fewer rows. */
static bool check_list(const char *list) {
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, ",");
        char word[32] = "";
        if (n < sizeof word) memcpy(word, at, n);
        bool found = false;
        for (int i = 0; i < ROWS; i++) found |= listed(&rows[i], word);
        if (!found) return fprintf(stderr, "bench: no row is named %.*s, try --help\n", (int)n, at), false;
        at += n + (at[n] == ',');
    }
    return true;
}

static void print(const struct row *row, const settings *set, const timing *t, bool first) {
    int threads = tp_num_threads();
    long long size = row->size;
    if (set->json)
        printf("%s\n  {\"row\": \"%s\", \"size\": %lld, \"threads\": %d, ", first ? "" : ",", row->name, size,
               threads);
    if (set->json && set->memory) printf("\"peak_bytes\": %zu}", t->peak);
    else if (set->json)
        printf("\"median_us\": %.2f, \"least_us\": %.2f, \"steps\": %d}", t->median, t->least, t->steps);
    else if (set->memory) printf("%-8s %6lld %7d %12zu\n", row->name, size, threads, t->peak);
    else
        printf("%-8s %6lld %7d %12.2f %12.2f %7d\n", row->name, size, threads, t->median, t->least, t->steps);
    fflush(stdout); /* a reader at the other end of a pipe waits for it */
}

static bool run_row(const struct row *row, const settings *set, bool first) {
    tp_scope *s = tp_scope_begin();
    task t;
    timing result = {0};
    tp_status status = make_task(row, &t);
    if (status == TP_OK)
        status = set->memory ? measure_peak(&t, &result) : time_steps(&t, set->seconds, &result);
    if (status != TP_OK) fprintf(stderr, "bench: %s: %s\n", row->name, tp_last_error().message);
    free_task(&t);
    tp_scope_end(s);
    if (status == TP_OK) print(row, set, &result, first);
    return status == TP_OK;
}

static bool run_all(const settings *set) {
    bool first = true, ok = true;
    if (set->json) printf("{\"engine\": \"%s\", \"results\": [", tp_build_info());
    else if (!set->list)
        printf("# %s\n%-8s %6s %7s %s\n", tp_build_info(), "row", "size", "threads",
               set->memory ? "  peak_bytes" : "   median_us     least_us   steps");
    for (int i = 0; i < ROWS && ok; i++) {
        if (set->rows && !listed(&rows[i], set->rows)) continue;
        if (set->batch && set->batch != rows[i].size) continue;
        if (set->list) printf("%s-%lld\n", rows[i].name, (long long)rows[i].size);
        else ok = run_row(&rows[i], set, first);
        first = false;
    }
    if (set->json) printf("\n]}\n");
    return ok;
}

/* First a line that says what runs here, then one for each row asked for. */
static bool serve(const settings *set) {
    char line[64];
    printf("%s\n", tp_build_info());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        int i = 0;
        while (i < ROWS && !listed(&rows[i], line)) i++;
        if (i == ROWS) return fprintf(stderr, "bench: no row is named %s\n", line), false;
        if (!run_row(&rows[i], set, true)) return false;
    }
    return true;
}

static bool read_flag(settings *set, const char *name) {
    const struct {
        const char *name;
        bool *value;
    } flags[] = {{"--memory", &set->memory},
                 {"--json", &set->json},
                 {"--list", &set->list},
                 {"--serve", &set->serve}};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, flags[i].name) == 0) return *flags[i].value = true;
    return false;
}

static bool read_option(settings *set, const char *name, const char *value) {
    char *end = NULL;
    if (strcmp(name, "--rows") == 0) return set->rows = value, true;
    if (strcmp(name, "--batch") == 0) set->batch = strtol(value, &end, 10);
    if (strcmp(name, "--threads") == 0) set->threads = (int)strtol(value, &end, 10);
    if (strcmp(name, "--seconds") == 0) set->seconds = strtod(value, &end);
    return end && end != value && *end == '\0';
}

int main(int argc, char **argv) {
    settings set = {.seconds = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return fputs(help, stdout), 0;
        if (read_flag(&set, argv[i])) continue;
        if (i + 1 < argc && read_option(&set, argv[i], argv[i + 1])) {
            i++;
            continue;
        }
        fprintf(stderr, "bench: %s %s: not understood, try --help\n", argv[i],
                i + 1 < argc ? argv[i + 1] : "");
        return 1;
    }
    if (set.rows && !check_list(set.rows)) return 1;
    tp_set_num_threads(set.threads);
    bool ok = set.serve ? serve(&set) : run_all(&set);
    tp_shutdown();
    return ok ? 0 : 1;
}

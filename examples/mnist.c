/* Trains a network to read handwritten digits: MNIST, or anything in its format. Try --help.
 *
 * The three functions to read first are make_mlp(), train_epoch() and run(); the rest reports how it goes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "taper.h"

/* ---- the networks: (N, 1, 28, 28) -> (N, 10) scores --------------------------------------------------- */

static tp_module *dense(int64_t in, int64_t out) { return tp_nn_linear(in, out, (tp_linear_options){0}); }
static tp_module *conv3x3(int64_t in, int64_t out) {
    return tp_nn_conv2d(in, out, 3, 3, (tp_nn_conv2d_options){0});
}
static tp_module *pool2x2(void) { return tp_nn_max_pool2d(2, 2, (tp_pool2d_options){0}); }

static tp_module *make_mlp(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_flatten(), dense(784, 128), tp_nn_relu(), dense(128, 10)));
}

static tp_module *make_mlp3(void) {
    return tp_nn_sequential(TP_MODULES(tp_nn_flatten(), dense(784, 64), tp_nn_relu(), dense(64, 64),
                                       tp_nn_relu(), dense(64, 10)));
}

static tp_module *make_conv(void) {
    return tp_nn_sequential(
        TP_MODULES(conv3x3(1, 32), tp_nn_relu(), tp_nn_flatten(), dense(32 * 26 * 26, 10)));
}

static tp_module *make_cnn(void) {
    return tp_nn_sequential(TP_MODULES(conv3x3(1, 32), tp_nn_relu(), pool2x2(), conv3x3(32, 64), tp_nn_relu(),
                                       pool2x2(), tp_nn_flatten(), dense(64 * 5 * 5, 128), tp_nn_relu(),
                                       dense(128, 10)));
}

static const struct {
    const char *name, *text;
    tp_module *(*make)(void);
} models[] = {
    {"mlp", "784-128-10", make_mlp},
    {"mlp3", "784-64-64-10", make_mlp3},
    {"conv", "Conv32-Flatten-10", make_conv},
    {"cnn", "Conv32-Pool-Conv64-Pool-128-10", make_cnn},
};
enum { MODELS = sizeof models / sizeof models[0], CLASSES = 10 };

/* ---- settings ----------------------------------------------------------------------------------------- */

typedef struct settings {
    int model;
    const char *data;
    double epochs, batch, lr, seed, threads, limit;
} settings;

static void print_help(void) {
    printf("Trains a network on MNIST, and shows what it learned.\n"
           "  --model NAME   the network (default: mlp)\n");
    for (int i = 0; i < MODELS; i++) printf("                   %-5s %s\n", models[i].name, models[i].text);
    printf("  --epochs N     passes over the training set (default: 5)\n"
           "  --batch N      images a step (default: 32)\n"
           "  --lr X         learning rate of Adam (default: 0.001)\n"
           "  --seed N       chooses the first weights and the order of the images (default: 0)\n"
           "  --threads N    at most; any number gives the same bits (default: one a core)\n"
           "  --data DIR     folder of the four files, plain or .gz (default: examples/data/mnist)\n"
           "  --limit N      train on the first N images only (default: all)\n");
}

/* Reads the command line into `set`, which holds the defaults. False if it makes no sense. */
static bool read_settings(int argc, char **argv, settings *set) {
    const struct {
        const char *name;
        double *value, least;
    } numbers[] = {{"--epochs", &set->epochs, 0},   {"--batch", &set->batch, 1},
                   {"--lr", &set->lr, 0},           {"--seed", &set->seed, 0},
                   {"--threads", &set->threads, 1}, {"--limit", &set->limit, 1}};
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        bool known = strcmp(name, "--data") == 0 && *value;
        if (known) set->data = value;
        for (int k = 0; k < MODELS && strcmp(name, "--model") == 0; k++) {
            if (strcmp(value, models[k].name) != 0) continue;
            set->model = k;
            known = true;
        }
        for (int k = 0; k < 6; k++) {
            if (strcmp(name, numbers[k].name) != 0) continue;
            char *end;
            double x = *numbers[k].value = strtod(value, &end);
            bool whole = x == floor(x) || numbers[k].value == &set->lr;
            known = *value && !*end && x >= numbers[k].least && x < 1e9 && whole;
        }
        if (!known) return fprintf(stderr, "mnist: %s %s: not understood, try --help\n", name, value), false;
    }
    return true;
}

/* ---- progress ----------------------------------------------------------------------------------------- */

typedef struct progress {
    int epoch, epochs;
    int64_t batch, batches;     /* of the epoch: done and in all */
    int64_t total, seen, right; /* samples: of all epochs, of this one, and those of it answered rightly */
    double loss;                /* summed over this epoch's samples */
    double start, shown;        /* in seconds */
} progress;

static double seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One line an epoch; a terminal sees it grow. */
static void show_progress(progress *p) {
    bool terminal = isatty(STDOUT_FILENO), over = p->batch == p->batches;
    double now = seconds(), seen = (double)p->seen;
    if (!over && (!terminal || now - p->shown < 0.1)) return;
    p->shown = now;
    double done = p->epoch + (double)p->batch / (double)p->batches, elapsed = now - p->start;
    printf("%sepoch %d/%d  %3.0f %%  %.0f samples/s  loss %.4f  accuracy %.2f %%  %.0f s left  %s",
           terminal ? "\r" : "", p->epoch + 1, p->epochs, 100.0 * (double)p->batch / (double)p->batches,
           (double)p->total / elapsed, p->loss / seen, 100 * (double)p->right / seen,
           elapsed / done * (p->epochs - done), over ? "\n" : "");
    fflush(stdout);
}

/* ---- training and testing ------------------------------------------------------------------------------ */

static tp_status train_epoch(tp_module *net, tp_optim *optim, tp_loader *loader, progress *p) {
    p->batch = p->seen = p->right = 0;
    p->loss = 0;
    tp_batch batch;
    while (tp_loader_next(loader, &batch)) {
        tp_tensor *x = batch.items[0], *y = batch.items[1];
        tp_scope *s = tp_scope_begin(); /* owns what the step makes */

        tp_tensor *scores = tp_forward(net, x);
        tp_tensor *loss = tp_cross_entropy(scores, y, (tp_ce_options){0});
        tp_optim_zero_grad(optim);
        tp_status status = tp_backward(loss);
        if (status == TP_OK) status = tp_optim_step(optim);

        if (status == TP_OK) {
            p->batch++;
            p->seen += batch.size;
            p->total += batch.size;
            p->loss += tp_tensor_item(loss) * (double)batch.size;
            p->right += tp_tensor_item_i64(tp_sum(tp_eq(tp_argmax_dim(scores, 1, false), y)));
            show_progress(p);
        }
        tp_scope_end(s);
        if (status != TP_OK) return status;
    }
    return tp_loader_status(loader);
}

typedef struct answer {
    int is, said;
    double confidence; /* the probability that the network gives to what it said */
} answer;

/* Asks the network about all samples. `answers` has room for them. */
static tp_status test(tp_module *net, tp_loader *loader, answer *answers) {
    tp_batch batch;
    while (tp_loader_next(loader, &batch)) {
        tp_scope *s = tp_scope_begin();
        tp_no_grad_begin(); /* the end of the scope ends it too */
        tp_values best = tp_max_dim(tp_softmax(tp_forward(net, batch.items[0]), 1), 1, false);
        const float *confidence = tp_tensor_data(best.values);
        const int64_t *said = tp_tensor_data(best.indices), *is = tp_tensor_data(batch.items[1]);
        bool ok = confidence && said;
        for (int64_t i = 0; ok && i < batch.size; i++) {
            if (is[i] >= CLASSES)
                return tp_error_set(TP_ERR_INDEX, "mnist", "a test label is %d", (int)is[i]);
            *answers++ = (answer){(int)is[i], (int)said[i], confidence[i]};
        }
        tp_scope_end(s);
        if (!ok) return tp_last_error().code;
    }
    return tp_loader_status(loader);
}

/* ---- results ------------------------------------------------------------------------------------------- */

/* Draws `count` images side by side, two rows of pixels in one of characters. */
static void draw(const uint8_t *pixels, const answer *answers, const int64_t *chosen, int count) {
    for (int row = 0; row < 28; row += 2) {
        for (int k = 0; k < count; k++) {
            const uint8_t *p = pixels + chosen[k] * 784 + row * 28;
            for (int column = 0; column < 28; column++)
                putchar(" .:-=+*#%@"[(p[column] + p[column + 28]) / 52]);
        }
        printf("\n");
    }
    for (int k = 0; k < count; k++) {
        const answer *a = &answers[chosen[k]];
        char text[40];
        if (a->is == a->said)
            snprintf(text, sizeof text, "%d, sure to %.1f %%", a->said, 100 * a->confidence);
        else snprintf(text, sizeof text, "%d? sure to %.1f %%, is %d", a->said, 100 * a->confidence, a->is);
        printf("%-*s", k + 1 < count ? 28 : 0, text);
    }
    printf("\n\n");
}

static void show_results(const uint8_t *pixels, const answer *answers, int64_t n) {
    int64_t total[CLASSES] = {0}, right[CLASSES] = {0}, sum = 0, chosen[2][3];
    int count[2] = {0, 0}; /* of examples chosen: wrong, right */
    for (int64_t i = 0; i < n; i++) {
        int ok = answers[i].is == answers[i].said;
        total[answers[i].is]++;
        right[answers[i].is] += ok;
        sum += ok;
        if (count[ok] < 3) chosen[ok][count[ok]++] = i;
    }
    printf("\nright, by class:");
    for (int c = 0; c < CLASSES; c++)
        printf("%s%d: %6.2f %%", c % 5 ? "   " : "\n  ", c,
               100.0 * (double)right[c] / (double)(total[c] ? total[c] : 1));
    printf("\n\n");
    for (int ok = 1; ok >= 0; ok--)
        if (count[ok] > 0) draw(pixels, answers, chosen[ok], count[ok]);
    printf("test accuracy: %.2f %%\n", 100.0 * (double)sum / (double)n);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

/* The first `limit` samples (0: all) in batches; bytes become numbers from 0 to 1. */
static tp_loader *make_loader(tp_mnist set, int64_t limit, int64_t batch, tp_loader_options options) {
    if (limit > 0 && limit < tp_tensor_size(set.images, 0)) {
        set.images = tp_narrow(set.images, 0, 0, limit);
        set.labels = tp_narrow(set.labels, 0, 0, limit);
    }
    tp_dataset *data = tp_dataset_tensors(TP_TENSORS(set.images, set.labels));
    options.u8_scale = 1.0 / 255;
    tp_loader *loader = tp_loader_new(data, batch, options);
    tp_dataset_free(data); /* the loader holds it */
    return loader;
}

static tp_status run(const settings *set) {
    tp_mnist train_set = tp_mnist_load(set->data, true), test_set = tp_mnist_load(set->data, false);
    if (!train_set.images || !test_set.images) return tp_last_error().code;
    tp_loader_options shuffled = {.shuffle = true, .seed = (uint64_t)set->seed};
    tp_loader *loader = make_loader(train_set, (int64_t)set->limit, (int64_t)set->batch, shuffled);
    tp_loader *test_loader = make_loader(test_set, 0, 250, (tp_loader_options){0});

    tp_manual_seed((uint64_t)set->seed);
    tp_module *net = models[set->model].make();
    tp_optim *optim = tp_optim_adam(tp_module_parameters(net), set->lr, (tp_adam_options){0});
    tp_status status = tp_module_fprint(stdout, net);
    printf("\n%lld parameters, %d threads\n\n", (long long)tp_module_numel(net), tp_num_threads());

    progress p = {.epochs = (int)set->epochs, .batches = tp_loader_batches(loader), .start = seconds()};
    for (; status == TP_OK && p.epoch < p.epochs; p.epoch++) status = train_epoch(net, optim, loader, &p);

    int64_t n_test = tp_tensor_size(test_set.images, 0);
    answer *answers = calloc((size_t)n_test, sizeof *answers);
    if (status == TP_OK && !answers) status = tp_error_set(TP_ERR_MEMORY, "mnist", "out of memory");
    if (status == TP_OK) status = tp_module_eval(net);
    if (status == TP_OK) status = test(net, test_loader, answers);
    if (status == TP_OK) show_results(tp_tensor_data(test_set.images), answers, n_test);

    free(answers);
    tp_optim_free(optim);
    tp_module_free(net);
    tp_loader_free(test_loader);
    tp_loader_free(loader);
    return status;
}

int main(int argc, char **argv) {
    settings set = {.data = "examples/data/mnist", .epochs = 5, .batch = 32, .lr = 1e-3};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) return print_help(), 0;
    if (!read_settings(argc, argv, &set)) return 1;
    tp_set_num_threads((int)set.threads);
    tp_scope *s = tp_scope_begin();
    tp_status status = run(&set);
    if (status != TP_OK) fprintf(stderr, "%s\n", tp_last_error().message);
    tp_scope_end(s);
    tp_shutdown();
    return status == TP_OK ? 0 : 1;
}

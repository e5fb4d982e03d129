/* Trains a network to read handwritten digits: MNIST, or anything in its format. Try --help.
 *
 * The three functions to read first are make_mlp(), train_epoch() and run(); the rest reports how it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "taper.h"

/* ---- the networks: (N, 1, 28, 28) -> (N, 10) scores --------------------------------------------------- */

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

static const struct {
    const char *name;
    tp_module *(*make)(void);
} models[] = {{"mlp", make_mlp}, {"mlp3", make_mlp3}, {"conv", make_conv}, {"cnn", make_cnn}};

/* ---- settings ----------------------------------------------------------------------------------------- */

static const char help[] =
    "Trains a network on MNIST, and shows what it learned.\n"
    "  --model NAME   the network (default: mlp)\n"
    "                   mlp   784-128-10\n"
    "                   mlp3  784-64-64-10\n"
    "                   conv  Conv32-Flatten-10\n"
    "                   cnn   Conv32-Pool-Conv64-Pool-128-10\n"
    "  --epochs N     passes over the training set (default: 5)\n"
    "  --batch N      images a step (default: 32)\n"
    "  --lr X         learning rate of Adam at first; it falls to 0 (default: 0.002)\n"
    "  --seed N       chooses the first weights and the order of the images (default: 0)\n"
    "  --threads N    at most; any number gives the same bits (default: one a core)\n"
    "  --data DIR     folder of the four files, plain or .gz (default: examples/data/mnist)\n"
    "  --limit N      train on the first N images only (default: all)\n";

typedef struct settings {
    const char *data;
    tp_module *(*make)(void);
    long epochs, batch, seed, threads, limit;
    double lr;
} settings;

/* Reads one option. False if it makes no sense; what is merely out of range, the library will refuse. */
static bool read_option(settings *set, const char *name, const char *value) {
    const struct {
        const char *name;
        long *value;
    } numbers[] = {{"--epochs", &set->epochs},
                   {"--batch", &set->batch},
                   {"--seed", &set->seed},
                   {"--threads", &set->threads},
                   {"--limit", &set->limit}};
    char *end = NULL;
    if (strcmp(name, "--data") == 0) return set->data = value, true;
    if (strcmp(name, "--lr") == 0) set->lr = strtod(value, &end);
    for (int i = 0; i < 5; i++)
        if (strcmp(name, numbers[i].name) == 0) *numbers[i].value = strtol(value, &end, 10);
    for (int i = 0; i < 4 && strcmp(name, "--model") == 0; i++)
        if (strcmp(value, models[i].name) == 0) return set->make = models[i].make, true;
    return end && end != value && *end == '\0';
}

/* ---- progress ----------------------------------------------------------------------------------------- */

typedef struct progress {
    long epoch, epochs;
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

/* Of the whole training, from 0 to 1. */
static double share_done(const progress *p) {
    return ((double)p->epoch + (double)p->batch / (double)p->batches) / (double)p->epochs;
}

/* One line an epoch; a terminal sees it grow. */
static void show_progress(progress *p) {
    bool terminal = isatty(STDOUT_FILENO), over = p->batch == p->batches;
    double now = seconds(), seen = (double)p->seen;
    if (!over && (!terminal || now - p->shown < 0.1)) return;
    p->shown = now;
    double done = share_done(p), elapsed = now - p->start;
    printf("%sepoch %ld/%ld  %3.0f %%  %.0f samples/s  loss %.4f  accuracy %.2f %%  %.0f s left  %s",
           terminal ? "\r" : "", p->epoch + 1, p->epochs, 100.0 * (double)p->batch / (double)p->batches,
           (double)p->total / elapsed, p->loss / seen, 100 * (double)p->right / seen,
           elapsed / done * (1 - done), over ? "\n" : "");
    fflush(stdout);
}

/* ---- training and testing ------------------------------------------------------------------------------ */

static tp_status train_epoch(tp_module *net, tp_optim *optim, double lr, tp_loader *loader, progress *p) {
    p->batch = p->seen = p->right = 0;
    p->loss = 0;
    tp_batch batch;
    while (tp_loader_next(loader, &batch)) {
        tp_tensor *x = batch.items[0], *y = batch.items[1];
        tp_scope *s = tp_scope_begin(); /* owns what the step makes */

        tp_tensor *scores = tp_forward(net, x);
        tp_tensor *loss = tp_cross_entropy(scores, y, (tp_ce_options){0});
        tp_optim_zero_grad(optim);
        tp_optim_set_lr(optim, 0, lr * (1 - share_done(p))); /* falls to 0 over the whole training */
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
            if (is[i] > 9) return tp_error_set(TP_ERR_INDEX, "mnist", "a test label is %d", (int)is[i]);
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
        printf("%d, sure to %5.1f %%", a->said, 100 * a->confidence);
        if (a->is == a->said) printf("; right       ");
        else printf("; wrong: %d    ", a->is);
    }
    printf("\n\n");
}

static void show_results(const uint8_t *pixels, const answer *answers, int64_t n) {
    int64_t total[10] = {0}, right[10] = {0}, sum = 0, chosen[2][3];
    int count[2] = {0, 0}; /* of examples chosen: wrong, right */
    for (int64_t i = 0; i < n; i++) {
        int ok = answers[i].is == answers[i].said;
        total[answers[i].is]++;
        right[answers[i].is] += ok;
        sum += ok;
        if (count[ok] < 3) chosen[ok][count[ok]++] = i;
    }
    printf("\nright, by class:");
    for (int c = 0; c < 10; c++)
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

static tp_status train_and_test(tp_module *net, tp_optim *optim, tp_loader *train_loader,
                                tp_loader *test_loader, long epochs, tp_mnist test_set) {
    progress p = {.epochs = epochs, .batches = tp_loader_batches(train_loader), .start = seconds()};
    tp_status status = tp_module_fprint(stdout, net);
    printf("\n%lld parameters, %d threads\n\n", (long long)tp_module_numel(net), tp_num_threads());
    double lr = tp_optim_lr(optim, 0);
    for (; status == TP_OK && p.epoch < epochs; p.epoch++)
        status = train_epoch(net, optim, lr, train_loader, &p);

    int64_t n = tp_tensor_size(test_set.images, 0);
    answer *answers = calloc((size_t)n, sizeof *answers);
    if (status == TP_OK) status = tp_module_eval(net);
    if (!answers) status = tp_error_set(TP_ERR_MEMORY, "mnist", "out of memory");
    if (status == TP_OK) status = test(net, test_loader, answers);
    if (status == TP_OK) show_results(tp_tensor_data(test_set.images), answers, n);
    free(answers);
    return status;
}

static tp_status run(const settings *set) {
    tp_mnist train_set = tp_mnist_load(set->data, true), test_set = {0};
    if (train_set.images) test_set = tp_mnist_load(set->data, false);
    if (!test_set.images) return tp_last_error().code;
    tp_loader_options shuffled = {.shuffle = true, .seed = (uint64_t)set->seed};
    tp_loader *train_loader = make_loader(train_set, set->limit, set->batch, shuffled);
    tp_loader *test_loader = make_loader(test_set, 0, 250, (tp_loader_options){0});

    tp_manual_seed((uint64_t)set->seed);
    tp_module *net = set->make();
    tp_optim *optim = tp_optim_adam(tp_module_parameters(net), set->lr, (tp_adam_options){0});

    bool ready = train_loader && test_loader && net && optim;
    tp_status status = ready ? train_and_test(net, optim, train_loader, test_loader, set->epochs, test_set)
                             : tp_last_error().code;
    tp_optim_free(optim);
    tp_module_free(net);
    tp_loader_free(test_loader);
    tp_loader_free(train_loader);
    return status;
}

int main(int argc, char **argv) {
    settings set = {.data = "examples/data/mnist", .make = make_mlp, .epochs = 5, .batch = 32, .lr = 2e-3};
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) return fputs(help, stdout), 0;
        if (i + 1 < argc && read_option(&set, argv[i], argv[i + 1])) continue;
        fprintf(stderr, "mnist: %s %s: not understood, try --help\n", argv[i],
                i + 1 < argc ? argv[i + 1] : "");
        return 1;
    }
    tp_set_num_threads((int)set.threads);
    tp_scope *s = tp_scope_begin();
    tp_status status = run(&set);
    if (status != TP_OK) fprintf(stderr, "%s\n", tp_last_error().message);
    tp_scope_end(s);
    tp_shutdown();
    return status == TP_OK ? 0 : 1;
}

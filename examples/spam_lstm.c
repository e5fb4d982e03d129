/* Spam or not? Words become indices, indices vectors, an LSTM reads them, and a sigmoid says how sure it is. Try --help. */
#include "args.h"
#include "taper.h"

/* (N, T) indices of words -> (N, 1) scores; above 0 is spam. */
typedef struct spam_net {
    tp_module base;
    tp_module *words, *dropout, *reader, *judge;
} spam_net;

static tp_tensor *spam_net_forward(tp_module *m, tp_tensor *x) {
    spam_net *self = (spam_net *)m;
    tp_tensor *vectors = tp_forward(self->dropout, tp_forward(self->words, x));
    tp_lstm_out read = tp_nn_lstm_forward(self->reader, vectors, (tp_lstm_state){0}, NULL);
    return tp_forward(self->judge, tp_select(read.h, 0, -1)); /* what is known after the last word */
}

static const tp_module_class spam_net_class = {.name = "SpamNet",
                                               .size = sizeof(spam_net),
                                               .forward = spam_net_forward};

static tp_module *make_net(int64_t words) {
    spam_net *net = (spam_net *)tp_module_new(&spam_net_class);
    if (!net) return NULL;
    tp_nn_embedding_options table = {.has_padding_idx = true, .padding_idx = 0, .sparse = true};
    net->words = tp_module_add(&net->base, "words", tp_nn_embedding(words, 100, table));
    net->dropout = tp_module_add(&net->base, "dropout", tp_nn_dropout(0.4, NULL));
    tp_nn_recurrent_options order = {.batch_first = true};
    net->reader = tp_module_add(&net->base, "reader", tp_nn_lstm(100, 100, order));
    net->judge = tp_module_add(&net->base, "judge", tp_nn_linear(100, 1, (tp_linear_options){0}));
    return &net->base;
}

static tp_optim *make_optim(tp_module *net) {
    return tp_optim_adam(tp_module_parameters(net), 2e-3, (tp_adam_options){.lazy = true});
}

/* The corpus as numbers: the first `length` words of each text, (N, length), and whether it is spam, (N). Its vocabulary, which
 * is that of all texts, knows nothing of labels. */
typedef struct corpus {
    tp_tensor *texts, *labels;
} corpus;

static corpus load(const char *path, long words, long length) {
    corpus c = {0};
    tp_column_choice columns[] = {{.name = "label", .type = TP_COLUMN_CATEGORY},
                                  {.name = "text", .type = TP_COLUMN_TEXT}};
    tp_table *table = tp_table_read_csv(
        path, (tp_csv_options){.separator = '\t', .no_quotes = true, .column_count = 2, .columns = columns});
    if (!table) return c;
    int n = (int)tp_table_rows(table);
    const char **texts = malloc((size_t)n * sizeof *texts);
    tp_tensor **sequences = calloc((size_t)n, sizeof *sequences);
    for (int i = 0; texts && i < n; i++) texts[i] = tp_table_text(table, 1, i);
    tp_tokenizer *tokenizer = tp_tokenizer_new((tp_tokenizer_options){.num_words = words});
    tp_pad_sequences_options pad = {.maxlen = length, .truncate_post = true};
    if (texts && sequences && tp_tokenizer_fit_on_texts(tokenizer, texts, n) == TP_OK &&
        tp_tokenizer_texts_to_sequences(tokenizer, texts, n, sequences) == TP_OK) {
        c.texts = tp_pad_sequences((tp_tensors){n, sequences}, pad);
        c.labels = tp_table_column(table, 0, TP_I64); /* ham came first: 0; spam is 1 */
    }
    tp_tokenizer_free(tokenizer);
    free(sequences), free(texts);
    tp_table_free(table);
    return c;
}

static tp_status make_fold(void *words, tp_fold *fold) {
    fold->net = make_net(*(const long *)words);
    fold->optim = make_optim(fold->net);
    return fold->optim ? TP_OK : tp_last_error().code;
}

static tp_status cross_validate(tp_dataset *data, const corpus *c, long folds, long words,
                                tp_fit_options fit) {
    tp_cross_validate_options options = {.folds = folds,
                                         .kfold = {.shuffle = true, .labels = c->labels},
                                         .fit = fit};
    options.fit.verbosity = TP_SILENT;
    tp_history *scores = tp_cross_validate(data, make_fold, &words, options);
    if (!scores) return tp_last_error().code;
    const char *names[] = {"f1", "roc_auc"};
    for (int i = 0; i < 2; i++)
        printf("%ld folds: %s %.4f +- %.4f\n", folds, names[i], tp_history_mean(scores, names[i]),
               tp_history_deviation(scores, names[i]));
    tp_history_free(scores);
    return TP_OK;
}

/* Trains on four fifths and tests on the rest, and then the same for each of some folds. */
static tp_status run(const corpus *c, long words, long folds, double goal, tp_fit_options fit) {
    tp_dataset *data = tp_dataset_tensors(TP_TENSORS(c->texts, c->labels)), *parts[2] = {NULL, NULL};
    tp_split_options split = {.seed = 1, .labels = c->labels};
    tp_status status = tp_dataset_split(data, (const double[]){0.8, 0.2}, 2, split, parts);
    tp_module *net = make_net(words);
    tp_optim *optim = make_optim(net);
    fit.optim = optim;
    tp_history *history = status == TP_OK ? tp_fit(net, parts[0], fit) : NULL;
    if (!history) status = tp_last_error().code;
    tp_history_free(history);
    if (status == TP_OK) {
        tp_evaluate(net, parts[1], (tp_evaluate_options){.metrics = fit.metrics});
        double f1 = tp_metric_value(fit.metrics.items[0]), auc = tp_metric_value(fit.metrics.items[1]);
        printf("held out: F1 %.4f, AUC %.4f\n", f1, auc);
        if (!(auc >= goal))
            status = tp_error_set(TP_ERR_STATE, "spam_lstm", "the AUC should have reached %g", goal);
    }
    if (status == TP_OK && folds > 0) status = cross_validate(data, c, folds, words, fit);
    tp_optim_free(optim);
    tp_module_free(net);
    tp_dataset_free(parts[0]);
    tp_dataset_free(parts[1]);
    tp_dataset_free(data);
    return status;
}

int main(int argc, char **argv) {
    const char *data = "examples/data/spam.tsv";
    long epochs = 8, words = 10000, length = 150, folds = 5, seed = 0;
    double goal = 0.98;
    const arg list[] = {{"data", "lines of label, tab and text", .text = &data},
                        {"epochs", "passes over the training texts", .integer = &epochs},
                        {"words", "size of the vocabulary, the padding included", .integer = &words},
                        {"length", "words of a text that are read", .integer = &length},
                        {"folds", "of the cross-validation at the end; 0: none", .integer = &folds},
                        {"goal", "AUC to reach", .number = &goal},
                        {"seed", "chooses the first weights and the order of the texts", .integer = &seed}};
    args_read(argc, argv, "Learns to tell spam from other e-mail.", list, 7);
    tp_scope *s = tp_scope_begin();
    tp_manual_seed((uint64_t)seed);
    tp_metric *f1 = tp_metric_f1((tp_class_options){.threshold = TP_ZERO}), *auc = tp_metric_roc_auc();
    corpus c = load(data, words, length);
    tp_fit_options fit = {.loss = tp_criterion_bce_with_logits,
                          .metrics = TP_METRICS(f1, auc),
                          .epochs = epochs,
                          .clip_norm = 1,
                          .validation_split = 0.1, /* tells which epoch was the best one */
                          .monitor = "val_roc_auc",
                          .monitor_largest = true,
                          .patience = epochs,
                          .loader = {.seed = (uint64_t)seed}};
    tp_status status = c.texts ? run(&c, words, folds, goal, fit) : tp_last_error().code;
    if (status != TP_OK) fprintf(stderr, "%s\n", tp_last_error().message);
    tp_metric_free(f1);
    tp_metric_free(auc);
    tp_scope_end(s);
    tp_shutdown();
    return status == TP_OK ? 0 : 1;
}

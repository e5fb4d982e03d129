#include <time.h>
#include <unistd.h>

#include "train/train.h"

double tp__seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void tp__progress_start(tp__progress *progress, FILE *out, int64_t epochs, int64_t batches) {
    *progress = (tp__progress){.out = out, .epochs = epochs, .batches = batches, .start = tp__seconds()};
    progress->terminal = out && isatty(fileno(out));
}

void tp__progress_epoch(tp__progress *progress, int64_t epoch) {
    progress->epoch = epoch;
    progress->batch = progress->samples = 0;
    progress->epoch_start = tp__seconds();
}

/* "epoch 2/5  batch 750/1875  31234 samples/s", after erasing what a terminal shows. */
static void progress_head(const tp__progress *p, double now) {
    fprintf(p->out, "%sepoch %lld/%lld  batch %lld/%lld  %.0f samples/s", p->terminal ? "\r\033[K" : "",
            (long long)p->epoch + 1, (long long)p->epochs, (long long)p->batch, (long long)p->batches,
            (double)p->samples / (now - p->epoch_start + 1e-9));
}

static void progress_left(const tp__progress *p, double now) {
    double done = (double)p->epoch + (p->batches ? (double)p->batch / (double)p->batches : 1);
    fprintf(p->out, "  %.0f s left", (now - p->start) / done * ((double)p->epochs - done));
}

void tp__progress_batch(tp__progress *progress, int64_t samples, double loss, tp_metrics metrics) {
    progress->batch++;
    progress->samples += samples;
    if (!progress->out || !progress->terminal) return;
    double now = tp__seconds();
    char name[TP__COLUMN_SIZE];
    if (now - progress->shown < 0.1) return;
    progress->shown = now;
    progress->open = true;
    progress_head(progress, now);
    fprintf(progress->out, "  loss %.4f", loss);
    for (int i = 0; i < metrics.count; i++)
        fprintf(progress->out, "  %s %.4f", tp__metric_column(metrics, i, "", name),
                tp_metric_value(metrics.items[i]));
    progress_left(progress, now);
    fflush(progress->out);
}

void tp__progress_row(tp__progress *progress, const tp_history *history) {
    if (!progress->out) return;
    double now = tp__seconds();
    progress_head(progress, now);
    for (int i = 0; i < history->columns - 2; i++) /* without lr and seconds */
        fprintf(progress->out, "  %s %.4f", history->names[i], history->values[i][history->epochs - 1]);
    progress_left(progress, now);
    fprintf(progress->out, "\n");
    fflush(progress->out);
    progress->open = false;
}

void tp__progress_end(tp__progress *progress) {
    if (!progress->open) return;
    fprintf(progress->out, "\n");
    fflush(progress->out);
}

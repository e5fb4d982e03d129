/* Memory runs out at every allocation of a call and of its gradient: an error says so, all results or none are there,
 * and nothing is left alive. Only with TP_TEST_LONG, since every row then runs some hundred times. */
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "support/sample_run.h"
#include "taper/autograd.h"
#include "taper/memory.h"
#include "taper/scope.h"

/* The call, and backward from its first result that carries a gradient. NULL, or what is wrong. */
static const char *memory_run(const sample *row, tp_tensor *const *in) {
    tp_tensor *out[SAMPLE_MAX_OUTPUTS] = {0}, *loss = NULL;
    int n = row->run(row, in, out), there = 0;
    for (int k = 0; k < n; k++) there += out[k] != NULL;
    if (there < n && tp_last_error().code != TP_ERR_MEMORY)
        return "a result is missing without such an error";
    if (there > 0 && there < n && !(row->flags & SAMPLE_COMPOSED))
        return "some results are there and some not";
    for (int k = 0; k < n && there == n && !loss; k++)
        if (tp_requires_grad(out[k])) loss = tp_sum(out[k]);
    if (!loss) return NULL;
    tp_status status = tp_backward(loss);
    return status == TP_OK || status == TP_ERR_MEMORY ? NULL : "backward fails with another error";
}

sample_result sample_check_memory(const sample *row) {
    sample_result result = {0};
    if (row->flags & SAMPLE_LARGE || !getenv("TP_TEST_LONG")) return result;
    for (int64_t at = 1; result.failures == 0; at++) {
        tp_memory_info before = tp_memory_stats();
        tp_scope *s = tp_scope_begin();
        tp_tensor *in[SAMPLE_MAX_INPUTS] = {0}, *leaf[SAMPLE_MAX_INPUTS] = {0};
        sample_inputs(row, (sample_how){.real = TP_F64, .which = -1}, in, leaf);
        tp__alloc_fail_at(at, false);
        const char *wrong = memory_run(row, in);
        bool reached = tp__alloc_fail_count() >= at;
        tp__alloc_fail_at(0, false);
        tp_scope_end(s);
        tp_memory_info after = tp_memory_stats();
        if (!wrong && (after.live_tensors != before.live_tensors || after.live_nodes != before.live_nodes ||
                       after.live_storages != before.live_storages || after.in_use != before.in_use))
            wrong = "something is left alive";
        if (wrong) {
            result.failures = 1;
            snprintf(result.first, sizeof result.first, "%s", wrong);
            if (!sample_quiet)
                fprintf(stderr, "    %s (%s): allocation %lld fails: %s: %s\n", row->op, row->what,
                        (long long)at, wrong, tp_last_error().message);
        }
        tp_error_clear();
        if (!reached) break;
    }
    return result;
}

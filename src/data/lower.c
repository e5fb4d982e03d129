/* Lower case, as Python's str.lower() has it. */
#include "data/tokenizer.h"
#include "io/utf8.h"

#define CAPITAL_DOTTED_I 0x130 /* the one character whose lower case is two */
#define DOT_ABOVE 0x307
#define CAPITAL_SIGMA 0x3A3 /* the one whose lower case depends on its neighbours */
#define FINAL_SIGMA 0x3C2

typedef struct lower_run {
    uint32_t first, last;
    int32_t step, delta;
} lower_run;

static const lower_run lower_runs[] = {
#define LOWER(first, last, step, delta) {first, last, step, delta},
#define CASE(first, last, kind)
#include "data/case.def"
#undef LOWER
#undef CASE
};

typedef enum case_kind { UNCASED, CASED, IGNORABLE } case_kind;

typedef struct case_run {
    uint32_t first, last;
    case_kind kind;
} case_run;

static const case_run case_runs[] = {
#define LOWER(first, last, step, delta)
#define CASE(first, last, kind) {first, last, kind},
#include "data/case.def"
#undef LOWER
#undef CASE
};

#define RUNS(table) (sizeof table / sizeof table[0])

static uint32_t lower_one(uint32_t code) {
    if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 32 : code;
    size_t low = 0, high = RUNS(lower_runs);
    while (low < high) { /* the first run that does not end before the character */
        size_t middle = (low + high) / 2;
        if (lower_runs[middle].last < code) low = middle + 1;
        else high = middle;
    }
    if (low == RUNS(lower_runs)) return code;
    const lower_run *run = &lower_runs[low];
    if (code < run->first || (code - run->first) % (uint32_t)run->step != 0) return code;
    return (uint32_t)((int32_t)code + run->delta);
}

/* Of few characters: those around a sigma. */
static case_kind case_of(const char *p, int length) {
    uint32_t code = tp__utf8_code(p, length);
    for (size_t i = 0; i < RUNS(case_runs); i++)
        if (code <= case_runs[i].last) return code >= case_runs[i].first ? case_runs[i].kind : UNCASED;
    return UNCASED;
}

/* Is the last character before `p` that cannot be ignored a cased one? */
static bool cased_before(const char *text, const char *p) {
    case_kind kind = IGNORABLE;
    while (kind == IGNORABLE && p > text) {
        int length = 1;
        while (length < 4 && p - text > length && tp__utf8_length(p - length, p) != length) length++;
        if (tp__utf8_length(p - length, p) != length) return false;
        p -= length;
        kind = case_of(p, length);
    }
    return kind == CASED;
}

/* And the first from `p` on? */
static bool cased_after(const char *p, const char *end) {
    case_kind kind = IGNORABLE;
    while (kind == IGNORABLE && p < end) {
        int length = tp__utf8_length(p, end);
        if (length == 0) return false;
        kind = case_of(p, length);
        p += length;
    }
    return kind == CASED;
}

int tp__lower(const char *text, const char *p, int length, const char *end, uint32_t codes[2]) {
    uint32_t code = tp__utf8_code(p, length);
    codes[0] = lower_one(code);
    if (code == CAPITAL_SIGMA && cased_before(text, p) && !cased_after(p + length, end))
        codes[0] = FINAL_SIGMA;
    if (code != CAPITAL_DOTTED_I) return 1;
    codes[0] = 'i';
    codes[1] = DOT_ABOVE;
    return 2;
}

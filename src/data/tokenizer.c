#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/scope.h"
#include "data/tokenizer.h"
#include "io/utf8.h"
#include "ops/ops.h"

static const char tokenizer_filters[] = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n";

/* ---- making ------------------------------------------------------------------------------------------ */

/* The default, or a string, copied; NULL if out of memory or both are NULL. */
static char *tokenizer_string(const char *given, const char *otherwise) {
    return given || otherwise ? tp__strdup(given ? given : otherwise) : NULL;
}

tp_tokenizer *tp_tokenizer_new(tp_tokenizer_options options) {
    const char *op = "tokenizer_new";
    if (options.num_words < 0)
        TP_FAIL(TP_ERR_ARGUMENT, op, "num_words is %lld", (long long)options.num_words);
    if (options.split && !*options.split) TP_FAIL(TP_ERR_ARGUMENT, op, "split is empty");
    tp_tokenizer *t = tp__alloc_zero(sizeof *t);
    if (!t) {
        tp__error_memory(op, sizeof *t);
        return NULL;
    }
    tp__count(&tp__self()->counters.objects, 1);
    t->options = options;
    t->options.filters = tokenizer_string(options.filters, tokenizer_filters);
    t->options.split = tokenizer_string(options.split, " ");
    t->options.oov_token = tokenizer_string(options.oov_token, NULL);
    if (t->options.filters && t->options.split && !t->options.oov_token == !options.oov_token) return t;
    tp_tokenizer_free(t);
    tp__error_memory(op, sizeof *t);
    return NULL;
}

void tp_tokenizer_free(tp_tokenizer *tokenizer) {
    if (!tokenizer) return;
    tp__vocabulary_free(&tokenizer->vocabulary);
    tp__free((char *)(uintptr_t)tokenizer->options.filters);
    tp__free((char *)(uintptr_t)tokenizer->options.split);
    tp__free((char *)(uintptr_t)tokenizer->options.oov_token);
    tp__free(tokenizer);
    tp__count(&tp__self()->counters.objects, -1);
}

/* ---- the words of a text ----------------------------------------------------------------------------- */

/* What a text is cut from: it is lowered and filtered into `buffer`, which serves one text after another. */
typedef struct text_cursor {
    const tp_tokenizer_options *options;
    size_t split; /* its length */
    tp__bytes buffer;
    const char *p, *end;
} text_cursor;

/* Appends one character: in lower case, or what filters make of it. */
static void cursor_put(text_cursor *c, uint32_t code) {
    char bytes[5];
    *tp__utf8_put(bytes, code) = '\0';
    bool filtered = !c->options->char_level && code != 0 && strstr(c->options->filters, bytes);
    if (filtered) tp__bytes_put(&c->buffer, c->options->split, c->split);
    else tp__bytes_put(&c->buffer, bytes, strlen(bytes));
}

/* False if out of memory. */
static bool cursor_start(text_cursor *c, const char *text) {
    c->split = strlen(c->options->split);
    c->buffer.size = 0;
    for (const char *p = text, *end = text + strlen(text); p < end;) {
        int length = tp__utf8_length(p, end), count = 1;
        uint32_t codes[2];
        if (length == 0) {
            tp__bytes_put(&c->buffer, p++, 1);
            continue;
        }
        if (c->options->no_lower) codes[0] = tp__utf8_code(p, length);
        else count = tp__lower(text, p, length, end, codes);
        for (int k = 0; k < count; k++) cursor_put(c, codes[k]);
        p += length;
    }
    c->p = c->buffer.data;
    c->end = c->p ? c->p + c->buffer.size : NULL;
    return !c->buffer.failed;
}

/* The next word, NULL at the end. */
static const char *cursor_next(text_cursor *c, size_t *size) {
    while (c->p < c->end) {
        const char *word = c->p, *cut = NULL;
        if (c->options->char_level) {
            int length = tp__utf8_length(word, c->end);
            c->p += length ? length : 1;
            *size = (size_t)(c->p - word);
            return word;
        }
        cut = memmem(word, (size_t)(c->end - word), c->options->split, c->split);
        *size = (size_t)((cut ? cut : c->end) - word);
        c->p = cut ? cut + c->split : c->end;
        if (*size > 0) return word;
    }
    return NULL;
}

/* ---- fitting ----------------------------------------------------------------------------------------- */

static tp_status tokenizer_check(const char *op, const tp_tokenizer *tokenizer, const char *const *texts,
                                 int count) {
    if (!tokenizer) return tp__error_null(op, "tokenizer");
    if (count < 0) return tp__error(TP_ERR_ARGUMENT, op, "there cannot be %d texts", count);
    if (count > 0 && !texts) return tp__error_null(op, "texts");
    for (int i = 0; i < count; i++)
        if (!texts[i]) {
            char name[32];
            snprintf(name, sizeof name, "texts[%d]", i);
            return tp__error_null(op, name);
        }
    return TP_OK;
}

static void vocabulary_copy(tp__vocabulary *to, const tp__vocabulary *from, bool *good) {
    *to = (tp__vocabulary){.texts = from->texts};
    tp__bytes_put(&to->text, from->text.data, from->text.size);
    tp__bytes_put(&to->words, from->words.data, from->words.size);
    if (from->slot_count > 0) {
        to->slots = tp__alloc(from->slot_count * sizeof *to->slots);
        if (to->slots) memcpy(to->slots, from->slots, from->slot_count * sizeof *to->slots);
        if (to->slots) to->slot_count = from->slot_count;
    }
    *good = !to->text.failed && !to->words.failed && to->slot_count == from->slot_count;
}

/* False if out of memory. */
static bool vocabulary_count(tp__vocabulary *v, text_cursor *cursor, const char *text) {
    if (!cursor_start(cursor, text)) return false;
    v->texts++;
    size_t size;
    for (const char *p = cursor_next(cursor, &size); p; p = cursor_next(cursor, &size)) {
        tp__word *word = tp__vocabulary_add(v, p, size);
        if (!word) return false;
        word->count++;
        word->texts += word->last_text != v->texts;
        word->last_text = v->texts;
    }
    return true;
}

tp_status tp_tokenizer_fit_on_texts(tp_tokenizer *tokenizer, const char *const *texts, int count) {
    const char *op = "tokenizer_fit_on_texts";
    tp_status status = tokenizer_check(op, tokenizer, texts, count);
    if (status != TP_OK) return tp__deliver(status);
    tp__vocabulary v; /* a copy, so that a failure leaves the tokenizer as it was */
    bool good;
    vocabulary_copy(&v, &tokenizer->vocabulary, &good);
    text_cursor cursor = {.options = &tokenizer->options};
    for (int i = 0; good && i < count; i++) good = vocabulary_count(&v, &cursor, texts[i]);
    good = good && tp__vocabulary_number(&v, tokenizer->options.oov_token ? 2 : 1);
    tp__bytes_free(&cursor.buffer);
    if (!good) {
        status = tp__error_memory(op, v.text.size + v.words.size);
        tp__vocabulary_free(&v);
        return tp__deliver(status);
    }
    tp__vocabulary_free(&tokenizer->vocabulary);
    tokenizer->vocabulary = v;
    return TP_OK;
}

/* ---- sequences --------------------------------------------------------------------------------------- */

/* The index that stands for unknown words, 0 if there is none. */
static int64_t tokenizer_unknown(const tp_tokenizer *t) {
    const char *token = t->options.oov_token;
    if (!token) return 0;
    const tp__word *word = tp__vocabulary_find(&t->vocabulary, token, strlen(token));
    return word ? word->index : 1;
}

static tp_tensor *tokenizer_sequence(const char *op, const tp_tokenizer *t, text_cursor *cursor,
                                     tp__bytes *indices, const char *text) {
    int64_t limit = t->options.num_words ? t->options.num_words : INT64_MAX, unknown = tokenizer_unknown(t);
    bool good = cursor_start(cursor, text);
    indices->size = 0;
    size_t size;
    for (const char *p = NULL; good && (p = cursor_next(cursor, &size));) {
        const tp__word *word = tp__vocabulary_find(&t->vocabulary, p, size);
        int64_t index = word && word->index < limit ? word->index : unknown;
        if (index) tp__bytes_put(indices, &index, sizeof index);
    }
    if (!good || indices->failed) {
        tp__error_memory(op, strlen(text) + indices->size);
        return NULL;
    }
    tp_tensor *sequence = tp__tensor_new(op, TP_SHAPE((int64_t)(indices->size / sizeof(int64_t))), TP_I64);
    if (sequence && indices->size > 0) memcpy(tp__data(sequence), indices->data, indices->size);
    return sequence;
}

tp_status tp_tokenizer_texts_to_sequences(const tp_tokenizer *tokenizer, const char *const *texts, int count,
                                          tp_tensor **sequences) {
    const char *op = "tokenizer_texts_to_sequences";
    for (int i = 0; sequences && i < count; i++) sequences[i] = NULL;
    tp_status status = tokenizer_check(op, tokenizer, texts, count);
    if (status == TP_OK && count > 0 && !sequences) status = tp__error_null(op, "sequences");
    if (status == TP_OK && tokenizer->vocabulary.texts == 0)
        status = tp__error(TP_ERR_STATE, op, "the tokenizer has not been fitted");
    if (status != TP_OK || count == 0) return tp__deliver(status);
    tp_scope *s = tp_scope_begin();
    if (!s) return tp__deliver(TP_ERR_MEMORY);
    text_cursor cursor = {.options = &tokenizer->options};
    tp__bytes indices = {0};
    int made = 0;
    while (made < count &&
           (sequences[made] = tokenizer_sequence(op, tokenizer, &cursor, &indices, texts[made])))
        made++;
    tp__bytes_free(&cursor.buffer);
    tp__bytes_free(&indices);
    tp__hand_over(s, count, sequences);
    return tp__deliver(sequences[0] ? TP_OK : TP_ERR_MEMORY);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

int64_t tp_tokenizer_size(const tp_tokenizer *tokenizer) {
    if (tokenizer) return tp__word_count(&tokenizer->vocabulary) + (tokenizer->options.oov_token != NULL);
    tp__error_null("tokenizer_size", "tokenizer");
    return -1;
}

int64_t tp_tokenizer_texts(const tp_tokenizer *tokenizer) {
    if (tokenizer) return tokenizer->vocabulary.texts;
    tp__error_null("tokenizer_texts", "tokenizer");
    return -1;
}

tp_tokenizer_options tp_tokenizer_get_options(const tp_tokenizer *tokenizer) {
    if (tokenizer) return tokenizer->options;
    tp__error_null("tokenizer_get_options", "tokenizer");
    return (tp_tokenizer_options){0};
}

/* The word in the vocabulary; *good is false after an error. */
static const tp__word *tokenizer_find(const char *op, const tp_tokenizer *tokenizer, const char *word,
                                      bool *good) {
    *good = tokenizer && word;
    if (*good) return tp__vocabulary_find(&tokenizer->vocabulary, word, strlen(word));
    tp__error_null(op, tokenizer ? "word" : "tokenizer");
    return NULL;
}

int64_t tp_tokenizer_word_index(const tp_tokenizer *tokenizer, const char *word) {
    bool good;
    const tp__word *found = tokenizer_find("tokenizer_word_index", tokenizer, word, &good);
    if (!good) return -1;
    if (found) return found->index;
    return tokenizer->options.oov_token && strcmp(word, tokenizer->options.oov_token) == 0;
}

int64_t tp_tokenizer_word_count(const tp_tokenizer *tokenizer, const char *word) {
    bool good;
    const tp__word *found = tokenizer_find("tokenizer_word_count", tokenizer, word, &good);
    return good ? (found ? found->count : 0) : -1;
}

int64_t tp_tokenizer_word_texts(const tp_tokenizer *tokenizer, const char *word) {
    bool good;
    const tp__word *found = tokenizer_find("tokenizer_word_texts", tokenizer, word, &good);
    return good ? (found ? found->texts : 0) : -1;
}

const char *tp_tokenizer_word(const tp_tokenizer *tokenizer, int64_t index) {
    TP_REQUIRE(tokenizer, "tokenizer_word");
    const tp__vocabulary *v = &tokenizer->vocabulary;
    int64_t size = tp_tokenizer_size(tokenizer);
    if (index < 1 || index > size)
        TP_FAIL(TP_ERR_INDEX, "tokenizer_word", "index %lld is out of range for indices from 1 to %lld",
                (long long)index, (long long)size);
    if (tokenizer->options.oov_token && index-- == 1) return tokenizer->options.oov_token;
    return tp__word_text(v, &tp__words(v)[v->by_index[index - 1]]);
}

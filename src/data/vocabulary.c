/* The words of a tokenizer: counted, found by a hash, ordered. */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "data/tokenizer.h"

void tp__vocabulary_free(tp__vocabulary *vocabulary) {
    tp__bytes_free(&vocabulary->text);
    tp__bytes_free(&vocabulary->words);
    tp__free(vocabulary->slots);
    tp__free(vocabulary->by_index);
    *vocabulary = (tp__vocabulary){0};
}

/* FNV-1a. */
uint64_t tp__text_hash(const char *bytes, size_t size) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001B3u;
    return hash ^ hash >> 32;
}

/* The slot where the word is, or would be; there is a free one. */
static int64_t *vocabulary_slot(const tp__vocabulary *v, const char *bytes, size_t size) {
    size_t mask = v->slot_count - 1, i = (size_t)tp__text_hash(bytes, size) & mask;
    for (; v->slots[i]; i = (i + 1) & mask) {
        const tp__word *word = &tp__words(v)[v->slots[i] - 1];
        if (word->size == size && memcmp(tp__word_text(v, word), bytes, size) == 0) break;
    }
    return &v->slots[i];
}

tp__word *tp__vocabulary_find(const tp__vocabulary *vocabulary, const char *bytes, size_t size) {
    if (vocabulary->slot_count == 0) return NULL;
    int64_t number = *vocabulary_slot(vocabulary, bytes, size);
    return number ? &tp__words(vocabulary)[number - 1] : NULL;
}

static bool vocabulary_grow(tp__vocabulary *v) {
    tp__vocabulary larger = *v;
    larger.slot_count = v->slot_count ? 2 * v->slot_count : 64;
    larger.slots = tp__alloc_zero(larger.slot_count * sizeof *larger.slots);
    if (!larger.slots) return false;
    for (int64_t i = 0; i < tp__word_count(v); i++) {
        const tp__word *word = &tp__words(v)[i];
        *vocabulary_slot(&larger, tp__word_text(v, word), word->size) = i + 1;
    }
    tp__free(v->slots);
    *v = larger;
    return true;
}

tp__word *tp__vocabulary_add(tp__vocabulary *vocabulary, const char *bytes, size_t size) {
    tp__vocabulary *v = vocabulary;
    tp__word *found = tp__vocabulary_find(v, bytes, size);
    if (found) return found;
    size_t count = (size_t)tp__word_count(v);
    if (count >= v->slot_count / 4 * 3 && !vocabulary_grow(v)) return NULL;
    tp__word word = {.at = v->text.size, .size = size};
    if (!tp__bytes_room(&v->text, size + 1) || !tp__bytes_room(&v->words, sizeof word)) return NULL;
    tp__bytes_put(&v->text, bytes, size);
    tp__bytes_put(&v->text, "", 1);
    tp__bytes_put(&v->words, &word, sizeof word);
    *vocabulary_slot(v, bytes, size) = (int64_t)count + 1;
    return &tp__words(v)[count];
}

/* A word's place in the order: the larger count first, then the word that came first. */
typedef struct vocabulary_place {
    int64_t count, number;
} vocabulary_place;

static int vocabulary_compare(const void *a, const void *b) {
    const vocabulary_place *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

bool tp__vocabulary_number(tp__vocabulary *vocabulary, int64_t first) {
    int64_t n = tp__word_count(vocabulary);
    vocabulary_place *places = tp__alloc((size_t)(n + 1) * sizeof *places);
    int64_t *by_index = tp__alloc((size_t)(n + 1) * sizeof *by_index);
    if (!places || !by_index) {
        tp__free(places);
        tp__free(by_index);
        return false;
    }
    tp__word *words = tp__words(vocabulary);
    for (int64_t i = 0; i < n; i++) places[i] = (vocabulary_place){words[i].count, i};
    qsort(places, (size_t)n, sizeof *places, vocabulary_compare);
    for (int64_t i = 0; i < n; i++) {
        by_index[i] = places[i].number;
        words[places[i].number].index = first + i;
    }
    tp__free(places);
    tp__free(vocabulary->by_index);
    vocabulary->by_index = by_index;
    return true;
}

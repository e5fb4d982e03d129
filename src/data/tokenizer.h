/* Tokenizers from the inside. */
#ifndef TP__DATA_TOKENIZER_H
#define TP__DATA_TOKENIZER_H

#include "io/bytes.h"
#include "taper/text.h"

typedef struct tp__word {
    size_t at; /* of its first byte in `text`, where a 0 follows its last */
    size_t size;
    int64_t count, texts; /* how often it was there, in how many texts */
    int64_t last_text;    /* the number, from 1, of the last text it was in */
    int64_t index;
} tp__word;

/* All zero is empty. */
typedef struct tp__vocabulary {
    tp__bytes text, words; /* of tp__word, in the order of their first appearance */
    int64_t *slots;        /* a hash table of numbers of words, from 1; 0 is free */
    size_t slot_count;     /* a power of two, at least 4/3 of the words, or 0 */
    int64_t *by_index;     /* numbers of words, the most frequent first */
    int64_t texts;
} tp__vocabulary;

struct tp_tokenizer {
    tp_tokenizer_options options;
    tp__vocabulary vocabulary;
};

static inline int64_t tp__word_count(const tp__vocabulary *v) {
    return (int64_t)(v->words.size / sizeof(tp__word));
}
static inline tp__word *tp__words(const tp__vocabulary *v) { return (tp__word *)(void *)v->words.data; }
static inline const char *tp__word_text(const tp__vocabulary *v, const tp__word *word) {
    return v->text.data + word->at;
}

/* 64 bits that depend on every byte. */
uint64_t tp__text_hash(const char *bytes, size_t size);

void tp__vocabulary_free(tp__vocabulary *vocabulary);

/* The word with these bytes, or NULL. */
tp__word *tp__vocabulary_find(const tp__vocabulary *vocabulary, const char *bytes, size_t size);

/* The same, and if it is not there, it is added with count 0; NULL if out of memory. Adding moves all
 * words. */
tp__word *tp__vocabulary_add(tp__vocabulary *vocabulary, const char *bytes, size_t size);

/* Gives every word its index, the first being `first`. False if out of memory. */
bool tp__vocabulary_number(tp__vocabulary *vocabulary, int64_t first);

/* The lower case of the character of `length` valid bytes at `p`, in the text from `text` to `end`: one code
 * point or two. Returns their number. */
int tp__lower(const char *text, const char *p, int length, const char *end, uint32_t codes[2]);

#endif

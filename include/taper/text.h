/* Text: words become numbers, and sequences of numbers one tensor.
 *
 *     tp_tokenizer *tok = tp_tokenizer_new((tp_tokenizer_options){.num_words = 10000});
 *     tp_tokenizer_fit_on_texts(tok, texts, n);
 *     tp_tokenizer_texts_to_sequences(tok, texts, n, sequences);
 *     tp_pad_sequences_options pad = {.maxlen = 100};
 *     tp_tensor *x = tp_pad_sequences((tp_tensors){n, sequences}, pad); // (n, 100), I64
 *
 * Text is UTF-8. Bytes that are none are passed on as they are, each as a character of its own. */
#ifndef TAPER_TEXT_H
#define TAPER_TEXT_H

#include "taper/base.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* A vocabulary: each word that a corpus holds, and its index. The most frequent word has index 1, the next
 * one 2, and so on; of words that are as frequent, the one that came first. 0 is no word's: it is for
 * padding. The same texts give the same indices as keras.preprocessing.text.Tokenizer.
 *
 * A text becomes words so: it is put in lower case; each character of `filters` is replaced by `split`; it is
 * cut at every `split`, and empty pieces are dropped. With char_level each character of the text in lower
 * case is a word, spaces too, and there are no filters.
 *
 * Lower case is Unicode's, as Python's str.lower() has it: U+0130 becomes "i" and U+0307, a capital sigma at
 * the end of a word U+03C2.
 *
 * A tokenizer may be read by several threads at once. */
typedef struct tp_tokenizer tp_tokenizer;

typedef struct tp_tokenizer_options {
    /* not 0: sequences hold only indices below it, those of the num_words - 1 first words */
    int64_t num_words;
    const char *filters;   /* NULL: !"#$%&()*+,-./:;<=>?@[\]^_`{|}~, tab and newline; "" is none */
    const char *split;     /* NULL: a space */
    const char *oov_token; /* not NULL: a word that gets index 1 and stands for those without an index, which
                            * are else left out of sequences */
    bool no_lower, char_level;
} tp_tokenizer_options;

/* A tokenizer without words; to be freed with tp_tokenizer_free(). The options' strings are copied. Errors:
 * TP_ERR_ARGUMENT for a negative num_words or an empty split; TP_ERR_MEMORY. */
TP_API tp_tokenizer *tp_tokenizer_new(tp_tokenizer_options options);
TP_API void tp_tokenizer_free(tp_tokenizer *tokenizer); /* NULL does nothing */

/* Counts the words of texts[0 .. count-1] and numbers all words anew. What was counted before is added to.
 * Errors: TP_ERR_NULL, also for a text; TP_ERR_ARGUMENT for a negative count; TP_ERR_MEMORY. After an error
 * nothing has changed. */
TP_API tp_status tp_tokenizer_fit_on_texts(tp_tokenizer *tokenizer, const char *const *texts, int count);

/* The indices of each text's words, in their order: sequences[i] is (words of texts[i]), I64, all NULL after
 * an error. Words that are not in the vocabulary, or whose index is not below num_words, become the index of
 * oov_token, or are left out if there is none. Errors: TP_ERR_NULL, also for a text; TP_ERR_ARGUMENT for a
 * negative count; TP_ERR_STATE if the tokenizer has not been fitted; TP_ERR_MEMORY. */
TP_API tp_status tp_tokenizer_texts_to_sequences(const tp_tokenizer *tokenizer, const char *const *texts,
                                                 int count, tp_tensor **sequences);

/* The largest index, which is the number of words with oov_token: an embedding of them needs one row more, or
 * num_words rows. -1 after an error. */
TP_API int64_t tp_tokenizer_size(const tp_tokenizer *tokenizer);

/* The index of a word as it stands (not put in lower case), num_words or not: 0 if it is not in the
 * vocabulary, -1 after an error. If the corpus itself holds the word oov_token, that has the index of its
 * frequency and stands for unknown words with it, and 1 is used for nothing, as in Keras. */
TP_API int64_t tp_tokenizer_word_index(const tp_tokenizer *tokenizer, const char *word);

/* The word with that index, from 1; valid until the tokenizer is fitted again or freed. Errors:
 * TP_ERR_INDEX. */
TP_API const char *tp_tokenizer_word(const tp_tokenizer *tokenizer, int64_t index);

/* How often a word was there, and in how many texts: 0 if it was not, -1 after an error. And the number of
 * all texts it was fitted on. */
TP_API int64_t tp_tokenizer_word_count(const tp_tokenizer *tokenizer, const char *word);
TP_API int64_t tp_tokenizer_word_texts(const tp_tokenizer *tokenizer, const char *word);
TP_API int64_t tp_tokenizer_texts(const tp_tokenizer *tokenizer);

/* The options it was made with, defaults filled in; the strings are the tokenizer's. All zero after an
 * error. */
TP_API tp_tokenizer_options tp_tokenizer_get_options(const tp_tokenizer *tokenizer);

/* Writes the tokenizer to a file, and reads it back: the JSON of Keras's to_json(), so that either reads
 * what the other has written. Errors: those of io.h; for writing TP_ERR_ARGUMENT if a word is not valid
 * UTF-8, which JSON cannot hold; for reading TP_ERR_FORMAT with the byte in the file for all that is not
 * as Keras writes it, and if the file's word_index is not what follows from its word_counts. */
TP_API tp_status tp_tokenizer_save(const tp_tokenizer *tokenizer, const char *path);
TP_API tp_tokenizer *tp_tokenizer_load(const char *path);

/* Padding. */

typedef struct tp_pad_sequences_options {
    int64_t maxlen;     /* 0: the length of the longest sequence */
    bool padding_post;  /* shorter sequences are filled up at their end (default: in front) */
    bool truncate_post; /* longer ones lose their end (default: their beginning) */
    double value;       /* to fill up with */
} tp_pad_sequences_options;

/* One tensor of sequences of different lengths, each (L_i, ...) and of one dtype, the sizes after the
 * first the same: (N, maxlen, ...) of that dtype; N is their number. Gradients do not flow through it.
 * Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for an empty list, a negative maxlen, or a value that the dtype
 * cannot hold; TP_ERR_SHAPE, TP_ERR_DTYPE for sequences that do not fit together; TP_ERR_MEMORY. Source:
 * keras.utils.pad_sequences. PyTorch's pad_sequence, through which they do, is in recurrent.h. */
TP_API tp_tensor *tp_pad_sequences(tp_tensors sequences, tp_pad_sequences_options options);

TP_END_DECLS

#endif

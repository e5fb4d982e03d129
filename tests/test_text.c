/* Tokenizers and padded sequences, against Keras and by hand; files of tokenizers, whole, broken and
 * changed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "folder.h"
#include "support/golden.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

static char *read_file(void) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_in_range(fread(text, 1, (1 << 20) - 1, f), 1, (1 << 20) - 2);
    fclose(f);
    return text;
}

/* ---- against Keras ----------------------------------------------------------------------------------- */

/* A metadata of a case, or NULL. */
static const char *of_case(const tp_safetensors *file, const char *name, const char *what, int i) {
    char key[128];
    if (i < 0) snprintf(key, sizeof key, "%s/%s", name, what);
    else snprintf(key, sizeof key, "%s/%s%d", name, what, i);
    return tp_safetensors_metadata(file, key);
}

static void assert_same_words(const tp_tokenizer *a, const tp_tokenizer *b) {
    assert_int_equal(tp_tokenizer_texts(a), tp_tokenizer_texts(b));
    assert_int_equal(tp_tokenizer_size(a), tp_tokenizer_size(b));
    for (int64_t i = 1; i <= tp_tokenizer_size(a); i++) {
        const char *word = tp_tokenizer_word(a, i);
        assert_string_equal(word, tp_tokenizer_word(b, i));
        assert_int_equal(tp_tokenizer_word_index(a, word), tp_tokenizer_word_index(b, word));
        assert_int_equal(tp_tokenizer_word_count(a, word), tp_tokenizer_word_count(b, word));
        assert_int_equal(tp_tokenizer_word_texts(a, word), tp_tokenizer_word_texts(b, word));
    }
}

static void assert_equal_tensors(const tp_tensor *got, const tp_tensor *want) {
    assert_tensor(got);
    assert_tensor(want);
    assert_int_equal(tp_tensor_dtype(got), TP_I64);
    assert_true(tp_shape_equal(tp_tensor_shape(got), tp_tensor_shape(want)));
    size_t bytes = (size_t)tp_tensor_numel(want) * sizeof(int64_t);
    if (bytes) assert_memory_equal(tp_tensor_data(got), tp_tensor_data(want), bytes);
}

static void check_keras(const tp_safetensors *file, const char *name) {
    const char *json = of_case(file, name, "json", -1), *pad = of_case(file, name, "pad", -1);
    write_file(json, strlen(json));
    tp_tokenizer *theirs = tp_tokenizer_load(path);
    if (!theirs) fail_msg("%s: %s", name, tp_last_error().message);
    tp_tokenizer *ours = tp_tokenizer_new(tp_tokenizer_get_options(theirs));
    const char *texts[200];
    int fitted = 0, count;
    for (const char *text; (text = of_case(file, name, "text", fitted));) texts[fitted++] = text;
    assert_ok(tp_tokenizer_fit_on_texts(ours, texts, fitted));
    assert_same_words(ours, theirs);
    count = fitted;
    for (const char *text; (text = of_case(file, name, "other", count - fitted));) texts[count++] = text;
    tp_tensor *sequences[200];
    for (int round = 0; round < 2; round++) {
        assert_ok(tp_tokenizer_texts_to_sequences(round ? theirs : ours, texts, count, sequences));
        for (int i = 0; i < count; i++) {
            char key[128];
            snprintf(key, sizeof key, "%s/sequence%d", name, i);
            assert_equal_tensors(sequences[i], tp_safetensors_get(file, key));
        }
    }
    char key[128];
    snprintf(key, sizeof key, "%s/padded", name);
    tp_pad_sequences_options options = {.maxlen = (int64_t)args_number(pad, "maxlen", 0),
                                        .value = args_number(pad, "value", 0),
                                        .padding_post = strstr(pad, "padding=post"),
                                        .truncate_post = strstr(pad, "truncating=post")};
    assert_equal_tensors(tp_pad_sequences((tp_tensors){count, sequences}, options),
                         tp_safetensors_get(file, key));
    tp_tokenizer_free(ours);
    tp_tokenizer_free(theirs);
}

static void test_keras(void **state) {
    (void)state;
    tp_safetensors *file = tp_safetensors_open(TP_TEST_DIR "/golden/text.safetensors");
    assert_non_null(file);
    int cases = 0;
    for (int i = 0; i < tp_safetensors_metadata_count(file); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s", tp_safetensors_metadata_key(file, i));
        char *slash = strchr(name, '/');
        if (!slash || strcmp(slash, "/json") != 0) continue;
        *slash = '\0';
        tp_scope *s = tp_scope_begin();
        check_keras(file, name);
        tp_scope_end(s);
        cases++;
    }
    tp_safetensors_close(file);
    assert_int_equal(cases, 15);
}

/* ---- by hand ----------------------------------------------------------------------------------------- */

static const char *const corpus[] = {"The cat sat.", "The dog sat, the cat ran!", "a cat"};

static tp_tokenizer *fitted(tp_tokenizer_options options) {
    tp_tokenizer *t = tp_tokenizer_new(options);
    assert_non_null(t);
    assert_ok(tp_tokenizer_fit_on_texts(t, corpus, COUNT(corpus)));
    return t;
}

static void test_tokenizer(void **state) {
    (void)state;
    tp_tokenizer *t = fitted((tp_tokenizer_options){0});
    static const char *const words[] = {"the", "cat", "sat", "dog", "ran", "a"};
    assert_int_equal(tp_tokenizer_size(t), COUNT(words));
    for (int i = 0; i < COUNT(words); i++) {
        assert_string_equal(tp_tokenizer_word(t, i + 1), words[i]);
        assert_int_equal(tp_tokenizer_word_index(t, words[i]), i + 1);
    }
    assert_int_equal(tp_tokenizer_word_index(t, "The"), 0);
    assert_int_equal(tp_tokenizer_word_count(t, "the"), 3);
    assert_int_equal(tp_tokenizer_word_texts(t, "the"), 2);
    assert_int_equal(tp_tokenizer_word_count(t, "mouse"), 0);
    assert_int_equal(tp_tokenizer_word_texts(t, "mouse"), 0);
    assert_int_equal(tp_tokenizer_texts(t), 3);
    tp_tensor *sequences[2];
    assert_ok(
        tp_tokenizer_texts_to_sequences(t, (const char *const[]){"A mouse, the CAT", "mice"}, 2, sequences));
    assert_values(sequences[0], 6, 1, 2);
    assert_true(tp_shape_equal(tp_tensor_shape(sequences[1]), TP_SHAPE(0)));
    assert_ok(tp_tokenizer_texts_to_sequences(t, NULL, 0, NULL));

    /* More texts are added to the first. */
    assert_ok(tp_tokenizer_fit_on_texts(t, (const char *const[]){"dog dog dog dog", "mouse"}, 2));
    assert_string_equal(tp_tokenizer_word(t, 1), "dog");
    assert_int_equal(tp_tokenizer_word_count(t, "dog"), 5);
    assert_int_equal(tp_tokenizer_word_texts(t, "dog"), 2);
    assert_int_equal(tp_tokenizer_word_index(t, "mouse"), 7);
    assert_int_equal(tp_tokenizer_texts(t), 5);
    tp_tokenizer_free(t);
    tp_tokenizer_free(NULL);
}

static void test_options(void **state) {
    (void)state;
    tp_tokenizer *t = fitted((tp_tokenizer_options){0});
    tp_tokenizer_options o = tp_tokenizer_get_options(t);
    assert_string_equal(o.filters, "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n");
    assert_string_equal(o.split, " ");
    assert_null(o.oov_token);
    tp_tokenizer_free(t);

    tp_tensor *s[1];
    t = fitted((tp_tokenizer_options){.num_words = 3, .oov_token = "<unk>"});
    assert_string_equal(tp_tokenizer_word(t, 1), "<unk>");
    assert_int_equal(tp_tokenizer_word_index(t, "<unk>"), 1);
    assert_int_equal(tp_tokenizer_size(t), 7);
    assert_ok(tp_tokenizer_texts_to_sequences(t, (const char *const[]){"the cat ran a mile"}, 1, s));
    assert_values(s[0], 2, 1, 1, 1, 1);
    tp_tokenizer_free(t);
}

/* Bytes that are no UTF-8 are characters like others, and do not stop the lower case of those around them. */
static void test_invalid_utf8(void **state) {
    (void)state;
    const char *text = "\xff"
                       "A\xc3 \xe2\x82 B\xc3\x89 \xff"
                       "a\xc3";
    tp_tokenizer *t = tp_tokenizer_new((tp_tokenizer_options){0});
    assert_ok(tp_tokenizer_fit_on_texts(t, &text, 1));
    assert_string_equal(tp_tokenizer_word(t, 1), "\xff"
                                                 "a\xc3");
    assert_int_equal(tp_tokenizer_word_index(t, "\xe2\x82"), 2);
    assert_int_equal(tp_tokenizer_word_index(t, "b\xc3\xa9"), 3);
    assert_int_equal(tp_tokenizer_save(t, path), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "tokenizer_save: \"\xff"
                                  "a\xc3\" is not UTF-8");
    tp_tokenizer_free(t);
    t = tp_tokenizer_new((tp_tokenizer_options){.char_level = true});
    assert_ok(tp_tokenizer_fit_on_texts(t, &text, 1));
    assert_int_equal(tp_tokenizer_word_count(t, "\xc3"), 2);
    assert_int_equal(tp_tokenizer_word_count(t, "\xc3\xa9"), 1);
    assert_int_equal(tp_tokenizer_word_count(t, " "), 3);
    tp_tokenizer_free(t);
    tp_generator *g = tp_generator_new(1);
    for (int round = 0; round < 2000; round++) { /* any bytes, in any place */
        char bytes[40], filters[8], split[4];
        const char *some = bytes;
        for (int i = 0; i < 40; i++) bytes[i] = (char)tp_generator_below(g, 256);
        for (int i = 0; i < 8; i++) filters[i] = (char)tp_generator_below(g, 256);
        for (int i = 0; i < 4; i++) split[i] = (char)(1 + tp_generator_below(g, 255));
        bytes[39] = filters[7] = split[1 + round % 3] = '\0';
        t = tp_tokenizer_new(
            (tp_tokenizer_options){.filters = filters, .split = split, .char_level = round % 5 == 0});
        assert_ok(tp_tokenizer_fit_on_texts(t, &some, 1));
        tp_tokenizer_free(t);
    }
    tp_generator_free(g);
}

static void test_pad(void **state) {
    (void)state;
    tp_tensor *a = tp_arange(1, 4, 1, TP_I64), *b = tp_arange(5, 6, 1, TP_I64),
              *none = tp_zeros(TP_SHAPE(0), TP_I64);
    tp_tensors list = TP_TENSORS(a, b, none);
    assert_values(tp_pad_sequences(list, (tp_pad_sequences_options){0}), 1, 2, 3, 0, 0, 5, 0, 0, 0);
    assert_values(tp_pad_sequences(list, (tp_pad_sequences_options){.padding_post = true, .value = -2}), 1, 2,
                  3, 5, -2, -2, -2, -2, -2);
    assert_values(tp_pad_sequences(list, (tp_pad_sequences_options){.maxlen = 2}), 2, 3, 0, 5, 0, 0);
    assert_values(tp_pad_sequences(list, (tp_pad_sequences_options){.maxlen = 2, .truncate_post = true}), 1,
                  2, 0, 5, 0, 0);
    tp_tensor *y = tp_pad_sequences(TP_TENSORS(none, none), (tp_pad_sequences_options){0});
    assert_true(tp_shape_equal(tp_tensor_shape(y), TP_SHAPE(2, 0)));
    /* Steps of several values, views, another dtype. */
    tp_tensor *m = tp_t(TP_F32_TENSOR(TP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6)),
              *one = tp_ones(TP_SHAPE(1, 2), TP_F32);
    y = tp_pad_sequences(TP_TENSORS(tp_set_requires_grad(m, true), one),
                         (tp_pad_sequences_options){.maxlen = 2, .value = 0.5});
    assert_true(tp_shape_equal(tp_tensor_shape(y), TP_SHAPE(2, 2, 2)));
    assert_int_equal(tp_tensor_dtype(y), TP_F32);
    assert_false(tp_requires_grad(y));
    assert_values(y, 2, 5, 3, 6, 0.5, 0.5, 1, 1);
}

/* ---- errors ------------------------------------------------------------------------------------------ */

static void test_errors(void **state) {
    (void)state;
    assert_null(tp_tokenizer_new((tp_tokenizer_options){.num_words = -1}));
    assert_error(TP_ERR_ARGUMENT, "tokenizer_new: num_words is -1");
    assert_null(tp_tokenizer_new((tp_tokenizer_options){.split = ""}));
    assert_error(TP_ERR_ARGUMENT, "tokenizer_new: split is empty");
    tp_tokenizer *t = tp_tokenizer_new((tp_tokenizer_options){0});
    tp_tensor *s[2] = {(tp_tensor *)t, (tp_tensor *)t};
    const char *texts[] = {"a", NULL};
    assert_int_equal(tp_tokenizer_texts_to_sequences(t, texts, 1, s), TP_ERR_STATE);
    assert_error(TP_ERR_STATE, "tokenizer_texts_to_sequences: the tokenizer has not been fitted");
    assert_null(s[0]);
    assert_int_equal(tp_tokenizer_fit_on_texts(t, texts, 2), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tokenizer_fit_on_texts: argument texts[1] is NULL");
    assert_int_equal(tp_tokenizer_size(t), 0);
    assert_int_equal(tp_tokenizer_fit_on_texts(t, texts, -1), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "tokenizer_fit_on_texts: there cannot be -1 texts");
    assert_int_equal(tp_tokenizer_fit_on_texts(t, NULL, 1), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tokenizer_fit_on_texts: argument texts is NULL");
    assert_int_equal(tp_tokenizer_fit_on_texts(NULL, texts, 1), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tokenizer_fit_on_texts: argument tokenizer is NULL");
    assert_ok(tp_tokenizer_fit_on_texts(t, texts, 1));
    assert_int_equal(tp_tokenizer_texts_to_sequences(t, texts, 2, s), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tokenizer_texts_to_sequences: argument texts[1] is NULL");
    assert_true(!s[0] && !s[1]);
    assert_int_equal(tp_tokenizer_texts_to_sequences(t, texts, 1, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tokenizer_texts_to_sequences: argument sequences is NULL");
    assert_null(tp_tokenizer_word(t, 0));
    assert_error(TP_ERR_INDEX, "tokenizer_word: index 0 is out of range for indices from 1 to 1");
    assert_null(tp_tokenizer_word(t, 2));
    assert_error(TP_ERR_INDEX, "tokenizer_word: index 2 is out of range for indices from 1 to 1");
    assert_int_equal(tp_tokenizer_word_index(t, NULL), -1);
    assert_error(TP_ERR_NULL, "tokenizer_word_index: argument word is NULL");
    tp_tokenizer_free(t);

    assert_null(tp_tokenizer_word(NULL, 1));
    assert_error(TP_ERR_NULL, "tokenizer_word: argument tokenizer is NULL");
    assert_int_equal(tp_tokenizer_word_count(NULL, "a"), -1);
    assert_error(TP_ERR_NULL, "tokenizer_word_count: argument tokenizer is NULL");
    assert_int_equal(tp_tokenizer_word_texts(NULL, "a"), -1);
    assert_error(TP_ERR_NULL, "tokenizer_word_texts: argument tokenizer is NULL");
    assert_int_equal(tp_tokenizer_size(NULL), -1);
    assert_error(TP_ERR_NULL, "tokenizer_size: argument tokenizer is NULL");
    assert_int_equal(tp_tokenizer_texts(NULL), -1);
    assert_error(TP_ERR_NULL, "tokenizer_texts: argument tokenizer is NULL");
    assert_null(tp_tokenizer_get_options(NULL).split);
    assert_error(TP_ERR_NULL, "tokenizer_get_options: argument tokenizer is NULL");
}

static void test_pad_errors(void **state) {
    (void)state;
    const tp_pad_sequences_options none = {0};
    tp_tensor *a = tp_ones(TP_SHAPE(2), TP_I64), *b = tp_ones(TP_SHAPE(2, 3), TP_I64),
              *f = tp_ones(TP_SHAPE(2), TP_F32);
    tp_tensor *deep = tp_ones(TP_SHAPE(1, 1, 1, 1, 1, 1, 1, 1), TP_I64);
    assert_null(tp_pad_sequences((tp_tensors){0, NULL}, none));
    assert_error(TP_ERR_ARGUMENT, "pad_sequences: the list of sequences is empty");
    assert_null(tp_pad_sequences(TP_TENSORS(a), (tp_pad_sequences_options){.maxlen = -3}));
    assert_error(TP_ERR_ARGUMENT, "pad_sequences: maxlen is -3");
    assert_null(tp_pad_sequences(TP_TENSORS(a, NULL), none));
    assert_error(TP_ERR_NULL, "pad_sequences: argument sequences[1] is NULL");
    assert_null(tp_pad_sequences(TP_TENSORS(a, b), none));
    assert_error(TP_ERR_SHAPE, "pad_sequences: sequences[0] is int64 (2,), sequences[1] is int64 (2, 3)");
    assert_null(tp_pad_sequences(TP_TENSORS(a, tp_scalar(1, TP_I64)), none));
    assert_error(TP_ERR_SHAPE, "pad_sequences: sequences[1] has 0 dims, not 1 to 7");
    assert_null(tp_pad_sequences(TP_TENSORS(a, f), none));
    assert_error(TP_ERR_DTYPE, "pad_sequences: sequences[0] is int64 (2,), sequences[1] is float32 (2,)");
    assert_null(tp_pad_sequences(TP_TENSORS(a), (tp_pad_sequences_options){.value = 0.5}));
    assert_error(TP_ERR_ARGUMENT, "pad_sequences: int64 cannot hold the value 0.5");
    assert_null(tp_pad_sequences(TP_TENSORS(deep), none));
    assert_error(TP_ERR_SHAPE, "pad_sequences: sequences[0] has 8 dims, not 1 to 7");
    assert_null(tp_pad_sequences(TP_TENSORS(a, a), (tp_pad_sequences_options){.maxlen = INT64_MAX}));
    assert_int_equal(tp_last_error().code, TP_ERR_SHAPE);
    assert_string_equal(tp_last_error().op, "pad_sequences");
}

/* ---- files ------------------------------------------------------------------------------------------- */

static const char *const odd_words[] = {"Zeile\nzwei \"zitiert\" \\ \x01 \xf0\x9f\x98\x80 \xc3\x89",
                                        "\t\x7f/ zwei"};

static void test_save(void **state) {
    (void)state;
    static const tp_tokenizer_options options[] = {{0},
                                                   {.num_words = 5, .oov_token = "<\"unk\">"},
                                                   {.oov_token = "cat", .no_lower = true},
                                                   {.char_level = true},
                                                   {.filters = "", .split = "\xe2\x80\x94"}};
    for (int i = 0; i < COUNT(options); i++) {
        tp_tokenizer *t = fitted(options[i]);
        assert_ok(tp_tokenizer_fit_on_texts(t, odd_words, COUNT(odd_words)));
        assert_ok(tp_tokenizer_save(t, path));
        tp_tokenizer *back = tp_tokenizer_load(path);
        if (!back) fail_msg("%s", tp_last_error().message);
        assert_same_words(t, back);
        tp_tokenizer_options a = tp_tokenizer_get_options(t), b = tp_tokenizer_get_options(back);
        assert_string_equal(a.filters, b.filters);
        assert_string_equal(a.split, b.split);
        assert_true(a.num_words == b.num_words && a.no_lower == b.no_lower && a.char_level == b.char_level);
        assert_true(!a.oov_token == !b.oov_token);
        /* What is loaded can be fitted on. */
        assert_ok(tp_tokenizer_fit_on_texts(t, corpus, 2));
        assert_ok(tp_tokenizer_fit_on_texts(back, corpus, 2));
        assert_same_words(t, back);
        tp_tokenizer_free(t);
        tp_tokenizer_free(back);
    }
    tp_tokenizer *t = tp_tokenizer_new((tp_tokenizer_options){0}); /* without words */
    assert_ok(tp_tokenizer_save(t, path));
    tp_tokenizer *back = tp_tokenizer_load(path);
    assert_int_equal(tp_tokenizer_size(back), 0);
    tp_tokenizer_free(back);
    char *before = read_file();
    static const char expected[] =
        "{\"class_name\": \"Tokenizer\", \"config\": {\"num_words\": null, \"filters\": "
        "\"!\\\"#$%&()*+,-./:;<=>?@[\\\\]^_`{|}~\\u0009\\u000a\", \"lower\": true, \"split\": \" \", "
        "\"char_level\": false, "
        "\"oov_token\": null, \"document_count\": 0, \"word_counts\": \"{}\", \"word_docs\": \"{}\", "
        "\"index_docs\": \"{}\", \"index_word\": \"{}\", \"word_index\": \"{}\"}}\n";
    assert_string_equal(before, expected);
    free(before);

    char message[256];
    assert_int_equal(tp_tokenizer_save(t, folder), TP_ERR_IO);
    snprintf(message, sizeof message, "tokenizer_save: %s: is a directory, not a file", folder);
    assert_error(TP_ERR_IO, message);
    assert_int_equal(tp_tokenizer_save(t, "/dev/null"), TP_ERR_IO);
    assert_error(TP_ERR_IO, "tokenizer_save: /dev/null: is a device or pipe, not a file");
    assert_int_equal(tp_tokenizer_save(t, "/nowhere/at/all"), TP_ERR_IO);
    assert_error(TP_ERR_IO, "tokenizer_save: /nowhere/at/all: No such file or directory");
    assert_int_equal(tp_tokenizer_save(t, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tokenizer_save: argument path is NULL");
    assert_int_equal(tp_tokenizer_save(NULL, path), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "tokenizer_save: argument tokenizer is NULL");
    tp_tokenizer_free(t);
}

/* The config with dictionaries for "a" twice in one text and "b" once. */
#define HEAD "{\"class_name\":\"Tokenizer\",\"config\":{"
#define OPTIONS                                                                                              \
    "\"num_words\":null,\"filters\":\".\",\"lower\":true,\"split\":\" \",\"char_level\":false,"              \
    "\"oov_token\":null,\"document_count\":2,"
#define MAPS(counts, docs, index)                                                                            \
    "\"word_counts\":\"" counts "\",\"word_docs\":\"" docs                                                   \
    "\",\"index_docs\":\"\",\"index_word\":\"\",\"word_index\":\"" index "\"}}"
#define FILE_OF(counts, docs, index) HEAD OPTIONS MAPS(counts, docs, index)
#define COUNTS "{\\\"a\\\":2,\\\"b\\\":1}"
#define DOCS "{\\\"a\\\":1,\\\"b\\\":1}"
#define INDEX "{\\\"a\\\":1,\\\"b\\\":2}"

static const struct {
    const char *text, *message;
} bad_files[] = {
    {"", "byte 0: expected '{'"},
    {"[1]", "byte 0: expected '{'"},
    {"{}", "byte 2: class_name or config is missing"},
    {"{\"config\":{}}", "byte 10: expected class_name, then config"},
    {"{\"class_name\":3}", "byte 14: expected a string"},
    {"{\"class_name\":\"Dense\"}", "byte 21: the class is not Tokenizer"},
    {"{\"class_name\":\"Tokenizer\"}", "byte 26: class_name or config is missing"},
    {HEAD "}}", "byte 37: a key of the config is missing"},
    {HEAD "\"words\":3}}", "byte 36: a key that no Tokenizer has"},
    {HEAD "\"num_words\":5,\"num_words\":6}}", "byte 50: a key given twice"},
    {HEAD "\"num_words\":-5}}", "byte 48: expected a whole number from 0"},
    {HEAD "\"lower\":1}}", "byte 44: expected true or false"},
    {HEAD "\"split\":\"\"}}", "byte 46: an empty split"},
    {HEAD OPTIONS "\"word_counts\":{}}}", "byte 161: expected a string"},
    {FILE_OF(COUNTS, DOCS, INDEX) "x", "byte 279: text after the end"},
    {FILE_OF("", DOCS, INDEX), "byte 0 of word_counts: expected '{'"},
    {FILE_OF("{\\\"a\\\":0}", DOCS, INDEX), "byte 6 of word_counts: a count of 0"},
    {FILE_OF("{\\\"a\\\":1,\\\"a\\\":2}", DOCS, INDEX), "byte 12 of word_counts: a word given twice"},
    {FILE_OF("{\\\"a\\\":1.5}", DOCS, INDEX), "byte 5 of word_counts: expected a whole number from 0"},
    {FILE_OF(COUNTS " 1", DOCS, INDEX), "byte 14 of word_counts: text after the end"},
    {FILE_OF(COUNTS, "{\\\"c\\\":1}", INDEX), "byte 6 of word_docs: a word without a count"},
    {FILE_OF(COUNTS, "{\\\"a\\\":1}", INDEX), "byte 7 of word_docs: a word of the word_counts is missing"},
    {FILE_OF(COUNTS, "{\\\"a\\\":3}", INDEX),
     "byte 6 of word_docs: a number of texts that does not fit the word_counts"},
    {FILE_OF(COUNTS, "{\\\"a\\\":1,\\\"a\\\":1}", INDEX), "byte 12 of word_docs: a word given twice"},
    {FILE_OF(COUNTS, DOCS, "{\\\"a\\\":2,\\\"b\\\":1}"),
     "byte 6 of word_index: an index that does not follow from the word_counts"},
    {FILE_OF(COUNTS, DOCS, "{\\\"a\\\":1,\\\"c\\\":0}"),
     "byte 12 of word_index: an index that does not follow from the word_counts"},
    {FILE_OF(COUNTS, DOCS, "{\\\"a\\\":1}"), "byte 7 of word_index: a word of the word_counts is missing"},
};

static void test_broken_files(void **state) {
    (void)state;
    write_file(FILE_OF(COUNTS, DOCS, INDEX), sizeof FILE_OF(COUNTS, DOCS, INDEX) - 1);
    tp_tokenizer *t = tp_tokenizer_load(path);
    if (!t) fail_msg("%s", tp_last_error().message);
    tp_tokenizer_free(t);
    for (int i = 0; i < COUNT(bad_files); i++) {
        char message[512];
        write_file(bad_files[i].text, strlen(bad_files[i].text));
        assert_null(tp_tokenizer_load(path));
        snprintf(message, sizeof message, "tokenizer_load: %s: %s", path, bad_files[i].message);
        assert_error(TP_ERR_FORMAT, message);
    }
    unlink(path);
    char message[256];
    assert_null(tp_tokenizer_load(path));
    snprintf(message, sizeof message, "tokenizer_load: %s: No such file or directory", path);
    assert_error(TP_ERR_IO, message);
    assert_null(tp_tokenizer_load(NULL));
    assert_error(TP_ERR_NULL, "tokenizer_load: argument path is NULL");
}

/* A saved file with some bytes changed is read or refused. */
static void test_changed_files(void **state) {
    (void)state;
    tp_tokenizer *t = fitted((tp_tokenizer_options){.oov_token = "?"});
    assert_ok(tp_tokenizer_save(t, path));
    tp_tokenizer_free(t);
    char *whole = read_file(), *changed = read_file();
    size_t size = strlen(whole);
    tp_generator *g = tp_generator_new(5);
    int good = 0;
    for (int round = 0; round < 6000; round++) {
        size_t n = round % 4 == 0 ? (size_t)tp_generator_below(g, (int64_t)size) : size;
        memcpy(changed, whole, size);
        for (int64_t k = tp_generator_below(g, 3); k >= 0 && n > 0; k--)
            changed[tp_generator_below(g, (int64_t)n)] =
                round % 3 ? "\"\\{}[]:,0129u "[tp_generator_below(g, 14)] : (char)tp_generator_below(g, 256);
        write_file(changed, n);
        t = tp_tokenizer_load(path);
        good += t != NULL;
        if (!t) assert_int_equal(tp_last_error().code, TP_ERR_FORMAT);
        tp_tokenizer_free(t);
    }
    assert_in_range(good, 1, 3000);
    tp_generator_free(g);
    free(whole);
    free(changed);
}

/* ---- memory ------------------------------------------------------------------------------------------ */

static tp_status all_of_it(void *context) {
    tp_tokenizer *kept = context;
    tp_tensor *sequences[3] = {NULL, NULL, NULL};
    int64_t size = tp_tokenizer_size(kept), texts = tp_tokenizer_texts(kept);
    bool ok = tp_tokenizer_fit_on_texts(kept, odd_words, COUNT(odd_words)) == TP_OK;
    if (!ok) assert_true(tp_tokenizer_size(kept) == size && tp_tokenizer_texts(kept) == texts);
    tp_tokenizer *t = tp_tokenizer_new((tp_tokenizer_options){.oov_token = "?"});
    ok = ok && t && tp_tokenizer_fit_on_texts(t, corpus, COUNT(corpus)) == TP_OK;
    ok = ok && tp_tokenizer_save(t, path) == TP_OK;
    tp_tokenizer_free(t);
    t = ok ? tp_tokenizer_load(path) : NULL;
    ok = ok && t && tp_tokenizer_texts_to_sequences(t, corpus, COUNT(corpus), sequences) == TP_OK;
    ok = ok && tp_pad_sequences((tp_tensors){3, sequences}, (tp_pad_sequences_options){0});
    tp_tokenizer_free(t);
    return ok ? TP_OK : tp_last_error().code;
}

static void test_no_memory(void **state) {
    (void)state;
    tp_tokenizer *kept = tp_tokenizer_new((tp_tokenizer_options){0});
    assert_survives_no_memory(all_of_it, kept, 25);
    tp_tokenizer_free(kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_keras),         CHECK_TEST(test_tokenizer), CHECK_TEST(test_options),
        CHECK_TEST(test_invalid_utf8),  CHECK_TEST(test_pad),       CHECK_TEST(test_errors),
        CHECK_TEST(test_pad_errors),    CHECK_TEST(test_save),      CHECK_TEST(test_broken_files),
        CHECK_TEST(test_changed_files), CHECK_TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

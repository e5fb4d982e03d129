/* Tokenizers in files, as Keras's to_json() writes them:
 *     {"class_name": "Tokenizer", "config": {"num_words": null, ..., "word_counts": "{\"a\": 2, ...}", ...}}
 * where the dictionaries are JSON within strings. */
#include <string.h>

#include "core/alloc.h"
#include "core/thread.h"
#include "data/tokenizer.h"
#include "io/io.h"
#include "io/json.h"

/* ---- writing ----------------------------------------------------------------------------------------- */

/* One of the dictionaries, with an entry for each word. */
typedef enum map_kind {
    MAP_WORD_COUNTS,
    MAP_WORD_DOCS,
    MAP_INDEX_DOCS,
    MAP_INDEX_WORD,
    MAP_WORD_INDEX
} map_kind;

static const char *const map_names[] = {"word_counts", "word_docs", "index_docs", "index_word", "word_index"};

/* Appends a string in quotes. False if it is not valid UTF-8. */
static bool map_put_string(tp__bytes *out, const char *text) {
    tp__bytes_put(out, "\"", 1);
    for (const char *p = text, *end = p + strlen(text); p < end;) {
        char escaped[8];
        size_t length, size = tp__json_escape(p, end, &length, escaped);
        if (length == 0) return false;
        tp__bytes_put(out, escaped, size);
        p += length;
    }
    tp__bytes_put(out, "\"", 1);
    return true;
}

static bool map_put_entry(tp__bytes *out, map_kind kind, const char *word, tp__word entry) {
    bool good = true;
    tp__bytes_put(out, ", ", out->size > 1 ? 2 : 0);
    if (kind == MAP_INDEX_DOCS || kind == MAP_INDEX_WORD)
        tp__bytes_format(out, "\"%lld\"", (long long)entry.index);
    else good = map_put_string(out, word);
    tp__bytes_put(out, ": ", 2);
    if (kind == MAP_INDEX_WORD) return good && map_put_string(out, word);
    int64_t number = kind == MAP_WORD_COUNTS  ? entry.count
                     : kind == MAP_WORD_INDEX ? entry.index
                                              : entry.texts;
    tp__bytes_format(out, "%lld", (long long)number);
    return good;
}

/* Writes a dictionary, as a string. */
static void map_write(tp__writer *w, const tp_tokenizer *t, map_kind kind) {
    const tp__vocabulary *v = &t->vocabulary;
    const char *token = t->options.oov_token, *bad = NULL;
    bool by_index = kind == MAP_INDEX_WORD || kind == MAP_WORD_INDEX;
    tp__bytes map = {0};
    tp__bytes_put(&map, "{", 1);
    if (by_index && token && !tp__vocabulary_find(v, token, strlen(token)) &&
        !map_put_entry(&map, kind, token, (tp__word){.index = 1}))
        bad = token;
    for (int64_t i = 0; !bad && i < tp__word_count(v); i++) {
        const tp__word *word = &tp__words(v)[by_index ? v->by_index[i] : i];
        if (!map_put_entry(&map, kind, tp__word_text(v, word), *word)) bad = tp__word_text(v, word);
    }
    tp__bytes_put(&map, "}", 2); /* and its 0 */
    tp__writer_printf(w, ", \"%s\": ", map_names[kind]);
    if (bad) tp__writer_not_utf8(w, bad);
    else if (map.failed) tp__writer_no_memory(w, map.size);
    else tp__writer_json(w, map.data);
    tp__bytes_free(&map);
}

tp_status tp_tokenizer_save(const tp_tokenizer *tokenizer, const char *path) {
    const char *op = "tokenizer_save";
    tp__writer w;
    if (!tokenizer || !path) return tp__deliver(tp__error_null(op, tokenizer ? "path" : "tokenizer"));
    if (!tp__writer_open(&w, op, path)) return tp_last_error().code;
    const tp_tokenizer_options *o = &tokenizer->options;
    tp__writer_printf(&w, "{\"class_name\": \"Tokenizer\", \"config\": {\"num_words\": ");
    if (o->num_words) tp__writer_printf(&w, "%lld", (long long)o->num_words);
    else tp__writer_printf(&w, "null");
    tp__writer_printf(&w, ", \"filters\": ");
    tp__writer_json(&w, o->filters);
    tp__writer_printf(&w, ", \"lower\": %s, \"split\": ", o->no_lower ? "false" : "true");
    tp__writer_json(&w, o->split);
    tp__writer_printf(&w, ", \"char_level\": %s, \"oov_token\": ", o->char_level ? "true" : "false");
    if (o->oov_token) tp__writer_json(&w, o->oov_token);
    else tp__writer_printf(&w, "null");
    tp__writer_printf(&w, ", \"document_count\": %lld", (long long)tokenizer->vocabulary.texts);
    for (map_kind kind = MAP_WORD_COUNTS; kind <= MAP_WORD_INDEX; kind++) map_write(&w, tokenizer, kind);
    tp__writer_printf(&w, "}}\n");
    return tp__deliver(tp__writer_close(&w));
}

/* ---- reading ----------------------------------------------------------------------------------------- */

#define MAPS (sizeof map_names / sizeof map_names[0])

/* What a file says; strings lie in its text. */
typedef struct token_file {
    const char *op, *path;
    tp_tokenizer_options options;
    int64_t texts;
    char *maps[MAPS];
    unsigned seen; /* one bit for each key below */
} token_file;

static const char *const token_keys[] = {"num_words",  "filters",   "lower",         "split",
                                         "char_level", "oov_token", "document_count"};
enum { TOKEN_KEYS = sizeof token_keys / sizeof token_keys[0] };

/* Fails with the reader's error. `map` is the dictionary that is read, or NULL. */
static bool token_fail(const token_file *file, const tp__json *json, const char *map) {
    tp__error(TP_ERR_FORMAT, file->op, "%s: byte %lld%s%s: %s", file->path,
              (long long)(json->p - json->begin), map ? " of " : "", map ? map : "", json->error);
    return false;
}

static bool token_value(token_file *file, tp__json *json, int key) {
    tp_tokenizer_options *o = &file->options;
    bool lower = true;
    switch (key) {
    case 0: return tp__json_word(json, "null") || tp__json_natural(json, &o->num_words);
    case 1: return (o->filters = tp__json_string(json)) != NULL;
    case 2:
        if (!tp__json_bool(json, &lower)) return false;
        o->no_lower = !lower;
        return true;
    case 3:
        o->split = tp__json_string(json);
        return o->split && (*o->split || tp__json_fail(json, "an empty split"));
    case 4: return tp__json_bool(json, &o->char_level);
    case 5: return tp__json_word(json, "null") || (o->oov_token = tp__json_string(json)) != NULL;
    case 6: return tp__json_natural(json, &file->texts);
    default: return (file->maps[key - TOKEN_KEYS] = tp__json_string(json)) != NULL;
    }
}

static bool token_config(token_file *file, tp__json *json) {
    if (!tp__json_open(json, '{')) return false;
    for (bool first = true; tp__json_next(json, '}', &first);) {
        char *at = json->p;
        const char *key = tp__json_key(json);
        int k = 0;
        if (!key) return false;
        while (k < TOKEN_KEYS + (int)MAPS &&
               strcmp(key, k < TOKEN_KEYS ? token_keys[k] : map_names[k - TOKEN_KEYS]) != 0)
            k++;
        bool known = k < TOKEN_KEYS + (int)MAPS;
        if (!known || file->seen >> k & 1) {
            json->p = at;
            return tp__json_fail(json, known ? "a key given twice" : "a key that no Tokenizer has");
        }
        file->seen |= 1u << k;
        if (!token_value(file, json, k)) return false;
    }
    if (!json->error && file->seen != (1u << (TOKEN_KEYS + (int)MAPS)) - 1)
        tp__json_fail(json, "a key of the config is missing");
    return !json->error;
}

/* Consumes a key, which must be this one. */
static bool token_key(tp__json *json, const char *expected, bool *first) {
    if (!tp__json_next(json, '}', first)) return tp__json_fail(json, "class_name or config is missing");
    const char *key = tp__json_key(json);
    return key && (strcmp(key, expected) == 0 || tp__json_fail(json, "expected class_name, then config"));
}

static bool token_document(token_file *file, tp__json *json) {
    bool first = true;
    if (!tp__json_open(json, '{') || !token_key(json, "class_name", &first)) return false;
    const char *name = tp__json_string(json);
    if (!name) return false;
    if (strcmp(name, "Tokenizer") != 0) return tp__json_fail(json, "the class is not Tokenizer");
    if (!token_key(json, "config", &first) || !token_config(file, json)) return false;
    if (tp__json_next(json, '}', &first)) return tp__json_fail(json, "expected '}'");
    return tp__json_end(json);
}

/* Takes one entry of a dictionary over into the vocabulary, or compares it. False after a failure, of which
 * json->error tells, or nothing if memory ran out. */
static bool map_take(const token_file *file, tp_tokenizer *t, map_kind kind, const char *word, int64_t number,
                     tp__json *json) {
    size_t size = strlen(word);
    tp__word *found = tp__vocabulary_find(&t->vocabulary, word, size);
    if (kind == MAP_WORD_COUNTS) {
        if (found) return tp__json_fail(json, "a word given twice");
        if (number == 0) return tp__json_fail(json, "a count of 0");
        found = tp__vocabulary_add(&t->vocabulary, word, size);
        if (found) found->count = number;
        return found;
    }
    if (kind == MAP_WORD_INDEX) {
        bool same = number > 0 && number == tp_tokenizer_word_index(t, word);
        return same || tp__json_fail(json, "an index that does not follow from the word_counts");
    }
    if (!found) return tp__json_fail(json, "a word without a count");
    if (found->texts) return tp__json_fail(json, "a word given twice");
    if (number == 0 || number > found->count || number > file->texts)
        return tp__json_fail(json, "a number of texts that does not fit the word_counts");
    found->texts = number;
    return true;
}

static bool map_read(const token_file *file, tp_tokenizer *t, map_kind kind) {
    const char *token = t->options.oov_token;
    tp__json json;
    int64_t entries = 0, expected, number;
    tp__json_start(&json, file->maps[kind], strlen(file->maps[kind]));
    bool good = tp__json_open(&json, '{');
    for (bool first = true; good && tp__json_next(&json, '}', &first); entries++) {
        const char *word = tp__json_key(&json);
        good = word && tp__json_natural(&json, &number) && map_take(file, t, kind, word, number, &json);
    }
    expected = tp__word_count(&t->vocabulary);
    if (kind == MAP_WORD_INDEX && token && !tp__vocabulary_find(&t->vocabulary, token, strlen(token)))
        expected++;
    good = good && tp__json_end(&json) &&
           (entries == expected || tp__json_fail(&json, "a word of the word_counts is missing"));
    if (json.error) return token_fail(file, &json, map_names[kind]);
    if (!good) tp__error_memory(file->op, t->vocabulary.text.size + t->vocabulary.words.size);
    return good;
}

/* The tokenizer in a text, which is changed. */
static tp_tokenizer *token_parse(token_file *file, char *text, size_t size) {
    tp__json json;
    tp__json_start(&json, text, size);
    if (!token_document(file, &json)) {
        token_fail(file, &json, NULL);
        return NULL;
    }
    tp_tokenizer *t = tp_tokenizer_new(file->options);
    if (!t) tp__error_rename("tokenizer_new", file->op);
    bool good = t && map_read(file, t, MAP_WORD_COUNTS) && map_read(file, t, MAP_WORD_DOCS);
    if (good && !tp__vocabulary_number(&t->vocabulary, t->options.oov_token ? 2 : 1)) {
        tp__error_memory(file->op, t->vocabulary.words.size);
        good = false;
    }
    if (good && map_read(file, t, MAP_WORD_INDEX)) {
        t->vocabulary.texts = file->texts;
        return t;
    }
    tp_tokenizer_free(t);
    return NULL;
}

tp_tokenizer *tp_tokenizer_load(const char *path) {
    token_file file = {.op = "tokenizer_load", .path = path};
    TP_REQUIRE(path, "tokenizer_load");
    tp__file f;
    if (!tp__file_open(&f, file.op, path)) return NULL;
    tp_tokenizer *t = NULL;
    char *text = tp__alloc((size_t)f.size + 1);
    if (!text) tp__error_memory(file.op, (size_t)f.size + 1);
    else if (tp__file_read(&f, 0, text, (size_t)f.size)) t = token_parse(&file, text, (size_t)f.size);
    tp__free(text);
    tp__file_close(&f);
    return t;
}

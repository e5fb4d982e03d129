"""Tokenizers and padded sequences, of keras-preprocessing 1.1.2 (pip install keras-preprocessing).

For each case there are as metadata <case>/text0 ..., what the tokenizer is fitted on, <case>/json, what its
to_json() gives, and <case>/pad, options of pad_sequences; as tensors <case>/sequence0 ..., of those texts and then
of <case>/other0 ..., and <case>/padded."""

import numpy
import torch

numpy.unicode_ = numpy.str_  # keras-preprocessing is older than NumPy 2

from keras_preprocessing.sequence import pad_sequences  # noqa: E402
from keras_preprocessing.text import Tokenizer  # noqa: E402

PLAIN = ["The cat sat on the mat; the mat was flat.", "A cat! a dog? A cat-and-dog day...", "",
         "one two three four five six seven", "seven six five four three two one", "\t tabs\tand\nlines \r\n kept",
         "Numbers 1 2 3, it's 'quoted' [and] {so} ~on~ a\\b c|d e/f", "THE end of THE corpus"]
UNICODE = ["ÀÉÎÕÜ àéîõü ÇŸ ŠŽ ĲŁĦ", "ΑΘΗΝΑ Αθήνα ΣΟΦΙΑ σοφια", "ΟΔΟΣ οδος ΟΔΥΣΣΕΥΣ. Σ ΣΣ 1Σ Σ1 ΑΣ' ΑΣ'Α Α'Σ ΑΣ\u0301 日Σ", "МОСКВА Москва москва ЁЖ ёж", "ԵՐԵՎԱՆ երևան Ⴀⴀ ᲐᲑ აბ",
           "İSTANBUL istanbul Iğdır ıııı", "Ⱥ ⱥ K Å Ω ẞ straße STRASSE ǅ Ǆ ǆ", "日本語 の テキスト 日本語 😀 😀😀 𐐀𐐨 𞤀",
           "naïve—dash “quotes” … NO\u00a0BREAK\u3000SPACE"]
OTHER = ["the unknown cat", "", "zzz", "МОСКВА und ÀÉÎÕÜ", "seven   seven"]


def cases(file):
    add(file, "plain", PLAIN, "maxlen=6")
    add(file, "unicode", UNICODE, "padding=post value=-1")
    add(file, "num_words", PLAIN, "maxlen=4 truncating=post", num_words=6)
    add(file, "oov", PLAIN, "maxlen=5 padding=post truncating=post value=9", oov_token="<unk>")
    add(file, "oov and num_words", PLAIN + UNICODE, "maxlen=1", oov_token="<OOV>", num_words=10)
    add(file, "oov in the corpus", PLAIN, "maxlen=12", oov_token="cat")
    add(file, "num_words 1", PLAIN, "maxlen=2", num_words=1, oov_token="?")
    add(file, "characters", PLAIN + UNICODE, "maxlen=20", char_level=True)
    add(file, "characters as they are", UNICODE, "maxlen=20", char_level=True, lower=False, oov_token="☃")
    add(file, "as they are", PLAIN + UNICODE, "", lower=False)
    add(file, "filters", PLAIN + UNICODE, "", filters="aé—日.")
    add(file, "no filters", PLAIN, "", filters="")
    add(file, "split", ["a||b|||c", "||", "a.b||.c|", "|a|"], "", split="||", filters=".")
    add(file, "split by a comma", PLAIN, "", split=",")
    add(file, "long", [PLAIN[k % 8] * (k % 5) + f" w{k * k % 97} w{k % 13}" for k in range(120)], "maxlen=3", num_words=60)


def add(file, name, texts, pad, **options):
    tokenizer = Tokenizer(**options)
    tokenizer.fit_on_texts(texts)
    tokenizer.word_docs = dict(sorted(tokenizer.word_docs.items()))  # in the order of a set, which each run has another of
    tokenizer.index_docs = dict(sorted(tokenizer.index_docs.items()))
    file.metadata[f"{name}/json"] = tokenizer.to_json()
    file.metadata[f"{name}/pad"] = pad
    for what, some in ("text", texts), ("other", OTHER):
        for i, text in enumerate(some):
            file.metadata[f"{name}/{what}{i}"] = text
    sequences = tokenizer.texts_to_sequences(texts + OTHER)
    for i, sequence in enumerate(sequences):
        file.tensors[f"{name}/sequence{i}"] = torch.tensor(sequence, dtype=torch.int64)
    arguments = dict(pair.split("=") for pair in pad.split())
    for key in "maxlen", "value":
        if key in arguments:
            arguments[key] = int(arguments[key])
    padded = pad_sequences(sequences, dtype="int64", **arguments)
    file.tensors[f"{name}/padded"] = torch.from_numpy(padded)

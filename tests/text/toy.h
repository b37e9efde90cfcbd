/* toy.h: two tokenizers small enough to check by hand: one of Gemma's shape, one of GPT-NeoX's; and helpers to open and ask
 * them. */
#ifndef HOOKE_TESTS_TEXT_TOY_H
#define HOOKE_TESTS_TEXT_TOY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

#include "check.h"

#define TOY_A_VOCAB                                                                                            \
    "{\"<pad>\":0,\"<eos>\":1,\"<bos>\":2,\"<unk>\":3,\"<turn>\":4,\"\\n\\n\":5,\"▁▁\":6,\"<0xE2>\":7,\"<" \
    "0x82>\":8,"                                                                                               \
    "\"<0xAC>\":9,\"<0xC3>\":10,\"▁\":11,\"H\":12,\"e\":13,\"l\":14,\"o\":15,\"\\n\":16,\"ll\":17,\"He\":"   \
    "18,\"Hell\":19,"                                                                                          \
    "\"Hello\":20,\"▁Hello\":21}"
#define TOY_A_ADDED                                                             \
    "[{\"id\":0,\"content\":\"<pad>\",\"normalized\":false,\"special\":true},"  \
    "{\"id\":1,\"content\":\"<eos>\",\"normalized\":false,\"special\":true},"   \
    "{\"id\":2,\"content\":\"<bos>\",\"normalized\":false,\"special\":true},"   \
    "{\"id\":3,\"content\":\"<unk>\",\"normalized\":false,\"special\":true},"   \
    "{\"id\":4,\"content\":\"<turn>\",\"normalized\":false,\"special\":true},"  \
    "{\"id\":5,\"content\":\"\\n\\n\",\"normalized\":false,\"special\":false}," \
    "{\"id\":6,\"content\":\"▁▁\",\"normalized\":false,\"special\":false}]"
static const char toy_a[] =
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":" TOY_A_ADDED
    ",\"normalizer\":{\"type\":\"Replace\","
    "\"pattern\":{\"String\":\" "
    "\"},\"content\":\"▁\"},\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},"
    "\"behavior\":\"MergedWithPrevious\",\"invert\":false},\"post_processor\":{\"type\":"
    "\"TemplateProcessing\",\"single\":["
    "{\"SpecialToken\":{\"id\":\"<bos>\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],"
    "\"pair\":[],"
    "\"special_tokens\":{\"<bos>\":{\"id\":\"<bos>\",\"ids\":[2],\"tokens\":[\"<bos>\"]}}},\"decoder\":{"
    "\"type\":\"Sequence\","
    "\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"▁\"},\"content\":\" "
    "\"},{\"type\":\"ByteFallback\"},"
    "{\"type\":\"Fuse\"}]},\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":\"<unk>\",\"continuing_"
    "subword_prefix\":null,"
    "\"end_of_word_suffix\":null,\"fuse_unk\":true,\"byte_fallback\":true,\"ignore_merges\":false,"
    "\"vocab\":" TOY_A_VOCAB ",\"merges\":[\"▁ ▁\",\"l l\",\"H e\",\"He ll\",\"Hell o\",\"▁ Hello\"]}}";

static const char toy_b[] =
    "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":0,\"content\":\"<|endoftext|>\",\"normalized\":false,"
    "\"special\":true},"
    "{\"id\":11,\"content\":\"  \",\"normalized\":true,\"special\":false}],\"normalizer\":{\"type\":\"NFC\"},"
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true},"
    "\"post_processor\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true},"
    "\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true},\"model\":{"
    "\"type\":\"BPE\","
    "\"dropout\":null,\"unk_token\":null,\"fuse_unk\":false,\"vocab\":{\"<|endoftext|>\":0,\"l\":1,\"o\":2,"
    "\"w\":3,\"Ġ\":4,"
    "\"Ã\":5,\"©\":6,\"Ċ\":7,\"lo\":8,\"low\":9,\"Ġlow\":10},\"merges\":[\"l o\",\"lo w\",[\"Ġ\",\"low\"]]}}";

#define stop(line, ...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, line))

/* Opens a tokenizer.json and, if not NULL, the tokenizer_config.json beside it. */
static inline hooke_status open_json(hooke_tokenizer **out, const char *json, const char *config)
{
    struct tokenizer_files files = { .tokenizer = { json, strlen(json) } };
    if (config) files.config = (struct bytes){ config, strlen(config) };
    return tokenizer_parse(out, &files, "toy.json");
}

static inline hooke_tokenizer *must_open_json(const char *json, const char *config)
{
    hooke_tokenizer *tk;
    if (open_json(&tk, json, config) != HOOKE_OK) stop(__LINE__, "%s", hooke_error());
    return tk;
}

static inline void print_ids(hooke_text *out, const int32_t *ids, size_t n)
{
    text_clear(out);
    text_append(out, "", 0);
    for (size_t i = 0; i < n; i++) text_printf(out, i ? " %d" : "%d", (int)ids[i]);
}

/* expected: the ids as text, separated by single spaces. */
static inline void expect_ids_n(const hooke_tokenizer *tk, const char *text, size_t n, int flags,
                                const char *expected, int line)
{
    hooke_ids ids = { 0 };
    hooke_text found = { 0 };
    if (hooke_tokenizer_encode(tk, &ids, text, n, flags) != HOOKE_OK) stop(line, "%s", hooke_error());
    print_ids(&found, ids.data, ids.n);
    if (strcmp(found.data, expected) != 0)
        stop(line, "'%s': expected %s, found %s", text, expected, found.data);
    hooke_text_release(&found);
    hooke_ids_release(&ids);
}
#define expect_ids(tk, text, flags, expected) expect_ids_n(tk, text, strlen(text), flags, expected, __LINE__)

static inline void expect_text_of(const hooke_tokenizer *tk, const int32_t *ids, size_t n, int flags,
                                  const char *expected, int line)
{
    hooke_text text = { 0 };
    if (hooke_tokenizer_decode(tk, &text, ids, n, flags) != HOOKE_OK) stop(line, "%s", hooke_error());
    if (strcmp(text.data, expected) != 0) stop(line, "expected '%s', found '%s'", expected, text.data);
    hooke_text_release(&text);
}
#define expect_text(tk, flags, expected, ...)                                                          \
    expect_text_of(tk, (const int32_t[]){ __VA_ARGS__ }, sizeof((const int32_t[]){ __VA_ARGS__ }) / 4, \
                   flags, expected, __LINE__)

#endif

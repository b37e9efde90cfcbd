/* source.h: bytes of a text file, inflated on the way: plain, .gz, .zst, or standard input for "-". */
#ifndef HOOKE_TEXT_SOURCE_H
#define HOOKE_TEXT_SOURCE_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SOURCE_BLOCK = 1 << 16 };
enum source_kind { SOURCE_PLAIN, SOURCE_GZIP, SOURCE_ZSTD, SOURCE_MEMORY };

struct source {
    enum source_kind kind;
    char *path;         /* owned, for messages */
    void *inner;        /* FILE or gzFile */
    const char *memory; /* [memory_left] SOURCE_MEMORY: borrowed */
    size_t memory_left;
    bool is_stdin;
    struct zstd_state *zstd;
    char *block; /* [SOURCE_BLOCK] */
    size_t at, n;
    bool is_done;
    int64_t line; /* of the byte at block[at], from 1 */
};

/* Zeroed before; close it after a failure too. */
hooke_status source_open(struct source *s, const char *path, enum source_kind kind);
/* The same for bytes that lie in memory for as long as the source is open; name is for messages. */
hooke_status source_open_memory(struct source *s, const char *name, const void *bytes, size_t n);
void source_close(struct source *s);
/* Makes block[at .. n) not empty, or *got false at the end. */
hooke_status source_fill(struct source *s, bool *got);
/* Next byte into *c, or *got false at the end. */
hooke_status source_byte(struct source *s, char *c, bool *got);
/* Appends the next line without its LF or CR LF; *got false at the end. Longer than max is HOOKE_E_UNSUPPORTED. */
hooke_status source_line(struct source *s, hooke_text *out, size_t max, bool *got);
/* At the very beginning: skips a UTF-8 byte order mark, refuses what is no text by what it looks like. */
hooke_status source_begin(struct source *s);

#ifdef __cplusplus
}
#endif
#endif

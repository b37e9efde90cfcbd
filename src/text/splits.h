/* splits.h: which files a data set's split consists of, as Hugging Face's datasets finds them. */
#ifndef HOOKE_TEXT_SPLITS_H
#define HOOKE_TEXT_SPLITS_H

#include "file/json.h"
#include "text/pieces.h"

#ifdef __cplusplus
extern "C" {
#endif

struct split_files {
    struct pieces paths; /* in byte order; each ends in a NUL, which counts */
    const struct json
        *features; /* what the card says of the columns: a list of {name, dtype}; NULL: nothing */
    struct arena arena;
};
/* True when `what` is a folder or names a data set in the hub's cache, not a file. */
bool is_data_set(const char *what);
/* One file stands for itself. */
hooke_status split_files_find(struct split_files *out, const char *what, const hooke_rows_options *options);
void split_files_release(struct split_files *f);

#ifdef __cplusplus
}
#endif
#endif

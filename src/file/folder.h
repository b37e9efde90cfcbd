/* folder.h: the files below a folder, and glob patterns for their paths. */
#ifndef HOOKE_FILE_FOLDER_H
#define HOOKE_FILE_FOLDER_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FOLDER_MAX_FILES = 200000, FOLDER_MAX_DEPTH = 16 };

struct folder {
    char **paths; /* [n] relative to the folder, '/' between parts, sorted by bytes */
    size_t n, capacity;
    struct arena names;
};
/* Regular files and links to them. Passed over: names that begin with a dot, links to a folder that they lie in, folders below that may not
 * be read. */
hooke_status folder_list(struct folder *out, const char *path);
void folder_release(struct folder *f);

/* '*' any characters but '/', '?' one, "[a-z]" and "[!a-z]" one of a set, "**" any at all ("**" and '/' may also be nothing). */
bool path_matches(const char *pattern, const char *path);

#ifdef __cplusplus
}
#endif
#endif

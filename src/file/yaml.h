/* yaml.h: the small part of YAML that configurations of dictionaries are written in, read into a JSON tree.
 *
 * Understood: nested maps by indentation, lists ("- item" lines, and [a, b] of scalars in one line), plain and quoted scalars,
 * comments, one document. Refused by name: anchors, aliases, tags, block scalars, flow maps other than {}, tabs in indentation. */
#ifndef HOOKE_FILE_YAML_H
#define HOOKE_FILE_YAML_H

#include "file/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parses text[n]; `name` (the file) opens every message. The tree lives in the arena. An empty document is an empty object. */
hooke_status yaml_parse(const struct json **out, struct arena *a, const char *text, size_t n,
                        const char *name);
/* Reads the whole file (at most max_bytes) and parses it. */
hooke_status yaml_read(const struct json **out, struct arena *a, const char *path, size_t max_bytes);

#ifdef __cplusplus
}
#endif
#endif

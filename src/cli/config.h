/* config.h: flat YAML maps, as --config reads them. */
#ifndef HOOKE_CLI_CONFIG_H
#define HOOKE_CLI_CONFIG_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct config_entry {
    const char *key, *value;
    int line; /* from 1 */
};
struct config {
    struct config_entry *entries; /* in file order; an item of a list is an entry of its own */
    size_t n, capacity;
};
/* "key: value" lines, '#' comments, quoted strings, [a, b] and "- a" lists. Anything deeper is refused with its line.
 * Returns 0 or the exit code. */
int config_read(struct config *out, const char *path);

#ifdef __cplusplus
}
#endif
#endif

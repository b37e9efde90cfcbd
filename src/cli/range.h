/* range.h: "20", "10-12", "50-", "-30", "16k-131k": a range of numbers as an option. */
#ifndef HOOKE_CLI_RANGE_H
#define HOOKE_CLI_RANGE_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

struct range {
    double low, high; /* both ends belong to it */
};
/* text NULL: everything. k and m are the thousands that dictionaries are called by: 16k is 16384, 65k 65536, 1m 1048576. Returns 0 or
 * the exit code. */
int range_parse(struct range *out, const char *option, const char *text);
bool range_holds(const struct range *r, double x);

#ifdef __cplusplus
}
#endif
#endif

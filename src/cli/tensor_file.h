/* tensor_file.h: a safetensors file written piece by piece: sizes are known first, data comes in any order.
 *
 * Everything goes to a temporary file beside the target; commit makes it durable and gives it its name. */
#ifndef HOOKE_CLI_TENSOR_FILE_H
#define HOOKE_CLI_TENSOR_FILE_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tensor_file {
    const char *path;
    char *temporary;
    int fd;
    int n;
    int64_t *offset; /* [n] of each tensor's data in the file */
    int64_t bytes;   /* of the whole file */
    bool bad;
};
/* tensors[n].data is not looked at. Returns 0 or the exit code. */
int tensor_file_create(struct tensor_file *f, const char *path, const hooke_tensor_out *tensors, int n,
                       const char *const *metadata_pairs);
int tensor_file_put(struct tensor_file *f, int tensor, int64_t byte, const void *data, size_t n_bytes);
int tensor_file_commit(struct tensor_file *f);
void tensor_file_abandon(struct tensor_file *f); /* after a commit: nothing */

int64_t tensor_out_items(const hooke_tensor_out *t);
int64_t tensor_out_bytes(const hooke_tensor_out *t);

#ifdef __cplusplus
}
#endif
#endif

/* torch_write.h: a flat state dict as PyTorch's archive, which torch.load() reads with weights_only=True.
 *
 *     hooke_tensor_out t[2] = { { "bias", "F32", 1, { 8 }, bias }, { "k", "I32", 0, { 0 }, &k } };
 *     RETURN_IF_ERROR(torch_write("ae.pt", t, 2));
 *
 * The archive holds archive/data.pkl (protocol 2, no memo), one storage a tensor at a multiple of 64 bytes, archive/version and
 * archive/byteorder. Atomic. */
#ifndef HOOKE_FILE_TORCH_WRITE_H
#define HOOKE_FILE_TORCH_WRITE_H

#include "file/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dtypes: F32, F64, F16, BF16, I64, I32, I16, I8, U8, BOOL. 0-dim tensors: n_dims 0. Names must differ; the dict keeps the order
 * given. One tensor with name NULL is written bare (torch.save(tensor, f)). n may be 0. */
hooke_status torch_write(const char *path, const hooke_tensor_out *tensors, int n);

#ifdef __cplusplus
}
#endif
#endif

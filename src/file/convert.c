/* convert.c: elements of files to float32 and int64. Files give no alignment: every element goes through memcpy, which
 * compilers turn into a plain load. */
#include <math.h>
#include <string.h>

#include "file/safetensors.h"

/* IEEE half: 1 sign, 5 exponent, 10 fraction bits. Subnormal halves are normal floats. */
static float half_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3FF, bits;
    float v;
    if (exponent == 0) {
        v = (float)fraction * 0x1p-24f;
        memcpy(&bits, &v, sizeof bits);
        bits |= sign;
    } else if (exponent == 31) {
        bits = sign | 0x7F800000 | fraction << 13;
    } else {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    }
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* bfloat16 is the upper half of a float. */
static float bf16_to_f32(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

#define CONVERT(type, expression)                        \
    for (int64_t i = 0; i < n; i++) {                    \
        type v;                                          \
        memcpy(&v, p + i * (int64_t)sizeof v, sizeof v); \
        out[i] = (expression);                           \
    }                                                    \
    break

static hooke_status check_range(const struct stored_tensor *t, int64_t first, int64_t n)
{
    RETURN_IF(t->dtype == DT_OTHER, HOOKE_E_UNSUPPORTED,
              "tensor '%.200s': elements of type %.40s cannot be converted", t->name, t->dtype_text);
    RETURN_IF(!t->data && n > 0, HOOKE_E_INTERNAL, "tensor '%.200s' is not loaded", t->name);
    RETURN_IF(first < 0 || n < 0 || first > t->n_items || n > t->n_items - first, HOOKE_E_ARGUMENT,
              "tensor '%.200s': elements %lld and %lld more, it has %lld", t->name, (long long)first,
              (long long)n, (long long)t->n_items);
    return HOOKE_OK;
}

hooke_status stored_to_f32(float *out, const struct stored_tensor *t, int64_t first, int64_t n)
{
    RETURN_IF_ERROR(check_range(t, first, n));
    if (n == 0) return HOOKE_OK;
    const unsigned char *p = (const unsigned char *)t->data + (size_t)first * dtype_bytes(t->dtype);
    switch (t->dtype) {
    case DT_F32:
        memcpy(out, p, (size_t)n * sizeof *out);
        break;
    case DT_F16:
        CONVERT(uint16_t, half_to_f32(v));
    case DT_BF16:
        CONVERT(uint16_t, bf16_to_f32(v));
    case DT_F64:
        CONVERT(double, (float)v);
    case DT_I64:
        CONVERT(int64_t, (float)v);
    case DT_I32:
        CONVERT(int32_t, (float)v);
    case DT_I16:
        CONVERT(int16_t, (float)v);
    case DT_I8:
        CONVERT(int8_t, (float)v);
    case DT_U64:
        CONVERT(uint64_t, (float)v);
    case DT_U32:
        CONVERT(uint32_t, (float)v);
    case DT_U16:
        CONVERT(uint16_t, (float)v);
    case DT_U8:
        CONVERT(uint8_t, (float)v);
    case DT_BOOL:
        CONVERT(uint8_t, v ? 1.0f : 0.0f);
    case DT_OTHER:
        break; /* check_range() refused it */
    }
    return HOOKE_OK;
}

/* Floats are taken only where they are whole numbers that fit. */
static hooke_status floats_to_i64(int64_t *out, const struct stored_tensor *t, int64_t first, int64_t n)
{
    enum { PIECE = 256 };
    float piece[PIECE];
    for (int64_t done = 0; done < n;) {
        int64_t count = n - done < PIECE ? n - done : PIECE;
        RETURN_IF_ERROR(stored_to_f32(piece, t, first + done, count));
        for (int64_t i = 0; i < count; i++, done++) {
            double v = (double)piece[i];
            if (t->dtype == DT_F64) memcpy(&v, (const unsigned char *)t->data + (first + done) * 8, sizeof v);
            RETURN_IF(!(v >= -0x1p63 && v < 0x1p63) || v != floor(v), HOOKE_E_FORMAT,
                      "tensor '%.200s': element %lld, %g, is no integer", t->name, (long long)(first + done),
                      v);
            out[done] = (int64_t)v;
        }
    }
    return HOOKE_OK;
}

static hooke_status unsigned_to_i64(int64_t *out, const struct stored_tensor *t, const unsigned char *p,
                                    int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t v;
        memcpy(&v, p + i * 8, sizeof v);
        RETURN_IF(v > INT64_MAX, HOOKE_E_FORMAT, "tensor '%.200s': %llu does not fit 63 bits", t->name,
                  (unsigned long long)v);
        out[i] = (int64_t)v;
    }
    return HOOKE_OK;
}

hooke_status stored_to_i64(int64_t *out, const struct stored_tensor *t, int64_t first, int64_t n)
{
    RETURN_IF_ERROR(check_range(t, first, n));
    if (n == 0) return HOOKE_OK;
    const unsigned char *p = (const unsigned char *)t->data + (size_t)first * dtype_bytes(t->dtype);
    switch (t->dtype) {
    case DT_F32:
    case DT_F16:
    case DT_BF16:
    case DT_F64:
        return floats_to_i64(out, t, first, n);
    case DT_I64:
        memcpy(out, p, (size_t)n * sizeof *out);
        break;
    case DT_I32:
        CONVERT(int32_t, v);
    case DT_I16:
        CONVERT(int16_t, v);
    case DT_I8:
        CONVERT(uint8_t, (int64_t)(v ^ 0x80) - 0x80); /* the sign, spelled out */
    case DT_U64:
        return unsigned_to_i64(out, t, p, n);
    case DT_U32:
        CONVERT(uint32_t, v);
    case DT_U16:
        CONVERT(uint16_t, v);
    case DT_U8:
        CONVERT(uint8_t, v);
    case DT_BOOL:
        CONVERT(uint8_t, v != 0);
    case DT_OTHER:
        break; /* check_range() refused it */
    }
    return HOOKE_OK;
}

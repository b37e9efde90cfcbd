/* pickle_reduce.c: the names a pickle may use, and what calling them gives: tensors, sizes, ordered dicts. Every call is checked
 * for exactly the arguments that PyTorch writes. */
#include "file/pickle.h"

#include <string.h>

enum symbol_kind {
    SYMBOL_PLAIN, /* may be named, not called */
    SYMBOL_STORAGE,
    SYMBOL_UNTYPED_STORAGE,
    SYMBOL_ORDERED_DICT,
    SYMBOL_SIZE,
    SYMBOL_DEVICE,
    SYMBOL_DTYPE,
    SYMBOL_TENSOR,    /* storage, offset, size, stride */
    SYMBOL_TENSOR_V2, /* ..., requires_grad, hooks[, metadata] */
    SYMBOL_TENSOR_V3, /* ..., requires_grad, hooks, dtype[, metadata] */
    SYMBOL_PARAMETER, /* tensor, requires_grad, hooks[, state] */
};

static const struct {
    const char *name;
    enum symbol_kind kind;
    enum dtype dtype;
} symbols[] = {
    { "collections.OrderedDict", SYMBOL_ORDERED_DICT, DT_OTHER },
    { "torch._utils._rebuild_tensor_v2", SYMBOL_TENSOR_V2, DT_OTHER },
    { "torch._utils._rebuild_tensor", SYMBOL_TENSOR, DT_OTHER },
    { "torch._utils._rebuild_tensor_v3", SYMBOL_TENSOR_V3, DT_OTHER },
    { "torch._utils._rebuild_parameter", SYMBOL_PARAMETER, DT_OTHER },
    { "torch._utils._rebuild_parameter_with_state", SYMBOL_PARAMETER, DT_OTHER },
    { "torch.FloatStorage", SYMBOL_STORAGE, DT_F32 },
    { "torch.DoubleStorage", SYMBOL_STORAGE, DT_F64 },
    { "torch.HalfStorage", SYMBOL_STORAGE, DT_F16 },
    { "torch.BFloat16Storage", SYMBOL_STORAGE, DT_BF16 },
    { "torch.LongStorage", SYMBOL_STORAGE, DT_I64 },
    { "torch.IntStorage", SYMBOL_STORAGE, DT_I32 },
    { "torch.ShortStorage", SYMBOL_STORAGE, DT_I16 },
    { "torch.CharStorage", SYMBOL_STORAGE, DT_I8 },
    { "torch.ByteStorage", SYMBOL_STORAGE, DT_U8 },
    { "torch.BoolStorage", SYMBOL_STORAGE, DT_BOOL },
    { "torch.storage.UntypedStorage", SYMBOL_UNTYPED_STORAGE, DT_U8 },
    { "torch.float32", SYMBOL_DTYPE, DT_F32 },
    { "torch.float64", SYMBOL_DTYPE, DT_F64 },
    { "torch.float16", SYMBOL_DTYPE, DT_F16 },
    { "torch.bfloat16", SYMBOL_DTYPE, DT_BF16 },
    { "torch.int64", SYMBOL_DTYPE, DT_I64 },
    { "torch.int32", SYMBOL_DTYPE, DT_I32 },
    { "torch.int16", SYMBOL_DTYPE, DT_I16 },
    { "torch.int8", SYMBOL_DTYPE, DT_I8 },
    { "torch.uint64", SYMBOL_DTYPE, DT_U64 },
    { "torch.uint32", SYMBOL_DTYPE, DT_U32 },
    { "torch.uint16", SYMBOL_DTYPE, DT_U16 },
    { "torch.uint8", SYMBOL_DTYPE, DT_U8 },
    { "torch.bool", SYMBOL_DTYPE, DT_BOOL },
    { "torch.Size", SYMBOL_SIZE, DT_OTHER },
    { "torch.device", SYMBOL_DEVICE, DT_OTHER },
    { "torch.nn.parameter.Parameter", SYMBOL_PLAIN, DT_OTHER },
    { "torch.Tensor", SYMBOL_PLAIN, DT_OTHER },
};
enum { N_SYMBOLS = sizeof symbols / sizeof *symbols };

const char *pickle_symbol_name(uint32_t symbol)
{
    return symbol < N_SYMBOLS ? symbols[symbol].name : "";
}

/* Names go into messages: what is not plain ASCII is shown as '?'. */
static void printable(char out[100], const char *s, size_t n)
{
    size_t k = n < 99 ? n : 99;
    for (size_t i = 0; i < k; i++) out[i] = s[i] > ' ' && s[i] < 0x7F ? s[i] : '?';
    out[k] = '\0';
}

hooke_status pickle_symbol_find(const struct pickle *p, uint32_t *out, const char *module,
                                size_t module_bytes, const char *name, size_t name_bytes)
{
    char shown_module[100], shown_name[100];
    for (uint32_t i = 0; i < N_SYMBOLS; i++) {
        const char *s = symbols[i].name;
        if (strlen(s) != module_bytes + 1 + name_bytes || memcmp(s, module, module_bytes) != 0 ||
            s[module_bytes] != '.' || memcmp(s + module_bytes + 1, name, name_bytes) != 0)
            continue;
        *out = i;
        return HOOKE_OK;
    }
    printable(shown_module, module, module_bytes);
    printable(shown_name, name, name_bytes);
    return fail(
        HOOKE_E_UNSUPPORTED,
        "%s: the pickle names '%s.%s' before byte %zu, which is not on the list of what tensors and plain "
        "values need; nothing of it was run. Save plain tensors, numbers and strings only",
        p->name, shown_module, shown_name, p->at);
}

/* ---- arguments ---- */

/* The items of a tuple, at most `most` of them. Returns how many; -1 when it is no tuple or longer. */
static int items_of(const struct pickle *p, uint32_t *out, int most, uint32_t value, enum pickle_kind kind)
{
    const struct pickle_value *v = pickle_value_at(p, value);
    if (v->kind != kind || v->n > (uint32_t)most) return -1;
    uint32_t cell = v->as.items.first;
    for (uint32_t i = 0; i < v->n; i++) {
        out[i] = pickle_cell_at(p, cell)->value;
        cell = pickle_cell_at(p, cell)->next;
    }
    return (int)v->n;
}

static hooke_status wrong_call(const struct pickle *p, uint32_t symbol, const char *what)
{
    fail(HOOKE_E_FORMAT, "%s: broken pickle: %s: %s, before byte %zu", p->name, pickle_symbol_name(symbol),
         what, p->at);
    return HOOKE_E_FORMAT; /* in so many words, for the analyzer */
}

static bool is_empty_dict(const struct pickle *p, uint32_t value)
{
    const struct pickle_value *v = pickle_value_at(p, value);
    return v->kind == PICKLE_DICT && v->n == 0;
}

static bool is_bool(const struct pickle *p, uint32_t value)
{
    return pickle_value_at(p, value)->kind == PICKLE_BOOL;
}

/* Conjugate and negative bits; only "none" is read. */
static bool is_no_metadata(const struct pickle *p, uint32_t value)
{
    return pickle_value_at(p, value)->kind == PICKLE_NONE || is_empty_dict(p, value);
}

/* A tuple of at most MAX_DIMS integers that are not negative; -1 otherwise. */
static int extents(const struct pickle *p, int64_t out[MAX_DIMS], uint32_t value)
{
    uint32_t items[MAX_DIMS];
    int n = items_of(p, items, MAX_DIMS, value, PICKLE_TUPLE);
    for (int i = 0; i < n; i++) {
        const struct pickle_value *v = pickle_value_at(p, items[i]);
        if (v->kind != PICKLE_INT || v->as.integer < 0) return -1;
        out[i] = v->as.integer;
    }
    return n;
}

/* ---- tensors ---- */

/* The last element of the view must lie inside the storage, in bytes: untyped storages count bytes. */
static bool is_inside(const struct pickle_tensor *t, const struct pickle_storage *s)
{
    int64_t last = t->offset, reach, bytes;
    for (int i = 0; i < t->n_dims; i++)
        if (__builtin_mul_overflow(t->size[i] - 1, t->stride[i], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return false;
    return !__builtin_add_overflow(last, (int64_t)1, &last) &&
           !__builtin_mul_overflow(last, (int64_t)dtype_bytes(t->dtype), &bytes) &&
           bytes <= s->n_items * (int64_t)dtype_bytes(s->dtype);
}

static hooke_status check_view(const struct pickle *p, struct pickle_tensor *t, uint32_t symbol)
{
    t->n_items = 1;
    for (int i = 0; i < t->n_dims; i++)
        if (t->size[i] == 0) t->n_items = 0;
    if (t->n_items == 0) return HOOKE_OK;
    for (int i = 0; i < t->n_dims; i++)
        if (__builtin_mul_overflow(t->n_items, t->size[i], &t->n_items) ||
            t->n_items > PTRDIFF_MAX / (int64_t)sizeof(double))
            return wrong_call(p, symbol, "a size past 63 bits");
    return is_inside(t, pickle_storage_at(p, t->storage))
               ? HOOKE_OK
               : wrong_call(p, symbol, "a view past the storage's end");
}

/* args[0..4): storage, offset, size, stride. */
static hooke_status make_tensor(struct pickle *p, uint32_t *out, uint32_t symbol, const uint32_t *args,
                                enum dtype dtype)
{
    const struct pickle_value *storage = pickle_value_at(p, args[0]), *offset = pickle_value_at(p, args[1]);
    struct pickle_tensor t;
    int64_t stride[MAX_DIMS];
    uint32_t at;
    memset(&t, 0, sizeof t);
    if (storage->kind != PICKLE_STORAGE) return wrong_call(p, symbol, "the first argument is no storage");
    if (offset->kind != PICKLE_INT || offset->as.integer < 0)
        return wrong_call(p, symbol, "the offset is no number from 0 up");
    t.storage = storage->as.index;
    t.dtype = dtype == DT_OTHER ? pickle_storage_at(p, t.storage)->dtype : dtype;
    t.offset = offset->as.integer;
    t.n_dims = extents(p, t.size, args[2]);
    if (t.n_dims < 0 || extents(p, stride, args[3]) != t.n_dims)
        return wrong_call(p, symbol, "size and stride are not two equally long tuples of at most 8 numbers");
    memcpy(t.stride, stride, sizeof *stride * (size_t)t.n_dims);
    RETURN_IF_ERROR(check_view(p, &t, symbol));
    RETURN_IF_ERROR(pickle_pool_add(p, &p->tensors, sizeof t, &at));
    ((struct pickle_tensor *)p->tensors.items)[at] = t;
    RETURN_IF_ERROR(pickle_new_value(p, out, PICKLE_TENSOR));
    ((struct pickle_value *)p->values.items)[*out].as.index = at;
    return HOOKE_OK;
}

static hooke_status reduce_tensor(struct pickle *p, uint32_t *out, uint32_t symbol, uint32_t args)
{
    enum { MOST = 8 };
    uint32_t a[MOST];
    enum symbol_kind kind = symbols[symbol].kind;
    int n = items_of(p, a, MOST, args, PICKLE_TUPLE), least = kind == SYMBOL_TENSOR      ? 4
                                                              : kind == SYMBOL_TENSOR_V2 ? 6
                                                                                         : 7;
    enum dtype dtype = DT_OTHER;
    if (n != least && (kind == SYMBOL_TENSOR || n != least + 1))
        return wrong_call(p, symbol, "a wrong number of arguments");
    if (n > 4 && (!is_bool(p, a[4]) || !is_empty_dict(p, a[5])))
        return wrong_call(p, symbol, "requires_grad is no boolean, or there are hooks");
    if (kind == SYMBOL_TENSOR_V3) {
        const struct pickle_value *v = pickle_value_at(p, a[6]);
        if (v->kind != PICKLE_SYMBOL || symbols[v->as.index].kind != SYMBOL_DTYPE)
            return wrong_call(p, symbol, "the dtype is none");
        dtype = symbols[v->as.index].dtype;
    }
    if (n > least && !is_no_metadata(p, a[least]))
        return wrong_call(p, symbol, "metadata (conjugate or negative views) are not read");
    return make_tensor(p, out, symbol, a, dtype);
}

static hooke_status reduce_parameter(struct pickle *p, uint32_t *out, uint32_t symbol, uint32_t args)
{
    uint32_t a[4];
    int n = items_of(p, a, 4, args, PICKLE_TUPLE);
    if (n < 3 || pickle_value_at(p, a[0])->kind != PICKLE_TENSOR || !is_bool(p, a[1]) ||
        !is_empty_dict(p, a[2]))
        return wrong_call(p, symbol, "expected a tensor, a boolean and no hooks");
    *out = a[0];
    return HOOKE_OK;
}

/* ---- plain classes ---- */

static hooke_status add_pairs(struct pickle *p, uint32_t dict, uint32_t list, uint32_t symbol)
{
    const struct pickle_value *v = pickle_value_at(p, list);
    uint32_t pair[2], cell = v->as.items.first, n = v->n;
    if (v->kind != PICKLE_LIST) return wrong_call(p, symbol, "its argument is no list");
    for (uint32_t i = 0; i < n; i++, cell = pickle_cell_at(p, cell)->next) {
        uint32_t item = pickle_cell_at(p, cell)->value;
        enum pickle_kind kind = pickle_value_at(p, item)->kind;
        if ((kind != PICKLE_LIST && kind != PICKLE_TUPLE) || items_of(p, pair, 2, item, kind) != 2)
            return wrong_call(p, symbol, "its items are no pairs");
        RETURN_IF_ERROR(pickle_append(p, dict, pair[0]));
        RETURN_IF_ERROR(pickle_append(p, dict, pair[1]));
    }
    return HOOKE_OK;
}

static hooke_status reduce_dict(struct pickle *p, uint32_t *out, uint32_t symbol, uint32_t args)
{
    uint32_t list;
    int n = items_of(p, &list, 1, args, PICKLE_TUPLE);
    if (n < 0) return wrong_call(p, symbol, "more than one argument");
    RETURN_IF_ERROR(pickle_new_value(p, out, PICKLE_DICT));
    return n ? add_pairs(p, *out, list, symbol) : HOOKE_OK;
}

/* torch.Size((2, 3)) is a tuple; a device is where a tensor was: its first argument stands for it. */
static hooke_status reduce_wrapper(struct pickle *p, uint32_t *out, uint32_t symbol, uint32_t args)
{
    uint32_t a[2];
    bool is_size = symbols[symbol].kind == SYMBOL_SIZE;
    int n = items_of(p, a, 2, args, PICKLE_TUPLE);
    if (n < 1 || (is_size && n != 1) ||
        pickle_value_at(p, a[0])->kind != (is_size ? PICKLE_TUPLE : PICKLE_STRING))
        return wrong_call(p, symbol, "wrong arguments");
    *out = a[0];
    return HOOKE_OK;
}

hooke_status pickle_reduce(struct pickle *p, uint32_t *out, uint32_t callable, uint32_t args)
{
    const struct pickle_value *v = pickle_value_at(p, callable);
    uint32_t symbol = v->as.index;
    RETURN_IF(v->kind != PICKLE_SYMBOL, HOOKE_E_FORMAT,
              "%s: broken pickle: what is no name is called before byte %zu", p->name, p->at);
    switch (symbols[symbol].kind) {
    case SYMBOL_ORDERED_DICT:
        return reduce_dict(p, out, symbol, args);
    case SYMBOL_SIZE:
    case SYMBOL_DEVICE:
        return reduce_wrapper(p, out, symbol, args);
    case SYMBOL_TENSOR:
    case SYMBOL_TENSOR_V2:
    case SYMBOL_TENSOR_V3:
        return reduce_tensor(p, out, symbol, args);
    case SYMBOL_PARAMETER:
        return reduce_parameter(p, out, symbol, args);
    case SYMBOL_PLAIN:
    case SYMBOL_STORAGE:
    case SYMBOL_UNTYPED_STORAGE:
    case SYMBOL_DTYPE:
        break;
    }
    return fail(HOOKE_E_UNSUPPORTED, "%s: the pickle calls '%s' before byte %zu: refused", p->name,
                pickle_symbol_name(symbol), p->at);
}

/* ---- storages ---- */

static bool is_key(const struct pickle_value *v)
{
    if (v->kind != PICKLE_STRING || v->n == 0 || v->n > 10) return false;
    for (uint32_t i = 0; i < v->n; i++)
        if (v->as.bytes[i] < '0' || v->as.bytes[i] > '9') return false;
    return true;
}

/* ("storage", type, key, location, number of elements). Where the tensor was does not matter. */
hooke_status pickle_persistent(struct pickle *p, uint32_t *out, uint32_t id)
{
    uint32_t a[5], at;
    bool sound = items_of(p, a, 5, id, PICKLE_TUPLE) == 5;
    const struct pickle_value *v[5] = { NULL };
    for (int i = 0; sound && i < 5; i++) v[i] = pickle_value_at(p, a[i]);
    sound = sound && v[0]->kind == PICKLE_STRING && v[0]->n == 7 &&
            memcmp(v[0]->as.bytes, "storage", 7) == 0 && v[1]->kind == PICKLE_SYMBOL && is_key(v[2]) &&
            v[3]->kind == PICKLE_STRING && v[4]->kind == PICKLE_INT && v[4]->as.integer >= 0;
    RETURN_IF(
        !sound, HOOKE_E_FORMAT,
        "%s: broken pickle: a persistent id before byte %zu that is no ('storage', type, key, location, "
        "count)",
        p->name, p->at);
    enum symbol_kind kind = symbols[v[1]->as.index].kind;
    struct pickle_storage s = { v[2]->as.bytes, v[2]->n, symbols[v[1]->as.index].dtype, v[4]->as.integer };
    RETURN_IF((kind != SYMBOL_STORAGE && kind != SYMBOL_UNTYPED_STORAGE) ||
                  s.n_items > PTRDIFF_MAX / (int64_t)sizeof(double),
              HOOKE_E_FORMAT, "%s: broken pickle: a storage of type %s and %lld elements", p->name,
              pickle_symbol_name(v[1]->as.index), (long long)s.n_items);
    RETURN_IF_ERROR(pickle_pool_add(p, &p->storages, sizeof s, &at));
    ((struct pickle_storage *)p->storages.items)[at] = s;
    RETURN_IF_ERROR(pickle_new_value(p, out, PICKLE_STORAGE));
    ((struct pickle_value *)p->values.items)[*out].as.index = at;
    return HOOKE_OK;
}

/* pickle.c: the stack machine. One instruction is one byte and its argument; every read is checked against the end. */
#include "file/pickle.h"

#include <string.h>

enum { LONG_MAX_BYTES = 8, NAME_MAX_BYTES = 256 };

/* ---- pools ---- */

hooke_status pickle_pool_add(struct pickle *p, struct pickle_pool *pool, size_t item_bytes, uint32_t *out)
{
    *out = 0;
    hooke_status st = mem_grow(&pool->items, &pool->capacity, pool->n + 1, item_bytes, PICKLE_MAX_VALUES,
                               "values in a pickle");
    if (st != HOOKE_OK) return fail_within(st, "%s", p->name);
    *out = (uint32_t)pool->n++;
    return HOOKE_OK;
}

static struct pickle_value *value_of(struct pickle *p, uint32_t value)
{
    return (struct pickle_value *)p->values.items + value;
}

hooke_status pickle_new_value(struct pickle *p, uint32_t *out, enum pickle_kind kind)
{
    *out = 0;
    RETURN_IF_ERROR(pickle_pool_add(p, &p->values, sizeof(struct pickle_value), out));
    value_of(p, *out)->kind = kind;
    return HOOKE_OK;
}

hooke_status pickle_append(struct pickle *p, uint32_t container, uint32_t value)
{
    uint32_t cell;
    RETURN_IF_ERROR(pickle_pool_add(p, &p->cells, sizeof(struct pickle_cell), &cell));
    struct pickle_cell *cells = p->cells.items;
    struct pickle_value *v = value_of(p, container);
    cells[cell].value = value;
    if (v->n == 0)
        v->as.items.first = cell;
    else
        cells[v->as.items.last].next = cell;
    v->as.items.last = cell;
    v->n++; /* at most as many as there are cells */
    return HOOKE_OK;
}

/* ---- the stack: positions are counted from the bottom; a mark is a position ---- */

static hooke_status push(struct pickle *p, uint32_t value)
{
    uint32_t at;
    RETURN_IF_ERROR(pickle_pool_add(p, &p->stack, sizeof value, &at));
    ((uint32_t *)p->stack.items)[at] = value;
    return HOOKE_OK;
}

static hooke_status broken(const struct pickle *p, const char *what)
{
    fail(HOOKE_E_FORMAT, "%s: broken pickle: %s before byte %zu", p->name, what, p->at);
    return HOOKE_E_FORMAT; /* in so many words, for the analyzer */
}

/* Values above the newest mark. */
static size_t above_mark(const struct pickle *p)
{
    size_t floor = p->marks.n ? ((const uint32_t *)p->marks.items)[p->marks.n - 1] : 0;
    return p->stack.n - floor;
}

/* Never takes what lies below a mark. */
static hooke_status pop(struct pickle *p, uint32_t *out)
{
    if (above_mark(p) == 0) return broken(p, "nothing on the stack");
    *out = ((const uint32_t *)p->stack.items)[--p->stack.n];
    return HOOKE_OK;
}

/* The value on top, which stays; it must be of that kind. */
static hooke_status top(struct pickle *p, uint32_t *out, enum pickle_kind kind, const char *what)
{
    if (above_mark(p) == 0) return broken(p, "nothing on the stack");
    *out = ((const uint32_t *)p->stack.items)[p->stack.n - 1];
    return value_of(p, *out)->kind == kind ? HOOKE_OK : broken(p, what);
}

static hooke_status push_new(struct pickle *p, enum pickle_kind kind, struct pickle_value **out)
{
    uint32_t value;
    RETURN_IF_ERROR(pickle_new_value(p, &value, kind));
    RETURN_IF_ERROR(push(p, value));
    *out = value_of(p, value);
    return HOOKE_OK;
}

/* ---- arguments ---- */

static hooke_status take_bytes(struct pickle *p, const unsigned char **out, size_t n)
{
    RETURN_IF(n > p->n - p->at, HOOKE_E_FORMAT, "%s: pickle cut short: %zu bytes at byte %zu of %zu", p->name,
              n, p->at, p->n);
    *out = p->bytes + p->at;
    p->at += n;
    return HOOKE_OK;
}

/* n <= 8 bytes, little-endian. */
static hooke_status take_number(struct pickle *p, uint64_t *out, size_t n)
{
    const unsigned char *b;
    *out = 0;
    RETURN_IF_ERROR(take_bytes(p, &b, n));
    for (size_t i = 0; i < n; i++) *out |= (uint64_t)b[i] << 8 * i;
    return HOOKE_OK;
}

static hooke_status take_line(struct pickle *p, const char **out, size_t *n)
{
    size_t room = p->n - p->at;
    const unsigned char *begin = p->bytes + p->at, *end = room ? memchr(begin, '\n', room) : NULL;
    if (!end) return broken(p, "a name without an end");
    *out = (const char *)begin;
    *n = (size_t)(end - begin);
    p->at += *n + 1;
    return *n && *n <= NAME_MAX_BYTES ? HOOKE_OK : broken(p, "a name of no length or past 256 bytes");
}

/* ---- instructions ---- */

static hooke_status push_int(struct pickle *p, int64_t v)
{
    struct pickle_value *value;
    RETURN_IF_ERROR(push_new(p, PICKLE_INT, &value));
    value->as.integer = v;
    return HOOKE_OK;
}

static hooke_status push_bool(struct pickle *p, bool v)
{
    struct pickle_value *value;
    RETURN_IF_ERROR(push_new(p, PICKLE_BOOL, &value));
    value->as.boolean = v;
    return HOOKE_OK;
}

/* A number of `bytes` bytes, two's complement where is_signed. */
static hooke_status op_int(struct pickle *p, size_t bytes, bool is_signed)
{
    uint64_t v;
    RETURN_IF_ERROR(take_number(p, &v, bytes));
    if (is_signed && bytes > 0 && bytes < 8 && v >> (8 * bytes - 1)) v |= UINT64_MAX << 8 * bytes;
    return push_int(p, (int64_t)v);
}

static hooke_status op_long(struct pickle *p)
{
    uint64_t n;
    RETURN_IF_ERROR(take_number(p, &n, 1));
    RETURN_IF(n > LONG_MAX_BYTES, HOOKE_E_UNSUPPORTED,
              "%s: an integer of %llu bytes before byte %zu; 8 are read", p->name, (unsigned long long)n,
              p->at);
    return op_int(p, (size_t)n, true);
}

/* Big-endian, unlike everything else. */
static hooke_status op_float(struct pickle *p)
{
    const unsigned char *b;
    uint64_t bits = 0;
    struct pickle_value *value;
    RETURN_IF_ERROR(take_bytes(p, &b, 8));
    for (int i = 0; i < 8; i++) bits = bits << 8 | b[i];
    RETURN_IF_ERROR(push_new(p, PICKLE_REAL, &value));
    memcpy(&value->as.real, &bits, sizeof bits);
    return HOOKE_OK;
}

static bool is_ascii(const unsigned char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] & 0x80) return false;
    return true;
}

/* Text, its length in a number of length_bytes bytes. Python 2's strings (of one) have no encoding: only ASCII is text. */
static hooke_status op_string(struct pickle *p, size_t length_bytes)
{
    uint64_t n;
    const unsigned char *s;
    struct pickle_value *value;
    RETURN_IF_ERROR(take_number(p, &n, length_bytes));
    RETURN_IF_ERROR(take_bytes(p, &s, (size_t)n));
    bool is_text = !memchr(s, '\0', (size_t)n) && utf8_valid_prefix((const char *)s, (size_t)n) == n;
    if (!is_text || (length_bytes == 1 && !is_ascii(s, (size_t)n)))
        return broken(p, "a string that is not text");
    RETURN_IF_ERROR(push_new(p, PICKLE_STRING, &value));
    value->as.bytes = (const char *)s;
    value->n = (uint32_t)n;
    return HOOKE_OK;
}

static hooke_status op_mark(struct pickle *p)
{
    uint32_t at;
    RETURN_IF_ERROR(pickle_pool_add(p, &p->marks, sizeof at, &at));
    ((uint32_t *)p->marks.items)[at] = (uint32_t)p->stack.n;
    return HOOKE_OK;
}

/* Appends the n topmost values to `container` and takes them off. */
static hooke_status move_top(struct pickle *p, uint32_t container, size_t n)
{
    size_t first = p->stack.n - n;
    for (size_t i = 0; i < n; i++)
        RETURN_IF_ERROR(pickle_append(p, container, ((const uint32_t *)p->stack.items)[first + i]));
    p->stack.n = first;
    return HOOKE_OK;
}

static hooke_status op_tuple(struct pickle *p, size_t n)
{
    uint32_t tuple;
    if (above_mark(p) < n) return broken(p, "a tuple of more than the stack holds");
    RETURN_IF_ERROR(pickle_new_value(p, &tuple, PICKLE_TUPLE));
    RETURN_IF_ERROR(move_top(p, tuple, n));
    return push(p, tuple);
}

/* The number of values above the mark, which goes. */
static hooke_status drop_mark(struct pickle *p, size_t *n)
{
    if (p->marks.n == 0) return broken(p, "no mark");
    *n = above_mark(p);
    p->marks.n--;
    return HOOKE_OK;
}

static hooke_status op_tuple_to_mark(struct pickle *p)
{
    size_t n;
    RETURN_IF_ERROR(drop_mark(p, &n));
    return op_tuple(p, n);
}

/* The n topmost values go into the container below them. */
static hooke_status fill(struct pickle *p, size_t n, enum pickle_kind kind, const char *what)
{
    uint32_t container;
    if (above_mark(p) < n + 1) return broken(p, what);
    container = ((const uint32_t *)p->stack.items)[p->stack.n - n - 1];
    if (value_of(p, container)->kind != kind) return broken(p, what);
    return move_top(p, container, n);
}

static hooke_status op_append(struct pickle *p, bool to_mark)
{
    size_t n = 1;
    if (to_mark) RETURN_IF_ERROR(drop_mark(p, &n));
    return fill(p, n, PICKLE_LIST, "items appended to what is no list");
}

static hooke_status op_set(struct pickle *p, bool to_mark)
{
    size_t n = 2;
    if (to_mark) RETURN_IF_ERROR(drop_mark(p, &n));
    if (n % 2) return broken(p, "a key without a value");
    return fill(p, n, PICKLE_DICT, "keys set in what is no dict");
}

/* The memo holds value + 1: 0 is unset. */
static hooke_status op_put(struct pickle *p, size_t bytes)
{
    uint64_t at;
    RETURN_IF_ERROR(take_number(p, &at, bytes));
    if (above_mark(p) == 0) return broken(p, "nothing to remember");
    RETURN_IF(at >= PICKLE_MAX_VALUES, HOOKE_E_UNSUPPORTED, "%s: memo %llu before byte %zu, the limit is %d",
              p->name, (unsigned long long)at, p->at, PICKLE_MAX_VALUES);
    uint32_t top_value = ((const uint32_t *)p->stack.items)[p->stack.n - 1];
    RETURN_IF_ERROR(mem_grow(&p->memo.items, &p->memo.capacity, (size_t)at + 1, sizeof(uint32_t),
                             PICKLE_MAX_VALUES, "memos in a pickle"));
    ((uint32_t *)p->memo.items)[at] = top_value + 1;
    return HOOKE_OK;
}

static hooke_status op_get(struct pickle *p, size_t bytes)
{
    uint64_t at;
    RETURN_IF_ERROR(take_number(p, &at, bytes));
    uint32_t v = at < p->memo.capacity ? ((const uint32_t *)p->memo.items)[at] : 0;
    return v ? push(p, v - 1) : broken(p, "a memo that was never set is asked for");
}

static hooke_status op_global(struct pickle *p)
{
    const char *module, *name;
    size_t module_bytes, name_bytes;
    uint32_t symbol;
    struct pickle_value *value;
    RETURN_IF_ERROR(take_line(p, &module, &module_bytes));
    RETURN_IF_ERROR(take_line(p, &name, &name_bytes));
    RETURN_IF_ERROR(pickle_symbol_find(p, &symbol, module, module_bytes, name, name_bytes));
    RETURN_IF_ERROR(push_new(p, PICKLE_SYMBOL, &value));
    value->as.index = symbol;
    return HOOKE_OK;
}

static hooke_status op_reduce(struct pickle *p)
{
    uint32_t callable, args, result;
    RETURN_IF_ERROR(pop(p, &args));
    RETURN_IF_ERROR(pop(p, &callable));
    RETURN_IF_ERROR(pickle_reduce(p, &result, callable, args));
    return push(p, result);
}

/* Attributes of a dict (a state dict carries _metadata): dropped. Attributes of anything else could mean anything. */
static hooke_status op_build(struct pickle *p)
{
    uint32_t state, object;
    RETURN_IF_ERROR(pop(p, &state));
    RETURN_IF_ERROR(top(p, &object, PICKLE_DICT, "attributes for what is no dict"));
    return value_of(p, state)->kind == PICKLE_DICT ? HOOKE_OK : broken(p, "attributes that are no dict");
}

static hooke_status op_persistent(struct pickle *p)
{
    uint32_t id, storage;
    RETURN_IF_ERROR(pop(p, &id));
    RETURN_IF_ERROR(pickle_persistent(p, &storage, id));
    return push(p, storage);
}

static hooke_status op_protocol(struct pickle *p)
{
    uint64_t version;
    RETURN_IF_ERROR(take_number(p, &version, 1));
    RETURN_IF(version != 2 && version != 3, HOOKE_E_UNSUPPORTED,
              "%s: a pickle of protocol %llu; PyTorch's own protocol 2 is read: save it without "
              "pickle_protocol=%llu",
              p->name, (unsigned long long)version, (unsigned long long)version);
    return HOOKE_OK;
}

/* ---- refusals ---- */

static const struct {
    unsigned char code;
    const char *name;
} refused[] = {
    { '0', "POP" },
    { '1', "POP_MARK" },
    { '2', "DUP" },
    { 'B', "BINBYTES" },
    { 'C', "SHORT_BINBYTES" },
    { 'F', "FLOAT" },
    { 'I', "INT" },
    { 'L', "LONG" },
    { 'P', "PERSID" },
    { 'S', "STRING" },
    { 'T', "BINSTRING" },
    { 'V', "UNICODE" },
    { 'd', "DICT" },
    { 'g', "GET" },
    { 'i', "INST" },
    { 'l', "LIST" },
    { 'o', "OBJ" },
    { 'p', "PUT" },
    { 0x82, "EXT1" },
    { 0x83, "EXT2" },
    { 0x84, "EXT4" },
    { 0x8B, "LONG4" },
    { 0x8C, "SHORT_BINUNICODE" },
    { 0x8D, "BINUNICODE8" },
    { 0x8E, "BINBYTES8" },
    { 0x90, "ADDITEMS" },
    { 0x91, "FROZENSET" },
    { 0x92, "NEWOBJ_EX" },
    { 0x93, "STACK_GLOBAL" },
    { 0x94, "MEMOIZE" },
    { 0x95, "FRAME" },
    { 0x96, "BYTEARRAY8" },
    { 0x97, "NEXT_BUFFER" },
    { 0x98, "READONLY_BUFFER" },
};

static hooke_status refuse(const struct pickle *p, unsigned char code)
{
    const char *name = "unknown";
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (refused[i].code == code) name = refused[i].name;
    return fail(
        HOOKE_E_UNSUPPORTED,
        "%s: pickle instruction %02x (%s) at byte %zu is not one that PyTorch's tensors need: refused",
        p->name, code, name, p->at - 1);
}

/* ---- the machine ---- */

static hooke_status push_empty(struct pickle *p, enum pickle_kind kind)
{
    struct pickle_value *value;
    return push_new(p, kind, &value);
}

static hooke_status step(struct pickle *p, unsigned char code)
{
    switch (code) {
    case 0x80:
        return op_protocol(p);
    case '(':
        return op_mark(p);
    case 'N':
        return push_empty(p, PICKLE_NONE);
    case 0x88:
    case 0x89:
        return push_bool(p, code == 0x88);
    case 'J':
        return op_int(p, 4, true);
    case 'K':
        return op_int(p, 1, false);
    case 'M':
        return op_int(p, 2, false);
    case 0x8A:
        return op_long(p);
    case 'G':
        return op_float(p);
    case 'X':
        return op_string(p, 4);
    case 'U':
        return op_string(p, 1);
    case ']':
        return push_empty(p, PICKLE_LIST);
    case '}':
        return push_empty(p, PICKLE_DICT);
    case ')':
        return push_empty(p, PICKLE_TUPLE);
    case 0x8F:
        return push_empty(p, PICKLE_SET);
    case 't':
        return op_tuple_to_mark(p);
    case 0x85:
    case 0x86:
    case 0x87:
        return op_tuple(p, (size_t)(code - 0x84));
    case 'a':
    case 'e':
        return op_append(p, code == 'e');
    case 's':
    case 'u':
        return op_set(p, code == 'u');
    case 'q':
        return op_put(p, 1);
    case 'r':
        return op_put(p, 4);
    case 'h':
        return op_get(p, 1);
    case 'j':
        return op_get(p, 4);
    case 'c':
        return op_global(p);
    case 'R':
    case 0x81: /* NEWOBJ: the same for the few classes on the list */
        return op_reduce(p);
    case 'b':
        return op_build(p);
    case 'Q':
        return op_persistent(p);
    default:
        return refuse(p, code);
    }
}

static hooke_status run(struct pickle *p)
{
    const unsigned char *code;
    do {
        RETURN_IF_ERROR(take_bytes(p, &code, 1));
        if (*code != '.') RETURN_IF_ERROR(step(p, *code));
    } while (*code != '.');
    if (p->marks.n || p->stack.n != 1) return broken(p, "it does not end with one value");
    RETURN_IF(p->at != p->n, HOOKE_E_FORMAT, "%s: the pickle ends at byte %zu of %zu", p->name, p->at, p->n);
    p->root = *(const uint32_t *)p->stack.items;
    return HOOKE_OK;
}

hooke_status pickle_parse(struct pickle *out, const unsigned char *bytes, size_t n, const char *name)
{
    memset(out, 0, sizeof *out);
    RETURN_IF(n > PICKLE_MAX_BYTES, HOOKE_E_UNSUPPORTED, "%s: a pickle of %zu bytes, the limit is %d", name,
              n, PICKLE_MAX_BYTES);
    out->bytes = bytes;
    out->n = n;
    out->name = name;
    hooke_status st = run(out);
    struct pickle_pool *machine[] = { &out->stack, &out->marks, &out->memo };
    for (size_t i = 0; i < sizeof machine / sizeof *machine; i++) {
        mem_free(machine[i]->items);
        *machine[i] = (struct pickle_pool){ 0 };
    }
    if (st != HOOKE_OK) pickle_release(out);
    return st;
}

void pickle_release(struct pickle *p)
{
    struct pickle_pool *pools[] = { &p->values, &p->cells, &p->storages, &p->tensors };
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) mem_free(pools[i]->items);
    memset(p, 0, sizeof *p);
}

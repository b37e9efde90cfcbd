#include "tensor/cpu/scratch.h"

#include "base/mem.h"

struct block {
    float *data;
    size_t n_floats;
    char apart[48]; /* workers write their own cache line */
};
struct scratch {
    int n_workers;
    struct block blocks[]; /* [n_workers + 1], the last is shared */
};

hooke_status scratch_open(struct scratch **out, int n_workers)
{
    void *p;
    *out = NULL;
    RETURN_IF_ERROR(
        mem_take(&p, 1, sizeof **out + ((size_t)n_workers + 1) * sizeof(struct block), "scratch"));
    *out = p;
    (*out)->n_workers = n_workers;
    return HOOKE_OK;
}

void scratch_close(struct scratch *s)
{
    if (!s) return;
    for (int i = 0; i <= s->n_workers; i++) mem_free(s->blocks[i].data);
    mem_free(s);
}

static hooke_status block_take(struct block *b, float **out, size_t n_floats)
{
    if (b->n_floats < n_floats) {
        mem_free(b->data);
        b->n_floats = 0;
        b->data = mem_alloc_raw(n_floats, sizeof *b->data);
        RETURN_IF(!b->data, HOOKE_E_MEMORY, "scratch: out of memory for %zu floats", n_floats);
        b->n_floats = n_floats;
    }
    *out = b->data;
    return HOOKE_OK;
}

hooke_status scratch_take(struct exec *ex, float **out, int worker, size_t n_floats)
{
    return block_take(&ex->scratch->blocks[worker], out, n_floats);
}

hooke_status scratch_take_shared(struct exec *ex, float **out, size_t n_floats)
{
    return block_take(&ex->scratch->blocks[ex->scratch->n_workers], out, n_floats);
}

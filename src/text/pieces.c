#include "text/pieces.h"

void pieces_release(struct pieces *p)
{
    hooke_text_release(&p->text);
    mem_free(p->ends);
    *p = (struct pieces){ 0 };
}

void pieces_clear(struct pieces *p)
{
    text_clear(&p->text);
    p->n = 0;
}

hooke_status pieces_end(struct pieces *p)
{
    void *ends = p->ends;
    RETURN_IF_ERROR(
        mem_grow(&ends, &p->capacity, p->n + 1, sizeof *p->ends, (size_t)1 << 31, "pieces of text"));
    p->ends = ends;
    p->ends[p->n++] = p->text.n;
    return HOOKE_OK;
}

hooke_status pieces_add(struct pieces *p, const char *s, size_t n)
{
    RETURN_IF_ERROR(text_append(&p->text, s, n));
    return pieces_end(p);
}

struct bytes pieces_get(const struct pieces *p, size_t index)
{
    size_t begin = index ? p->ends[index - 1] : 0;
    /* Empty pieces may exist before the buffer does. */
    return (struct bytes){ p->text.data ? p->text.data + begin : "", p->ends[index] - begin };
}

void pieces_swap(struct pieces *a, struct pieces *b)
{
    struct pieces t = *a;
    *a = *b;
    *b = t;
}

/* parquet_schema.c: from the tree of the schema to columns. The root's children are the columns; each is a value or a list of them:
 *
 *   optional binary text (STRING)
 *   optional group tags (LIST) { repeated group list { optional binary element } }
 *   optional group tags (LIST) { repeated binary array }                            older writers
 *   repeated binary tags
 *
 * A column that is a group of values can be read member by member:
 *
 *   optional group translation { optional binary en (STRING); optional binary fr (STRING) }      translation.en */
#include <string.h>

#include "file/parquet_parts.h"

struct subtree {
    size_t n_elements;
    int n_leaves;
};

/* Size of the tree at elements[at]: as many elements are open as children were promised. */
static hooke_status measure(struct subtree *out, const struct parquet *p, const struct parquet_element *e,
                            size_t n, size_t at)
{
    size_t open = 1;
    *out = (struct subtree){ 0 };
    for (; open; open--, out->n_elements++) {
        RETURN_IF(at + out->n_elements >= n, HOOKE_E_FORMAT, "%s: the schema promises more than it has",
                  p->name);
        const struct parquet_element *one = &e[at + out->n_elements];
        bool is_group = one->type == PARQUET_GROUP;
        RETURN_IF(!is_group && one->n_children, HOOKE_E_FORMAT, "%s: column '%s' has a type and children",
                  p->name, one->name);
        open += one->n_children; /* at most 2^31 times the number of elements, which is below 2^32 */
        if (!is_group) out->n_leaves++;
    }
    return HOOKE_OK;
}

static const char *why_not_leaf(const struct parquet_element *e)
{
    if (e->type == PARQUET_GROUP) return "a group: nested columns are not read";
    if (e->type == PARQUET_INT96) return "an INT96 time stamp";
    if (e->meaning == MEANS_DECIMAL) return "a decimal number";
    if (e->meaning == MEANS_INTERVAL) return "an interval";
    if (e->type == PARQUET_FIXED && e->width == 0) return "of strings of no length";
    if (e->meaning == MEANS_HALF && (e->type != PARQUET_FIXED || e->width != 2))
        return "a damaged half float";
    return NULL;
}

static int width_of(const struct parquet_element *e)
{
    switch (e->type) {
    case PARQUET_INT32:
    case PARQUET_FLOAT:
        return 4;
    case PARQUET_INT64:
    case PARQUET_DOUBLE:
        return 8;
    case PARQUET_FIXED:
        return e->width;
    case PARQUET_BOOLEAN:
    case PARQUET_BYTES:
    case PARQUET_INT96:
    case PARQUET_GROUP:
        break;
    }
    return 0;
}

static void set_leaf(struct parquet_column *c, const struct parquet_element *e)
{
    c->refused = why_not_leaf(e);
    c->type = e->type;
    c->width = width_of(e);
    c->is_unsigned = e->meaning == MEANS_UNSIGNED;
    c->is_half = e->meaning == MEANS_HALF;
}

/* e[0] is a group at the top, its tree complete. */
static void set_group(struct parquet_column *c, const struct parquet_element *e)
{
    const struct parquet_element *inner = &e[1], *item;
    c->type = PARQUET_GROUP;
    c->refused = e->meaning == MEANS_MAP ? "a map" : "a group: nested columns are not read";
    if (e->meaning != MEANS_LIST || e->repetition == REPEATED || e->n_children != 1 ||
        inner->repetition != REPEATED)
        return;
    bool has_wrapper = inner->type == PARQUET_GROUP && inner->n_children == 1 &&
                       strcmp(inner->name, "array") != 0; /* there the group itself is the item */
    item = has_wrapper ? &e[2] : inner;
    c->refused = "a list of groups or lists";
    if (item->type == PARQUET_GROUP || (has_wrapper && item->repetition == REPEATED)) return;
    set_leaf(c, item);
    c->is_list = true;
    c->max_rep = 1;
    c->def_list = e->repetition == OPTIONAL;
    c->max_def = c->def_list + 1 + (has_wrapper && item->repetition == OPTIONAL);
}

static void set_column(struct parquet_column *c, const struct parquet_element *e, int leaf)
{
    c->name = e->name;
    c->leaf = leaf;
    if (e->type == PARQUET_GROUP) {
        set_group(c, e);
        return;
    }
    set_leaf(c, e);
    c->is_list = e->repetition == REPEATED;
    c->max_rep = c->is_list;
    c->max_def = e->repetition != REQUIRED;
}

/* ---- members ---- */

static bool is_record(const struct parquet_element *e)
{
    return e->type == PARQUET_GROUP && e->meaning == MEANS_ITSELF && e->repetition != REPEATED;
}

static hooke_status set_member(struct parquet *p, const struct parquet_element *group,
                               const struct parquet_element *e, int leaf)
{
    struct parquet_column *c = &p->columns[p->n_columns + p->n_members++];
    size_t n = strlen(group->name), m = strlen(e->name);
    char *name = arena_alloc(&p->arena, n + m + 2, 1);
    if (!name) return HOOKE_E_MEMORY;
    memcpy(name, group->name, n);
    name[n] = '.';
    memcpy(name + n + 1, e->name, m);
    c->name = name;
    c->leaf = leaf;
    set_leaf(c, e);
    c->max_def = (group->repetition != REQUIRED) + (e->repetition != REQUIRED);
    return HOOKE_OK;
}

/* The values among the children of the group at e[at]; what lies deeper is passed by. */
static hooke_status set_members(struct parquet *p, const struct parquet_element *e, size_t n, size_t at,
                                int leaf)
{
    const struct parquet_element *group = &e[at++];
    struct subtree tree;
    for (size_t i = 0; i < group->n_children; i++) {
        if (e[at].type != PARQUET_GROUP && e[at].repetition != REPEATED)
            RETURN_IF_ERROR(set_member(p, group, &e[at], leaf));
        RETURN_IF_ERROR(measure(&tree, p, e, n, at));
        at += tree.n_elements;
        leaf += tree.n_leaves;
    }
    return HOOKE_OK;
}

hooke_status parquet_schema(struct parquet *p, const struct parquet_element *e, size_t n)
{
    struct subtree tree;
    RETURN_IF(n == 0 || e[0].type != PARQUET_GROUP, HOOKE_E_FORMAT, "%s: the schema has no root", p->name);
    RETURN_IF_ERROR(measure(&tree, p, e, n, 0));
    RETURN_IF(tree.n_elements != n || n > INT32_MAX, HOOKE_E_FORMAT,
              "%s: the schema has %zu elements, expected %zu", p->name, n, tree.n_elements);
    p->columns =
        arena_alloc(&p->arena, n + 1, sizeof *p->columns); /* each element is at most one column or member */
    if (!p->columns) return HOOKE_E_MEMORY;
    p->n_columns = (int)e[0].n_children;
    size_t at = 1;
    for (int i = 0; i < p->n_columns; i++) {
        set_column(&p->columns[i], &e[at], p->n_leaves);
        if (is_record(&e[at])) RETURN_IF_ERROR(set_members(p, e, n, at, p->n_leaves));
        RETURN_IF_ERROR(measure(&tree, p, e, n, at));
        at += tree.n_elements;
        p->n_leaves += tree.n_leaves;
    }
    return HOOKE_OK;
}

int parquet_find(const struct parquet *p, const char *name, size_t n)
{
    for (int i = 0; i < p->n_columns + p->n_members; i++)
        if (strlen(p->columns[i].name) == n && memcmp(p->columns[i].name, name, n) == 0) return i;
    return -1;
}

#include "file/registry.h"

#include <string.h>

static const char *const listed[] = {
#include "file/registry_rows.inc"
};
/* Younger releases: names that open, without a place in the list. */
static const char *const later[] = {
#include "file/registry_later.inc"
};
enum { N_LISTED = sizeof listed / sizeof *listed, N_LINES = N_LISTED + sizeof later / sizeof *later };

static const char *line_at(size_t i)
{
    return i < N_LISTED ? listed[i] : later[i - N_LISTED];
}

/* Where a cursor's walk ends. */
static size_t end_of(const struct registry_cursor *c)
{
    return c->all ? N_LINES : N_LISTED;
}

/* Bytes a field shares with the row before: 0-9 A-Z a-z count 0 to 61. */
static size_t shared_bytes(char c)
{
    if (c >= '0' && c <= '9') return (size_t)(c - '0');
    if (c >= 'A' && c <= 'Z') return (size_t)(c - 'A') + 10;
    return (size_t)(c - 'a') + 36;
}

/* Cuts the field at *s off (fields end at '|' or the line's end) and puts it into out behind its first `keep` bytes. The table is
 * ours and a test compares every row: the bounds below only keep a slip there from becoming one in memory. */
static void take_field(char *out, size_t capacity, size_t keep, const char **s)
{
    size_t n = strcspn(*s, "|");
    size_t room = keep < capacity ? capacity - keep - 1 : 0, copied = n < room ? n : room;
    if (room) {
        memcpy(out + keep, *s, copied);
        out[keep + copied] = '\0';
    }
    *s += n;
    if (**s) (*s)++;
}

static void take_shared(char *out, size_t capacity, const char **s)
{
    size_t keep = shared_bytes(**s);
    (*s)++;
    take_field(out, capacity, keep, s);
}

static void read_release(struct registry_cursor *c, const char *s)
{
    memset(&c->row, 0, sizeof c->row);
    memset(c->last_neuronpedia, 0, sizeof c->last_neuronpedia);
    take_field(c->row.release, sizeof c->row.release, 0, &s);
    take_field(c->row.repo, sizeof c->row.repo, 0, &s);
    take_field(c->row.model, sizeof c->row.model, 0, &s);
    take_field(c->row.format, sizeof c->row.format, 0, &s);
    take_field(c->row.config_overrides, sizeof c->row.config_overrides, 0, &s);
    if (!c->row.format[0]) memcpy(c->row.format, "sae_lens", sizeof "sae_lens");
}

static void read_row(struct registry_cursor *c, const char *s)
{
    struct registry_row *r = &c->row;
    take_shared(r->sae_id, sizeof r->sae_id, &s);
    if (*s == '=') {
        memcpy(r->path, r->sae_id, sizeof r->sae_id);
        s += s[1] ? 2 : 1;
    } else
        take_shared(r->path, sizeof r->path, &s);
    bool is_on_neuronpedia = *s && *s != '|';
    if (is_on_neuronpedia)
        take_shared(c->last_neuronpedia, sizeof c->last_neuronpedia, &s);
    else if (*s)
        s++;
    memset(r->neuronpedia, 0, sizeof r->neuronpedia);
    if (is_on_neuronpedia) memcpy(r->neuronpedia, c->last_neuronpedia, sizeof r->neuronpedia);
    take_field(r->l0, sizeof r->l0, 0, &s);
    take_field(r->variance_explained, sizeof r->variance_explained, 0, &s);
    take_field(r->norm_scaling_factor, sizeof r->norm_scaling_factor, 0, &s);
}

bool registry_next(struct registry_cursor *c)
{
    while (c->line < end_of(c) && line_at(c->line)[0] == '>') read_release(c, line_at(c->line++) + 1);
    if (c->line == end_of(c)) return false;
    read_row(c, line_at(c->line++));
    return true;
}

bool registry_is_listed(const struct registry_cursor *c)
{
    return c->line <= N_LISTED;
}

int registry_n_rows(void)
{
    int n = 0;
    for (size_t i = 0; i < N_LISTED; i++) n += listed[i][0] != '>';
    return n;
}

bool registry_next_release(struct registry_cursor *c)
{
    while (c->line < end_of(c) && line_at(c->line)[0] != '>') c->line++;
    if (c->line == end_of(c)) return false;
    read_release(c, line_at(c->line++) + 1);
    return true;
}

/* The next row of the release that the cursor is in. */
static bool next_of_release(struct registry_cursor *c)
{
    if (c->line == end_of(c) || line_at(c->line)[0] == '>') return false;
    read_row(c, line_at(c->line++));
    return true;
}

bool registry_find(struct registry_row *out, const char *release, size_t release_bytes, const char *sae_id)
{
    struct registry_cursor c = { .all = true };
    memset(out, 0, sizeof *out);
    while (registry_next_release(&c)) {
        if (strncmp(c.row.release, release, release_bytes) != 0 || c.row.release[release_bytes]) continue;
        while (next_of_release(&c)) {
            if (strcmp(c.row.sae_id, sae_id) != 0) continue;
            *out = c.row;
            return true;
        }
    }
    return false;
}

bool registry_find_neuronpedia(struct registry_row *out, const char *id)
{
    struct registry_cursor c = { .all = true };
    memset(out, 0, sizeof *out);
    while (registry_next(&c)) {
        if (!c.row.neuronpedia[0] || strcmp(c.row.neuronpedia, id) != 0) continue;
        *out = c.row;
        return true;
    }
    return false;
}

bool registry_find_file(struct registry_row *out, struct registry_row *also, const char *repo,
                        const char *path)
{
    struct registry_cursor c = { .all = true };
    bool found = false;
    memset(out, 0, sizeof *out);
    memset(also, 0, sizeof *also);
    while (registry_next_release(&c)) {
        if (strcmp(c.row.repo, repo) != 0) continue;
        while (next_of_release(&c)) {
            if (strcmp(c.row.path, path) != 0) continue;
            *(found ? also : out) = c.row; /* "x" sorts before "x-canonical" */
            if (found) return true;
            found = true;
        }
    }
    return found;
}

/* Names and addresses: whatever is pasted gives a place inside a repository or a message. The first byte chooses between the whole
 * resolver and the parsers of addresses and hub paths alone, which are hundreds of times faster. */
#include <stdlib.h>
#include <string.h>

#include "file/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool holds)
{
    if (!holds) abort();
}

static void check_place(const struct name_place *p)
{
    check(strlen(p->repo) < sizeof p->repo && strlen(p->file) < sizeof p->file);
    check(name_stays_inside(p->repo) && name_stays_inside(p->file));
}

static void parse_only(const char *what)
{
    struct name_place place;
    enum name_address kind;
    char turned[NAME_WHAT_BYTES];
    name_turn_hf_address(turned, sizeof turned, what);
    check(strlen(what) >= sizeof turned ||
          strlen(turned) == strlen(what)); /* the same parts in another order */
    if (name_split_hub(&place, what) == HOOKE_OK) check_place(&place);
    if (name_read_address(&kind, &place, what) == HOOKE_OK && kind == ADDRESS_HUB) check_place(&place);
}

static void resolve(const char *what, const char *kind)
{
    hooke_name *name = NULL;
    hooke_text json = { 0 };
    if (hooke_name_open(&name, what, kind) != HOOKE_OK) {
        check(name == NULL && hooke_error()[0]);
        return;
    }
    const hooke_name_info *i = hooke_name_get_info(name);
    check(strstr(what, i->what) && /* without blanks at its ends */
          (!i->kind[0] || i->kind[0] == 'm' || i->kind[0] == 'd'));
    if (i->repo[0] && strcmp(i->spelling, "path") != 0) {
        check(i->n_files > 0 && name_stays_inside(i->file));
        for (int k = 0; k < i->n_files; k++) check(name_stays_inside(i->files[k].pattern));
        check(!hooke_name_is_cached(i));
    }
    check(hooke_name_json(i, &json) == HOOKE_OK);
    hooke_text_release(&json);
    hooke_name_close(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const kinds[] = { NULL, "model", "dict" };
    static bool is_set_up = false;
    if (n < 1) return 0;
    if (!is_set_up) setenv("HF_HUB_CACHE", "/nonexistent", 1);
    is_set_up = true;
    char *what = mem_alloc(n, 1); /* of the exact size: the NUL is its last byte */
    if (!what) return 0;
    memcpy(what, data + 1, n - 1);
    if (data[0] % 8 < 5)
        parse_only(what);
    else
        resolve(what, kinds[data[0] % 8 - 5]);
    mem_free(what);
    return 0;
}

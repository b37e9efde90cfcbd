/* hub_part.c against a hub on loopback: headers, tensors, rows; and the command that asks for them. */
#include "check.h"

#include <unistd.h>

#include "file/hub_net.h"
#include "file/hub_server.h"
#include "file/safetensors.h"

#define HERE  "build/tmp/hub_part/"
#define CACHE HERE "cache"

enum { ROWS = 3000, WIDTH = 32 };
static float w_dec[ROWS * WIDTH];
static int64_t counts[5] = { 1, 2, 3, 4, 5 };
static uint16_t half[6] = { 1, 2, 3, 4, 5, 6 };
static hooke_text sae, shard_1, shard_2;
static struct hub_server *server;
static struct hub_file files[8];

static void make(hooke_text *out, const hooke_tensor_out *tensors, int n)
{
    assert_int_equal(make_folders(HERE), HOOKE_OK);
    assert_int_equal(hooke_write_safetensors(HERE "made", tensors, n, NULL), HOOKE_OK);
    assert_int_equal(file_read(out, HERE "made", 1 << 24), HOOKE_OK);
}

static int start(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS * WIDTH; i++) w_dec[i] = (float)i * 0.5f;
    const hooke_tensor_out tensors[] = {
        { "W_dec", "F32", 2, { ROWS, WIDTH }, w_dec }, { "b_dec", "F32", 1, { WIDTH }, w_dec },
        { "counts", "I64", 1, { 5 }, counts },         { "half", "BF16", 3, { 2, 3, 1 }, half },
        { "empty", "F32", 2, { 0, 4 }, w_dec },
    };
    const hooke_tensor_out first[] = { { "model.a", "F32", 1, { 4 }, w_dec } };
    const hooke_tensor_out second[] = { { "model.b", "F32", 2, { 8, 4 }, w_dec + 100 } };
    make(&sae, tensors, 5);
    make(&shard_1, first, 1);
    make(&shard_2, second, 1);
    files[0] = (struct hub_file){ "sae/sae_weights.safetensors", sae.data, sae.n, true };
    files[1] = (struct hub_file){ "sae/cfg.json", "{}", 2, false };
    files[2] = (struct hub_file){ "model-00001-of-00002.safetensors", shard_1.data, shard_1.n, true };
    files[3] = (struct hub_file){ "model-00002-of-00002.safetensors", shard_2.data, shard_2.n, true };
    files[4] = (struct hub_file){ "broken.safetensors", "\x05\0\0\0\0\0\0\0nope!", 13, false };
    files[5] = (struct hub_file){ "huge.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{", 9, false };
    files[6] = (struct hub_file){ "tiny.safetensors", "1234", 4, false };
    server = hub_server_start(files, 7);
    if (!server) return -1;
    setenv("HF_ENDPOINT", server->endpoint, 1);
    setenv("HF_HUB_CACHE", CACHE, 1);
    setenv("HF_HOME", HERE "home", 1);
    setenv("HF_HUB_DOWNLOAD_TIMEOUT", "2", 1);
    unsetenv("HF_HUB_OFFLINE");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hub_server_stop(server);
    hooke_text_release(&sae);
    hooke_text_release(&shard_1);
    hooke_text_release(&shard_2);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    hub_server_reset(server);
    unlink(HERE "part.safetensors");
    return 0;
}

static hooke_status part(const char *what, const char *const *tensors, const int64_t *rows, int n_rows)
{
    hooke_text path = { 0 };
    hooke_part_options o = {
        .size = sizeof o, .tensors = tensors, .rows = rows, .n_rows = n_rows, .out = HERE "part.safetensors"
    };
    hooke_status st = hooke_pull_part(&path, what, &o);
    if (st == HOOKE_OK) assert_string_equal(path.data, HERE "part.safetensors");
    hooke_text_release(&path);
    return st;
}

static void assert_part(const char *what, const char *const *tensors, const int64_t *rows, int n_rows)
{
    hooke_status st = part(what, tensors, rows, n_rows);
    if (st != HOOKE_OK) print_message("%s\n", hooke_error());
    assert_int_equal(st, HOOKE_OK);
}

static const char *const only_dec[] = { "W_dec", NULL };
static const char sae_name[] = "hf:org/model/sae/sae_weights.safetensors";

static void tensors(void **state)
{
    static const char *const names[] = { "half", "counts", "empty", NULL };
    struct safetensors s;
    (void)state;
    assert_part(sae_name, names, NULL, 0);
    assert_true(atomic_load(&server->n_sent) < 70000); /* the header's first piece, and little else */
    assert_int_equal(safetensors_open(&s, HERE "part.safetensors"), HOOKE_OK);
    assert_int_equal(s.n_tensors, 3);
    const struct stored_tensor *t = safetensors_find(&s, "counts");
    assert_int_equal(t->bytes, sizeof counts);
    assert_memory_equal(t->data, counts, sizeof counts);
    t = safetensors_find(&s, "half");
    assert_int_equal(t->n_dims, 3);
    assert_memory_equal(t->data, half, sizeof half);
    const char *of;
    assert_int_equal(json_string(&of, s.metadata, "part_of", NULL, ""), HOOKE_OK);
    assert_string_equal(of, "org/model/sae/sae_weights.safetensors@" HUB_COMMIT);
    safetensors_close(&s);
    assert_false(is_folder(CACHE));
}

static void assert_rows(const int64_t *rows, int n)
{
    struct safetensors s;
    assert_part(sae_name, only_dec, rows, n);
    assert_int_equal(safetensors_open(&s, HERE "part.safetensors"), HOOKE_OK);
    const struct stored_tensor *t = safetensors_find(&s, "W_dec");
    assert_int_equal(t->shape[0], n);
    assert_int_equal(t->shape[1], WIDTH);
    for (int i = 0; i < n; i++)
        assert_memory_equal((const char *)t->data + i * WIDTH * 4, w_dec + rows[i] * WIDTH, WIDTH * 4);
    safetensors_close(&s);
}

static void single_rows(void **state)
{
    static const int64_t one[] = { 2999 }, near[] = { 0, 1, 5, 900 }, far[] = { 3, 4, 1500, 2998, 2999 };
    (void)state;
    assert_rows(one, 1);
    assert_true(atomic_load(&server->n_sent) < 65536 + 200);
    assert_rows(near, 4);
    hub_server_reset(server);
    assert_rows(far, 5);
    assert_int_equal(atomic_load(&server->n_ranges), 3); /* the header, and rows behind it; two runs */
}

/* Rows that are received in odd pieces, with the line breaking between them. */
static void broken_lines(void **state)
{
    static const int64_t rows[] = { 7, 8, 300, 301, 302, 777, 1000 };
    (void)state;
    for (long at = 1; at < 100000; at = at * 3 + 5) {
        hub_server_reset(server);
        hub_server_fault(server, FAULT_DROP, AT_CDN, "sae", 1, at);
        assert_rows(rows, 7);
    }
    hub_server_fault(server, FAULT_STATUS, AT_CDN, "sae", 1, 503);
    assert_rows(rows, 7);
    hub_server_fault(server, FAULT_STATUS, AT_CDN, "sae", 1, 403);
    assert_rows(rows, 7);
}

static void shards(void **state)
{
    static const char *const names[] = { "model.b", "model.a", NULL };
    struct safetensors s;
    (void)state;
    assert_int_equal(part("hf:org/model", names, NULL, 0),
                     HOOKE_E_FORMAT); /* broken.safetensors is among them */
    assert_part("hf:org/model/sae", only_dec, NULL, 0);
    assert_int_equal(part("hf:org/model/model-00002-of-00002.safetensors", names + 1, NULL, 0),
                     HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "model.b"));
    assert_int_equal(safetensors_open(&s, HERE "part.safetensors"), HOOKE_OK);
    assert_memory_equal(safetensors_find(&s, "W_dec")->data, w_dec, sizeof w_dec);
    safetensors_close(&s);
}

static void refusals(void **state)
{
    static const int64_t beyond[] = { ROWS }, backwards[] = { 5, 4 }, first[] = { 0 }, far[] = { 2999 };
    static const char *const absent[] = { "W_enc", NULL }, *const flat[] = { "b_dec", NULL };
    hooke_text path = { 0 };
    (void)state;
    assert_int_equal(part(sae_name, absent, NULL, 0), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "W_dec"));
    assert_int_equal(part(sae_name, only_dec, beyond, 1), HOOKE_E_SHAPE);
    assert_int_equal(part(sae_name, only_dec, backwards, 2), HOOKE_E_ARGUMENT);
    assert_int_equal(part(sae_name, flat, first, 1), HOOKE_E_SHAPE);
    assert_int_equal(part("hf:org/model/broken.safetensors", absent, NULL, 0), HOOKE_E_FORMAT);
    assert_int_equal(part("hf:org/model/huge.safetensors", absent, NULL, 0), HOOKE_E_FORMAT);
    assert_int_equal(part("hf:org/model/tiny.safetensors", absent, NULL, 0), HOOKE_E_FORMAT);
    assert_int_equal(part("hf:org/model/absent.safetensors", absent, NULL, 0), HOOKE_E_NOT_FOUND);
    hub_server_fault(server, FAULT_IGNORE_RANGE, AT_CDN, "sae", 100, 0);
    assert_int_equal(part(sae_name, only_dec, NULL, 0), HOOKE_E_UNSUPPORTED);
    hub_server_fault(server, FAULT_WRONG_RANGE, AT_CDN, "sae", 100, 0);
    assert_int_equal(part(sae_name, only_dec, far, 1), HOOKE_E_UNSUPPORTED);
    hub_server_reset(server);
    hooke_part_options o = { .size = sizeof o, .tensors = only_dec, .out = CACHE "/models--org--model" };
    assert_int_equal(hooke_pull_part(&path, sae_name, &o), HOOKE_E_ARGUMENT);
    hooke_text_release(&path);
    assert_false(file_exists(HERE "part.safetensors"));
}

static int count(void *payload, const hooke_tensor_info *t)
{
    int *n = payload;
    if (strcmp(t->name, "W_dec") == 0) assert_int_equal(t->shape[0], ROWS);
    return ++*n == 99;
}

static void headers(void **state)
{
    int n = 0;
    (void)state;
    assert_int_equal(hooke_pull_header(sae_name, NULL, count, &n), HOOKE_OK);
    assert_int_equal(n, 5);
    n = 98;
    assert_int_equal(hooke_pull_header(sae_name, NULL, count, &n), HOOKE_OK);
    assert_int_equal(n, 99); /* it was told to stop */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tensors, fresh),      cmocka_unit_test_setup(single_rows, fresh),
        cmocka_unit_test_setup(broken_lines, fresh), cmocka_unit_test_setup(shards, fresh),
        cmocka_unit_test_setup(refusals, fresh),     cmocka_unit_test_setup(headers, fresh),
    };
    return http_library() ? cmocka_run_group_tests(tests, start, stop) : hub_skip_all();
}

/* hub_source.c and hub_pieces.c against a hub on loopback: tensors and rows of numpy's archives, whole and lying. */
#include "check.h"

#include <unistd.h>

#include "file/hub_part.h"
#include "file/hub_server.h"

#define HERE   "build/tmp/hub_source/"
#define CACHE  HERE "cache"
#define OUT    HERE "part.safetensors"
#define GOLDEN "tests/golden/file/"

enum { ROWS = 3000, WIDTH = 32, N_CUTS = 5, N_LIES = 7 };
static float w_dec[ROWS * WIDTH], b_dec[WIDTH];
static hooke_text scope, stored, deflated, zip64, streamed, objects, cuts[N_CUTS], lies[N_LIES];
static struct hub_server *server;
static struct hub_file files[32];
static int n_files;

static void add_file(const char *path, const hooke_text *t)
{
    files[n_files++] = (struct hub_file){ path, t->data, t->n, true };
}

static void copy(hooke_text *out, const hooke_text *from, size_t n)
{
    text_clear(out);
    assert_int_equal(text_append(out, from->data, n), HOOKE_OK);
}

static void put32(hooke_text *t, size_t at, uint32_t v)
{
    for (int i = 0; i < 4; i++) t->data[at + (size_t)i] = (char)(v >> 8 * i);
}

static uint32_t get32(const hooke_text *t, size_t at)
{
    const unsigned char *p = (const unsigned char *)t->data + at;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Directories that lie. The archive ends in the ZIP64 end record (56 bytes), its locator (20) and the end record (22). */
static void make_lies(void)
{
    static const char *const names[N_LIES] = { "lie/begin.npz", "lie/count.npz", "lie/size.npz",
                                               "lie/place.npz", "lie/crc.npz",   "lie/name.npz",
                                               "lie/end.npz" };
    for (int i = 0; i < N_LIES; i++) copy(&lies[i], &scope, scope.n);
    size_t end = scope.n - 22, directory = get32(&scope, end + 16);
    put32(&lies[0], end - 76 + 48, 100);
    put32(&lies[1], end - 76 + 24, 0xFFF0FFF0);
    put32(&lies[1], end - 76 + 32, 0xFFF0FFF0);
    put32(&lies[2], directory + 20, ROWS * WIDTH * 8); /* both sizes: the stored member runs into the next */
    put32(&lies[2], directory + 24, ROWS * WIDTH * 8);
    put32(&lies[3], directory + 42, 1000);
    put32(&lies[4], directory + 16, 0x12345678);
    lies[5].data[30] ^= 1; /* the member's own header */
    put32(&lies[6], end - 20 + 8, 100);
    for (int i = 0; i < N_LIES; i++) add_file(names[i], &lies[i]);
}

static void make_files(void)
{
    static const char *const names[N_CUTS] = { "cut/1.npz", "cut/21.npz", "cut/22.npz", "cut/99.npz",
                                               "cut/half.npz" };
    const size_t less[N_CUTS] = { 1, 21, 22, 99, scope.n / 2 };
    const hooke_tensor_out tensors[] = { { "W_dec", "F32", 2, { ROWS, WIDTH }, w_dec },
                                         { "b_dec", "F32", 1, { WIDTH }, b_dec } };
    assert_int_equal(make_folders(HERE), HOOKE_OK);
    assert_int_equal(npz_write(HERE "made", tensors, 2), HOOKE_OK);
    assert_int_equal(file_read(&scope, HERE "made", 1 << 24), HOOKE_OK);
    assert_int_equal(file_read(&stored, GOLDEN "stored.npz", 1 << 20), HOOKE_OK);
    assert_int_equal(file_read(&deflated, GOLDEN "deflated.npz", 1 << 20), HOOKE_OK);
    assert_int_equal(file_read(&zip64, GOLDEN "zip64.npz", 1 << 20), HOOKE_OK);
    assert_int_equal(file_read(&streamed, GOLDEN "streamed.npz", 1 << 20), HOOKE_OK);
    assert_int_equal(file_read(&objects, GOLDEN "objects.npz", 1 << 20), HOOKE_OK);
    add_file("scope/params.npz", &scope);
    add_file("stored.npz", &stored);
    add_file("deflated.npz", &deflated);
    add_file("zip64.npz", &zip64);
    add_file("streamed.npz", &streamed);
    add_file("objects.npz", &objects);
    files[n_files++] = (struct hub_file){ "page.npz", "<html>no such thing</html>", 26, false };
    files[n_files++] = (struct hub_file){ "tiny.npz", "PK", 2, false };
    for (int i = 0; i < N_CUTS; i++) {
        copy(&cuts[i], &scope, scope.n - (i + 1 < N_CUTS ? less[i] : scope.n / 2));
        add_file(names[i], &cuts[i]);
    }
    make_lies();
}

static int start(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS * WIDTH; i++) w_dec[i] = (float)i * 0.5f;
    for (int i = 0; i < WIDTH; i++) b_dec[i] = (float)(i - 7);
    make_files();
    server = hub_server_start(files, n_files);
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
    hooke_text *all[] = { &scope, &stored, &deflated, &zip64, &streamed, &objects };
    (void)state;
    hub_server_stop(server);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) hooke_text_release(all[i]);
    for (int i = 0; i < N_CUTS; i++) hooke_text_release(&cuts[i]);
    for (int i = 0; i < N_LIES; i++) hooke_text_release(&lies[i]);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    hub_server_reset(server);
    unlink(OUT);
    return 0;
}

/* ---- asking ---- */

static int n_retries;

static hooke_status part(const char *what, const char *tensor, const int64_t *rows, int n_rows)
{
    const char *const tensors[] = { tensor, NULL };
    hooke_text path = { 0 };
    hooke_part_options o = { .size = sizeof o,
                             .tensors = tensors,
                             .rows = rows,
                             .n_rows = n_rows,
                             .out = OUT,
                             .n_retries = n_retries };
    hooke_status st = hooke_pull_part(&path, what, &o);
    hooke_text_release(&path);
    return st;
}

static void assert_part(const char *what, const char *tensor, const int64_t *rows, int n_rows)
{
    hooke_status st = part(what, tensor, rows, n_rows);
    if (st != HOOKE_OK) print_message("%s: %s\n", what, hooke_error());
    assert_int_equal(st, HOOKE_OK);
}

static void assert_refused(const char *what, const char *tensor, hooke_status status, const char *says)
{
    hooke_status st = part(what, tensor, NULL, 0);
    if (st != status || !strstr(hooke_error(), says))
        print_message("%s: %d %s\n", what, (int)st, hooke_error());
    assert_int_equal(st, status);
    assert_non_null(strstr(hooke_error(), says));
    assert_false(file_exists(OUT));
}

static const char scope_file[] = "hf:org/model/scope/params.npz";

/* ---- whole tensors ---- */

static void whole_tensors(void **state)
{
    struct safetensors s;
    const char *of;
    (void)state;
    assert_part("hf:org/model/scope", "W_dec", NULL, 0); /* the folder: its archive is found */
    assert_int_equal(atomic_load(&server->n_ranges), 3); /* the directory, W_dec's headers, its data */
    assert_int_equal(safetensors_open(&s, OUT), HOOKE_OK);
    const struct stored_tensor *t = safetensors_find(&s, "W_dec");
    assert_true(s.n_tensors == 1 && t->dtype == DT_F32 && t->n_dims == 2 && t->shape[0] == ROWS &&
                t->shape[1] == WIDTH);
    assert_memory_equal(t->data, w_dec, sizeof w_dec);
    assert_int_equal(json_string(&of, s.metadata, "part_of", NULL, ""), HOOKE_OK);
    assert_string_equal(of, "org/model/scope/params.npz@" HUB_COMMIT);
    safetensors_close(&s);
    hub_server_reset(server);
    assert_part(scope_file, "b_dec", NULL, 0);
    assert_int_equal(atomic_load(&server->n_ranges), 1); /* it lies at the end, beside the directory */
    assert_true(atomic_load(&server->n_sent) < 70000);
    assert_int_equal(safetensors_open(&s, OUT), HOOKE_OK);
    assert_memory_equal(safetensors_find(&s, "b_dec")->data, b_dec, sizeof b_dec);
    safetensors_close(&s);
    assert_false(is_folder(CACHE));
}

/* Every array of an archive, whatever its layout, is what npz_load() makes of the same file on disk. */
static void assert_same_as_on_disk(const char *what, const char *path)
{
    struct npz z;
    assert_int_equal(npz_open(&z, path), HOOKE_OK);
    for (int i = 0; i < z.n_tensors; i++) {
        const struct stored_tensor *on_disk, *t;
        struct safetensors s;
        assert_part(what, z.tensors[i].name, NULL, 0);
        assert_int_equal(npz_load(&z, &on_disk, z.tensors[i].name), HOOKE_OK);
        assert_int_equal(safetensors_open(&s, OUT), HOOKE_OK);
        t = safetensors_find(&s, z.tensors[i].name);
        assert_true(t->dtype == on_disk->dtype && t->n_dims == on_disk->n_dims && t->bytes == on_disk->bytes);
        assert_memory_equal(t->shape, on_disk->shape, sizeof t->shape);
        if (t->bytes) assert_memory_equal(t->data, on_disk->data, t->bytes);
        safetensors_close(&s);
    }
    npz_close(&z);
}

static void every_layout(void **state)
{
    (void)state;
    assert_same_as_on_disk("hf:org/model/stored.npz", GOLDEN "stored.npz");
    assert_same_as_on_disk("hf:org/model/deflated.npz", GOLDEN "deflated.npz");
    assert_same_as_on_disk("hf:org/model/zip64.npz", GOLDEN "zip64.npz");
    assert_same_as_on_disk("hf:org/model/streamed.npz", GOLDEN "streamed.npz");
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
    assert_int_equal(hooke_pull_header(scope_file, NULL, count, &n), HOOKE_OK);
    assert_int_equal(n, 2);
    assert_int_equal(hooke_pull_header("hf:org/model/deflated.npz", NULL, count, &n), HOOKE_OK);
    assert_int_equal(n, 13);
    assert_int_equal(hooke_pull_header("hf:org/model/objects.npz", NULL, count, &n), HOOKE_E_UNSUPPORTED);
    assert_non_null(strstr(hooke_error(), "objects"));
}

/* ---- rows ---- */

static void rows(void **state)
{
    static const int64_t some[] = { 3, 4, 1500, 2998, 2999 };
    struct safetensors s;
    (void)state;
    for (long at = 1; at < 100000; at = at * 25 + 3) {
        hub_server_reset(server);
        hub_server_fault(server, FAULT_DROP, AT_CDN, "scope", 1, at); /* the line breaks in the middle */
        assert_part(scope_file, "W_dec", some, 5);
        assert_int_equal(safetensors_open(&s, OUT), HOOKE_OK);
        const struct stored_tensor *t = safetensors_find(&s, "W_dec");
        assert_true(t->shape[0] == 5 && t->shape[1] == WIDTH);
        for (int i = 0; i < 5; i++)
            assert_memory_equal((const char *)t->data + i * WIDTH * 4, w_dec + some[i] * WIDTH, WIDTH * 4);
        safetensors_close(&s);
    }
}

static void no_rows(void **state)
{
    static const int64_t first[] = { 0 }, beyond[] = { ROWS };
    static const struct {
        const char *what, *tensor, *says;
    } cases[] = {
        { "hf:org/model/deflated.npz", "c", "is deflated" },
        { "hf:org/model/stored.npz", "f", "column by column" },
        { "hf:org/model/stored.npz", "big3", "column by column" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(part(cases[i].what, cases[i].tensor, first, 1), HOOKE_E_UNSUPPORTED);
        assert_non_null(strstr(hooke_error(), cases[i].says));
        assert_non_null(strstr(hooke_error(), "without --rows"));
    }
    assert_int_equal(part(scope_file, "W_dec", beyond, 1), HOOKE_E_SHAPE);
    assert_int_equal(part(scope_file, "b_dec", first, 1), HOOKE_E_SHAPE);
    assert_false(file_exists(OUT));
}

/* ---- what goes wrong ---- */

static void broken_archives(void **state)
{
    (void)state;
    assert_refused("hf:org/model/cut/1.npz", "W_dec", HOOKE_E_FORMAT, "no ZIP archive, or one cut short");
    assert_refused("hf:org/model/cut/21.npz", "W_dec", HOOKE_E_FORMAT, "looks like a ZIP archive");
    assert_refused("hf:org/model/cut/22.npz", "W_dec", HOOKE_E_FORMAT, "cut short");
    assert_refused("hf:org/model/cut/99.npz", "W_dec", HOOKE_E_FORMAT, "cut short");
    assert_refused("hf:org/model/cut/half.npz", "W_dec", HOOKE_E_FORMAT, "cut short");
    assert_refused("hf:org/model/page.npz", "W_dec", HOOKE_E_FORMAT, "looks like a web page");
    assert_refused("hf:org/model/tiny.npz", "W_dec", HOOKE_E_FORMAT, "2 bytes");
    assert_refused("hf:org/model/lie/begin.npz", "W_dec", HOOKE_E_FORMAT, "does not end where");
    assert_refused("hf:org/model/lie/count.npz", "W_dec", HOOKE_E_FORMAT, "members in a directory");
    assert_refused("hf:org/model/lie/size.npz", "W_dec", HOOKE_E_FORMAT, "overlap");
    assert_refused("hf:org/model/lie/place.npz", "W_dec", HOOKE_E_FORMAT, "overlap");
    assert_refused("hf:org/model/lie/crc.npz", "W_dec", HOOKE_E_FORMAT, "damaged: CRC");
    assert_refused("hf:org/model/lie/name.npz", "W_dec", HOOKE_E_FORMAT, "another name");
    assert_refused("hf:org/model/lie/end.npz", "W_dec", HOOKE_E_FORMAT, "no ZIP64 end record at byte 100");
    assert_refused("hf:org/model/scope/params.npz", "W_enc", HOOKE_E_NOT_FOUND, "it has W_dec, b_dec");
}

static void faults(void **state)
{
    (void)state;
    n_retries = -1;
    hub_server_fault(server, FAULT_IGNORE_RANGE, AT_CDN, "scope", 100, 0);
    assert_refused(scope_file, "W_dec", HOOKE_E_UNSUPPORTED, "does not give parts");
    hub_server_fault(server, FAULT_WRONG_RANGE, AT_CDN, "scope", 100, 0);
    assert_refused(scope_file, "W_dec", HOOKE_E_UNSUPPORTED, "does not give parts");
    hub_server_fault(server, FAULT_EXTRA, AT_CDN, "scope", 100, 0);
    assert_refused(scope_file, "W_dec", HOOKE_E_FORMAT, "more bytes came");
    hub_server_fault(server, FAULT_SHORT, AT_CDN, "scope", 100, 0);
    assert_refused(scope_file, "W_dec", HOOKE_E_IO, "only a part");
    hub_server_fault(server, FAULT_LONG, AT_CDN, "scope", 100, 0);
    assert_refused(scope_file, "W_dec", HOOKE_E_IO, "scope/params.npz");
    hub_server_fault(server, FAULT_CORRUPT, AT_CDN, "scope", 100, ROWS * WIDTH * 2);
    assert_refused(scope_file, "W_dec", HOOKE_E_FORMAT, "damaged: CRC");
    hub_server_fault(server, FAULT_STATUS, AT_CDN, "scope", 100, 416);
    assert_refused(scope_file, "W_dec", HOOKE_E_IO, "416");
    hub_server_fault(server, FAULT_HUGE, AT_HEAD, "scope", 100, 0);
    assert_int_not_equal(part(scope_file, "W_dec", NULL, 0), HOOKE_OK);
    n_retries = 0;
    hub_server_fault(server, FAULT_SHORT, AT_CDN, "scope", 1, 0);
    assert_part(scope_file, "W_dec", NULL, 0);
    assert_int_equal(atomic_load(&server->n_leaks), 0);
}

/* The second request, or the third, is answered from another content. */
static void a_file_that_changes(void **state)
{
    (void)state;
    hub_server_fault(server, FAULT_OTHER_ETAG, AT_GET, "scope", 100, 0);
    assert_refused(scope_file, "W_dec", HOOKE_E_FORMAT, "changed on the hub");
    hub_server_fault(server, FAULT_OTHER_ETAG, AT_HEAD, "scope", 1, 0);
    assert_refused(scope_file, "W_dec", HOOKE_E_FORMAT, "changed on the hub");
    hub_server_fault(server, FAULT_OTHER_ETAG, AT_GET, "page", 1,
                     0); /* a small file: the hub answers itself */
    assert_int_not_equal(part("hf:org/model/page.npz", "W_dec", NULL, 0), HOOKE_OK);
}

/* A part goes anywhere but into the cache; a folder gets the file's name with "part" in it. */
static void where_it_goes(void **state)
{
    static const char *const tensors[] = { "b_dec", NULL };
    hooke_text path = { 0 };
    hooke_part_options o = { .size = sizeof o, .tensors = tensors, .out = CACHE "-beside/" };
    (void)state;
    assert_int_equal(hooke_pull_part(&path, scope_file, &o), HOOKE_OK);
    assert_string_equal(path.data, CACHE "-beside/params.part.safetensors");
    assert_true(file_exists(path.data));
    unlink(path.data);
    o.out = CACHE "/";
    assert_int_equal(hooke_pull_part(&path, scope_file, &o), HOOKE_E_ARGUMENT);
    assert_non_null(strstr(hooke_error(), "hub cache"));
    assert_false(is_folder(CACHE));
    hooke_text_release(&path);
}

static void lost_memory(void **state)
{
    static const int64_t some[] = { 3, 2000 };
    (void)state;
    for (int k = 0; k < 2; k++) {
        long at = 1;
        for (;; at++) {
            mem_fail_at(at);
            hooke_status st =
                k ? part("hf:org/model/deflated.npz", "c", NULL, 0) : part(scope_file, "W_dec", some, 2);
            mem_fail_at(0);
            if (st == HOOKE_OK) break;
            if (st != HOOKE_E_MEMORY) print_message("allocation %ld: %d %s\n", at, (int)st, hooke_error());
            assert_int_equal(st, HOOKE_E_MEMORY);
            assert_false(file_exists(OUT));
        }
        assert_true(at > 10);
        unlink(OUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whole_tensors, fresh), cmocka_unit_test_setup(every_layout, fresh),
        cmocka_unit_test_setup(headers, fresh),       cmocka_unit_test_setup(rows, fresh),
        cmocka_unit_test_setup(no_rows, fresh),       cmocka_unit_test_setup(broken_archives, fresh),
        cmocka_unit_test_setup(faults, fresh),        cmocka_unit_test_setup(a_file_that_changes, fresh),
        cmocka_unit_test_setup(where_it_goes, fresh), cmocka_unit_test_setup(lost_memory, fresh),
    };
    return http_library() ? cmocka_run_group_tests(tests, start, stop) : hub_skip_all();
}

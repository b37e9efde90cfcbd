/* inspect.c and sniff.c: what lies at a path, its tensors, and what is said about files that are something else. */
#include "check.h"

#include "file/bytes.h"
#include "file/npz.h"
#include "file/sniff.h"

#define GOLDEN "tests/golden/file/"
#define HERE   "build/tmp/inspect/"

static void write_bytes(const char *path, const char *bytes, size_t n)
{
    assert_int_equal(hooke_write_file(path, bytes, n), HOOKE_OK);
}

static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static void assert_opens(const char *path, const char *kind, const char *format, int n_tensors)
{
    hooke_file *f;
    hooke_status st = hooke_file_open(&f, path);
    if (st != HOOKE_OK) print_message("%s\n", hooke_error());
    assert_int_equal(st, HOOKE_OK);
    assert_string_equal(hooke_file_kind(f), kind);
    assert_string_equal(hooke_file_format(f), format);
    assert_int_equal(hooke_file_n_tensors(f), n_tensors);
    hooke_file_close(f);
}

static void assert_refuses(const char *path, hooke_status status, const char *says)
{
    hooke_file *f = (hooke_file *)1;
    hooke_status st = hooke_file_open(&f, path);
    if (st != status || !strstr(hooke_error(), says))
        print_message("%s: %d %s\n", path, (int)st, hooke_error());
    assert_int_equal(st, status);
    assert_null(f);
    assert_non_null(strstr(hooke_error(), says));
}

static void tells_files_apart(void **state)
{
    (void)state;
    assert_opens(GOLDEN "every.safetensors", "tensors", "safetensors", 14);
    assert_opens(GOLDEN "sharded/model.safetensors.index.json", "tensors", "safetensors", 3);
    assert_opens(GOLDEN "stored.npz", "tensors", "npz", 10);
    assert_opens(GOLDEN "deflated.npz", "tensors", "npz", 11);
    assert_opens(GOLDEN "plain.npy", "tensors", "npy", 1);
}

static void make_gemma_scope(const char *folder)
{
    static const float x[6] = { 0, 1, 2, 3, 4, 5 };
    const hooke_tensor_out tensors[] = { { "W_enc", "F32", 2, { 2, 3 }, x },
                                         { "W_dec", "F32", 2, { 3, 2 }, x },
                                         { "b_enc", "F32", 1, { 3 }, x },
                                         { "b_dec", "F32", 1, { 2 }, x },
                                         { "threshold", "F32", 1, { 3 }, x } };
    hooke_text path = { 0 };
    assert_int_equal(make_folders(folder), HOOKE_OK);
    assert_int_equal(path_join(&path, folder, "params.npz"), HOOKE_OK);
    assert_int_equal(npz_write(path.data, tensors, 5), HOOKE_OK);
    hooke_text_release(&path);
}

static void tells_folders_apart(void **state)
{
    static const float x[2] = { 1, 2 };
    const hooke_tensor_out one = { "x", "F32", 1, { 2 }, x };
    (void)state;
    make_gemma_scope(HERE "scope");
    assert_opens(HERE "scope", "dict", "gemma_scope", 5);
    assert_opens(HERE "scope/params.npz", "dict", "gemma_scope", 5);

    assert_int_equal(make_folders(HERE "sae"), HOOKE_OK);
    assert_int_equal(hooke_write_safetensors(HERE "sae/sae_weights.safetensors", &one, 1, NULL), HOOKE_OK);
    remove(HERE "sae/cfg.json");
    assert_opens(HERE "sae/sae_weights.safetensors", "tensors", "safetensors", 1);
    assert_refuses(HERE "sae", HOOKE_E_NOT_FOUND, "a folder without");
    write_text(HERE "sae/cfg.json", "{\"metadata\": {\"hook_name\": \"blocks.0.hook_resid_post\"}}");
    assert_opens(HERE "sae", "dict", "saelens", 1);
    assert_opens(HERE "sae/sae_weights.safetensors", "dict", "saelens", 1);
    write_text(HERE "sae/cfg.json", "{\"hook_name\": \"blocks.0.hook_resid_post\"}");
    assert_opens(HERE "sae", "dict", "saelens_legacy", 1);
    write_text(HERE "sae/cfg.json", "{");
    assert_refuses(HERE "sae", HOOKE_E_FORMAT, "cfg.json");

    assert_int_equal(make_folders(HERE "empty"), HOOKE_OK);
    assert_refuses(HERE "empty", HOOKE_E_NOT_FOUND, "an empty folder");

    assert_int_equal(make_folders(HERE "model"), HOOKE_OK);
    remove(HERE "model/model.safetensors");
    remove(HERE "model/pytorch_model.bin");
    write_text(HERE "model/config.json", "{}");
    assert_refuses(HERE "model", HOOKE_E_NOT_FOUND, "no weights");
    write_text(HERE "model/pytorch_model.bin", "x");
    assert_refuses(HERE "model", HOOKE_E_UNSUPPORTED, "pickled");
    assert_int_equal(hooke_write_safetensors(HERE "model/model.safetensors", &one, 1, NULL), HOOKE_OK);
    assert_opens(HERE "model", "model", "huggingface", 1);

    assert_int_equal(make_folders(HERE "tokenizer"), HOOKE_OK);
    write_text(HERE "tokenizer/tokenizer.json", "{\"model\": {}}");
    assert_opens(HERE "tokenizer", "tokenizer", "huggingface", 0);
    assert_opens(HERE "tokenizer/tokenizer.json", "tokenizer", "huggingface", 0);
    write_text(HERE "tokenizer/tokenizer.json", "{}");
    assert_refuses(HERE "tokenizer", HOOKE_E_FORMAT, "no tokenizer");
}

static void names_what_is_not_a_tensor_file(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *says;
    } cases[] = {
        { "", 0, "empty file" },
        { "GGUF\3\0\0\0", 8, "GGUF" },
        { "\x1F\x8B\x08\0", 4, "gzip" },
        { "\x28\xB5\x2F\xFD\0", 5, "Zstandard" },
        { "\x80\2}q\0.", 6, "pickle" },
        { "\x89PNG\r\n\x1A\n", 8, "PNG" },
        { "\xFF\xD8\xFF\xE0", 4, "JPEG" },
        { "GIF89a", 6, "GIF" },
        { "%PDF-1.7\n", 9, "PDF" },
        { "SQLite format 3\0", 16, "SQLite" },
        { "ARROW1\0\0", 8, "Arrow" },
        { "RIFF\4\0\0\0WEBPVP8 ", 16, "WebP" },
        { "7z\xBC\xAF\x27\x1C", 6, "7z" },
        { "tjgg\1\0\0\0", 8, "before GGUF" },
        { "<!DOCTYPE html><html>", 21, "web page" },
        { "  <HTML>\n", 9, "web page" },
        { "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", 55, "Git LFS" },
        { "{\"a\": 1}", 8, "JSON" },
        { "hello, world\n", 13, "plain text" },
        { "PAR1\0\0", 6, "Parquet" },
        { "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 14, "zeros" },
        { "\1\2\3\4\5\6\7\x88\x99", 9, "binary" },
    };
    (void)state;
    assert_int_equal(make_folders(HERE), HOOKE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_bytes(HERE "what", cases[i].bytes, cases[i].n);
        assert_refuses(HERE "what", HOOKE_E_FORMAT, cases[i].says);
        write_bytes(HERE "what.safetensors", cases[i].bytes, cases[i].n);
        hooke_file *f;
        assert_int_equal(hooke_file_open(&f, HERE "what.safetensors"), HOOKE_E_FORMAT);
        write_bytes(HERE "what.npz", cases[i].bytes, cases[i].n);
        assert_refuses(HERE "what.npz", HOOKE_E_FORMAT, cases[i].says);
    }
    char tar[512] = "a-file.txt";
    memcpy(tar + 257, "ustar", 5);
    write_bytes(HERE "what", tar, sizeof tar);
    assert_refuses(HERE "what", HOOKE_E_FORMAT, "tar archive");
    assert_refuses(HERE "absent", HOOKE_E_NOT_FOUND, "absent");
    assert_refuses("/dev/null", HOOKE_E_FORMAT, "a pipe or a device");
}

static void reads_tensors(void **state)
{
    hooke_file *f;
    float x[6];
    int64_t k[6];
    (void)state;
    assert_int_equal(hooke_file_open(&f, GOLDEN "stored.npz"), HOOKE_OK);
    for (int i = 0; i < hooke_file_n_tensors(f); i++) {
        const hooke_tensor_info *info = hooke_file_tensor(f, i);
        if (strcmp(info->name, "f") != 0) continue;
        assert_string_equal(info->dtype, "<f4");
        assert_true(info->n_dims == 2 && info->shape[0] == 2 && info->shape[1] == 3 && info->bytes == 24);
        assert_int_equal(hooke_file_read_f32(f, i, x, 6), HOOKE_OK);
        assert_int_equal(hooke_file_read_i64(f, i, k, 6), HOOKE_OK);
        for (int j = 0; j < 6; j++) assert_true(x[j] == (float)j && k[j] == j);
        assert_int_equal(hooke_file_read_f32(f, i, x, 5), HOOKE_E_SHAPE);
    }
    assert_null(hooke_file_tensor(f, -1));
    assert_null(hooke_file_tensor(f, 10));
    assert_int_equal(hooke_file_read_f32(f, 10, x, 6), HOOKE_E_ARGUMENT);
    hooke_file_close(f);
    assert_int_equal(hooke_file_open(&f, GOLDEN "bare.safetensors"), HOOKE_OK);
    assert_int_equal(hooke_file_read_f32(f, 0, x, 2), HOOKE_OK);
    assert_true(x[1] == 1.0f);
    hooke_file_close(f);
    hooke_file_close(NULL);
}

static void every_allocation_may_fail(void **state)
{
    static const char *const paths[] = { HERE "scope", HERE "model",
                                         GOLDEN "sharded/model.safetensors.index.json" };
    (void)state;
    for (int i = 0; i < 3; i++)
        for (long at = 1;; at++) {
            hooke_file *f;
            mem_fail_at(at);
            hooke_status st = hooke_file_open(&f, paths[i]);
            mem_fail_at(0);
            hooke_file_close(f);
            if (st == HOOKE_OK) break;
            assert_int_equal(st, HOOKE_E_MEMORY);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_files_apart),
        cmocka_unit_test(tells_folders_apart),
        cmocka_unit_test(names_what_is_not_a_tensor_file),
        cmocka_unit_test(reads_tensors),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

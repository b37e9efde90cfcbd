/* name*.c and registry.c: every row of the registry, and every spelling of a name, without cache and network. */
#include "check.h"

#include <unistd.h>

#include "file/bytes.h"
#include "file/name.h"

enum { N_ROWS = 4500 };
#define TABLE_HASH 0x320f8a464d30ec06u

static const hooke_name_info *open_name(hooke_name **n, const char *what, const char *kind)
{
    hooke_status st = hooke_name_open(n, what, kind);
    if (st != HOOKE_OK) print_message("%s: %s\n", what, hooke_error());
    assert_int_equal(st, HOOKE_OK);
    return hooke_name_get_info(*n);
}

/* ---- the table ---- */

/* FNV-1a over every field of every row: the table as it was made. */
static uint64_t hash_text(uint64_t h, const char *s)
{
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
    return (h ^ '\t') * 1099511628211u;
}

static void the_table_is_whole(void **state)
{
    struct registry_cursor c = { .line = 0 };
    uint64_t h = 14695981039346656037u;
    int n = 0;
    (void)state;
    assert_int_equal(registry_n_rows(), N_ROWS);
    while (registry_next(&c)) {
        const struct registry_row *r = &c.row;
        const char *fields[] = { r->release,
                                 r->repo,
                                 r->model,
                                 r->format,
                                 r->sae_id,
                                 r->path,
                                 r->l0,
                                 r->variance_explained,
                                 r->norm_scaling_factor,
                                 r->neuronpedia,
                                 r->config_overrides };
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) h = hash_text(h, fields[i]);
        n++;
    }
    assert_int_equal(n, N_ROWS);
    assert_int_equal(h, TABLE_HASH);
}

/* The rows from the cursor on are the file's: same rows, same fields, same order. */
static void assert_rows_of(struct registry_cursor *c, const hooke_text *file)
{
    enum { N_FIELDS = 11 };
    char *line = strchr(file->data, '\n') + 1; /* the header */
    while (registry_next(c)) {
        const struct registry_row *r = &c->row;
        const char *format = strcmp(r->format, "sae_lens") == 0 ? "" : r->format;
        const char *fields[N_FIELDS] = { r->release,
                                         r->repo,
                                         r->model,
                                         format,
                                         r->sae_id,
                                         r->path,
                                         r->l0,
                                         r->variance_explained,
                                         r->norm_scaling_factor,
                                         r->neuronpedia,
                                         r->config_overrides };
        for (int i = 0; i < N_FIELDS; i++) {
            size_t n = strcspn(line, "\t\n");
            assert_int_equal(line[n], i + 1 < N_FIELDS ? '\t' : '\n');
            line[n] = '\0';
            assert_string_equal(fields[i], line);
            line += n + 1;
        }
    }
    assert_int_equal(*line, '\0');
}

/* The source, where it is at hand. */
static void the_table_is_its_source(void **state)
{
    struct registry_cursor c = { .line = 0 };
    hooke_text t = { 0 };
    (void)state;
    if (file_read(&t, "../shared/data/sae_registry.tsv", 1 << 22) != HOOKE_OK) {
        print_message("skip: ../shared/data/sae_registry.tsv is absent\n");
        skip();
    }
    assert_rows_of(&c, &t);
    hooke_text_release(&t);
}

/* Names beyond the list. */
static void later_names_are_their_source(void **state)
{
    struct registry_cursor c = { .line = 0 };
    hooke_text t = { 0 };
    (void)state;
    while (registry_next(&c)) assert_true(registry_is_listed(&c));
    c.all = true;
    assert_int_equal(file_read(&t, "tools/registry/later.tsv", 1 << 20), HOOKE_OK);
    assert_rows_of(&c, &t);
    assert_false(registry_is_listed(&c));
    hooke_text_release(&t);
}

/* ---- all rows through the resolver ---- */

struct counts {
    struct registry_cursor table; /* the packed table, row by row beside the walk */
    int rows, neuronpedia, sites, widths, layers;
};

static const char *const formats[] = { "sae_lens",
                                       "gemma_2",
                                       "gemma_2_transcoder",
                                       "llama_scope",
                                       "deepseek_r1",
                                       "llama_scope_r1_distill",
                                       "mwhanna_transcoder",
                                       "connor_rob_hook_z",
                                       "dictionary_learning_1",
                                       "mntss_clt_layer_transcoder" };

static void assert_same_place(const hooke_name_info *a, const hooke_name_info *b)
{
    assert_string_equal(a->repo, b->repo);
    assert_string_equal(a->file, b->file);
    assert_string_equal(a->format, b->format);
    assert_int_equal(a->n_files, b->n_files);
    for (int i = 0; i < a->n_files; i++) assert_string_equal(a->files[i].pattern, b->files[i].pattern);
    assert_true(a->norm_scaling_factor == b->norm_scaling_factor);
    assert_string_equal(a->config_overrides, b->config_overrides);
}

/* Every way to spell a row leads to the row. */
static void assert_spellings(const hooke_name_info *row)
{
    hooke_text t = { 0 };
    hooke_name *n = NULL;
    const hooke_name_info *i = open_name(&n, row->what, "dict");
    assert_same_place(i, row);
    assert_string_equal(i->spelling, "registry");
    hooke_name_close(n);
    assert_int_equal(text_printf(&t, "%s:%s", row->release, row->sae_id), HOOKE_OK);
    i = open_name(&n, t.data, NULL);
    assert_same_place(i, row);
    assert_string_equal(i->sae_id, row->sae_id);
    hooke_name_close(n);
    text_clear(&t);
    assert_int_equal(text_printf(&t, "hf:%s/%s", row->repo, row->file), HOOKE_OK);
    i = open_name(&n, t.data, NULL);
    assert_same_place(i, row); /* two ids of one file differ in nothing that reading needs */
    hooke_name_close(n);
    if (row->neuronpedia[0]) {
        text_clear(&t);
        assert_int_equal(text_printf(&t, "https://www.neuronpedia.org/%s/12", row->neuronpedia), HOOKE_OK);
        i = open_name(&n, t.data, NULL);
        assert_same_place(i, row);
        assert_string_equal(i->release, row->release);
        assert_string_equal(i->sae_id, row->sae_id);
        assert_int_equal(i->feature, 12);
        hooke_name_close(n);
    }
    hooke_text_release(&t);
}

/* What holds of every name, listed or not. */
static void assert_row(const hooke_name_info *row)
{
    assert_true(row->repo[0] && row->file[0] && row->n_files > 0);
    assert_string_equal(row->revision, "main");
    assert_string_equal(row->kind, "dict");
    for (int i = 0; i < row->n_files; i++) assert_true(name_stays_inside(row->files[i].pattern));
    assert_false(hooke_name_is_cached(row));
    assert_spellings(row);
}

static int on_row(void *payload, const hooke_name_info *row)
{
    struct counts *c = payload;
    const char *near;
    bool known = false;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        known |= strcmp(row->format, formats[i]) == 0;
    assert_true(known);
    assert_true(registry_next(&c->table));
    assert_string_equal(row->release, c->table.row.release);
    assert_string_equal(row->sae_id, c->table.row.sae_id);
    assert_string_equal(row->repo, c->table.row.repo);
    assert_string_equal(row->file, c->table.row.path);
    assert_string_equal(row->format, c->table.row.format);
    assert_non_null(model_repository(row->model, &near));
    assert_row(row);
    c->rows++;
    c->neuronpedia += row->neuronpedia[0] != '\0';
    c->sites += row->site[0] != '\0';
    c->widths += row->width > 0;
    c->layers += row->layer >= 0;
    return 0;
}

static void every_row_resolves(void **state)
{
    struct counts c = { 0 };
    (void)state;
    setenv("HF_HUB_CACHE", "build/tmp/names/no-cache", 1);
    assert_int_equal(hooke_registry_walk("dict", on_row, &c), HOOKE_OK);
    print_message("%d rows, %d on Neuronpedia, site of %d, width of %d, layer of %d\n", c.rows, c.neuronpedia,
                  c.sites, c.widths, c.layers);
    assert_int_equal(c.rows, N_ROWS);
    assert_int_equal(c.neuronpedia, 2190);
    assert_true(c.sites >= 4400 && c.widths >= 4190 && c.layers >= 4490);
}

/* The names beyond the list, in every spelling; the walk leaves them out until they are in the cache. */
static void every_later_name_resolves(void **state)
{
    enum { N_LATER = 29 };
    struct registry_cursor c = { .all = true };
    char what[160];
    int n = 0;
    (void)state;
    setenv("HF_HUB_CACHE", "build/tmp/names/no-cache", 1);
    while (registry_next(&c)) {
        if (registry_is_listed(&c)) continue;
        hooke_name *name = NULL;
        assert_true((size_t)snprintf(what, sizeof what, "%s/%s", c.row.release, c.row.sae_id) < sizeof what);
        const hooke_name_info *i = open_name(&name, what, NULL);
        assert_string_equal(i->release, c.row.release);
        assert_string_equal(i->sae_id, c.row.sae_id);
        assert_string_equal(i->repo, c.row.repo);
        assert_string_equal(i->file, c.row.path);
        assert_string_equal(i->format, c.row.format);
        assert_true(i->layer >= 0);
        assert_non_null(strstr(i->site, ".hook_resid_post"));
        assert_row(i);
        hooke_name_close(name);
        n++;
    }
    assert_int_equal(n, N_LATER);
}

static int find_release_in_walk(void *payload, const hooke_name_info *info)
{
    return *(bool *)payload = strcmp(info->release, "goodfire-llama-3.1-8b-instruct") == 0;
}

static int count_one(void *payload, const hooke_name_info *info)
{
    assert_string_equal(info->kind, "model");
    return ++*(int *)payload == 5;
}

static void walks_end_when_asked(void **state)
{
    int n = 0;
    (void)state;
    assert_int_equal(hooke_registry_walk("model", count_one, &n), HOOKE_OK);
    assert_int_equal(n, 5);
    assert_int_equal(hooke_registry_walk(NULL, NULL, NULL), HOOKE_E_ARGUMENT);
}

/* ---- spellings ---- */

struct spelling {
    const char *what, *kind; /* as given */
    const char *is, *repo, *file, *revision;
};

#define SCOPE "google/gemma-scope-2b-pt-res"
#define L20   "layer_20/width_16k/average_l0_71"
#define C20   "0123456789abcdef0123456789abcdef01234567"
static const struct spelling spellings[] = {
    { "gemma-scope-2b-pt-res-canonical/layer_20/width_16k/canonical", NULL, "dict", SCOPE, L20, "main" },
    { "gemma-scope-2b-pt-res/layer_20/width_16k/canonical", "dict", "dict", SCOPE, L20, "main" },
    { "gemma-scope-2b-pt-res-canonical:layer_20/width_16k/canonical@" C20, "dict", "dict", SCOPE, L20, C20 },
    { "gemma-2-2b/20-gemmascope-res-16k", NULL, "dict", SCOPE, L20, "main" },
    { "gemma-2-2b/20-gemmascope-res-16k/4232", "dict", "dict", SCOPE, L20, "main" },
    { "https://www.neuronpedia.org/gemma-2-2b/20-gemmascope-res-16k/4232?embed=true", NULL, "dict", SCOPE,
      L20, "main" },
    { "https://neuronpedia.org/api/feature/gemma-2-2b/20-gemmascope-res-16k/4232", NULL, "dict", SCOPE, L20,
      "main" },
    { "neuronpedia.org/gemma-2-2b/20-gemmascope-res-16k/", "dict", "dict", SCOPE, L20, "main" },
    { SCOPE "/" L20, NULL, "dict", SCOPE, L20, "main" },
    { SCOPE "/" L20 "/params.npz", "dict", "dict", SCOPE, L20, "main" },
    { "hf:" SCOPE "/" L20 "@v1", "dict", "dict", SCOPE, L20, "v1" },
    { "hf://" SCOPE "/" L20 "@v1", NULL, "dict", SCOPE, L20, "v1" },
    { SCOPE ":" L20, "dict", "dict", SCOPE, L20, "main" },
    { "https://huggingface.co/" SCOPE "/tree/main/" L20, NULL, "dict", SCOPE, L20, "main" },
    { "fnlp/Llama3_1-8B-Base-LXR-8x/Llama3_1-8B-Base-L12R-8x/checkpoints/final.safetensors", NULL, "dict",
      "fnlp/Llama3_1-8B-Base-LXR-8x", "Llama3_1-8B-Base-L12R-8x", "main" },
    { "mntss/clt-gemma-2-2b-2.5M/W_dec_3.safetensors", NULL, "dict", "mntss/clt-gemma-2-2b-2.5M", "3",
      "main" },
    { "https://huggingface.co/" SCOPE "/blob/" C20 "/" L20 "/params.npz", "dict", "dict", SCOPE, L20, C20 },
    { "https://huggingface.co/" SCOPE "/resolve/refs%2Fpr%2F1/" L20 "/params.npz?download=true", "dict",
      "dict", SCOPE, L20, "refs/pr/1" },
    { "HTTPS://HF.co/" SCOPE "/tree/main/" L20 "#top", "dict", "dict", SCOPE, L20, "main" },
    { "gemma-scope-2-1b-pt-res/layer_13_width_65k_l0_medium", NULL, "dict", "google/gemma-scope-2-1b-pt",
      "resid_post/layer_13_width_65k_l0_medium", "main" },
    { "gemma-scope-2-27b-it-transcoders-all/layer_0_width_262k_l0_big_affine", NULL, "dict",
      "google/gemma-scope-2-27b-it", "transcoder_all/layer_0_width_262k_l0_big_affine", "main" },
    { "gemma-scope-2-270m-pt-transcoders/transcoder/layer_15_width_262k_l0_big_affine", NULL, "dict",
      "google/gemma-scope-2-270m-pt", "transcoder/layer_15_width_262k_l0_big_affine", "main" },
    { "qwen-scope-3-30b-a3b-base-w128k-l100/layer7", NULL, "dict",
      "Qwen/SAE-Res-Qwen3-30B-A3B-Base-W128K-L0_100", "layer7.sae.pt", "main" },
    { "goodfire-llama-3.1-8b-instruct/layer_19@v1", NULL, "dict", "Goodfire/Llama-3.1-8B-Instruct-SAE-l19",
      "Llama-3.1-8B-Instruct-SAE-l19.pth", "v1" },
    { "llama3.1-8b-it/19-resid-post-gf/7", NULL, "dict", "Goodfire/Llama-3.1-8B-Instruct-SAE-l19",
      "Llama-3.1-8B-Instruct-SAE-l19.pth", "main" },
    { "Goodfire/Llama-3.1-8B-Instruct-SAE-l19", NULL, "dict", "Goodfire/Llama-3.1-8B-Instruct-SAE-l19",
      "Llama-3.1-8B-Instruct-SAE-l19.pth", "main" },
    { "https://huggingface.co/qresearch/DeepSeek-R1-Distill-Llama-8B-SAE-l19", NULL, "dict",
      "qresearch/DeepSeek-R1-Distill-Llama-8B-SAE-l19", "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt", "main" },
    { "andyrdt/saes-gpt-oss-20b/resid_post_layer_3/trainer_0/ae.pt", NULL, "dict", "andyrdt/saes-gpt-oss-20b",
      "resid_post_layer_3/trainer_0", "main" },
    { "gpt2@" C20, NULL, "model", "gpt2", "", C20 },
    { "gpt2-small@refs/pr/1", "model", "model", "gpt2", "", "refs/pr/1" },
    { "HF:google/gemma-2-2b", NULL, "model", "google/gemma-2-2b", "", "main" },
    { "hf://" SCOPE "@v1/" L20, NULL, "dict", SCOPE, L20, "v1" },
    { "hf://" SCOPE "@refs/pr/1/" L20, NULL, "dict", SCOPE, L20, "refs/pr/1" },
    { "hf://google/gemma-2-2b@refs/pr/1", NULL, "model", "google/gemma-2-2b", "", "refs/pr/1" },
    { "https://huggingface.co/GOOGLE/Gemma-2-2B", NULL, "model", "google/gemma-2-2b", "", "main" },
    { "Google/Gemma-Scope-2b-PT-res/" L20, "dict", "dict", SCOPE, L20, "main" },
    { "gemma-scope-2-1b-pt-res-all/layer_25_width_16k_l0_small", NULL, "dict", "google/gemma-scope-2-1b-pt",
      "resid_post_all/layer_25_width_16k_l0_small", "main" },
    { "qwen-scope-3.5-35b-a3b-base-w32k-l50/layer39", NULL, "dict",
      "Qwen/SAE-Res-Qwen3.5-35B-A3B-Base-W32K-L0_50", "layer39.sae.pt", "main" },
    { "google/gemma-2-2b", NULL, "model", "google/gemma-2-2b", "", "main" },
    { "google/gemma-2-2b@v2", "model", "model", "google/gemma-2-2b", "", "v2" },
    { "gemma-2-2b", NULL, "model", "google/gemma-2-2b", "", "main" },
    { "GPT2-small", NULL, "model", "gpt2", "", "main" },
    { "llama3.1-8b-it", "model", "model", "meta-llama/Llama-3.1-8B-Instruct", "", "main" },
    { "https://huggingface.co/gpt2", NULL, "model", "gpt2", "", "main" },
    { "https://huggingface.co/google/gemma-2-2b/tree/main", NULL, "model", "google/gemma-2-2b", "", "main" },
    { "https://www.neuronpedia.org/gpt2-small", NULL, "model", "gpt2", "", "main" },
    { "someone/some-model", NULL, "model", "someone/some-model", "", "main" },
    { "someone/some-saes", "dict", "dict", "someone/some-saes", "", "main" },
    { "someone/some-saes/layer_3/ae.pt", NULL, "dict", "someone/some-saes", "layer_3/ae.pt", "main" },
    { "google/gemma-scope-2-1b-pt/resid_post/layer_13_width_65k_l0_medium", NULL, "dict",
      "google/gemma-scope-2-1b-pt", "resid_post/layer_13_width_65k_l0_medium", "main" },
};

static void every_spelling(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        const struct spelling *s = &spellings[i];
        hooke_name *n = NULL;
        const hooke_name_info *info = open_name(&n, s->what, s->kind);
        assert_string_equal(info->what, s->what);
        assert_string_equal(info->kind, s->is);
        assert_string_equal(info->repo, s->repo);
        assert_string_equal(info->file, s->file);
        assert_string_equal(info->revision, s->revision);
        assert_string_equal(info->path, "");
        hooke_name_close(n);
    }
}

static void what_a_name_tells(void **state)
{
    hooke_name *n = NULL;
    (void)state;
    const hooke_name_info *i = open_name(&n, "gemma-2-2b/20-gemmascope-res-16k/4232", NULL);
    assert_string_equal(i->release, "gemma-scope-2b-pt-res-canonical");
    assert_string_equal(i->sae_id, "layer_20/width_16k/canonical");
    assert_string_equal(i->also, "gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71");
    assert_string_equal(i->site, "blocks.20.hook_resid_post");
    assert_string_equal(i->model, "gemma-2-2b");
    assert_int_equal(i->layer, 20);
    assert_int_equal(i->width, 16384);
    assert_int_equal(i->feature, 4232);
    assert_true(i->l0 == 71.0); /* from the path: canonical rows mostly say none */
    hooke_name_close(n);
    i = open_name(&n, "\tllama_scope_lxr_8x/l12r_8x  \r\n", NULL); /* blanks are pasted along with names */
    assert_string_equal(i->what, "llama_scope_lxr_8x/l12r_8x");
    assert_string_equal(i->site, "blocks.12.hook_resid_post");
    assert_int_equal(i->width, 32768);
    assert_true(i->norm_scaling_factor > 1.0);
    hooke_name_close(n);
    i = open_name(&n, "gpt2-small-mlp-tm/blocks.1.hook_mlp_out", NULL);
    assert_true(i->norm_scaling_factor == 2.3693984005104283);
    assert_true(i->variance_explained == 0.57);
    assert_int_equal(i->width, 24576);
    assert_non_null(strstr(i->config_overrides, "center_writing_weights"));
    hooke_name_close(n);
    i = open_name(&n, "hf:canrager/temporalSAEs/gemma-2-2B/layer_12/temporal/latest_ckpt.safetensors", NULL);
    assert_string_equal(i->release, "temporal-sae-gemma-2-2b");
    assert_string_equal(i->site, "blocks.12.hook_resid_post");
    assert_true(i->norm_scaling_factor == 0.00666666667 && i->l0 == 192.0);
    assert_non_null(strstr(i->config_overrides, "monology/pile-uncopyrighted"));
    hooke_name_close(n);
    i = open_name(&n, "saebench_gemma-2-2b_width-2pow14_date-0107/blocks.12.hook_resid_post__trainer_5",
                  NULL);
    assert_int_equal(i->width, 16384);
    assert_string_equal(i->neuronpedia, "gemma-2-2b/12-sae_bench-matryoshka-res-16k__trainer_5_step_final");
    hooke_name_close(n);
    i = open_name(&n, "gemma-scope-9b-pt-res/embedding/width_4k/average_l0_14", NULL);
    assert_string_equal(i->site, "hook_embed");
    assert_int_equal(i->layer, -1);
    hooke_name_close(n);
}

static void assert_files(const char *what, const char *list)
{
    hooke_text t = { 0 };
    hooke_name *n = NULL;
    const hooke_name_info *i = open_name(&n, what, NULL);
    for (int k = 0; k < i->n_files; k++)
        assert_int_equal(
            text_printf(&t, "%s%s%s", k ? " " : "", i->files[k].pattern, i->files[k].optional ? "?" : ""),
            HOOKE_OK);
    assert_string_equal(t.data, list);
    hooke_name_close(n);
    hooke_text_release(&t);
}

static void files_of_each_format(void **state)
{
    (void)state;
    assert_files("gemma-scope-2b-pt-res/" L20, L20 "/params.npz");
    assert_files("gpt2-small-res-jb/blocks.8.hook_resid_pre",
                 "blocks.8.hook_resid_pre/cfg.json blocks.8.hook_resid_pre/sae_weights.safetensors "
                 "blocks.8.hook_resid_pre/sparsity.safetensors?");
    assert_files("llama_scope_lxr_8x/l12r_8x", "Llama3_1-8B-Base-L12R-8x/hyperparams.json "
                                               "Llama3_1-8B-Base-L12R-8x/checkpoints/final.safetensors");
    assert_files("mntss-gemma-2-2b-2.5m-clt-as-per-layer/layer_3",
                 "config.yaml W_enc_3.safetensors W_dec_3.safetensors");
    assert_files("mwhanna-qwen3-4b-transcoders/layer_3",
                 "config.yaml? wandb-config.yaml? wanb-config.yaml? layer_3.safetensors");
    assert_files("qwen2.5-7b-instruct-andyrdt/resid_post_layer_11_trainer_1",
                 "resid_post_layer_11/trainer_1/config.json resid_post_layer_11/trainer_1/ae.pt");
    assert_files("gpt2-small-hook-z-kk/blocks.11.hook_z",
                 "gpt2-small_L11_Hcat_z_lr1.20e-03_l13.00e+00_ds24576_bs4096_dc3.16e-06_rsanthropic_rie25000_"
                 "nr4_v9_cfg."
                 "json "
                 "gpt2-small_L11_Hcat_z_lr1.20e-03_l13.00e+00_ds24576_bs4096_dc3.16e-06_rsanthropic_rie25000_"
                 "nr4_v9.pt");
    assert_files("deepseek-r1-distill-llama-8b-qresearch/blocks.19.hook_resid_post",
                 "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt");
    assert_files("someone/saes/a/ae.pt", "a/ae.pt a/cfg.json? a/config.json? a/metadata.jsonl?");
    assert_files("hf:someone/saes/a", "a/*");
    assert_files("someone/saes/t/checkpoints/ae_5.pt",
                 "t/checkpoints/ae_5.pt t/config.json? t/checkpoints/cfg.json? t/checkpoints/config.json? "
                 "t/checkpoints/metadata.jsonl?");
    assert_files("mntss/clt-gemma-2-2b-2.5M/W_enc_3.safetensors",
                 "config.yaml W_enc_3.safetensors W_dec_3.safetensors");
    assert_files("google/gemma-scope-2-1b-pt/resid_post/layer_13_width_65k_l0_medium",
                 "resid_post/layer_13_width_65k_l0_medium/config.json? "
                 "resid_post/layer_13_width_65k_l0_medium/params.safetensors");
    assert_files("gpt2", "config.json generation_config.json? tokenizer.json? tokenizer_config.json? "
                         "special_tokens_map.json? chat_template.jinja? model.safetensors.index.json? "
                         "model*.safetensors");
}

/* ---- near misses ---- */

struct miss {
    const char *what, *kind;
    hooke_status status;
    const char *says;
};

static const struct miss misses[] = {
    { "gemma-scope-2b-pt-res", "dict", HOOKE_E_NOT_FOUND, "holds 316 dictionaries" },
    { "gemma-scope-2b-pt-res/layer_26/width_16k/average_l0_71", NULL, HOOKE_E_NOT_FOUND,
      "its layers are 0 to 25" },
    { "gemma-scope-2b-pt-res/layer_20/width_32k/average_l0_71", NULL, HOOKE_E_NOT_FOUND,
      "no width 32k at layer 20, only 16k 65k" },
    { "gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_70", NULL, HOOKE_E_NOT_FOUND,
      "did you mean layer_20/width_16k/average_l0_71" },
    { "gemma-scope-2b-pt-res/layer_20/width_16k", NULL, HOOKE_E_NOT_FOUND, "add one of: average_l0_" },
    { "gpt2-small-res-jb/blocks.12.hook_resid_pre", "dict", HOOKE_E_NOT_FOUND, "its layers are 0 to 11" },
    { "gpt2-small-res-jb/blocks.8.hook_resid_post", "dict", HOOKE_E_NOT_FOUND,
      "did you mean blocks.8.hook_resid_pre" },
    { "gemma-scope-2b-pt-res-cannonical/layer_20/width_16k/canonical", "dict", HOOKE_E_NOT_FOUND,
      "did you mean 'gemma-scope-2b-pt-res-canonical'" },
    { "gemma-scope-2b-pt-ress", "dict", HOOKE_E_NOT_FOUND, "did you mean 'gemma-scope-2b-pt-res'" },
    { "layer_20/width_16k/canonical", "dict", HOOKE_E_NOT_FOUND, "id of a dictionary in 7 releases" },
    { "blocks.0.hook_attn_out", NULL, HOOKE_E_NOT_FOUND, "id of a dictionary in 3 releases" },
    { "gemma-2-2b/20-gemmascope-res-17k", NULL, HOOKE_E_NOT_FOUND,
      "did you mean gemma-2-2b/20-gemmascope-res-16k" },
    { "gemma-2-2b/gemmascope-res-16k", NULL, HOOKE_E_NOT_FOUND, "a set of 26 sources" },
    { "gemma-2-2b/20-gemmascope-res-16k/x", NULL, HOOKE_E_ARGUMENT, "a feature's number" },
    { "gpt-oss-20b-andyrdt", NULL, HOOKE_E_NOT_FOUND,
      "holds 6 dictionaries; name one, e.g. gpt-oss-20b-andyrdt/resid_post_layer_11_trainer_0; its ids: "
      "resid_post_layer_11_trainer_0, " },
    { "gpt-oss-20b-andyrdt/resid_post_layer_4_trainer_0", NULL, HOOKE_E_NOT_FOUND,
      "has no layer 4: its layers are 3 to 23; nearest: " },
    { "gpt-oss-20b-andyrtd/resid_post_layer_3_trainer_0", "dict", HOOKE_E_NOT_FOUND,
      "did you mean 'gpt-oss-20b-andyrdt'" },
    { "canrager/temporalSAEs", NULL, HOOKE_E_NOT_FOUND, "'hooke info temporal-sae-gemma-2-2b' lists them" },
    { "gemma-scope-2-1b-pt-res/layer_13_width_65k_l0_middling", NULL, HOOKE_E_NOT_FOUND,
      "its ids are layer_<L>_width_" },
    { "gemma-scope-2-1b-pt-transcoders/layer_13_width_65k_l0_big", NULL, HOOKE_E_NOT_FOUND,
      "its ids are transcoder/" },
    { "qwen-scope-3-8b-base-w64k-l50/layer", NULL, HOOKE_E_NOT_FOUND, "its ids are layer<L>" },
    { "google/gemma-scope-2b-pt-res", NULL, HOOKE_E_NOT_FOUND, "holds 374 dictionaries" },
    { "https://www.neuronpedia.org/no-model/3-x", NULL, HOOKE_E_NOT_FOUND, "no dictionary in the registry" },
    { "https://www.neuronpedia.org/", NULL, HOOKE_E_ARGUMENT, "MODEL/SOURCE" },
    { "https://huggingface.co/datasets/a/b", NULL, HOOKE_E_ARGUMENT, "data set" },
    { "https://huggingface.co/a/b/discussions/3", NULL, HOOKE_E_ARGUMENT, "form" },
    { "https://huggingface.co/a/b/tree/main/../c", NULL, HOOKE_E_ARGUMENT, "form" },
    { "https://huggingface.co/a/b/tree/main/%2e%2e/c", NULL, HOOKE_E_ARGUMENT, "form" },
    { "https://huggingface.co/a%00b", NULL, HOOKE_E_ARGUMENT, "control character" },
    { "https://huggingface.co.evil.org/a/b", NULL, HOOKE_E_ARGUMENT, "known" },
    { "https://example.org/a/b", NULL, HOOKE_E_ARGUMENT, "neuronpedia.org are known" },
    { "ftp://huggingface.co/a/b", NULL, HOOKE_E_ARGUMENT, "https://" },
    { "hf:a/../b", NULL, HOOKE_E_ARGUMENT, "form" },
    { "hf:datasets/a/b", NULL, HOOKE_E_ARGUMENT, "a data set" },
    { "hf:a/b@", NULL, HOOKE_E_ARGUMENT, "form" },
    { "gemma-scope-2b-pt-res/" L20 "@", NULL, HOOKE_E_ARGUMENT, "revision" },
    { "gemma-2-2c", "model", HOOKE_E_NOT_FOUND, "did you mean 'gemma-2-2b'" },
    { "gemma-scope-2b-pt-res/Layer_20/Width_16k/average_l0_71", NULL, HOOKE_E_NOT_FOUND,
      "did you mean layer_20/width_16k/average_l0_71" },
    { "Gemma-Scope-2B-pt-res/" L20, NULL, HOOKE_E_NOT_FOUND, "did you mean 'gemma-scope-2b-pt-res'" },
    { "gemma-scope-2b-pt-res, " L20, NULL, HOOKE_E_NOT_FOUND, "did you mean 'gemma-scope-2b-pt-res'" },
    { "gemma-scope-2b-pt-res%2Flayer_20", "dict", HOOKE_E_NOT_FOUND, "RELEASE/SAE_ID" },
    { "gemma-scope-2b-pt-res%2Flayer_20/width_16k", NULL, HOOKE_E_NOT_FOUND,
      "did you mean 'gemma-scope-2b-pt-res'" },
    { "gemma-scope-2b-pt-res@main/" L20, NULL, HOOKE_E_ARGUMENT, "write RELEASE/SAE_ID@REVISION" },
    { "GEMMA-2-2B/20-GEMMASCOPE-RES-16K", NULL, HOOKE_E_NOT_FOUND,
      "did you mean gemma-2-2b/20-gemmascope-res-16k" },
    { "gpt2/8-res-jb/5", NULL, HOOKE_E_NOT_FOUND,
      "calls that model 'gpt2-small'; write gpt2-small/8-res-jb/5" },
    { "gemma-scope-2-1b-pt-ress/x", "dict", HOOKE_E_NOT_FOUND, "did you mean 'gemma-scope-2-1b-pt-res'" },
    { "gemma-scope-2-1b-pt-res", NULL, HOOKE_E_NOT_FOUND,
      "name one of its dictionaries: gemma-scope-2-1b-pt-res/" },
    { "gemma-scope-2-1b-pt-res/layer_14_width_65k_l0_medium", NULL, HOOKE_E_NOT_FOUND,
      "has no layer 14; its layers are 7, 13, 17 and 22; 'gemma-scope-2-1b-pt-res-all' has 0 to 25" },
    { "gemma-scope-2-1b-pt-res-all/layer_26_width_16k_l0_small", NULL, HOOKE_E_NOT_FOUND,
      "no layer 26; its layers are 0 to 25" },
    { "gemma-scope-2-1b-pt-res/layer_13_width_66k_l0_medium", NULL, HOOKE_E_NOT_FOUND,
      "its ids are layer_<L>" },
    { "qwen-scope-3-8b-base-w64k-l50/layer36", NULL, HOOKE_E_NOT_FOUND, "its layers are 0 to 35" },
    { "qwen-scope-3-8b-bas-w64k-l50/layer3", NULL, HOOKE_E_NOT_FOUND,
      "did you mean 'qwen-scope-3-8b-base-w64k-l50'" },
    { "https://www.neuronpedia.org/gemma-2-2c", NULL, HOOKE_E_NOT_FOUND, "did you mean 'gemma-2-2b'" },
    { "https://www.neuronpedia.org/gemma-3-1b-it/13-gemmascope-2-res-65k", NULL, HOOKE_E_NOT_FOUND,
      "Gemma Scope 2 goes by its releases" },
    { "https://www.neuronpedia.org/api/explanation/export", NULL, HOOKE_E_ARGUMENT, "MODEL/SOURCE" },
    { "https://huggingface.co/google", NULL, HOOKE_E_NOT_FOUND, "ORG/NAME" },
    { "hf:google//gemma-2-2b", NULL, HOOKE_E_ARGUMENT, "form" },
    { "spaces/a/b", NULL, HOOKE_E_ARGUMENT, "a space" },
    { "~/a", NULL, HOOKE_E_NOT_FOUND, "no such path" },
    { "micro/", NULL, HOOKE_E_NOT_FOUND, "without the slash" },
    { "gpt2-smal@main", NULL, HOOKE_E_NOT_FOUND, "did you mean 'gpt2-small'" },
    { "gpt2@", NULL, HOOKE_E_ARGUMENT, "no revision" },
    { "gemma-scope-2b-pt-res/" L20, "model", HOOKE_E_NOT_FOUND,
      "is a dictionary, not a model; give it with -d" },
    { "gemma-2-2b/20-gemmascope-res-16k/3", "model", HOOKE_E_NOT_FOUND, "give it with -d" },
    { "https://www.neuronpedia.org/gemma-2-2b/20-gemmascope-res-16k", "model", HOOKE_E_NOT_FOUND, "with -d" },
    { "hf:google/gemma-scope-2b-pt-res", "model", HOOKE_E_NOT_FOUND, "give it with -d" },
    { "micro-sae", "model", HOOKE_E_NOT_FOUND, "give it with -d" },
    { "gemma-2-2b", "dict", HOOKE_E_NOT_FOUND, "is a model, not a dictionary; give it with -m" },
    { "google/gemma-2-2b", "dict", HOOKE_E_NOT_FOUND, "give it with -m" },
    { "micro-neox", "dict", HOOKE_E_NOT_FOUND, "give it with -m" },
    { "a\nb", NULL, HOOKE_E_ARGUMENT, "control character 0x0a at byte 1" },
    { "", NULL, HOOKE_E_ARGUMENT, "empty" },
    { "  ", NULL, HOOKE_E_ARGUMENT, "empty" },
    { " \t\n", NULL, HOOKE_E_ARGUMENT, "empty" },
};

static void near_misses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++) {
        const struct miss *m = &misses[i];
        hooke_name *n = NULL;
        hooke_status st = hooke_name_open(&n, m->what, m->kind);
        if (st != m->status || !strstr(hooke_error(), m->says))
            print_message("%s: %d %s\n", m->what, (int)st, hooke_error());
        assert_int_equal(st, m->status);
        assert_non_null(strstr(hooke_error(), m->says));
        assert_null(n);
    }
}

/* A name longer than what it is kept in is refused by its length, never cut. */
static void long_names_are_refused(void **state)
{
    static const struct {
        const char *begin;
        size_t n;
        const char *says;
    } cases[] = {
        { "", NAME_WHAT_BYTES, "the longest has 2047" },
        { "", NAME_WHAT_BYTES - 1, "no such path" },
        { "a/", NAME_REPO_BYTES, "at most 255 bytes" },
        { "a/b/", NAME_FILE_BYTES, "a path 1023" },
        { "a/b@", NAME_REVISION_BYTES, "a revision 255" },
        { "gpt2@", NAME_REVISION_BYTES, "revision" },
        { "gpt2-small-res-jb/", 1500, "has no dictionary" },
        { "gpt2-small/", 1500, "is not in the registry" },
        { "https://huggingface.co/a/", 1500, "form" },
        { "https://www.neuronpedia.org/", 1500, "form" },
    };
    char what[NAME_WHAT_BYTES + 1];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hooke_name *n = NULL;
        size_t k = strlen(cases[i].begin);
        memcpy(what, cases[i].begin, k);
        memset(what + k, 'x', cases[i].n);
        what[k + cases[i].n] = '\0';
        hooke_status st = hooke_name_open(&n, what, NULL);
        if (st == HOOKE_OK || !strstr(hooke_error(), cases[i].says))
            print_message("%zu: %d %s\n", i, (int)st, hooke_error());
        assert_true(st == HOOKE_E_ARGUMENT || st == HOOKE_E_NOT_FOUND);
        assert_non_null(strstr(hooke_error(), cases[i].says));
        assert_null(n);
    }
}

/* ---- paths of the cache, JSON ---- */

#define FOUND "build/tmp/names/hub/models--google--gemma-scope-2b-pt-res/snapshots/" C20 "/" L20

static void write_at(const char *folder, const char *name, const char *text)
{
    hooke_text t = { 0 };
    assert_int_equal(make_folders(folder), HOOKE_OK);
    assert_int_equal(text_printf(&t, "%s/%s", folder, name), HOOKE_OK);
    assert_int_equal(hooke_write_file(t.data, text, strlen(text)), HOOKE_OK);
    hooke_text_release(&t);
}

static void a_path_of_the_cache_knows_its_name(void **state)
{
    hooke_name *n = NULL;
    hooke_text json = { 0 };
    (void)state;
    setenv("HF_HUB_CACHE", "build/tmp/names/hub", 1);
    write_at(FOUND, "params.npz", "x");
    write_at("build/tmp/names/hub/models--google--gemma-scope-2b-pt-res/refs", "main", C20);
    const hooke_name_info *i = open_name(&n, FOUND "/", "dict");
    assert_string_equal(i->spelling, "path");
    assert_string_equal(i->repo, SCOPE);
    assert_string_equal(i->commit, C20);
    assert_string_equal(i->release, "gemma-scope-2b-pt-res");
    assert_string_equal(i->sae_id, L20);
    hooke_name_close(n);
    i = open_name(&n, "gemma-2-2b/20-gemmascope-res-16k", "dict");
    assert_true(hooke_name_is_cached(i));
    assert_int_equal(hooke_name_locate(n), HOOKE_OK);
    assert_string_equal(i->path, FOUND);
    assert_string_equal(i->commit, C20);
    assert_int_equal(hooke_name_json(i, &json), HOOKE_OK);
    assert_string_equal(
        json.data,
        "{\"what\": \"gemma-2-2b/20-gemmascope-res-16k\", \"path\": \"" FOUND "\", \"repo\": \"" SCOPE
        "\", \"file\": \"" L20 "\", \"revision\": \"main\", \"commit\": \"" C20
        "\", \"release\": \"gemma-scope-2b-pt-res-canonical\", \"sae_id\": "
        "\"layer_20/width_16k/canonical\", \"neuronpedia\": \"gemma-2-2b/20-gemmascope-res-16k\", "
        "\"norm_scaling_factor\": null}");
    hooke_name_close(n);
    hooke_text_release(&json);
}

#define LATER "build/tmp/names/hub/models--Goodfire--Llama-3.1-8B-Instruct-SAE-l19"

static void a_later_name_is_told_of_once_it_is_here(void **state)
{
    bool found = false;
    (void)state;
    setenv("HF_HUB_CACHE", "build/tmp/names/no-cache", 1);
    assert_int_equal(hooke_registry_walk("dict", find_release_in_walk, &found), HOOKE_OK);
    assert_false(found);
    setenv("HF_HUB_CACHE", "build/tmp/names/hub", 1);
    write_at(LATER "/snapshots/" C20, "Llama-3.1-8B-Instruct-SAE-l19.pth", "x");
    write_at(LATER "/refs", "main", C20);
    assert_int_equal(hooke_registry_walk("dict", find_release_in_walk, &found), HOOKE_OK);
    assert_true(found);
}

static void a_folder_of_dictionaries_is_none(void **state)
{
    hooke_name *n = NULL;
    (void)state;
    setenv("HF_HUB_CACHE", "build/tmp/names/no-cache", 1);
    open_name(&n, SCOPE "/layer_20/width_16k", "dict");
    assert_int_equal(hooke_name_locate(n), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "is not in the cache"));
    assert_non_null(strstr(hooke_error(),
                           "'layer_20/width_16k' is a folder with 5 dictionaries in it: name one, e.g. "
                           "gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_"));
    hooke_name_close(n);
    open_name(&n, SCOPE "/layer_20/width_17k", "dict");
    assert_int_equal(hooke_name_locate(n), HOOKE_E_NOT_FOUND);
    assert_non_null(strstr(hooke_error(), "fetch it: hooke pull"));
    hooke_name_close(n);
}

static int set_up(void **state)
{
    (void)state;
    unsetenv("HF_ENDPOINT");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(the_table_is_its_source),
        cmocka_unit_test(later_names_are_their_source),
        cmocka_unit_test(every_row_resolves),
        cmocka_unit_test(every_later_name_resolves),
        cmocka_unit_test(walks_end_when_asked),
        cmocka_unit_test(every_spelling),
        cmocka_unit_test(what_a_name_tells),
        cmocka_unit_test(files_of_each_format),
        cmocka_unit_test(near_misses),
        cmocka_unit_test(long_names_are_refused),
        cmocka_unit_test(a_path_of_the_cache_knows_its_name),
        cmocka_unit_test(a_later_name_is_told_of_once_it_is_here),
        cmocka_unit_test(a_folder_of_dictionaries_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

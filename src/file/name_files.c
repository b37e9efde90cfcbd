/* name_files.c: which files of a repository a model or a dictionary consists of (spec: SAELens' loaders). */
#include <string.h>

#include "file/name.h"

/* In a pattern '%' stands for the path in the repository, '$' for it without its extension; "%/" at the root is nothing. */
struct file_row {
    const char *format, *pattern;
    bool optional;
};

static const struct file_row dict_files[] = {
    { "sae_lens", "%/cfg.json", false },
    { "sae_lens", "%/sae_weights.safetensors", false },
    { "sae_lens", "%/sparsity.safetensors", true },
    { "gemma_2", "%/params.npz", false },
    { "gemma_2_transcoder", "%/params.npz", false },
    { "gemma_3", "%/config.json", true },
    { "gemma_3", "%/params.safetensors", false },
    { "dictionary_learning_1", "%/config.json", false },
    { "dictionary_learning_1", "%/ae.pt", false },
    { "llama_scope", "%/hyperparams.json", false },
    { "llama_scope", "%/checkpoints/final.safetensors", false },
    { "llama_scope_r1_distill", "%/config.json", false },
    { "llama_scope_r1_distill", "%/sae_weights.safetensors", false },
    { "sparsify", "%/cfg.json", false },
    { "sparsify", "%/sae.safetensors", false },
    { "deepseek_r1", "%", false },
    { "goodfire", "%", false },
    { "qwen_scope", "%", false },
    { "connor_rob_hook_z", "$_cfg.json", false },
    { "connor_rob_hook_z", "%", false },
    { "mwhanna_transcoder", "config.yaml", true },
    { "mwhanna_transcoder", "wandb-config.yaml",
      true }, /* one of the two, the second a misspelling that was published */
    { "mwhanna_transcoder", "wanb-config.yaml", true },
    { "mwhanna_transcoder", "%", false },
    { "mntss_clt_layer_transcoder", "config.yaml", false },
    { "mntss_clt_layer_transcoder", "W_enc_%.safetensors", false },
    { "mntss_clt_layer_transcoder", "W_dec_%.safetensors", false },
    { "temporal", "%/conf.yaml", false },
    { "temporal", "%/latest_ckpt.safetensors", false },
};

/* A model's repository: not its duplicates in other formats (*.bin, consolidated.*, onnx). */
static const struct file_row model_files[] = {
    { "", "%/config.json", false },
    { "", "%/generation_config.json", true },
    { "", "%/tokenizer.json", true },
    { "", "%/tokenizer_config.json", true },
    { "", "%/special_tokens_map.json", true },
    { "", "%/chat_template.jinja", true },
    { "", "%/model.safetensors.index.json", true },
    { "", "%/model*.safetensors", false },
};

static size_t stem_bytes(const char *file)
{
    const char *slash = strrchr(file, '/'), *dot = strrchr(file, '.');
    return dot && (!slash || dot > slash + 1) ? (size_t)(dot - file) : strlen(file);
}

/* A borrowed string of the pattern buffer: it lives as long as the name. */
static hooke_status write_pattern(struct hooke_name *n, const char *pattern, const char **out)
{
    const char *file = n->place.file;
    char *begin = n->patterns + n->pattern_bytes;
    size_t used = n->pattern_bytes;
    for (const char *p = pattern; *p; p++) {
        size_t k = *p == '%' ? strlen(file) : *p == '$' ? stem_bytes(file) : 1;
        RETURN_IF(used + k + 1 > sizeof n->patterns, HOOKE_E_ARGUMENT, "'%.200s': too long a path", file);
        memcpy(n->patterns + used, *p == '%' || *p == '$' ? file : p, k);
        used += k;
        if (*p == '%' && k == 0 && p[1] == '/') p++;
    }
    n->patterns[used] = '\0';
    n->pattern_bytes = used + 1;
    *out = begin;
    return HOOKE_OK;
}

static hooke_status add_file(struct hooke_name *n, const char *pattern, bool optional)
{
    hooke_name_file *f = &n->files[n->info.n_files];
    RETURN_IF(n->info.n_files == NAME_MAX_FILES, HOOKE_E_INTERNAL, "more than %d files", NAME_MAX_FILES);
    RETURN_IF_ERROR(write_pattern(n, pattern, &f->pattern));
    f->is_pattern = strchr(pattern, '*') != NULL;
    f->optional = optional;
    n->info.n_files++;
    return HOOKE_OK;
}

static hooke_status add_rows(struct hooke_name *n, const struct file_row *rows, size_t n_rows,
                             const char *format)
{
    for (size_t i = 0; i < n_rows; i++)
        if (strcmp(rows[i].format, format) == 0)
            RETURN_IF_ERROR(add_file(n, rows[i].pattern, rows[i].optional));
    return HOOKE_OK;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static bool is_weight_file(const char *file)
{
    static const char *const endings[] = { ".npz", ".pt", ".pth", ".safetensors", ".gguf", ".bin", ".npy" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_with(file, endings[i])) return true;
    return false;
}

/* A dictionary of no known format: the weight file with the configuration that may lie beside it, or a folder with all in it. */
static hooke_status add_unknown(struct hooke_name *n)
{
    static const char *const beside[] = { "cfg.json", "config.json", "metadata.jsonl" };
    char *slash = strrchr(n->place.file, '/');
    if (!is_weight_file(n->place.file)) return add_file(n, "%/*", false);
    RETURN_IF_ERROR(add_file(n, "%", false));
    if (slash) *slash = '\0';
    char *above = slash ? strrchr(n->place.file, '/')
                        : NULL; /* of .../checkpoints/ae_<step>.pt: the run's configuration */
    if (above && strcmp(above, "/checkpoints") == 0) {
        *above = '\0';
        hooke_status st = add_file(n, "%/config.json", true);
        *above = '/';
        if (st != HOOKE_OK) {
            *slash = '/';
            return st;
        }
    }
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        hooke_text pattern = { 0 };
        hooke_status st = text_printf(&pattern, "%s%s", slash ? "%/" : "", beside[i]);
        if (st == HOOKE_OK) st = add_file(n, pattern.data, true);
        hooke_text_release(&pattern);
        if (st != HOOKE_OK) {
            if (slash) *slash = '/';
            return st;
        }
    }
    if (slash) *slash = '/';
    return HOOKE_OK;
}

/* Whether a dictionary of this format is a folder: only the registry knows of folders whose name ends as a file's. */
static bool is_folder_format(const char *format)
{
    for (size_t i = 0; i < sizeof dict_files / sizeof *dict_files; i++)
        if (strcmp(dict_files[i].format, format) == 0 && strcmp(dict_files[i].pattern, "%") == 0)
            return false;
    return true;
}

hooke_status name_list_files(struct hooke_name *n)
{
    bool is_guess = !n->row.release[0];
    n->info.n_files = 0;
    n->info.files = n->files;
    n->pattern_bytes = 0;
    if (!n->place.repo[0]) return HOOKE_OK;
    if (strcmp(n->info.kind, "model") == 0)
        return add_rows(n, model_files, sizeof model_files / sizeof *model_files, "");
    if (is_guess && is_weight_file(n->place.file) && is_folder_format(n->format)) return add_unknown(n);
    RETURN_IF_ERROR(add_rows(n, dict_files, sizeof dict_files / sizeof *dict_files, n->format));
    return n->info.n_files ? HOOKE_OK : add_unknown(n);
}

hooke_status name_entry_point(hooke_text *out, const struct hooke_name *n)
{
    text_clear(out);
    if (n->asked[0]) return text_puts(out, n->asked);
    if (strcmp(n->format, "mntss_clt_layer_transcoder") == 0)
        return text_printf(out, "W_enc_%s.safetensors", n->place.file);
    return text_puts(out, n->place.file);
}

/* ---- repositories outside the registry ---- */

const char *name_guess_format(const char *repo)
{
    static const char *const rows[][2] = {
        { "google/gemma-scope-2-", "gemma_3" },
        { "google/gemma-scope-2b-pt-transcoders", "gemma_2_transcoder" },
        { "google/gemma-scope-", "gemma_2" },
        { "fnlp/Llama3_1-8B-Base-LX", "llama_scope" },
        { "OpenMOSS-Team/Llama3_1-8B-Base-LX", "llama_scope" },
        { "fnlp/Llama-Scope-R1-Distill", "llama_scope_r1_distill" },
        { "Goodfire/", "goodfire" },
        { "Qwen/SAE-Res-", "qwen_scope" },
        { "canrager/temporalSAEs", "temporal" },
        { "EleutherAI/sae-", "sparsify" },
        { "mwhanna/", "mwhanna_transcoder" },
        { "mntss/clt-", "mntss_clt_layer_transcoder" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(repo, rows[i][0], strlen(rows[i][0])) == 0) return rows[i][1];
    return "";
}

/* doctor.c: what is built in, what is found on this machine, what is missing and for which command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <zlib.h>
#include <zstd.h>

#include "base/parallel.h"
#include "bench/doctor.h"
#include "file/hub.h"
#include "tensor/cpu/kernels.h"

static const char *const levels[] = { "ref", "avx2", "avx512", "avx512bf16" };

/* A level counts as found when its table can be filled here: built in, and the CPU has every feature it was compiled with. */
static void write_levels(struct json_writer *w)
{
    struct kernels table;
    const char *cap = getenv("HOOKE_CPU");
    jw_key(w, "levels");
    jw_array(w);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (kernels_select(&table, levels[i]) == HOOKE_OK && strcmp(table.level, levels[i]) == 0)
            jw_string(w, levels[i]);
    jw_end_array(w);
    bool known = kernels_select(&table, cap && *cap ? cap : NULL) == HOOKE_OK;
    jw_key_string(w, "level", known ? table.level : NULL);
    jw_key_int(w, "processors", parallel_default_threads());
}

static void write_libraries(struct json_writer *w)
{
    char utf8[32];
    snprintf(utf8, sizeof utf8, "%s", utf8proc_version());
    jw_key(w, "libraries");
    jw_object(w);
    jw_key_string(w, "matrix_products", gemm_library_name());
    jw_key_string(w, "zlib", zlibVersion());
    jw_key_string(w, "zstd", ZSTD_versionString());
    jw_key_string(w, "utf8proc", utf8);
    jw_end_object(w);
}

static bool asset_found(const char *relative, hooke_text *path)
{
    return hooke_asset(path, relative) == HOOKE_OK && (file_exists(path->data) || is_folder(path->data));
}

struct asset {
    const char *relative, *needed_for;
};
static const struct asset assets[] = {
    { "models/micro/config.json", "demo, and the name micro for models" },
    { "models/micro-sae", "demo, and the name micro for dictionaries" },
};

static void write_assets(struct json_writer *w)
{
    hooke_text path = { 0 };
    jw_key(w, "assets");
    jw_object(w);
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++)
        jw_key_string(w, assets[i].relative, asset_found(assets[i].relative, &path) ? path.data : NULL);
    jw_end_object(w);
    hooke_text_release(&path);
}

static void write_missing(struct json_writer *w)
{
    hooke_text path = { 0 };
    jw_key(w, "missing");
    jw_array(w);
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++)
        if (!asset_found(assets[i].relative, &path))
            doctor_missing(w, assets[i].relative, assets[i].needed_for,
                           "set HOOKE_DATA to the folder that holds models/ and data/");
    const char *cap = getenv("HOOKE_CPU");
    struct kernels table;
    if (cap && *cap && kernels_select(&table, cap) != HOOKE_OK)
        doctor_missing(w, "a CPU level that HOOKE_CPU names", "whatever computes",
                       "set HOOKE_CPU to ref, avx2, avx512 or avx512bf16, or unset it");
    if (strcmp(gemm_library_name(), "none") == 0)
        doctor_missing(w, "oneDNN", "fast matrix products; plain ones are built in",
                       "install libdnnl-dev and build again");
    doctor_missing_hub(w);
    doctor_missing(w, "CUDA", "--device cuda", NULL);
    jw_end_array(w);
    hooke_text_release(&path);
}

hooke_status hooke_doctor_json(hooke_text *out)
{
    struct json_writer w;
    hooke_text cache = { 0 };
    RETURN_IF(!out, HOOKE_E_ARGUMENT, "hooke_doctor_json: a text is needed");
    text_clear(out);
    bool has_cache = hub_cache_folder(&cache) == HOOKE_OK;
    jw_init(&w, out, 2);
    jw_object(&w);
    jw_key_string(&w, "version", HOOKE_VERSION);
    write_levels(&w);
    jw_key_bool(&w, "cuda", false);
    jw_key_bool(&w, "mpi", false);
    write_libraries(&w);
    jw_key_string(&w, "cache", has_cache ? cache.data : NULL);
    jw_key_bool(&w, "cache_exists", has_cache && is_folder(cache.data));
    write_assets(&w);
    doctor_write_hub(&w);
    doctor_write_registry(&w);
    doctor_write_datasets(&w);
    write_missing(&w);
    jw_end_object(&w);
    hooke_text_release(&cache);
    return w.status;
}

/* hooke.h: look inside language models through dictionaries of directions.
 *
 *     hooke_context *ctx;  hooke_model *model;  hooke_dict *dict;  hooke_ids ids = { 0 };
 *     hooke_context_open(&ctx, NULL);
 *     hooke_model_open(&model, ctx, "micro", NULL);
 *     hooke_dict_open(&dict, ctx, "micro", NULL);
 *     hooke_tokenizer_encode(hooke_model_tokenizer(model), &ids, "Hello", 5, HOOKE_ADD_SPECIAL);
 *     ... hooke_model_run() with a tap at the dictionary's site, hooke_dict_encode() in the tap ...
 *
 * Conventions
 *   Status     Functions that can fail return hooke_status: HOOKE_OK (0) or a negative code. hooke_error() is the
 *              message of the last failure in the calling thread: what, where, expected and found.
 *   Ownership  `T **out` gives ownership (one close call undoes it, and takes NULL); a returned `const T *` is borrowed.
 *              Out parameters come first and are NULL or empty after a failure.
 *   Options    Option structs may be NULL; zero in a field means its default. Set `size` to sizeof the struct.
 *   Matrices   Row-major; rows are tokens; `ld` is the distance between rows in elements.
 *   Threads    Objects are used by one thread at a time unless an entry says otherwise. Work inside a call is spread
 *              over the context's threads; results do not depend on their number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKE_H
#define HOOKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOOKE_VERSION "0.1.0"
#define HOOKE_API     __attribute__((visibility("default")))

/* ---- status ------------------------------------------------------------------------------------------------- */

#define HOOKE_STATUS_LIST(X)                                                               \
    X(HOOKE_OK, 0, "ok")                                                                   \
    X(HOOKE_E_NOT_FOUND, -1, "not found")                                                  \
    X(HOOKE_E_FORMAT, -2, "format")           /* a file is not what it should be */        \
    X(HOOKE_E_SHAPE, -3, "shape")             /* sizes that do not fit together */         \
    X(HOOKE_E_UNSUPPORTED, -4, "unsupported") /* understood, and refused: not supported */ \
    X(HOOKE_E_MEMORY, -5, "memory")                                                        \
    X(HOOKE_E_DEVICE, -6, "device")                                                        \
    X(HOOKE_E_IO, -7, "i/o")                                                               \
    X(HOOKE_E_CANCELLED, -8, "cancelled")                                                  \
    X(HOOKE_E_ARGUMENT, -9, "argument") /* a wrong call */                                 \
    X(HOOKE_E_INTERNAL, -10, "internal")

#define HOOKE_STATUS_ENUM(name, code, text) name = (code),
typedef enum hooke_status { HOOKE_STATUS_LIST(HOOKE_STATUS_ENUM) } hooke_status;

/* Version of the library that runs, e.g. "0.1.0"; HOOKE_VERSION is that of the header. Static. */
HOOKE_API const char *hooke_version(void);

/* The code's short name, e.g. "not found". Never NULL. */
HOOKE_API const char *hooke_status_text(hooke_status st);
/* Message of the calling thread's last failure, "" if none. Borrowed until the thread's next failure. */
HOOKE_API const char *hooke_error(void);

/* ---- context ------------------------------------------------------------------------------------------------ */

typedef struct hooke_context hooke_context;

/* Called now and then during long work; a non-zero return cancels it (HOOKE_E_CANCELLED). `total` 0 means unknown. */
typedef int (*hooke_progress_fn)(void *payload, const char *what, int64_t done, int64_t total);
/* level: 0 warning, 1 information, 2 detail. */
typedef void (*hooke_log_fn)(void *payload, int level, const char *message);

typedef struct hooke_context_options {
    size_t size;
    int n_threads;      /* 0: OMP_NUM_THREADS, else the number of processors this process may use */
    const char *device; /* NULL or "cpu"; "cuda" and "cuda:N" where built in */
    /* cap: "ref", "avx2", "avx512", "avx512bf16" (above what the CPU offers it changes nothing); NULL: HOOKE_CPU, else no cap */
    const char *cpu_level;
    /* operand type of matrix products: "f32" or "bf16"; NULL: HOOKE_DTYPE, else bf16 on a CPU with instructions for it
     * (level avx512bf16), else f32 */
    const char *dtype;
    hooke_progress_fn progress;
    void *progress_payload;
    hooke_log_fn log;
    void *log_payload;
} hooke_context_options;

HOOKE_API hooke_status hooke_context_open(hooke_context **out, const hooke_context_options *options);
HOOKE_API void hooke_context_close(hooke_context *ctx);
HOOKE_API int hooke_context_n_threads(const hooke_context *ctx);
HOOKE_API const char *hooke_context_cpu_level(const hooke_context *ctx); /* chosen level, e.g. "avx512" */
HOOKE_API const char *hooke_context_device(const hooke_context *ctx);    /* "cpu", "cuda:0" */
HOOKE_API const char *hooke_context_dtype(const hooke_context *ctx);     /* "f32" or "bf16" */

/* ---- growable results ------------------------------------------------------------------------------------------
 * The caller provides the struct, zeroed; the library fills it (replacing what it held); release frees and zeroes. */

typedef struct hooke_ids {
    int32_t *data;
    size_t n, capacity;
} hooke_ids;
typedef struct hooke_text {
    char *data; /* always followed by a NUL that n does not count; may contain NULs */
    size_t n, capacity;
} hooke_text;
HOOKE_API void hooke_ids_release(hooke_ids *ids);
HOOKE_API void hooke_text_release(hooke_text *text);

/* ---- names and files ---------------------------------------------------------------------------------------- */

/* What a name stands for. A name is whatever a user may paste (docs/names.md lists every spelling): "micro"; an existing path;
 * a registry name RELEASE/SAE_ID or RELEASE:SAE_ID; a Neuronpedia id MODEL/SOURCE or MODEL/SOURCE/INDEX; a TransformerLens short
 * name of a model; a hub path ORG/NAME[/PATH], with or without "hf:"; a neuronpedia.org or huggingface.co address. Hub and
 * registry names may end in @REVISION. Strings are never NULL: "" is unknown or none. They live until hooke_name_close(). */
typedef struct hooke_name_file {
    const char *
        pattern; /* path in the repository; where is_pattern, for fnmatch(3) without flags ('*' crosses '/') */
    bool is_pattern;
    bool optional; /* nothing is missing when the repository lacks it */
} hooke_name_file;

typedef struct hooke_name_info {
    const char *what;     /* as it was given */
    const char *kind;     /* "model" or "dict" */
    const char *spelling; /* "path", "shipped", "registry", "neuronpedia", "hub", "short name" */
    const char *path;     /* on this machine; for names on the hub only after hooke_name_locate() */
    const char *repo;     /* hub repository, ORG/NAME */
    const char *file;     /* folder or file in it; "": the whole repository */
    const char *revision; /* as asked for: "main", a tag, a commit */
    const char *commit;   /* 40 hex digits: what revision is in the cache; known once located */
    /* What the registry knows about that file, whichever way it was named. */
    const char *release, *sae_id;
    const char *also;        /* other RELEASE/SAE_ID of the same file, separated by blanks */
    const char *neuronpedia; /* MODEL/SOURCE */
    const char *format; /* SAELens' loader: "sae_lens", "gemma_2", "llama_scope", ...; see docs/names.md */
    const char *config_overrides;  /* JSON object, merged over the file's configuration */
    double norm_scaling_factor;    /* factor on activations still to be folded into the weights; 0: none */
    double l0, variance_explained; /* as published; NaN: not said */
    const char *model;             /* a name of the model it was made for, which the kind "model" resolves */
    const char *site; /* hook point read, as far as the name tells: "blocks.20.hook_resid_post" */
    int layer;        /* -1: not said by the name */
    int64_t width;    /* features; 0: not said by the name */
    int64_t feature;  /* INDEX of MODEL/SOURCE/INDEX; -1: none */
    /* What a reader needs of the repository: what to fetch, in the order of reading. */
    const hooke_name_file *files;
    int n_files;
} hooke_name_info;

/* Reads a name without the hub cache and without the network (of the disk it only asks whether `what` is an existing path).
 * kind: "model", "dict", or NULL: whichever it is. HOOKE_E_NOT_FOUND names the nearest known names; HOOKE_E_ARGUMENT is a
 * spelling that cannot be one. */
typedef struct hooke_name hooke_name;
HOOKE_API hooke_status hooke_name_open(hooke_name **out, const char *what, const char *kind);
HOOKE_API void hooke_name_close(hooke_name *name);
HOOKE_API const hooke_name_info *hooke_name_get_info(const hooke_name *name);
/* Finds it on this machine: fills path and commit. HOOKE_E_NOT_FOUND says what to type to fetch it. */
HOOKE_API hooke_status hooke_name_locate(hooke_name *name);
/* Whether every file that is not optional is on this machine. */
HOOKE_API bool hooke_name_is_cached(const hooke_name_info *info);
/* The origin of a result as a JSON object of one line: what, path, repo, file, revision, commit, release, sae_id, neuronpedia,
 * norm_scaling_factor; null where unknown. Results carry it as "origin". */
HOOKE_API hooke_status hooke_name_json(const hooke_name_info *info, hooke_text *out);

/* Rows of the registry of published dictionaries, sorted by release and sae_id, then those of its younger names that are in the hub
 * cache, then known models, sorted by repository, then other models that are in the hub cache. What the callback sees is borrowed for
 * the call; its non-zero return ends the walk. kind as above. */
typedef int (*hooke_name_fn)(void *payload, const hooke_name_info *info);
HOOKE_API hooke_status hooke_registry_walk(const char *kind, hooke_name_fn fn, void *payload);

/* Turns a name into a path on this machine: hooke_name_open() and hooke_name_locate() in one call. kind: "model" or "dict". */
HOOKE_API hooke_status hooke_resolve(hooke_text *path, const char *what, const char *kind);
/* Where shipped assets are (models/, data/): HOOKE_DATA, else beside the program, else the install prefix. */
HOOKE_API hooke_status hooke_asset(hooke_text *path, const char *relative);

/* One tensor of a file, for listing. dtype as the file's format spells it ("F32", "<f4"). */
typedef struct hooke_tensor_info {
    const char *name;
    const char *dtype;
    int n_dims;
    int64_t shape[8];
    int64_t bytes;
} hooke_tensor_info;

typedef struct hooke_file hooke_file;
/* Opens a model folder, a dictionary or one tensor file for inspection only. */
HOOKE_API hooke_status hooke_file_open(hooke_file **out, const char *path);
HOOKE_API void hooke_file_close(hooke_file *f);
HOOKE_API const char *hooke_file_kind(const hooke_file *f); /* "model", "dict", "tensors", "tokenizer" */
/* "huggingface", "gemma_scope", "saelens", "npz", ... */
HOOKE_API const char *hooke_file_format(const hooke_file *f);
HOOKE_API int hooke_file_n_tensors(const hooke_file *f);
/* borrowed; NULL out of range */
HOOKE_API const hooke_tensor_info *hooke_file_tensor(const hooke_file *f, int index);
/* Copies tensor `index` as float32 into out[n]; n must be its number of elements. */
HOOKE_API hooke_status hooke_file_read_f32(const hooke_file *f, int index, float *out, int64_t n);
HOOKE_API hooke_status hooke_file_read_i64(const hooke_file *f, int index, int64_t *out, int64_t n);

/* Writes named tensors as one safetensors file: temporary file, fsync, rename; nothing half-written stays. */
typedef struct hooke_tensor_out {
    const char *name;
    const char *dtype; /* "F32", "BF16", "I32", "I64" */
    int n_dims;
    int64_t shape[8];
    const void *data; /* of that dtype, row-major */
} hooke_tensor_out;
HOOKE_API hooke_status
hooke_write_safetensors(const char *path, const hooke_tensor_out *tensors, int n,
                        const char *const *metadata_pairs /* key, value, ..., NULL; or NULL */);
/* The same piece by piece, for data that do not fit in memory: sizes first (`data` is not looked at), then bytes of any tensor in any
 * order; what is never put is 0. put takes an offset in the tensor's own bytes. commit and abandon both end the writer: the file
 * appears whole at commit, or not at all. abandon takes NULL. */
typedef struct hooke_tensor_writer hooke_tensor_writer;
HOOKE_API hooke_status hooke_tensor_writer_open(hooke_tensor_writer **out, const char *path,
                                                const hooke_tensor_out *tensors, int n,
                                                const char *const *metadata_pairs);
HOOKE_API hooke_status hooke_tensor_writer_put(hooke_tensor_writer *w, int tensor, int64_t byte,
                                               const void *data, size_t n_bytes);
HOOKE_API int64_t hooke_tensor_writer_bytes(const hooke_tensor_writer *w); /* length of the whole file */
HOOKE_API hooke_status hooke_tensor_writer_commit(hooke_tensor_writer *w);
HOOKE_API void hooke_tensor_writer_abandon(hooke_tensor_writer *w);
/* Writes bytes to a file atomically. */
HOOKE_API hooke_status hooke_write_file(const char *path, const void *data, size_t n);

/* ---- downloads --------------------------------------------------------------------------------------------------
 * The only calls that use the network. They write the hub cache that huggingface_hub shares, and read its variables (HF_HUB_CACHE,
 * HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, ...; docs/hub.md). What stands in the cache is whole and has been checked. */

typedef struct hooke_pull_options {
    size_t size;
    const char *kind;     /* "model" or "dict"; NULL: whichever the name is */
    const char *revision; /* branch, tag or commit instead of the name's own; NULL: not */
    /* Globs over paths in the repository ('*' crosses '/'; "folder/" is all in it), NULL-terminated. NULL: what the name needs. */
    const char *const *include;
    const char *const *exclude;
    bool everything; /* the whole repository, or the whole folder that the name leads to */
    bool dry_run;    /* find out what would be brought, bring nothing */
    int n_at_once;   /* files at a time, at most 32; 0: 4 */
    int n_retries;   /* in a row without a byte gained; 0: 5, -1: none */
    hooke_progress_fn
        progress; /* bytes; called by the calling thread; non-zero stops, and keeps what came for the next call */
    void *progress_payload;
} hooke_pull_options;

typedef struct hooke_pulled_file {
    const char *path; /* in the repository */
    int64_t bytes;    /* -1: not known (dry runs) */
    bool was_cached;  /* nothing had to be downloaded */
} hooke_pulled_file;

typedef struct hooke_pulled_info {
    const char *repo;     /* "ORG/NAME"; "datasets/ORG/NAME" */
    const char *revision; /* as asked for */
    const char *commit;   /* 40 hex digits */
    const char *path;     /* on this machine: what opening the same name finds */
    const hooke_pulled_file *files;
    int n_files;
    int64_t bytes;            /* of all the files */
    int64_t bytes_downloaded; /* of those that had to be brought; in a dry run, that would have to be */
} hooke_pulled_info;

/* Brings what a name stands for into the hub cache: any name that hooke_name_open() knows on the hub, or
 * "hf:datasets/ORG/NAME[/PATH][@REVISION]". Several processes may do so at once. HOOKE_E_NOT_FOUND: no such repository, revision or
 * file, or no access; HOOKE_E_IO: network, disk; HOOKE_E_FORMAT: what came is not what the hub says; HOOKE_E_UNSUPPORTED: a build or
 * a machine without libcurl. */
typedef struct hooke_pulled hooke_pulled;
HOOKE_API hooke_status hooke_pull(hooke_pulled **out, const char *what, const hooke_pull_options *options);
HOOKE_API void hooke_pulled_close(hooke_pulled *p);
HOOKE_API const hooke_pulled_info *hooke_pulled_get_info(const hooke_pulled *p);

typedef struct hooke_part_options {
    size_t size;
    const char *revision;       /* as in hooke_pull_options */
    const char *const *tensors; /* names, NULL-terminated */
    const int64_t *rows;        /* of the first dimension of each tensor, increasing; NULL: all of them */
    int n_rows;
    const char *
        out; /* the safetensors file to write, or a folder for STEM.part.safetensors; NULL: the working folder */
    int n_retries;
    hooke_progress_fn progress;
    void *progress_payload;
    hooke_text *part_of; /* receives "REPOSITORY/FILE@COMMIT", as in the metadata; may be NULL */
} hooke_part_options;

/* Downloads named tensors, or rows of them, of a safetensors or npz file on the hub (what a name leads to, a model's shards included)
 * by range requests, and writes them as a new safetensors file outside the hub cache, with "part_of" and "rows" in its metadata. Lengths
 * are checked, and whole tensors of an npz against their CRC; the file's checksum cannot be. Of an npz's tensors that are deflated, in
 * Fortran order or big-endian no rows can be taken (HOOKE_E_UNSUPPORTED). *path: the file. HOOKE_E_NOT_FOUND names the tensors that there
 * are. */
HOOKE_API hooke_status hooke_pull_part(hooke_text *path, const char *what, const hooke_part_options *options);
/* Reads only headers: calls fn for each tensor, in order of name within a file, until it returns non-zero. */
typedef int (*hooke_tensor_fn)(void *payload, const hooke_tensor_info *info);
HOOKE_API hooke_status hooke_pull_header(const char *what, const hooke_part_options *options,
                                         hooke_tensor_fn fn, void *payload);

/* ---- text --------------------------------------------------------------------------------------------------- */

typedef struct hooke_tokenizer hooke_tokenizer;
enum {
    HOOKE_ADD_SPECIAL = 1,     /* encode: run the post-processor (BOS where the model wants it) */
    HOOKE_SKIP_SPECIAL = 2,    /* decode: drop special tokens */
    HOOKE_SPECIAL_AS_TEXT = 4, /* encode: "<bos>" in the text is just text */
    HOOKE_CLEAN_SPACES = 8,    /* decode: transformers' clean_up_tokenization_spaces (" ." becomes ".") */
};
/* path: a tokenizer.json, or the folder that holds it (tokenizer_config.json beside it is honoured). Shareable between
 * threads once open. */
HOOKE_API hooke_status hooke_tokenizer_open(hooke_tokenizer **out, const char *path);
HOOKE_API void hooke_tokenizer_close(hooke_tokenizer *tk);
/* Invalid UTF-8 in text is read as U+FFFD, one for each maximal invalid part. */
HOOKE_API hooke_status hooke_tokenizer_encode(const hooke_tokenizer *tk, hooke_ids *out, const char *text,
                                              size_t n_bytes, int flags);
HOOKE_API hooke_status hooke_tokenizer_decode(const hooke_tokenizer *tk, hooke_text *out, const int32_t *ids,
                                              size_t n, int flags);
/* The token's string as the vocabulary spells it ("▁Hello", "Ġthe"); NULL if there is none. Borrowed. */
HOOKE_API const char *hooke_tokenizer_token(const hooke_tokenizer *tk, int32_t id);
/* -1 if the vocabulary has no such token. */
HOOKE_API int32_t hooke_tokenizer_id(const hooke_tokenizer *tk, const char *token);
HOOKE_API int32_t hooke_tokenizer_n_vocab(const hooke_tokenizer *tk); /* largest id + 1 */
HOOKE_API int32_t hooke_tokenizer_bos(const hooke_tokenizer *tk);     /* -1: none */
HOOKE_API int32_t hooke_tokenizer_eos(const hooke_tokenizer *tk);
HOOKE_API int32_t hooke_tokenizer_pad(const hooke_tokenizer *tk);
HOOKE_API bool hooke_tokenizer_adds_bos(const hooke_tokenizer *tk);
HOOKE_API bool hooke_tokenizer_is_special(const hooke_tokenizer *tk, int32_t id);

typedef struct hooke_message {
    const char *role; /* "user", "assistant", "system" */
    const char *content;
} hooke_message;
/* Renders a conversation with the model's own chat template, e.g. Gemma's; the text already holds BOS: encode it without
 * HOOKE_ADD_SPECIAL. A template is a program of the model's maker in Jinja's language; what of it is understood, and its bounds,
 * are in docs/tokens.md. HOOKE_E_UNSUPPORTED: the tokenizer has no template, or one with a construct that is not known here, or
 * past a bound (of memory: HOOKE_E_MEMORY); HOOKE_E_FORMAT: the template is broken, or wants what the conversation does not have;
 * HOOKE_E_ARGUMENT: the template refuses the conversation (a system message where the model knows none, roles out of order).
 * Messages name the template's line. Invalid UTF-8 in messages is read as U+FFFD. Templates may ask for today's date. */
HOOKE_API hooke_status hooke_chat_render(const hooke_tokenizer *tk, hooke_text *out,
                                         const hooke_message *messages, int n, bool add_generation_prompt);

typedef struct hooke_chat_options {
    size_t size;
    bool add_generation_prompt; /* end with the opening of the assistant's turn */
    /* name, value, ..., NULL: more variables for the template ("enable_thinking", "false"). A value that is JSON is what it
     * says (false, 3, null, [..]), any other is a string. They win over what the library sets. NULL: none */
    const char *const *variables;
    const char *date; /* what templates see as now: "2026-07-26" or "2026-07-26 13:45:00"; NULL: local time */
    const char *template_name; /* of several templates; NULL: "default" */
} hooke_chat_options;
/* The same with options; NULL: none. */
HOOKE_API hooke_status hooke_chat_render_with(const hooke_tokenizer *tk, hooke_text *out,
                                              const hooke_message *messages, int n,
                                              const hooke_chat_options *options);

/* Rows of a table: JSON lines (.jsonl, .ndjson; .json too, which may also be one array of objects), comma- or tab-separated
 * (.csv, .tsv), Parquet (.parquet), plain text (a row a line, column "text"); all but Parquet also .gz or .zst. Or of a data set in
 * Hugging Face's layout: several such files. Rows come one after the other, in memory one at a time. */
typedef struct hooke_rows hooke_rows;

enum {
    HOOKE_VALUE_ABSENT, /* a line of JSON that lacks this key */
    HOOKE_VALUE_NULL,
    HOOKE_VALUE_BOOL,
    HOOKE_VALUE_INT,
    HOOKE_VALUE_UINT, /* past INT64_MAX: `integer` holds the bits of a uint64_t */
    HOOKE_VALUE_REAL,
    HOOKE_VALUE_TEXT, /* every field of .csv, .tsv and plain text is one */
    HOOKE_VALUE_LIST,
    HOOKE_VALUE_OBJECT, /* of JSON; listed, not opened */
};

/* Borrowed from the reader until its next row. */
typedef struct hooke_value {
    int kind;
    int64_t integer; /* BOOL (0 or 1), INT, UINT */
    double real;     /* REAL; INT too, rounded */
    const char *text;
    size_t n_bytes; /* TEXT: text[n_bytes], not NUL-terminated; a file may hold any bytes */
    const struct hooke_value *items;
    size_t n_items; /* LIST */
} hooke_value;

enum { HOOKE_PART_ALL, HOOKE_PART_TRAIN, HOOKE_PART_TEST };

typedef struct hooke_rows_options {
    size_t size;
    const char *const
        *columns; /* names of the columns to read, in this order; NULL: all, as the (first) file has them */
    int n_columns;
    /* Of a data set, not of one file: */
    const char *split;  /* NULL: "train" */
    const char *config; /* NULL: the default one, or the only one */
    const char *files; /* pattern of the files to read ("data/train-*.parquet") instead of split and config */
    const char *revision; /* in the hub's cache; NULL: "main" */
    /* Rows to draw from: the next row is one of so many at random, and a data set's files come in random order. 0: as they lie.
     * The same rows in the same order for the same seed everywhere. The buffer holds at most 1 GiB. */
    int64_t shuffle_rows;
    uint64_t seed;
    /* A part of the rows, each drawn on its own: about test_frac of them are TEST, the others TRAIN; which is which depends
     * on the seed alone. */
    int part;
    double test_frac;
} hooke_rows_options;

/* path: a file; a folder, or a data set in the hub's cache ("hf:ORG/NAME", "ORG/NAME"), whose splits are found as Hugging Face's
 * datasets finds them: by `configs` in its README.md, else by the names of files and folders (docs/data.md).
 * All columns of JSON lines are the keys of the first line. A named column that the file lacks is HOOKE_E_FORMAT (JSON lines: the
 * value is ABSENT). "a.b" is member b of column a where that is an object (JSON lines) or a group of values (Parquet). A Parquet
 * column that cannot be read (nested, decimal, ...) is HOOKE_E_UNSUPPORTED if it is asked for. */
HOOKE_API hooke_status hooke_rows_open(hooke_rows **out, const char *path, const hooke_rows_options *options);
HOOKE_API void hooke_rows_close(hooke_rows *rows);
HOOKE_API int hooke_rows_n_columns(const hooke_rows *rows);
/* Borrowed from the reader; NULL out of range. */
HOOKE_API const char *hooke_rows_column_name(const hooke_rows *rows, int column);
/* -1: there is none. */
HOOKE_API int hooke_rows_column(const hooke_rows *rows, const char *name);
/* Moves to the next row; *got is false at the end. */
HOOKE_API hooke_status hooke_rows_next(hooke_rows *rows, bool *got);
/* The row's value; NULL out of range or before the first row. */
HOOKE_API const hooke_value *hooke_rows_value(const hooke_rows *rows, int column);
/* Where the current row lies, "train.jsonl: line 7" or "a.parquet: row 12", for messages about what it holds. */
HOOKE_API const char *hooke_rows_place(const hooke_rows *rows);
/* The same by type. Absent, null, of another type or out of range is HOOKE_E_FORMAT with place and column. */
HOOKE_API hooke_status hooke_rows_text(const hooke_rows *rows, int column, const char **text,
                                       size_t *n_bytes);
/* INT and BOOL; TEXT that is a decimal integer; REAL that is a whole number below 2^53. */
HOOKE_API hooke_status hooke_rows_int(const hooke_rows *rows, int column, int64_t *out);
/* REAL, INT, BOOL; TEXT that is a decimal number. */
HOOKE_API hooke_status hooke_rows_real(const hooke_rows *rows, int column, double *out);
/* A list whose items are all strings: *n items, item i by hooke_rows_item(). */
HOOKE_API hooke_status hooke_rows_list(const hooke_rows *rows, int column, size_t *n);
HOOKE_API hooke_status hooke_rows_item(const hooke_rows *rows, int column, size_t item, const char **text,
                                       size_t *n_bytes);

/* A column of class numbers: the name of class `value`, as the data set's card or its files tell; NULL: not told. Borrowed from
 * the reader until its next row. */
HOOKE_API const char *hooke_rows_class_name(const hooke_rows *rows, int column, int64_t value);

/* Documents: a plain text file is one document; of every other kind of rows, data sets included, the strings of one column. "-"
 * reads standard input as plain text. options: as of hooke_rows_open(); NULL, or no columns: column "text". */
typedef struct hooke_docs hooke_docs;
HOOKE_API hooke_status hooke_docs_open(hooke_docs **out, const char *path, const hooke_rows_options *options);
/* *text is borrowed until the next call; NULL at the end. */
HOOKE_API hooke_status hooke_docs_next(hooke_docs *docs, const char **text, size_t *n_bytes);
HOOKE_API void hooke_docs_close(hooke_docs *docs);

/* Packs documents into contexts of n_ctx ids. Each packing is a peer's way to do it, token for token (docs/tokens.md): "saelens",
 * "saelens_pretokenize", "dictionary_learning", "dictionary_learning_packed", "saebench", "sparsify", "transformer_lens" and
 * "transformer_lens_2". Tokenizer and documents must outlive the packer. */
typedef struct hooke_packer hooke_packer;
typedef struct hooke_pack_options {
    size_t size;
    const char *packing;        /* NULL: "saelens" */
    int n_ctx;                  /* tokens of a context, at least 2 */
    bool no_bos;                /* prepend_bos, add_bos, add_special_tokens = False */
    const char *separator;      /* saelens: between documents; "bos" (NULL), "eos", "none" or an id */
    const char *begin_sequence; /* saelens: before each document; "none" (NULL), "bos", "eos" or an id */
    bool no_concat;             /* saelens: disable_concat_sequences */
    int64_t n_tokens;           /* saebench: num_tokens; 0: all there are */
    int64_t block;              /* documents treated together; 0: the peer's number */
    int64_t min_chars;          /* saebench: shorter documents, and those of just so many, are left out (100);
                                 * dictionary_learning_packed: of a sample (4 * n_ctx) */
} hooke_pack_options;
HOOKE_API const char *hooke_packing_name(int index);  /* NULL past the end */
HOOKE_API const char *hooke_packing_about(int index); /* one line */
HOOKE_API hooke_status hooke_packer_open(hooke_packer **out, const hooke_tokenizer *tk, hooke_docs *docs,
                                         const hooke_pack_options *options);
/* Contexts that a data set brings as ids (SAELens' pretokenised sets): the first n_ctx of each row of the one column of options, else
 * of "tokens", else "input_ids". path, options: as of hooke_rows_open(), NULL for none; a folder's sae_lens.json is looked at. A row of
 * fewer ids, or of ids that the tokenizer lacks, is an error. */
HOOKE_API hooke_status hooke_packer_open_pretokenized(hooke_packer **out, const hooke_tokenizer *tk,
                                                      const char *path, const hooke_rows_options *options,
                                                      int n_ctx);
/* The next context into ids[n_ctx]: *n of them, fewer than n_ctx only where a packing pads; 0 at the end. */
HOOKE_API hooke_status hooke_packer_context(hooke_packer *p, int32_t *ids, int *n);
/* The same, filled up to n_ctx on the right with the pad token, or EOS where there is none; *got is false at the end. */
HOOKE_API hooke_status hooke_packer_next(hooke_packer *p, int32_t *ids, bool *got);
HOOKE_API void hooke_packer_close(hooke_packer *p);

/* ---- data sets --------------------------------------------------------------------------------------------------
 * The data sets that the evaluations read: where they are, which columns and labels they have, how they are split, and the
 * micro world's stand-in for each (docs/datasets.md). Everything here is borrowed from one constant table. */

typedef struct hooke_label {
    const char *key;  /* as the column spells it: "0", "5.0", "Python" */
    const char *name; /* what it means: "accountant" */
} hooke_label;

typedef struct hooke_dataset_split {
    const char
        *name; /* "train", "test"; a language, an entity type or a problem where the set is cut that way */
    const char *files;       /* glob in the repository: "data/train-*.parquet"; '*' does not match '/' */
    int n_files;             /* so many of them, the first by name, hold what is needed; 0: all */
    int64_t n_rows;          /* of all the files, 0: not known */
    const char *micro;       /* the stand-in that is shipped, for hooke_asset(); NULL: none */
    const char *text_column; /* NULL: the set's */
    const char *label;       /* every row's label; NULL: the label column says */
} hooke_dataset_split;

typedef struct hooke_dataset_info {
    const char *name;     /* what the evaluations call it; the hub's id where it has one */
    const char *repo;     /* data set repository of the hub; "" where it lies elsewhere, see page */
    const char *revision; /* branch or commit to take */
    const char *config;   /* the hub's configuration, "" for the only one */
    const char *page;     /* describes it, and is where access is asked for when gated */
    const char
        *kind; /* "text", "labelled", "choices", "entities", "concepts", "instructions", "vocabulary" */
    const char *evals; /* who needs it, by commas: "sparse_probing,scr,tpp" */
    bool gated;
    /* "" for none; "a|b": the first of them that a file has; "a.b": member b of an object */
    const char *text_column, *label_column, *group_column;
    const hooke_label *labels, *groups; /* of the label and the group column, every value */
    int n_labels, n_groups;
    const hooke_dataset_split *splits;
    int n_splits;
    const char *note; /* what to know; "" for nothing */
} hooke_dataset_info;

/* NULL past the end. */
HOOKE_API const hooke_dataset_info *hooke_dataset_get(int index);
/* By name, by an older id of the hub ("ag_news", "wikitext"), by the part behind the slash, or by a problem set's name. */
HOOKE_API hooke_status hooke_dataset_find(const hooke_dataset_info **out, const char *name);
/* Whether `eval` ("core", "sparse_probing", ...) reads the set; NULL asks for any evaluation. */
HOOKE_API bool hooke_dataset_serves(const hooke_dataset_info *info, const char *eval);
/* NULL when the set has no split of that name. */
HOOKE_API const hooke_dataset_split *hooke_dataset_get_split(const hooke_dataset_info *info,
                                                             const char *split);

/* Rows of one split, in the files' order, with their labels as keys of the table. */
typedef struct hooke_dataset_rows hooke_dataset_rows;
/* Borrowed until the next row. */
typedef struct hooke_dataset_row {
    const char *text; /* [n_bytes] */
    size_t n_bytes;
    const char *label, *group; /* keys: "21", "5.0", "Python"; "" where the set has none */
    const struct hooke_value
        *choices; /* [n_choices] answers to choose from; the label is the right one's number */
    size_t n_choices;
} hooke_dataset_row;
/* name: as hooke_dataset_find() takes it. where: "micro" (the shipped stand-in), "hub" (the hub's cache; also NULL), or a file or
 * folder with the set's files. Sets of kind "entities" and "vocabulary" have no rows: HOOKE_E_UNSUPPORTED. */
HOOKE_API hooke_status hooke_dataset_open(hooke_dataset_rows **out, const char *name, const char *split,
                                          const char *where);
HOOKE_API hooke_status hooke_dataset_next(hooke_dataset_rows *rows, hooke_dataset_row *row, bool *got);
HOOKE_API void hooke_dataset_close(hooke_dataset_rows *rows);

/* What sparse probing, SCR and TPP make of a labelled set, under SAEBench's name ("LabHC/bias_in_bios_class_set1"). */
typedef struct hooke_problem_set {
    const char *name, *dataset, *evals;
    const char *class_column;   /* "": the split is the class */
    const char *balance_column; /* each class holds equally many of each of its values; "" for none */
    const hooke_label *classes; /* in SAEBench's order */
    int n_classes;
    int n_train, n_test; /* texts for a class */
} hooke_problem_set;
/* Pairs that SCR confounds: keys of the set's label column; the groups are the set's, first one positive. */
typedef struct hooke_scr_pair {
    const char *dataset;
    hooke_label positive, negative;
} hooke_scr_pair;
HOOKE_API const hooke_problem_set *hooke_problem_set_get(int index); /* NULL past the end */
HOOKE_API const hooke_scr_pair *hooke_scr_pair_get(int index);       /* NULL past the end */

/* ---- models ------------------------------------------------------------------------------------------------- */

typedef struct hooke_model hooke_model;

typedef struct hooke_model_options {
    size_t size;
    /* bytes resident at most, 0: no bound; layer-major reading when the model does not fit */
    int64_t max_memory;
    const char *rope_table; /* "f32" (default; as transformers), "f32_div" (as TransformerLens), "f64" */
} hooke_model_options;

typedef struct hooke_model_info {
    const char *name; /* folder name, or what the config calls it */
    const char *path;
    /* "gemma2", "gpt_neox", "gpt2", "llama", "qwen2", "qwen3", "gemma3_text", "gemma" */
    const char *architecture;
    const char *weight_dtype; /* "F32", "BF16", "F16" */
    int n_layers, d_model, n_heads, n_kv_heads, d_head, d_mlp, d_vocab, n_ctx;
    int sliding_window; /* 0: none */
    bool tied_embeddings;
    bool adds_bos;    /* the tokenizer's rule; what --prepend-bos defaults to */
    bool layer_major; /* weights are read layer by layer (max_memory) */
    int64_t n_params, weight_bytes;
    const hooke_name_info *origin; /* the name it was opened by, located */
} hooke_model_info;

/* what: a folder in Hugging Face layout, or anything hooke_resolve() knows. Weights are mapped, not read. The context must
 * outlive the model. */
HOOKE_API hooke_status hooke_model_open(hooke_model **out, hooke_context *ctx, const char *what,
                                        const hooke_model_options *options);
HOOKE_API void hooke_model_close(hooke_model *m);
HOOKE_API const hooke_model_info *hooke_model_get_info(const hooke_model *m);
/* NULL when the folder has none */
HOOKE_API const hooke_tokenizer *hooke_model_tokenizer(const hooke_model *m);
/* Ids that end a generation (generation_config.json, else the eos of config.json). */
HOOKE_API int hooke_model_stop_ids(const hooke_model *m, const int32_t **ids);

/* ---- sites -------------------------------------------------------------------------------------------------------
 * Places where activations can be read and overwritten. Public spelling: TransformerLens hook names
 * ("blocks.3.hook_resid_post"); Hugging Face module paths ("model.layers.3", "model.layers.3.mlp.down_proj.input") are
 * understood too. docs/sites.md lists them all. */

typedef struct hooke_site {
    int kind;  /* one of the library's site kinds; opaque to callers */
    int layer; /* -1 for sites outside the blocks */
} hooke_site;

HOOKE_API hooke_status hooke_site_parse(const hooke_model *m, hooke_site *out, const char *name);
HOOKE_API hooke_status hooke_site_name(const hooke_model *m, hooke_text *out, hooke_site site);
/* Columns of the view: d_model, n_heads * d_head, ...; 0 where it depends on the batch (attention scores and patterns). */
HOOKE_API int hooke_site_width(const hooke_model *m, hooke_site site);
/* Sites whose TransformerLens name matches a glob ("blocks.*.hook_resid_post"; a plain name or module path matches itself).
 * Sites that TransformerLens keeps behind switches (attn.hook_result, hook_mlp_in, ...) match only a pattern that ends in their
 * name written out. Writes at most capacity of them in execution order; *n is their full number. */
HOOKE_API hooke_status hooke_sites_match(const hooke_model *m, hooke_site *out, int capacity, int *n,
                                         const char *pattern);

/* ---- passes ------------------------------------------------------------------------------------------------- */

/* Sequences of different length, without padding: sequence s is ids[start[s] .. start[s+1]). */
typedef struct hooke_batch {
    int n_seqs;
    const int64_t *start; /* [n_seqs + 1], start[0] = 0 */
    const int32_t *ids;   /* [start[n_seqs]] */
} hooke_batch;

/* What a tap sees. Rows are tokens in batch order, first_row + r is the token's index in batch->ids. For attention scores and
 * patterns there is one call a sequence: rows are (head, query), columns are keys, `seq` says which. Logits, and sites of
 * d_model columns for every head, come in blocks of rows; logits one row a call with last_logits_only. Valid during the call only. */
typedef struct hooke_view {
    hooke_site site;
    const hooke_batch *batch;
    const float *data; /* [n_rows, n_cols], ld elements between rows */
    int64_t n_rows, n_cols, ld;
    int64_t first_row;
    int n_heads; /* n_cols = n_heads * width of one head; 1 where heads play no part */
    int seq;     /* attention scores and patterns: the sequence; else -1 */
    const int32_t *
        positions; /* of the tokens first_row, first_row + 1, ... in their sequences (with a cache they go on where
                                 it ends) */
} hooke_view;

typedef hooke_status (*hooke_tap_fn)(void *payload, const hooke_view *view);
/* An edit may overwrite data[n_rows, n_cols] in place. */
typedef hooke_status (*hooke_edit_fn)(void *payload, const hooke_view *view, float *data);

typedef struct hooke_hook {
    hooke_site site;
    hooke_tap_fn tap;   /* either ... */
    hooke_edit_fn edit; /* ... or; at one site hooks run in the order given */
    void *payload;
} hooke_hook;

typedef struct hooke_cache hooke_cache;

typedef struct hooke_run_options {
    size_t size;
    const hooke_hook *hooks;
    int n_hooks;
    /* The pass stops at the deepest hooked site. Ask for logits by hooking site "logits"; last_logits_only computes that site
     * (and unembed) for each sequence's last token alone. */
    bool last_logits_only;
    /* Append to these sequences, which are the batch's, in order (a sequence may bring no new tokens); all blocks run. NULL: every
     * sequence starts at position 0. */
    hooke_cache *cache;
    /* Start in the middle: block first_layer reads resid[n_tokens, d_model] as its hook_resid_pre. 0 and NULL: from the ids.
     * first_layer may equal n_layers (final norm and logits only). */
    int first_layer;
    const float *resid;
    int64_t batch_tokens; /* tokens carried through the model at a time, whole sequences; 0: a default */
} hooke_run_options;

/* Runs the batch through the model. Hooks may be called once per group of sequences (batch_tokens). */
HOOKE_API hooke_status hooke_model_run(hooke_model *m, const hooke_batch *batch,
                                       const hooke_run_options *options);

/* logits[n, d_vocab] of rows x[n, d_model] as hook site "ln_final.hook_out" delivers them (final norm with gain applied);
 * soft cap applied. ld is d_vocab. */
HOOKE_API hooke_status hooke_model_unembed(hooke_model *m, float *logits, const float *x, int64_t n);
/* Logit effect of directions: out[n, d_vocab] = rows x[n, d_model] through the unembedding with the final norm's gain folded
 * in and no bias or soft cap (the usual "top logits" of a decoder row). */
HOOKE_API hooke_status hooke_model_logit_lens(hooke_model *m, float *out, const float *x, int64_t n);

/* Key/value cache of n_seqs sequences of at most n_ctx tokens. */
HOOKE_API hooke_status hooke_cache_open(hooke_cache **out, hooke_model *m, int n_seqs, int n_ctx);
HOOKE_API void hooke_cache_close(hooke_cache *c);
HOOKE_API int hooke_cache_length(const hooke_cache *c, int seq);
/* Copies the first n_layers layers of sequence `from` over sequence `to` (which takes over its length). */
HOOKE_API hooke_status hooke_cache_copy(hooke_cache *c, int to, int from, int n_layers);

/* ---- generation --------------------------------------------------------------------------------------------- */

typedef hooke_status (*hooke_token_fn)(void *payload, int seq, int32_t id);

typedef struct hooke_generate_options {
    size_t size;
    int n_new;         /* tokens at most, default 64 */
    float temperature; /* 0: greedy */
    float top_p;       /* 0 or 1: off */
    uint64_t seed;
    bool ignore_stop;        /* go on past stop ids */
    bool no_cache;           /* recompute the whole prefix for every token (for tests; same tokens) */
    const hooke_hook *hooks; /* edits applied to sequence rows; see seq_hooks */
    int n_hooks;
    const uint8_t *
        hooks_for_seq; /* [n_seqs], 0: this sequence runs without the hooks; NULL: all with. Sequences with equal
                                     prompts share the prefill up to the first edited layer */
    hooke_token_fn on_token; /* may be NULL */
    void *payload;
} hooke_generate_options;

/* Continues every sequence of the batch; out[n_seqs] receives the new ids only, a stop id included. Draws are keyed by (seed,
 * sequence, position): a sequence's tokens do not depend on its companions. */
HOOKE_API hooke_status hooke_generate(hooke_model *m, hooke_ids *out, const hooke_batch *prompts,
                                      const hooke_generate_options *options);

/* ---- dictionaries ------------------------------------------------------------------------------------------- */

typedef struct hooke_dict hooke_dict;

typedef struct hooke_dict_options {
    size_t size;
    bool canonical;           /* fold scales and decoder norms: unit decoder rows (spec: fold_W_dec_norm) */
    const char *architecture; /* override for files that do not say; NULL: trust the file */
    /* What a registry says about the files beyond what they say themselves; NULL and 0: nothing. */
    const char *conversion;     /* which published reading is meant, e.g. "llama_scope"; NULL: by the files */
    double norm_scaling_factor; /* folded where the configuration says expected_average_only_in */
    const char *config_overrides; /* a JSON object: its keys win over those of the configuration */
    const char *
        repo_id; /* "fnlp/Llama3_1-8B-Base-LXR-8x", for files that do not name their model; NULL: the path's */
    double expected_l0;
    /* Cross-layer transcoders: the target whose decoder is used, 1 for the first; 0: their sum, as SAELens reads them. */
    int target;
    /* Where SAELens departs from what a dictionary's makers define (docs/dictionaries.md), do as SAELens does. */
    bool as_saelens;
} hooke_dict_options;

typedef struct hooke_dict_info {
    const char *name, *path;
    const char *format; /* "gemma_scope", "saelens", "saelens_legacy", "sparsify", ... (docs/formats.md) */
    /* "standard", "jumprelu", "topk", "batchtopk", "gated", "matryoshka_batchtopk", "transcoder", ... */
    const char *architecture;
    const char *dtype;      /* of the weights in the file */
    const char *model_name; /* "" where the file does not say */
    const char *site;       /* input hook name as the file spells it; "" unknown */
    const char *site_out;   /* transcoders; else same as site */
    int hook_head_index;    /* -1: not a single head */
    int d_in, d_out, d_dict, k;
    bool apply_b_dec_to_input, canonical, is_transcoder, has_skip, has_threshold;
    bool rescale_acts_by_decoder_norm;
    /* "none", "constant_norm_rescale", "layer_norm", "expected_average_only_in", "constant_scalar_rescale" */
    const char *normalize_activations;
    const char *activation_scale; /* "raw" or "canonical": what printed activation values mean */
    bool prepend_bos;
    int context_size;  /* 0 unknown */
    float expected_l0; /* 0 unknown */
    /* rows are mean-centred before encoding, and decode adds the mean back (center_writing_weights) */
    bool center_input;
    /* The rows of one encode call are one sequence, and decode needs them again (temporal) */
    bool is_sequential;
    bool
        has_density; /* hooke_dict_vector(d, "log_sparsity", ...) holds log10 of each feature's firing fraction */
    int n_targets; /* cross-layer transcoders: decoders in the file, one a target layer; else 0 */
    int64_t weight_bytes;
    /* the configuration as found, one JSON object; "{}" where the format has none */
    const char *config_json;
    const hooke_name_info *origin; /* the name it was opened by, located */
} hooke_dict_info;

HOOKE_API hooke_status hooke_dict_open(hooke_dict **out, hooke_context *ctx, const char *what,
                                       const hooke_dict_options *options);
HOOKE_API void hooke_dict_close(hooke_dict *d);
HOOKE_API const hooke_dict_info *hooke_dict_get_info(const hooke_dict *d);

/* Sparse codes in CSR form: row r holds indices[indptr[r] .. indptr[r+1]), increasing, with values that are never 0. */
typedef struct hooke_codes {
    int64_t n_rows;
    int32_t n_cols;   /* d_dict */
    int64_t *indptr;  /* [n_rows + 1] */
    int32_t *indices; /* [indptr[n_rows]] */
    float *values;
    /* [n_rows] run-time input normalisation that decode undoes; NULL where there is none */
    float *norm_mean, *norm_scale;
    int64_t capacity, row_capacity;
} hooke_codes;
HOOKE_API void hooke_codes_release(hooke_codes *c);

typedef struct hooke_feature_set {
    const int32_t *features; /* increasing */
    int n;
} hooke_feature_set;

/* codes of x[n, d_in]. With a subset only those features appear (selection, e.g. top-k, still runs over the whole width). */
HOOKE_API hooke_status hooke_dict_encode(hooke_dict *d, hooke_codes *out, const float *x, int64_t n,
                                         int64_t ld, const hooke_feature_set *subset);
/* y[n, d_out] = reconstruction from codes. Skip transcoders and sequential dictionaries also need x (their raw input); others
 * ignore x, which may be NULL. */
HOOKE_API hooke_status hooke_dict_decode(hooke_dict *d, float *y, int64_t ld_y, const hooke_codes *c,
                                         const hooke_feature_set *subset, const float *x, int64_t ld_x);
/* Rows as float32, in the scale of the info's activation_scale. */
HOOKE_API hooke_status hooke_dict_decoder_row(const hooke_dict *d, int32_t feature, float *out /* [d_out] */);
HOOKE_API hooke_status hooke_dict_encoder_row(const hooke_dict *d, int32_t feature, float *out /* [d_in] */);
/* name: b_enc, b_dec, threshold, b_gate, b_mag, r_mag; log_sparsity where info.has_density says so. */
HOOKE_API hooke_status hooke_dict_vector(const hooke_dict *d, const char *name, float *out, int64_t n);
/* What a feature stands for, where the files say: AxBench's concept, "direction.12" of a control vector; else NULL. Borrowed. */
HOOKE_API const char *hooke_dict_label(const hooke_dict *d, int32_t feature);
/* The n decoder rows nearest by cosine to `feature`'s, best first, itself left out. */
HOOKE_API hooke_status hooke_dict_neighbours(hooke_dict *d, int32_t feature, int32_t *out, float *cosine,
                                             int n);
/* Shapes, finite values, decoder norms. Fills report with one line a finding; HOOKE_E_FORMAT when something is wrong. */
HOOKE_API hooke_status hooke_dict_check(hooke_dict *d, hooke_text *report);

/* Formats that dictionaries can be written in: "saelens", "gemma_scope", "dictionary_learning", "sparsify"; NULL past the end. */
HOOKE_API const char *hooke_dict_write_format(int index);
/* Something that a format has no place for. */
typedef struct hooke_dict_loss {
    const char *name; /* what hooke_dict_write_options.drop takes: "skip", "sparsity", ... Static text */
    bool is_kept;     /* written beside, where hooke finds it and the format's own library does not look */
    char detail[256];
} hooke_dict_loss;
/* What writing d (as it was opened: raw or canonical) in that format would lose: at most capacity of them in out, *n their full
 * number. HOOKE_E_UNSUPPORTED when the format cannot hold d's codes at all: the message says why. */
HOOKE_API hooke_status hooke_dict_losses(hooke_dict *d, const char *format, hooke_dict_loss *out,
                                         int capacity, int *n);
typedef struct hooke_dict_write_options {
    size_t size;
    const char *drop; /* names of losses that are accepted, separated by commas; "all" */
} hooke_dict_write_options;
/* Writes the dictionary into folder `path` (made when absent) so that the format's own library gives the codes that
 * hooke_dict_encode() gives for d. Losses that are not kept and not in options->drop are refused (HOOKE_E_UNSUPPORTED, named).
 * Each file appears whole or not at all, the configuration last; files of the same names are replaced. Matrices that need no
 * folding and lie the right way round are copied from the mapping; others take memory for themselves in float32. */
HOOKE_API hooke_status hooke_dict_write(hooke_dict *d, const char *path, const char *format,
                                        const hooke_dict_write_options *options);

/* Whether a file or folder is a dictionary by its names, and in which format ("saelens", ...; static text); else false. */
HOOKE_API bool hooke_dict_recognise(const char *path, const char **format);
/* Calls fn with the path (borrowed until it returns) and format of each dictionary in a folder and below, in order of path, until it
 * returns non-zero. */
typedef int (*hooke_dict_found_fn)(void *payload, const char *path, const char *format);
HOOKE_API hooke_status hooke_dict_find(const char *folder, hooke_dict_found_fn fn, void *payload);
/* Tensors of the dictionary's files, for listing; names are borrowed. */
HOOKE_API int hooke_dict_n_tensors(const hooke_dict *d);
HOOKE_API hooke_status hooke_dict_tensor(const hooke_dict *d, int index, hooke_tensor_info *out);

/* ---- evaluations -------------------------------------------------------------------------------------------- */

typedef struct hooke_core_options {
    size_t size;
    int batch_size_prompts;               /* 16 */
    int n_eval_reconstruction_batches;    /* 10 */
    int n_eval_sparsity_variance_batches; /* 1 */
    int context_size;                     /* 128 */
    bool exclude_special_tokens_from_reconstruction;
    const char *dataset; /* a text file for hooke_docs_open; recorded in the result */
    const char *column;
    const char *ids_file;       /* instead of dataset: JSON array of contexts of token ids */
    const char *split, *subset; /* of a data set, as split and config of hooke_rows_options */
} hooke_core_options;

/* SAEBench 0.6.0's core metrics (means over tokens; definitions in docs/eval-core.md). NaN where undefined. */
typedef struct hooke_core_metrics {
    double kl_div_score, kl_div_with_ablation, kl_div_with_sae;
    double ce_loss_score, ce_loss_with_ablation, ce_loss_with_sae, ce_loss_without_sae;
    double explained_variance, explained_variance_legacy, mse, cossim;
    double l2_norm_in, l2_norm_out, l2_ratio, relative_reconstruction_bias;
    double l0, l1;
    int64_t total_tokens_eval_reconstruction, total_tokens_eval_sparsity_variance;
    double freq_over_1_percent, freq_over_10_percent;
    double normalized_freq_over_1_percent, normalized_freq_over_10_percent;
    double average_max_encoder_cosine_sim, average_max_decoder_cosine_sim, frac_alive;
    /* Not SAEBench's: the variance about the mean, and KL by log-softmax (never poisoned by underflow). */
    double explained_variance_exact, kl_div_with_sae_exact, kl_div_with_ablation_exact;
} hooke_core_metrics;

typedef struct hooke_core_result hooke_core_result;
HOOKE_API hooke_status hooke_eval_core(hooke_core_result **out, hooke_model *m, hooke_dict *d,
                                       const hooke_core_options *options);
HOOKE_API const hooke_core_metrics *hooke_core_get_metrics(const hooke_core_result *r);
/* SAEBench's result document. release and sae_id fill sae_lens_release_id and sae_lens_id. */
HOOKE_API hooke_status hooke_core_json(const hooke_core_result *r, hooke_text *out, const char *release,
                                       const char *sae_id);
HOOKE_API void hooke_core_close(hooke_core_result *r);

/* ---- measuring and making ----------------------------------------------------------------------------------- */

typedef struct hooke_bench_options {
    size_t size;
    const char *shape;        /* "gemma-2-2b", "pythia-70m", ... (hooke synth's names) */
    const char *model, *dict; /* or real ones */
    int width;                /* d_dict */
    int n_tokens;             /* rows for encode and decode, prompt tokens for prefill */
    int l0;
    int runs; /* counted runs, default 5 */
} hooke_bench_options;

typedef struct hooke_bench_row {
    char name[48], shape[64], dtype[16];
    int threads, runs;
    double seconds, seconds_min, seconds_max; /* seconds is the median */
    /* of the ceiling that applies: operations, or bytes for generation */
    double gflops, ceiling_gflops, fraction;
    double bytes_per_second, tokens_per_second;
    int64_t peak_rss_bytes;
    /* What was measured: the names that were opened, or the shape whose random weights (seed 0) were made. NULL: not of this row.
     * Borrowed for the call. */
    const hooke_name_info *model, *dict;
    const char *synth;
} hooke_bench_row;
typedef void (*hooke_bench_fn)(void *payload, const hooke_bench_row *row);
/* name: "ceiling", "prefill", "generate", "encode", "decode". Rows arrive as they are measured. */
HOOKE_API hooke_status hooke_bench(hooke_context *ctx, const char *name, const hooke_bench_options *options,
                                   hooke_bench_fn on_row, void *payload);

/* Writes a random-weight model or dictionary of a published shape in its published layout, streamed to disk.
 * shape: "gemma-2-2b", "gemma-2-9b", "pythia-70m", ..., "gemma-scope-2b-16k", ... DIR/synth.json records shape and seed. */
HOOKE_API hooke_status hooke_synth(hooke_context *ctx, const char *dir, const char *shape, uint64_t seed,
                                   int64_t *bytes);
/* Shape names that hooke_synth and hooke_bench know; NULL past the end. */
HOOKE_API const char *hooke_shape_name(int index);

/* JSON object: version, cpu levels built and found, libraries, hub cache, assets, what is missing for which command. */
HOOKE_API hooke_status hooke_doctor_json(hooke_text *out);

#ifdef __cplusplus
}
#endif
#endif

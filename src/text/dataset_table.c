/* dataset_table.c: the data sets that the evaluations read. A row is facts only: what reads them is in dataset.c.
 *
 * File patterns are the repositories' layout on the hub; docs/datasets.md says which were checked. n_files is kept small where an
 * evaluation streams the beginning of a large set. */
#include "text/dataset.h"

#define COUNT(a)                    (int)(sizeof(a) / sizeof *(a))
#define SPLITS(a)                   .splits = (a), .n_splits = COUNT(a)
#define LABELS(a)                   .labels = (a), .n_labels = COUNT(a)
#define GROUPS(a)                   .groups = (a), .n_groups = COUNT(a)
#define HUB(id)                     .name = (id), .repo = (id), .revision = "main", .page = "https://huggingface.co/datasets/" id
#define NO_CONFIG                   .config = ""
#define COLUMNS(text, label, group) .text_column = (text), .label_column = (label), .group_column = (group)

/* ---- text ---- */

static const hooke_dataset_split openwebtext[] = {
    { .name = "train",
      .files = "plain_text/train-*.parquet",
      .n_files = 1,
      .n_rows = 8013769,
      .micro = "data/micro/text.jsonl.gz" },
};
static const hooke_dataset_split pile[] = {
    { .name = "train", .files = "train/*.jsonl.zst", .n_files = 1, .micro = "data/micro/text.jsonl.gz" },
    { .name = "validation", .files = "val.jsonl.zst" },
    { .name = "test", .files = "test.jsonl.zst" },
};
static const hooke_dataset_split fineweb[] = {
    { .name = "train",
      .files = "data/CC-MAIN-2013-20/*.parquet",
      .n_files = 1,
      .micro = "data/micro/text.jsonl.gz" },
};
static const hooke_dataset_split smollm[] = {
    { .name = "train",
      .files = "data/train-*.parquet",
      .n_files = 1,
      .n_rows = 10058156,
      .micro = "data/micro/text.jsonl.gz" },
};
static const hooke_dataset_split wikitext[] = {
    { .name = "test",
      .files = "wikitext-2-raw-v1/test-*.parquet",
      .n_rows = 4358,
      .micro = "data/micro/retain.jsonl.gz" },
};
static const hooke_dataset_split forget[] = {
    { .name = "train", .files = "data/*", .micro = "data/micro/forget.jsonl.gz" },
};

/* ---- labelled ---- */

static const hooke_dataset_split bios[] = {
    { .name = "train",
      .files = "data/train-*.parquet",
      .n_rows = 257478,
      .micro = "data/micro/bias_in_bios_train.csv.gz" },
    { .name = "test",
      .files = "data/test-*.parquet",
      .n_rows = 99069,
      .micro = "data/micro/bias_in_bios_test.csv.gz" },
    { .name = "dev", .files = "data/dev-*.parquet", .n_rows = 39642 },
};
static const hooke_dataset_split amazon[] = {
    { .name = "train", .files = "data/train-*.parquet", .micro = "data/micro/amazon_reviews_train.csv.gz" },
    { .name = "test", .files = "data/test-*.parquet", .micro = "data/micro/amazon_reviews_test.csv.gz" },
};
static const hooke_dataset_split news[] = {
    { .name = "train",
      .files = "data/train-*.parquet",
      .n_rows = 120000,
      .micro = "data/micro/ag_news_train.csv.gz" },
    { .name = "test",
      .files = "data/test-*.parquet",
      .n_rows = 7600,
      .micro = "data/micro/ag_news_test.csv.gz" },
};
static const hooke_dataset_split github_code[] = {
    { .name = "train",
      .files = "data/train-*.parquet",
      .n_files = 2,
      .micro = "data/micro/github_code.jsonl.gz" },
};
#define EUROPARL(language, pair)                                                                             \
    {                                                                                                        \
        .name = (language), .files = pair "/train-*.parquet", .n_files = 1,                                  \
        .micro = "data/micro/europarl.jsonl.gz", .text_column = "translation." language, .label = (language) \
    }
static const hooke_dataset_split europarl[] = {
    EUROPARL("en", "en-fr"), EUROPARL("fr", "fr-it"), EUROPARL("de", "de-en"),
    EUROPARL("es", "es-fr"), EUROPARL("nl", "nl-pt"),
};

/* ---- questions ---- */

static const hooke_dataset_split wmdp[] = {
    { .name = "test",
      .files = "wmdp-bio/test-*.parquet",
      .n_rows = 1273,
      .micro = "data/micro/quiz_biology_test.jsonl" },
};
static const hooke_dataset_split mmlu[] = {
    { .name = "high_school_us_history",
      .files = "high_school_us_history/test-*.parquet",
      .n_rows = 204,
      .micro = "data/micro/quiz_history_test.jsonl" },
    { .name = "college_computer_science",
      .files = "college_computer_science/test-*.parquet",
      .n_rows = 100,
      .micro = "data/micro/quiz_computing_test.jsonl" },
    { .name = "high_school_geography",
      .files = "high_school_geography/test-*.parquet",
      .n_rows = 198,
      .micro = "data/micro/quiz_geography_test.jsonl" },
    { .name = "human_aging", .files = "human_aging/test-*.parquet", .n_rows = 223 },
};

/* ---- entities and concepts ---- */

#define RAVEL(entity)                                                                     \
    {                                                                                     \
        .name = (entity), .files = "ravel_" entity "_*.json", .micro = "data/micro/ravel" \
    }
#define RAVEL_HUB(entity)                                    \
    {                                                        \
        .name = (entity), .files = "ravel_" entity "_*.json" \
    }
static const hooke_dataset_split ravel[] = {
    RAVEL("city"),           RAVEL("nobel_prize_winner"), RAVEL("physical_object"),
    RAVEL_HUB("occupation"), RAVEL_HUB("verb"),
};

#define CONCEPTS(setting)                                            \
    { .name = setting "/train",                                      \
      .files = setting "/train/*.parquet",                           \
      .micro = "data/micro/axbench/train_data.jsonl.gz" },           \
    {                                                                \
        .name = setting "/test", .files = setting "/test/*.parquet", \
        .micro = "data/micro/axbench/latent_eval_data.jsonl.gz"      \
    }
static const hooke_dataset_split concepts[] = {
    CONCEPTS("2b/l10"),
    CONCEPTS("2b/l20"),
    CONCEPTS("9b/l20"),
    CONCEPTS("9b/l31"),
};
static const hooke_dataset_split instructions[] = {
    { .name = "eval",
      .files = "alpaca_eval.json",
      .n_rows = 805,
      .micro = "data/micro/axbench/instructions.jsonl" },
};

/* AxBench's seeds: instructions that its training texts answer. */
#define SEEDS(pattern)                                                                        \
    {                                                                                         \
        .name = "train", .files = (pattern), .micro = "data/micro/axbench/instructions.jsonl" \
    }
static const hooke_dataset_split dolly[] = { SEEDS("databricks-dolly-15k.jsonl") };
static const hooke_dataset_split gsm8k[] = { SEEDS("main/train-*.parquet") };
static const hooke_dataset_split python_code[] = { SEEDS("data/train-*.parquet") };

/* ---- the table ---- */

const hooke_dataset_info dataset_table[] = {
    { HUB("Skylion007/openwebtext"), .config = "plain_text", .kind = "text", .evals = "core",
      COLUMNS("text", "", ""), SPLITS(openwebtext),
      .note = "80 files; one holds 20 times the tokens that core reads. SAEBench draws the order of the "
              "files with "
              "seed 42: name one with --text to start elsewhere" },
    { HUB("monology/pile-uncopyrighted"), NO_CONFIG, .kind = "text", .evals = "autointerp",
      COLUMNS("text", "", ""), SPLITS(pile),
      .note = "30 files of about 11 GB; the first million characters of one are enough to try" },
    { HUB("HuggingFaceFW/fineweb"), NO_CONFIG, .kind = "text", .evals = "mdl", COLUMNS("text", "", ""),
      SPLITS(fineweb), .note = "the first crawl's first file; MDL reads the beginning of the stream" },
    { HUB("EleutherAI/SmolLM2-135M-10B"), NO_CONFIG, .kind = "text", .evals = "delphi",
      COLUMNS("text", "", ""), SPLITS(smollm), .note = "delphi takes one percent of the rows" },
    { HUB("LabHC/bias_in_bios"), NO_CONFIG, .kind = "labelled", .evals = "sparse_probing,scr,tpp",
      COLUMNS("hard_text", "profession", "gender"), LABELS(professions), GROUPS(genders), SPLITS(bios),
      .note = "" },
    { HUB("canrager/amazon_reviews_mcauley_1and5"), NO_CONFIG, .kind = "labelled",
      .evals = "sparse_probing,scr,tpp", COLUMNS("text", "category", "rating"), LABELS(amazon_categories),
      GROUPS(amazon_ratings), SPLITS(amazon), .note = "" },
    { HUB("codeparrot/github-code"), .config = "", .kind = "labelled", .evals = "sparse_probing",
      COLUMNS("code|content", "language|path", ""), LABELS(code_languages), SPLITS(github_code),
      .note = "1,126 files of mixed languages. The files name the text 'content' and no language: it follows "
              "from the "
              "ending of 'path', as the set's own loader has it" },
    { HUB("fancyzhx/ag_news"), NO_CONFIG, .kind = "labelled", .evals = "sparse_probing",
      COLUMNS("text", "label", ""), LABELS(news_topics), SPLITS(news), .note = "" },
    { HUB("Helsinki-NLP/europarl"), NO_CONFIG, .kind = "labelled", .evals = "sparse_probing",
      COLUMNS("translation", "", ""), LABELS(europarl_languages), SPLITS(europarl),
      .note = "each language is read from one pair of languages; the split is the language" },
    { .name = "sae-probes",
      .repo = "",
      .revision = "",
      .config = "",
      .page = "https://github.com/sae-probes/sae-probes",
      .kind = "labelled",
      .evals = "sparse_probing_sae_probes",
      COLUMNS("prompt", "target", ""),
      SPLITS(sae_probes_splits),
      .note = "113 binary problems, each a split; the files lie in the package's folder sae_probes/data" },
    { HUB("cais/wmdp"), .config = "wmdp-bio", .kind = "choices", .evals = "unlearning",
      COLUMNS("question", "answer", ""), LABELS(choice_letters), SPLITS(wmdp),
      .note = "1,520 questions before April 2024; SAEBench's question numbers mean the 1,273 of today" },
    { HUB("cais/mmlu"), .config = "", .kind = "choices", .evals = "unlearning",
      COLUMNS("question", "answer", "subject"), LABELS(choice_letters), SPLITS(mmlu),
      .note = "the split is the subject" },
    { HUB("cais/wmdp-bio-forget-corpus"), NO_CONFIG, .kind = "text", .evals = "unlearning", .gated = true,
      COLUMNS("text", "", ""), SPLITS(forget), .note = "SAEBench wants it as bio-forget-corpus.jsonl" },
    { HUB("Salesforce/wikitext"), .config = "wikitext-2-raw-v1", .kind = "text", .evals = "unlearning",
      COLUMNS("text", "", ""), SPLITS(wikitext),
      .note = "the corpus to retain: rows of more than 50 characters" },
    { HUB("adamkarvonen/ravel_prompts"), NO_CONFIG, .kind = "entities", .evals = "ravel", COLUMNS("", "", ""),
      SPLITS(ravel), .note = "four JSON objects an entity type; SAEBench uses city and nobel_prize_winner" },
    { .name = "first_letter",
      .repo = "",
      .revision = "",
      .config = "",
      .page = "https://github.com/lasr-spelling/sae-spelling",
      .kind = "vocabulary",
      .evals = "absorption",
      COLUMNS("", "", ""),
      .note = "made from the model's tokenizer: there is nothing to bring" },
    { HUB("pyvene/axbench-concept500"), NO_CONFIG, .kind = "concepts", .evals = "axbench",
      COLUMNS("input", "category", "concept_id"), SPLITS(concepts),
      .note = "a split is model, layer and part" },
    { HUB("pyvene/axbench-concept10"), NO_CONFIG, .kind = "concepts", .evals = "axbench",
      COLUMNS("input", "category", "concept_id"), SPLITS(concepts),
      .note = "the first ten concepts of concept500" },
    { HUB("tatsu-lab/alpaca_eval"), NO_CONFIG, .kind = "instructions", .evals = "axbench",
      COLUMNS("instruction", "", ""), SPLITS(instructions), .note = "one JSON array" },
    { HUB("databricks/databricks-dolly-15k"), NO_CONFIG, .kind = "instructions", .evals = "axbench",
      COLUMNS("instruction", "", ""), SPLITS(dolly),
      .note =
          "seeds of genre text: category open_qa, no context, under 500 characters; the first 1,000 train, "
          "the next test" },
    { HUB("openai/gsm8k"), .config = "main", .kind = "instructions", .evals = "axbench",
      COLUMNS("question|instruction", "", ""), SPLITS(gsm8k),
      .note = "seeds of genre math: under 500 characters; the first 1,000 train, the next test" },
    { HUB("iamtarun/python_code_instructions_18k_alpaca"), NO_CONFIG, .kind = "instructions",
      .evals = "axbench", COLUMNS("instruction", "", ""), SPLITS(python_code),
      .note = "seeds of genre code: no input, under 500 characters; the first 1,000 train, the next test" },
};
const int dataset_table_n = COUNT(dataset_table);

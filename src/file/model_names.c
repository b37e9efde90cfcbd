/* model_names.c: short names of models. A repository is also known by the part of its name behind the slash, in any case, which is
 * how TransformerLens and Neuronpedia call most of them; the exceptions are aliases. */
#include <string.h>
#include <strings.h>

#include "file/name.h"

/* In the order of bytes. */
static const char *const repositories[] = {
    "EleutherAI/pythia-1.4b",
    "EleutherAI/pythia-1.4b-deduped",
    "EleutherAI/pythia-12b",
    "EleutherAI/pythia-12b-deduped",
    "EleutherAI/pythia-14m",
    "EleutherAI/pythia-160m",
    "EleutherAI/pythia-160m-deduped",
    "EleutherAI/pythia-1b",
    "EleutherAI/pythia-1b-deduped",
    "EleutherAI/pythia-2.8b",
    "EleutherAI/pythia-2.8b-deduped",
    "EleutherAI/pythia-31m",
    "EleutherAI/pythia-410m",
    "EleutherAI/pythia-410m-deduped",
    "EleutherAI/pythia-6.9b",
    "EleutherAI/pythia-6.9b-deduped",
    "EleutherAI/pythia-70m",
    "EleutherAI/pythia-70m-deduped",
    "Qwen/Qwen2-0.5B",
    "Qwen/Qwen2-0.5B-Instruct",
    "Qwen/Qwen2-1.5B",
    "Qwen/Qwen2-1.5B-Instruct",
    "Qwen/Qwen2-7B",
    "Qwen/Qwen2-7B-Instruct",
    "Qwen/Qwen2.5-0.5B",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "Qwen/Qwen2.5-1.5B",
    "Qwen/Qwen2.5-1.5B-Instruct",
    "Qwen/Qwen2.5-14B",
    "Qwen/Qwen2.5-14B-Instruct",
    "Qwen/Qwen2.5-32B",
    "Qwen/Qwen2.5-32B-Instruct",
    "Qwen/Qwen2.5-3B",
    "Qwen/Qwen2.5-3B-Instruct",
    "Qwen/Qwen2.5-7B",
    "Qwen/Qwen2.5-7B-Instruct",
    "Qwen/Qwen3-0.6B",
    "Qwen/Qwen3-0.6B-Base",
    "Qwen/Qwen3-1.7B",
    "Qwen/Qwen3-1.7B-Base",
    "Qwen/Qwen3-14B",
    "Qwen/Qwen3-14B-Base",
    "Qwen/Qwen3-4B",
    "Qwen/Qwen3-4B-Base",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-8B-Base",
    "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    "distilgpt2",
    "google/gemma-2-27b",
    "google/gemma-2-27b-it",
    "google/gemma-2-2b",
    "google/gemma-2-2b-it",
    "google/gemma-2-9b",
    "google/gemma-2-9b-it",
    "google/gemma-2b",
    "google/gemma-2b-it",
    "google/gemma-3-12b-it",
    "google/gemma-3-12b-pt",
    "google/gemma-3-1b-it",
    "google/gemma-3-1b-pt",
    "google/gemma-3-270m",
    "google/gemma-3-270m-it",
    "google/gemma-3-27b-it",
    "google/gemma-3-27b-pt",
    "google/gemma-3-4b-it",
    "google/gemma-3-4b-pt",
    "google/gemma-7b",
    "google/gemma-7b-it",
    "gpt2",
    "gpt2-large",
    "gpt2-medium",
    "gpt2-xl",
    "meta-llama/Llama-3.1-8B",
    "meta-llama/Llama-3.1-8B-Instruct",
    "meta-llama/Llama-3.2-1B",
    "meta-llama/Llama-3.2-1B-Instruct",
    "meta-llama/Llama-3.2-3B",
    "meta-llama/Llama-3.2-3B-Instruct",
    "meta-llama/Llama-3.3-70B-Instruct",
    "meta-llama/Meta-Llama-3-8B",
    "meta-llama/Meta-Llama-3-8B-Instruct",
    "mistralai/Mistral-7B-Instruct-v0.1",
    "mistralai/Mistral-7B-v0.1",
};
enum { N_REPOSITORIES = sizeof repositories / sizeof *repositories };

static const char *const aliases[][2] = {
    { "gpt2-small", "gpt2" },
    { "distillgpt2", "distilgpt2" },
    { "pythia", "EleutherAI/pythia-70m" },
    { "gemma-3-1b", "google/gemma-3-1b-pt" },
    { "gemma-3-4b", "google/gemma-3-4b-pt" },
    { "gemma-3-12b", "google/gemma-3-12b-pt" },
    { "gemma-3-27b", "google/gemma-3-27b-pt" },
    { "llama-3-8b", "meta-llama/Meta-Llama-3-8B" },
    { "llama3-8b", "meta-llama/Meta-Llama-3-8B" },
    { "llama3-8b-it", "meta-llama/Meta-Llama-3-8B-Instruct" },
    { "llama3.1-8b", "meta-llama/Llama-3.1-8B" },
    { "llama3.1-8b-it", "meta-llama/Llama-3.1-8B-Instruct" },
    { "llama3.3-70b-it", "meta-llama/Llama-3.3-70B-Instruct" },
    { "mistral-7b", "mistralai/Mistral-7B-v0.1" },
    { "mistral-7b-instruct", "mistralai/Mistral-7B-Instruct-v0.1" },
    { "qwen2.5-7b-it", "Qwen/Qwen2.5-7B-Instruct" },
};
enum { N_ALIASES = sizeof aliases / sizeof *aliases };

const char *model_known(int index)
{
    return index >= 0 && index < N_REPOSITORIES ? repositories[index] : NULL;
}

const char *model_short_name(const char *repo)
{
    const char *slash = strrchr(repo, '/');
    return slash ? slash + 1 : repo;
}

/* Keeps the nearer one. Further apart than three letters is another word, not a misspelling. */
static void compare(const char **near, int *nearest, const char *wanted, const char *name)
{
    int distance = edit_distance(wanted, name);
    if (distance >= *nearest) return;
    *nearest = distance;
    *near = name;
}

const char *model_repository(const char *name, const char **near)
{
    int nearest = 3;
    *near = NULL;
    for (size_t i = 0; i < N_ALIASES; i++) {
        if (strcasecmp(name, aliases[i][0]) == 0) return aliases[i][1];
        compare(near, &nearest, name, aliases[i][0]);
    }
    for (size_t i = 0; i < N_REPOSITORIES; i++) {
        if (strcasecmp(name, model_short_name(repositories[i])) == 0 ||
            strcasecmp(name, repositories[i]) == 0)
            return repositories[i];
        compare(near, &nearest, name, model_short_name(repositories[i]));
    }
    return NULL;
}

/* hub.h: finding what is already on this machine: paths, shipped assets and the Hugging Face hub cache (spec/models.md 5.4).
 * Read only; nothing here touches the network. */
#ifndef HOOKE_FILE_HUB_H
#define HOOKE_FILE_HUB_H

#include "file/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HUB_COMMIT_DIGITS = 40 };
bool hub_is_commit(const char *s); /* 40 hex digits in lower case */
/* "org/name" or "name" (a model's), either with "datasets/" before it. */
bool hub_is_repo(const char *repo);
bool hub_is_dataset(const char *repo);
const char *hub_repo_id(const char *repo); /* without "datasets/" */
bool hub_is_revision(const char *revision);
/* A file's path inside a repository, which leads nowhere else. */
bool hub_is_path(const char *path);
/* Appends the repository's folder name in the cache: "models--org--name". */
hooke_status hub_repo_name(hooke_text *out, const char *repo);

/* A path from the environment: a leading ~ and variables are expanded, as the hub's own client does. out is replaced. */
hooke_status hub_expand(hooke_text *out, const char *path, const char *tail);

/* Folder of the hub cache: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, ~/.cache/... */
hooke_status hub_cache_folder(hooke_text *out);
/* Snapshot folder of a repository at a revision ("main", a commit). HOOKE_E_NOT_FOUND says where it looked. */
hooke_status hub_snapshot(hooke_text *out, const char *repo, const char *revision);

#ifdef __cplusplus
}
#endif
#endif

/* hub.h: finding what is already on this machine: paths, shipped assets and the Hugging Face hub cache (spec/models.md 5.4).
 * Read only; nothing here touches the network. */
#ifndef HOOKE_FILE_HUB_H
#define HOOKE_FILE_HUB_H

#include "file/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Folder of the hub cache: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, ~/.cache/... */
hooke_status hub_cache_folder(hooke_text *out);
/* Snapshot folder of repo ("org/name" or "name") at a revision ("main", a commit). HOOKE_E_NOT_FOUND says where it looked. */
hooke_status hub_snapshot(hooke_text *out, const char *repo, const char *revision);

#ifdef __cplusplus
}
#endif
#endif

/* datasets.h: the data sets that evaluations read, brought into the hub cache. */
#ifndef HOOKE_CLI_DATASETS_H
#define HOOKE_CLI_DATASETS_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "hf:datasets/ORG/NAME@REVISION". */
const char *dataset_hub_name(const hooke_dataset_info *d);
/* Pulls the files of every split of a data set that lies on the hub. HOOKE_E_NOT_FOUND without a message: it has none of them. */
hooke_status dataset_pull(hooke_pulled **out, const hooke_dataset_info *d, const hooke_pull_options *options);

#ifdef __cplusplus
}
#endif
#endif

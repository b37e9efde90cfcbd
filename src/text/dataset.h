/* dataset.h: the table of data sets, and which files of it are on this machine. */
#ifndef HOOKE_TEXT_DATASET_H
#define HOOKE_TEXT_DATASET_H

#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* dataset_table.c; the probes' problems are in dataset_probes.c, labels and problem sets in dataset_labels.c. */
extern const hooke_dataset_info dataset_table[];
extern const int dataset_table_n;

extern const hooke_problem_set dataset_problems[];
extern const int dataset_problems_n;
extern const hooke_scr_pair dataset_scr_pairs[];
extern const int dataset_scr_pairs_n;

enum { N_PROFESSIONS = 28, N_AMAZON_CATEGORIES = 34, N_SAE_PROBES = 113 };
extern const hooke_label professions[N_PROFESSIONS], genders[2];
extern const hooke_label amazon_categories[N_AMAZON_CATEGORIES], amazon_ratings[2];
extern const hooke_label news_topics[4], code_languages[5], europarl_languages[5], choice_letters[4];
extern const hooke_dataset_split sae_probes_splits[N_SAE_PROBES];

#ifdef __cplusplus
}
#endif
#endif

/* doctor.h: parts of the report. doctor.c: what is built in, assets; doctor_hub.c: hub, registry, data sets. */
#ifndef HOOKE_BENCH_DOCTOR_H
#define HOOKE_BENCH_DOCTOR_H

#include "file/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Members "hub", "registry", "datasets" of the report. */
void doctor_write_hub(struct json_writer *w);
void doctor_write_registry(struct json_writer *w);
void doctor_write_datasets(struct json_writer *w);
/* Items of "missing": {"what", "needed_for", "fix"}. */
void doctor_missing(struct json_writer *w, const char *what, const char *needed_for, const char *fix);
void doctor_missing_hub(struct json_writer *w);

#ifdef __cplusplus
}
#endif
#endif

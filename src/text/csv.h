/* csv.h: comma-separated records (RFC 4180): fields may be quoted, quoted fields may hold commas, line ends and doubled quotes. */
#ifndef HOOKE_TEXT_CSV_H
#define HOOKE_TEXT_CSV_H

#include "text/pieces.h"
#include "text/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The next record's fields, which comma (',' or '\t') parts; empty lines are skipped. *got false at the end. Larger than max bytes
 * is HOOKE_E_UNSUPPORTED. *line, if not NULL, is the line where the record begins. */
hooke_status csv_record(struct source *s, char comma, struct pieces *fields, size_t max, bool *got,
                        int64_t *line);

#ifdef __cplusplus
}
#endif
#endif

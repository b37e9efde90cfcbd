/* clock.h: time and memory of this process. */
#ifndef HOOKE_BASE_CLOCK_H
#define HOOKE_BASE_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

double clock_seconds(void);       /* monotonic */
int64_t clock_epoch_millis(void); /* wall clock */
int64_t process_peak_rss_bytes(void);
int64_t process_rss_bytes(void);

#ifdef __cplusplus
}
#endif
#endif

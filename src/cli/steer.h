/* steer.h: features turned up and features taken out, as edits of a pass.
 *
 *   --steer D:F=S    x <- x + S * d_F, at every position but BOS; d_F is the decoder row as the dictionary gives it
 *   --ablate D:F     x <- x - (what F's activation adds to the reconstruction), at every position
 *   --vector FILE=S  x <- x + S * v
 *
 * Ablations come first, on the activations that the model made; additions at one site sum up. */
#ifndef HOOKE_CLI_STEER_H
#define HOOKE_CLI_STEER_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

struct steering {
    struct session *s;
    hooke_hook *hooks;
    size_t n_hooks, hooks_capacity;
    bool steer_bos;
    struct steer_entry *entries; /* for the same in words */
    size_t n_entries, entries_capacity;
};
struct steer_entry {
    const char *kind, *name; /* "steer", "ablate", "vector"; as typed */
    const char *site;
    double strength, norm; /* norm of the vector */
};

/* Each takes the texts as typed. The model is open. Returns 0 or the exit code. */
int steering_open(struct steering *t, struct session *s, const struct list *ablate, const struct list *steer,
                  const struct list *vectors, bool steer_bos);
void steering_close(struct steering *t);

#ifdef __cplusplus
}
#endif
#endif

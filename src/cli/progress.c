#include "cli/progress.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

/* The rate is that of the last few steps: what was done before (a download taken up again) came at another, or at none. Steps, not
 * seconds, so that work in large lumps has a rate, too. */
enum { STEPS = 32 };
#define STEP_S 0.25 /* steps are at least so far apart */

/* Standard error is one for the whole process, and so is its bar. */
static struct {
    bool on, shown;
    char what[64];
    int64_t last_done;
    double began, drawn; /* seconds */
    struct {
        double at;
        int64_t done;
    } steps[STEPS]; /* a ring: step k at k % STEPS */
    int64_t n_steps;
} bar;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void on_signal(int number)
{
    caught = 1;
    signal(number, SIG_DFL);
}

void progress_start(bool quiet)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    bar.on = !quiet && isatty(STDERR_FILENO);
}

bool interrupted(void)
{
    return caught != 0;
}

void progress_clear(void)
{
    if (bar.shown) fputs("\r\033[K", stderr);
    bar.shown = false;
}

static void put_time(char *out, size_t n, double seconds)
{
    long t = seconds < 359999 ? (long)seconds : 359999;
    if (t >= 3600)
        snprintf(out, n, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    else
        snprintf(out, n, "%02ld:%02ld", t / 60, t % 60);
}

static void put_count(char *out, size_t n, double count)
{
    if (count >= 1e9)
        snprintf(out, n, "%.1fG", count / 1e9);
    else if (count >= 1e6)
        snprintf(out, n, "%.1fM", count / 1e6);
    else if (count >= 1e4)
        snprintf(out, n, "%.1fk", count / 1e3);
    else
        snprintf(out, n, "%.0f", count);
}

static void note_step(double at, int64_t done)
{
    if (bar.n_steps > 0) {
        int64_t last = (bar.n_steps - 1) % STEPS;
        if (done <= bar.steps[last].done || at - bar.steps[last].at < STEP_S) return;
        /* many steps in the first second: much of them may have been there already */
        bool is_first_over = at - bar.began >= 1 && bar.steps[last].at - bar.began < 1;
        if (is_first_over && bar.n_steps > 1) bar.n_steps = 0;
    }
    bar.steps[bar.n_steps % STEPS].at = at;
    bar.steps[bar.n_steps++ % STEPS].done = done;
}

static double rate_at(double at, int64_t done)
{
    int64_t oldest = (bar.n_steps < STEPS ? 0 : bar.n_steps) % STEPS;
    double seconds = at - bar.steps[oldest].at;
    return seconds > 0 ? (double)(done - bar.steps[oldest].done) / seconds : 0;
}

static void draw(int64_t done, int64_t total, double elapsed, double per_s)
{
    enum { CELLS = 24 };
    char cells[CELLS + 1], spent[32], left[32] = "?", rate[32], count[32], whole[32];
    put_time(spent, sizeof spent, elapsed);
    put_count(rate, sizeof rate, per_s);
    put_count(count, sizeof count, (double)done);
    progress_clear();
    if (total <= 0) {
        fprintf(stderr, "%s: %s [%s, %s/s]", bar.what, count, spent, rate);
    } else {
        double fraction = done >= total ? 1 : (double)done / (double)total;
        int full = (int)(fraction * CELLS);
        for (int i = 0; i < CELLS; i++) cells[i] = i < full ? '#' : '.';
        cells[CELLS] = '\0';
        put_count(whole, sizeof whole, (double)total);
        if (per_s > 0) put_time(left, sizeof left, (double)(total - done) / per_s);
        fprintf(stderr, "%s: %3.0f%% %s %s/%s [%s<%s, %s/s]", bar.what, 100 * fraction, cells, count, whole,
                spent, left, rate);
    }
    fflush(stderr);
    bar.shown = true;
}

/* The hub's other clients show none when this is set. */
static bool is_silenced(const char *what)
{
    static const char *const words[] = { "1", "on", "yes", "true" };
    const char *value = strcmp(what, "pull") == 0 ? getenv("HF_HUB_DISABLE_PROGRESS_BARS") : NULL;
    for (size_t i = 0; value && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0) return true;
    return false;
}

int progress_report(void *payload, const char *what, int64_t done, int64_t total)
{
    (void)payload;
    if (bar.on && !is_silenced(what)) {
        double t = now();
        if (strncmp(bar.what, what, sizeof bar.what - 1) != 0 || done < bar.last_done) {
            snprintf(bar.what, sizeof bar.what, "%s", what);
            bar.began = bar.drawn = t; /* short work never shows a bar */
            bar.n_steps = 0;
        }
        note_step(t, done);
        bar.last_done = done;
        if (t - bar.drawn > 0.2) {
            bar.drawn = t;
            draw(done, total, t - bar.began, rate_at(t, done));
        }
        if (total > 0 && done >= total) progress_clear();
    }
    return caught != 0;
}

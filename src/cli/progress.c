#include "cli/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

/* Standard error is one for the whole process, and so is its bar. */
static struct {
    bool on, shown;
    char what[64];
    int64_t last_done;
    double began, drawn; /* seconds */
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

static void draw(int64_t done, int64_t total, double elapsed)
{
    enum { CELLS = 24 };
    char cells[CELLS + 1], spent[32], left[32] = "?", rate[32], count[32], whole[32];
    double per_s = elapsed > 0 ? (double)done / elapsed : 0;
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

int progress_report(void *payload, const char *what, int64_t done, int64_t total)
{
    (void)payload;
    if (bar.on) {
        double t = now();
        if (strncmp(bar.what, what, sizeof bar.what - 1) != 0 || done < bar.last_done) {
            snprintf(bar.what, sizeof bar.what, "%s", what);
            bar.began = bar.drawn = t; /* short work never shows a bar */
        }
        bar.last_done = done;
        if (t - bar.drawn > 0.2) {
            bar.drawn = t;
            draw(done, total, t - bar.began);
        }
        if (total > 0 && done >= total) progress_clear();
    }
    return caught != 0;
}

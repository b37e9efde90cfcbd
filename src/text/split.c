/* split.c: from matches to words. */
#include "text/normalizer.h"
#include "text/pretokenizer.h"

struct part {
    size_t n;
    bool is_match;
};

/* The part that begins at s: a match or what lies before the next one. */
static struct part next_part(const struct split *split, const char *s, size_t n)
{
    struct part part;
    if (split->scan) {
        part.n = split->scan(s, n);
        part.is_match = true;
    } else {
        const char *hit = find_bytes(s, n, split->pattern);
        part.is_match = hit == s;
        part.n = part.is_match ? split->pattern.n : hit ? (size_t)(hit - s) : n;
    }
    part.is_match ^= split->invert;
    return part;
}

/* Does a part begin a new word, given the part before it? */
static bool begins_word(enum split_behavior behavior, bool has_previous, bool previous_is_match,
                        bool is_match)
{
    if (!has_previous) return true;
    switch (behavior) {
    case SPLIT_REMOVED:
    case SPLIT_ISOLATED:
        return true;
    case SPLIT_WITH_PREVIOUS:
        return !(is_match && !previous_is_match);
    case SPLIT_WITH_NEXT:
        return !(previous_is_match && !is_match);
    case SPLIT_CONTIGUOUS:
        return is_match != previous_is_match;
    }
    return true;
}

hooke_status split_text(const struct split *split, struct pieces *out, const char *s, size_t n)
{
    bool has_previous = false, previous_is_match = false;
    size_t open = out->text.n; /* where the word in the making begins */
    while (n) {
        struct part part = next_part(split, s, n);
        bool is_dropped = split->behavior == SPLIT_REMOVED && part.is_match;
        if (begins_word(split->behavior, has_previous, previous_is_match, part.is_match) &&
            out->text.n > open) {
            RETURN_IF_ERROR(pieces_end(out));
            open = out->text.n;
        }
        if (!is_dropped) RETURN_IF_ERROR(text_append(&out->text, s, part.n));
        has_previous = true;
        previous_is_match = part.is_match;
        s += part.n;
        n -= part.n;
    }
    return out->text.n > open ? pieces_end(out) : HOOKE_OK;
}

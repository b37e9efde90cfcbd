#!/bin/sh
# What `make install` leaves works away from the tree: the program wherever the prefix was moved, the library from C and C++
# through pkg-config. Prints what failed.
set -eu
cd "$(dirname "$0")/../.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
make -s install DESTDIR="$place/made" >/dev/null
prefix=$place/moved
mv "$place/made/usr/local" "$prefix"
cat >"$place/use.c" <<'C'
#include <hooke.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    hooke_context *ctx;
    hooke_model *model;
    hooke_ids ids = { 0 };
    if (hooke_context_open(&ctx, NULL) != HOOKE_OK || hooke_model_open(&model, ctx, "micro", NULL) != HOOKE_OK ||
        hooke_tokenizer_encode(hooke_model_tokenizer(model), &ids, "Hello", 5, HOOKE_ADD_SPECIAL) != HOOKE_OK) {
        fprintf(stderr, "%s\n", hooke_error());
        return 1;
    }
    printf("%d %s\n", (int)ids.n, hooke_model_get_info(model)->architecture);
    hooke_ids_release(&ids);
    hooke_model_close(model);
    hooke_context_close(ctx);
    return strcmp(hooke_version(), HOOKE_VERSION) != 0;
}
C
cp "$place/use.c" "$place/use.cc"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib" HOOKE_DATA="$prefix/share/hooke"
flags="$(pkg-config --define-variable=prefix="$prefix" --cflags --libs hooke)"
${CC:-gcc} -std=c11 -Wall -Werror "$place/use.c" -o "$place/use_c" $flags
"$place/use_c" >/dev/null
${CC:-gcc} -std=c11 "$place/use.c" -o "$place/use_static" -I"$prefix/include" "$prefix/lib/libhooke.a" \
    $(pkg-config --static --libs-only-l hooke | sed 's/-lhooke//') -fopenmp
"$place/use_static" >/dev/null
if command -v g++ >/dev/null; then
    g++ -std=c++17 -Wall -Werror "$place/use.cc" -o "$place/use_cc" $flags
    "$place/use_cc" >/dev/null
fi
unset HOOKE_DATA
mkdir "$place/desk" && cd "$place/desk"
"$prefix/bin/hooke" demo -q | grep -q 'CE loss score'

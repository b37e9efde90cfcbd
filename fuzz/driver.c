/* driver.c: replays saved inputs through a fuzz target where there is no libFuzzer. Arguments are files and folders; a crash or a
 * sanitizer's report is the verdict. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static long n_inputs;

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    long n = -1;
    if (f && fseek(f, 0, SEEK_END) == 0) n = ftell(f);
    if (n < 0 || fseek(f, 0, SEEK_SET) != 0) {
        fprintf(stderr, "%s: cannot be read\n", path);
        if (f) fclose(f);
        return 1;
    }
    uint8_t *data =
        malloc(n ? (size_t)n : 1); /* of the exact size: a sanitizer sees the first byte past it */
    size_t got = data ? fread(data, 1, (size_t)n, f) : 0;
    fclose(f);
    if (data && got == (size_t)n) LLVMFuzzerTestOneInput(data, (size_t)n);
    free(data);
    n_inputs++;
    return got == (size_t)n ? 0 : 1;
}

static int replay(const char *path)
{
    char inner[4096];
    struct stat info;
    if (stat(path, &info) != 0) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(info.st_mode)) return replay_file(path);
    DIR *d = opendir(path);
    int rc = d ? 0 : 1;
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        int length = snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        rc |= length < (int)sizeof inner ? replay(inner) : 1;
    }
    if (d) closedir(d);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = 0;
    for (int i = 1; i < argc; i++) rc |= replay(argv[i]);
    printf("%ld inputs replayed\n", n_inputs);
    return rc;
}

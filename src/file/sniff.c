#include "file/sniff.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static const struct {
    const char *begin;
    size_t n;
    const char *what;
} signatures[] = {
    { "PK\3\4", 4, "a ZIP archive (.npz, or PyTorch's .pt)" },
    { "PK\5\6", 4, "an empty ZIP archive" },
    { "\x93NUMPY", 6, "a numpy array (.npy)" },
    { "GGUF", 4, "a GGUF file" },
    { "\x1F\x8B", 2, "gzip data; unpack it first" },
    { "\x28\xB5\x2F\xFD", 4, "Zstandard data; unpack it first" },
    { "\xFD"
      "7zXZ",
      5, "xz data; unpack it first" },
    { "BZh", 3, "bzip2 data; unpack it first" },
    { "PAR1", 4, "a Parquet file: rows of text or numbers, which --text FILE reads" },
    { "\x89HDF", 4, "an HDF5 file" },
    { "\x7F"
      "ELF",
      4, "a program or library" },
    { "version https://git-lfs", 23,
      "a Git LFS pointer, not the file itself; 'git lfs pull' in its folder fetches that" },
    { "\x89PNG\r\n", 6, "a picture (PNG)" },
    { "\xFF\xD8\xFF", 3, "a picture (JPEG)" },
    { "GIF8", 4, "a picture (GIF)" },
    { "%PDF-", 5, "a PDF document" },
    { "SQLite format 3", 16, "an SQLite database" },
    { "ARROW1", 6, "an Arrow file; Parquet, JSON lines and CSV are read" },
    { "\xFF\xFF\xFF\xFF", 4, "an Arrow stream; Parquet, JSON lines and CSV are read" },
    { "\xFF\xFE", 2, "UTF-16 text; make it UTF-8: iconv -f UTF-16 -t UTF-8" },
    { "\xFE\xFF", 2, "UTF-16 text; make it UTF-8: iconv -f UTF-16 -t UTF-8" },
    { "7z\xBC\xAF\x27\x1C", 6, "a 7z archive; unpack it first" },
    { "Rar!\x1A\7", 6, "a RAR archive; unpack it first" },
    { "\x04\x22\x4D\x18", 4, "LZ4 data; unpack it first" },
    { "lmgg", 4, "a GGML file from before GGUF; convert it with llama.cpp" },
    { "fmgg", 4, "a GGML file from before GGUF; convert it with llama.cpp" },
    { "tjgg", 4, "a GGML file from before GGUF; convert it with llama.cpp" },
    { "\x80\2", 2, "a Python pickle (PyTorch before 1.6?): load it with PyTorch and save it again" },
    { "\x80\3", 2, "a bare Python pickle; PyTorch's own archives (.pt) and safetensors are read" },
    { "\x80\4", 2, "a bare Python pickle; PyTorch's own archives (.pt) and safetensors are read" },
    { "\x80\5", 2, "a bare Python pickle; PyTorch's own archives (.pt) and safetensors are read" },
};

static bool is_text(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((p[i] < 0x20 && p[i] != '\n' && p[i] != '\r' && p[i] != '\t') || p[i] == 0x7F) return false;
    return n - utf8_valid_prefix((const char *)p, n) < 4; /* the cut may split a character */
}

static bool is_tar(const unsigned char *p, size_t n)
{
    enum { MAGIC_AT = 257 };
    return n >= MAGIC_AT + 5 && memcmp(p + MAGIC_AT, "ustar", 5) == 0;
}

const char *known_kind(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (n >= signatures[i].n && memcmp(p, signatures[i].begin, signatures[i].n) == 0)
            return signatures[i].what;
    if (is_tar(p, n)) return "a tar archive; unpack it first";
    if (n >= 12 && memcmp(p, "RIFF", 4) == 0)
        return memcmp(p + 8, "WEBP", 4) == 0 ? "a picture (WebP)" : "sound or video (RIFF)";
    if (n > 8 && p[8] == '{' && p[7] == 0 && p[6] == 0 && p[5] == 0) return "a safetensors file";
    return NULL;
}

const char *looks_like(const unsigned char *p, size_t n)
{
    if (n == 0) return "an empty file";
    const char *kind = known_kind(p, n);
    if (kind) return kind;
    if (n > 256) n = 256;
    bool all_zero = true;
    for (size_t i = 0; i < n; i++) all_zero = all_zero && p[i] == 0;
    if (all_zero) return "zeros: a download that was cut off?";
    if (!is_text(p, n)) return "unknown binary data";
    const char *s = (const char *)p;
    while (n > 0 && strchr(" \t\r\n", *s)) s++, n--;
    if ((n >= 9 && strncasecmp(s, "<!doctype", 9) == 0) || (n >= 5 && strncasecmp(s, "<html", 5) == 0))
        return "a web page: an error message saved in place of the file?";
    if (n > 0 && (*s == '{' || *s == '[')) return "JSON text";
    return "plain text";
}

/* Runs a fuzz target without a fuzzer: over each file of a corpus, each of its prefixes that no
 * other file has, and mutations of it drawn from a fixed seed. What it runs is the same in every
 * build, so it is an ordinary test.
 *
 *   fuzz_NAME CORPUS [MUTATIONS]      mutations a file, 500 unless told */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/base.h"
#include "sim/core/buf.h"
#include "sim/core/map.h"
#include "sim/core/rng.h"
#include "tests/fuzz/fuzz.h"

struct input {
    uint8_t *data;
    size_t len;
};

/* A copy of exactly `len` octets, so that AddressSanitizer sees a read of the next one. */
static void run(const uint8_t *data, size_t len)
{
    uint8_t *copy = mem_alloc(len == 0 ? 1 : len);
    memcpy(copy, data, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void read_file(const char *folder, const char *name, struct input *ret)
{
    char *path = mem_printf("%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(4);
    }
    long len = ftell(f);
    rewind(f);
    ret->len = len < 0 ? 0 : (size_t)len;
    ret->data = mem_alloc(ret->len + 1);
    CHECK(fread(ret->data, 1, ret->len, f) == ret->len);
    fclose(f);
    free(path);
}

/* Changes, removes, repeats or inserts octets in place; `data` has room for twice `len` and 16. */
static size_t mutate(uint8_t *data, size_t len, struct rng *rng)
{
    size_t changes = 1 + rng_below(rng, 4);
    for (size_t i = 0; i < changes && len != 0; i++) {
        size_t at = rng_below(rng, len);
        size_t span = 1 + rng_below(rng, len - at < 16 ? len - at : 16);
        switch (rng_below(rng, 4)) {
        case 0:
            data[at] ^= (uint8_t)(1U << rng_below(rng, 8));
            break;
        case 1:
            data[at] = (uint8_t)rng_below(rng, 256);
            break;
        case 2:
            memmove(data + at, data + at + span, len - at - span);
            len -= span;
            break;
        case 3:
            if (i < 2) {
                memmove(data + at + span, data + at, len - at);
                len += span;
            }
            break;
        }
    }
    return len;
}

/* Runs the first `len` octets, unless those of another file were the same; returns how often. */
static uint64_t run_once(struct map *seen, const struct input *in, size_t len)
{
    uint64_t digest = span_digest(len, span_of(in->data, len));
    uint64_t value;
    if (map_get(seen, digest, &value)) {
        return 0;
    }
    map_set(seen, digest, 1);
    run(in->data, len);
    return 1;
}

static uint64_t replay(struct map *seen, const struct input *in, const char *name,
                       uint64_t mutations)
{
    struct rng rng;
    rng_init(&rng, 1, name, "mutations");
    uint64_t runs = 0;
    /* Long files are cut at 1,000 places only. */
    size_t stride = in->len / 1000 + 1;
    for (size_t len = 0; len < in->len; len += stride) {
        runs += run_once(seen, in, len);
    }
    runs += run_once(seen, in, in->len);
    uint8_t *work = mem_alloc(2 * in->len + 64);
    for (uint64_t i = 0; i < mutations; i++, runs++) {
        memcpy(work, in->data, in->len);
        run(work, mutate(work, in->len, &rng));
    }
    free(work);
    return runs;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS [MUTATIONS]\n", argv[0]);
        return 3;
    }
    uint64_t mutations = argc > 2 ? strtoull(argv[2], NULL, 10) : 500;
    struct dirent **names;
    int count = scandir(argv[1], &names, NULL, alphasort);
    uint64_t runs = 0;
    struct map seen = {0}; /* digests of prefixes */
    int files = 0;
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            struct input in;
            read_file(argv[1], names[i]->d_name, &in);
            runs += replay(&seen, &in, names[i]->d_name, mutations);
            files++;
            free(in.data);
        }
        free(names[i]);
    }
    map_fini(&seen);
    if (count >= 0) {
        free(names);
    }
    printf("%d files, %llu inputs\n", files, (unsigned long long)runs);
    return files > 0 ? 0 : 1; /* an empty corpus tests nothing */
}

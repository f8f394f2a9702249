#include "base/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"

struct Sha256 { EVP_MD_CTX *context; };

Sha256 *sha256_begin(void) {
    Sha256 *state = mem_alloc(1, sizeof *state);
    state->context = EVP_MD_CTX_new();
    int ok = state->context != NULL && EVP_DigestInit_ex(state->context, EVP_sha256(), NULL);
    assert(ok);
    (void)ok;
    return state;
}

void sha256_add(Sha256 *state, const void *bytes, size_t count) { EVP_DigestUpdate(state->context, bytes, count); }

Sha256Hex sha256_end(Sha256 *state) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    EVP_DigestFinal_ex(state->context, digest, &n);
    EVP_MD_CTX_free(state->context);
    mem_free(state);
    Sha256Hex hex;
    for (unsigned int i = 0; i < 32; i++) snprintf(hex.text + 2 * i, 3, "%02x", digest[i]);
    return hex;
}

Sha256Hex sha256_bytes(const void *bytes, size_t count) {
    Sha256 *state = sha256_begin();
    sha256_add(state, bytes, count);
    return sha256_end(state);
}

bool sha256_file(const char *path, Sha256Hex *out, Error *error) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return error_set_errno(error, "%s", path);
    Sha256 *state = sha256_begin();
    char *block = mem_alloc(1 << 16, 1);
    size_t n;
    while ((n = fread(block, 1, 1 << 16, file)) > 0) sha256_add(state, block, n);
    bool ok = !ferror(file) || error_set_errno(error, "%s: reading", path);
    fclose(file);
    mem_free(block);
    *out = sha256_end(state);
    return ok;
}

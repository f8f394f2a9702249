#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>
#include "base/mem.h"

#define READ_BYTES ((size_t)1 << 20)

struct Sha256 {
    EVP_MD_CTX *context;
};

// libcrypto fails here only when it is out of memory (SHA-256 is in every build of it).
static void need(int ok) {
    if (!ok) mem_out_of_memory(0);
}

Sha256 *sha256_begin(void) {
    Sha256 *state = mem_alloc(1, sizeof *state);
    state->context = EVP_MD_CTX_new();
    need(state->context != NULL);
    need(EVP_DigestInit_ex(state->context, EVP_sha256(), NULL));
    return state;
}

void sha256_add(Sha256 *state, const void *bytes, size_t count) {
    if (count > 0) need(EVP_DigestUpdate(state->context, bytes, count));
}

Sha256Hex sha256_end(Sha256 *state) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    need(EVP_DigestFinal_ex(state->context, digest, &length) && length == 32);
    EVP_MD_CTX_free(state->context);
    mem_free(state);
    Sha256Hex hex;
    for (int i = 0; i < 32; i++) {
        hex.text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex.text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex.text[64] = '\0';
    return hex;
}

Sha256Hex sha256_bytes(const void *bytes, size_t count) {
    Sha256 *state = sha256_begin();
    sha256_add(state, bytes, count);
    return sha256_end(state);
}

bool sha256_file(const char *path, Sha256Hex *out, Error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    Sha256 *state = sha256_begin();
    char *block = mem_alloc(READ_BYTES, 1);
    ssize_t count;
    while ((count = read(fd, block, READ_BYTES)) != 0) {
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        sha256_add(state, block, (size_t)count);
    }
    bool ok = count == 0 || error_set_errno(error, "%s", path);
    mem_free(block);
    Sha256Hex hex = sha256_end(state);
    if (ok) *out = hex;
    close(fd);
    return ok;
}

// SHA-256 through OpenSSL's libcrypto, of bytes and of files, as 64 lower-case hex digits.
#ifndef RLT_BASE_HASH_H
#define RLT_BASE_HASH_H

#include <stddef.h>
#include "base/error.h"

typedef struct Sha256Hex { char text[65]; } Sha256Hex;

typedef struct Sha256 Sha256;
Sha256 *sha256_begin(void);
void sha256_add(Sha256 *state, const void *bytes, size_t count);
Sha256Hex sha256_end(Sha256 *state); // frees it

Sha256Hex sha256_bytes(const void *bytes, size_t count);
MUST_CHECK bool sha256_file(const char *path, Sha256Hex *out, Error *error);

#endif

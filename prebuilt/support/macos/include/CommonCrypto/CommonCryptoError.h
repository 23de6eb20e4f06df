/* The status that CommonCrypto's functions answer with; ../../README.md says why it is here. */
#ifndef OXIDIZE_COMMON_CRYPTO_ERROR_H
#define OXIDIZE_COMMON_CRYPTO_ERROR_H

#include <stdint.h>

typedef int32_t CCStatus;
typedef int32_t CCCryptorStatus;

enum { kCCSuccess = 0 };

#endif

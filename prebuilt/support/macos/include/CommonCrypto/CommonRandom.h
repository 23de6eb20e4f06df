/* The system's random numbers, macOS 10.10 and later. */
#ifndef OXIDIZE_COMMON_RANDOM_H
#define OXIDIZE_COMMON_RANDOM_H

#include <CommonCrypto/CommonCryptoError.h>
#include <stddef.h>

typedef CCCryptorStatus CCRNGStatus;

CCRNGStatus CCRandomGenerateBytes(void *bytes, size_t count);

#endif

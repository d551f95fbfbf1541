// SHA-256 without memory of its own. EVP_DigestInit of OpenSSL 3.0 allocates at each call; what does not is deprecated,
// and therefore not part of COpenSSL.
#ifndef PORTCULLIS_CDIGEST_SHIM_H
#define PORTCULLIS_CDIGEST_SHIM_H

#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/sha.h>

#endif

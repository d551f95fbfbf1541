// What Swift's importer can't see of OpenSSL's headers: macros. One `static inline` each, no logic. Calls that
// OpenSSL 3 deprecates don't exist here.
#ifndef PORTCULLIS_COPENSSL_SHIM_H
#define PORTCULLIS_COPENSSL_SHIM_H

#define OPENSSL_API_COMPAT 30000
#define OPENSSL_NO_DEPRECATED

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static inline long portcullis_bio_memory(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }
static inline int portcullis_bignum_count(const BIGNUM *number) { return BN_num_bytes(number); }

enum { portcullis_key_pair = EVP_PKEY_KEYPAIR, portcullis_key_public = EVP_PKEY_PUBLIC_KEY };

// Answers "no passphrase" instead of asking at the terminal.
static inline int portcullis_no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer; (void)size; (void)writing; (void)context;
    return -1;
}

#endif

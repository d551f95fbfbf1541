// Makes what the identity scenarios need, into a folder:
//
//   tokens FOLDER COUNT
//
// `tokens` has COUNT different RS256 access tokens, one a line; `one-token` the first of them, `some-tokens` the first
// 10,000; `public.pem` and `jwks.json` are the public half of their key; `signing.pem` is a P-256 private key for the
// gateway's own tokens.

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SOME = 10000, LIFE_SECONDS = 7 * 86400, TEXT_MAX = 4096 };

static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"bench\"}";

static void check(int fine, const char *what) {
    if (fine) return;
    fprintf(stderr, "tokens: cannot %s\n", what);
    exit(1);
}

static FILE *created(const char *folder, const char *name) {
    char path[TEXT_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    check(file != NULL, path);
    return file;
}

static size_t base64url(char *out, const unsigned char *bytes, size_t count) {
    size_t length = (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)count);
    while (length > 0 && out[length - 1] == '=') length--;
    for (size_t i = 0; i < length; i++) {
        if (out[i] == '+') out[i] = '-';
        if (out[i] == '/') out[i] = '_';
    }
    out[length] = 0;
    return length;
}

static void write_public(EVP_PKEY *key, const char *folder) {
    FILE *pem = created(folder, "public.pem"), *set = created(folder, "jwks.json");
    check(PEM_write_PUBKEY(pem, key), "write the public key");
    fclose(pem);
    BIGNUM *modulus = NULL;
    check(EVP_PKEY_get_bn_param(key, "n", &modulus), "read the modulus");
    unsigned char bytes[512];
    char text[1024];
    base64url(text, bytes, (size_t)BN_bn2bin(modulus, bytes));
    fprintf(set, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"bench\",\"alg\":\"RS256\",\"use\":\"sig\",\"e\":\"AQAB\","
                 "\"n\":\"%s\"}]}\n", text);
    fclose(set);
    BN_free(modulus);
}

static void write_signing(const char *folder) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *pem = created(folder, "signing.pem");
    check(key && PEM_write_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL), "write the signing key");
    fclose(pem);
    EVP_PKEY_free(key);
}

// Writes one token with a line feed into `out`; returns its length.
static size_t make_token(EVP_PKEY *key, long number, long now, char *out) {
    char claims[TEXT_MAX];
    int count = snprintf(claims, sizeof claims,
        "{\"iss\":\"https://sso.bench.test\",\"sub\":\"user-%ld@bank-a\",\"aud\":\"bank-api\",\"azp\":\"mobile-app\","
        "\"iat\":%ld,\"exp\":%ld,\"jti\":\"%ld\",\"user_id\":\"%ld\",\"tenant\":\"bank-a\","
        "\"scope\":\"openid profile read transfer\",\"email\":\"user-%ld@bank-a.example.com\","
        "\"realm_access\":{\"roles\":[\"customer\",\"offline_access\"]}}",
        number, now, now + LIFE_SECONDS, number, number, number);
    size_t length = base64url(out, (const unsigned char *)header, sizeof header - 1);
    out[length++] = '.';
    length += base64url(out + length, (const unsigned char *)claims, (size_t)count);
    unsigned char signature[512];
    size_t size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    check(context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1
          && EVP_DigestSign(context, signature, &size, (const unsigned char *)out, length) == 1, "sign");
    EVP_MD_CTX_free(context);
    out[length++] = '.';
    length += base64url(out + length, signature, size);
    out[length++] = '\n';
    return length;
}

int main(int argc, char **argv) {
    if (argc != 3 || atol(argv[2]) < SOME) return 2;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    check(key != NULL, "make a key");
    write_public(key, argv[1]);
    write_signing(argv[1]);
    FILE *one = created(argv[1], "one-token"), *some = created(argv[1], "some-tokens");
    FILE *all = created(argv[1], "tokens");
    char text[TEXT_MAX * 2];
    long now = (long)time(NULL);
    for (long number = 0; number < atol(argv[2]); number++) {
        size_t length = make_token(key, number, now, text);
        if (number == 0) fwrite(text, 1, length, one);
        if (number < SOME) fwrite(text, 1, length, some);
        fwrite(text, 1, length, all);
    }
    check(fclose(one) == 0 && fclose(some) == 0 && fclose(all) == 0, "write the tokens");
    EVP_PKEY_free(key);
    return 0;
}

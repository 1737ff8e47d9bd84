/* A server that already uses OpenSSL and GnuTLS, both, before, between and after the calls.
 *
 *   two_libraries config domain
 *
 * Each call is made with work of both libraries around it, and with an error left in OpenSSL's queue, which is to stay there alone.
 * Prints what went wrong; the exit status is 0 where nothing did.
 */
#include <stdio.h>
#include <string.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include "story.h"

static SSL_CTX *openssl;
static gnutls_certificate_credentials_t credentials;

/* Whether both libraries hash the same, and make what a connection takes. */
static int both_work(void)
{
  unsigned char first[EVP_MAX_MD_SIZE], second[64], random[32];
  unsigned len = 0;
  gnutls_session_t session;
  SSL *ssl;
  int made;

  if (EVP_Digest("abc", 3, first, &len, EVP_sha256(), NULL) != 1 || len != 32) return 0;
  if (gnutls_hash_fast(GNUTLS_DIG_SHA256, "abc", 3, second) != 0 || memcmp(first, second, 32) != 0) return 0;
  if (RAND_bytes(random, sizeof random) != 1 || gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof random) != 0) return 0;
  ssl = SSL_new(openssl);
  made = ssl != NULL && gnutls_init(&session, GNUTLS_CLIENT) == 0;
  if (!made) return 0;
  made = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) == 0 && gnutls_set_default_priority(session) == 0;
  gnutls_deinit(session);
  SSL_free(ssl);
  return made;
}

int main(int argc, char **argv)
{
  struct story s;
  int i, status = 0;

  if (argc != 3) return 64;
  memset(&s, 0, sizeof s);
  s.config = argv[1];
  s.domain = argv[2];
  openssl = SSL_CTX_new(TLS_client_method());
  if (openssl == NULL || gnutls_global_init() != 0 || gnutls_certificate_allocate_credentials(&credentials) != 0) return 71;
  for (i = 0; story_steps[i].name != NULL; i++) {
    unsigned long left;
    ERR_clear_error();
    ERR_put_error(ERR_LIB_USER, 0, 7, __FILE__, __LINE__);
    left = ERR_peek_error();
    if (story_steps[i].run(&s) != story_steps[i].answer) status = printf("%s: another answer\n", story_steps[i].name);
    if (ERR_get_error() != left || ERR_peek_error() != 0) status = printf("%s: OpenSSL's errors\n", story_steps[i].name);
    if (!both_work()) status = printf("%s: what was there before\n", story_steps[i].name);
  }
  gnutls_certificate_free_credentials(credentials);
  gnutls_global_deinit();
  SSL_CTX_free(openssl);
  return status != 0;
}

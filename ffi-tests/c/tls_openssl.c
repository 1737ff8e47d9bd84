/* tls.h by OpenSSL. */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "tls.h"

struct tls_client {
  SSL_CTX *ctx;
};

struct tls_stream {
  SSL *ssl;
  unsigned char *der[MAX_CERTIFICATES];
};

/* A session in a file, as a server has it that shares sessions among its processes. It holds no chain. */
static int save_session(SSL *ssl, SSL_SESSION *session)
{
  FILE *f = fopen(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)), "wb");
  unsigned char *der = NULL;
  int len = i2d_SSL_SESSION(session, &der);
  if (f != NULL && len > 0) fwrite(der, 1, (size_t) len, f);
  if (f != NULL) fclose(f);
  OPENSSL_free(der);
  return 0;
}

static void load_session(SSL *ssl, const char *file)
{
  unsigned char der[16384];
  const unsigned char *p = der;
  FILE *f = fopen(file, "rb");
  size_t len = f != NULL ? fread(der, 1, sizeof der, f) : 0;
  SSL_SESSION *session = len > 0 ? d2i_SSL_SESSION(NULL, &p, (long) len) : NULL;
  if (f != NULL) fclose(f);
  if (session != NULL) SSL_set_session(ssl, session);
  SSL_SESSION_free(session);
}

tls_client *tls_open(const char *session_file)
{
  tls_client *client = malloc(sizeof *client);
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  if (client == NULL || ctx == NULL) {
    free(client);
    SSL_CTX_free(ctx);
    return NULL;
  }
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* the library will */
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* a resumed session shows no chain */
  if (session_file != NULL) {
    SSL_CTX_set_app_data(ctx, (char *) session_file);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, save_session);
  }
  client->ctx = ctx;
  return client;
}

void tls_close(tls_client *client)
{
  if (client != NULL) SSL_CTX_free(client->ctx);
  free(client);
}

tls_stream *tls_new(tls_client *client, int fd, const char *sni)
{
  tls_stream *s = calloc(1, sizeof *s);
  const char *session_file = SSL_CTX_get_app_data(client->ctx);
  if (s == NULL) return NULL;
  s->ssl = SSL_new(client->ctx);
  if (s->ssl == NULL || SSL_set_fd(s->ssl, fd) != 1 || (sni != NULL && SSL_set_tlsext_host_name(s->ssl, sni) != 1)) {
    tls_free(s);
    return NULL;
  }
  if (session_file != NULL) load_session(s->ssl, session_file);
  return s;
}

void tls_free(tls_stream *s)
{
  size_t i;
  if (s == NULL) return;
  for (i = 0; i < MAX_CERTIFICATES; i++) OPENSSL_free(s->der[i]);
  SSL_free(s->ssl);
  free(s);
}

int tls_handshake(tls_stream *s)
{
  int n, how;
  ERR_clear_error();
  if ((n = SSL_connect(s->ssl)) == 1) return TLS_UP;
  how = SSL_get_error(s->ssl, n);
  if (how == SSL_ERROR_WANT_READ) return TLS_READ;
  if (how == SSL_ERROR_WANT_WRITE) return TLS_WRITE;
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return RTLS_TLS_LOST;
#endif
  return how == SSL_ERROR_SSL ? RTLS_TLS_REJECTED : RTLS_TLS_LOST;
}

static long outcome(tls_stream *s, int n)
{
  if (n > 0) return n;
  n = SSL_get_error(s->ssl, n);
  return n == SSL_ERROR_WANT_READ ? TLS_READ : n == SSL_ERROR_WANT_WRITE ? TLS_WRITE : 0;
}

long tls_read(tls_stream *s, char *buf, size_t size)
{
  ERR_clear_error();
  return outcome(s, SSL_read(s->ssl, buf, (int) size));
}

long tls_write(tls_stream *s, const char *data, size_t len)
{
  ERR_clear_error();
  return outcome(s, SSL_write(s->ssl, data, (int) (len > 16384 ? 16384 : len)));
}

const char *tls_protocol(const tls_stream *s)
{
  return SSL_get_version(s->ssl);
}

const char *tls_cipher(const tls_stream *s)
{
  return SSL_get_cipher_name(s->ssl);
}

size_t tls_chain(tls_stream *s, rtls_bytes chain[MAX_CERTIFICATES])
{
  STACK_OF(X509) *certificates = SSL_session_reused(s->ssl) ? NULL : SSL_get_peer_cert_chain(s->ssl);
  int len, n = 0;
  for (; n < MAX_CERTIFICATES && n < sk_X509_num(certificates); n++) {
    OPENSSL_free(s->der[n]);
    s->der[n] = NULL;
    if ((len = i2d_X509(sk_X509_value(certificates, n), &s->der[n])) <= 0) break;
    chain[n].data = s->der[n];
    chain[n].len = (size_t) len;
  }
  return (size_t) n;
}

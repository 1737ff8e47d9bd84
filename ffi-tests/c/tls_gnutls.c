/* tls.h by GnuTLS. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gnutls/gnutls.h>
#include "tls.h"

/* What OpenSSL has as its default on this system. */
#define PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"

struct tls_client {
  gnutls_certificate_credentials_t credentials;
  const char *session_file;
};

struct tls_stream {
  gnutls_session_t session;
  const char *session_file;
  int up;
};

tls_client *tls_open(const char *session_file)
{
  tls_client *client = malloc(sizeof *client);
  if (client == NULL || gnutls_certificate_allocate_credentials(&client->credentials) != GNUTLS_E_SUCCESS) {
    free(client);
    return NULL;
  }
  client->session_file = session_file;
  return client;
}

void tls_close(tls_client *client)
{
  if (client != NULL) gnutls_certificate_free_credentials(client->credentials);
  free(client);
}

static void load_session(gnutls_session_t session, const char *file)
{
  char data[32768];
  FILE *f = fopen(file, "rb");
  size_t len = f != NULL ? fread(data, 1, sizeof data, f) : 0;
  if (f != NULL) fclose(f);
  if (len > 0) gnutls_session_set_data(session, data, len);
}

/* Not before the peer has said something behind its handshake: TLS 1.3 has no session until then. */
static void save_session(gnutls_session_t session, const char *file)
{
  gnutls_datum_t data;
  FILE *f;
  if (gnutls_session_get_data2(session, &data) != GNUTLS_E_SUCCESS) return;
  f = fopen(file, "wb");
  if (f != NULL) fwrite(data.data, 1, data.size, f);
  if (f != NULL) fclose(f);
  gnutls_free(data.data);
}

tls_stream *tls_new(tls_client *client, int fd, const char *sni)
{
  tls_stream *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  if (gnutls_init(&s->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) != GNUTLS_E_SUCCESS) {
    free(s);
    return NULL;
  }
  s->session_file = client->session_file;
  gnutls_transport_set_int(s->session, fd);
  gnutls_handshake_set_timeout(s->session, 0); /* the socket has one */
  if (gnutls_priority_set_direct(s->session, PRIORITIES, NULL) != GNUTLS_E_SUCCESS
      || gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, client->credentials) != GNUTLS_E_SUCCESS
      || (sni != NULL && gnutls_server_name_set(s->session, GNUTLS_NAME_DNS, sni, strlen(sni)) != GNUTLS_E_SUCCESS)) {
    tls_free(s);
    return NULL;
  }
  if (s->session_file != NULL) load_session(s->session, s->session_file);
  return s;
}

void tls_free(tls_stream *s)
{
  if (s == NULL) return;
  if (s->up && s->session_file != NULL) save_session(s->session, s->session_file);
  gnutls_deinit(s->session);
  free(s);
}

static int direction(const tls_stream *s)
{
  return gnutls_record_get_direction(s->session) ? TLS_WRITE : TLS_READ;
}

int tls_handshake(tls_stream *s)
{
  int n;
  do n = gnutls_handshake(s->session);
  while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_WARNING_ALERT_RECEIVED);
  switch (n) {
  case GNUTLS_E_SUCCESS:
    s->up = 1;
    return TLS_UP;
  case GNUTLS_E_AGAIN:
    return direction(s);
  case GNUTLS_E_PREMATURE_TERMINATION:
  case GNUTLS_E_PULL_ERROR:
  case GNUTLS_E_PUSH_ERROR:
  case GNUTLS_E_TIMEDOUT:
    return RTLS_TLS_LOST;
  default:
    return RTLS_TLS_REJECTED;
  }
}

long tls_read(tls_stream *s, char *buf, size_t size)
{
  ssize_t n;
  do {
    errno = 0;
    n = gnutls_record_recv(s->session, buf, size);
    /* A ticket of TLS 1.3 was read, and nothing else: that is GNUTLS_E_AGAIN as well. */
  } while (n == GNUTLS_E_INTERRUPTED || (n == GNUTLS_E_AGAIN && errno == 0));
  return n >= 0 ? (long) n : n == GNUTLS_E_AGAIN ? direction(s) : 0;
}

long tls_write(tls_stream *s, const char *data, size_t len)
{
  ssize_t n;
  do n = gnutls_record_send(s->session, data, len);
  while (n == GNUTLS_E_INTERRUPTED);
  return n >= 0 ? (long) n : n == GNUTLS_E_AGAIN ? direction(s) : 0;
}

const char *tls_protocol(const tls_stream *s)
{
  return gnutls_protocol_get_name(gnutls_protocol_get_version(s->session));
}

const char *tls_cipher(const tls_stream *s)
{
  return gnutls_ciphersuite_get(s->session);
}

size_t tls_chain(tls_stream *s, rtls_bytes chain[MAX_CERTIFICATES])
{
  unsigned i, n = 0;
  /* Of a resumed session GnuTLS has the certificates that were sent when it began: nobody has shown them now. */
  const gnutls_datum_t *sent = gnutls_session_is_resumed(s->session) ? NULL : gnutls_certificate_get_peers(s->session, &n);
  if (sent == NULL) return 0;
  for (i = 0; i < n && i < MAX_CERTIFICATES; i++) {
    chain[i].data = sent[i].data;
    chain[i].len = sent[i].size;
  }
  return i;
}

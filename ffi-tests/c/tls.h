/* What an SMTP client needs of a TLS library, whichever that is: tls_openssl.c or tls_gnutls.c is linked.
 *
 * The certificates are not checked here. That is what librequiretls does, with rtls_plan_peer.
 */
#ifndef TLS_H
#define TLS_H

#include <requiretls.h>

#define TLS_UP (-1)             /* the handshake is over */
#define TLS_READ (-2)           /* call again when the peer has sent something ... */
#define TLS_WRITE (-3)          /* ... or can take something: sockets that do not block, or a timeout of one that does */
#define MAX_CERTIFICATES 16

/* Settings for all connections. */
typedef struct tls_client tls_client;
/* TLS on one connection. */
typedef struct tls_stream tls_stream;

/* session_file: keep the TLS session of each connection there, and resume the one that is there; NULL: never. */
tls_client *tls_open(const char *session_file);
void tls_close(tls_client *);

/* sni: the server name to send, or NULL. NULL: no memory. */
tls_stream *tls_new(tls_client *, int fd, const char *sni);
void tls_free(tls_stream *);

/* TLS_UP, TLS_READ, TLS_WRITE; or how it failed, for rtls_plan_tls_failed: RTLS_TLS_LOST, RTLS_TLS_REJECTED. */
int tls_handshake(tls_stream *);

/* Octets; 0: the connection is closed or lost; TLS_READ, TLS_WRITE. */
long tls_read(tls_stream *, char *buf, size_t size);
long tls_write(tls_stream *, const char *data, size_t len);

/* As rtls_plan_tls wants them. */
const char *tls_protocol(const tls_stream *);
const char *tls_cipher(const tls_stream *);

/* The certificates as the peer sent them, for rtls_plan_peer; they live as long as the stream. How many; 0 also for a
   session that was resumed, on which the peer has sent none. */
size_t tls_chain(tls_stream *, rtls_bytes chain[MAX_CERTIFICATES]);

#endif

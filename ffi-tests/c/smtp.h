/* One SMTP connection, with or without TLS, for a client that waits for each reply. */
#ifndef SMTP_H
#define SMTP_H

#include <stddef.h>
#include "tls.h"

#define REPLY_SIZE 8192
#define ADDRESS_SIZE 46

/* One connection, and the last reply on it. */
struct smtp {
  int fd, code, greeting;               /* greeting: its code where that was a refusal, else 0 */
  tls_stream *tls;
  size_t have, at;                      /* read from the peer, and not yet looked at */
  char in[4096], reply[REPLY_SIZE];     /* reply: all lines, as received */
  char address[ADDRESS_SIZE], local[ADDRESS_SIZE];
};

/* patience: how long to wait for each step, in milliseconds. 0: no connection. */
int smtp_connect(struct smtp *, const char *address, const char *port, unsigned patience);

/* Reads one reply, of several lines perhaps. Returns its code; 0: connection lost, or that was no SMTP. */
int smtp_reply(struct smtp *);

/* Sends a line in three parts and reads the reply. */
int smtp_command(struct smtp *, const char *verb, const char *argument, const char *parameters);

/* EHLO, or HELO where that is all the peer knows; then nothing was offered, and the reply is empty. */
int smtp_hello(struct smtp *);

/* The handshake, after STARTTLS was answered 220. TLS_UP; else how it failed. */
int smtp_handshake(struct smtp *, tls_client *, const char *sni);

/* Sends the message: lines end with CRLF, a dot at their start is doubled. 0: the connection was lost. */
int smtp_body(struct smtp *, const char *body);

/* In good order, or at once. */
void smtp_quit(struct smtp *);
void smtp_close(struct smtp *);

#endif

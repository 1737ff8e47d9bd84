/* The second question: may this message go to that host, and how? All hosts of one next hop, one after the other. */
#ifndef DELIVER_H
#define DELIVER_H

#include "smtp.h"

struct options {
  const char *config, *port, *hosts, *next_hop, *tag, *recipient, *session_file;
  unsigned patience, look_up, flags;    /* patience, look_up: milliseconds */
  int verbose;
};

/* A message on its way: its envelope, its tag and where routing sends it. */
struct message {
  const char *path, *tag, *next_hop, *hosts;
  const char *body;
};

/* An open connection that a further message may ride on, and what it has proved. host: "" when there is none. */
struct kept {
  struct smtp c;
  char host[RTLS_HOST_SIZE], session[RTLS_SESSION_SIZE];
};

/* Delivers one message, or says what becomes of it. The connection it went over is kept in k. Returns the exit status. */
int deliver(const rtls_ctx *, tls_client *, const struct message *, struct kept *k, const struct options *);

/* The last line of all: what became of the message, and why. Returns the exit status. */
int report(const char *what, int status, int code, const char *enhanced, const char *host, const char *text);

#endif

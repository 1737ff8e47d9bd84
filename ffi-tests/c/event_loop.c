/* A server with an event loop: one thread, poll(), as many deliveries at once as there are.
 *
 *   event_loop [-c config] [-w workers] < list           list: lines "user@next-hop port tag", tag "-" for an untagged message
 *
 * Only rtls_plan_lookup waits, so a few worker threads make that call and hand the plan back (lookups.c). Every other call is made
 * between two events, with what an event has brought: a reply, the end of a handshake, a closed connection. For each message
 * a line on standard output says what became of it; the last line tells how many connections were open at once.
 */
#define _POSIX_C_SOURCE 200112L
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "lookups.h"
#include "smtp.h"

#define MAX_DELIVERIES 1000
#define PATIENCE 30             /* seconds, with each step */

/* What is awaited. */
enum state { LOOKED_UP, CONNECTED, BANNER, EHLO, HELO, STARTTLS, HANDSHAKE, EHLO_IN_TLS, MAIL, RSET, RCPT, DATA, DOT, OVER };

struct delivery {
  char recipient[RTLS_HOST_SIZE], port[8], tag[RTLS_TAG_SIZE];
  rtls_plan *plan;
  struct lookup lookup;
  enum state state;
  char host[RTLS_HOST_SIZE], address[ADDRESS_SIZE];
  size_t nth;                   /* which of the host's addresses that is */
  int fd;
  tls_stream *tls;
  short events;                 /* what poll() has to look out for */
  time_t until;
  char in[REPLY_SIZE], out[1024];
  size_t have, at, left;        /* in: so much was read; out: so much is to be sent, from at on */
  int code;                     /* what the server says of the message, where the library leaves it to us */
};

static tls_client *tls;
static int connections, most_connections, going;

/* ---- One delivery --------------------------------------------------------------------------------------------------- */

static void next_host(struct delivery *d);
static void handshake(struct delivery *d);

static void disconnect(struct delivery *d)
{
  if (d->fd < 0) return;
  tls_free(d->tls);
  close(d->fd);
  d->tls = NULL;
  d->fd = -1;
  d->have = d->at = d->left = 0;
  connections--;
}

static void await(struct delivery *d, enum state state, short events)
{
  d->state = state;
  d->events = events;
  d->until = time(NULL) + PATIENCE;
}

/* Sends a command, whose reply is then awaited. */
static void command(struct delivery *d, enum state state, const char *verb, const char *argument, const char *parameters)
{
  d->have = d->at = 0;
  sprintf(d->out, "%.20s%.500s%.100s\r\n", verb, argument, parameters);
  d->left = strlen(d->out);
  await(d, state, POLLOUT);
}

static void over(struct delivery *d)
{
  rtls_reply reply;
  int verdict = rtls_plan_verdict(d->plan, &reply);
  const char *what = verdict == RTLS_BOUNCE ? "bounce" : verdict != RTLS_GO ? "defer"
                   : d->code / 100 == 2 ? "go" : d->code / 100 == 5 ? "bounce" : "defer";
  printf("%s %s %s %d\n", d->recipient, d->tag[0] != '\0' ? d->tag : "-", what, verdict == RTLS_GO ? d->code : reply.code);
  disconnect(d);
  rtls_plan_free(d->plan);
  d->plan = NULL;
  d->state = OVER;
  going--;
}

/* This host is over; code as for rtls_plan_done. */
static void leave(struct delivery *d, int code)
{
  int settled = rtls_plan_done(d->plan, code, d->address, NULL) == RTLS_GO;
  if (code != 0) d->code = code;
  if (d->fd >= 0 && d->state != HANDSHAKE) {    /* in good order where that is possible without waiting */
    if (d->tls != NULL) tls_write(d->tls, "QUIT\r\n", 6);
    else if (write(d->fd, "QUIT\r\n", 6) < 0) disconnect(d);
  }
  disconnect(d);
  if (settled) over(d);
  else next_host(d);
}

/* To the current host, at its current address. */
static void reconnect(struct delivery *d)
{
  struct addrinfo hints, *ai;
  disconnect(d);
  memset(&hints, 0, sizeof hints);
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(d->address, d->port, &hints, &ai) == 0) {
    d->fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
    if (d->fd >= 0) {
      if (++connections > most_connections) most_connections = connections;
      fcntl(d->fd, F_SETFL, O_NONBLOCK);
      if (connect(d->fd, ai->ai_addr, ai->ai_addrlen) != 0 && errno != EINPROGRESS) disconnect(d);
    }
    freeaddrinfo(ai);
  }
  if (d->fd >= 0) await(d, CONNECTED, POLLOUT);
  else leave(d, 0);
}

static void next_host(struct delivery *d)
{
  char host[RTLS_HOST_SIZE];
  const char *address;
  if (rtls_plan_next(d->plan, host, sizeof host) != RTLS_GO) {
    over(d);
    return;
  }
  d->nth = strcmp(host, d->host) == 0 ? d->nth + 1 : 0;
  strcpy(d->host, host);
  address = rtls_plan_get(d->plan, RTLS_GET_ADDRESS, d->nth);
  sprintf(d->address, "%.*s", ADDRESS_SIZE - 1, address != NULL ? address : "");
  reconnect(d);
}

static void tls_failed(struct delivery *d, int how)
{
  int gone = d->tls != NULL || how < 100;       /* else that was a reply to STARTTLS, and the connection is as before */
  if (rtls_plan_tls_failed(d->plan, how, NULL) != RTLS_GO) leave(d, 0);
  else if (gone) reconnect(d);
  else command(d, EHLO, "EHLO ", "sender.test", "");
}

static void mail_from(struct delivery *d)
{
  char parameters[RTLS_PARAMS_SIZE];
  if (rtls_plan_mail_params(d->plan, parameters, sizeof parameters) != RTLS_GO) leave(d, 0);
  else command(d, MAIL, "MAIL FROM:", "<ann@client.test>", parameters);
}

/* EHLO was answered 2yz; an empty text: HELO was. */
static void greeted(struct delivery *d, const char *reply)
{
  switch (rtls_plan_ehlo(d->plan, reply, RTLS_NUL)) {
  case RTLS_STARTTLS: command(d, STARTTLS, "STARTTLS", "", ""); break;
  case RTLS_GO: mail_from(d); break;
  default: leave(d, 0);
  }
}

/* A whole reply has come; it is d->in. */
static void on_reply(struct delivery *d, int code)
{
  int good = code / 100 == 2, action;
  switch (d->state) {
  case BANNER:
    if (good) command(d, EHLO, "EHLO ", "sender.test", "");
    else leave(d, code);
    break;
  case EHLO:
    if (good) greeted(d, d->in);
    else if (code / 100 == 5) command(d, HELO, "HELO ", "sender.test", "");
    else leave(d, 0);
    break;
  case HELO:
    if (good) greeted(d, "");
    else leave(d, 0);
    break;
  case STARTTLS:
    if (code != 220) tls_failed(d, code);
    else handshake(d);
    break;
  case EHLO_IN_TLS:
    if (good) greeted(d, d->in);
    else tls_failed(d, code);
    break;
  case MAIL:
    action = rtls_plan_mail_reply(d->plan, code, d->in);
    if (action == RTLS_AGAIN) command(d, RSET, "RSET", "", "");
    else if (action == RTLS_GO && good) command(d, RCPT, "RCPT TO:<", d->recipient, ">");
    else leave(d, code);
    break;
  case RSET:
    if (good) mail_from(d);
    else leave(d, 0);
    break;
  case RCPT:
    if (code == 530) rtls_plan_mail_reply(d->plan, code, d->in);
    if (good) command(d, DATA, "DATA", "", "");
    else leave(d, code);
    break;
  case DATA:
    if (code == 354) command(d, DOT, "Subject: a test\r\n\r\n", "One line.\r\n", ".");
    else leave(d, code);
    break;
  default:                      /* DOT */
    leave(d, code);
  }
}

/* ---- Events ---------------------------------------------------------------------------------------------------------- */

static void handshake(struct delivery *d)
{
  rtls_bytes chain[MAX_CERTIFICATES];
  int how;
  if (d->tls == NULL) {
    await(d, HANDSHAKE, POLLIN);
    d->have = 0;
    if ((d->tls = tls_new(tls, d->fd, rtls_plan_get(d->plan, RTLS_GET_SNI, 0))) == NULL) {
      tls_failed(d, RTLS_TLS_LOST);
      return;
    }
  }
  how = tls_handshake(d->tls);
  if (how == TLS_READ) d->events = POLLIN;
  else if (how == TLS_WRITE) d->events = POLLOUT;
  else if (how != TLS_UP) tls_failed(d, how);
  else if (rtls_plan_tls(d->plan, tls_protocol(d->tls), tls_cipher(d->tls)) != RTLS_GO
           || rtls_plan_peer(d->plan, chain, tls_chain(d->tls, chain)) != RTLS_GO) leave(d, 0);
  else command(d, EHLO_IN_TLS, "EHLO ", "sender.test", "");
}

/* The connection is lost, or was never made. */
static void lost(struct delivery *d)
{
  if (d->state == HANDSHAKE || d->state == STARTTLS || d->state == EHLO_IN_TLS) tls_failed(d, RTLS_TLS_LOST);
  else leave(d, 0);
}

static void on_writable(struct delivery *d)
{
  long n = d->tls != NULL ? tls_write(d->tls, d->out + d->at, d->left) : (long) write(d->fd, d->out + d->at, d->left);
  if (n > 0) {
    d->at += (size_t) n;
    d->left -= (size_t) n;
    if (d->left == 0) d->events = POLLIN;
  }
  else if (n == TLS_READ) d->events = POLLIN;
  else if (n != TLS_WRITE && !(d->tls == NULL && n < 0 && errno == EAGAIN)) lost(d);
}

/* Code of the reply in d->in, once all its lines have come; 0: not yet. -1: that is no SMTP. */
static int whole_reply(struct delivery *d)
{
  const char *line = d->in, *end;
  int i;
  d->in[d->have] = '\0';
  for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    for (i = 0; i < 3; i++) if (line[i] < '0' || line[i] > '9') return -1;
    if (line[3] == '-') continue;
    if (end[1] != '\0') return -1;      /* more than was asked for (RFC 3207 section 4.2) */
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  }
  return d->have + 1 < sizeof d->in ? 0 : -1;
}

static void on_readable(struct delivery *d)
{
  size_t room = sizeof d->in - 1 - d->have;
  long n = d->tls != NULL ? tls_read(d->tls, d->in + d->have, room) : (long) read(d->fd, d->in + d->have, room);
  int code;
  if (n == TLS_READ || n == TLS_WRITE) d->events = n == TLS_READ ? POLLIN : POLLOUT;
  else if (n <= 0) {
    if (n == 0 || errno != EAGAIN) lost(d);
  } else {
    d->have += (size_t) n;
    if ((code = whole_reply(d)) > 0) on_reply(d, code);
    else if (code < 0) {
      if (d->state == STARTTLS) tls_failed(d, RTLS_TLS_REJECTED);
      else leave(d, 0);
    }
  }
}

static void on_event(struct delivery *d)
{
  if (d->state == HANDSHAKE) handshake(d);
  else if (d->state == CONNECTED) {
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) leave(d, 0);
    else await(d, BANNER, POLLIN);
  }
  else if (d->left > 0) on_writable(d);
  else on_readable(d);
}

/* Takes back the plans that the workers have looked up. */
static void on_looked_up(void)
{
  struct lookup *l = lookups_take(), *rest;
  struct delivery *d;
  for (; l != NULL; l = rest) {
    rest = l->next;
    d = l->whose;
    if (l->answer == RTLS_GO) next_host(d);
    else over(d);
  }
}

static void loop(struct delivery *all, int count, int looked_up)
{
  static struct pollfd fds[MAX_DELIVERIES + 1];
  static struct delivery *whose[MAX_DELIVERIES + 1];
  nfds_t n, i;
  int k;

  while (going > 0) {
    fds[0].fd = looked_up;
    fds[0].events = POLLIN;
    n = 1;
    for (k = 0; k < count; k++)
      if (all[k].fd >= 0) {
        fds[n].fd = all[k].fd;
        fds[n].events = all[k].events;
        whose[n++] = &all[k];
      }
    if (poll(fds, n, 1000) < 0 && errno != EINTR) return;
    for (i = 1; i < n; i++) {
      if (fds[i].revents != 0) on_event(whose[i]);
      else if (time(NULL) > whose[i]->until) lost(whose[i]);
    }
    if (fds[0].revents != 0) on_looked_up();
  }
}

/* ---- The program ----------------------------------------------------------------------------------------------------- */

/* Reads the list; for each of its lines a plan goes to the workers. */
static int begin(const rtls_ctx *ctx, struct delivery *all)
{
  char line[512];
  const char *at;
  struct delivery *d;
  int count = 0;
  while (count < MAX_DELIVERIES && fgets(line, sizeof line, stdin) != NULL) {
    d = &all[count];
    if (sscanf(line, "%255s %7s %64s", d->recipient, d->port, d->tag) != 3) continue;
    if (strcmp(d->tag, "-") == 0) d->tag[0] = '\0';
    at = strrchr(d->recipient, '@');
    d->fd = -1;
    d->code = 451;
    d->plan = rtls_plan_new(ctx, at != NULL ? at + 1 : "", (unsigned) strtoul(d->port, NULL, 10), d->tag, 0);
    d->lookup.plan = d->plan;
    d->lookup.whose = d;
    going++;
    lookups_ask(&d->lookup);
    count++;
  }
  return count;
}

int main(int argc, char **argv)
{
  static struct delivery all[MAX_DELIVERIES];
  const char *config = NULL;
  char err[512];
  int option, count, looked_up, workers = 4;
  rtls_ctx *ctx;

  while ((option = getopt(argc, argv, "c:w:")) != -1)
    if (option == 'c') config = optarg;
    else if (option == 'w') workers = atoi(optarg);
    else return 64;
  signal(SIGPIPE, SIG_IGN);
  if (rtls_open(&ctx, config, err, sizeof err) != RTLS_GO) {
    fprintf(stderr, "event_loop: %s\n", err);
    return 78;
  }
  if ((tls = tls_open(NULL)) == NULL || (looked_up = lookups_start(workers)) < 0) return 71;
  count = begin(ctx, all);
  loop(all, count, looked_up);
  lookups_stop();
  printf("messages=%d connections_at_once=%d\n", count, most_connections);
  tls_close(tls);
  rtls_close(ctx);
  return 0;
}
